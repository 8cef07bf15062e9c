// The exported network in ONNX Runtime: one pass forward and back.

import { download } from "./download.js";
import { stack } from "./planes.js";

/**
 * Load the runtime and one network.
 * @param {URL} base where lab.json lies
 * @param {{engine: object, networks: Object<string, object>}} manifest what lab.json says
 * @param {string} name of the network
 * @param {(loaded: number, total: number) => void} onProgress in bytes
 * @returns {Promise<Engine>}
 */
export async function loadEngine(base, manifest, name, onProgress) {
  const network = manifest.networks[name];
  const files = [manifest.engine, network];
  const loaded = [0, 0];
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const fetched = files.map((file, i) =>
    download(new URL(file.file, base), file, (bytes) => {
      loaded[i] = bytes;
      onProgress(loaded[0] + loaded[1], total);
    }),
  );
  const [runtime, binary, graph] = await Promise.all([import(new URL(manifest.engine.script, base)), ...fetched]);
  runtime.env.wasm.wasmBinary = binary;
  runtime.env.wasm.numThreads = 1; // more need headers that static hosts do not send
  return new Engine(runtime, await runtime.InferenceSession.create(graph, { executionProviders: ["wasm"] }), network);
}

/** The vector-Jacobian product of one network. */
export class Engine {
  constructor(runtime, session, network) {
    Object.assign(this, { runtime, session, network });
  }

  /**
   * One pass forward and back; see GradientGraph in site/gradient_graph.py.
   * @param {import("./planes.js").Planes} image
   * @param {{target?: number, gains?: Object<string, number>, upstream?: Object<string, Float32Array>,
   *   taps?: string[]}} request target: class whose score is differentiated; gains and upstream: of
   *   layers; taps: layers whose activations and gradients are wanted
   */
  async pass(image, { target, gains = {}, upstream = {}, taps = [] }) {
    const feeds = this.#feeds(image, target, gains, upstream);
    const wanted = taps.flatMap((tap) => [`activations/${tap}`, `gradient/${tap}`]);
    const results = await this.session.run(feeds, ["scores", "image_gradient", ...wanted]);
    const layers = (kind) => Object.fromEntries(taps.map((tap) => [tap, asPlanes(results[`${kind}/${tap}`])]));
    return {
      scores: results.scores.data,
      gradient: asPlanes(results.image_gradient),
      activations: layers("activations"),
      gradients: layers("gradient"),
    };
  }

  #feeds(image, target, gains, upstream) {
    const { classes, taps } = this.network;
    const tensor = (data, dims) => new this.runtime.Tensor("float32", data, dims);
    const scoreGradient = new Float32Array(classes.length);
    if (target !== undefined) scoreGradient[target] = 1;
    const feeds = {
      image: tensor(image.data, [1, 3, image.height, image.width]),
      score_gradient: tensor(scoreGradient, [1, classes.length]),
      gains: tensor(Float32Array.from(taps, ({ name }) => gains[name] ?? 0), [taps.length]),
    };
    for (const { name, channels, stride } of taps) {
      const [rows, columns] = stride ? [image.height / stride, image.width / stride] : [1, 1];
      const data = upstream[name] ?? this.#zeros(channels * rows * columns);
      feeds[`upstream/${name}`] = tensor(data, [1, channels, rows, columns]);
    }
    return feeds;
  }

  #zeros(length) {
    this.zeros ??= new Map();
    if (!this.zeros.has(length)) this.zeros.set(length, new Float32Array(length));
    return this.zeros.get(length);
  }
}

function asPlanes({ data, dims }) {
  const [, planes, height = 1, width = 1] = dims;
  return stack(planes, height, width, data);
}
