// The course's techniques as loops over one product: upstream gradient times Jacobian.
//
// Each is an async generator over an engine's passes. It yields frames, the last of which is the
// result: {picture | map: Planes, scores?: Float32Array, step, steps, meters?: {name: number}}.

import { paint } from "./fourier.js";
import {
  clip, deviation, gaussianBlur, largestDifference, magnitude, map, meanBlur, meanMagnitude, resize, roll,
  squaredLength, stack,
} from "./planes.js";
import { drawn, generator } from "./random.js";

/**
 * @typedef {import("./planes.js").Planes} Planes
 * @typedef {{
 *   network: {classes: string[], taps: {name: string, channels: number, stride: number}[], std: number[],
 *     image_size: number, whole_stride: number},
 *   pass: (image: Planes, request: {target?: number, gains?: Object<string, number>,
 *     upstream?: Object<string, Float32Array>, taps?: string[]}) => Promise<Pass>}} Engine
 * @typedef {{scores: Float32Array, gradient: Planes, activations: Object<string, Planes>,
 *   gradients: Object<string, Planes>}} Pass
 * @typedef {{target: number, layer: string, steps: number, stepSize: number, penalty: number, seed: number,
 *   noise: number, octaves: number, jitter: number, balanced: boolean, prior: string, blurEvery: number,
 *   size: number}} Settings
 */

/** Magnitude of the class score's gradient (Simonyan et al. 2014). */
async function* saliency(engine, image, { target }) {
  const { scores, gradient } = await engine.pass(image, { target });
  yield { map: magnitude(gradient), scores, step: 1, steps: 1 };
}

/** Gradients of noisy copies, averaged with their signs (Smilkov et al. 2017). */
async function* smoothGrad(engine, image, { target, steps, noise, seed }) {
  const { normal } = generator(seed);
  const [low, high] = image.data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const sigma = noise * (high - low);
  const total = stack(image.planes, image.height, image.width);
  const { scores } = await engine.pass(image, { target });
  for (let step = 1; step <= steps; step += 1) {
    const { gradient } = await engine.pass(map(image, (value) => value + sigma * normal()), { target });
    gradient.data.forEach((value, i) => (total.data[i] += value));
    yield { map: magnitude(map(total, (value) => value / step)), scores, step, steps };
  }
}

/** Channels of a layer, weighed by their mean gradient (Selvaraju et al. 2017); in [0, 1]. */
async function* gradCam(engine, image, { target, layer }) {
  const { scores, activations, gradients } = await engine.pass(image, { target, taps: [layer] });
  const { data, planes, height, width } = activations[layer];
  const places = height * width;
  const coarse = stack(1, height, width);
  for (let channel = 0; channel < planes; channel += 1) {
    const part = (values) => values.subarray(channel * places, (channel + 1) * places);
    const weight = part(gradients[layer].data).reduce((a, b) => a + b, 0) / places;
    part(data).forEach((value, i) => (coarse.data[i] += weight * value));
  }
  const evidence = resize(map(coarse, (value) => Math.max(0, value)), image.height, image.width);
  const peak = evidence.data.reduce((a, b) => Math.max(a, b), 0);
  yield { map: map(evidence, (value) => value / (peak || 1)), scores, step: 1, steps: 1 };
}

/** Steps of a fixed length up the target's score, until it is the prediction. */
async function* fooling(engine, image, { target, steps, stepSize }) {
  let picture = image;
  for (let step = 0; step <= steps; step += 1) {
    const { scores, gradient } = await engine.pass(picture, { target });
    const done = scores.every((score) => score <= scores[target]);
    yield { picture, scores, step, steps, meters: budget(picture, image), done };
    const length = Math.sqrt(squaredLength(gradient.data));
    if (done || !length) return;
    picture = clip(map(picture, (value, i) => value + (stepSize * gradient.data[i]) / length));
  }
}

function budget(picture, image) {
  return {
    l2: Math.sqrt(squaredLength(picture.data.map((value, i) => value - image.data[i]))),
    linf: largestDifference(picture.data, image.data),
  };
}

/** Ascent on a class score from grey noise: in pixels, or in Fourier coefficients. */
async function* classVisualization(engine, _image, settings) {
  if (settings.prior === "fourier") yield* paint(engine, settings);
  else yield* ascendPixels(engine, settings);
}

async function* ascendPixels(engine, { target, steps, stepSize, penalty, blurEvery, jitter, size, seed }) {
  const { uniform, integer } = generator(seed);
  let picture = stack(3, size, size, drawn(3 * size * size, () => 0.4 + 0.2 * uniform()));
  for (let step = 1; step <= steps; step += 1) {
    const [down, right] = [integer(-jitter, jitter), integer(-jitter, jitter)];
    const rolled = roll(picture, down, right);
    const { scores, gradient } = await engine.pass(rolled, { target });
    const slope = map(gradient, (value, i) => value - 2 * penalty * (rolled.data[i] - 0.5));
    const length = Math.sqrt(squaredLength(slope.data)) || 1;
    picture = clip(roll(map(rolled, (value, i) => value + (stepSize * slope.data[i]) / length), -down, -right));
    if (blurEvery && step % blurEvery === 0) picture = gaussianBlur(picture);
    yield { picture, scores, step, steps, meters: { score: scores[target] } };
  }
}

/** More of what a layer sees, from small octaves to large (Mordvintsev et al. 2015). */
async function* deepDream(engine, image, settings) {
  const { layer, steps, stepSize, octaves, jitter, balanced, seed } = settings;
  const { integer } = generator(seed);
  const sides = octaveSides(image.height, octaves, engine.network.whole_stride);
  let detail = stack(3, sides[0], sides[0]);
  for (const [octave, side] of sides.entries()) {
    const own = resize(image, side, side);
    const carried = resize(detail, side, side);
    let picture = clip(map(own, (value, i) => value + carried.data[i]));
    for (let step = 1; step <= steps; step += 1) {
      const [down, right] = [integer(-jitter, jitter), integer(-jitter, jitter)];
      const rolled = roll(picture, down, right);
      const { scores, gradient } = await engine.pass(rolled, { gains: { [layer]: 1 } });
      const slope = balanced ? balance(gradient, engine.network.std) : gradient;
      const mean = meanMagnitude(slope.data) || 1;
      picture = roll(clip(map(rolled, (value, i) => value + (stepSize * slope.data[i]) / mean)), -down, -right);
      yield { picture, scores, step: octave * steps + step, steps: sides.length * steps };
    }
    detail = map(picture, (value, i) => value - own.data[i]);
  }
}

/** Sides of the octaves, the smallest first: the nearest sizes that the network's strides divide. */
export function octaveSides(side, octaves, stride) {
  const wanted = Array.from({ length: octaves }, (_, k) => side / 1.4 ** k);
  const sides = wanted.map((each) => Math.max(stride, Math.round(each / stride) * stride));
  return [...new Set(sides)].reverse();
}

/** A gradient whose bands, from fine to coarse, have the strengths of the course's `balance`. */
export function balance(gradient, std, strengths = [0.6, 1, 1, 0.7, 0.3]) {
  const size = gradient.height * gradient.width;
  // The course balances behind the normalisation.
  const scaled = map(gradient, (value, i) => value * std[Math.floor(i / size)]);
  const bands = [];
  let rest = scaled;
  for (let level = 1; level < strengths.length; level += 1) {
    const coarse = resize(rest, rest.height >> 1, rest.width >> 1);
    const back = resize(coarse, rest.height, rest.width);
    bands.push(map(rest, (value, i) => value - back.data[i]));
    rest = coarse;
  }
  bands.push(rest);
  const total = bands.reduceRight((sum, band, level) => {
    const factor = strengths[level] / Math.max(deviation(band.data), 1e-12);
    const carried = sum && resize(sum, band.height, band.width);
    return map(band, (value, i) => factor * value + (carried ? carried.data[i] : 0));
  }, null);
  return map(total, (value, i) => value / std[Math.floor(i / size)]);
}

/** Descent to a picture with the features of the given one (Mahendran and Vedaldi 2015). */
async function* featureInversion(engine, image, settings) {
  const { layer, steps, stepSize, penalty, blurEvery, seed } = settings;
  const { normal } = generator(seed);
  const { activations } = await engine.pass(image, { taps: [layer] });
  const target = activations[layer].data;
  const size = squaredLength(target);
  const request = { gains: { [layer]: 2 }, upstream: { [layer]: target.map((value) => -2 * value) }, taps: [layer] };
  let picture = map(image, () => 0.5 + 0.02 * normal());
  for (let step = 0; step < steps; step += 1) {
    if (blurEvery && step % blurEvery === 0) picture = meanBlur(picture);
    const { scores, gradient, activations: present } = await engine.pass(picture, request);
    const error = squaredLength(present[layer].data.map((value, i) => value - target[i])) / size;
    const rate = stepSize / size;
    const before = picture;
    picture = clip(map(before, (value, i) => value - rate * (gradient.data[i] + 2 * penalty * value)));
    yield { picture, scores, step: step + 1, steps, meters: { error } };
  }
}

/** Name in links and on the page: technique. */
export const TECHNIQUES = {
  saliency, smoothgrad: smoothGrad, gradcam: gradCam, fooling, visualization: classVisualization,
  deepdream: deepDream, inversion: featureInversion,
};
