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
  const image = new ImageData(map.width, map.height);
  map.data.forEach((value, i) => {
    image.data.set(table[Math.min(255, Math.floor(256 * value))], 4 * i);
    image.data[4 * i + 3] = 255;
  });
  return image;
}

/** The colours laid over the grey picture, the stronger the denser. @returns {ImageData} */
export function over(picture, map, table) {
  const image = colours(map, table);
  const places = map.data.length;
  map.data.forEach((value, i) => {
    const [red, green, blue] = [0, 1, 2].map((c) => 255 * picture.data[c * places + i]);
    const base = 0.25 * 255 + 0.6 * (0.299 * red + 0.587 * green + 0.114 * blue);
    const density = 0.9 * value ** 0.7;
    for (let c = 0; c < 3; c += 1) {
      image.data[4 * i + c] = Math.round((1 - density) * base + density * image.data[4 * i + c]);
    }
  });
  return image;
}

/** Floats in [0, 1] as pixels of 8 bits. @param {Planes} picture @returns {ImageData} */
export function pixels(picture) {
  const image = new ImageData(picture.width, picture.height);
  const places = picture.width * picture.height;
  for (let i = 0; i < places; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = Math.round(255 * picture.data[c * places + i]);
    image.data[4 * i + 3] = 255;
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
