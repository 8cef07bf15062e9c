// What a static page lacks: widgets once they are needed, and names that screen readers can say.
"use strict";

const ENGINE = new URL("../vendor/widgets/engine", document.currentScript.src);
const IN_VIEW = "0px 0px -30% 0px"; // more of a widget than its first line, before the reader scrolls
const NEAR = "600px 0px"; // so far from the window of one who scrolls a widget is made, to be there in time

function load(tag, attributes) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.onload = resolve;
    element.onerror = () => reject(new Error(`Could not load ${element.src ?? element.href}`));
    document.head.append(element);
  });
}

let engine;

function loadEngine() {
  engine ??= Promise.all([
    load("script", { src: `${ENGINE}.js` }),
    load("link", { rel: "stylesheet", href: `${ENGINE}.css` }),
  ]);
  return engine;
}

// The preview stays until the widget is complete, so that nothing moves.
async function showWidget(preview) {
  const place = document.createElement("div");
  place.className = "widget-subarea";
  place.hidden = true;
  preview.after(place);
  try {
    await loadEngine();
    await courseWidgets.show(preview.dataset.widget, place);
  } catch (error) {
    preview.append("The buttons and sliders could not be loaded. Reload the page to try again.");
    throw error;
  }
  nameControls(place);
  place.hidden = false;
  preview.remove();
}

function showNearWidgets() {
  const waiting = new Set(document.querySelectorAll(".widget-preview"));
  const show = (preview) => waiting.delete(preview) && showWidget(preview);
  const showWithin = (rootMargin) => {
    const showSeen = (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => show(target));
    const observer = new IntersectionObserver(showSeen, { rootMargin });
    waiting.forEach((preview) => observer.observe(preview));
  };
  window.addEventListener("load", () => showWithin(IN_VIEW));
  document.addEventListener("pointerover", ({ target }) => show(target.closest(".widget-preview")));
  window.addEventListener("scroll", () => showWithin(NEAR), { once: true, passive: true });
  // The Tab key must not jump over a widget that is still a preview.
  document.addEventListener("keydown", ({ key }) => key === "Tab" && waiting.forEach(show));
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

// A formula wider than the window is scrolled, also with the keyboard.
function reachWideFormulas() {
  document.querySelectorAll(".katex-display").forEach((formula) => {
    if (formula.scrollWidth <= formula.clientWidth) return;
    Object.assign(formula, { tabIndex: 0, role: "group", ariaLabel: "Formula" });
  });
}

// The theme's sidebar is no landmark, so that its title stands outside of all.
function nameSidebar() {
  const sidebar = document.querySelector("#pst-primary-sidebar");
  sidebar?.setAttribute("role", "region");
  sidebar?.setAttribute("aria-label", "The course");
}

// On paper the page is light: browsers leave the dark background away, and the light type stays.
function printInLight() {
  const page = document.documentElement.dataset;
  let theme;
  window.addEventListener("beforeprint", () => ([theme, page.theme] = [page.theme, "light"]));
  window.addEventListener("afterprint", () => (page.theme = theme));
}

// docutils calls a bibliography a list, and its entries by a role that is out of use.
function mendBibliography() {
  document.querySelectorAll(".citation-list, .citation").forEach((element) => element.removeAttribute("role"));
}

// Pages that embed the gradient lab, and only these, load it: see site/lab/lab.js.
function openLab() {
  if (document.querySelector(".gradient-lab")) import("../lab/lab.js");
}

window.addEventListener("load", () => {
  nameCopyButtons();
  reachWideFormulas();
});
printInLight();
nameSidebar();
mendBibliography();
watchWidgets();
showNearWidgets();
openLab();
