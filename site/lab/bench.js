// The open lab: pictures, controls, runs.

import { canvasSizes, CATALOGUE, CONTROLS, FIRST_TARGET } from "./catalogue.js";
import { classSearch } from "./class_search.js";
import { change, colours, normalise, over, pixels, probabilities } from "./colours.js";
import { draw, element, freshId, pill } from "./dom.js";
import { toLink } from "./link.js";
import { loadNetwork } from "./loading.js";
import { resize } from "./planes.js";
import { decode, hasCamera, photograph, pictureIn } from "./pictures.js";
import { meterPanel, percent, topFive } from "./readings.js";

const VIEWS = {
  map: { over: "Over the picture", map: "Map" },
  picture: { picture: "Picture", change: "Change" },
};

export class Bench {
  /**
   * @param {HTMLElement} root
   * @param {{base: URL, client: import("./client.js").Client, manifest: object, wanted: object,
   *   fixed: string|undefined}} parts wanted: the experiment to begin with; fixed: the only technique
   */
  constructor(root, { base, client, manifest, wanted, fixed }) {
    Object.assign(this, { root, base, client, manifest, fixed });
    this.networkName = wanted.network;
    this.technique = CATALOGUE[wanted.technique] ? wanted.technique : "saliency";
    this.first = wanted;
    this.chosen = null; // class that the visitor asked for
    this.running = false;
    this.#build();
  }

  get network() {
    return this.manifest.networks[this.networkName];
  }

  get entry() {
    return CATALOGUE[this.technique];
  }

  /** Show the first picture and, where that is quick, the first result. */
  async open() {
    this.#restoreClass(this.first.class);
    this.#offerControls(this.first);
    const name = this.manifest.photos.some((photo) => photo.name === this.first.photo) ? this.first.photo : "dog";
    await this.#takePhoto(name);
  }

  // --- what is on the page -------------------------------------------------------------------

  #build() {
    this.picture = this.#figure("Picture");
    this.result = this.#figure("Result");
    this.kept = this.#figure("Kept for comparison");
    this.kept.node.hidden = true;
    this.about = element("p", { class: "lab-about" });
    this.message = element("p", { class: "lab-status", role: "status" });
    this.alert = element("p", { class: "lab-error", role: "alert" });
    this.progress = element("progress", { max: 1, value: 0, "aria-label": "Progress", hidden: true });
    this.meters = meterPanel();
    this.controls = element("div", { class: "lab-controls" });
    this.views = element("div", { class: "lab-pills", role: "radiogroup", "aria-label": "Show the result as" });
    this.before = topFive("The picture is", (index) => this.#askFor(index));
    this.after = topFive("The result is", (index) => this.#askFor(index));
    this.result.node.append(this.views);
    const main = element("div", { class: "lab" },
      this.fixed ? null : this.#techniques(),
      this.about,
      element("div", { class: "lab-stage" }, this.picture.node, this.result.node, this.kept.node),
      this.#actions(),
      element("div", { class: "lab-progress" }, this.progress, this.message, this.alert),
      element("div", { class: "lab-columns" },
        element("div", { class: "lab-settings" }, this.controls),
        element("div", { class: "lab-readings" }, this.meters.node, this.before.node, this.after.node)),
      this.#pictureChoice());
    this.root.replaceChildren(main);
    this.#acceptDrops(main);
  }

  #figure(title) {
    const canvas = element("canvas", { width: 224, height: 224, role: "img", "aria-label": title, class: "dark-light" });
    const caption = element("figcaption", {}, title);
    return { node: element("figure", { class: "lab-figure" }, canvas, caption), canvas, caption };
  }

  #techniques() {
    const group = freshId();
    const pills = Object.entries(CATALOGUE).map(([name, { title }]) =>
      pill(group, name, title, name === this.technique, () => this.#chooseTechnique(name)));
    return element("div", { class: "lab-pills lab-techniques", role: "radiogroup", "aria-label": "Technique" }, pills);
  }

  #actions() {
    const button = (label, onclick, rest = {}) => element("button", { type: "button", onclick, ...rest }, label);
    this.runButton = button("Run", () => this.#toggle(), { class: "lab-primary" });
    this.stopButton = button("Stop", () => this.client.tell("stop"), { hidden: true });
    this.afterwards = [
      button("Keep for comparison", () => this.#keep()),
      button("Use as picture", () => this.#useResult()),
      button("Download", () => this.#save()),
    ];
    const copy = button("Copy link", (event) => this.#copyLink(event.currentTarget));
    return element("div", { class: "lab-row lab-actions" }, this.runButton, this.stopButton, ...this.afterwards, copy);
  }

  #pictureChoice() {
    this.file = element("input", { type: "file", accept: "image/*", class: "lab-hidden", tabIndex: -1, "aria-label": "Choose a picture",
      onchange: () => this.file.files[0] && this.#takeOwn(this.file.files[0]) });
    const group = freshId();
    this.thumbnails = this.manifest.photos.map(({ name, shows }) => {
      const input = element("input", { type: "radio", name: group, value: name, onchange: () => this.#takePhoto(name) });
      const image = element("img", { src: new URL(`photos/${name}-small.webp`, this.base).href, alt: shows, title: shows,
        loading: "lazy", width: 64, height: 64, class: "dark-light" });
      return element("label", { class: "lab-thumbnail" }, input, image);
    });
    const camera = element("button", { type: "button", onclick: () => this.#takeCamera() }, "Camera");
    return element("fieldset", { class: "lab-pictures" },
      element("legend", {}, "Change the picture"),
      element("div", { class: "lab-row" },
        element("button", { type: "button", onclick: () => this.file.click() }, "Your own picture"),
        hasCamera() ? camera : null, this.file,
        element("span", { class: "lab-hint" }, "or drop or paste one here. It stays on this device.")),
      element("div", { class: "lab-strip" }, this.thumbnails));
  }

  // --- choices -------------------------------------------------------------------------------

  #chooseTechnique(name) {
    this.client.tell("stop");
    this.technique = name;
    this.#offerControls();
    this.#clearResult();
    this.#runIfQuick();
  }

  #restoreClass(wanted) {
    const index = typeof wanted === "number" ? wanted : this.network.classes.indexOf(wanted);
    this.chosen = this.network.classes[index] ? index : null;
  }

  /** The class in question: the one asked for, else the target to begin with or the predicted one. */
  get target() {
    if (!this.entry.asks) return undefined;
    if (this.chosen !== null) return this.chosen;
    if (this.entry.asks === "target") return this.network.classes.indexOf(FIRST_TARGET[this.networkName]);
    return this.scores ? best(this.scores) : 0;
  }

  #askFor(index) {
    this.chosen = index;
    this.search?.show(index);
    this.#showScores();
    this.#runIfQuick();
  }

  #offerControls(given = {}) {
    const { asks, chapter, about, upstream } = this.entry;
    this.about.replaceChildren(about, " ", element("span", { class: "lab-upstream" }, `Upstream vector: ${upstream}. `),
      element("a", { href: new URL(`../chapters/${chapter}.html`, this.base).href }, "How it works"));
    this.settings = { ...this.entry.defaults(this.networkName, given) };
    for (const name of this.entry.controls) if (given[name] !== undefined) this.settings[name] = given[name];
    const label = asks === "target" ? (this.technique === "fooling" ? "Make it a …" : "Draw a …") : "Ask for the class";
    this.search = asks ? classSearch(label, this.network.classes, (index) => this.#askFor(index)) : null;
    const hidden = this.settings.prior === "fourier" ? this.entry.onlyPixels : [];
    const fields = this.entry.controls.filter((name) => !hidden.includes(name)).map((name) => this.#field(name));
    this.controls.replaceChildren(...[this.search?.node, ...fields, this.fixed ? null : this.#networkField()].filter(Boolean));
    if (this.search) this.search.show(this.target);
    const views = VIEWS[this.entry.result];
    this.view = Object.keys(views)[0];
    const group = freshId();
    this.views.replaceChildren(...Object.entries(views)
      .filter(([name]) => name !== "change" || this.technique === "fooling")
      .map(([name, title]) => pill(group, name, title, name === this.view, () => ((this.view = name), this.#paint()))));
    this.views.hidden = this.views.children.length < 2;
  }

  #field(name) {
    const { kind, label, options, ...limits } = CONTROLS[name];
    const id = freshId();
    const text = this.entry.names?.[name] ?? label;
    const set = (value) => this.#set(name, value);
    if (kind === "check") {
      const box = element("input", { type: "checkbox", id, checked: this.settings[name], onchange: () => set(box.checked) });
      return element("div", { class: "lab-field lab-check" }, box, element("label", { for: id }, text));
    }
    if (kind === "number") {
      const input = element("input", { type: "number", id, ...limits, value: this.settings[name], inputMode: "decimal",
        onchange: () => set((input.value = Math.min(limits.max, Math.max(limits.min, input.valueAsNumber || limits.min)))) });
      return element("div", { class: "lab-field" }, element("label", { for: id }, text), input);
    }
    const choices = kind === "layer"
      ? this.network.taps.filter((tap) => tap.stride || this.technique === "inversion").map((tap) => [tap.name, tap.name])
      : name === "size" ? canvasSizes(this.networkName).map((size) => [size, `${size} × ${size}`]) : Object.entries(options);
    return this.#select(id, text, choices, this.settings[name], (value) => set(name === "size" ? Number(value) : value));
  }

  #select(id, text, choices, value, onChoice) {
    const select = element("select", { id, onchange: () => onChoice(select.value) },
      choices.map(([name, title]) => element("option", { value: name }, title)));
    select.value = String(value);
    return element("div", { class: "lab-field" }, element("label", { for: id }, text), select);
  }

  #networkField() {
    const choices = Object.entries(this.manifest.networks).map(([name, { title }]) => [name, title]);
    const field = this.#select(freshId(), "Network", choices, this.networkName, (name) => this.#chooseNetwork(name));
    field.classList.add("lab-network");
    return field;
  }

  #set(name, value) {
    if (name === "prior") this.#offerControls({ prior: value });
    else if (name === "layer") this.#offerControls({ ...this.settings, layer: value, stepSize: undefined });
    else this.settings[name] = value;
    this.#runIfQuick();
  }

  async #chooseNetwork(name) {
    await this.#guard(async () => {
      this.client.tell("stop");
      await loadNetwork(this.base, this.client, this.manifest, name, this.progress, this.message);
      this.networkName = name;
      this.chosen = null;
      this.scores = null;
      this.#offerControls();
      await this.#take(this.source);
    });
    if (this.networkName !== name) this.#offerControls();
  }

  // --- pictures ------------------------------------------------------------------------------

  async #takePhoto(name) {
    await this.#guard(async () => {
      const response = await fetch(new URL(`photos/${name}.webp`, this.base)).catch(() => null);
      if (!response?.ok) throw new Error("The photograph could not be loaded: check the connection.");
      const blob = await response.blob();
      const { shows } = this.manifest.photos.find((photo) => photo.name === name);
      await this.#take({ photo: name, title: shows, at: (size) => decode(blob, size) });
    });
    for (const label of this.thumbnails) label.firstChild.checked = label.firstChild.value === name;
  }

  async #takeOwn(file) {
    await this.#guard(() => this.#take({ photo: null, title: "Your picture", at: (size) => decode(file, size) }));
    this.file.value = "";
  }

  async #takeCamera() {
    await this.#guard(async () => {
      const taken = await photograph(this.root, 224);
      if (taken) await this.#take({ photo: null, title: "Your picture", at: async (size) => fitted(taken, size) });
    });
  }

  async #useResult() {
    const { picture } = this.frame;
    await this.#guard(() => this.#take({ photo: null, title: `Result of ${this.entry.title}`, at: async (size) => fitted(picture, size) }));
  }

  async #take(source) {
    const image = await source.at(this.network.image_size);
    this.client.tell("stop");
    this.source = source;
    this.image = image;
    if (source.photo === null) for (const label of this.thumbnails) label.firstChild.checked = false;
    draw(this.picture.canvas, pixels(image));
    this.picture.canvas.setAttribute("aria-label", source.title);
    this.picture.caption.textContent = source.title;
    this.#clearResult();
    const { scores } = await this.client.ask({ type: "look", network: this.networkName, image });
    this.scores = scores;
    if (this.entry.asks === "class" && this.chosen === null) this.search.show(this.target);
    this.#showScores();
    await this.#runIfQuick();
  }

  #acceptDrops(main) {
    const take = (transfer) => {
      const file = pictureIn(transfer);
      if (file) this.#takeOwn(file);
      return Boolean(file);
    };
    main.addEventListener("dragover", (event) => (event.preventDefault(), main.classList.add("lab-over")));
    main.addEventListener("dragleave", () => main.classList.remove("lab-over"));
    main.addEventListener("drop", (event) => {
      event.preventDefault();
      main.classList.remove("lab-over");
      take(event.dataTransfer);
    });
    document.addEventListener("paste", (event) => {
      const isMine = !this.fixed || main.contains(document.activeElement);
      if (isMine && take(event.clipboardData)) event.preventDefault();
    });
  }

  // --- runs ----------------------------------------------------------------------------------

  async #runIfQuick() {
    if (["saliency", "gradcam"].includes(this.technique) && this.scores) await this.#run();
  }

  #toggle() {
    if (!this.running) return this.#run();
    this.paused = !this.paused;
    this.client.tell(this.paused ? "pause" : "resume");
    this.runButton.textContent = this.paused ? "Continue" : "Pause";
    return undefined;
  }

  async #run() {
    await this.#guard(async () => {
      this.client.tell("stop");
      const { technique, networkName: network, image, settings, target } = this;
      const isLong = !["saliency", "gradcam"].includes(technique);
      const run = (this.latest = {});
      this.#setRunning(isLong);
      const onFrame = ({ frame }) => run === this.latest && this.#show(frame);
      try {
        await this.client.ask({ type: "run", network, technique, image, settings: { ...settings, target } }, onFrame);
      } finally {
        if (run === this.latest) this.#setRunning(false);
      }
      if (run === this.latest) this.#conclude();
    });
  }

  #setRunning(running) {
    this.running = running;
    this.paused = false;
    this.runButton.textContent = running ? "Pause" : "Run";
    this.stopButton.hidden = !running;
    this.progress.hidden = !running;
    this.root.toggleAttribute("data-running", running);
  }

  #show(frame) {
    this.frame = frame;
    frame.target = this.target;
    this.root.dispatchEvent(new CustomEvent("lab-frame", { detail: frame }));
    this.progress.value = frame.step / frame.steps;
    this.message.textContent = frame.steps > 1 ? `${this.technique === "smoothgrad" ? "Sample" : "Step"} ${frame.step} of ${frame.steps}` : "";
    this.meters.show(frame.meters);
    this.#paint();
    this.#showScores();
  }

  #paint() {
    const { frame, image, view } = this;
    if (!frame) return;
    let note = "";
    let drawn;
    if (frame.map) {
      const percentile = this.technique === "gradcam" ? 100 : 99;
      const map = { ...frame.map, data: normalise(frame.map.data, percentile) };
      drawn = view === "map" ? colours(map, this.manifest.colours) : over(image, map, this.manifest.colours);
      note = percentile === 100 ? "The colours run from 0 to the map’s largest value." : "The colours run from 0 to percentile 99 of the map.";
    } else if (view === "change") {
      const magnified = change(frame.picture, image);
      drawn = magnified.image;
      note = `The change, × ${magnified.factor}; grey is none.`;
    } else drawn = pixels(frame.picture);
    draw(this.result.canvas, drawn);
    this.result.caption.textContent = [this.#name(), note].filter(Boolean).join(". ");
    this.result.canvas.setAttribute("aria-label", this.result.caption.textContent);
    this.result.node.classList.remove("lab-empty");
    this.afterwards.forEach((button, i) => (button.disabled = i === 1 && !frame.picture));
  }

  #name() {
    const { title, asks } = this.entry;
    const layer = this.settings.layer ? ` at ${this.settings.layer}` : "";
    return asks ? `${title}${layer}: ${this.network.classes[this.frame.target]}` : `${title}${layer}`;
  }

  #conclude() {
    const { frame, technique } = this;
    if (!frame) return;
    if (technique === "fooling") {
      const name = this.network.classes[frame.target];
      this.message.textContent = frame.done
        ? `The network sees ${name} after ${frame.step} ${frame.step === 1 ? "step" : "steps"}.`
        : `Stopped after ${frame.step} steps: the network does not see ${name}.`;
    } else if (frame.step < frame.steps) this.message.textContent += ", stopped";
  }

  #showScores() {
    const { classes } = this.network;
    if (this.scores) this.before.show(this.scores, classes, this.target);
    const isPicture = this.frame?.picture && this.frame.scores;
    this.after.node.hidden = !isPicture;
    this.before.node.hidden = this.technique === "visualization";
    if (isPicture) this.after.show(this.frame.scores, classes, this.target);
  }

  #clearResult() {
    this.latest = null;
    this.#setRunning(false);
    this.frame = null;
    this.message.textContent = "";
    this.meters.show();
    this.result.node.classList.add("lab-empty");
    this.result.caption.textContent = "Press Run";
    const { canvas } = this.result;
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    this.afterwards.forEach((button) => (button.disabled = true));
    this.picture.node.hidden = this.technique === "visualization";
    this.#showScores();
  }

  // --- results -------------------------------------------------------------------------------

  #keep() {
    const { canvas, caption } = this.result;
    draw(this.kept.canvas, canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height));
    const [name, chance] = this.frame.picture && this.frame.scores ? this.#verdict() : [];
    this.kept.caption.textContent = `Kept: ${caption.textContent}${name ? `. Seen as ${name} (${percent(chance)})` : ""}`;
    this.kept.canvas.setAttribute("aria-label", this.kept.caption.textContent);
    this.kept.node.hidden = false;
  }

  #verdict() {
    const index = best(this.frame.scores);
    return [this.network.classes[index], probabilities(this.frame.scores)[index]];
  }

  #save() {
    const name = [this.technique, this.source.photo, this.target === undefined ? null : this.network.classes[this.target]];
    this.result.canvas.toBlob((blob) => {
      const link = element("a", { href: URL.createObjectURL(blob), download: `${name.filter(Boolean).join("-").replaceAll(" ", "_")}.png` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  async #copyLink(button) {
    const page = new URL("../chapters/lab.html", this.base);
    const experiment = { technique: this.technique, network: this.networkName, photo: this.source?.photo, class: this.target, ...this.settings };
    const link = toLink(page, experiment);
    if (!this.fixed) history.replaceState(null, "", link.hash);
    const copied = await navigator.clipboard?.writeText(link.href).then(() => true, () => false);
    this.message.textContent = copied ? "The link is copied." : `The link: ${link.href}`;
    if (this.source?.photo === null) this.message.textContent += " Your own picture is not part of it.";
    button.focus();
  }

  async #guard(action) {
    this.alert.textContent = "";
    try {
      await action();
    } catch (error) {
      this.alert.textContent = error.message;
      this.progress.hidden = true;
    }
  }
}

function best(scores) {
  return scores.reduce((most, score, index) => (score > scores[most] ? index : most), 0);
}

function fitted(picture, size) {
  return picture.height === size ? picture : resize(picture, size, size);
}
