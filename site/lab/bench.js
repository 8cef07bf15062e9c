// The open lab: its parts, and what each of them sets off in the others.

import { Actions } from "./actions.js";
import { CATALOGUE } from "./catalogue.js";
import { pixels } from "./colours.js";
import { Controls } from "./controls.js";
import { element, freshId, pill } from "./dom.js";
import { Experiment } from "./experiment.js";
import { Intake } from "./intake.js";
import { toLink } from "./link.js";
import { loadNetwork } from "./loading.js";
import { Notices } from "./notices.js";
import { Readings } from "./readings.js";
import { render } from "./rendering.js";
import { Runs } from "./runs.js";
import { copyLink, savePicture } from "./sharing.js";
import { readyPicture } from "./sources.js";
import { Stage } from "./stage.js";
import { conclude, describe, fileWords, introduce, progressOf, verdict } from "./words.js";

const FIRST_PHOTO = "dog";

export class Bench {
  /**
   * @param {HTMLElement} root
   * @param {{base: URL, client: import("./client.js").Client, manifest: object, wanted: object,
   *   fixed: string|undefined}} parts wanted: the experiment to begin with; fixed: the only technique
   */
  constructor(root, { base, client, manifest, wanted, fixed }) {
    Object.assign(this, { root, base, client, manifest, fixed, frame: null });
    this.firstPhoto = manifest.photos.some(({ name }) => name === wanted.photo) ? wanted.photo : FIRST_PHOTO;
    this.experiment = new Experiment(manifest, wanted);
    this.runs = new Runs(client, (state) => this.#showState(state));
    this.#makeParts();
    this.#layOut();
  }

  /** Show the first picture and, where that is quick, the first result. */
  async open() {
    this.#offer();
    await this.intake.choosePhoto(this.firstPhoto);
  }

  // --- what is on the page -------------------------------------------------------------------

  #makeParts() {
    const { photos } = this.manifest;
    this.about = element("p", { class: "lab-about" });
    this.stage = new Stage();
    this.actions = new Actions({
      run: () => this.#toggle(), stop: () => this.runs.stop(), keep: () => this.#keep(),
      use: () => this.#useResult(), save: () => this.#save(), link: () => this.#copyLink(),
    });
    this.notices = new Notices();
    this.controls = new Controls({
      onClass: (index) => this.#askFor(index), onSetting: (name, value) => this.#set(name, value),
      onNetwork: this.fixed ? null : (name) => this.#useNetwork(name),
    });
    this.readings = new Readings((index) => this.#askFor(index));
    this.intake = new Intake(photos, this.base, (find) => this.#choosePicture(find));
  }

  #layOut() {
    const main = element("div", { class: "lab" },
      this.fixed ? null : this.#techniques(),
      this.about, this.stage.node, this.actions.node, this.notices.node,
      element("div", { class: "lab-columns" },
        element("div", { class: "lab-settings" }, this.controls.node), this.readings.node),
      this.intake.node);
    this.root.replaceChildren(main);
    this.intake.listen(main, () => !this.fixed || main.contains(document.activeElement));
  }

  #techniques() {
    const group = freshId();
    const pills = Object.entries(CATALOGUE).map(([name, { title }]) =>
      pill(group, name, title, name === this.experiment.technique, () => this.#useTechnique(name)));
    return element("div", { class: "lab-pills lab-techniques", role: "radiogroup", "aria-label": "Technique" }, pills);
  }

  // --- choices -------------------------------------------------------------------------------

  #offer() {
    this.about.replaceChildren(...introduce(this.experiment.entry, this.base));
    this.controls.offer(this.experiment);
    this.stage.offerViews(this.experiment.entry.views, () => this.#paint());
    this.intake.node.hidden = !this.experiment.entry.usesPicture;
  }

  #useTechnique(name) {
    this.experiment.useTechnique(name);
    this.#offer();
    this.#clearResult();
    this.#runIfQuick();
  }

  #askFor(index) {
    this.experiment.chosen = index;
    this.controls.showClass(index);
    this.#showReadings();
    this.#runIfQuick();
  }

  #set(name, value) {
    this.experiment.set(name, value);
    if (name === "prior" || name === "layer") this.controls.offer(this.experiment);
    this.#runIfQuick();
  }

  async #useNetwork(name) {
    await this.notices.guard(async () => {
      this.runs.stop();
      const { progress, status } = this.notices;
      await loadNetwork(this.base, this.client, this.manifest, name, progress, status);
      this.experiment.useNetwork(name);
      this.#offer();
      await this.#take(this.experiment.source);
    });
    if (this.experiment.networkName !== name) this.controls.offer(this.experiment);
  }

  // --- pictures ------------------------------------------------------------------------------

  async #choosePicture(find) {
    await this.notices.guard(async () => {
      const source = await find();
      if (source) await this.#take(source);
    });
    this.intake.mark(this.experiment.source?.photo);
  }

  #useResult() {
    const { picture } = this.frame;
    const title = `Result of ${this.experiment.entry.title}`;
    return this.#choosePicture(async () => readyPicture(picture, title));
  }

  async #take(source) {
    const { networkName, network } = this.experiment;
    const image = await source.at(network.image_size);
    this.experiment.usePicture(source, image);
    this.stage.showPicture(pixels(image), source.title);
    this.#clearResult();
    const { scores } = await this.client.ask({ type: "look", network: networkName, image });
    if (this.experiment.image !== image) return; // another one has come in the meantime
    this.experiment.scores = scores;
    this.controls.showClass(this.experiment.target);
    this.#showReadings();
    await this.#runIfQuick();
  }

  // --- runs ----------------------------------------------------------------------------------

  async #runIfQuick() {
    if (this.experiment.entry.quick && this.experiment.scores) await this.#run();
  }

  #toggle() {
    if (this.runs.state === "running") this.runs.pause();
    else if (this.runs.state === "paused") this.runs.resume();
    else this.#run();
  }

  async #run() {
    const { request, target, entry } = this.experiment;
    const onFrame = (frame) => this.#show({ ...frame, target });
    await this.notices.guard(async () => {
      if (!request.image) throw new Error("Choose a picture first.");
      const isLatest = await this.runs.start(request, onFrame, !entry.quick);
      if (isLatest && this.frame) this.notices.say(conclude(this.experiment, this.frame));
    });
  }

  #showState(state) {
    this.actions.showState(state);
    this.notices.progress.hidden = state === "idle";
    this.root.toggleAttribute("data-running", state !== "idle");
  }

  #show(frame) {
    this.frame = frame;
    this.root.dispatchEvent(new CustomEvent("lab-frame", { detail: frame }));
    this.notices.progress.value = frame.step / frame.steps;
    this.notices.say(progressOf(this.experiment.entry, frame));
    this.actions.offerFor(frame);
    this.#paint();
    this.#showReadings();
  }

  #paint() {
    const { frame, experiment, stage } = this;
    if (!frame) return;
    const scale = { percentile: experiment.entry.percentile, table: this.manifest.colours };
    const { drawn, note } = render(frame, experiment.image, stage.view, scale);
    stage.showResult(drawn, [describe(experiment, frame), note].filter(Boolean).join(". "));
  }

  #showReadings() {
    this.readings.show(this.experiment, this.frame);
  }

  #clearResult() {
    this.runs.forget();
    this.frame = null;
    this.notices.say("");
    this.stage.clearResult(this.experiment.entry.usesPicture);
    this.actions.offerFor(null);
    this.#showReadings();
  }

  // --- results -------------------------------------------------------------------------------

  #keep() {
    this.stage.keep(verdict(this.experiment, this.frame));
  }

  #save() {
    savePicture(this.stage.result.canvas, fileWords(this.experiment, this.frame));
  }

  async #copyLink() {
    const link = toLink(new URL("../chapters/lab.html", this.base), this.experiment.linked);
    if (!this.fixed) history.replaceState(null, "", link.hash);
    const isOwn = this.experiment.source?.photo === null;
    this.notices.say(`${await copyLink(link)}${isOwn ? " Your own picture is not part of it." : ""}`);
  }
}
