// Heat maps in the course's colours; see course_lib/heat_colours.py.

/** @typedef {import("./planes.js").Planes} Planes */

/** The map divided by a percentile of its values and cut off at 1. @returns {Float32Array} */
export function normalise(values, percentile) {
  const sorted = Float32Array.from(values).sort();
  const place = ((sorted.length - 1) * percentile) / 100;
  const low = sorted[Math.floor(place)];
  const limit = low + (place % 1) * ((sorted[Math.ceil(place)] ?? low) - low) || sorted.at(-1) || 1;
  return values.map((value) => Math.min(1, value / limit));
}

/** Colours of a normalised map. @param {number[][]} table 256 colours @returns {ImageData} */
export function colours(map, table) {
  return fill(map, (i) => table[Math.min(255, Math.floor(256 * map.data[i]))]);
}

/** The colours laid over the grey picture, the stronger the denser. @returns {ImageData} */
export function over(picture, map, table) {
  const image = colours(map, table);
  const { data } = image; // asked for once: the browser makes it anew each time
  map.data.forEach((value, i) => {
    const density = 0.9 * value ** 0.7;
    const base = (1 - density) * lightness(picture, i);
    for (let at = 4 * i; at < 4 * i + 3; at += 1) data[at] = Math.round(base + density * data[at]);
  });
  return image;
}

// Of the grey ground at one place: lighter than the picture, so that dark colours show.
function lightness({ data }, i) {
  const places = data.length / 3;
  const grey = 0.299 * data[i] + 0.587 * data[places + i] + 0.114 * data[2 * places + i];
  return 255 * (0.25 + 0.6 * grey);
}

/** Floats in [0, 1] as pixels of 8 bits. @param {Planes} picture @returns {ImageData} */
export function pixels(picture) {
  const { data } = picture;
  const places = data.length / 3;
  return fill(picture, (i) => [255 * data[i], 255 * data[places + i], 255 * data[2 * places + i]]);
}

// Uint8ClampedArray rounds.
function fill({ width, height }, colourAt) {
  const image = new ImageData(width, height);
  const { data } = image;
  for (let i = 0; i < width * height; i += 1) {
    [data[4 * i], data[4 * i + 1], data[4 * i + 2]] = colourAt(i);
    data[4 * i + 3] = 255;
  }
  return image;
}

/** 0.5 + factor times the change. @returns {{image: ImageData, factor: number}} */
export function change(picture, original) {
  const difference = picture.data.map((value, i) => value - original.data[i]);
  const largest = difference.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const factor = largest ? Math.max(1, Math.floor(0.5 / largest)) : 1;
  return { image: pixels({ ...picture, data: difference.map((value) => 0.5 + factor * value) }), factor };
}
