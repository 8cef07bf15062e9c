// The worker: all that computes, so that the page stays responsive.

import { LabError } from "./download.js";
import { loadEngine } from "./engine.js";
import { TECHNIQUES } from "./techniques.js";

const engines = new Map();
let paused = false;
let current = null; // number of the run that may go on

self.onmessage = ({ data }) => ACTIONS[data.type](data);

const ACTIONS = {
  load: (message) => report(message.id, () => load(message)),
  run: (message) => report(message.id, () => run(message)),
  look: (message) => report(message.id, () => look(message)),
  pause: () => (paused = true),
  resume: () => (paused = false),
  stop: () => {
    current = null;
    paused = false;
  },
};

async function report(id, action) {
  try {
    self.postMessage({ type: "done", id, ...(await action()) });
  } catch (error) {
    const message = error instanceof LabError ? error.message : `The computation failed: ${error.message}`;
    self.postMessage({ type: "error", id, message });
  }
}

async function load({ base, manifest, network, id }) {
  if (engines.has(network)) return;
  const onProgress = (loaded, total) => self.postMessage({ type: "progress", id, loaded, total });
  engines.set(network, await loadEngine(new URL(base), manifest, network, onProgress));
}

async function look({ network, image }) {
  const { scores } = await engines.get(network).pass(image, {});
  return { scores };
}

async function run({ id, network, technique, image, settings }) {
  current = id;
  paused = false;
  for await (const frame of TECHNIQUES[technique](engines.get(network), image, settings)) {
    self.postMessage({ type: "frame", id, frame });
    await turn(id);
    if (current !== id) return { stopped: true };
  }
  return { stopped: false };
}

// Let messages in; while paused, wait for them.
async function turn(id) {
  do await new Promise((resolve) => setTimeout(resolve, paused ? 30 : 0));
  while (paused && current === id);
}
