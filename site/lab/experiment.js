// One experiment: network, technique, picture, class and settings. It knows nothing of the page.

import { canvasSizes, CATALOGUE, CONTROLS, FIRST_TARGET } from "./catalogue.js";
import { best } from "./scores.js";

export class Experiment {
  /**
   * @param {object} manifest what lab.json says
   * @param {object} wanted network, technique, class and settings to begin with
   */
  constructor(manifest, wanted) {
    this.manifest = manifest;
    this.networkName = wanted.network;
    this.technique = CATALOGUE[wanted.technique] ? wanted.technique : "saliency";
    this.chosen = this.#classOf(wanted.class); // class that the visitor asked for, or null
    this.scores = null; // of the picture
    this.restoreSettings(wanted);
  }

  get network() {
    return this.manifest.networks[this.networkName];
  }

  get entry() {
    return CATALOGUE[this.technique];
  }

  /** The class in question: the one asked for, else the target to begin with or the predicted one. */
  get target() {
    if (!this.entry.asks) return undefined;
    if (this.chosen !== null) return this.chosen;
    if (this.entry.asks === "target") return this.network.classes.indexOf(FIRST_TARGET[this.networkName]);
    return this.scores ? best(this.scores) : 0;
  }

  #classOf(wanted) {
    const index = typeof wanted === "number" ? wanted : this.network.classes.indexOf(wanted);
    return this.network.classes[index] ? index : null;
  }

  useTechnique(name) {
    this.technique = name;
    this.restoreSettings();
  }

  useNetwork(name) {
    this.networkName = name;
    this.chosen = null;
    this.scores = null;
    this.restoreSettings();
  }

  usePicture(source, image) {
    Object.assign(this, { source, image, scores: null });
  }

  /** Defaults of the technique, but for the settings that are given; what it cannot take is left out. */
  restoreSettings(given = {}) {
    const { controls, defaults } = this.entry;
    const names = controls.filter((name) => isAllowed(name, given[name], this));
    const kept = Object.fromEntries(names.map((name) => [name, given[name]]));
    this.settings = { ...defaults(this.networkName, kept), ...kept };
  }

  /** Change a setting, and those whose defaults depend on it. */
  set(name, value) {
    if (name === "prior") this.restoreSettings({ prior: value });
    else if (name === "layer") this.restoreSettings({ ...this.settings, layer: value, stepSize: undefined });
    else this.settings[name] = value;
  }

  /** Names of the settings that have an effect. */
  get controls() {
    const { controls, onlyPixels } = this.entry;
    return this.settings.prior === "fourier" ? controls.filter((name) => !onlyPixels.includes(name)) : controls;
  }

  /** What the worker must know to run it. */
  get request() {
    const { technique, networkName: network, image, settings, target } = this;
    return { network, technique, image, settings: { ...settings, target } };
  }

  /** What a link must say to restore it. */
  get linked() {
    const { technique, networkName: network, source, target, settings } = this;
    return { technique, network, photo: source?.photo, class: target, ...settings };
  }
}

// Links are written by hand, too.
function isAllowed(name, value, { network, networkName }) {
  const { kind, min, max, options } = CONTROLS[name];
  if (kind === "number") return value >= min && value <= max;
  if (kind === "layer") return network.taps.some((tap) => tap.name === value);
  if (kind === "size") return canvasSizes(networkName).includes(value);
  return kind === "choice" ? Object.hasOwn(options, value) : typeof value === "boolean";
}
