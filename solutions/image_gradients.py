"""Answers of the chapter *The gradient of a picture*: one vector-Jacobian product, two ways."""

import torch

from autograder import Edit, exercise
from autograder.probes import (
    draw_function,
    draw_images,
    draw_like,
    draw_network,
    draw_used_images,
)
from course_lib.examples import Example

MIXED = "a function that mixes the images of a batch"


def _example(name, rung, f, X, generator, **others):
    pixels = getattr(X, "pixels", X)
    grad_output = draw_like(f.build()(pixels).detach(), generator)
    return Example(name, rung, {"f": f, "X": X, "grad_output": grad_output, **others})


def draw_gradient_examples(generator):
    """A curved map, a classifier, and each for one image."""
    f, network = draw_function(generator), draw_network(generator)
    five, one = draw_images(generator), draw_images(generator, count=1)
    return [
        _example("5 images of 6 x 7 pixels", "values", f, five, generator),
        _example("the scores of a small network", "values", network, five, generator),
        _example("a single image", "one image", f, one, generator),
        _example(
            "a network with trainable parameters",
            "repeatable",
            network.changed(frozen=False),
            five,
            generator,
        ),
        _example(MIXED, "repeatable", f.changed(mixes=True), five, generator),
        _example(
            "an X that already holds a gradient",
            "repeatable",
            f,
            draw_used_images(generator),
            generator,
        ),
    ]


ONE_BY_ONE = (
    "You treated the images as if each output depended on its own image alone. `f` may mix the "
    "images of a batch: give it the whole batch, and sum over all outputs."
)
IGNORES_UPSTREAM = (
    "The upstream gradient `grad_output` has no effect on your result: you differentiated the sum "
    "of all outputs. Weigh each output with its entry of `grad_output`."
)


@exercise(
    points=4,
    minutes=10,
    examples=draw_gradient_examples,
    expected=(
        "Compared with the model's own `backward`, further down, the largest difference is 0, or "
        "below one part in a million."
    ),
    hints=(
        "Autograd builds its graph only from tensors with `requires_grad`. `X` is the caller's: "
        "make a copy of your own and mark that.",
        "One function of torch computes exactly this product: `torch.autograd.grad(outputs, "
        "inputs, grad_outputs)`. It returns a tuple, one gradient for each input.",
        "`X = X.detach().clone().requires_grad_()`, then one call of `torch.autograd.grad` with "
        "`f(X)`, `X` and `grad_output`; unpack the tuple.",
    ),
    combine=("X, grad_output)", "return gradient"),
    mistakes=(
        Edit(
            "ignores_upstream",
            IGNORES_UPSTREAM,
            {"torch.autograd.grad(f(X), X, grad_output)": "torch.autograd.grad(f(X).sum(), X)"},
        ),
        Edit(
            "upstream_summed",
            "You summed `grad_output` to one number before multiplying. Each output has an "
            "upstream gradient of its own.",
            {"X, grad_output)": "X, torch.full_like(grad_output, float(grad_output.sum())))"},
        ),
        Edit(
            "upstream_averaged",
            "You replaced `grad_output` by its mean. Each output has an upstream gradient of its "
            "own.",
            {"X, grad_output)": "X, torch.full_like(grad_output, float(grad_output.mean())))"},
        ),
        Edit(
            "mean_for_sum",
            "You averaged the weighted outputs where the chain rule sums them: your result is too "
            "small by the number of outputs.",
            {"X, grad_output)": "X, grad_output / grad_output.numel())"},
        ),
        Edit(
            "batch_mean",
            "You averaged over the batch where the chain rule sums: your result is too small by "
            "the number of images.",
            {"X, grad_output)": "X, grad_output / len(grad_output))"},
        ),
        Edit(
            "one_hot_of_the_largest",
            "You kept only the largest entry of `grad_output`. All of them count.",
            {
                "X, grad_output)": "X, (grad_output == grad_output.max()).to(grad_output))",
            },
        ),
        Edit(
            "largest_entry_only",
            "You kept only the largest entry of `grad_output`. All of them count.",
            {"X, grad_output)": "X, grad_output * (grad_output == grad_output.max()))"},
        ),
        Edit(
            "absolute_upstream",
            "You took the absolute value of `grad_output`. Its sign says in which direction each "
            "output should go.",
            {"X, grad_output)": "X, grad_output.abs())"},
        ),
        Edit(
            "normalised_upstream",
            "You divided `grad_output` by its norm. Use it as it is.",
            {"X, grad_output)": "X, grad_output / grad_output.norm())"},
        ),
        Edit(
            "absolute_value",
            "You took the absolute value of the gradient. Its sign tells which way a pixel should "
            "change; keep it.",
            {"return gradient": "return gradient.abs()"},
        ),
        Edit(
            "sign_of_gradient",
            "You returned the sign of the gradient alone.",
            {"return gradient": "return gradient.sign()"},
        ),
        Edit(
            "descends",
            "You returned the negative gradient. Ascent or descent is decided by whoever uses it.",
            {"return gradient": "return -gradient"},
        ),
        Edit(
            "squared",
            "You squared the gradient.",
            {"return gradient": "return gradient**2"},
        ),
        Edit(
            "normalised",
            "You divided the gradient by its norm. Return it as it is; some methods of later "
            "chapters normalise it themselves.",
            {"return gradient": "return gradient / gradient.norm()"},
        ),
        Edit(
            "gradient_times_input",
            "You multiplied the gradient by the pixels.",
            {"return gradient": "return (gradient * X).detach()"},
        ),
        Edit(
            "channel_maximum",
            "You reduced the colour channels. Here every channel keeps its gradient; the channel "
            "maximum belongs to saliency maps.",
            {"return gradient": "return gradient.abs().amax(dim=1)"},
        ),
        Edit(
            "squared_outputs",
            "You differentiated the square of the outputs.",
            {"grad(f(X), X": "grad(f(X) ** 2, X"},
        ),
        Edit(
            "no_upstream",
            "`f(X)` is many numbers, and autograd starts from one, or from one upstream gradient "
            "for each: hand `grad_output` over, too.",
            {"X, grad_output)": "X)"},
        ),
        Edit(
            "upstream_of_the_whole_batch",
            "Every image got the upstream gradients of all images: multiply entry by entry "
            "(`*`, not `@`).",
            {"X, grad_output)": "X, grad_output.sum(0, keepdim=True).expand_as(grad_output))"},
        ),
        Edit(
            "channels_averaged",
            "You averaged over the colour channels. Here every channel keeps its gradient.",
            {"return gradient": "return gradient.mean(dim=1, keepdim=True).expand_as(gradient)"},
        ),
        Edit(
            "returns_a_tuple",
            "`torch.autograd.grad` returns a tuple; return its first element.",
            {"(gradient,) =": "gradient ="},
        ),
        Edit(
            "no_requires_grad",
            "Autograd had nothing to differentiate: mark your copy with `requires_grad_()` before "
            "you call `f`.",
            {"X.detach().clone().requires_grad_()": "X.detach().clone()"},
        ),
        Edit(
            "keeps_the_graph",
            "Your result still hangs on the autograd graph: leave out `create_graph=True`, or "
            "detach it.",
            {"X, grad_output)": "X, grad_output, create_graph=True)"},
        ),
        Edit(
            "leaves_requires_grad",
            "You marked the caller's tensor. Work on `X.detach().clone()`.",
            {"X = X.detach().clone().requires_grad_()": "X.requires_grad_()"},
        ),
    ),
)
def image_gradient(f, X, grad_output):
    """Pull an upstream gradient back through f: a vector-Jacobian product.

    For every pixel x of X, this is the sum over all outputs o of f(X) of
    ``grad_output[o] * d f(X)[o] / d x``.

    Args:
        f: differentiable function of a batch of images, a network for
            example: leave no gradients in its parameters.
        X: images, a float tensor (N, 3, H, W). Leave it as it is: its
            values, its requires_grad and its grad.
        grad_output: upstream gradient, a tensor of the shape of f(X).

    Returns:
        Gradient with respect to the pixels, signed, neither averaged nor
        normalised, not on the autograd graph: a tensor of the shape of X.
    """
    ### BEGIN SOLUTION
    X = X.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(X), X, grad_output)
    return gradient
    ### END SOLUTION


@image_gradient.mistake(
    "The gradient piles up on the caller's `X.grad`: a second call adds to the first. Use "
    "`torch.autograd.grad`, or a fresh copy of X."
)
def accumulates(f, X, grad_output):
    X.requires_grad_()
    f(X).backward(grad_output)
    return X.grad


@image_gradient.mistake(
    "`.backward()` also filled the gradients of the network's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(f, X, grad_output):
    X = X.detach().clone().requires_grad_()
    f(X).backward(grad_output)
    return X.grad


@image_gradient.mistake(
    "This is a product with the Jacobian from the other side (forward mode): it has the shape of "
    "the output. The upstream gradient is pulled back to the pixels."
)
def forward_mode(f, X, grad_output):
    return torch.func.jvp(f, (X,), (torch.ones_like(X),))[1]


@image_gradient.mistake(
    "This looks like a coarse one-sided difference, not the exact derivative. Let autograd "
    "compute it; finite differences come next."
)
def one_sided_difference(f, X, grad_output):
    eps, gradient, base = 1e-3, torch.zeros_like(X), (f(X) * grad_output).sum()
    for i in range(X.numel()):
        step = torch.zeros_like(X)
        step.view(-1)[i] = eps
        gradient.view(-1)[i] = ((f(X + step) * grad_output).sum() - base) / eps
    return gradient.detach()


@image_gradient.mistake(ONE_BY_ONE)
def one_image_at_a_time(f, X, grad_output):
    gradients = []
    for image, upstream in zip(X.split(1), grad_output.split(1), strict=True):
        image = image.detach().clone().requires_grad_()
        gradients += torch.autograd.grad(f(image), image, upstream)
    return torch.cat(gradients)


@image_gradient.mistake(
    "When X itself requires grad, its clone is still tied to it and `.grad` stays empty: detach "
    "the copy, `X.detach().clone()`."
)
def clone_without_detach(f, X, grad_output):
    images = X.clone().requires_grad_()
    f(images).backward(grad_output)
    return images.grad


@image_gradient.mistake("You cleared the caller's `X.grad`. Leave it as it is and work on a copy.")
def clears_the_gradient(f, X, grad_output):
    X.grad = None
    images = X.detach().clone().requires_grad_()
    return torch.autograd.grad(f(images), images, grad_output)[0]


@image_gradient.mistake(
    "You switched `X.requires_grad` off at the end, but it may have been on. Work on "
    "`X.detach().clone()` and leave X alone."
)
def switches_requires_grad_off(f, X, grad_output):
    X.requires_grad_()
    (gradient,) = torch.autograd.grad(f(X), X, grad_output)
    X.requires_grad_(False)
    return gradient


@image_gradient.mistake(
    "Nothing came back: the last line must `return` the gradient. (The `.grad` of a tensor that "
    "was computed from another one is None.)"
)
def returns_nothing(f, X, grad_output):
    X = X.detach().clone().requires_grad_()
    torch.autograd.grad(f(X), X, grad_output)


@image_gradient.variant
def weighted_sum(f, X, grad_output):
    X = X.detach().clone().requires_grad_()
    return torch.autograd.grad((f(X) * grad_output).sum(), X)[0]


@image_gradient.variant
def functional(f, X, grad_output):
    _, pull_back = torch.func.vjp(f, X)
    return pull_back(grad_output)[0].detach()


@image_gradient.variant
def one_output_at_a_time(f, X, grad_output):
    X = X.detach().clone().requires_grad_()
    out, gradient = f(X).flatten(), torch.zeros_like(X)
    for value, weight in zip(out, grad_output.flatten(), strict=True):
        gradient += weight * torch.autograd.grad(value, X, retain_graph=True)[0]
    return gradient.detach()


@image_gradient.variant
def autograd_functional(f, X, grad_output):
    return torch.autograd.functional.vjp(f, X.clone(), grad_output)[1]


def draw_numerical_examples(generator):
    """Steps so large that central and one-sided differences are told apart with certainty."""
    f = draw_function(generator)
    two, one = draw_images(generator, 2, 4, 5), draw_images(generator, 1, 4, 5)
    return [
        _example("2 images of 4 x 5 pixels, eps = 0.05", "values", f, two, generator, eps=0.05),
        _example("2 images of 4 x 5 pixels, eps = 0.01", "values", f, two, generator, eps=0.01),
        _example("a single image", "one image", f, one, generator, eps=0.02),
        _example(MIXED, "repeatable", f.changed(mixes=True), two, generator, eps=0.02),
    ]


DIFFERENCE = "(weighted_sum(above) - weighted_sum(below))"
QUOTIENT = " / (2 * eps)"
WEIGHTED_SUM = "(f(images) * grad_output).sum()"


@exercise(
    points=4,
    minutes=15,
    examples=draw_numerical_examples,
    expected=(
        "In float64 with `eps = 1e-5` it agrees with `image_gradient` to about nine digits; in "
        "float32 to two or three at best, near `eps = 1e-2`."
    ),
    hints=(
        "A derivative is a limit of difference quotients. Move one pixel up by `eps` and down by "
        "`eps`, and see how much the weighted sum of outputs changes.",
        "Write a small helper that gives the weighted sum `(f(X) * grad_output).sum()`. Loop over "
        "all pixels; for each, make two copies of X that differ from it in that pixel only.",
        "`(plus - minus) / (2 * eps)`, where `plus` and `minus` are the weighted sums at the two "
        "copies. `copy.view(-1)[i] += eps` changes pixel number i.",
    ),
    combine=(DIFFERENCE, QUOTIENT, WEIGHTED_SUM),
    mistakes=(
        Edit(
            "one_sided",
            "This is a one-sided difference, with an error proportional to eps. Step to both "
            "sides: the error becomes proportional to eps squared.",
            {"below = X.clone()": "below = X", "below.view(-1)[i] -= eps": "pass",
             "/ (2 * eps)": "/ eps"},
        ),
        Edit(
            "backward_difference",
            "This is a one-sided difference, with an error proportional to eps. Step to both "
            "sides: the error becomes proportional to eps squared.",
            {"above = X.clone()": "above = X", "above.view(-1)[i] += eps": "pass",
             "/ (2 * eps)": "/ eps"},
        ),
        Edit(
            "twice_too_large",
            "Your result is twice the derivative: the two points are 2 eps apart.",
            {QUOTIENT: " / eps"},
        ),
        Edit(
            "half_too_small",
            "Your result is half the derivative: divide by the distance of the two points that "
            "you really used.",
            {"below = X.clone()": "below = X", "below.view(-1)[i] -= eps": "pass"},
        ),
        Edit(
            "not_divided",
            "You did not divide by the step: this is a difference, not yet a quotient.",
            {QUOTIENT: ""},
        ),
        Edit(
            "precedence",
            "`/ 2 * eps` divides by 2 and then multiplies by eps. Put parentheses: "
            "`/ (2 * eps)`.",
            {QUOTIENT: " / 2 * eps"},
        ),
        Edit(
            "only_one_divided",
            "Only the second of the two terms is divided. Put the difference in parentheses.",
            {"(weighted_sum(above) - weighted_sum(below)) /":
             "weighted_sum(above) - weighted_sum(below) /"},
        ),
        Edit(
            "wrong_order",
            "The sign is reversed: take the value at x + eps minus the value at x - eps.",
            {DIFFERENCE: "(weighted_sum(below) - weighted_sum(above))"},
        ),
        Edit(
            "absolute_value",
            "You took the absolute value. A derivative has a sign.",
            {DIFFERENCE: DIFFERENCE + ".abs()"},
        ),
        Edit(
            "ignores_upstream",
            IGNORES_UPSTREAM,
            {WEIGHTED_SUM: "f(images).sum()"},
        ),
        Edit(
            "mean_for_sum",
            "You averaged the weighted outputs where the chain rule sums them: your result is too "
            "small by the number of outputs.",
            {WEIGHTED_SUM: "(f(images) * grad_output).mean()"},
        ),
        Edit(
            "upstream_summed",
            "You summed the outputs and `grad_output` apart before multiplying. Each output has "
            "an upstream gradient of its own.",
            {WEIGHTED_SUM: "f(images).sum() * grad_output.sum()"},
        ),
        Edit(
            "absolute_upstream",
            "You took the absolute value of `grad_output`. Its sign matters.",
            {WEIGHTED_SUM: "(f(images) * grad_output.abs()).sum()"},
        ),
        Edit(
            "ignores_eps",
            "These are the numbers of a tiny step, or of autograd: take central differences with "
            "the argument `eps`, whatever its size.",
            {"    gradient = torch": "    eps = 1e-5\n    gradient = torch"},
        ),
        Edit(
            "half_step",
            "You stepped by half of eps. Step by eps to each side.",
            {"+= eps": "+= eps / 2", "-= eps": "-= eps / 2", "(2 * eps)": "eps"},
        ),
        Edit(
            "single_precision",
            "You computed in float32, where rounding swamps the small differences. Keep the "
            "precision of X.",
            {"(f(images) * grad_output)": "(f(images).float() * grad_output.float())"},
        ),
        Edit(
            "whole_batch_moved",
            "You moved the same pixel of all images at once. Each pixel of each image has a "
            "derivative of its own.",
            {"above.view(-1)[i] += eps": "above.view(len(X), -1)[:, i % X[0].numel()] += eps",
             "below.view(-1)[i] -= eps": "below.view(len(X), -1)[:, i % X[0].numel()] -= eps"},
        ),
        Edit(
            "channels_moved_together",
            "You moved all three channels of a pixel at once. Each channel has a derivative of "
            "its own.",
            {"above.view(-1)[i] += eps":
             "above.view(len(X), 3, -1)[i // X[0].numel(), :, i % X[0, 0].numel()] += eps",
             "below.view(-1)[i] -= eps":
             "below.view(len(X), 3, -1)[i // X[0].numel(), :, i % X[0, 0].numel()] -= eps"},
        ),
        Edit(
            "steps_pile_up",
            "Each step starts where the one before it ended: the pixels that were moved are not "
            "put back. Start every step from X.",
            {"    gradient = torch": "    moved = X.clone()\n    gradient = torch",
             "above = X.clone()": "moved.view(-1)[max(i - 1, 0)] += eps * (i > 0)\n"
             "        above = moved.clone()",
             "below = X.clone()": "below = moved.clone()"},
        ),
        Edit(
            "steps_left_below",
            "After the step down, the pixel is not put back: each step starts where the one "
            "before it ended. Add eps again, or start every step from X.",
            {"    gradient = torch": "    moved = X.clone()\n    gradient = torch",
             "above = X.clone()": "moved.view(-1)[max(i - 1, 0)] -= eps * (i > 0)\n"
             "        above = moved.clone()",
             "below = X.clone()": "below = moved.clone()"},
        ),
        Edit(
            "everything_moved",
            "You moved all pixels at once. Each pixel has a derivative of its own: move one at a "
            "time.",
            {"above.view(-1)[i] += eps": "above += eps",
             "below.view(-1)[i] -= eps": "below -= eps"},
        ),
        Edit(
            "image_moved",
            "You moved all pixels of an image at once. Each pixel has a derivative of its own: "
            "move one at a time.",
            {"above.view(-1)[i] += eps": "above[i // X[0].numel()] += eps",
             "below.view(-1)[i] -= eps": "below[i // X[0].numel()] -= eps"},
        ),
        Edit(
            "clipped_pixels",
            "You clipped the moved pixels to [0, 1], so that some moved less than eps. Let them "
            "leave that range.",
            {"above.view(-1)[i] += eps": "above.view(-1)[i] += eps\n        above.clamp_(0, 1)",
             "below.view(-1)[i] -= eps": "below.view(-1)[i] -= eps\n        below.clamp_(0, 1)"},
        ),
        Edit(
            "half_step_too_small",
            "You stepped by half of eps to each side but divided by 2 eps: your result is half the "
            "derivative. Step by eps.",
            {"+= eps": "+= eps / 2", "-= eps": "-= eps / 2"},
        ),
        Edit(
            "changes_input",
            "You moved the caller's pixels and did not put them back exactly. Work on a copy.",
            {"    gradient = torch": "    X += 1e-9\n    gradient = torch"},
        ),
        Edit(
            "keeps_a_list",
            "Return one tensor of the shape of X.",
            {"return gradient": "return gradient.flatten().tolist()"},
        ),
        Edit(
            "flat",
            "The numbers are right, but they must have the shape of X.",
            {"return gradient": "return gradient.flatten()"},
        ),
    ),
)  # fmt: skip
def numerical_gradient(f, X, grad_output, eps=1e-5):
    """Estimate `image_gradient` without autograd, by central differences.

    For every pixel x of X, this is the weighted sum of all outputs,
    ``(f(X) * grad_output).sum()``, at x + eps minus that at x - eps,
    divided by 2 eps.

    Args:
        f: function of a batch of images.
        X: images, a float tensor (N, 3, H, W). Leave it as it is.
        grad_output: upstream gradient, a tensor of the shape of f(X).
        eps: the step to either side, a positive number.

    Returns:
        The estimate, a tensor of the shape and dtype of X.
    """

    ### BEGIN SOLUTION
    def weighted_sum(images):
        return (f(images) * grad_output).sum()

    gradient = torch.zeros_like(X)
    for i in range(X.numel()):
        above = X.clone()
        above.view(-1)[i] += eps
        below = X.clone()
        below.view(-1)[i] -= eps
        gradient.view(-1)[i] = (weighted_sum(above) - weighted_sum(below)) / (2 * eps)
    return gradient
    ### END SOLUTION


@numerical_gradient.mistake(ONE_BY_ONE)
def one_output_for_each_image(f, X, grad_output, eps=1e-5):
    gradient = torch.zeros_like(X)
    for i in range(X[0].numel()):
        step = torch.zeros_like(X)
        step.view(len(X), -1)[:, i] = eps
        rise = (f(X + step) - f(X - step)) * grad_output
        gradient.view(len(X), -1)[:, i] = rise.flatten(1).sum(dim=1) / (2 * eps)
    return gradient


@numerical_gradient.variant
def with_indices(f, X, grad_output, eps=1e-5):
    gradient = torch.empty_like(X)
    for n, c, h, w in torch.cartesian_prod(*(torch.arange(size) for size in X.shape)):
        step = torch.zeros_like(X)
        step[n, c, h, w] = eps
        rise = f(X + step) - f(X - step)
        gradient[n, c, h, w] = (rise * grad_output).sum() / (2 * eps)
    return gradient


@numerical_gradient.variant
def in_place_and_back(f, X, grad_output, eps=1e-5):
    work, gradient = X.clone(), torch.zeros_like(X)
    pixels, result = work.view(-1), gradient.view(-1)
    with torch.no_grad():
        for i in range(X.numel()):
            old = pixels[i].item()
            pixels[i] = old + eps
            above = f(work)
            pixels[i] = old - eps
            below = f(work)
            pixels[i] = old
            result[i] = ((above - below) / (2 * eps) * grad_output).sum()
    return gradient


@numerical_gradient.variant
def rows_of_identity(f, X, grad_output, eps=1e-5):
    directions = torch.eye(X.numel(), dtype=X.dtype).view(-1, *X.shape)
    numbers = [
        ((f(X + eps * e) - f(X - eps * e)) * grad_output).sum() / (2 * eps) for e in directions
    ]
    return torch.stack(numbers).view(X.shape).detach()
