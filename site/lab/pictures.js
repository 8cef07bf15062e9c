// Where pictures come from: a file, the clipboard, the camera, or the course. None leaves the browser.

import { stack } from "./planes.js";
import { element } from "./dom.js";

/** @typedef {import("./planes.js").Planes} Planes */

/**
 * A picture as the network wants it: the short side fitted, the long side cropped.
 * @param {Blob} blob
 * @param {number} size in pixels
 * @returns {Promise<Planes>} values in [0, 1]
 */
export async function decode(blob, size) {
  const bitmap = await createImageBitmap(blob).catch(() => null);
  if (!bitmap) throw new Error("This file is no picture that the browser can open: try a JPEG, PNG or WebP file.");
  return crop(bitmap, bitmap.width, bitmap.height, size);
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

/** Floats of 8-bit pixels. @param {ImageData} image @returns {Planes} */
export function fromPixels({ data, width, height }) {
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

/** Whether the page may ask for a camera. */
export function hasCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/**
 * Ask for one picture of the camera, in a dialog.
 * @param {HTMLElement} parent
 * @param {number} size
 * @returns {Promise<Planes|null>} null when the visitor closes it
 */
export async function photograph(parent, size) {
  const stream = await navigator.mediaDevices
    .getUserMedia({ video: { facingMode: "environment" } })
    .catch(() => null);
  if (!stream) throw new Error("The camera cannot be used: allow it for this page, or choose a file.");
  const video = element("video", { autoplay: true, muted: true, playsInline: true, srcObject: stream });
  const close = (value) => dialog.close(value);
  const dialog = element("dialog", { class: "lab-dialog", "aria-label": "Camera" }, video,
    element("div", { class: "lab-row" },
      element("button", { type: "button", class: "lab-primary", onclick: () => close("take") }, "Take the picture"),
      element("button", { type: "button", onclick: () => close("") }, "Cancel")));
  parent.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  const taken = dialog.returnValue === "take" && video.videoWidth;
  const picture = taken ? crop(video, video.videoWidth, video.videoHeight, size) : null;
  stream.getTracks().forEach((track) => track.stop());
  dialog.remove();
  return picture;
}
