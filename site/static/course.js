// What a static page lacks: typeset labels of widgets, and names that screen readers can say.
"use strict";

// Jupyter's widgets call MathJax as it was in version 2.
function acceptVersionTwoCalls() {
  if (!window.MathJax?.typesetPromise) return;
  const queue = ([, , element]) => MathJax.startup.promise.then(() => MathJax.typesetPromise([element]));
  MathJax.Hub = { Queue: queue };
}

const BUTTON_NAMES = { "fa-play": "Play", "fa-pause": "Pause", "fa-stop": "Stop", "fa-retweet": "Repeat" };
let labels = 0;

function nameSlider(handle) {
  const label = handle.closest(".widget-slider")?.querySelector(".widget-label");
  if (label?.textContent.trim()) {
    label.id ||= `widget-label-${(labels += 1)}`;
    handle.setAttribute("aria-labelledby", label.id);
  } else {
    handle.setAttribute("aria-label", "Frame");
  }
}

function nameButton(button) {
  const icon = Object.keys(BUTTON_NAMES).find((name) => button.querySelector(`.${name}`));
  if (icon) button.setAttribute("aria-label", BUTTON_NAMES[icon]);
}

function nameControls(root) {
  root.querySelectorAll("[role=slider]:not([aria-label], [aria-labelledby])").forEach(nameSlider);
  root.querySelectorAll(".widget-play button").forEach(nameButton);
  root.querySelectorAll("[title=null]").forEach((element) => element.removeAttribute("title"));
  // A second stop of the Tab key beside each slider, without a name.
  root.querySelectorAll("[contenteditable=true]").forEach((readout) => (readout.contentEditable = "false"));
}

// Widgets appear after the page has loaded, and Play changes its icon.
function watchWidgets() {
  const options = { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] };
  document.querySelectorAll("div.cell_output").forEach((output) => {
    new MutationObserver(() => nameControls(output)).observe(output, options);
  });
}

// The buttons that copy a cell have a tooltip alone.
function nameCopyButtons() {
  document.querySelectorAll("button.copybtn").forEach((button) => {
    button.setAttribute("aria-label", button.dataset.tooltip);
  });
}

// docutils calls a bibliography a list, but not its entries list items.
function mendBibliography() {
  document.querySelectorAll(".citation-list").forEach((list) => list.removeAttribute("role"));
}

// Pages that embed the gradient lab, and only these, load it: see site/lab/lab.js.
function openLab() {
  if (document.querySelector(".gradient-lab")) import("../lab/lab.js");
}

window.addEventListener("load", () => {
  nameCopyButtons();
  mendBibliography();
});
document.addEventListener("DOMContentLoaded", () => {
  acceptVersionTwoCalls();
  watchWidgets();
  openLab();
});
