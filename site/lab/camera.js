// One picture of the visitor's camera.

import { element } from "./dom.js";
import { crop } from "./pictures.js";

/** Whether the page may ask for a camera. */
export function hasCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/**
 * Ask for one picture, in a dialog.
 * @param {HTMLElement} parent
 * @param {number} size
 * @returns {Promise<import("./planes.js").Planes|null>} null when the visitor closes it
 */
export async function photograph(parent, size) {
  const stream = await openCamera();
  const video = element("video", { autoplay: true, muted: true, playsInline: true, srcObject: stream });
  const dialog = cameraDialog(video);
  parent.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  const picture = dialog.returnValue ? crop(video, video.videoWidth, video.videoHeight, size) : null;
  stream.getTracks().forEach((track) => track.stop());
  dialog.remove();
  return picture;
}

async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    throw new Error("The camera cannot be used: allow it for this page, or choose a file.");
  }
}

function cameraDialog(video) {
  const button = (label, answer, rest) =>
    element("button", { type: "button", onclick: () => dialog.close(answer), ...rest }, label);
  const take = button("Take the picture", "take", { class: "lab-primary", disabled: true });
  video.addEventListener("loadeddata", () => (take.disabled = false));
  const buttons = element("div", { class: "lab-row" }, take, button("Cancel", ""));
  const dialog = element("dialog", { class: "lab-dialog", "aria-label": "Camera" }, video, buttons);
  return dialog; // closed with Escape, it returns nothing
}
