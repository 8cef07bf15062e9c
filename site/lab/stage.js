// The pictures side by side: what goes in, what comes out, what was kept.

import { draw, element, freshId, pill } from "./dom.js";
import { VIEWS } from "./rendering.js";

export class Stage {
  constructor() {
    this.picture = figure("Picture");
    this.result = figure("Result");
    this.kept = figure("Kept for comparison");
    this.kept.node.hidden = true;
    this.views = element("div", { class: "lab-pills", role: "radiogroup", "aria-label": "Show the result as" });
    this.result.node.append(this.views);
    const nodes = [this.picture, this.result, this.kept].map(({ node }) => node);
    this.node = element("div", { class: "lab-stage" }, nodes);
  }

  /** Offer ways to show the result; `view` is the one that is chosen. */
  offerViews(names, onChange) {
    const group = freshId();
    const choose = (name) => {
      this.view = name;
      onChange();
    };
    this.view = names[0];
    const pills = names.map((name) => pill(group, name, VIEWS[name], name === this.view, () => choose(name)));
    this.views.replaceChildren(...pills);
    this.views.hidden = names.length < 2;
  }

  showPicture(image, title) {
    fill(this.picture, image, title);
  }

  showResult(image, caption) {
    fill(this.result, image, caption);
    this.result.node.classList.remove("lab-empty");
  }

  /** @param {boolean} usesPicture whether the technique begins with the picture */
  clearResult(usesPicture) {
    const { canvas, caption, node } = this.result;
    node.classList.add("lab-empty");
    caption.textContent = "Press Run";
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    this.picture.node.hidden = !usesPicture;
  }

  /** Keep the result, with one more sentence under it. */
  keep(sentence) {
    const { canvas, caption } = this.result;
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const text = caption.textContent.replace(/\.$/, "");
    fill(this.kept, image, `Kept: ${[text, sentence].filter(Boolean).join(". ")}`);
    this.kept.node.hidden = false;
  }
}

function figure(title) {
  // dark-light: the theme leaves it as it is in the dark.
  const canvas = element("canvas", { width: 224, height: 224, role: "img", "aria-label": title, class: "dark-light" });
  const caption = element("figcaption", {}, title);
  return { node: element("figure", { class: "lab-figure" }, canvas, caption), canvas, caption };
}

function fill({ canvas, caption }, image, title) {
  draw(canvas, image);
  canvas.setAttribute("aria-label", title);
  caption.textContent = title;
}
