// Ascent on Fourier coefficients, as `paint` in the chapter on class visualization:
// what is seen at half and one and a half times its size, and turned, grows into a whole animal.
//
// Image and random views are linear maps (but for a sigmoid), so their gradients are their adjoints,
// written out here: there is no autograd in the browser.

import { stack } from "./planes.js";
import { drawn, generator } from "./random.js";

const START = 0.01;
const CONTRAST = 0.25;
// Columns: brightness, blue against yellow, green against magenta (Olah et al. 2017).
const COLOUR_AXES = [[0.26, 0.09, 0.02], [0.27, 0, -0.05], [0.27, -0.09, 0.03]].map((row) =>
  row.map((value) => value / 0.462),
);
const ADAM = { rate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const VIEW = { shift: 1 / 8, scale: 0.5, degrees: 45 }; // shift: of the side

/** Class visualization with Fourier coefficients, random views and Adam. */
export async function* paint(engine, { target, steps, stepSize, size, seed }) {
  const random = generator(seed);
  const image = new FourierImage(size, random);
  const adam = new Adam(image.coefficients, { ...ADAM, rate: stepSize });
  for (let step = 1; step <= steps; step += 1) {
    const picture = image.render();
    const view = new RandomView(size, random);
    const { scores, gradient } = await engine.pass(view.apply(picture), { target });
    adam.ascend(image.pullBack(view.adjoint(gradient)));
    yield { picture: image.render(), scores, step, steps, meters: { score: scores[target] } };
  }
}

/** A square image whose parameters are real and imaginary parts of three half spectra. */
export class FourierImage {
  /** @param {number} size a power of two */
  constructor(size, random, decay = 1.15) {
    this.size = size;
    this.columns = size / 2 + 1;
    this.coefficients = drawn(3 * size * this.columns * 2, () => START * random.normal());
    this.weight = this.#weights(decay);
  }

  #weights(decay) {
    return Float32Array.from({ length: this.size * this.columns }, (_, i) => {
      const row = Math.floor(i / this.columns);
      const frequency = Math.hypot(Math.min(row, this.size - row), i % this.columns) / this.size;
      return Math.max(frequency, 1 / this.size) ** -decay;
    });
  }

  /** The image, between 0 and 1; remembered for `pullBack`. */
  render() {
    const planes = [0, 1, 2].map((plane) => this.#plane(plane));
    const places = this.size ** 2;
    this.picture = stack(3, this.size, this.size);
    for (let c = 0; c < 3; c += 1) {
      for (let i = 0; i < places; i += 1) {
        const value = COLOUR_AXES[c].reduce((sum, axis, p) => sum + axis * planes[p][i], 0);
        this.picture.data[c * places + i] = 1 / (1 + Math.exp(-CONTRAST * value));
      }
    }
    return this.picture;
  }

  // irfft2 with norm="ortho": the missing half of the spectrum mirrors the one that is there.
  #plane(plane) {
    const { size, columns } = this;
    const real = new Float64Array(size * size);
    const imaginary = new Float64Array(size * size);
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const from = plane * size * columns + row * columns + column;
        const factor = this.weight[row * columns + column];
        const here = row * size + column;
        real[here] += factor * this.coefficients[2 * from] * share(column, size);
        imaginary[here] += factor * this.coefficients[2 * from + 1] * share(column, size);
        const there = ((size - row) % size) * size + ((size - column) % size);
        real[there] += factor * this.coefficients[2 * from] * share(column, size);
        imaginary[there] -= factor * this.coefficients[2 * from + 1] * share(column, size);
      }
    }
    transform2(real, imaginary, size, 1);
    return real;
  }

  /** Gradient of the coefficients for one of the last rendered image. @returns {Float32Array} */
  pullBack(gradient) {
    const { size, columns, picture } = this;
    const places = size ** 2;
    const result = new Float32Array(this.coefficients.length);
    const before = gradient.data.map((g, i) => CONTRAST * g * picture.data[i] * (1 - picture.data[i]));
    for (let plane = 0; plane < 3; plane += 1) {
      const real = new Float64Array(places);
      for (let i = 0; i < places; i += 1) {
        for (let c = 0; c < 3; c += 1) real[i] += COLOUR_AXES[c][plane] * before[c * places + i];
      }
      const imaginary = new Float64Array(places);
      transform2(real, imaginary, size, -1);
      for (let k = 0; k < size * columns; k += 1) {
        const at = Math.floor(k / columns) * size + (k % columns);
        const factor = 2 * this.weight[k] * share(k % columns, size);
        result[2 * (plane * size * columns + k)] = factor * real[at];
        result[2 * (plane * size * columns + k) + 1] = factor * imaginary[at];
      }
    }
    return result;
  }
}

// Columns 0 and size / 2 are their own mirror images: each entry of theirs counts half, twice.
function share(column, size) {
  return column === 0 || column === size / 2 ? 0.5 : 1;
}

/** The unitary Fourier transform of a square, in place; sign -1 forward, +1 back. */
function transform2(real, imaginary, size, sign) {
  for (let row = 0; row < size; row += 1) transform(real, imaginary, row * size, 1, size, sign);
  for (let column = 0; column < size; column += 1) transform(real, imaginary, column, size, size, sign);
}

// Cooley and Tukey 1965, radix 2, with bit reversal.
function transform(real, imaginary, offset, stride, size, sign) {
  for (let i = 1, j = 0; i < size; i += 1) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      swap(real, offset + i * stride, offset + j * stride);
      swap(imaginary, offset + i * stride, offset + j * stride);
    }
  }
  for (let length = 2; length <= size; length *= 2) {
    for (let k = 0; k < length / 2; k += 1) {
      const angle = (sign * 2 * Math.PI * k) / length;
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      for (let start = k; start < size; start += length) {
        const a = offset + start * stride;
        const b = a + (length / 2) * stride;
        const re = real[b] * cosine - imaginary[b] * sine;
        const im = real[b] * sine + imaginary[b] * cosine;
        real[b] = real[a] - re;
        imaginary[b] = imaginary[a] - im;
        real[a] += re;
        imaginary[a] += im;
      }
    }
  }
  const unit = 1 / Math.sqrt(size);
  for (let i = 0; i < size; i += 1) {
    real[offset + i * stride] *= unit;
    imaginary[offset + i * stride] *= unit;
  }
}

function swap(values, a, b) {
  [values[a], values[b]] = [values[b], values[a]];
}

/** One random move, change of size and turn, bilinear, with mirrored borders. */
export class RandomView {
  constructor(size, random) {
    const draw = () => 2 * random.uniform() - 1;
    const factor = 1 + VIEW.scale * draw();
    const angle = (Math.PI / 180) * VIEW.degrees * draw();
    const [right, down] = [VIEW.shift * size * draw(), VIEW.shift * size * draw()];
    this.size = size;
    this.places = new Int32Array(4 * size * size);
    this.weights = new Float32Array(4 * size * size);
    const [cosine, sine] = [Math.cos(angle) / factor, Math.sin(angle) / factor];
    const middle = (size - 1) / 2;
    for (let i = 0; i < size * size; i += 1) {
      const [x, y] = [(i % size) - middle, Math.floor(i / size) - middle];
      this.#point(i, mirrored(cosine * x - sine * y + right + middle, size), mirrored(sine * x + cosine * y + down + middle, size));
    }
  }

  #point(i, x, y) {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    [[0, 0], [1, 0], [0, 1], [1, 1]].forEach(([dx, dy], k) => {
      const [column, row] = [Math.min(left + dx, this.size - 1), Math.min(top + dy, this.size - 1)];
      this.places[4 * i + k] = row * this.size + column;
      this.weights[4 * i + k] = (1 - Math.abs(x - left - dx)) * (1 - Math.abs(y - top - dy));
    });
  }

  /** What is seen of an image. */
  apply(image) {
    return this.#walk(image, (to, i, from, place, weight) => (to[i] += weight * from[place]));
  }

  /** The gradient of the image for one of what was seen. */
  adjoint(gradient) {
    return this.#walk(gradient, (to, i, from, place, weight) => (to[place] += weight * from[i]));
  }

  #walk(image, add) {
    const result = stack(image.planes, this.size, this.size);
    const places = this.size ** 2;
    for (let p = 0; p < image.planes; p += 1) {
      const to = result.data.subarray(p * places, (p + 1) * places);
      const from = image.data.subarray(p * places, (p + 1) * places);
      for (let k = 0; k < 4 * places; k += 1) add(to, k >> 2, from, this.places[k], this.weights[k]);
    }
    return result;
  }
}

// Mirrored at the outer edges of the first and last pixel, as grid_sample's "reflection" does it.
function mirrored(place, size) {
  const folded = Math.abs(((place + 0.5) % (2 * size) + 2 * size) % (2 * size));
  const inside = (folded > size ? 2 * size - folded : folded) - 0.5;
  return Math.min(size - 1, Math.max(0, inside));
}

// Kingma and Ba 2015, uphill.
class Adam {
  constructor(parameters, options) {
    Object.assign(this, options, { parameters, step: 0 });
    this.mean = new Float32Array(parameters.length);
    this.square = new Float32Array(parameters.length);
  }

  ascend(gradient) {
    const { beta1, beta2, epsilon, rate } = this;
    this.step += 1;
    const [first, second] = [1 - beta1 ** this.step, 1 - beta2 ** this.step];
    gradient.forEach((g, i) => {
      this.mean[i] = beta1 * this.mean[i] + (1 - beta1) * g;
      this.square[i] = beta2 * this.square[i] + (1 - beta2) * g * g;
      this.parameters[i] += (rate * this.mean[i]) / first / (Math.sqrt(this.square[i] / second) + epsilon);
    });
  }
}
