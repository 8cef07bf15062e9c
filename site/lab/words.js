// Sentences and names about an experiment and its result.

import { element } from "./dom.js";
import { best, percent, probabilities } from "./scores.js";

/** What a technique is, and where to read on. @returns {(Node|string)[]} */
export function introduce({ about, upstream, chapter }, base) {
  const href = new URL(`../chapters/${chapter}.html`, base).href;
  const choice = element("span", { class: "lab-upstream" }, `Upstream vector: ${upstream}. `);
  return [about, " ", choice, element("a", { href }, "How it works")];
}

/** How far a run is. */
export function progressOf({ unit = "Step" }, { step, steps }) {
  return steps > 1 ? `${unit} ${step} of ${steps}` : "";
}

/** How a run ended. */
export function conclude({ technique, entry, network }, frame) {
  const { step, steps, done, target } = frame;
  if (technique === "fooling") return concludeFooling(network.classes[target], step, done);
  return step < steps ? `${progressOf(entry, frame)}, stopped` : progressOf(entry, frame);
}

function concludeFooling(name, step, done) {
  return done
    ? `The network sees ${name} after ${step} ${step === 1 ? "step" : "steps"}.`
    : `Stopped after ${step} steps: the network does not see ${name}.`;
}

/** What a result shows: technique, layer, class. */
export function describe({ entry, settings, network }, { target }) {
  const layer = settings.layer ? ` at ${settings.layer}` : "";
  return `${entry.title}${layer}${entry.asks ? `: ${network.classes[target]}` : ""}`;
}

/** What the network takes a resulting picture for; nothing of a map. */
export function verdict({ network }, { picture, scores }) {
  if (!picture || !scores) return "";
  const index = best(scores);
  return `Seen as ${network.classes[index]} (${percent(probabilities(scores)[index])})`;
}

/** Words for the name of a result's file. */
export function fileWords({ technique, source, network }, { target }) {
  return [technique, source.photo, network.classes[target]].filter(Boolean);
}
