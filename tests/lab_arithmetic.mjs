// Reads one JSON list of [function, arguments] from standard input; answers with the results.
// A stack of planes is {shape: [planes, height, width], values: [...]} on both sides.

import { readFileSync } from "node:fs";
import { find } from "../site/lab/class_search.js";
import { normalise } from "../site/lab/colours.js";
import { Experiment } from "../site/lab/experiment.js";
import { FourierImage, RandomView } from "../site/lab/fourier.js";
import { fromHash, toLink } from "../site/lab/link.js";
import * as planes from "../site/lab/planes.js";
import { generator } from "../site/lab/random.js";
import { probabilities } from "../site/lab/scores.js";
import { balance, octaveSides } from "../site/lab/techniques.js";

const read = ({ shape: [count, height, width], values }) => planes.stack(count, height, width, Float32Array.from(values));
const write = ({ planes: count, height, width, data }) => ({ shape: [count, height, width], values: [...data] });

function fourier(coefficients, gradient) {
  const image = new FourierImage(gradient.shape[1], generator(0));
  image.coefficients = Float32Array.from(coefficients);
  return { picture: write(image.render()), gradient: [...image.pullBack(read(gradient))] };
}

function view(seed, image, gradient) {
  const one = new RandomView(image.shape[1], generator(seed));
  return { seen: write(one.apply(read(image))), back: write(one.adjoint(read(gradient))) };
}

const FUNCTIONS = {
  resize: (image, height, width) => write(planes.resize(read(image), height, width)),
  roll: (image, down, right) => write(planes.roll(read(image), down, right)),
  gaussianBlur: (image) => write(planes.gaussianBlur(read(image))),
  meanBlur: (image) => write(planes.meanBlur(read(image))),
  balance: (image, std) => write(balance(read(image), std)),
  normals: (seed, count) => Array.from({ length: count }, generator(seed).normal),
  normalise: (values, percentile) => [...normalise(Float32Array.from(values), percentile)],
  probabilities: (scores) => [...probabilities(Float32Array.from(scores))],
  link: (experiment) => fromHash(toLink(new URL("https://site.example/lab.html"), experiment).hash),
  settings: (manifest, wanted) => new Experiment(manifest, wanted).settings,
  fourier, view, octaveSides, find,
};

const requests = JSON.parse(readFileSync(0, "utf-8"));
process.stdout.write(JSON.stringify(requests.map(([name, ...values]) => FUNCTIONS[name](...values))));
