// What class scores say.

/** The class with the highest score. @param {Float32Array} scores */
export function best(scores) {
  return scores.reduce((most, score, index) => (score > scores[most] ? index : most), 0);
}

/** The softmax of scores. @returns {Float32Array} */
export function probabilities(scores) {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** A probability for readers. @param {number} chance */
export function percent(chance) {
  if (chance > 0.9995) return "100 %";
  if (chance >= 0.1) return `${Math.round(100 * chance)} %`;
  return chance >= 0.001 ? `${(100 * chance).toFixed(1)} %` : "< 0.1 %";
}
