// Pictures from outside as the network wants them. None leaves the browser.

import { stack } from "./planes.js";

/** @typedef {import("./planes.js").Planes} Planes */

const MOST_PIXELS = 100e6; // decoded, they take four bytes each

/**
 * A picture as the network wants it: the short side fitted, the long side cropped.
 * @param {Blob} blob
 * @param {number} size in pixels
 * @returns {Promise<Planes>} values in [0, 1]
 */
export async function decode(blob, size) {
  const { naturalWidth, naturalHeight } = await measure(blob);
  if (naturalWidth * naturalHeight > MOST_PIXELS) {
    throw new Error(`This picture is too large (${naturalWidth} × ${naturalHeight} pixels): try a smaller copy.`);
  }
  const bitmap = await createImageBitmap(blob).catch(refuse);
  return crop(bitmap, bitmap.width, bitmap.height, size);
}

// Reads the picture's head alone.
async function measure(blob) {
  const image = new Image();
  const loaded = new Promise((resolve, reject) => Object.assign(image, { onload: resolve, onerror: reject }));
  image.src = URL.createObjectURL(blob);
  await loaded.catch(refuse).finally(() => URL.revokeObjectURL(image.src));
  return image;
}

function refuse() {
  throw new Error("This file is no picture that the browser can open: try a JPEG, PNG or WebP file.");
}

/**
 * The middle square of a source, resized.
 * @param {CanvasImageSource} source
 * @returns {Planes}
 */
export function crop(source, width, height, size) {
  const side = Math.min(width, height);
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // behind transparent parts
  context.fillRect(0, 0, size, size);
  context.drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, size, size);
  return fromPixels(context.getImageData(0, 0, size, size));
}

// Floats of 8-bit pixels.
function fromPixels({ data, width, height }) {
  const picture = stack(3, height, width);
  const places = width * height;
  for (let i = 0; i < places; i += 1) {
    for (let c = 0; c < 3; c += 1) picture.data[c * places + i] = data[4 * i + c] / 255;
  }
  return picture;
}

/** The first picture among files or clipboard items, or null. @param {DataTransfer} transfer */
export function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}
