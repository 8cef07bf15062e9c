// What the lab says of itself: progress, a sentence, a failure.

import { element } from "./dom.js";

export class Notices {
  constructor() {
    this.progress = element("progress", { max: 1, value: 0, "aria-label": "Progress", hidden: true });
    this.status = element("p", { class: "lab-status", role: "status" });
    this.alert = element("p", { class: "lab-error", role: "alert" });
    this.node = element("div", { class: "lab-progress" }, this.progress, this.status, this.alert);
  }

  say(sentence) {
    this.status.textContent = sentence;
  }

  /** Do something; a failure is said in its own sentence. */
  async guard(action) {
    this.alert.textContent = "";
    try {
      await action();
    } catch (error) {
      this.alert.textContent = error.message;
      this.progress.hidden = true;
    }
  }
}
