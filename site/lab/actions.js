// The buttons under the pictures.

import { element } from "./dom.js";

const RUN_LABELS = { idle: "Run", running: "Pause", paused: "Continue" };

export class Actions {
  /** @param {{run, stop, keep, use, save, link}} on what each button does */
  constructor(on) {
    this.run = button(RUN_LABELS.idle, on.run, { class: "lab-primary" });
    this.stop = button("Stop", on.stop, { hidden: true });
    this.keep = button("Keep for comparison", on.keep);
    this.use = button("Use as picture", on.use);
    this.save = button("Download", on.save);
    const buttons = [this.run, this.stop, this.keep, this.use, this.save, button("Copy link", on.link)];
    this.node = element("div", { class: "lab-row lab-actions" }, buttons);
  }

  /** @param {"idle"|"running"|"paused"} state of the run */
  showState(state) {
    this.run.textContent = RUN_LABELS[state];
    this.stop.hidden = state === "idle";
  }

  /** Offer what can be done with a frame, which is null before the first. */
  offerFor(frame) {
    this.keep.disabled = this.save.disabled = !frame;
    this.use.disabled = !frame?.picture;
  }
}

function button(label, onclick, rest = {}) {
  return element("button", { type: "button", onclick, ...rest }, label);
}
