"""Answers of the chapter *What a filter looks for* (Erhan et al. 2009; Chollet 2016)."""

import torch

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import draw_network
from course_lib.checks import check_filter
from course_lib.examples import Example

DEAD = 4  # a filter of the small network's conv2 whose weights are set to zero
GAIN = 100  # on conv2, so that its gradients are far larger than 1e-8


def draw_steep_network(generator):
    """A network whose later activations react strongly to the pixels."""
    network = draw_network(generator)
    weights = {
        name: value * GAIN if name.startswith("conv2") else value
        for name, value in network.weights.items()
    }
    return network.changed(weights=weights)


def draw_dead_network(generator):
    """A network in which one filter of conv2 gives the same value whatever the picture."""
    network = draw_steep_network(generator)
    weights = {name: value.clone() for name, value in network.weights.items()}
    weights["conv2.weight"][DEAD] = 0
    return network.changed(weights=weights)


def start(size, seed, model):
    """The picture of the exercise's given lines."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 3, size, size, generator=generator, dtype=model.dtype)
    return (0.5 + 0.05 * noise).to(model.device)


def choose_filter(network, layer, seed, size, sign):
    """The filter with the highest mean of this sign at the start, neither the first nor the last.

    A slightly negative mean has places of both signs: an absolute value and a square show.
    """
    model = network.changed(training=False).build()
    A, _ = model.forward(start(size, seed, model), end=layer)
    means = A[0, 1:-1].mean((1, 2))
    return 1 + int(means.where(means * sign > 0, means.min() - 1).argmax())


def draw_filter_examples(generator):
    """Short ascents whose pixels reach 0 and 1; a dead filter; no step at all; train mode."""
    network, dead = draw_steep_network(generator), draw_dead_network(generator)

    def example(name, rung, model, layer="conv2", sign=-1, size=7, steps=3, rate=0.3, k=None):
        seed = int(torch.randint(1, 1000, (), generator=generator))
        k = choose_filter(model, layer, seed, size, sign) if k is None else k
        return Example(name, rung, {
            "layer": layer, "filter_index": k, "model": model, "learning_rate": rate,
            "num_iterations": steps, "size": size, "seed": seed,
        })  # fmt: skip

    return [
        example("a filter of conv2, 3 steps, 7 x 7 pixels", "values", network),
        example("a filter of softplus2, 4 steps, 10 x 10 pixels", "values", network, "softplus2",
                sign=1, size=10, steps=4, rate=0.16),
        example("a dead filter", "values", dead, steps=3, k=DEAD),
        example("a single step", "one image", network, steps=1),
        example("no step at all", "one image", network, steps=0),
        example("a network in train mode", "repeatable", network.changed(training=True)),
        example("trainable parameters", "repeatable", network.changed(frozen=False), steps=3),
    ]  # fmt: skip


RUN = "A, cache = model.forward(X, end=layer)"
UPSTREAM = "upstream[:, filter_index] = 1 / A[0, 0].numel()"
RMS = "rms = gradient.square().mean().sqrt()"
STEP = "X = (X + learning_rate * gradient / (rms + 1e-8)).clamp(0, 1)"
LOOP = "for _ in range(num_iterations):"
RETURN = "return X"

NEIGHBOUR = (
    "You looked at the filter beside the one that was asked for. Filters count from 0: "
    "`A[:, filter_index]`."
)
NO_EPSILON = (
    "On a dead filter you divided 0 by 0 (NaN). Add the 1e-8 to the root mean square, so that a "
    "picture without gradient stays as it is."
)
LARGE_EPSILON = (
    "The number that you add to the root mean square is so large that it shortens the step. "
    "These gradients are small: add 1e-8."
)
NOT_CLIPPED = (
    "You did not clip the picture to [0, 1] after each step, so the network was shown pixels "
    "that no picture has."
)
STANDARDISED = (
    "You shifted and scaled the picture to a fixed mean and spread to make it look good. Return "
    "the pixels as the ascent left them."
)
RESCALED = (
    "You stretched the picture to its own minimum and maximum. Clip to [0, 1], and leave the "
    "pixels as the ascent left them."
)
L2_NORM = (
    "You divided by the L2 norm, the root of the *sum* of squares. Divide by the root of their "
    "*mean*: then the step does not shrink as the picture grows."
)
MODE = (
    "You ran the network in the mode in which it came: in train mode batch statistics change the "
    "activations. Switch to eval mode first, or use `model.forward`, which does."
)
ONE_STEP_WRONG = "Take exactly `num_iterations` steps: none when it is 0."


@exercise(
    points=7,
    minutes=30,
    examples=draw_filter_examples,
    expected=(
        "For filter 9 of the layer `blocks.2.1` of EfficientNet-Lite0 and the default settings, "
        "the filter's mean activation rises from about -7 to about 53."
    ),
    hints=(
        "What single number do you want to raise? The mean, over rows and columns, of one "
        "channel of the layer's activations. What is its derivative with respect to each "
        "activation of the layer? That is the upstream gradient.",
        "`upstream` has the shape of A: zero everywhere, but 1 / (h w) in all places of channel "
        "`filter_index`. `model.backward(upstream, cache)` brings it down to the pixels.",
        "In the loop: run forward, build `upstream`, run backward, "
        "`rms = gradient.square().mean().sqrt()`, move X by "
        "`learning_rate * gradient / (rms + 1e-8)`, and clip with `.clamp(0, 1)`.",
    ),
    combine=(RMS, STEP),
    mistakes=(
        Edit("minimises",
             "You went down: the filter's mean falls. *Add* the step along the gradient of the "
             "mean.",
             {UPSTREAM: "upstream[:, filter_index] = -1 / A[0, 0].numel()"}),
        Edit("whole_layer",
             "You raised the mean over all channels of the layer; `filter_index` has no effect. "
             "Only this one channel counts.",
             {UPSTREAM: "upstream += 1 / A[0].numel()"}),
        Edit("filter_after", NEIGHBOUR,
             {UPSTREAM: "upstream[:, filter_index + 1] = 1 / A[0, 0].numel()"}),
        Edit("filter_before", NEIGHBOUR,
             {UPSTREAM: "upstream[:, filter_index - 1] = 1 / A[0, 0].numel()"}),
        Edit("first_filter", "You looked at filter 0, whatever `filter_index` says.",
             {UPSTREAM: "upstream[:, 0] = 1 / A[0, 0].numel()"}),
        Edit("filters_up_to_it",
             "You raised all filters up to this one: `[:, :filter_index]` is a range. Pick one, "
             "`[:, filter_index]`.",
             {UPSTREAM: "upstream[:, :filter_index] = 1 / A[0, 0].numel()"}),
        Edit("filters_from_it",
             "You raised all filters from this one on: `[:, filter_index:]` is a range. Pick one, "
             "`[:, filter_index]`.",
             {UPSTREAM: "upstream[:, filter_index:] = 1 / A[0, 0].numel()"}),
        Edit("all_other_filters_down",
             "You also pushed the other filters down. The objective is the mean of this one alone.",
             {UPSTREAM: "upstream -= 1 / A[0].numel()\n        " + UPSTREAM}),
        Edit("row_of_the_layer",
             "You picked a row of the activations, not a channel: their dimensions are (N, C, h, "
             "w), so the filter is `[:, filter_index]`.",
             {UPSTREAM: "upstream[:, :, filter_index] = 1 / A[0, 0].numel()"}),
        Edit("column_of_the_layer",
             "You picked a column of the activations, not a channel: their dimensions are (N, C, "
             "h, w), so the filter is `[:, filter_index]`.",
             {UPSTREAM: "upstream[..., filter_index] = 1 / A[0, 0].numel()"}),
        Edit("squared_activations",
             "You squared the activations, or used them as the upstream gradient: a strongly "
             "negative filter then grows more negative. The objective is their plain mean.",
             {UPSTREAM: "upstream[:, filter_index] = A[:, filter_index]"}),
        Edit("squared_mean",
             "You raised the square of the mean: from a negative mean it goes down. The objective "
             "is the mean itself.",
             {UPSTREAM: "upstream[:, filter_index] = A[:, filter_index].mean()"}),
        Edit("absolute_activations",
             "You took the absolute value of the activations: negative ones are then pushed down. "
             "The objective is their plain mean.",
             {UPSTREAM: "upstream[:, filter_index] = A[:, filter_index].sign()"}),
        Edit("positive_activations",
             "You counted positive activations only. There is no ReLU in the objective: places "
             "below zero are to rise, too.",
             {UPSTREAM: "upstream[:, filter_index] = (A[:, filter_index] > 0).to(A)"}),
        Edit("largest_activation",
             "You raised only the largest activation of the channel. Raise the mean over all its "
             "places.",
             {UPSTREAM: "upstream[:, filter_index] = "
              "(A[:, filter_index] == A[:, filter_index].max()).to(A)"}),
        Edit("middle_of_the_layer",
             "You raised the activation in the middle only, one neuron. Raise the mean over all "
             "places of the channel.",
             {UPSTREAM: "upstream[:, filter_index, A.shape[2] // 2, A.shape[3] // 2] = 1"}),
        Edit("corner_of_the_layer",
             "You raised the activation at the first place only. Raise the mean over all places "
             "of the channel.",
             {UPSTREAM: "upstream[:, filter_index, 0, 0] = 1"}),
        Edit("without_the_border",
             "You left out the border of the activations. Average over all rows and columns.",
             {UPSTREAM: "upstream[:, filter_index, 2:-2, 2:-2] = 1"}),
        Edit("without_a_narrow_border",
             "You left out the border of the activations. Average over all rows and columns.",
             {UPSTREAM: "upstream[:, filter_index, 1:-1, 1:-1] = 1"}),
        Edit("penalised_pixels",
             "You subtracted an L2 penalty on the pixels. Nothing but the filter's mean is asked "
             "for.",
             {RMS: "gradient = gradient - 2e-3 * X\n        " + RMS}),
        Edit("not_normalised",
             "You did not normalise the gradient. Divide it by its root mean square: raw "
             "gradients differ greatly from one layer to the next.",
             {RMS: "rms = 1"}),
        Edit("l2_norm", L2_NORM, {RMS: "rms = gradient.norm()"}),
        Edit("squared_norm",
             "You divided by the sum of squares. Divide by the root of their mean.",
             {RMS: "rms = gradient.square().sum()"}),
        Edit("mean_square",
             "You forgot the root: you divided by the mean square, so small gradients give huge "
             "steps.",
             {RMS: "rms = gradient.square().mean()"}),
        Edit("mean_absolute_value",
             "You divided by the mean absolute value; divide by the root of the mean square.",
             {RMS: "rms = gradient.abs().mean()"}),
        Edit("sum_of_absolute_values",
             "You divided by the sum of the absolute values; divide by the root of the mean "
             "square.",
             {RMS: "rms = gradient.abs().sum()"}),
        Edit("largest_magnitude",
             "You divided by the largest magnitude; divide by the root of the mean square.",
             {RMS: "rms = gradient.abs().max()"}),
        Edit("largest_value",
             "You divided by the gradient's largest value; divide by the root of the mean square.",
             {RMS: "rms = gradient.max()"}),
        Edit("mean_of_the_gradient",
             "You divided by the gradient's mean, in which plus and minus cancel. Square first: "
             "`gradient.square().mean().sqrt()`.",
             {RMS: "rms = gradient.mean()"}),
        Edit("standard_deviation",
             "You divided by the standard deviation, which subtracts the mean first. Divide by "
             "the root of the mean square.",
             {RMS: "rms = gradient.std()"}),
        Edit("population_standard_deviation",
             "You divided by the standard deviation, which subtracts the mean first. Divide by "
             "the root of the mean square.",
             {RMS: "rms = gradient.std(unbiased=False)"}),
        Edit("root_before_the_mean",
             "You took the root before the mean, which gives the mean absolute value per row. "
             "Square, average over everything, and take the root last.",
             {RMS: "rms = gradient.square().sum(dim=3).sqrt().mean()"}),
        Edit("each_colour_by_itself",
             "You normalised each colour by itself. Average the squares over the whole picture: "
             "one number.",
             {RMS: "rms = gradient.square().mean(dim=(2, 3), keepdim=True).sqrt()"}),
        Edit("each_pixel_by_itself",
             "You normalised each pixel by itself. Average the squares over the whole picture: "
             "one number.",
             {RMS: "rms = gradient.square().mean(dim=1, keepdim=True).sqrt()"}),
        Edit("sign_step",
             "You stepped by the sign of the gradient: all pixels move equally far. Divide by the "
             "root mean square.",
             {RMS: "rms = gradient.abs()"}),
        Edit("rms_of_the_picture",
             "You divided by the root mean square of the picture, not of the gradient.",
             {RMS: "rms = X.square().mean().sqrt()"}),
        Edit("rms_of_the_activations",
             "You divided by the root mean square of the activations, not of the gradient.",
             {RMS: "rms = A.square().mean().sqrt()"}),
        Edit("centred_gradient",
             "You subtracted the gradient's mean, so that the picture cannot grow brighter. "
             "Divide by the root mean square, no more.",
             {RMS: "gradient = gradient - gradient.mean()\n        " + RMS}),
        Edit("multiplied",
             "You multiplied by the root mean square; divide by it.",
             {STEP: "X = (X + learning_rate * gradient * rms).clamp(0, 1)"}),
        Edit("no_epsilon", NO_EPSILON, {"(rms + 1e-8)": "rms"}),
        Edit("black_where_dead",
             "A dead filter turned your picture black: NaN was replaced by 0 after the step. Add "
             "the 1e-8, so that the picture stays as it is.",
             {STEP: "X = (X + learning_rate * gradient / rms).nan_to_num(0).clamp(0, 1)"}),
        Edit("large_epsilon", LARGE_EPSILON, {"1e-8": "1e-5"}),
        Edit("larger_epsilon", LARGE_EPSILON, {"1e-8": "1e-4"}),
        Edit("very_large_epsilon", LARGE_EPSILON, {"1e-8": "1e-3"}),
        Edit("epsilon_one", LARGE_EPSILON, {"1e-8": "1"}),
        Edit("not_clipped", NOT_CLIPPED, {STEP: STEP.removesuffix(".clamp(0, 1)")}),
        Edit("clipped_at_the_end_only", NOT_CLIPPED + " Clipping at the end is too late.",
             {STEP: STEP.removesuffix(".clamp(0, 1)"), RETURN: "return X.clamp(0, 1)"}),
        Edit("clipped_below_only",
             "You clipped the picture at 0 but not at 1: `.clamp(0, 1)`.",
             {".clamp(0, 1)": ".clamp(min=0)"}),
        Edit("clipped_above_only",
             "You clipped the picture at 1 but not at 0 (to [-1, 1]?): `.clamp(0, 1)`.",
             {".clamp(0, 1)": ".clamp(max=1)"}),
        Edit("clipped_step",
             "You clipped the step, not the picture: the pixels can only brighten, and leave "
             "[0, 1].",
             {STEP: "X = X + (learning_rate * gradient / (rms + 1e-8)).clamp(0, 1)"}),
        Edit("folded_by_a_sigmoid",
             "You squeezed the picture through a sigmoid. Clip it to [0, 1].",
             {".clamp(0, 1)": ".sigmoid()"}),
        Edit("stretched_after_each_step", RESCALED,
             {".clamp(0, 1)": "\n        X = (X - X.min()) / (X.max() - X.min())"}),
        Edit("stretched_at_the_end", RESCALED,
             {RETURN: "return (X - X.min()) / (X.max() - X.min())"}),
        Edit("standardised_at_the_end", STANDARDISED,
             {RETURN: "return ((X - X.mean()) / (X.std() + 1e-5) * 0.1 + 0.5).clamp(0, 1)"}),
        Edit("standardised_at_the_end_brighter", STANDARDISED,
             {RETURN: "return ((X - X.mean()) / (X.std() + 1e-5) * 0.25 + 0.5).clamp(0, 1)"}),
        Edit("converted_in_place",
             "Turning the picture into one for display (`-=`, `/=`, `*=`) changed X itself, and "
             "the next step went on from there. Convert a copy: `X.clone()`.",
             {STEP: STEP + "\n        shown = X"
              "\n        shown -= shown.mean()\n        shown /= shown.std() + 1e-5"
              "\n        shown *= 0.1\n        shown += 0.5\n        shown.clamp_(0, 1)"}),
        Edit("eight_bits",
             "You rounded the picture to 8 bits. Return the floats.",
             {RETURN: "return (X * 255).round() / 255"}),
        Edit("eight_bits_each_step",
             "You rounded the picture to 8 bits after each step, and small steps were lost. Go on "
             "with the floats.",
             {STEP: STEP + "\n        X = (X * 255).round() / 255"}),
        Edit("scaled_to_255", "Your pixels run to 255. Return floats in [0, 1].",
             {RETURN: "return X * 255"}),
        Edit("learning_rate_ignored",
             "`learning_rate` has no effect on your result.",
             {"learning_rate * gradient": "0.02 * gradient"}),
        Edit("learning_rate_one",
             "`learning_rate` has no effect on your result.",
             {"learning_rate * gradient": "gradient"}),
        Edit("learning_rate_squared", "You multiplied by the learning rate twice.",
             {"learning_rate * gradient": "learning_rate**2 * gradient"}),
        Edit("learning_rate_divides", "You divided by the learning rate; multiply by it.",
             {"learning_rate * gradient": "1 / learning_rate * gradient"}),
        Edit("learning_rate_halved", "You halved the step.",
             {"learning_rate * gradient": "learning_rate / 2 * gradient"}),
        Edit("learning_rate_shared_out",
             "You divided the learning rate by the number of steps. Each step has the full one.",
             {"learning_rate * gradient": "learning_rate / num_iterations * gradient"}),
        Edit("learning_rate_decays",
             "Your steps grow smaller from one to the next. All have the same learning rate.",
             {LOOP: "for step in range(num_iterations):",
              "learning_rate *": "learning_rate * (1 - step / num_iterations) *"}),
        Edit("no_update",
             "The picture that you return is the start: the step was computed, but X does not "
             "take it over.",
             {STEP: STEP.replace("X = ", "moved = ", 1)}),
        Edit("start_is_forgotten",
             "You return the last step alone: add it to the picture.",
             {"(X + learning_rate": "(learning_rate"}),
        Edit("one_step_only",
             "You took one step: the `return` stands inside the loop, or there is none.",
             {LOOP: "for _ in range(min(1, num_iterations)):"}),
        Edit("one_step_more", "You took one step too many. " + ONE_STEP_WRONG,
             {LOOP: "for _ in range(num_iterations + 1):"}),
        Edit("one_step_less", "You took one step too few. " + ONE_STEP_WRONG,
             {LOOP: "for _ in range(num_iterations - 1):"}),
        Edit("at_least_one_step",
             "You took a step although `num_iterations` is 0. " + ONE_STEP_WRONG,
             {LOOP: "for _ in range(max(1, num_iterations)):"}),
        Edit("iterations_ignored", "`num_iterations` has no effect on your result.",
             {LOOP: "for _ in range(40):"}),
        Edit("thirty_iterations", "`num_iterations` has no effect on your result.",
             {LOOP: "for _ in range(30):"}),
        Edit("starts_at_zeros",
             "You started from zeros, a black picture. Start from the X of the given lines.",
             {LOOP: "X = torch.zeros_like(X)\n    " + LOOP}),
        Edit("starts_at_grey",
             "You started from plain grey. Start from the X of the given lines, with its noise.",
             {LOOP: "X = torch.full_like(X, 0.5)\n    " + LOOP}),
        Edit("starts_at_strong_noise",
             "Your start has another noise than the given lines draw.",
             {LOOP: "X = torch.rand(X.shape, generator=torch.Generator().manual_seed(seed)).to(X)"
              "\n    " + LOOP}),
        Edit("draws_again",
             "You drew from `generator` a second time, so the start is another one. Keep the X of "
             "the given lines.",
             {LOOP: "X = 0.5 + 0.05 * torch.randn(X.shape, generator=generator, dtype=X.dtype)"
              "\n    " + LOOP}),
        Edit("not_repeatable",
             "You drew a start from torch's global generator: every call gives another picture. "
             "Keep the X of the given lines.",
             {LOOP: "X = 0.5 + 0.05 * torch.randn_like(X)\n    " + LOOP}),
        Edit("seed_ignored",
             "`seed` has no effect: every call starts from the noise of seed 0.",
             {LOOP: "generator = torch.Generator().manual_seed(0)\n"
              "    X = 0.5 + 0.05 * torch.randn(X.shape, generator=generator, dtype=X.dtype)\n"
              "    " + LOOP}),
        Edit("size_ignored",
             "`size` has no effect on your result.",
             {LOOP: "X = 0.5 + 0.05 * torch.randn(1, 3, 64, 64, "
              "generator=torch.Generator().manual_seed(seed), dtype=X.dtype)\n    " + LOOP}),
        Edit("gradient_at_the_start",
             "You took every step along the gradient of the start. Run the network on the picture "
             "as it is now.",
             {LOOP: "start = X\n    " + LOOP, "forward(X,": "forward(start,"}),
        Edit("gradients_pile_up",
             "Each step's gradient was added to those of the steps before: `.grad` was never "
             "zeroed. Use `torch.autograd.grad`, or a fresh leaf for each step.",
             {LOOP: "total = 0\n    " + LOOP,
              RMS: "total = total + gradient\n        gradient = total\n        " + RMS}),
        Edit("momentum",
             "You added momentum. Each step follows its own gradient alone.",
             {LOOP: "velocity = 0\n    " + LOOP,
              STEP: "velocity = 0.9 * velocity + gradient / (rms + 1e-8)\n"
              "        X = (X + learning_rate * velocity).clamp(0, 1)"}),
        Edit("blurred",
             "You blurred the picture after each step. Plain ascent is asked for.",
             {STEP: STEP + "\n        X = torch.nn.functional.avg_pool2d("
              "X, 3, 1, 1, count_include_pad=False)"}),
        Edit("jittered",
             "You shifted the picture between the steps. Plain ascent is asked for.",
             {STEP: STEP + "\n        X = X.roll((1, 1), (2, 3))"}),
        Edit("grey_gradient",
             "You averaged the gradient over the colours, so the picture stays grey. Keep all "
             "three.",
             {RMS: "gradient = gradient.mean(dim=1, keepdim=True)\n        " + RMS}),
        Edit("layer_before", "You looked at the layer before the one that was asked for.",
             {LOOP: "layer = model.layers[model.layers.index(layer) - 1]\n    " + LOOP}),
        Edit("layer_after", "You looked at the layer after the one that was asked for.",
             {LOOP: "layer = model.layers[model.layers.index(layer) + 1]\n    " + LOOP}),
        Edit("always_the_first_layer", "You looked at the first layer, whatever `layer` says.",
             {LOOP: "layer = model.layers[0]\n    " + LOOP}),
        Edit("class_score",
             "You raised the score of class `filter_index`. A filter is a channel of the layer "
             "`layer`: `model.forward(X, end=layer)`.",
             {RUN: "A, cache = model.forward(X)"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"forward(X,": "forward((X - model.mean) / model.std,"}),
        Edit("train_mode",
             "You ran the network in train mode: batch statistics and dropout change the "
             'activations. `mode="test"` is the default.',
             {"end=layer": 'end=layer, mode="train"'}),
        Edit("returns_the_gradient", "You returned the last gradient. Return the picture.",
             {LOOP: "gradient = torch.zeros_like(X)\n    " + LOOP, RETURN: "return gradient"}),
        Edit("returns_the_change",
             "You returned how much the picture has changed. Return the picture itself.",
             {LOOP: "start = X\n    " + LOOP, RETURN: "return X - start"}),
        Edit("returns_the_activation",
             "You returned the filter's activations. Return the picture.",
             {RETURN: "return model.forward(X, end=layer)[0][:, filter_index]"}),
        Edit("squeezed",
             "You squeezed the result: return a batch of one picture, (1, 3, size, size).",
             {RETURN: "return X.squeeze()"}),
        Edit("channels_last",
             "Your result has the colours at the end, for display. Return (1, 3, size, size).",
             {RETURN: "return X.permute(0, 2, 3, 1)"}),
        Edit("picture_for_display",
             "You returned a picture for display: 8 bits, colours at the end. Return the floats, "
             "(1, 3, size, size).",
             {RETURN: "return torch.as_tensor(model.deprocess(X))[0]"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {RETURN: "return X.numpy()"}),
        Edit("history",
             "You returned the pictures of all steps. Return the last one.",
             {LOOP: "kept = [X]\n    " + LOOP, STEP: STEP + "\n        kept.append(X)",
              RETURN: "return torch.cat(kept)"}),
        Edit("picture_and_values",
             "You returned a tuple. Return the picture alone.", {RETURN: "return X, X.mean()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the picture.",
             {RETURN: "X"}),
    ),
)  # fmt: skip
def visualize_filter(
    layer, filter_index, model, learning_rate=0.03, num_iterations=40, size=64, seed=0
):
    """Draw a picture that makes one filter of a layer answer strongly.

    Gradient ascent on the mean, over rows and columns, of one channel of the
    layer's activations A (N, C, h, w), from the start X that the given lines
    draw. In each of `num_iterations` steps (none if it is 0), take the
    gradient of that mean with respect to the pixels of X, divide it by its
    own root mean square plus 1e-8 (one number: the root of the mean of the
    squares of all its values), multiply by `learning_rate`, add it to X, and
    clip X to [0, 1]. Nothing else: no momentum, no blur, no rescaling.
    Erhan et al. 2009; the normalised step is Chollet's, 2016.

    A dead filter, one whose gradient is zero, leaves the picture as it is.

    Tools: `A, cache = model.forward(X, end=layer)` runs the network up to and
    with `layer`; `gradient, _ = model.backward(upstream, cache)` brings an
    upstream gradient of A's shape down to the pixels. They compute in eval
    mode and leave everything as it was.

    Args:
        layer: name of a layer with activations (N, C, h, w).
        filter_index: number of the channel, from 0.
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters and no hooks on its layers.
        learning_rate: root mean square of a step, before clipping.
        num_iterations: number of steps.
        size: height and width of the picture in pixels.
        seed: of the start's faint noise.

    Returns:
        The picture after the last step, neither rescaled nor rounded, not on
        the autograd graph: a tensor (1, 3, size, size) in [0, 1].

    Raises:
        ValueError: there is no such layer or filter (the first given line
            sees to it).
    """
    check_filter(layer, filter_index, model)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 3, size, size, generator=generator, dtype=model.dtype)
    X = (0.5 + 0.05 * noise).to(model.device)
    ### BEGIN SOLUTION
    for _ in range(num_iterations):
        A, cache = model.forward(X, end=layer)
        upstream = torch.zeros_like(A)
        upstream[:, filter_index] = 1 / A[0, 0].numel()
        gradient, _ = model.backward(upstream, cache)
        rms = gradient.square().mean().sqrt()
        X = (X + learning_rate * gradient / (rms + 1e-8)).clamp(0, 1)
    return X
    ### END SOLUTION


@visualize_filter.mistake(MODE)
def mode_as_it_came(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    X = start(size, seed, model)
    for _ in range(num_iterations):
        X.requires_grad_()
        mean = model.features(X, layer)[:, filter_index].mean()
        (gradient,) = torch.autograd.grad(mean, X)
        step = gradient / (gradient.square().mean().sqrt() + 1e-8)
        X = (X.detach() + learning_rate * step).clamp(0, 1)
    return X


@visualize_filter.mistake(
    "You left the model in eval mode. Note `model.training` first, and put the model back into "
    "that mode at the end."
)
def leaves_eval_mode(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    model.eval()
    return visualize_filter(layer, filter_index, model, learning_rate, num_iterations, size, seed)


@visualize_filter.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad`, or `model.backward`, for the gradient of the picture alone."
)
def pollutes_parameters(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    was_training = model.training
    model.eval()
    X = start(size, seed, model).requires_grad_()
    for _ in range(num_iterations):
        X.grad = None
        model.features(X, layer)[:, filter_index].mean().backward()
        with torch.no_grad():
            X += learning_rate * X.grad / (X.grad.square().mean().sqrt() + 1e-8)
            X.clamp_(0, 1)
    model.train(was_training)
    return X.detach()


@visualize_filter.mistake("Your result still hangs on the autograd graph: return `X.detach()`.")
def keeps_the_graph(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    X = visualize_filter(layer, filter_index, model, learning_rate, num_iterations, size, seed)
    return X.requires_grad_()


@visualize_filter.mistake(
    "You froze the model's parameters and left them frozen. Freezing is not needed: ask for the "
    "gradient of the picture alone."
)
def freezes_the_model(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    model.requires_grad_(False)
    return visualize_filter(layer, filter_index, model, learning_rate, num_iterations, size, seed)


@visualize_filter.mistake(
    "You left your hook on the layer: it runs again at every later call. Remove it in a `finally`."
)
def hook_left_behind(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    model.network.get_submodule(layer).register_forward_hook(lambda *a: None)
    return visualize_filter(layer, filter_index, model, learning_rate, num_iterations, size, seed)


@visualize_filter.mistake(
    "Autograd had nothing to differentiate: the parameters are frozen, so mark the picture with "
    "`requires_grad_()` before each run, or use `model.forward` and `model.backward`."
)
def no_requires_grad(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    was_training = model.training
    model.eval()
    X = start(size, seed, model)
    for _ in range(num_iterations):
        mean = model.features(X, layer)[:, filter_index].mean()
        (gradient,) = torch.autograd.grad(mean, X)
        step = gradient / (gradient.square().mean().sqrt() + 1e-8)
        X = (X + learning_rate * step).clamp(0, 1)
    model.train(was_training)
    return X


@visualize_filter.mistake(
    "After the first step X is no leaf of the graph any more, so its `.grad` stays None. Detach "
    "it and call `requires_grad_()` again in each step."
)
def no_leaf_after_a_step(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    was_training = model.training
    model.eval()
    X = start(size, seed, model).requires_grad_()
    for _ in range(num_iterations):
        model.features(X, layer)[:, filter_index].mean().backward()
        X = X + learning_rate * X.grad / (X.grad.square().mean().sqrt() + 1e-8)
    model.train(was_training)
    return X


@visualize_filter.mistake(
    "You changed X in place although autograd needs it: compute the step under "
    "`torch.no_grad()`, or make a new tensor."
)
def leaf_changed_in_place(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    X = start(size, seed, model).requires_grad_()
    for _ in range(num_iterations):
        mean = model.features(X, layer)[:, filter_index].mean()
        (gradient,) = torch.autograd.grad(mean, X)
        X += learning_rate * gradient / (gradient.square().mean().sqrt() + 1e-8)
    return X


@visualize_filter.mistake(
    "The mean of the channel is one number, but you started autograd from the whole channel: "
    "add `.mean()`."
)
def no_mean(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    X = start(size, seed, model).requires_grad_()
    for _ in range(num_iterations):
        (gradient,) = torch.autograd.grad(model.features(X, layer)[:, filter_index], X)
        X = X + learning_rate * gradient / (gradient.square().mean().sqrt() + 1e-8)
    return X


@visualize_filter.mistake(
    "`A[filter_index]` picks an image of the batch, and there is only one. Channels are the "
    "second dimension: `A[:, filter_index]`."
)
def filter_of_the_batch(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    X = start(size, seed, model).requires_grad_()
    for _ in range(num_iterations):
        (gradient,) = torch.autograd.grad(model.features(X, layer)[filter_index].mean(), X)
        X = X + learning_rate * gradient / (gradient.square().mean().sqrt() + 1e-8)
    return X


@visualize_filter.mistake(
    "You let Adam take the steps. The step that is asked for divides the gradient by its root "
    "mean square, one number for the whole picture."
)
def adam(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    was_training = model.training
    model.eval()
    X = start(size, seed, model).requires_grad_()
    optimizer = torch.optim.Adam([X], lr=learning_rate)
    for _ in range(num_iterations):
        mean = model.features(X, layer)[:, filter_index].mean()
        (X.grad,) = torch.autograd.grad(-mean, X)
        optimizer.step()
        X.data.clamp_(0, 1)
    model.train(was_training)
    return X.detach()


@visualize_filter.variant
def autograd_in_a_loop(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    was_training = model.training
    model.eval()
    X = start(size, seed, model)
    for _ in range(num_iterations):
        X = X.detach().requires_grad_()
        mean = model.features(X, layer)[0, filter_index].mean()
        (gradient,) = torch.autograd.grad(mean, X)
        rms = torch.sqrt(torch.mean(gradient**2))
        X = torch.clamp(X + learning_rate * (gradient / (rms + 1e-8)), 0.0, 1.0)
    model.train(was_training)
    return X.detach()


@visualize_filter.variant
def backward_on_a_leaf(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    modes = [(part, part.training) for part in model.modules()]
    flags = [p.requires_grad for p in model.parameters()]
    model.eval()
    model.requires_grad_(False)
    X = start(size, seed, model).requires_grad_()
    for _ in range(num_iterations):
        loss = -model.features(X, layer)[:, filter_index, :, :].mean()
        loss.backward()
        with torch.no_grad():
            X -= learning_rate * X.grad / (X.grad.pow(2).mean().sqrt() + 1e-8)
            X.clamp_(0, 1)
            X.grad.zero_()
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    for part, training in modes:
        part.training = training
    return X.detach()


@visualize_filter.variant
def sum_and_norm(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    """The sum in place of the mean, and the root mean square as norm by the root of the count."""
    X = start(size, seed, model)
    for _ in range(num_iterations):
        A, cache = model.forward(X, end=layer)
        upstream = torch.zeros_like(A)
        upstream[0, filter_index] = 1.0
        gradient, _ = model.backward(upstream, cache)
        norm = torch.linalg.vector_norm(gradient)
        if norm > 0:
            X = (X + learning_rate * gradient * gradient.numel() ** 0.5 / norm).clip(0, 1)
    return X


@visualize_filter.variant
def removed_hook(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: kept.append(output[:, filter_index].mean())
    )
    modes = [(part, part.training) for part in model.modules()]
    X = start(size, seed, model)
    try:
        model.eval()
        for _ in range(num_iterations):
            X.requires_grad_()
            model(X)
            (gradient,) = torch.autograd.grad(kept.pop(), X)
            rms = (gradient * gradient).mean() ** 0.5
            X = (X.detach() + learning_rate * gradient / (rms + 1e-8)).clamp(0, 1)
    finally:
        hook.remove()
        for part, training in modes:
            part.training = training
    return X


@visualize_filter.variant
def functional(layer, filter_index, model, learning_rate, num_iterations, size, seed):
    was_training = model.training
    model.eval()
    slope = torch.func.grad(lambda X: model.features(X, layer)[:, filter_index].mean())
    X = start(size, seed, model)
    for _ in range(num_iterations):
        gradient = slope(X)
        gradient = gradient / torch.sqrt(torch.mean(torch.square(gradient)) + 1e-24)
        X = torch.clip(X + learning_rate * gradient, min=0, max=1)
    model.train(was_training)
    return X.detach()


@visualize_filter.variant
def settings_as_keywords(layer, filter_index, model, **settings):
    X = start(settings.pop("size", 64), settings.pop("seed", 0), model).detach()
    rate, left = settings.pop("learning_rate", 0.03), settings.pop("num_iterations", 40)
    while left > 0:
        A, cache = model.forward(X, end=layer)
        chosen = torch.nn.functional.one_hot(torch.tensor([filter_index]), A.shape[1]).to(A)
        upstream = chosen[..., None, None].expand_as(A) / (A.shape[2] * A.shape[3])
        dX, _ = model.backward(upstream, cache)
        X = (X + rate * dX / (dX.flatten().dot(dX.flatten()) / dX.numel() + 1e-20).sqrt()).clamp(
            0, 1
        )
        left -= 1
    return X


one_picture_one_meaning = WrittenQuestion(
    name="one_picture_one_meaning",
    points=2,
    answer=(
        "No. The picture shows one input that drives the filter very high, found from one start. "
        "Other inputs may drive it, too, and quite different ones (another start, another "
        "regulariser, the photographs themselves). To support the claim, look at the photographs' "
        "patches that excite the filter most, and at patches with and without dogs' ears: does it "
        "stay low where there is no ear?"
    ),
    marking_scheme=(
        "1 point: the picture is one optimum among many, and says nothing about what else excites "
        "the filter. 1 point: a test on real pictures, in both directions (ears that do not "
        "excite it, or other things that do)."
    ),
)
