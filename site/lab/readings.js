// What is read off beside the pictures: the five best classes, and the meters of a budget.

import { probabilities } from "./colours.js";
import { element } from "./dom.js";

/**
 * A list of the five classes with the highest scores.
 * @param {string} title
 * @param {(index: number) => void} onChoice called when one is clicked
 * @returns {{node: HTMLElement, show: (scores: Float32Array, classes: string[], asked: number) => void}}
 */
export function topFive(title, onChoice) {
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

/** A probability for readers. @param {number} chance */
export function percent(chance) {
  if (chance > 0.9995) return "100 %";
  if (chance >= 0.1) return `${Math.round(100 * chance)} %`;
  return chance >= 0.001 ? `${(100 * chance).toFixed(1)} %` : "< 0.1 %";
}

const METERS = {
  l2: { label: "Change, L2", full: 6, text: (value) => value.toFixed(2) },
  linf: { label: "Largest change, L∞", full: 32 / 255, text: (value) => `${(255 * value).toFixed(1)} of 256 levels` },
  score: { label: "Score of the class", full: 40, text: (value) => value.toFixed(1) },
  error: { label: "Error of the features", full: 1, text: (value) => `${(100 * value).toPrecision(3)} %` },
};

/** Meters of a run. @returns {{node: HTMLElement, show: (meters: Object<string, number>) => void}} */
export function meterPanel() {
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
