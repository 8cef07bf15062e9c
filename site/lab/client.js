// The page's side of the worker.

/** Talks to one worker; each request is answered once, frames come in between. */
export class Client {
  constructor() {
    this.requests = new Map();
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#receive(data);
    this.worker.onerror = () => this.#fail("The lab's worker could not start: reload the page.");
  }

  /**
   * Send a request.
   * @param {object} message with its type
   * @param {(event: object) => void} [onEvent] called for progress and frames
   * @returns {Promise<object>} the worker's answer; rejected with an Error whose message is a sentence
   */
  ask(message, onEvent = () => {}) {
    const id = (this.last = (this.last ?? 0) + 1);
    this.worker.postMessage({ ...message, id });
    return new Promise((resolve, reject) => this.requests.set(id, { resolve, reject, onEvent }));
  }

  /** Send what needs no answer: pause, resume, stop. */
  tell(type) {
    this.worker.postMessage({ type });
  }

  #receive({ type, id, ...rest }) {
    const request = this.requests.get(id);
    if (type === "progress" || type === "frame") return request.onEvent(rest);
    this.requests.delete(id);
    if (type === "error") request.reject(new Error(rest.message));
    else request.resolve(rest);
  }

  #fail(sentence) {
    this.requests.forEach(({ reject }) => reject(new Error(sentence)));
    this.requests.clear();
  }
}

let shared;

/** One worker for all components of a page. */
export function sharedClient() {
  shared ??= new Client();
  return shared;
}
