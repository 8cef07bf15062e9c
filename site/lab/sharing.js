// What visitors take along: a picture as a file, an experiment as a link.

import { element } from "./dom.js";

/** Save a canvas as a PNG file. @param {string[]} words of its name */
export async function savePicture(canvas, words) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const href = URL.createObjectURL(blob);
  element("a", { href, download: `${words.join("-").replaceAll(" ", "_")}.png` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

/** Put a link on the clipboard. @returns {Promise<string>} what to tell the visitor */
export async function copyLink(link) {
  const copied = await navigator.clipboard?.writeText(link.href).then(() => true, () => false);
  return copied ? "The link is copied." : `The link: ${link.href}`;
}
