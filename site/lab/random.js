// Random numbers that a seed repeats: the same link gives the same picture.

/**
 * A generator with a seed (mulberry32).
 * @param {number} seed a whole number
 * @returns {{uniform: () => number, normal: () => number, integer: (low: number, high: number) => number}}
 *   uniform: in [0, 1); normal: mean 0, variance 1; integer: low to high, both included
 */
export function generator(seed) {
  let state = seed >>> 0;
  function uniform() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const integer = (low, high) => low + Math.floor(uniform() * (high - low + 1));
  return { uniform, normal, integer };
}

/**
 * Fill an array with `draw()`, value by value.
 * @param {number} length
 * @param {() => number} draw
 * @returns {Float32Array}
 */
export function drawn(length, draw) {
  return Float32Array.from({ length }, draw);
}
