// What is read off beside the pictures: the five best classes, and the meters of a budget.

import { element } from "./dom.js";
import { percent, probabilities } from "./scores.js";

/**
 * A list of the five classes with the highest scores.
 * @param {string} title
 * @param {(index: number) => void} onChoice called when one is clicked
 * @returns {{node: HTMLElement, show: (scores: Float32Array, classes: string[], asked: number) => void}}
 */
function topFive(title, onChoice) {
  const list = element("ol", { class: "lab-top" });
  const node = element("div", { class: "lab-reading" }, element("h4", {}, title), list);
  function show(scores, classes, asked) {
    const chances = probabilities(scores);
    const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]).slice(0, 5);
    // The one asked for is always told, wherever it stands.
    const lines = order.includes(asked) || asked === undefined ? order : [...order.slice(0, 4), asked];
    list.replaceChildren(...lines.map((index) => line(index, classes[index], chances[index], scores[index], index === asked)));
  }
  function line(index, name, chance, score, isAsked) {
    const bar = element("span", { class: "lab-bar", "aria-hidden": "true" });
    bar.style.setProperty("--part", chance);
    const button = element("button", {
      type: "button", onclick: () => onChoice(index), title: `Ask for ${name} (score ${score.toFixed(2)})`,
    }, bar, element("span", { class: "lab-name" }, name), element("span", { class: "lab-chance" }, percent(chance)));
    return element("li", isAsked ? { class: "lab-asked" } : {}, button);
  }
  return { node, show };
}

const METERS = {
  l2: { label: "Change, L2", full: 6, text: (value) => value.toFixed(2) },
  linf: { label: "Largest change, L∞", full: 32 / 255, text: (value) => `${(255 * value).toFixed(1)} of 256 levels` },
  score: { label: "Score of the class", full: 60, text: (value) => value.toFixed(1) },
  error: { label: "Error of the features", full: 1, text: (value) => `${(100 * value).toPrecision(3)} %` },
};

/** Meters of a run. @returns {{node: HTMLElement, show: (meters: Object<string, number>) => void}} */
function meterPanel() {
  const node = element("dl", { class: "lab-meters" });
  function show(meters = {}) {
    node.replaceChildren(
      ...Object.entries(meters).map(([name, value]) => {
        const { label, full, text } = METERS[name];
        const meter = element("meter", { min: 0, max: full, value: Math.min(value, full), "aria-label": label });
        return element("div", {}, element("dt", {}, label), element("dd", {}, meter, text(value)));
      }),
    );
  }
  return { node, show };
}

/** All readings of an experiment. */
export class Readings {
  /** @param {(index: number) => void} onChoice called when a class is clicked */
  constructor(onChoice) {
    this.meters = meterPanel();
    this.before = topFive("The picture is", onChoice);
    this.after = topFive("The result is", onChoice);
    const nodes = [this.meters, this.before, this.after].map(({ node }) => node);
    this.node = element("div", { class: "lab-readings" }, nodes);
  }

  /** @param {object|null} frame the last of the run, if there is one */
  show({ scores, entry, network, target }, frame) {
    const isPicture = Boolean(frame?.picture && frame.scores);
    this.meters.show(frame?.meters);
    this.before.node.hidden = !entry.usesPicture;
    this.after.node.hidden = !isPicture;
    if (scores) this.before.show(scores, network.classes, target);
    if (isPicture) this.after.show(frame.scores, network.classes, target);
  }
}
