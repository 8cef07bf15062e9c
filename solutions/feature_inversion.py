"""Answers of the chapter *Feature inversion* (Mahendran and Vedaldi 2015)."""

import torch
from torch.nn.functional import avg_pool2d

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import HEIGHT, WIDTH, draw_images, draw_like, draw_network, draw_used_images
from course_lib.examples import Example
from course_lib.probes import ProbeImages


def features_of(network, images, layer):
    """The features of a `ProbeNetwork` in eval mode, detached."""
    return network.changed(training=False).build().features(images, layer).detach()


def draw_step_examples(generator):
    """Layers with places and without, an L2 term that is large or absent, a reached target."""
    network = draw_network(generator)
    five, one = draw_images(generator), draw_images(generator, count=1)
    used = draw_used_images(generator)

    def example(name, rung, X, layer="conv2", l2_reg=0.5, rate=0.03, model=network, target=None):
        pixels = getattr(X, "pixels", X)
        if target is None:
            target = features_of(model, draw_images(generator, len(pixels)), layer)
        return Example(name, rung, {
            "X": X, "target_feats": target, "layer": layer, "model": model, "l2_reg": l2_reg,
            "learning_rate": rate,
        })  # fmt: skip

    reached, reached_one = features_of(network, five, "tanh1"), features_of(network, one, "conv2")
    asked = features_of(network, draw_images(generator), "conv2")
    return [
        example("5 images of 6 x 7 pixels", "values", five),
        example("5 images and another layer, l2_reg=0", "values", five, "tanh1", 0.0, 0.11),
        example("a layer without places", "values", five, "flatten", 0.2, 0.7),
        example("features that are reached already", "values", five, "tanh1", 0.25, 0.4,
                target=reached),
        example("a single image", "one image", one),
        example("a single image whose features are reached already, l2_reg=0", "one image", one,
                l2_reg=0.0, target=reached_one),
        example("a network in train mode", "repeatable", five,
                model=network.changed(training=True)),
        example("trainable parameters", "repeatable", five, model=network.changed(frozen=False)),
        example("an X that already holds a gradient", "repeatable", used),
        example("a target that holds a gradient", "repeatable", five,
                target=ProbeImages(asked, draw_like(asked, generator))),
    ]  # fmt: skip


DATA = "(difference**2).sum()"
L2 = "l2_reg * (X**2).sum()"
UPDATE = "return X.detach() - learning_rate * gradient"
TARGET = " - target_feats.detach()"
LAYER = "model.features(X, layer)"
LOSS = f"loss = {DATA} + {L2}"

PREFIX = {DATA: "loss = ", L2: " + ", UPDATE: "    "}


def alone(old, new):
    """The changes of an `Edit` that is not tried together with others."""
    return {PREFIX[old] + old: PREFIX[old] + new}


MEAN = (
    "You averaged the squared differences. Sum them, over all features: `(difference**2).sum()`, "
    "or the upstream gradient `2 * difference`. A mean makes the step shorter by their number, "
    "and differently so for each layer."
)
NO_FACTOR = (
    "The factor 2 is missing: the derivative of a square, `d**2`, is `2 * d`, for the features as "
    "for the pixels."
)
NORMALISED = (
    "You normalised the gradient. Take it as it is: near the target it should get shorter, so "
    "that the steps come to rest."
)
UNSQUARED = (
    "You differentiated the distance, not its square. That divides the gradient by the distance, "
    "so the steps do not get shorter near the target."
)
NOT_AVERAGED_L2 = (
    "You averaged the squares in the L2 term. It is a sum: `l2_reg * (X**2).sum()`, with the "
    "gradient `2 * l2_reg * X`."
)
CLIPPED = (
    "You clipped the result to [0, 1]. The step alone is asked for; the loop around it will clip."
)
PILES_UP = (
    "The gradient piles up on the caller's `X.grad`: a second call adds to the first. Use "
    "`torch.autograd.grad`, or a fresh copy of X."
)
TARGET_NOT_DETACHED = (
    "You sent the gradient into the target, too: `target_feats` is given and fixed, so use "
    "`target_feats.detach()`, or ask `torch.autograd.grad` for the gradient of X alone."
)


@exercise(
    points=4,
    minutes=15,
    examples=draw_step_examples,
    expected=(
        "Take the photograph `dog` and the features of `macaw` at EfficientNet-Lite0's layer "
        "`blocks.0.0`. One step with `l2_reg=0` and `learning_rate=1e-5` brings the normalised "
        "error from 2.012 down to 1.694."
    ),
    hints=(
        "Two terms, two gradients, added up. That of `l2_reg * (X**2).sum()` you can write down "
        "on paper. What is the derivative of $(a - t)^2$ with respect to $a$?",
        "The gradient of the first term is a vector-Jacobian product. Its upstream gradient has "
        "the shape of the features: twice the difference of the features of X and the target. "
        "Descent means to go *against* the gradient.",
        "`feats, cache = model.forward(X, end=layer)`, then `model.backward` of twice the "
        "difference, add `2 * l2_reg * X`, and return X, detached, minus `learning_rate` times "
        "all that.",
    ),
    combine=(DATA, L2, UPDATE),
    mistakes=(
        Edit("factor_missing", NO_FACTOR, {LOSS: f"loss = ({DATA} + {L2}) / 2"}),
        Edit("factor_missing_in_the_data",
             "In the feature term the factor 2 is missing: the derivative of the squared "
             "difference is twice the difference, `2 * (feats - target_feats)`.",
             {DATA: "0.5 * (difference**2).sum()"}),
        Edit("l2_halved",
             "Your L2 term has half its size: the gradient of `l2_reg * (X**2).sum()` is "
             "`2 * l2_reg * X`.",
             {L2: "0.5 * l2_reg * (X**2).sum()"}),
        Edit("l2_twice",
             "Your L2 term has twice its size: the gradient of `l2_reg * (X**2).sum()` is "
             "`2 * l2_reg * X`.",
             alone(L2, "2 * l2_reg * (X**2).sum()")),
        Edit("factor_twice",
             "You doubled the upstream gradient once too often: either square the difference and "
             "let autograd differentiate, or give `2 * difference` to `model.backward`.",
             {DATA: "2 * (difference**2).sum()"}),
        Edit("mean", MEAN, {DATA: "(difference**2).mean()"}),
        Edit("mean_of_everything", MEAN + " The L2 term is a sum as well.",
             {LOSS: "loss = (difference**2).mean() + l2_reg * (X**2).mean()"}),
        Edit("mean_per_image", MEAN,
             {DATA: "(difference**2).flatten(1).mean(dim=1).sum()"}),
        Edit("batch_mean",
             "You averaged over the images, so each image's step is too short by their number. "
             "Sum over everything: the images do not influence each other.",
             {LOSS: f"loss = (({DATA}) + {L2}) / len(X)"}),
        Edit("batch_mean_of_the_data",
             "You averaged the feature term over the images. Sum over everything: the images do "
             "not influence each other.",
             {DATA: "(difference**2).flatten(1).sum(dim=1).mean()"}),
        Edit("l2_mean", NOT_AVERAGED_L2, {L2: "l2_reg * (X**2).mean()"}),
        Edit("l2_batch_mean", NOT_AVERAGED_L2, {L2: "l2_reg * (X**2).sum() / len(X)"}),
        Edit("ascends",
             "You went along the gradient, uphill: the picture moves away from the target, and "
             "its pixels grow. To descend, subtract.",
             {UPDATE: "return X.detach() + learning_rate * gradient"}),
        Edit("data_sign_flipped",
             "The sign of the feature term is flipped: the picture moves away from the target. "
             "The upstream gradient is `2 * (feats - target_feats)`, what is minus what should be.",
             {DATA: "-(difference**2).sum()"}),
        Edit("l2_sign_flipped",
             "The sign of the L2 term is flipped, so the pixels grow. In a loss that is "
             "*minimised* it is added.",
             {L2: "(-l2_reg) * (X**2).sum()"}),
        Edit("l2_missing",
             "The L2 term is missing, or has no effect: add the gradient of "
             "`l2_reg * (X**2).sum()`. A term computed from a detached copy (`.data`, `.item()`, "
             "under `no_grad`) is a constant for autograd.",
             {L2: "0"}),
        Edit("l2_not_times_the_rate",
             "You subtracted the L2 gradient without the learning rate: it is a part of the "
             "gradient, and the whole gradient is multiplied by `learning_rate`.",
             {L2: "0", UPDATE: "return X.detach() * (1 - 2 * l2_reg) - learning_rate * gradient"}),
        Edit("l2_after_the_step",
             "You shrank the pixels after the step. Both terms' gradients are taken at the X "
             "that came in.",
             {L2: "0", UPDATE: "X = X.detach() - learning_rate * gradient\n"
              "    return X * (1 - 2 * l2_reg * learning_rate)"}),
        Edit("l2_unsquared",
             "You used the norm of the image, `X.norm()`. The L2 term is the norm *squared*: "
             "`l2_reg * (X**2).sum()`.",
             {L2: "l2_reg * X.norm()"}),
        Edit("l2_unsquared_per_image",
             "You used the norm of each image. The L2 term is the norm *squared*: "
             "`l2_reg * (X**2).sum()`.",
             alone(L2, "l2_reg * X.flatten(1).norm(dim=1).sum()")),
        Edit("l1_of_the_image",
             "You summed the pixels' magnitudes, not their squares: `l2_reg * (X**2).sum()`.",
             alone(L2, "l2_reg * X.abs().sum()")),
        Edit("l2_of_the_features",
             "You put the L2 term on the features. It belongs to the pixels: "
             "`l2_reg * (X**2).sum()`.",
             alone(L2, "l2_reg * (model.features(X, layer) ** 2).sum()")),
        Edit("l2_of_the_difference",
             "You put the L2 term on the feature difference. It belongs to the pixels: "
             "`l2_reg * (X**2).sum()`.",
             alone(L2, f"l2_reg * {DATA}")),
        Edit("l2_about_grey",
             "Your L2 term pulls towards grey, 0.5. The one asked for is the sum of the squared "
             "pixels as they are.",
             {L2: "l2_reg * ((X - 0.5) ** 2).sum()"}),
        Edit("l2_about_the_mean",
             "Your L2 term pulls towards the mean colour. The one asked for is the sum of the "
             "squared pixels as they are.",
             alone(L2, "l2_reg * ((X - model.mean) ** 2).sum()")),
        Edit("unsquared", UNSQUARED, {DATA: "difference.norm()"}),
        Edit("unsquared_per_image", UNSQUARED,
             alone(DATA, "difference.flatten(1).norm(dim=1).sum()")),
        Edit("unsquared_everything", UNSQUARED + " The L2 term is a square as well.",
             {LOSS: "loss = difference.norm() + l2_reg * X.norm()"}),
        Edit("unsquared_per_image_everything", UNSQUARED + " The L2 term is a square as well.",
             {LOSS: "loss = difference.flatten(1).norm(dim=1).sum() "
              "+ l2_reg * X.flatten(1).norm(dim=1).sum()"}),
        Edit("absolute_difference",
             "You summed the magnitudes of the differences, not their squares.",
             {DATA: "difference.abs().sum()"}),
        Edit("difference_not_squared",
             "You summed the differences with their signs: they cancel. Square them, or give "
             "`2 * difference` to `model.backward`, not ones.",
             alone(DATA, "difference.sum()")),
        Edit("squared_upstream",
             "You sent the *squared* difference back. The upstream gradient is the derivative of "
             "the square, `2 * (feats - target_feats)`.",
             alone(DATA, "((difference.detach() ** 2) * difference).sum()")),
        Edit("fourth_power", "You squared the squared difference.",
             alone(DATA, "(difference**4).sum()")),
        Edit("relative_error",
             "You divided by the target's squared length. That is fit for reporting; the step "
             "uses the sum of squares as it is.",
             {DATA: "(difference**2).sum() / (target_feats.detach() ** 2).sum()"}),
        Edit("relative_error_per_image",
             "You divided by the target's squared length. That is fit for reporting; the step "
             "uses the sum of squares as it is.",
             alone(DATA, "((difference**2).flatten(1).sum(dim=1) "
              "/ (target_feats.detach() ** 2).flatten(1).sum(dim=1)).sum()")),
        Edit("target_ignored",
             "The target has no effect: you sent back the features themselves, and so made them "
             "small. The upstream gradient is `2 * (feats - target_feats)`.",
             {TARGET: ""}),
        Edit("target_added",
             "You added the target. The features should come close to it: subtract it.",
             {TARGET: " + target_feats.detach()"}),
        Edit("target_as_upstream",
             "You sent the target itself back, as DeepDream does with the features. The upstream "
             "gradient is `2 * (feats - target_feats)`.",
             alone(DATA, "(-2 * target_feats.detach() * difference).sum()")),
        Edit("inner_product",
             "You pulled the features towards the target's direction by their product. The "
             "squared distance is asked for.",
             alone(DATA, "-((difference + target_feats.detach()) * target_feats.detach()).sum()")),
        Edit("channel_means_only",
             "You compared the channels' means over the places. Every feature at every place "
             "counts.",
             {"features(X, layer) - target_feats.detach()":
              "features(X, layer).flatten(2).mean(dim=2) "
              "- target_feats.detach().flatten(2).mean(dim=2) "
              "if target_feats.dim() > 2 else model.features(X, layer) - target_feats.detach()"}),
        Edit("first_target_for_all",
             "You compared every image with the first target. Image i has the target i.",
             {"target_feats.detach()": "target_feats[:1].detach()"}),
        Edit("first_image_only",
             "Only the first image moves towards its target: sum over the whole batch.",
             alone(DATA, "(difference[0] ** 2).sum()")),
        Edit("wrong_layer_scores",
             "You compared the scores, whatever `layer` says.",
             {f"{LAYER}{TARGET}": "model(X) - model.forward(target_feats.detach(), "
              "start=model.layers[model.layers.index(layer) + 1])[0]"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {LAYER: "model.features((X - model.mean) / model.std, layer)"}),
        Edit("gradient_of_normalised_pixels",
             "You differentiated with respect to the normalised image, not to the pixels: divide "
             "by `model.std`, or give the pixels to `model`, which normalises them itself.",
             alone(UPDATE, "gradient = (gradient - 2 * l2_reg * X.detach()) * model.std\n    "
              "gradient = gradient + 2 * l2_reg * X.detach()\n    " + UPDATE)),
        Edit("gradient_normalised", NORMALISED,
             {UPDATE: "gradient = gradient / gradient.norm()\n    " + UPDATE}),
        Edit("gradient_normalised_per_image", NORMALISED,
             {UPDATE: "gradient = gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)"
              "\n    " + UPDATE}),
        Edit("data_gradient_normalised", NORMALISED,
             alone(UPDATE, "gradient = gradient - 2 * l2_reg * X.detach()\n    "
              "gradient = gradient / (gradient.norm() + 1e-8) + 2 * l2_reg * X.detach()\n    "
              + UPDATE)),
        Edit("divided_by_the_squared_norm", NORMALISED,
             alone(UPDATE, "gradient = gradient / (gradient**2).sum()\n    " + UPDATE)),
        Edit("divided_by_the_mean_magnitude", NORMALISED,
             alone(UPDATE, "gradient = gradient / gradient.abs().mean()\n    " + UPDATE)),
        Edit("divided_by_the_deviation", NORMALISED,
             alone(UPDATE, "gradient = gradient / gradient.std()\n    " + UPDATE)),
        Edit("sign_step",
             "You took the sign of the gradient, so every pixel moves equally far. Take the "
             "gradient itself.",
             {UPDATE: "return X.detach() - learning_rate * gradient.sign()"}),
        Edit("rate_ignored",
             "`learning_rate` has no effect: multiply the gradient by it.",
             {UPDATE: "return X.detach() - gradient"}),
        Edit("rate_squared", "You multiplied by the learning rate twice.",
             alone(UPDATE, "return X.detach() - learning_rate**2 * gradient")),
        Edit("divided_by_the_rate", "You divided by the learning rate: multiply by it.",
             alone(UPDATE, "return X.detach() - gradient / learning_rate")),
        Edit("no_update",
             "The image that comes back is the one that came in: return the result of the step.",
             alone(UPDATE, "return X.detach().clone()")),
        Edit("returns_the_gradient", "You returned the gradient. Return the new image.",
             alone(UPDATE, "return gradient")),
        Edit("returns_the_update",
             "You returned the change alone. Return the new image: X plus that change.",
             alone(UPDATE, "return -learning_rate * gradient")),
        Edit("returns_the_loss", "You returned the loss. Return the new image.",
             alone(UPDATE, "return loss.detach()")),
        Edit("returns_a_pair", "You returned a tuple. Return the new image alone.",
             alone(UPDATE, UPDATE + ", loss.item()")),
        Edit("clipped", CLIPPED,
             {UPDATE: "return (X.detach() - learning_rate * gradient).clamp(0, 1)"}),
        Edit("clipped_below", CLIPPED,
             alone(UPDATE, "return (X.detach() - learning_rate * gradient).clamp(min=0)")),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension.",
             alone(UPDATE, "return (X.detach() - learning_rate * gradient).squeeze()")),
        Edit("switches_to_train_mode",
             "You switched the network to train mode. In eval mode dropout is off and the stored "
             "batch statistics count: the target was computed so.",
             {"model.eval()": "model.train()"}),
        Edit("train_mode",
             "You ran the network in the mode in which it came. Switch to eval mode first, or use "
             "`model.forward`, which does: in train mode dropout and batch statistics change the "
             "features at every call.",
             {"    model.eval()\n": ""}),
        Edit("leaves_eval_mode",
             "You left the model in eval mode. Note `model.training` first, and put the model "
             "back into that mode at the end.",
             {"    model.train(was_training)\n": ""}),
        Edit("leaves_requires_grad",
             "You marked the caller's tensor. Work on `X.detach().clone()`.",
             {"X = X.detach().clone().requires_grad_()": "X.requires_grad_()"}),
        Edit("no_requires_grad",
             "Autograd had nothing to differentiate. Mark your copy of X with `requires_grad_()` "
             "before you call the model: the parameters are frozen, so nothing else is marked.",
             {"X.detach().clone().requires_grad_()": "X.detach().clone()"}),
        Edit("features_detached_l2_left",
             "You detached the features of X, and cut the way back to the pixels: only the L2 term "
             "is left. Detach the target only.",
             {LAYER: "model.features(X, layer).detach()"}),
        Edit("keeps_the_graph",
             "Your result still hangs on the autograd graph: subtract from `X.detach()`, or "
             "detach the result.",
             alone(UPDATE, "return X - learning_rate * gradient")),
        Edit("loss_is_no_number",
             "Autograd starts from one number: sum the squared differences.",
             {LOSS: f"loss = difference**2 + {L2}"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             alone(UPDATE, "return (X.detach() - learning_rate * gradient).numpy()")),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the new image.",
             alone(UPDATE, "X = X.detach() - learning_rate * gradient")),
    ),
)  # fmt: skip
def feature_inversion_step(X, target_feats, layer, model, l2_reg, learning_rate):
    """Move images one step closer to having the features asked for.

    One step of gradient descent on the sum of squared differences between
    the features of X and the target, plus `l2_reg` times the sum of the
    squared pixels; Mahendran and Vedaldi 2015, section 2, with the simplest
    prior. Both are sums, over features, pixels and images, and no means.
    The step is `learning_rate` times the gradient as it is: not normalised,
    and the result not clipped.

    Tools: `model.features(X, layer)` gives the features, on autograd's
    graph. Or `feats, cache = model.forward(X, end=layer)`, and then
    `model.backward(upstream, cache)`, which returns the gradient with
    respect to X, and those of the parameters.

    Args:
        X: images, a float tensor (N, 3, H, W). Leave it as it is: its
            values, its requires_grad and its grad.
        target_feats: features wanted for each image, a tensor of the shape
            of `model.features(X, layer)`. It is fixed: no gradient goes
            into it.
        layer: name of the layer.
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters.
        l2_reg: weight of the L2 term, a float; 0 means none.
        learning_rate: a float.

    Returns:
        The new images, not on the autograd graph: a tensor (N, 3, H, W).
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    difference = model.features(X, layer) - target_feats.detach()
    loss = (difference**2).sum() + l2_reg * (X**2).sum()
    (gradient,) = torch.autograd.grad(loss, X)
    model.train(was_training)
    return X.detach() - learning_rate * gradient
    ### END SOLUTION


def backward_everywhere(X, target_feats, layer, model, l2_reg, learning_rate):
    """A step by `loss.backward()`, which fills every gradient that it can reach."""
    was_training = model.training
    model.eval()
    difference = model.features(X, layer) - target_feats
    ((difference**2).sum() + l2_reg * (X**2).sum()).backward()
    model.train(was_training)
    return X.detach() - learning_rate * X.grad


@feature_inversion_step.mistake(PILES_UP)
def accumulates(X, target_feats, layer, model, l2_reg, learning_rate):
    X.requires_grad_()
    target_feats = target_feats.detach()
    return backward_everywhere(X, target_feats, layer, model, l2_reg, learning_rate)


@feature_inversion_step.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(X, target_feats, layer, model, l2_reg, learning_rate):
    X, target_feats = X.detach().clone().requires_grad_(), target_feats.detach()
    return backward_everywhere(X, target_feats, layer, model, l2_reg, learning_rate)


@feature_inversion_step.mistake(
    TARGET_NOT_DETACHED + " `.backward()` filled the gradients of the model's parameters as well."
)
def target_not_detached(X, target_feats, layer, model, l2_reg, learning_rate):
    X = X.detach().clone().requires_grad_()
    return backward_everywhere(X, target_feats, layer, model, l2_reg, learning_rate)


@feature_inversion_step.mistake("You took two steps. One is asked for.")
def two_steps(X, target_feats, layer, model, l2_reg, learning_rate):
    X = feature_inversion_step(X, target_feats, layer, model, l2_reg, learning_rate)
    return feature_inversion_step(X, target_feats, layer, model, l2_reg, learning_rate)


@feature_inversion_step.mistake(TARGET_NOT_DETACHED)
def only_target_not_detached(X, target_feats, layer, model, l2_reg, learning_rate):
    X = X.detach().clone().requires_grad_()
    image = backward_everywhere(X, target_feats, layer, model, l2_reg, learning_rate)
    model.zero_grad()
    return image


@feature_inversion_step.mistake(
    "You changed the caller's X in place (`-=`, or through `.data`). Return a new tensor and leave "
    "X as it was."
)
def in_place(X, target_feats, layer, model, l2_reg, learning_rate):
    feats, cache = model.forward(X, end=layer)
    gradient, _ = model.backward(2 * (feats - target_feats.detach()), cache)
    with torch.no_grad():
        X -= learning_rate * (gradient + 2 * l2_reg * X)
    return X


@feature_inversion_step.mistake(
    "You gave the target to `model.features`, but it is no image: it *is* features already. "
    "Compare with it as it is."
)
def target_through_the_network(X, target_feats, layer, model, l2_reg, learning_rate):
    target = model.features(target_feats, layer)
    return feature_inversion_step(X, target, layer, model, l2_reg, learning_rate)


@feature_inversion_step.mistake(
    "`.grad` is None: only a leaf of the graph gets one. Call `requires_grad_()` last, on your "
    "detached copy, and give that very tensor to the model."
)
def gradient_of_no_leaf(X, target_feats, layer, model, l2_reg, learning_rate):
    images = X.detach().clone().requires_grad_() * 1
    difference = model.features(images, layer) - target_feats.detach()
    ((difference**2).sum() + l2_reg * (images**2).sum()).backward()
    return images - learning_rate * images.grad


@feature_inversion_step.mistake(
    "When X itself requires grad, its clone is still tied to it and `.grad` stays empty: detach "
    "the copy, `X.detach().clone()`."
)
def clone_without_detach(X, target_feats, layer, model, l2_reg, learning_rate):
    images = X.clone().requires_grad_()
    image = backward_everywhere(images, target_feats.detach(), layer, model, l2_reg, learning_rate)
    model.zero_grad()
    return image


@feature_inversion_step.variant
def forward_and_backward(X, target_feats, layer, model, l2_reg, learning_rate):
    feats, cache = model.forward(X, end=layer)
    gradient, _ = model.backward(2 * (feats - target_feats.detach()), cache)
    images = X.detach()
    return images - learning_rate * (gradient + 2 * l2_reg * images)


@feature_inversion_step.variant
def one_image_at_a_time(X, target_feats, layer, model, l2_reg, learning_rate):
    images = X.detach().clone()
    for i in range(len(X)):
        feats, cache = model.forward(X[i : i + 1], end=layer)
        gradient, _ = model.backward(feats - target_feats[i : i + 1].detach(), cache)
        images[i] -= 2 * learning_rate * (gradient[0] + l2_reg * images[i])
    return images


@feature_inversion_step.variant
def upstream_of_autograd(X, target_feats, layer, model, l2_reg, learning_rate):
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    images = X.detach().clone().requires_grad_()
    feats = model.features(images, layer)
    upstream = 2 * (feats - target_feats)
    (gradient,) = torch.autograd.grad(feats, images, grad_outputs=upstream)
    for part, training in modes:
        part.training = training
    shrunk = (1 - 2 * learning_rate * l2_reg) * images
    return (shrunk - learning_rate * gradient).detach()


@feature_inversion_step.variant
def backward_on_a_copy(X, target_feats, layer, model, l2_reg, learning_rate):
    was_training, flags = model.training, [p.requires_grad for p in model.parameters()]
    model.eval()
    model.requires_grad_(False)
    images = X.detach().clone().requires_grad_()
    distance = torch.nn.functional.mse_loss(
        model.features(images, layer), target_feats.detach(), reduction="sum"
    )
    loss = distance + l2_reg * images.pow(2).sum()
    loss.backward()
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    model.train(was_training)
    with torch.no_grad():
        images -= learning_rate * images.grad
    return images.detach()


@feature_inversion_step.variant
def functional(X, target_feats, layer, model, l2_reg, learning_rate):
    def loss(images):
        difference = model.features(images, layer) - target_feats.detach()
        return torch.einsum("...,...->", difference, difference) + l2_reg * (images * images).sum()

    was_training = model.training
    model.eval()
    images = X.detach()
    gradient = torch.func.grad(loss)(images)
    model.train(was_training)
    return (images - learning_rate * gradient).detach()


@feature_inversion_step.variant
def torchs_optimiser(X, target_feats, layer, model, l2_reg, learning_rate):
    feats, cache = model.forward(X, end=layer)
    images = torch.nn.Parameter(X.detach().clone())
    images.grad, _ = model.backward(2 * (feats - target_feats.detach()), cache)
    torch.optim.SGD([images], lr=learning_rate, weight_decay=2 * l2_reg).step()
    return images.detach()


def draw_loop_examples(generator):
    """Few iterations, parameters away from their defaults; blurred or not, a start or none."""
    network = draw_network(generator)
    five, one = draw_images(generator), draw_images(generator, count=1)
    start, one_start = draw_images(generator), draw_images(generator, count=1)
    used = draw_used_images(generator)

    def example(name, rung, X, layer="conv2", model=network, target=None, **settings):
        settings = {
            "size": (HEIGHT, WIDTH), "learning_rate": 0.04, "l2_reg": 0.3, "num_iterations": 7,
            "blur_every": 3, "start": None, "seed": 11,
        } | settings  # fmt: skip
        target = features_of(model, X, layer) if target is None else target
        arguments = {"target_feats": target, "layer": layer, "model": model}
        return Example(name, rung, arguments | settings)

    asked = features_of(network, five, "conv2")
    return [
        example("5 images of 6 x 7 pixels", "values", five),
        example("another layer, l2_reg=0, no blur", "values", five, "tanh1", seed=12,
                l2_reg=0.0, blur_every=0, num_iterations=5, learning_rate=0.2),
        example("a start of the caller's", "values", five, "flatten", start=start, blur_every=2,
                num_iterations=6, learning_rate=1.1, l2_reg=0.2),
        example("a single image", "one image", one, start=one_start),
        example("a single image and a single iteration", "one image", one, num_iterations=1,
                blur_every=5),
        example("a network in train mode", "repeatable", five,
                model=network.changed(training=True)),
        example("trainable parameters", "repeatable", five, model=network.changed(frozen=False)),
        example("a start that holds a gradient", "repeatable", five, start=used),
        example("a target that holds a gradient", "repeatable", five,
                target=ProbeImages(asked, draw_like(asked, generator))),
    ]  # fmt: skip


STEP = "X = feature_inversion_step(X, target_feats, layer, model, l2_reg, learning_rate)"
CLIP = "X = X.clamp(0, 1)"
WHEN = "if blur_every and t % blur_every == 0:"
BLUR = "X = avg_pool2d(X, 3, stride=1, padding=1, count_include_pad=False)"
BLURRED = f"        {WHEN}\n            {BLUR}\n"
LOOP = "for t in range(num_iterations):"
STEP_IS_WRONG = (
    "Your loop is right, but the `feature_inversion_step` that it calls is not. {says} Run "
    "`check(feature_inversion_step)`, and mend the step first."
)
MAIN_WRONG_STEPS = (
    "factor_missing", "factor_missing_in_the_data", "l2_halved", "mean", "mean_of_everything",
    "mean_per_image", "batch_mean", "ascends", "data_sign_flipped", "l2_sign_flipped",
    "l2_mean", "unsquared", "unsquared_per_image", "unsquared_everything",
    "target_ignored", "gradient_normalised", "gradient_normalised_per_image", "sign_step",
    "rate_ignored", "absolute_difference", "relative_error", "l2_about_grey",
    "returns_nothing", "as_numpy", "returns_the_gradient", "train_mode", "l2_unsquared",
)  # fmt: skip
NORMALISED_IN_THE_LOOP = (
    "You normalised the steps, or their length. Call the step with `learning_rate` as it is; it "
    "does not normalise either."
)
NOT_CLIPPED = (
    "You left out the clipping, or threw its result away: after each step, `X = X.clamp(0, 1)`."
)
WRONG_TIME = (
    "You blur at other times than asked for. With t counted from 0, blur *before* each step "
    "whose t is divisible by `blur_every`; so the start is blurred, too."
)


def wrong_step_edits():
    """The loop around a wrong step, which does not show in the loop's own lines."""
    says = {edit.key: edit.says for edit in feature_inversion_step.edits}
    return tuple(
        Edit(f"step_{key}", STEP_IS_WRONG.format(says=says[key]),
             {"feature_inversion_step(": f"wrong_step({key!r})("})
        for key in MAIN_WRONG_STEPS
    )  # fmt: skip


def wrong_step(key):
    """The known wrong step of this name."""
    return next(m.function for m in feature_inversion_step.mistakes if m.key == key)


@exercise(
    points=5,
    minutes=15,
    examples=draw_loop_examples,
    expected=(
        "From the features of the photograph `dog` at EfficientNet-Lite0's layer `blocks.0.0`, 80 "
        "steps with `learning_rate=1e-5` and the other settings left alone give a picture whose "
        "normalised error is about 0.095."
    ),
    hints=(
        "Three things happen in each round: perhaps a blur, then the step that you have written, "
        "then the clipping. The result of each goes on into the next.",
        "`%` gives the remainder: `t % blur_every == 0` holds for t = 0, `blur_every`, twice "
        "`blur_every` ... With `blur_every=0` it is an error, so ask first whether there is "
        "anything to do.",
        "`for t in range(num_iterations):`, and in it `if blur_every and t % blur_every == 0:` "
        "blur X; set X to what `feature_inversion_step` returns; set X to `X.clamp(0, 1)`. After "
        "the loop, return X.",
    ),
    combine=(),
    mistakes=(
        *wrong_step_edits(),
        Edit("never_clipped", NOT_CLIPPED, {f"        {CLIP}\n": ""}),
        Edit("clipped_at_the_end",
             "You clipped only at the end. Clip after each step, so that the next one starts from "
             "a picture.",
             {f"        {CLIP}\n": "", "return X": "return X.clamp(0, 1)"}),
        Edit("clipped_before_the_step",
             "You clipped before the step, so the last step leaves [0, 1]. Clip after it.",
             {f"        {STEP}\n        {CLIP}": f"        {CLIP}\n        {STEP}"}),
        Edit("clipped_symmetrically", "You clipped to [-1, 1]. Pixels lie in [0, 1].",
             {CLIP: "X = X.clamp(-1, 1)"}),
        Edit("clipped_below_only", "You clipped at 0 only. Pixels lie in [0, 1].",
             {CLIP: "X = X.clamp(min=0)"}),
        Edit("clipped_above_only", "You clipped at 1 only. Pixels lie in [0, 1].",
             {CLIP: "X = X.clamp(max=1)"}),
        Edit("squashed",
             "You squashed the pixels with a sigmoid. Clip them: `X.clamp(0, 1)`.",
             {CLIP: "X = X.sigmoid()"}),
        Edit("rescaled",
             "You rescaled the picture to its smallest and largest value. Clip it: "
             "`X.clamp(0, 1)`.",
             {CLIP: "X = (X - X.amin()) / (X.amax() - X.amin())"}),
        Edit("never_blurred",
             "You did not blur, or threw the result away: write `X = avg_pool2d(...)`. The "
             "docstring says when and how.",
             {BLURRED: ""}),
        Edit("always_blurred",
             "You blurred before every step. Only every `blur_every`-th is asked for: "
             "`t % blur_every == 0`.",
             {WHEN: "if blur_every:"}),
        Edit("blurred_always_even_if_zero",
             "You blurred before every step, even with `blur_every=0`, which means never.",
             {WHEN: "if True:"}),
        Edit("division_by_zero",
             "With `blur_every=0`, `t % blur_every` is a division by zero. Ask first: "
             "`if blur_every and t % blur_every == 0`.",
             {WHEN: "if t % blur_every == 0:"}),
        Edit("start_not_blurred", WRONG_TIME,
             {WHEN: "if blur_every and t and t % blur_every == 0:"}),
        Edit("blur_counted_from_one", WRONG_TIME,
             {WHEN: "if blur_every and (t + 1) % blur_every == 0:"}),
        Edit("blurred_between", WRONG_TIME,
             {WHEN: "if blur_every and t % blur_every != 0:"}),
        Edit("only_the_start_blurred", WRONG_TIME, {WHEN: "if blur_every and t == 0:"}),
        Edit("blurred_after_the_step", WRONG_TIME,
             {BLURRED: "", f"        {CLIP}\n": f"        {CLIP}\n{BLURRED}"}),
        Edit("blurred_after_the_step_counted_from_one", WRONG_TIME,
             {BLURRED: "", f"        {CLIP}\n": f"        {CLIP}\n" + BLURRED.replace(
              "t %", "(t + 1) %")}),
        Edit("blurred_between_step_and_clip", WRONG_TIME,
             {BLURRED: "", f"        {STEP}\n": f"        {STEP}\n{BLURRED}"}),
        Edit("blur_and_no_step",
             "In the rounds with a blur you took no step. Blur, and then step.",
             {STEP: "if not blur_every or t % blur_every:\n            " + STEP}),
        Edit("blurred_at_the_end", "You blurred once more at the end.",
             {"return X": "return avg_pool2d(X, 3, stride=1, padding=1, count_include_pad=False)"
              " if blur_every else X"}),
        Edit("dark_border",
             "Your blur counts zeros beyond the border, which darkens the edge: "
             "`count_include_pad=False`.",
             {", count_include_pad=False": ""}),
        Edit("wider_blur", "You blurred over 5 x 5 pixels; 3 x 3 are asked for.",
             {"X, 3, stride=1, padding=1": "X, 5, stride=1, padding=2"}),
        Edit("one_step_only",
             "You returned inside the loop, after its first round: `return` belongs behind it, "
             "not indented.",
             {f"        {CLIP}\n": f"        {CLIP}\n        return X\n"}),
        Edit("one_step_too_few", "You took one step too few.",
             {LOOP: LOOP.replace("range(", "range(1, ")}),
        Edit("one_step_fewer", "You took one step too few.",
             {LOOP: LOOP.replace("iterations)", "iterations - 1)")}),
        Edit("one_step_too_many", "You took one step too many.",
             {LOOP: LOOP.replace("iterations)", "iterations + 1)")}),
        Edit("iterations_ignored", "`num_iterations` has no effect: your loop runs 100 times.",
             {LOOP: "for t in range(100):"}),
        Edit("two_steps_a_round", "You took two steps in each round.",
             {STEP: f"{STEP}\n        {STEP}"}),
        Edit("step_thrown_away",
             "The steps move nothing. `feature_inversion_step` returns the new image and leaves "
             "the old one alone: write `X = feature_inversion_step(...)`. And look whether it does "
             "return a new one, with `check(feature_inversion_step)`.",
             {STEP: STEP.removeprefix("X = ")}),
        Edit("always_from_the_start",
             "You took each step from the first picture again, not from the one before.",
             {LOOP: f"first = X\n    {LOOP}", STEP: STEP.replace("step(X", "step(first")}),
        Edit("target_from_the_last_image",
             "You replaced the target with the features of the picture itself: there is nothing to "
             "do then. The target stays what it is.",
             {STEP: STEP.replace("target_feats", "model.eval().features(X, layer)", 1)}),
        Edit("another_rate", "`learning_rate` has no effect: hand it on to the step.",
             {", learning_rate)": ", 0.01)"}),
        Edit("l2_not_handed_on", "`l2_reg` has no effect: hand it on to the step, and see with "
             "`check(feature_inversion_step)` whether the step uses it.",
             {"l2_reg, learning_rate)": "0.0, learning_rate)"}),
        Edit("rate_and_l2_swapped",
             "You swapped `l2_reg` and `learning_rate` when you called the step.",
             {"l2_reg, learning_rate)": "learning_rate, l2_reg)"}),
        Edit("another_layer", "You called the step with another layer than `layer`.",
             {"target_feats, layer, model": "model.forward(target_feats, start=model.layers["
              "model.layers.index(layer) + 1])[0], 'scores', model"}),
        Edit("rate_shrinks", "You let the learning rate shrink from step to step. Keep it.",
             {STEP: STEP + "\n        learning_rate = 0.9 * learning_rate"}),
        Edit("rate_halves", "You let the learning rate shrink from step to step. Keep it.",
             {STEP: STEP.replace("learning_rate)", "learning_rate / (t + 1))")}),
        Edit("rate_linearly", "You let the learning rate shrink from step to step. Keep it.",
             {STEP: STEP.replace("learning_rate)", "learning_rate * (1 - t / num_iterations))")}),
        Edit("relative_to_the_target", NORMALISED_IN_THE_LOOP,
             {STEP: STEP.replace("learning_rate)", "learning_rate / (target_feats**2).sum())")}),
        Edit("momentum", "You added momentum. Plain steps are asked for.",
             {LOOP: f"velocity = 0\n    {LOOP}",
              STEP: f"old = X\n        {STEP}\n        "
              "velocity = 0.9 * velocity + (X - old)\n        X = old + velocity"}),
        Edit("momentum_of_a_half", "You added momentum. Plain steps are asked for.",
             {LOOP: f"velocity = 0\n    {LOOP}",
              STEP: f"old = X\n        {STEP}\n        "
              "velocity = 0.5 * velocity + (X - old)\n        X = old + velocity"}),
        Edit("jittered",
             "You shifted the picture between the steps. The target remembers where everything "
             "is, so it must stay in its place.",
             {STEP: f"X = X.roll((1, 1), (2, 3))\n        {STEP}"}),
        Edit("start_ignored",
             "`start` has no effect: you began from noise in any case. Begin from the X of the "
             "given lines.",
             {LOOP: "generator = torch.Generator().manual_seed(seed)\n"
              "    X = 0.5 + 0.02 * torch.randn(X.shape, generator=generator, dtype=X.dtype)\n    "
              + LOOP}),
        Edit("another_noise",
             "You drew another start: the given lines have made X already, from `seed`.",
             {LOOP: f"X = 0.5 + 0.02 * torch.randn_like(X)\n    {LOOP}"}),
        Edit("another_uniform_noise",
             "You drew another start: the given lines have made X already, from `seed`.",
             {LOOP: f"X = torch.rand_like(X)\n    {LOOP}"}),
        Edit("starts_at_zero",
             "You started from zeros, a black picture: the given lines have made X already.",
             {LOOP: f"X = torch.zeros_like(X)\n    {LOOP}"}),
        Edit("starts_grey",
             "You started from plain grey: the given lines have made X already.",
             {LOOP: f"X = torch.full_like(X, 0.5)\n    {LOOP}"}),
        Edit("stops_early",
             "You stopped before `num_iterations` were done.",
             {STEP: f"old = X\n        {STEP}\n        if t > 1:\n            break"}),
        Edit("mean_of_the_path", "You returned the mean of all pictures. Return the last one.",
             {LOOP: f"path = []\n    {LOOP}", CLIP: f"{CLIP}\n        path.append(X)",
              "return X": "return torch.stack(path).mean(dim=0)"}),
        Edit("whole_path", "You returned all pictures. Return the last one.",
             {LOOP: f"path = []\n    {LOOP}", CLIP: f"{CLIP}\n        path.append(X)",
              "return X": "return torch.stack(path)"}),
        Edit("list_of_pictures", "You returned a list of pictures. Return the last one, a tensor.",
             {LOOP: f"path = []\n    {LOOP}", CLIP: f"{CLIP}\n        path.append(X)",
              "return X": "return path"}),
        Edit("rounded", "You rounded the pixels to 8 bits. Return X as it is.",
             {"return X": "return (X * 255).round() / 255"}),
        Edit("first_image_returned", "You returned the first image alone. Return the whole batch.",
             {"return X": "return X[0]"}),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension.",
             {"return X": "return X.squeeze()"}),
        Edit("as_numpy",
             "Return X as it is, a torch tensor and not a numpy array; `model.deprocess` is for "
             "showing it.",
             {"return X": "return X.numpy()"}),
        Edit("leaves_train_mode_off",
             "You left the model in eval mode. The step takes care of the mode: leave it alone.",
             {LOOP: f"model.eval()\n    {LOOP}"}),
        Edit("freezes_the_model",
             "You froze the caller's model and left it so. The step needs no frozen parameters.",
             {LOOP: f"model.requires_grad_(False)\n    {LOOP}"}),
        Edit("keeps_requires_grad",
             "Your result still requires grad: the loop needs no autograd of its own, the step "
             "has it all.",
             {LOOP: f"X.requires_grad_()\n    {LOOP}", "return X": "return X.requires_grad_()"}),
        Edit("returns_nothing",
             "Nothing came back: after the loop, `return X`. (The starter code of a famous "
             "course forgot that line, and so did everyone who filled it in.)",
             {"return X": "X"}),
    ),
)  # fmt: skip
def invert_features(
    target_feats,
    layer,
    model,
    size=None,
    learning_rate=0.001,
    l2_reg=0.0,
    num_iterations=100,
    blur_every=0,
    start=None,
    seed=0,
):
    """Make images that have the features asked for.

    The given lines make X, to begin with. Then, for t = 0, 1, ... as often
    as `num_iterations` says, and in this order:

    1. If `blur_every` is not 0 and divides t (as it divides 0), blur X:
       `avg_pool2d(X, 3, stride=1, padding=1, count_include_pad=False)`.
    2. Take one step: your `feature_inversion_step`, called by its name.
    3. Clip X to [0, 1].

    Args:
        target_feats: features wanted, a tensor of the shape of
            `model.features(X, layer)`; N rows for N images.
        layer: name of the layer.
        model: PretrainedCNN; leave it as it is, like the step.
        size: height and width of the images to make; None means those of
            the pictures that the model was made for.
        learning_rate, l2_reg: for the step.
        num_iterations: how many steps.
        blur_every: see above; 0 means never.
        start: images (N, 3, H, W) to begin with, which are left as they
            are, or None for grey with a little noise.
        seed: of the noise.

    Returns:
        The images after the last step, not on the autograd graph: a tensor
        (N, 3, H, W). They are neither rounded nor rescaled.
    """
    if start is None:
        height, width = size or (model.image_size, model.image_size)
        shape = (len(target_feats), 3, height, width)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        X = (0.5 + 0.02 * noise).to(model.device, model.dtype)
    else:
        X = start.detach().clone()
    ### BEGIN SOLUTION
    for t in range(num_iterations):
        if blur_every and t % blur_every == 0:
            X = avg_pool2d(X, 3, stride=1, padding=1, count_include_pad=False)
        X = feature_inversion_step(X, target_feats, layer, model, l2_reg, learning_rate)
        X = X.clamp(0, 1)
    return X
    ### END SOLUTION


@invert_features.mistake(
    "You drew the noise from torch's global generator, so every call gives another picture. Use "
    "the X of the given lines."
)
def unseeded(target_feats, layer, model, size, start, **settings):
    if start is None:
        start = 0.5 + 0.02 * torch.randn(len(target_feats), 3, *size, dtype=model.dtype)
    return invert_features(target_feats, layer, model, start=start, **settings)


@invert_features.mistake(
    "You changed the caller's `start` in place. Begin from the X of the given lines, a copy."
)
def start_in_place(target_feats, layer, model, start=None, **settings):
    image = invert_features(target_feats, layer, model, start=start, **settings)
    if start is not None:
        start.data.copy_(image)
    return image


@invert_features.variant
def while_loop(target_feats, layer, model, size, start, seed, num_iterations, **settings):
    if start is None:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(target_feats), 3, *size, generator=generator, dtype=torch.float64)
        start = (0.5 + 0.02 * noise).to(model.dtype)
    X, t = start.detach(), 0
    every, l2_reg, rate = (settings[k] for k in ("blur_every", "l2_reg", "learning_rate"))
    while t < num_iterations:
        if every > 0 and not t % every:
            ones = torch.ones_like(X)
            X = avg_pool2d(X, 3, 1, 1) / avg_pool2d(ones, 3, 1, 1)
        feats, cache = model.forward(X, end=layer)
        gradient, _ = model.backward(2 * (feats - target_feats.detach()), cache)
        X = torch.clip(X - rate * (gradient + 2 * l2_reg * X), min=0, max=1)
        t += 1
    return X


@invert_features.variant
def image_by_image(target_feats, layer, model, size, start, seed, **settings):
    if start is None:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(target_feats), 3, *size, generator=generator, dtype=torch.float64)
        start = (0.5 + 0.02 * noise).to(model.dtype)
    images = [
        invert_features(target_feats[i : i + 1], layer, model, start=start[i : i + 1], **settings)
        for i in range(len(start))
    ]
    return torch.cat(images)


@invert_features.variant
def clipped_in_place(
    target_feats, layer, model, size, learning_rate, l2_reg, num_iterations, blur_every, start, seed
):
    X = start
    if X is None:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(target_feats), 3, *size, generator=generator, dtype=torch.float64)
        X = torch.add(0.02 * noise, 0.5)
    X = X.clone().detach()
    blurred = range(0, num_iterations, blur_every) if blur_every else ()
    for t in range(num_iterations):
        if t in blurred:
            X = avg_pool2d(X, 3, stride=1, padding=1, count_include_pad=False)
        X = feature_inversion_step(
            X, target_feats, layer, model, l2_reg=l2_reg, learning_rate=learning_rate
        )
        X.clamp_(0, 1)
    return X


two_pictures_one_code = WrittenQuestion(
    name="two_pictures_one_code",
    points=2,
    answer=(
        "It does not follow. The pictures' features agree at this layer, so everything that is "
        "computed from the features agrees, whatever the pictures show; that is a fact about the "
        "network. We see the difference since our own eyes keep what this network throws away. "
        "So the network's features are no description of what is in a picture, and a search "
        "that relies on them can be led astray on purpose."
    ),
    marking_scheme=(
        "1 point: nearly equal features mean that no later layer, nor the database, can tell the "
        "pictures apart, though they differ. 1 point: hence it cannot be concluded that the "
        "pictures show the same (the features drop what we see; somebody may have made one for "
        "the purpose)."
    ),
)
