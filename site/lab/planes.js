// Stacks of planes, as torch has them: {data: Float32Array, planes, height, width}, plane by plane.

/**
 * @typedef {{data: Float32Array, planes: number, height: number, width: number}} Planes
 */

/**
 * @param {number} planes
 * @param {number} height
 * @param {number} width
 * @param {Float32Array} [data] zeros unless given
 * @returns {Planes}
 */
export function stack(planes, height, width, data = new Float32Array(planes * height * width)) {
  return { data, planes, height, width };
}

/** The same shape with other values: `change(value, index)`. @returns {Planes} */
export function map(image, change) {
  return { ...image, data: image.data.map(change) };
}

/** Values brought into [0, 1]. @returns {Planes} */
export function clip(image) {
  return map(image, (value) => Math.min(1, Math.max(0, value)));
}

/** Sum of squares. @param {Float32Array} data */
export function squaredLength(data) {
  let sum = 0;
  for (const value of data) sum += value * value;
  return sum;
}

/** Mean of the absolute values. @param {Float32Array} data */
export function meanMagnitude(data) {
  let sum = 0;
  for (const value of data) sum += Math.abs(value);
  return sum / data.length;
}

/** Largest absolute difference of two arrays. */
export function largestDifference(one, other) {
  let largest = 0;
  for (let i = 0; i < one.length; i += 1) largest = Math.max(largest, Math.abs(one[i] - other[i]));
  return largest;
}

/** Largest absolute value over the planes, at each place. @returns {Planes} one plane */
export function magnitude(image) {
  const size = image.height * image.width;
  const result = stack(1, image.height, image.width);
  image.data.forEach((value, i) => {
    result.data[i % size] = Math.max(result.data[i % size], Math.abs(value));
  });
  return result;
}

/** Shift as `torch.roll`: what leaves on one side comes in on the other. @returns {Planes} */
export function roll(image, down, right) {
  const { planes, height, width, data } = image;
  const result = stack(planes, height, width);
  for (let p = 0; p < planes; p += 1) {
    for (let y = 0; y < height; y += 1) {
      const from = (p * height + y) * width;
      const to = (p * height + modulo(y + down, height)) * width;
      for (let x = 0; x < width; x += 1) result.data[to + modulo(x + right, width)] = data[from + x];
    }
  }
  return result;
}

function modulo(value, size) {
  return ((value % size) + size) % size;
}

/**
 * Bilinear resizing as torch's `interpolate(align_corners=False, antialias=True)`.
 * @returns {Planes}
 */
export function resize(image, height, width) {
  return alongRows(alongColumns(image, height), width);
}

// For each new place: the first old place with a weight, and the weights from there on.
function triangles(before, after) {
  const scale = before / after;
  const reach = Math.max(scale, 1);
  return Array.from({ length: after }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const last = Math.min(before, Math.floor(centre + reach + 0.5));
    const weights = [];
    for (let i = first; i < last; i += 1) weights.push(Math.max(0, 1 - Math.abs(i + 0.5 - centre) / reach));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function alongColumns({ data, planes, height, width }, after) {
  const result = stack(planes, after, width);
  triangles(height, after).forEach(({ first, weights }, y) => {
    for (let p = 0; p < planes; p += 1) {
      const to = (p * after + y) * width;
      weights.forEach((weight, k) => {
        const from = (p * height + first + k) * width;
        for (let x = 0; x < width; x += 1) result.data[to + x] += weight * data[from + x];
      });
    }
  });
  return result;
}

function alongRows({ data, planes, height, width }, after) {
  const result = stack(planes, height, after);
  const places = triangles(width, after);
  for (let row = 0; row < planes * height; row += 1) {
    for (let x = 0; x < after; x += 1) {
      const { first, weights } = places[x];
      let sum = 0;
      for (let k = 0; k < weights.length; k += 1) sum += weights[k] * data[row * width + first + k];
      result.data[row * after + x] = sum;
    }
  }
  return result;
}

/** torchvision's `gaussian_blur(kernel_size=3, sigma=0.5)`, its borders mirrored. @returns {Planes} */
export function gaussianBlur(image) {
  const side = Math.exp(-2);
  const weights = [side, 1, side].map((weight) => weight / (1 + 2 * side));
  return convolve(image, weights, (place, size) => (place < 0 ? 1 : place >= size ? size - 2 : place));
}

/** Mean over 3 x 3 places, at borders over those that exist. @returns {Planes} */
export function meanBlur(image) {
  const sums = convolve(image, [1, 1, 1], (place, size) => (place < 0 || place >= size ? -1 : place));
  const inside = (place, size) => 3 - (place === 0) - (place === size - 1);
  const { height, width } = image;
  return map(sums, (value, i) => value / (inside(i % width, width) * inside(Math.floor(i / width) % height, height)));
}

// Three weights down, then across; `border` says which place stands for one outside, -1 for none.
function convolve(image, weights, border) {
  const { planes, height, width } = image;
  const pass = (data, rows) => {
    const result = new Float32Array(data.length);
    for (let i = 0; i < data.length; i += 1) {
      const size = rows ? height : width;
      const place = rows ? Math.floor(i / width) % height : i % width;
      weights.forEach((weight, k) => {
        const other = border(place + k - 1, size);
        if (other >= 0) result[i] += weight * data[i + (other - place) * (rows ? width : 1)];
      });
    }
    return result;
  };
  return stack(planes, height, width, pass(pass(image.data, true), false));
}

/** Standard deviation over all values, with n - 1. @param {Float32Array} data */
export function deviation(data) {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  return Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (data.length - 1));
}
