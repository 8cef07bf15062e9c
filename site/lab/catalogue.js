// The techniques as visitors meet them: names, one sentence each, controls and defaults.

const LITE = "efficientnet_lite0";

/** Controls: how a setting is asked for, and what it does. */
export const CONTROLS = {
  layer: {
    label: "Layer", kind: "layer",
    help: "Early layers know edges and textures, late ones parts of objects.",
  },
  prior: {
    label: "Image kept as", kind: "choice", options: { fourier: "Fourier coefficients", pixels: "pixels" },
    help: "As Fourier coefficients, broad shapes and colours grow as fast as grain.",
  },
  steps: {
    label: "Steps", kind: "number", min: 1, max: 300, step: 1,
    help: "More take longer, and change less and less.",
  },
  stepSize: {
    label: "Step size", kind: "number", min: 0, max: 100, step: "any",
    help: "Longer steps arrive sooner, and overshoot.",
  },
  octaves: {
    label: "Octaves", kind: "number", min: 1, max: 5, step: 1,
    help: "Sizes that the dream goes through, the smallest first: more of them give larger shapes.",
  },
  jitter: {
    label: "Jitter (pixels)", kind: "number", min: 0, max: 32, step: 1,
    help: "The largest random shift before a step. It keeps grain from growing.",
  },
  balanced: {
    label: "Balance the gradient’s bands", kind: "check",
    help: "Coarse and fine patterns get fixed shares. Else the finest take nearly all.",
  },
  noise: {
    label: "Noise (of the range)", kind: "number", min: 0, max: 1, step: 0.05,
    help: "How much noise each copy gets, as a part of the picture’s range.",
  },
  penalty: {
    label: "Penalty λ", kind: "number", min: 0, max: 10, step: "any",
    help: "Keeps the contrast low; 0 for none.",
  },
  blurEvery: {
    label: "Blur every … steps", kind: "number", min: 0, max: 100, step: 1,
    help: "A slight blur takes grain away; 0 for never.",
  },
  size: {
    label: "Canvas (pixels)", kind: "size",
    help: "The network knows things at one size: a larger canvas gets several of them.",
  },
  seed: {
    label: "Seed", kind: "number", min: 0, max: 999999, step: 1,
    help: "Starts the random numbers: the same seed gives the same result.",
  },
};

/**
 * What the page knows of each technique. `upstream` is the upstream vector, the one choice that makes it;
 * `asks` says what the class is to it, `asking` how the visitor is asked for one; `views` are the ways
 * to show its result, the first one first; what is `quick` runs without being asked to.
 */
export const CATALOGUE = {
  saliency: {
    title: "Saliency", chapter: "saliency", asks: "class", asking: "Ask for the class",
    quick: true, usesPicture: true, views: ["over", "map"], percentile: 99,
    about: "How strongly the class score reacts to each pixel.",
    upstream: "1 at the class, 0 at all others",
    controls: [],
    defaults: () => ({}),
  },
  smoothgrad: {
    title: "SmoothGrad", chapter: "doubt", asks: "class", asking: "Ask for the class",
    unit: "Sample", usesPicture: true, views: ["over", "map"], percentile: 99,
    about: "The gradient, averaged over noisy copies of the picture.",
    upstream: "1 at the class, 0 at all others",
    controls: ["steps", "noise", "seed"],
    names: { steps: "Samples" },
    defaults: () => ({ steps: 50, noise: 0.15, seed: 0 }),
  },
  gradcam: {
    title: "Grad-CAM", chapter: "grad_cam", asks: "class", asking: "Ask for the class",
    quick: true, usesPicture: true, views: ["over", "map"], percentile: 100,
    about: "Which places of a layer speak for the class.",
    upstream: "1 at the class, 0 at all others; stopped at the layer",
    controls: ["layer"],
    defaults: (network) => ({ layer: network === LITE ? "bn2" : "silu7" }),
  },
  fooling: {
    title: "Fooling", chapter: "fooling", asks: "target", asking: "Make it a …",
    usesPicture: true, views: ["picture", "change"],
    about: "The smallest steps towards another class, until the network is fooled.",
    upstream: "1 at the target, 0 at all others",
    controls: ["stepSize", "steps"],
    names: { steps: "Most steps", stepSize: "Step length (L2)" },
    defaults: (network) => ({ stepSize: network === LITE ? 0.2 : 0.06, steps: 100 }),
  },
  visualization: {
    title: "Class visualization", chapter: "class_visualization", asks: "target", asking: "Draw a …",
    usesPicture: false, views: ["picture"],
    about: "From noise to a picture that the network takes for the class. No photograph is used.",
    upstream: "1 at the class, 0 at all others",
    controls: ["prior", "steps", "stepSize", "size", "penalty", "jitter", "blurEvery", "seed"],
    onlyPixels: ["penalty", "jitter", "blurEvery"],
    defaults: (network, { prior }) => visualizationDefaults(network, prior),
  },
  deepdream: {
    title: "DeepDream", chapter: "deepdream", asks: null,
    usesPicture: true, views: ["picture"],
    about: "A layer gets more of whatever it sees.",
    upstream: "the layer’s own activations",
    controls: ["layer", "stepSize", "steps", "octaves", "jitter", "seed", "balanced"],
    names: { steps: "Steps per octave" },
    defaults: (network) =>
      network === LITE
        ? { layer: "blocks.4.2", stepSize: 0.01, steps: 10, octaves: 4, jitter: 8, balanced: true, seed: 0 }
        : { layer: "silu7", stepSize: 0.005, steps: 10, octaves: 2, jitter: 4, balanced: false, seed: 0 },
  },
  inversion: {
    title: "Feature inversion", chapter: "feature_inversion", asks: null,
    usesPicture: true, views: ["picture"], takesFlatLayers: true,
    about: "A new picture with the same features: what the layer has kept of yours.",
    upstream: "twice the difference of the features",
    controls: ["layer", "stepSize", "steps", "penalty", "blurEvery", "seed"],
    names: { stepSize: "Step size (relative)" },
    defaults: (network, { layer }) => inversionDefaults(network, layer),
  },
};

// Step sizes in units of 1 / squared length of the target's features, as in the chapter. Bright pictures would
// bear longer ones at early layers; of dark ones, whose features are shorter, nothing would be left.
const INVERSION_STEPS = { efficientnet_lite0: 25, cifar_robust: 6, cifar_plain: 2 };

function inversionDefaults(network, layer = network === LITE ? "blocks.0.0" : "silu3") {
  const stepSize = INVERSION_STEPS[network] * (layer === "blocks.0.0" ? 3 : 1);
  return { layer, stepSize, steps: 80, penalty: 0, blurEvery: 0, seed: 0 };
}

function visualizationDefaults(network, prior = network === LITE ? "fourier" : "pixels") {
  const common = { prior, seed: 0 };
  if (prior === "fourier") {
    return { ...common, steps: 128, stepSize: 0.05, size: network === LITE ? 128 : 32, penalty: 0, jitter: 0, blurEvery: 0 };
  }
  return network === LITE
    ? { ...common, steps: 40, stepSize: 3, size: 128, penalty: 0.001, jitter: 6, blurEvery: 12 }
    : { ...common, steps: 48, stepSize: 1, size: 32, penalty: 0.01, jitter: 2, blurEvery: 12 };
}

/** Sides of the canvas that a network can draw on. */
export function canvasSizes(network) {
  return network === LITE ? [128, 256] : [32, 64];
}

/** What is to be asked for at first: class names by network, where nothing else is chosen. */
export const FIRST_TARGET = { efficientnet_lite0: "goldfish", cifar_robust: "horse", cifar_plain: "horse" };
