// Runs in the worker: started, paused, stopped. Only the latest is heard.

export class Runs {
  /**
   * @param {import("./client.js").Client} client
   * @param {(state: "idle"|"running"|"paused") => void} onState
   */
  constructor(client, onState) {
    Object.assign(this, { client, onState, state: "idle", latest: null });
  }

  /**
   * @param {object} request what the worker must know
   * @param {(frame: object) => void} onFrame
   * @param {boolean} isLong whether it can be paused
   * @returns {Promise<boolean>} whether it was still the latest at its end
   */
  async start(request, onFrame, isLong) {
    this.stop();
    const run = (this.latest = {});
    const isLatest = () => run === this.latest;
    this.#enter(isLong ? "running" : "idle");
    try {
      await this.client.ask({ type: "run", ...request }, ({ frame }) => isLatest() && onFrame(frame));
    } finally {
      if (isLatest()) this.#enter("idle");
    }
    return isLatest();
  }

  pause() {
    this.client.tell("pause");
    this.#enter("paused");
  }

  resume() {
    this.client.tell("resume");
    this.#enter("running");
  }

  stop() {
    this.client.tell("stop");
  }

  /** Stop, and hear nothing more of it. */
  forget() {
    this.stop();
    this.latest = null;
    this.#enter("idle");
  }

  #enter(state) {
    this.state = state;
    this.onState(state);
  }
}
