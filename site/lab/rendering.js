// How a frame is shown: heat over the picture or alone, a picture, or a magnified change.

import { change, colours, normalise, over, pixels } from "./colours.js";

/** Names of the ways, for the visitor. */
export const VIEWS = { over: "Overlay", map: "Map", picture: "Picture", change: "Change" };

/**
 * @param {{map?: Planes, picture?: Planes}} frame
 * @param {Planes} image the picture that the run began with
 * @param {string} view one of VIEWS
 * @param {{percentile: number, table: number[][]}} scale of heat maps
 * @returns {{drawn: ImageData, note: string}} note: what the colours mean
 */
export function render(frame, image, view, scale) {
  if (frame.map) return renderHeat(frame.map, image, view, scale);
  if (view !== "change") return { drawn: pixels(frame.picture), note: "" };
  const { image: drawn, factor } = change(frame.picture, image);
  return { drawn, note: `The change, ×\u00a0${factor}; grey is none.` };
}

function renderHeat(heat, image, view, { percentile, table }) {
  const map = { ...heat, data: normalise(heat.data, percentile) };
  const drawn = view === "map" ? colours(map, table) : over(image, map, table);
  const end = percentile === 100 ? "the map’s largest value" : `percentile ${percentile} of the map`;
  return { drawn, note: `The colours run from 0 to ${end}.` };
}
