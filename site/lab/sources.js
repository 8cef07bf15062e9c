// Pictures to begin with, each at the size that a network wants: {photo, title, at(size)}.

import { decode } from "./pictures.js";
import { resize } from "./planes.js";

/** @typedef {{photo: string|null, title: string, at: (size: number) => Promise<Planes>}} Source */

/** A photograph of the course. @returns {Promise<Source>} */
export async function coursePhoto({ name, shows }, base) {
  const response = await fetch(new URL(`photos/${name}.webp`, base)).catch(() => null);
  if (!response?.ok) throw new Error("The photograph could not be loaded: check the connection.");
  const blob = await response.blob();
  return { photo: name, title: shows, at: (size) => decode(blob, size) };
}

/** A visitor's file. @param {Blob} file @returns {Source} */
export function ownFile(file) {
  return { photo: null, title: "Your picture", at: (size) => decode(file, size) };
}

/** A picture that is there already. @param {Planes} picture @returns {Source} */
export function readyPicture(picture, title) {
  const at = async (size) => (picture.height === size ? picture : resize(picture, size, size));
  return { photo: null, title, at };
}
