"""Answers of the chapter *DeepDream* (Mordvintsev, Olah and Tyka 2015)."""

from functools import partial

import torch
from torch.nn.functional import interpolate

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import draw_images, draw_network, draw_used_images
from course_lib.examples import Example

LEARNING_RATE = 0.07  # so large that some pixels reach 0 or 1
CALM_IMAGE = 1  # of the batch in which one image has the gradient zero
HEIGHT, WIDTH = 11, 14  # floor, ceiling and rounding of their octaves' sizes differ


def draw_calm_examples(generator):
    """A network and images one of which activates nothing, so that its gradient is zero.

    The network answers a picture that is the mean colour all over with activations 0 of `tanh1`.
    """
    network = draw_network(generator)
    biases = ("conv1.bias", "bn1.bias", "bn1.running_mean")
    silent = {name: torch.zeros_like(network.weights[name]) for name in biases}
    network = network.changed(weights={**network.weights, **silent})
    images = draw_images(generator)
    images[CALM_IMAGE] = network.build().mean
    return network, images


def draw_step_examples(generator):
    """Small curved networks: several layers, an image without any gradient, a single image."""
    network = draw_network(generator)
    five, one = draw_images(generator), draw_images(generator, count=1)
    calm, images = draw_calm_examples(generator)
    used = draw_used_images(generator)

    def example(name, rung, model, X, layer="conv2", learning_rate=LEARNING_RATE):
        settings = {"X": X, "layer": layer, "model": model, "learning_rate": learning_rate}
        return Example(name, rung, settings)

    return [
        example("5 images of 6 x 7 pixels", "values", network, five),
        example("another layer", "values", network, five, "tanh1", 0.02),
        example("an image without a gradient", "values", calm, images, "tanh1"),
        example("a single image", "one image", network, one),
        example("a network in train mode", "repeatable", network.changed(training=True), five),
        example("trainable parameters", "repeatable", network.changed(frozen=False), five),
        example("an X that already holds a gradient", "repeatable", network, used),
    ]


UPSTREAM = "upstream = activations.detach()"
GRADIENT = "(gradient,) = torch.autograd.grad(activations, images, upstream)"
SIZE = "size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)"
STEP = "step = gradient / size.where(size > 0, 1)"
UPDATE = "dreamt = (images.detach() + learning_rate * step).clamp(0, 1)"

ONES = (
    "Your upstream gradient is ones: you raise the sum (or mean) of the activations. DeepDream "
    "takes the activations themselves, so that what is strong already grows most."
)
OWN_SIZE = "Divide by the mean of the gradient's absolute values, one number for each image."
OTHER_LAYER = "Use the output of the layer that is asked for."
RANGE = "Clip the new image to [0, 1]: `clamp(0, 1)`, nothing else."
CLASS_SCORES = (
    "You raised class scores. DeepDream does not ask for a class: it takes the activations of "
    "`layer`, and leaves the rest of the network alone."
)


@exercise(
    points=6,
    minutes=20,
    examples=draw_step_examples,
    expected=(
        "For the photograph `polar_bear`, the layer `blocks.3.1` of the default network and the "
        "learning rate 0.02, one step changes a value by 0.0200 on average, and half the sum of "
        "the squared activations becomes 1.23 times what it was."
    ),
    hints=(
        "A vector-Jacobian product needs an output, an input and an upstream gradient. The output "
        "is the layer's activations, the input the image. What is the upstream gradient when "
        "every activation should grow in proportion to itself?",
        "`torch.autograd.grad(activations, images, grad_outputs)` computes it, with "
        "`activations.detach()` as the upstream gradient; `0.5 * (activations**2).sum()` has the "
        "same gradient. Each image then has its own mean of `gradient.abs()`.",
        "In eval mode: mark a detached copy of X, take `model.features(copy, layer)` and its "
        "gradient. `gradient.abs().mean(dim=(1, 2, 3), keepdim=True)` has one number an image; "
        "where it is 0, divide by 1. Add `learning_rate` times that to the image, `clamp(0, 1)`, "
        "put the mode back.",
    ),
    combine=(UPSTREAM, SIZE, UPDATE),
    mistakes=(
        Edit("upstream_of_ones", ONES, {UPSTREAM: "upstream = torch.ones_like(activations)"}),
        Edit("upstream_of_signs",
             "Your upstream gradient is the sign of the activations (the objective: their "
             "absolute sum). Take the activations themselves.",
             {UPSTREAM: "upstream = activations.detach().sign()"}),
        Edit("absolute_upstream",
             "Your upstream gradient is the magnitude of the activations, so negative ones are "
             "pushed up through zero. Take the activations with their signs.",
             {UPSTREAM: "upstream = activations.detach().abs()"}),
        Edit("squared_upstream",
             "Your upstream gradient is the squared activations. Take the activations "
             "themselves: they are the gradient of *half the sum of the squares*.",
             {UPSTREAM: "upstream = activations.detach() ** 2"}),
        Edit("cubed_upstream",
             "Your upstream gradient is cubic in the activations: were they squared, and then "
             "multiplied or squared again? Take the activations themselves.",
             {UPSTREAM: "upstream = activations.detach() ** 3"}),
        Edit("positive_upstream",
             "You set negative activations of the upstream gradient to zero; they count, too.",
             {UPSTREAM: "upstream = activations.detach().relu()"}),
        Edit("centred_upstream",
             "You subtracted the mean from the activations. Take them as they are.",
             {UPSTREAM: "upstream = activations.detach()\n"
              "    upstream = upstream - upstream.mean(dim=(1, 2, 3), keepdim=True)"}),
        Edit("softmax_upstream",
             "You put the activations through a softmax over the channels. Take them as they are.",
             {UPSTREAM: "upstream = activations.detach().softmax(dim=1)"}),
        Edit("strongest_channel",
             "You followed each image's strongest channel only. The upstream gradient is the "
             "whole layer.",
             {UPSTREAM: "upstream = activations.detach()\n"
              "    strongest = upstream.mean(dim=(2, 3)).argmax(dim=1)\n"
              "    chosen = torch.nn.functional.one_hot(strongest, upstream.shape[1])\n"
              "    upstream = upstream * chosen[..., None, None]"}),
        Edit("first_channel",
             "You followed the first channel only. The upstream gradient is the whole layer.",
             {UPSTREAM: "upstream = torch.zeros_like(activations)\n"
              "    upstream[:, 0] = activations.detach()[:, 0]"}),
        Edit("strongest_activation",
             "You followed the largest activation only. The upstream gradient is the whole layer.",
             {UPSTREAM: "upstream = activations.detach()\n"
              "    largest = upstream.amax(dim=(1, 2, 3), keepdim=True)\n"
              "    upstream = upstream * (upstream == largest)"}),
        Edit("channel_means",
             "You averaged the activations over the places before using them as the upstream "
             "gradient. Every activation is its own upstream gradient.",
             {UPSTREAM: "upstream = activations.detach().mean(dim=(2, 3), keepdim=True)\n"
              "    upstream = upstream.expand_as(activations)"}),
        Edit("batch_mean_of_activations",
             "You averaged the activations over the images. Each image dreams on its own.",
             {UPSTREAM: "upstream = activations.detach().mean(dim=0, keepdim=True)\n"
              "    upstream = upstream.expand_as(activations)"}),
        Edit("first_image_only",
             "Only the first image dreamt: the others did not move.",
             {UPSTREAM: "upstream = activations.detach().clone()\n    upstream[1:] = 0"}),
        Edit("last_image_only",
             "Only the last image dreamt: the others did not move.",
             {UPSTREAM: "upstream = activations.detach().clone()\n    upstream[:-1] = 0"}),
        Edit("class_scores", CLASS_SCORES,
             {"model.features(images, layer)": "model(images)"}),
        Edit("sum_of_class_scores", CLASS_SCORES,
             {"model.features(images, layer)": "model(images)",
              UPSTREAM: "upstream = torch.ones_like(activations)"}),
        Edit("predicted_class", CLASS_SCORES,
             {"model.features(images, layer)": "model(images)",
              UPSTREAM: "chosen = activations.argmax(dim=1)\n    upstream = "
              "torch.nn.functional.one_hot(chosen, activations.shape[1]).to(activations)"}),
        Edit("layer_before", "You used the layer before the one that was asked for. " + OTHER_LAYER,
             {"model.features(images, layer)":
              "model.features(images, model.layers[model.layers.index(layer) - 1])"}),
        Edit("layer_after", "You used the layer after the one that was asked for. " + OTHER_LAYER,
             {"model.features(images, layer)":
              "model.features(images, model.layers[model.layers.index(layer) + 1])"}),
        Edit("always_the_last_layer",
             "You used the last layer with places, whatever `layer` says. " + OTHER_LAYER,
             {"model.features(images, layer)":
              "model.features(images, model.layers[model.layers.index('pool') - 1])"}),
        Edit("first_layer", "You used the network's first layer, whatever `layer` says. "
             + OTHER_LAYER,
             {"model.features(images, layer)": "model.features(images, model.layers[0])"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"model.features(images, layer)":
              "model.features((images - model.mean) / model.std, layer)"}),
        Edit("gradient_of_normalised_pixels",
             "You differentiated with respect to the normalised image, not to the pixels: divide "
             "by `model.std`, or give the pixels to `model`, which normalises them itself.",
             {SIZE: "gradient = gradient * model.std\n    " + SIZE}),
        Edit("descends",
             "You descended: the activations shrink. Add the step, so that they grow.",
             {UPDATE: UPDATE.replace("+ learning_rate", "- learning_rate")}),
        Edit("not_normalised",
             "You did not divide the gradient, so the step's length depends on layer and image. "
             + OWN_SIZE, {STEP: "step = gradient"}),
        Edit("normalised_over_the_batch",
             "You divided all images by one number, so that an image's step depends on the images "
             "beside it. " + OWN_SIZE, {SIZE: "size = gradient.abs().mean()"}),
        Edit("divided_by_norm",
             "You divided by the gradient's length, as for fooling images. " + OWN_SIZE,
             {SIZE: "size = gradient.norm(dim=(1, 2, 3), keepdim=True)"}),
        Edit("divided_by_batch_norm",
             "You divided by the length of all images' gradients together. " + OWN_SIZE,
             {SIZE: "size = gradient.norm()"}),
        Edit("divided_by_squared_norm",
             "You divided by the squared length of the gradient. " + OWN_SIZE,
             {SIZE: "size = (gradient**2).sum(dim=(1, 2, 3), keepdim=True)"}),
        Edit("divided_by_root_mean_square",
             "You divided by the root of the mean square. " + OWN_SIZE,
             {SIZE: "size = (gradient**2).mean(dim=(1, 2, 3), keepdim=True).sqrt()"}),
        Edit("divided_by_deviation",
             "You divided by the gradient's standard deviation. " + OWN_SIZE,
             {SIZE: "size = gradient.std(dim=(1, 2, 3), keepdim=True)"}),
        Edit("divided_by_batch_deviation",
             "You divided by the standard deviation over all images. " + OWN_SIZE,
             {SIZE: "size = gradient.std()"}),
        Edit("centred_gradient",
             "You subtracted the gradient's mean before dividing: the picture may become brighter "
             "or darker as a whole. " + OWN_SIZE,
             {STEP: "mean = gradient.mean(dim=(1, 2, 3), keepdim=True)\n"
              "    step = (gradient - mean) / size.where(size > 0, 1)"}),
        Edit("divided_by_maximum",
             "You divided by the largest value of the gradient. " + OWN_SIZE,
             {SIZE: "size = gradient.abs().amax(dim=(1, 2, 3), keepdim=True)"}),
        Edit("divided_by_sum",
             "You divided by the sum of the absolute values, so the step hardly shows. "
             + OWN_SIZE, {SIZE: "size = gradient.abs().sum(dim=(1, 2, 3), keepdim=True)"}),
        Edit("mean_without_absolute_value",
             "You divided by the mean of the gradient with its signs, which may be near zero or "
             "negative. " + OWN_SIZE,
             {SIZE: "size = gradient.mean(dim=(1, 2, 3), keepdim=True).clone()",
              STEP: "step = gradient / size.where(size != 0, 1)"}),
        Edit("absolute_value_of_the_mean",
             "You took the mean first and then its absolute value. Take `abs()` first, then the "
             "mean. " + OWN_SIZE,
             {SIZE: "size = gradient.mean(dim=(1, 2, 3), keepdim=True).abs()"}),
        Edit("each_channel_divided",
             "You divided every colour channel by its own mean, which shifts the colours. "
             + OWN_SIZE, {SIZE: "size = gradient.abs().mean(dim=(2, 3), keepdim=True)"}),
        Edit("each_pixel_divided",
             "You divided at every pixel by its own mean over the colours. " + OWN_SIZE,
             {SIZE: "size = gradient.abs().mean(dim=1, keepdim=True)"}),
        Edit("sign_step",
             "You took the sign of the gradient, so that every value moves alike. " + OWN_SIZE,
             {STEP: "step = gradient.sign()"}),
        Edit("absolute_gradient",
             "You stepped along the absolute value of the gradient: every pixel gets brighter. "
             "Keep the sign.", {STEP: "step = gradient.abs() / size.where(size > 0, 1)"}),
        Edit("not_a_number",
             "Where the gradient is zero, you divided 0 by 0 (NaN). Such an image stays as it is.",
             {STEP: "step = gradient / size"}),
        Edit("large_epsilon",
             "The constant that you add to the denominator is so large that it shortens the step. "
             "Divide by the mean itself where it is positive (or add 1e-8 at most).",
             {STEP: "step = gradient / (size + 1e-3)"}),
        Edit("all_wait_for_one",
             "One image without a gradient kept all the others from moving. The rule is for each "
             "image on its own.",
             {STEP: "step = gradient / size.where(size > 0, 1) * (size > 0).all()"}),
        Edit("no_clip", "You did not clip. " + RANGE, {".clamp(0, 1)": ""}),
        Edit("clipped_from_minus_one", "You clipped to [-1, 1]. " + RANGE,
             {".clamp(0, 1)": ".clamp(-1, 1)"}),
        Edit("clipped_below_only", "You clipped below 0 only. " + RANGE,
             {".clamp(0, 1)": ".clamp(min=0)"}),
        Edit("rescaled_to_range",
             "You rescaled the image to its minimum and maximum, which changes every pixel. "
             + RANGE,
             {UPDATE: "dreamt = images.detach() + learning_rate * step\n"
              "    low, high = (f(dreamt, (1, 2, 3), True) for f in (torch.amin, torch.amax))\n"
              "    dreamt = (dreamt - low) / (high - low)"}),
        Edit("wrapped_around",
             "Values above 1 came back at 0: that is what a conversion to 8 bits does. " + RANGE,
             {".clamp(0, 1)": ".remainder(1)"}),
        Edit("clipped_step",
             "You clipped the step, not the image: nothing can then become darker. " + RANGE,
             {UPDATE: "dreamt = images.detach() + (learning_rate * step).clamp(0, 1)"}),
        Edit("rounded_to_8_bits",
             "You rounded to 256 levels: steps smaller than half a level are lost. Return floats.",
             {".clamp(0, 1)": ".clamp(0, 1).mul(255).round().div(255)"}),
        Edit("learning_rate_ignored", "The learning rate has no effect: multiply the step with it.",
             {"learning_rate * step": "step"}),
        Edit("learning_rate_hard_coded", "The learning rate is written into the code.",
             {"learning_rate * step": "0.01 * step"}),
        Edit("learning_rate_divided", "You divided by the learning rate; multiply with it.",
             {"learning_rate * step": "step / learning_rate"}),
        Edit("two_steps", "You made two steps at once; one is asked for.",
             {"learning_rate * step": "2 * learning_rate * step"}),
        Edit("half_a_step", "Your step is half as long as asked for.",
             {"learning_rate * step": "0.5 * learning_rate * step"}),
        Edit("no_update", "The image came back as it was: return the new one, after the step.",
             {"return dreamt": "return images.detach()"}),
        Edit("returns_the_gradient", "You returned the gradient; return the new image.",
             {"return dreamt": "return gradient"}),
        Edit("returns_the_step", "You returned the step alone; add it to the image.",
             {"return dreamt": "return learning_rate * step"}),
        Edit("step_times_image",
             "You multiplied the step with the image, so dark pixels cannot move. Add the step "
             "itself.", {"learning_rate * step": "learning_rate * step * images.detach()"}),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension.",
             {"return dreamt": "return dreamt.squeeze()"}),
        Edit("train_mode",
             "You ran the network in the mode in which it came. Switch to eval mode first: in "
             "train mode dropout and batch statistics change the dream at every call.",
             {"    model.eval()\n": ""}),
        Edit("switches_to_train_mode",
             "You switched the network to train mode. In eval mode dropout is off and the stored "
             "batch statistics count.", {"model.eval()": "model.train()"}),
        Edit("leaves_eval_mode",
             "You left the model in eval mode. Note `model.training` first, and put the model back "
             "into that mode at the end.", {"    model.train(was_training)\n": ""}),
        Edit("leaves_requires_grad",
             "You marked the caller's tensor. Work on `X.detach().clone()`.",
             {"images = X.detach().clone().requires_grad_()": "images = X.requires_grad_()"}),
        Edit("no_requires_grad",
             "Autograd had nothing to differentiate. Mark your copy of X with `requires_grad_()` "
             "before you call the model.",
             {"X.detach().clone().requires_grad_()": "X.detach().clone()"}),
        Edit("no_upstream",
             "Autograd starts from one number, unless it gets an upstream gradient: give the "
             "activations as `grad_outputs`.",
             {GRADIENT: "(gradient,) = torch.autograd.grad(activations, images)"}),
        Edit("keeps_the_graph",
             "Your result still hangs on the autograd graph: add the step to the detached image.",
             {UPDATE: UPDATE.replace("images.detach()", "images")}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"return dreamt": "return dreamt.numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the new image.",
             {"return dreamt": "dreamt"}),
    ),
)  # fmt: skip
def deepdream_step(X, layer, model, learning_rate):
    """One step towards images that excite a layer more in its own way.

    The upstream gradient at `layer` is the layer's activations themselves,
    with their signs: the gradient of half the sum of their squares. Pulled
    back to the image, it is divided by the mean of its absolute values, one
    number for each image, so that a value moves by `learning_rate` on
    average. (At most 1e-8 may be added to that number.) Then the image takes
    the step, uphill, and is clipped to [0, 1]. An image whose gradient is
    zero everywhere does not move. Mordvintsev, Olah and Tyka 2015.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        layer: name of a layer with activations (N, C, h, w).
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters and no hooks on its layers.
        learning_rate: how far a value moves, on average, before clipping.

    Returns:
        The new images in [0, 1], not on the autograd graph: a tensor
        (N, 3, H, W).
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    activations = model.features(images, layer)
    upstream = activations.detach()
    (gradient,) = torch.autograd.grad(activations, images, upstream)
    size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    step = gradient / size.where(size > 0, 1)
    dreamt = (images.detach() + learning_rate * step).clamp(0, 1)
    model.train(was_training)
    return dreamt
    ### END SOLUTION


def _ascend(X, gradient, learning_rate):
    """The rest of a right step, for answers that come to the gradient in another way."""
    size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    step = gradient / size.where(size > 0, 1)
    return (X.detach() + learning_rate * step).clamp(0, 1)


@deepdream_step.mistake(
    "The gradient piles up on the caller's `X.grad`: a second call adds to the first. Use "
    "`torch.autograd.grad`, or a fresh copy of X."
)
def accumulates(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    X.requires_grad_()
    (0.5 * model.features(X, layer) ** 2).sum().backward()
    model.train(was_training)
    return _ascend(X, X.grad, learning_rate)


@deepdream_step.mistake("You changed the caller's images in place. Work on a copy and return that.")
def changes_the_callers_images(X, layer, model, learning_rate):
    X.data = deepdream_step(X, layer, model, learning_rate)
    return X.detach().clone()


@deepdream_step.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    (0.5 * model.features(images, layer) ** 2).sum().backward()
    model.train(was_training)
    return _ascend(X, images.grad, learning_rate)


@deepdream_step.mistake(
    "When X itself requires grad, its clone is still tied to it and `.grad` stays empty: detach "
    "the copy, `X.detach().clone()`."
)
def clone_without_detach(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    images = X.clone().requires_grad_()
    (0.5 * model.features(images, layer) ** 2).sum().backward()
    model.train(was_training)
    model.zero_grad()
    return _ascend(X, images.grad, learning_rate)


@deepdream_step.mistake("You cleared the caller's `X.grad`. Leave it as it is and work on a copy.")
def clears_the_gradient(X, layer, model, learning_rate):
    X.grad = None
    return deepdream_step(X, layer, model, learning_rate)


@deepdream_step.mistake(
    "You left your hook on the layer: it runs again at every later call. Remove it in a `finally`."
)
def hook_left_behind(X, layer, model, learning_rate):
    model.network.get_submodule(layer).register_forward_hook(lambda *_: None)
    return deepdream_step(X, layer, model, learning_rate)


@deepdream_step.mistake(
    "You differentiated the upstream gradient, too: the product of the activations with "
    "themselves, squared again. Detach one of the two, or take half the sum of the squares."
)
def fourth_power(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    energy = (model.features(images, layer) ** 2).sum(dim=1)
    (gradient,) = torch.autograd.grad((energy**2).sum(), images)
    model.train(was_training)
    return _ascend(X, gradient, learning_rate)


@deepdream_step.mistake(
    "You stepped twice, the second time from where the first had led. One step is asked for."
)
def steps_twice(X, layer, model, learning_rate):
    once = deepdream_step(X, layer, model, learning_rate)
    return deepdream_step(once, layer, model, learning_rate)


@deepdream_step.variant
def one_image_at_a_time(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    dreamt = torch.zeros_like(X, requires_grad=False)
    for i in range(len(X)):
        image = X[i : i + 1].detach().clone().requires_grad_()
        objective = 0.5 * model.features(image, layer).pow(2).sum()
        gradient = torch.autograd.grad(objective, image)[0]
        mean = gradient.abs().mean()
        step = gradient / mean if mean > 0 else gradient
        dreamt[i] = torch.clip(image.detach() + learning_rate * step, 0, 1)[0]
    model.train(was_training)
    return dreamt


@deepdream_step.variant
def doubled_objective(X, layer, model, learning_rate):
    """Twice the gradient, which the division takes out."""
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    objective = (model.features(images, layer) ** 2).sum()
    (gradient,) = torch.autograd.grad(objective, images)
    model.train(was_training)
    return _ascend(X, gradient, learning_rate)


@deepdream_step.variant
def mean_of_the_squares(X, layer, model, learning_rate):
    """A constant factor of the gradient, which the division takes out; and a small constant."""
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    objective = (model.features(images, layer) ** 2).mean()
    (gradient,) = torch.autograd.grad(objective, images)
    model.train(was_training)
    gradient = gradient / (gradient.abs().mean(dim=(1, 2, 3), keepdim=True) + 1e-11)
    return (X.detach() + learning_rate * gradient).clamp(0, 1)


@deepdream_step.variant
def explicit_backward(X, layer, model, learning_rate):
    activations, cache = model.forward(X, end=layer)
    gradient, _ = model.backward(activations, cache)
    size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return (X.detach() + learning_rate * gradient / (size + 1e-8)).clamp(0, 1)


@deepdream_step.variant
def functional(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    activations, pull_back = torch.func.vjp(lambda images: model.features(images, layer), X)
    (gradient,) = pull_back(activations)
    model.train(was_training)
    return _ascend(X, gradient.detach(), learning_rate)


@deepdream_step.variant
def backward_on_a_copy(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    flags = [p.requires_grad for p in model.parameters()]
    model.requires_grad_(False)
    images = X.detach().clone().requires_grad_(True)
    activations = model.features(images, layer)
    activations.backward(gradient=activations.detach())
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    model.train(was_training)
    with torch.no_grad():
        images += learning_rate * torch.nan_to_num(
            images.grad / images.grad.abs().mean(dim=(1, 2, 3), keepdim=True)
        )
        images.clamp_(0, 1)
    return images.detach()


@deepdream_step.variant
def with_a_hook(X, layer, model, learning_rate):
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2]))
    try:
        model(images)
    finally:
        hook.remove()
        model.train(was_training)
    (gradient,) = torch.autograd.grad(kept[0], images, kept[0].detach())
    return _ascend(X, gradient, learning_rate)


# --- The dream: octaves and jitter ---------------------------------------------------------------


def draw_dream_examples(generator):
    """Short dreams on small curved networks, every argument away from its default."""
    network, other = draw_network(generator), draw_network(generator)
    five = draw_images(generator, height=HEIGHT, width=WIDTH)
    one = draw_images(generator, count=1, height=HEIGHT, width=WIDTH)
    used = draw_used_images(generator)
    long = {"layer": "conv2", "learning_rate": 0.06, "num_iterations": 2, "num_octaves": 3,
            "octave_scale": 1.3, "max_jitter": 2, "seed": 5}  # fmt: skip
    other_settings = {"layer": "tanh1", "learning_rate": 0.09, "num_iterations": 3,
                      "num_octaves": 2, "octave_scale": 1.9, "max_jitter": 4,
                      "seed": 11}  # fmt: skip
    plain = {**long, "num_octaves": 1, "max_jitter": 0, "num_iterations": 4}
    short = {**long, "num_octaves": 2, "num_iterations": 1}

    def example(name, rung, model, X, settings):
        return Example(name, rung, {"X": X, "model": model, **settings})

    train, trainable = network.changed(training=True), network.changed(frozen=False)
    return [
        example("5 images of 11 x 14 pixels, 3 octaves", "values", network, five, long),
        example("2 octaves of another network", "values", other, five, other_settings),
        example("one octave, no jitter", "values", network, five, plain),
        example("a single image", "one image", network, one, short),
        example("a network in train mode", "repeatable", train, five, short),
        example("trainable parameters", "repeatable", trainable, five, short),
        example("an X that already holds a gradient", "repeatable", network, used, short),
    ]


OCTAVES = "for octave in reversed(range(num_octaves)):"
SIDES = "size = [round(side / octave_scale**octave) for side in X.shape[2:]]"
BASE = "base = resize(X, size)"
START = "picture = (base + resize(detail, size)).clamp(0, 1)"
ITERATIONS = "for _ in range(num_iterations):"
DRAW = "dy, dx = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator).tolist()"
ROLL = "rolled = picture.roll((dy, dx), (2, 3))"
CALL = "rolled = deepdream_step(rolled, layer, model, learning_rate)"
BACK = "picture = rolled.roll((-dy, -dx), (2, 3))"
DETAIL = "detail = picture - base"
RETURN = "return picture"

WRONG_STEPS = {mistake.key: mistake.function for mistake in deepdream_step.mistakes}
STEPS_THAT_SPOIL_A_DREAM = (
    "descends", "upstream_of_ones", "squared_upstream", "positive_upstream", "class_scores",
    "layer_before", "layer_after", "not_normalised", "normalised_over_the_batch",
    "divided_by_norm", "divided_by_deviation", "divided_by_maximum", "sign_step", "no_clip",
    "learning_rate_ignored", "returns_the_gradient", "train_mode", "pollutes_parameters",
    "returns_nothing",
)  # fmt: skip


def _with_wrong_steps():
    """The right loop around each wrong step that would spoil it, as edits of the loop."""
    for mistake in deepdream_step.mistakes:
        if mistake.key in STEPS_THAT_SPOIL_A_DREAM:
            yield Edit(
                f"step_{mistake.key}",
                f"Your loop is right, but not the `deepdream_step` that it calls. {mistake.says}",
                {"deepdream_step(": f'WRONG_STEPS["{mistake.key}"]('},
            )


ROUNDING = "Take Python's `round(side / octave_scale**octave)`."
RESIZING = "Resize with the given `resize`: bilinear, `align_corners=False`, `antialias=True`."
FULL_SIZE = "The octaves count down from `num_octaves - 1`, the smallest, to 0, the full size."
CARRY = (
    "Before an octave, add the *detail* of the one before it (dreamt picture minus that octave's "
    "own picture), resized, to this octave's own picture."
)
UNDO = "After the step, roll back by `(-dy, -dx)`."
FRESH_DRAW = (
    "Before every step draw anew, `torch.randint(-max_jitter, max_jitter + 1, (2,), "
    "generator=generator)`: rows first, then columns."
)


@exercise(
    points=8,
    minutes=35,
    examples=draw_dream_examples,
    expected=(
        "For the photograph `polar_bear`, the layer `blocks.4.2` of the default network and the "
        "default arguments, a value of the dream differs from the photograph by 0.117 on average."
    ),
    hints=(
        "Write the loop for one size first: roll, step, roll back, `num_iterations` times. With "
        "`num_octaves=1` that is all, and `check` has an example of it.",
        "What carries over from one octave to the next is neither the picture nor nothing: it is "
        "what the dream added, `detail = picture - base`. It starts at zero.",
        "For `octave` in `reversed(range(num_octaves))`: the size; `base = resize(X, size)`; "
        "the dream's first `picture`, which is `base` plus the resized `detail`, clipped to "
        "[0, 1]; the loop of steps; the new `detail`. After the last octave return `picture`.",
    ),
    mistakes=(
        Edit("octaves_from_large_to_small",
             "You went from the full size to the smallest octave. " + FULL_SIZE,
             {OCTAVES: "for octave in range(num_octaves):",
              RETURN: "return (resize(X, X.shape[2:]) + resize(detail, X.shape[2:])).clamp(0, 1)"}),
        Edit("returns_the_smallest",
             "Your result has the size of the smallest octave, so you ended there. " + FULL_SIZE,
             {OCTAVES: "for octave in range(num_octaves):"}),
        Edit("one_octave_too_few", "You left out the smallest octave. " + FULL_SIZE,
             {OCTAVES: "for octave in reversed(range(max(1, num_octaves - 1))):"}),
        Edit("one_octave_too_many", "You began one octave too small. " + FULL_SIZE,
             {OCTAVES: "for octave in reversed(range(num_octaves + 1)):"}),
        Edit("full_size_left_out",
             "You stopped before the octave of full size. " + FULL_SIZE,
             {OCTAVES: "for octave in reversed(range(1, num_octaves + 1)):"}),
        Edit("full_size_not_dreamt",
             "You did not dream in the octave of full size, only enlarged to it. " + FULL_SIZE,
             {ITERATIONS: "for _ in range(num_iterations if octave else 0):"}),
        Edit("no_octaves", "You dreamt at full size only: `num_octaves` has no effect.",
             {OCTAVES: "for octave in [0]:"}),
        Edit("all_octaves_of_full_size",
             "All your octaves have the full size: divide the sides by `octave_scale**octave`.",
             {SIDES: "size = list(X.shape[2:])"}),
        Edit("linear_sizes",
             "You divided by `octave_scale` times the octave's number; it is a power: "
             "`octave_scale**octave`.",
             {SIDES: "size = [round(side / max(1, octave_scale * octave)) "
              "for side in X.shape[2:]]"}),
        Edit("default_octave_scale", "`octave_scale` has no effect: 1.4 is only its default.",
             {SIDES: "size = [round(side / 1.4**octave) for side in X.shape[2:]]"}),
        Edit("sizes_rounded_down", "You rounded the sizes down. " + ROUNDING,
             {SIDES: "size = [int(side / octave_scale**octave) for side in X.shape[2:]]"}),
        Edit("sizes_rounded_up", "You rounded the sizes up. " + ROUNDING,
             {SIDES: "size = [int(-(-side // octave_scale**octave)) for side in X.shape[2:]]"}),
        Edit("sizes_rounded_again_and_again",
             "You computed each size from the rounded one before it. " + ROUNDING,
             {SIDES: "size = list(X.shape[2:])\n        for _ in range(octave):\n"
              "            size = [round(side / octave_scale) for side in size]"}),
        Edit("height_and_width_swapped",
             "An octave's height and width are swapped: images are (N, 3, height, width).",
             {"X.shape[2:]]": "(X.shape[3], X.shape[2])]"}),
        Edit("base_resized_step_by_step",
             "You made each octave's own picture from the next larger one. Resize it from X "
             "itself.",
             {BASE: "base = X\n        for k in range(1, octave + 1):\n"
              "            smaller = [round(side / octave_scale**k) for side in X.shape[2:]]\n"
              "            base = resize(base, smaller)"}),
        Edit("nearest", "You resized to the nearest pixel. " + RESIZING,
             {"    X = X.detach()\n":
              "    X = X.detach()\n    resize = partial(interpolate, mode='nearest')\n"}),
        Edit("no_antialias", "You resized without `antialias=True`. " + RESIZING,
             {"    X = X.detach()\n":
              "    X = X.detach()\n    resize = partial(interpolate, mode='bilinear')\n"}),
        Edit("aligned_corners", "You resized with `align_corners=True`. " + RESIZING,
             {"    X = X.detach()\n":
              "    X = X.detach()\n    resize = partial(interpolate, mode='bilinear', "
              "align_corners=True)\n"}),
        Edit("bicubic", "You resized bicubically. " + RESIZING,
             {"    X = X.detach()\n":
              "    X = X.detach()\n    resize = partial(interpolate, mode='bicubic', "
              "antialias=True)\n"}),
        Edit("detail_resized_to_nearest", "You enlarged the detail to the nearest pixel. "
             + RESIZING,
             {"resize(detail, size)": 'interpolate(detail, size, mode="nearest")'}),
        Edit("detail_not_carried_over",
             "Every octave begins anew: what the smaller ones dreamt is lost. " + CARRY,
             {START: "picture = base"}),
        Edit("picture_carried_over",
             "You enlarged the dreamt picture itself and went on with it, so the photograph's own "
             "fine detail is lost. " + CARRY,
             {BASE: "base = resize(X, size)\n        seen = base if octave == num_octaves - 1 "
              "else resize(detail, size)",
              START: "picture = seen.clamp(0, 1)", DETAIL: "detail = picture"}),
        Edit("picture_added",
             "You added the dreamt picture, not its detail: that shows the photograph twice. "
             + CARRY, {DETAIL: "detail = picture"}),
        Edit("half_and_half",
             "You averaged the octave's own picture with the dream. " + CARRY,
             {START: "enlarged = resize(detail, size)\n"
              "        picture = base if octave == num_octaves - 1 else (base + enlarged) / 2",
              DETAIL: "detail = picture"}),
        Edit("newest_detail_only",
             "Your detail holds only what the last octave added; that of the octaves before it "
             "is lost. Subtract the octave's own picture, not the one that it began with.",
             {START: START + "\n        began = picture", DETAIL: "detail = picture - began"}),
        Edit("detail_counted_twice",
             "You added each octave's detail to the sum of those before it, but it already holds "
             "them. Replace the detail: `detail = picture - base`.",
             {DETAIL: "detail = resize(detail, size) + picture - base"}),
        Edit("detail_of_the_wrong_sign",
             "You subtracted the wrong way round, so that the next octave undoes the dream: it is "
             "`picture - base`.", {DETAIL: "detail = base - picture"}),
        Edit("detail_clipped",
             "You clipped the detail to [0, 1], so nothing darkens. Detail has both signs; only "
             "the picture is clipped.",
             {DETAIL: "detail = (picture - base).clamp(0, 1)"}),
        Edit("detail_halved", "You added half of the detail; add all of it.",
             {START: "picture = (base + 0.5 * resize(detail, size)).clamp(0, 1)"}),
        Edit("start_not_clipped",
             "You did not clip `base` plus detail to [0, 1] before the first step of an octave.",
             {START: "picture = base + resize(detail, size)"}),
        Edit("jitter_not_undone",
             "You did not roll the picture back, so it wanders. " + UNDO,
             {BACK: "picture = rolled"}),
        Edit("jitter_undone_with_the_same_sign",
             "You rolled the picture by the same amount again instead of back. " + UNDO,
             {BACK: "picture = rolled.roll((dy, dx), (2, 3))"}),
        Edit("rows_rolled_back_only", "You rolled the rows back, but not the columns. " + UNDO,
             {BACK: "picture = rolled.roll(-dy, 2)"}),
        Edit("columns_rolled_back_only", "You rolled the columns back, but not the rows. " + UNDO,
             {BACK: "picture = rolled.roll(-dx, 3)"}),
        Edit("rolled_back_by_the_other",
             "You rolled the rows back by the columns' shift and the columns by the rows'. " + UNDO,
             {BACK: "picture = rolled.roll((-dx, -dy), (2, 3))"}),
        Edit("rolled_back_once_an_octave",
             "You rolled back at the end of the octave, by the last shift only. " + UNDO,
             {BACK: "picture = rolled",
              DETAIL: "picture = picture.roll((-dy, -dx), (2, 3))\n        " + DETAIL}),
        Edit("jitter_of_rows_only", "You shift rows only. Shift rows and columns.",
             {ROLL: "rolled = picture.roll(dy, 2)", BACK: "picture = rolled.roll(-dy, 2)"}),
        Edit("jitter_of_columns_only", "You shift columns only. Shift rows and columns.",
             {ROLL: "rolled = picture.roll(dx, 3)", BACK: "picture = rolled.roll(-dx, 3)"}),
        Edit("jitter_of_columns_first",
             "You took the first random number for the columns. " + FRESH_DRAW,
             {"(dy, dx), (2, 3)": "(dx, dy), (2, 3)", "(-dy, -dx), (2, 3)": "(-dx, -dy), (2, 3)"}),
        Edit("jitter_of_one_number",
             "You shift rows and columns by the same number. " + FRESH_DRAW,
             {DRAW: DRAW + "\n            dx = dy"}),
        Edit("jitter_the_other_way",
             "You rolled by `(-dy, -dx)` first and back by `(dy, dx)`: the other way round.",
             {DRAW: DRAW + "\n            dy, dx = -dy, -dx"}),
        Edit("jitter_in_one_direction",
             "You draw shifts from 0 on; they go both ways. " + FRESH_DRAW,
             {"randint(-max_jitter,": "randint(0,"}),
        Edit("largest_jitter_left_out",
             "`torch.randint` leaves its upper end out, so `max_jitter` itself is never drawn. "
             + FRESH_DRAW,
             {DRAW: "high = max_jitter + (max_jitter == 0)\n            "
              "dy, dx = torch.randint(-max_jitter, high, (2,), generator=generator).tolist()"}),
        Edit("no_jitter", "You do not shift the picture: `max_jitter` has no effect.",
             {DRAW: "dy = dx = 0"}),
        Edit("jitter_of_the_global_generator",
             "You drew from torch's global random numbers, so that `seed` has no effect. "
             + FRESH_DRAW, {", generator=generator": ""}),
        Edit("seed_ignored", "`seed` has no effect: 0 is only its default.",
             {"    X = X.detach()\n":
              "    X = X.detach()\n    generator = torch.Generator().manual_seed(0)\n"}),
        Edit("one_shift_for_all",
             "All steps have the same shift: the generator starts anew before each. " + FRESH_DRAW,
             {DRAW: "generator.manual_seed(seed)\n            " + DRAW}),
        Edit("generator_anew_in_each_octave",
             "The generator starts anew in every octave. It is made once.",
             {BASE: BASE + "\n        generator.manual_seed(seed)"}),
        Edit("one_shift_an_octave",
             "You drew one shift for the whole octave. " + FRESH_DRAW,
             {f"{ITERATIONS}\n            {DRAW}": f"{DRAW}\n        {ITERATIONS}"}),
        Edit("default_jitter", "`max_jitter` has no effect: 8 is only its default.",
             {"-max_jitter, max_jitter + 1": "-8, 9"}),
        Edit("jitter_shrinks_with_the_octave",
             "You made the jitter smaller in small octaves; it is `max_jitter` in all of them.",
             {DRAW: "jitter = int(max_jitter / octave_scale**octave)\n            "
              + DRAW.replace("max_jitter", "jitter")}),
        Edit("default_iterations", "`num_iterations` has no effect: 10 is only its default.",
             {ITERATIONS: "for _ in range(10):"}),
        Edit("one_iteration_too_few", "You made one step too few in every octave.",
             {ITERATIONS: "for _ in range(1, num_iterations):"}),
        Edit("one_iteration_too_many", "You made one step too many in every octave.",
             {ITERATIONS: "for _ in range(num_iterations + 1):"}),
        Edit("iterations_shared",
             "You divided `num_iterations` among the octaves; every octave has that many.",
             {ITERATIONS: "for _ in range(max(1, num_iterations // num_octaves)):"}),
        Edit("default_learning_rate", "`learning_rate` has no effect: 0.02 is only its default.",
             {CALL: CALL.replace("learning_rate", "0.02")}),
        Edit("learning_rate_of_the_octave",
             "You scaled the learning rate by the octave; it is the same in all of them.",
             {CALL: CALL.replace("learning_rate", "learning_rate / octave_scale**octave")}),
        Edit("decaying_learning_rate",
             "Your learning rate falls from step to step; it is the same in all of them.",
             {CALL: CALL.replace("learning_rate", "learning_rate / (1 + _)")}),
        Edit("layer_hard_coded", "`layer` has no effect: it is written into the code.",
             {CALL: CALL.replace("layer", "'conv1'", 1)}),
        Edit("result_of_the_step_ignored",
             "The photograph came back as it was. Did you drop what `deepdream_step` returns? It "
             "does not change its argument: keep the new image (and see that it returns one).",
             {CALL: CALL.removeprefix("rolled = ")}),
        Edit("every_step_from_the_start",
             "Every step begins at the octave's own picture again. Go on from the picture before.",
             {ROLL: "rolled = (base + resize(detail, size)).clamp(0, 1).roll((dy, dx), (2, 3))"}),
        Edit("rescaled_each_octave",
             "You rescaled the picture to its minimum and maximum. Leave its values as they are.",
             {DETAIL: "low, high = (f(picture, (1, 2, 3), True) for f in (torch.amin, torch.amax))"
              "\n        picture = (picture - low) / (high - low)\n        " + DETAIL}),
        Edit("returns_the_detail", "You returned the detail; return the picture.",
             {RETURN: "return detail"}),
        Edit("changes_the_callers_images",
             "You wrote the dream into the caller's X. Leave it as it is.",
             {RETURN: "X.copy_(picture)\n    return picture"}),
        Edit("squeezed", "You squeezed the result: a batch of one image loses its first dimension.",
             {RETURN: "return picture.squeeze()"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {RETURN: "return picture.numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the picture.",
             {RETURN: "picture"}),
        *_with_wrong_steps(),
    ),
)  # fmt: skip
def deepdream(
    X,
    layer,
    model,
    *,
    learning_rate=0.02,
    num_iterations=10,
    num_octaves=4,
    octave_scale=1.4,
    max_jitter=8,
    seed=0,
):
    """Dream at several sizes, from small to large (octaves), with jitter.

    In octave k = num_octaves - 1, ..., 1, 0, the last one of full size:

    1. Each side of the pictures has `round(side / octave_scale**k)` pixels.
       The octave's own picture is X resized to that.
    2. The dream begins with the octave's own picture plus the detail of the
       octave before it, resized to this size (in the first octave: plus
       nothing), clipped to [0, 1].
    3. `num_iterations` times: draw a shift, `torch.randint(-max_jitter,
       max_jitter + 1, (2,), generator=generator)`, for rows and columns, the
       same for all images (also where max_jitter is 0); `roll` the picture
       by it, make one `deepdream_step`, and roll back.
    4. The detail is the dreamt picture minus the octave's own picture.

    Given are the `generator` and `resize(pictures, (height, width))`, which
    is bilinear with `align_corners=False` and `antialias=True`; use it for
    pictures and details. Call `deepdream_step` from above by its name.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is.
        layer, model: as in `deepdream_step`.
        learning_rate: of each step.
        num_iterations: steps in each octave.
        num_octaves: number of sizes; 1 means the full size alone.
        octave_scale: ratio of a size to the next smaller one, above 1.
        max_jitter: largest shift, in pixels, in all octaves.
        seed: of the generator; equal seeds give equal dreams.

    Returns:
        The picture of the last octave, not on the autograd graph: a tensor
        (N, 3, H, W).
    """
    generator = torch.Generator().manual_seed(seed)
    resize = partial(interpolate, mode="bilinear", align_corners=False, antialias=True)
    ### BEGIN SOLUTION
    X = X.detach()
    detail = torch.zeros_like(X)
    for octave in reversed(range(num_octaves)):
        size = [round(side / octave_scale**octave) for side in X.shape[2:]]
        base = resize(X, size)
        picture = (base + resize(detail, size)).clamp(0, 1)
        for _ in range(num_iterations):
            dy, dx = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator).tolist()
            rolled = picture.roll((dy, dx), (2, 3))
            rolled = deepdream_step(rolled, layer, model, learning_rate)
            picture = rolled.roll((-dy, -dx), (2, 3))
        detail = picture - base
    return picture
    ### END SOLUTION


@deepdream.mistake(
    "You left the model in eval mode, here or in `deepdream_step`: that one sees to the mode, and "
    "has to put it back."
)
def leaves_eval_mode(X, layer, model, **settings):
    model.eval()
    return deepdream(X, layer, model, **settings)


@deepdream.mistake(
    "You marked the caller's X with `requires_grad_()`. `deepdream_step` takes its own copy; "
    "nothing needs to be marked here."
)
def leaves_requires_grad(X, layer, model, **settings):
    X.requires_grad_()
    return deepdream(X, layer, model, **settings)


@deepdream.mistake(
    "You left your hook on the layer: it runs again at every later call. Remove it in a `finally`."
)
def leaves_a_hook(X, layer, model, **settings):
    model.network.get_submodule(layer).register_forward_hook(lambda *_: None)
    return deepdream(X, layer, model, **settings)


@deepdream.mistake(
    "You cleared the caller's `X.grad`. Leave it as it is; `deepdream_step` works on a copy."
)
def clears_the_callers_gradient(X, layer, model, **settings):
    X.grad = None
    return deepdream(X, layer, model, **settings)


@deepdream.mistake(
    "You gave the sizes to `interpolate` as `scale_factor`: it rounds down, and shifts the pixels "
    "a little. Give the size itself, `resize(X, size)`."
)
def resized_by_a_factor(
    X, layer, model, *, num_octaves, octave_scale, learning_rate, num_iterations, max_jitter, seed
):
    generator = torch.Generator().manual_seed(seed)
    shrink = partial(interpolate, mode="bilinear", align_corners=False, antialias=True)
    detail = None
    for octave in reversed(range(num_octaves)):
        base = shrink(X.detach(), scale_factor=1 / octave_scale**octave)
        grown = 0 if detail is None else shrink(detail, base.shape[2:])
        picture = (base + grown).clamp(0, 1)
        for _ in range(num_iterations):
            shift = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator).tolist()
            rolled = deepdream_step(picture.roll(shift, (2, 3)), layer, model, learning_rate)
            picture = rolled.roll([-s for s in shift], (2, 3))
        detail = picture - base
    return picture


@deepdream.variant
def octaves_made_first(
    X,
    layer,
    model,
    learning_rate=0.02,
    num_iterations=10,
    num_octaves=4,
    octave_scale=1.4,
    max_jitter=8,
    seed=0,
):
    generator = torch.Generator().manual_seed(seed)
    resize = partial(interpolate, mode="bilinear", align_corners=False, antialias=True)
    X = X.detach().clone()
    height, width = X.shape[-2:]
    octaves = []
    for k in range(num_octaves):
        factor = octave_scale**k
        octaves.append(resize(X, (round(height / factor), round(width / factor))))
    picture = before = None
    for base in octaves[::-1]:
        if picture is None:
            picture = base
        else:
            detail = resize(picture - before, base.shape[-2:])
            picture = torch.clamp(base + detail, 0, 1)
        for _ in range(num_iterations):
            dy, dx = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator)
            picture = torch.roll(picture, (int(dy), int(dx)), dims=(-2, -1))
            picture = deepdream_step(picture, layer, model, learning_rate)
            picture = torch.roll(picture, (-int(dy), -int(dx)), dims=(-2, -1))
        before = base
    return picture


@deepdream.variant
def step_written_out(X, layer, model, **settings):
    """One loop for everything; the roll is done by index and the gradient by the wrapper."""
    generator = torch.Generator().manual_seed(settings["seed"])
    reach, images = settings["max_jitter"], X.detach()
    detail = torch.zeros_like(images)
    for octave in range(settings["num_octaves"] - 1, -1, -1):
        size = [round(side / settings["octave_scale"] ** octave) for side in X.shape[2:]]
        how = {"mode": "bilinear", "align_corners": False, "antialias": True}
        base = interpolate(images, size=size, **how)
        picture = (base + interpolate(detail, size=size, **how)).clamp(min=0, max=1)
        for _ in range(settings["num_iterations"]):
            dy, dx = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
            rows = (torch.arange(size[0]) - dy) % size[0]
            columns = (torch.arange(size[1]) - dx) % size[1]
            rolled = picture[:, :, rows][..., columns]
            activations, cache = model.forward(rolled, end=layer)
            gradient, _ = model.backward(activations, cache)
            moved = torch.empty_like(picture)
            moved[:, :, rows[:, None], columns] = _ascend(
                rolled, gradient, settings["learning_rate"]
            )
            picture = moved
        detail = picture - base
    return picture


@deepdream.variant
def one_image_at_a_time_with_the_same_shifts(X, layer, model, **settings):
    return torch.cat([deepdream(x[None], layer, model, **settings) for x in X])


@deepdream.variant
def two_random_numbers_one_by_one(X, layer, model, **settings):
    """The same numbers, drawn one after the other; small octaves by recursion."""
    generator = torch.Generator().manual_seed(settings["seed"])
    resize = partial(interpolate, mode="bilinear", align_corners=False, antialias=True)

    def dream(octave):
        size = [round(side / settings["octave_scale"] ** octave) for side in X.shape[2:]]
        base = resize(X.detach(), size)
        last = octave == settings["num_octaves"] - 1
        picture = base if last else (base + resize(dream(octave + 1), size)).clamp(0, 1)
        for _ in range(settings["num_iterations"]):
            shift = [_draw_shift(settings["max_jitter"], generator) for _ in range(2)]
            step = deepdream_step(
                picture.roll(shift, (2, 3)), layer, model, settings["learning_rate"]
            )
            picture = step.roll([-shift[0], -shift[1]], (2, 3))
        return picture - base if octave else picture

    return dream(0)


def _draw_shift(max_jitter, generator):
    return int(torch.randint(-max_jitter, max_jitter + 1, (1,), generator=generator))


dogs_in_the_snow = WrittenQuestion(
    name="dogs_in_the_snow",
    points=2,
    answer=(
        "The picture says nothing about what is in the photograph; it says what the layer "
        "responds to, and that a little of it was found there. Every step made the layer's own "
        "response stronger, and the next response was to the changed picture. Photographs of "
        "anything give dogs with this network, since so many of the classes it was trained on "
        "are dogs."
    ),
    marking_scheme=(
        "1 point: the dogs come from the network (what it was trained on, what the layer answers "
        "to), not from the photograph. 1 point: the loop amplifies a weak response, since each "
        "step is computed on the picture that the steps before it changed; so the end does not "
        "show how strong the response to the photograph was. “The network is wrong” alone earns "
        "nothing."
    ),
)
