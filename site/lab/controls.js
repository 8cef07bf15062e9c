// The settings of an experiment: the class, the technique's own, the network.

import { canvasSizes, CONTROLS } from "./catalogue.js";
import { ClassSearch } from "./class_search.js";
import { checkField, choiceField, numberField } from "./fields.js";
import { element } from "./dom.js";

export class Controls {
  /**
   * @param {{onClass: (index: number) => void, onSetting: (name: string, value: any) => void,
   *   onNetwork?: (name: string) => void}} on without onNetwork, the network stays
   */
  constructor(on) {
    this.on = on;
    this.node = element("div", { class: "lab-controls" });
  }

  /** Make the fields anew. @param {import("./experiment.js").Experiment} experiment */
  offer(experiment) {
    const { asking } = experiment.entry;
    this.search = asking ? new ClassSearch(asking, experiment.network.classes, this.on.onClass) : null;
    const settings = experiment.controls.map((name) => this.#setting(name, experiment));
    const network = this.on.onNetwork ? this.#network(experiment) : null;
    this.node.replaceChildren(...[this.search?.node, ...settings, network, help(experiment)].filter(Boolean));
    this.showClass(experiment.target);
  }

  showClass(index) {
    if (index !== undefined) this.search?.show(index);
  }

  #setting(name, experiment) {
    const { kind, options, ...limits } = CONTROLS[name];
    const text = labelOf(name, experiment.entry);
    const value = experiment.settings[name];
    const onChange = (chosen) => this.on.onSetting(name, chosen);
    if (kind === "check") return checkField(text, value, onChange);
    if (kind === "number") return numberField(text, value, limits, onChange);
    return choiceField(text, value, choices(kind, options, experiment), onChange);
  }

  #network({ manifest, networkName }) {
    const titles = Object.entries(manifest.networks).map(([name, { title }]) => [name, title]);
    const field = choiceField("Network", networkName, titles, this.on.onNetwork);
    field.classList.add("lab-network");
    return field;
  }
}

function labelOf(name, { names }) {
  return names?.[name] ?? CONTROLS[name].label;
}

function help({ controls, entry }) {
  if (!controls.length) return null;
  const lines = controls.map((name) => [
    element("dt", {}, labelOf(name, entry)), element("dd", {}, CONTROLS[name].help),
  ]);
  return element("details", { class: "lab-help" },
    element("summary", {}, "What the settings do"), element("dl", {}, lines.flat()));
}

// Pairs of a value and its name.
function choices(kind, options, { network, networkName, entry }) {
  if (kind === "layer") {
    return network.taps.filter(({ stride }) => stride || entry.takesFlatLayers).map(({ name }) => [name, name]);
  }
  if (kind === "size") return canvasSizes(networkName).map((size) => [size, `${size} × ${size}`]);
  return Object.entries(options);
}
