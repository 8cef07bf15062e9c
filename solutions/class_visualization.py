"""Answers of the chapter *Class visualization* (Simonyan et al. 2014, section 2)."""

import textwrap

import torch

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import (
    draw_images,
    draw_network,
    draw_unpredicted_labels,
    draw_used_images,
)
from course_lib.examples import Example
from course_lib.torchvision_import import torchvision

GAIN = 4  # on the scores, so that score and penalty pull about equally
DEAD = 0  # the class whose score is the same for all images


def draw_dead_network(generator):
    """A network in which nothing changes the score of the class `DEAD`."""
    network = draw_network(generator, gain=GAIN)
    weights = {name: value.clone() for name, value in network.weights.items()}
    weights["classifier.weight"][DEAD] = 0
    weights["classifier.bias"][DEAD] = -100  # so that it is never predicted
    return network.changed(weights=weights)


def draw_labels(network, images, generator, wanted=None):
    """Unpredicted labels ``(N,)``, all different, `wanted` among them unless it is None."""
    network = network.changed(training=False)
    while True:
        y = draw_unpredicted_labels(network, images, generator)
        if wanted in (None, *y.tolist()):
            return y


def draw_step_examples(generator):
    """A large penalty and none, a zero gradient, one image, and what the caller uses too."""
    network, dead = draw_network(generator, gain=GAIN), draw_dead_network(generator)
    five, one = draw_images(generator), draw_images(generator, count=1)
    used = draw_used_images(generator)

    def example(name, rung, model, X, l2_reg, learning_rate, wanted=None):
        pixels = X.pixels if X is used else X
        arguments = {
            "X": X,
            "target_y": draw_labels(model, pixels, generator, wanted),
            "model": model,
            "l2_reg": l2_reg,
            "learning_rate": learning_rate,
        }
        return Example(name, rung, arguments)

    return [
        example("5 images of 6 x 7 pixels", "values", network, five, 0.5, 2.5),
        example("l2_reg=0.2, learning_rate=0.4", "values", network, five, 0.2, 0.4),
        example("l2_reg=0 and a class without gradient", "values", dead, five, 0.0, 0.8, DEAD),
        example("a single image", "one image", network, one, 0.3, 1.5),
        example("a network in train mode", "repeatable", network.changed(training=True), five,
                0.5, 2.5),
        example("trainable parameters", "repeatable", network.changed(frozen=False), five,
                0.5, 2.5),
        example("an X that already holds a gradient", "repeatable", network, used, 0.5, 2.5),
    ]  # fmt: skip


SCORE = "score = scores.gather(1, target_y.view(-1, 1)).sum()"
OBJECTIVE = "objective = score - l2_reg * ((X - 0.5) ** 2).sum()"
LENGTH = "length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)"
DIRECTION = "direction = gradient / length.where(length > 0, 1)"
UPDATE = "image = X.detach() + learning_rate * direction"


def alone(line, other):
    """The changes of an edit that replaces a whole line and is not tried together with others."""
    return {line + "\n": other + "\n"}


SOFTMAX = (
    "You ascended the softmax probability, not the class score. A probability also rises when "
    "other scores fall. Use the unnormalised score of each target class."
)
UNSQUARED = (
    "Your penalty is the norm, not its square: leave out the square root, so that the gradient is "
    "`2 * l2_reg * (X - 0.5)`."
)
MEAN_PENALTY = "You averaged the squared distance from grey; sum it over channels and pixels."
L2_AFTERWARDS = (
    "You divided the score's gradient by its length and dealt with the penalty apart from it. The "
    "gradient of the whole objective, penalty included, is divided by its length, then multiplied "
    "by the learning rate."
)


@exercise(
    points=6,
    minutes=25,
    examples=draw_step_examples,
    expected=(
        "For the photograph `dog` and the target goldfish (1), one step with l2_reg=0.01 and "
        "learning_rate=1 raises the score from about 0.11 to about 3.11. It is 1.000 long."
    ),
    hints=(
        "Write the objective as one number first: the sum, over the images, of each one's class "
        "score, minus `l2_reg` times the sum of all `(X - 0.5) ** 2`. Images do not influence "
        "each other in eval mode, so each gets its own gradient.",
        "Ascent *adds* the gradient. Where the score should rise and the penalty fall, the score "
        "has a plus and the penalty a minus; autograd then finds `- 2 * l2_reg * (X - 0.5)` by "
        "itself.",
        "In eval mode: copy X and mark the copy; objective; `torch.autograd.grad`. The length of "
        "each image's gradient is `gradient.flatten(1).norm(dim=1)`; give it the shape "
        "(N, 1, 1, 1) and divide where it is not 0. Return the detached copy plus the learning "
        "rate times that. Put the mode back.",
    ),
    combine=(SCORE, OBJECTIVE, LENGTH),
    mistakes=(
        Edit("cross_entropy",
             "You ascended the cross-entropy loss, which pushes the image *away* from its class. "
             "Ascend the unnormalised class score.",
             {SCORE: "score = torch.nn.functional.cross_entropy("
              'scores, target_y, reduction="sum")'}),
        Edit("cross_entropy_mean",
             "You ascended the cross-entropy loss, which pushes the image *away* from its class. "
             "Ascend the unnormalised class score.",
             alone(SCORE, "score = torch.nn.functional.cross_entropy(scores, target_y)")),
        Edit("descends_cross_entropy",
             "You descended the cross-entropy loss, that is, ascended the logarithm of the "
             "probability. It also rises when other classes lose. Ascend the unnormalised class "
             "score itself.",
             {SCORE: "score = -torch.nn.functional.cross_entropy("
              'scores, target_y, reduction="sum")'}),
        Edit("descends_cross_entropy_mean",
             "You descended the cross-entropy loss, that is, ascended the logarithm of the "
             "probability. It also rises when other classes lose. Ascend the unnormalised class "
             "score itself.",
             alone(SCORE, "score = -torch.nn.functional.cross_entropy(scores, target_y)")),
        Edit("softmax_probability", SOFTMAX,
             {SCORE: "score = scores.softmax(1).gather(1, target_y.view(-1, 1)).sum()"}),
        Edit("softmax_probability_mean", SOFTMAX,
             alone(SCORE, "score = scores.softmax(1).gather(1, target_y.view(-1, 1)).mean()")),
        Edit("batch_mean",
             "You averaged the class scores over the batch but summed the penalty, so the penalty "
             "weighs too much. Sum both.",
             alone(SCORE, "score = scores.gather(1, target_y.view(-1, 1)).mean()")),
        Edit("descends_the_score",
             "You gave the score a minus sign: the step lowers it. Ascent raises the score and "
             "lowers the penalty.",
             {SCORE: "score = -scores.gather(1, target_y.view(-1, 1)).sum()"}),
        Edit("every_label_on_every_row",
             "`scores[:, target_y]` picks the targets of all images from every row. Pick one score "
             "a row: `scores.gather(1, target_y.view(-1, 1))`.",
             {SCORE: "score = scores[:, target_y].sum()"}),
        Edit("first_label_on_every_row",
             "You used the first image's target for all images.",
             alone(SCORE, "score = scores[:, target_y[0]].sum()")),
        Edit("last_label_on_every_row",
             "You used the last image's target for all images.",
             alone(SCORE, "score = scores[:, target_y[-1]].sum()")),
        Edit("first_image_only",
             "You took the first image's score only: the other images have no target.",
             alone(SCORE, "score = scores[0, target_y[0]]")),
        Edit("all_scores",
             "You ascended the sum of all class scores; the target has no effect. Pick the score "
             "of the target class.",
             {SCORE: "score = scores.sum()"}),
        Edit("predicted_class",
             "You ascended the score of the class that the network predicts, not of the target.",
             {SCORE: "score = scores.amax(dim=1).sum()"}),
        Edit("margin",
             "You ascended the lead over the best class. Only the score of the target class is "
             "asked for.",
             alone(SCORE, "score = (scores.gather(1, target_y.view(-1, 1)).squeeze(1) "
              "- scores.amax(dim=1)).sum()")),
        Edit("squared_score", "You squared the class score.",
             alone(SCORE, "score = (scores.gather(1, target_y.view(-1, 1)) ** 2).sum()")),
        Edit("off_by_one_class",
             "You ascended the class after the target. Classes count from 0.",
             alone(SCORE, "score = scores.roll(-1, 1).gather(1, target_y.view(-1, 1)).sum()")),
        Edit("penalty_sign",
             "The penalty has the wrong sign: your step moves the image *away* from grey. The "
             "objective is the score *minus* `l2_reg` times the squared distance, so its gradient "
             "holds `- 2 * l2_reg * (X - 0.5)`.",
             {OBJECTIVE: OBJECTIVE.replace("score -", "score +")}),
        Edit("penalty_without_effect",
             "The penalty has no effect on your step: it is missing, or computed from something "
             "that autograd does not follow (`.data`, `.item()`, `.detach()`), so that its "
             "gradient is zero.",
             {OBJECTIVE: "objective = score"}),
        Edit("factor_two_missing",
             "The factor 2 of the penalty's gradient is missing: the derivative of "
             "`l2_reg * (X - 0.5) ** 2` is `2 * l2_reg * (X - 0.5)`.",
             {OBJECTIVE: OBJECTIVE.replace("- l2_reg", "- 0.5 * l2_reg")}),
        Edit("factor_two_twice",
             "Your penalty is twice too strong: the gradient of `l2_reg * (X - 0.5) ** 2` is "
             "`2 * l2_reg * (X - 0.5)`, with the factor 2 once.",
             {OBJECTIVE: OBJECTIVE.replace("- l2_reg", "- 2 * l2_reg")}),
        Edit("factor_two_missing_and_sign",
             "The penalty has the wrong sign, and the factor 2 of its gradient is missing: the "
             "objective's gradient holds `- 2 * l2_reg * (X - 0.5)`.",
             alone(OBJECTIVE, OBJECTIVE.replace("- l2_reg", "+ 0.5 * l2_reg"))),
        Edit("unsquared_norm", UNSQUARED,
             {OBJECTIVE: "objective = score - l2_reg * (X - 0.5).flatten(1).norm(dim=1).sum()"}),
        Edit("unsquared_norm_of_the_batch", UNSQUARED,
             alone(OBJECTIVE, "objective = score - l2_reg * (X - 0.5).norm()")),
        Edit("mean_penalty", MEAN_PENALTY,
             {OBJECTIVE: OBJECTIVE.replace("sum()", "mean()")}),
        Edit("mean_penalty_of_each_image", MEAN_PENALTY,
             alone(OBJECTIVE, OBJECTIVE.replace(".sum()", ".mean((1, 2, 3)).sum()"))),
        Edit("towards_black",
             "You penalised X itself, which pulls every pixel to 0, to black. Penalise the "
             "distance from mid-grey, `X - 0.5`.",
             {OBJECTIVE: "objective = score - l2_reg * (X**2).sum()"}),
        Edit("towards_black_unsquared",
             "You penalised the norm of X itself. Penalise the *square* of the distance from "
             "mid-grey, `X - 0.5`.",
             alone(OBJECTIVE, "objective = score - l2_reg * X.flatten(1).norm(dim=1).sum()")),
        Edit("away_from_black",
             "The penalty has the wrong sign, and it is on X: your step moves the pixels away from "
             "black. Subtract `l2_reg` times the squared distance from mid-grey, `X - 0.5`.",
             {OBJECTIVE: "objective = score + l2_reg * (X**2).sum()"}),
        Edit("towards_its_own_mean",
             "You penalised the distance from the image's own mean; mid-grey is 0.5.",
             alone(OBJECTIVE, OBJECTIVE.replace("0.5", "X.mean((1, 2, 3), True)"))),
        Edit("towards_the_models_mean",
             "You penalised the distance from the mean colour `model.mean`; mid-grey is 0.5.",
             alone(OBJECTIVE, OBJECTIVE.replace("0.5", "model.mean"))),
        Edit("penalty_on_normalised_pixels",
             "You penalised normalised pixels, `(X - model.mean) / model.std`. Penalise the "
             "distance of the pixels themselves from 0.5.",
             alone(OBJECTIVE, OBJECTIVE.replace("(X - 0.5)", "((X - model.mean) / model.std)"))),
        Edit("absolute_penalty",
             "Your penalty is the sum of absolute values (L1); take squares.",
             alone(OBJECTIVE, "objective = score - l2_reg * (X - 0.5).abs().sum()")),
        Edit("penalty_on_the_scores",
             "You penalised the scores; the penalty is on the image.",
             alone(OBJECTIVE, "objective = score - l2_reg * (scores**2).sum()")),
        Edit("penalty_only", "The class score has no part in your step.",
             alone(OBJECTIVE, "objective = 0 * score - l2_reg * ((X - 0.5) ** 2).sum()")),
        Edit("not_normalised",
             "You did not divide the gradient by its length: the step is as long as the gradient "
             "happens to be. Divide each image's gradient by its L2 norm.",
             {LENGTH: "length = torch.ones_like(gradient[:, :1, :1, :1])"}),
        Edit("norm_of_the_batch",
             "You divided by the norm of the whole batch, so each image moves the less, the more "
             "images there are. Divide each image's gradient by its own norm.",
             {LENGTH: "length = gradient.norm()"}),
        Edit("norm_over_channels",
             "You divided each pixel's gradient by its own norm over the colours, so that all "
             "pixels move equally far. One norm for each image.",
             alone(LENGTH, "length = gradient.norm(dim=1, keepdim=True)")),
        Edit("norm_over_places",
             "You divided each colour channel by its own norm. One norm for each image, over "
             "channels, rows and columns.",
             alone(LENGTH, "length = gradient.norm(dim=(2, 3), keepdim=True)")),
        Edit("squared_length",
             "You divided by the *squared* norm: the step gets shorter where the gradient is "
             "long. Divide by the norm itself.",
             {LENGTH: LENGTH + "**2"}),
        Edit("root_mean_square",
             "You divided by the root mean square, which is smaller than the norm by a factor of "
             "the square root of 3 H W. Divide by the L2 norm.",
             {LENGTH: "length = (gradient**2).mean(dim=(1, 2, 3), keepdim=True).sqrt()"}),
        Edit("standard_deviation", "You divided by the standard deviation; divide by the L2 norm.",
             alone(LENGTH, "length = gradient.std(dim=(1, 2, 3), keepdim=True)")),
        Edit("largest_gradient",
             "You divided by the largest absolute value (the maximum norm); divide by the L2 norm.",
             alone(LENGTH, "length = gradient.abs().amax(dim=(1, 2, 3), keepdim=True)")),
        Edit("mean_absolute_value",
             "You divided by the mean absolute value; divide by the L2 norm.",
             alone(LENGTH, "length = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)")),
        Edit("sum_of_absolute_values",
             "You divided by the sum of absolute values (the L1 norm); divide by the L2 norm.",
             alone(LENGTH, "length = gradient.abs().sum(dim=(1, 2, 3), keepdim=True)")),
        Edit("length_of_the_image",
             "You divided by the norm of the image; divide by the norm of its gradient.",
             alone(LENGTH, "length = X.detach().flatten(1).norm(dim=1).view(-1, 1, 1, 1)")),
        Edit("sign_step",
             "You stepped along the *sign* of the gradient, so that every pixel moves equally "
             "far. Step along the gradient divided by its L2 norm.",
             {DIRECTION: "direction = gradient.sign()"}),
        Edit("not_a_number",
             "Where the gradient is zero, you divided 0 by 0 (NaN). Leave such an image as it is.",
             {DIRECTION: "direction = gradient / length"}),
        Edit("infinite_where_zero",
             "Where one image's gradient is zero, you left the whole batch as it is. Leave only "
             "that image.",
             {DIRECTION: "direction = gradient / length if (length > 0).all() else 0 * gradient"}),
        Edit("large_epsilon",
             "The constant that you add to the norm is so large that it shortens the step. Add "
             "1e-8 at most, or divide where the norm is not zero.",
             {DIRECTION: "direction = gradient / (length + 1e-2)"}),
        Edit("descends",
             "You descended the whole objective: ascent *adds* the gradient.",
             {UPDATE: "image = X.detach() - learning_rate * direction"}),
        Edit("learning_rate_ignored",
             "The learning rate has no effect: multiply the normalised gradient by it.",
             {UPDATE: "image = X.detach() + direction"}),
        Edit("divided_by_learning_rate",
             "You divided by the learning rate; multiply the normalised gradient by it.",
             {UPDATE: "image = X.detach() + direction / learning_rate"}),
        Edit("no_update",
             "You returned the image as it came: the step is computed and then lost.",
             {UPDATE: "image = X.detach()"}),
        Edit("step_only", "You returned the step alone; return the image plus the step.",
             {UPDATE: "image = learning_rate * direction"}),
        Edit("gradient_only",
             "You returned the gradient; return the image after the step.",
             {UPDATE: "image = gradient"}),
        Edit("clipped",
             "You clipped the image to [0, 1] in the step; the loop does that, after it has "
             "rolled the image back.",
             {UPDATE: UPDATE.replace("X.det", "(X.det") + ").clamp(0, 1)"}),
        Edit("rescaled",
             "You stretched the image to [0, 1] in the step; add the step and leave the rest.",
             {UPDATE: UPDATE + "\n    low, high = (f(image, (1, 2, 3), True) for f in "
              "(torch.amin, torch.amax))\n    image = (image - low) / (high - low)"}),
        Edit("normalised_image_updated",
             "You added the step to the normalised image; the model normalises by itself, and the "
             "image that you return has pixels in [0, 1].",
             {UPDATE: UPDATE.replace("X.detach()", "(X.detach() - model.mean) / model.std")}),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension.",
             {"return image": "return image.squeeze()"}),
        Edit("first_image_returned", "You returned the first image only; return the whole batch.",
             {"return image": "return image[:1]"}),
        Edit("penalty_after_the_norm", L2_AFTERWARDS,
             {OBJECTIVE: "objective = score",
              UPDATE: "image = X.detach() + learning_rate * "
              "(direction - 2 * l2_reg * (X.detach() - 0.5))"}),
        Edit("penalty_not_scaled",
             "You subtracted the penalty's gradient without the learning rate, after dividing the "
             "score's gradient by its length. Add both gradients, divide by the length of the sum, "
             "multiply by the learning rate.",
             {OBJECTIVE: "objective = score",
              UPDATE: UPDATE + " - 2 * l2_reg * (X.detach() - 0.5)"}),
        Edit("score_normalised_first",
             "You divided the score's gradient by its length *before* you subtracted the "
             "penalty's, and then divided again. Add both gradients first.",
             {OBJECTIVE: "objective = score",
              DIRECTION: DIRECTION + " - 2 * l2_reg * (X.detach() - 0.5)\n"
              "    length = direction.flatten(1).norm(dim=1).view(-1, 1, 1, 1)\n"
              "    direction = direction / length.where(length > 0, 1)"}),
        Edit("weight_decay",
             "You shrank the image by `1 - l2_reg` and left the penalty out of the gradient. "
             "Differentiate the whole objective.",
             {OBJECTIVE: "objective = score",
              UPDATE: UPDATE.replace("X.detach()", "X.detach() * (1 - l2_reg)")}),
        Edit("penalty_not_scaled_and_not_normalised",
             "You did not divide the gradient by its length, and subtracted the penalty's gradient "
             "without the learning rate. Add both gradients, divide by the length of the sum, "
             "multiply by the learning rate.",
             {OBJECTIVE: "objective = score",
              LENGTH: "length = torch.ones_like(gradient[:, :1, :1, :1])",
              UPDATE: UPDATE + " - 2 * l2_reg * (X.detach() - 0.5)"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"scores = model(X)": "scores = model((X - model.mean) / model.std)"}),
        Edit("network_sees_centred_pixels",
             "You gave `X - 0.5` to the model; only the penalty is measured from grey.",
             {"scores = model(X)": "scores = model(X - 0.5)"}),
        Edit("switches_to_train_mode",
             "You switched the network to train mode. In eval mode dropout is off and the stored "
             "batch statistics count.",
             {"model.eval()": "model.train()"}),
        Edit("train_mode",
             "You ran the network in the mode in which it came. Switch to eval mode first: in "
             "train mode dropout and batch statistics change the step at every call.",
             {"    model.eval()\n": ""}),
        Edit("leaves_eval_mode",
             "You left the model in eval mode. Note `model.training` first, and put the model back "
             "into that mode at the end.",
             {"    model.train(was_training)\n": ""}),
        Edit("leaves_requires_grad",
             "You marked the caller's tensor. Work on `X.detach().clone()`.",
             {"X = X.detach().clone().requires_grad_()": "X.requires_grad_()"}),
        Edit("no_requires_grad",
             "Autograd had nothing to differentiate. Mark your copy of X with `requires_grad_()` "
             "before you call the model, and not under `torch.no_grad()`: the parameters are "
             "frozen, so nothing else is marked.",
             {"X.detach().clone().requires_grad_()": "X.detach().clone()"}),
        Edit("no_sum",
             "Autograd starts from one number, not from one score for each image: sum them.",
             alone(SCORE, "score = scores.gather(1, target_y.view(-1, 1))")),
        Edit("result_on_graph",
             "Your result still hangs on the autograd graph: add the step to `X.detach()`, or "
             "detach the result.",
             {UPDATE: UPDATE.replace(".detach()", "")}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"return image": "return image.numpy()"}),
        Edit("returns_nothing",
             "Nothing came back: the last line must `return` the new images.",
             {"return image": "image"}),
    ),
)  # fmt: skip
def class_visualization_step(X, target_y, model, l2_reg, learning_rate):
    """One step of gradient ascent: each image moves towards its class.

    The objective of an image is the score of its target class (unnormalised:
    before any softmax) minus l2_reg times its squared L2 distance from
    mid-grey, which is the sum of (X - 0.5)^2 over channels and pixels.
    Simonyan et al. 2014, section 2.

    Take the gradient of the whole objective, penalty included, with respect
    to the pixels. Divide each image's gradient by its own L2 norm (plus 1e-8
    at most), multiply by the learning rate, add to the image. An image whose
    gradient is zero stays as it is. Do not clip: the loop will.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        target_y: class that each image is to become, an int64 tensor (N,).
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters.
        l2_reg: weight of the penalty, 0 or more.
        learning_rate: length of the step, in L2 norm, of each image.

    Returns:
        The new images, not on the autograd graph: a tensor (N, 3, H, W).
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    scores = model(X)
    score = scores.gather(1, target_y.view(-1, 1)).sum()
    objective = score - l2_reg * ((X - 0.5) ** 2).sum()
    (gradient,) = torch.autograd.grad(objective, X)
    model.train(was_training)
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    direction = gradient / length.where(length > 0, 1)
    image = X.detach() + learning_rate * direction
    return image
    ### END SOLUTION


@class_visualization_step.mistake(
    "The gradient piles up on the caller's `X.grad`: a second call adds to the first. Use "
    "`torch.autograd.grad`, or a fresh copy of X."
)
def accumulates(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X.requires_grad_()
    score = model(X).gather(1, target_y.view(-1, 1)).sum()
    (score - l2_reg * ((X - 0.5) ** 2).sum()).backward()
    model.train(was_training)
    length = X.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-30)
    return X.detach() + learning_rate * X.grad / length


@class_visualization_step.mistake(
    "You changed the caller's X in place, so that a second call starts from another image. Return "
    "a new one."
)
def in_place(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    score = model(images).gather(1, target_y.view(-1, 1)).sum()
    objective = score - l2_reg * ((images - 0.5) ** 2).sum()
    (gradient,) = torch.autograd.grad(objective, images)
    model.train(was_training)
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-30)
    X.data += learning_rate * gradient / length
    return X.detach()


@class_visualization_step.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    score = model(X).gather(1, target_y.view(-1, 1)).sum()
    (score - l2_reg * ((X - 0.5) ** 2).sum()).backward()
    model.train(was_training)
    length = X.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-30)
    return X.detach() + learning_rate * X.grad / length


@class_visualization_step.mistake(
    "When X itself requires grad, its clone is still tied to it and `.grad` stays empty: detach "
    "the copy, `X.detach().clone()`."
)
def clone_without_detach(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    images = X.clone().requires_grad_()
    score = model(images).gather(1, target_y.view(-1, 1)).sum()
    (score - l2_reg * ((images - 0.5) ** 2).sum()).backward()
    model.train(was_training)
    model.zero_grad()
    length = images.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-30)
    return images.detach() + learning_rate * images.grad / length


@class_visualization_step.mistake(
    "You cleared the caller's `X.grad`. Leave it as it is and work on a copy."
)
def clears_the_gradient(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X.grad = None
    images = X.detach().clone().requires_grad_()
    score = model(images).gather(1, target_y.view(-1, 1)).sum()
    objective = score - l2_reg * ((images - 0.5) ** 2).sum()
    (gradient,) = torch.autograd.grad(objective, images)
    model.train(was_training)
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-30)
    return images.detach() + learning_rate * gradient / length


@class_visualization_step.mistake(
    "You switched `X.requires_grad` off at the end, but it may have been on. Work on "
    "`X.detach().clone()` and leave X alone."
)
def switches_requires_grad_off(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X.requires_grad_()
    score = model(X).gather(1, target_y.view(-1, 1)).sum()
    (gradient,) = torch.autograd.grad(score - l2_reg * ((X - 0.5) ** 2).sum(), X)
    X.requires_grad_(False)
    model.train(was_training)
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp(min=1e-30)
    return X + learning_rate * gradient / length


@class_visualization_step.mistake(
    "The number of images is written into the code: take it from `X.shape[0]`."
)
def batch_size_hard_coded(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    score = model(X).gather(1, target_y.view(5, 1)).sum()
    (gradient,) = torch.autograd.grad(score - l2_reg * ((X - 0.5) ** 2).sum(), X)
    model.train(was_training)
    length = gradient.flatten(1).norm(dim=1).view(5, 1, 1, 1).clamp(min=1e-30)
    return X.detach() + learning_rate * gradient / length


@class_visualization_step.mistake(
    "`target_y` is a tensor with one class for each image, not one number: `int(target_y)` or "
    "`.item()` works for a single image only."
)
def single_target(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    score = model(X)[0, target_y.item()]
    (gradient,) = torch.autograd.grad(score - l2_reg * ((X - 0.5) ** 2).sum(), X)
    model.train(was_training)
    return X.detach() + learning_rate * gradient / gradient.norm()


@class_visualization_step.variant
def one_image_at_a_time(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    images = X.detach().clone()
    for i in range(len(X)):
        image = X[i : i + 1].detach().clone().requires_grad_(True)
        score = model(image)[0, target_y[i]]
        objective = score - l2_reg * torch.sum((image - 0.5) ** 2)
        gradient = torch.autograd.grad(objective, image)[0]
        images[i] += learning_rate * gradient[0] / (gradient.norm() + 1e-8)
    model.train(was_training)
    return images


@class_visualization_step.variant
def explicit_backward(X, target_y, model, l2_reg, learning_rate):
    scores, cache = model.forward(X)
    one_hot = torch.nn.functional.one_hot(target_y, scores.shape[1]).to(scores)
    gradient, _ = model.backward(one_hot, cache)
    X = X.detach()
    gradient = gradient - 2 * l2_reg * (X - 0.5)
    return X + learning_rate * torch.nn.functional.normalize(gradient.flatten(1)).view_as(X)


@class_visualization_step.variant
def backward_on_a_copy(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    flags = [p.requires_grad for p in model.parameters()]
    model.requires_grad_(False)
    images = X.detach().clone().requires_grad_(True)
    scores = model(images)[torch.arange(len(target_y)), target_y]
    loss = l2_reg * (images - 0.5).square().sum() - scores.sum()
    loss.backward()
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    model.train(was_training)
    with torch.no_grad():
        step = images.grad / images.grad.flatten(1).norm(dim=1)[:, None, None, None]
        return images - learning_rate * torch.nan_to_num(step)


@class_visualization_step.variant
def functional(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X = X.detach()

    def objective(images):
        penalty = ((images - 0.5) ** 2).flatten(1).sum(1)
        return (model.score(images, target_y) - l2_reg * penalty).mean()

    gradient = torch.func.grad(objective)(X).detach()
    model.train(was_training)
    return X + learning_rate * torch.nn.functional.normalize(gradient.flatten(1)).view_as(X)


@class_visualization_step.variant
def upstream_gradient(X, target_y, model, l2_reg, learning_rate):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    penalty = (X - 0.5).flatten(1).norm(dim=1) ** 2
    objective = model.score(X, target_y) - l2_reg * penalty
    (gradient,) = torch.autograd.grad(objective, X, torch.ones_like(objective))
    model.train(was_training)
    squares = (gradient**2).sum(dim=(1, 2, 3), keepdim=True)
    return (X + learning_rate * gradient / (squares.sqrt() + 1e-12)).detach()


def draw_loop_examples(generator):
    """Short loops: with and without jitter, blur and penalty, all settings off their defaults."""
    network = draw_network(generator, gain=GAIN)
    images = draw_images(generator, count=2)
    seed = int(torch.randint(1000, (), generator=generator))

    def example(name, rung, model, count=2, **settings):
        y = draw_labels(network, images, generator)[:count]
        arguments = {"target_y": y, "model": model, "size": [6, 7], "seed": seed} | settings
        return Example(name, rung, arguments)

    full = {"num_iterations": 7, "learning_rate": 2.0, "l2_reg": 0.1, "blur_every": 3,
            "max_jitter": 2}  # fmt: skip
    ends_with_blur = {"num_iterations": 6, "learning_rate": 3.5, "l2_reg": 0.15, "blur_every": 2,
                      "max_jitter": 3}  # fmt: skip
    plain = {"num_iterations": 4, "learning_rate": 0.5, "l2_reg": 0.0, "blur_every": 0,
             "max_jitter": 0}  # fmt: skip
    return [
        example("7 steps, blurred every 3, jitter 2", "values", network, **full),
        example("6 steps, blurred every 2, jitter 3", "values", network, **ends_with_blur),
        example("4 steps without blur, jitter and penalty", "values", network, **plain),
        example("a single image", "one image", network, 1, **full),
        example("a network in train mode", "repeatable", network.changed(training=True), **full),
        example("trainable parameters", "repeatable", network.changed(frozen=False), **full),
    ]


LOOP = "    for iteration in range(1, num_iterations + 1):\n"
SHIFT = "shift = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator).tolist()"
ROLL = "X = X.roll(shift, dims=(2, 3))"
STEP = "X = class_visualization_step(X, target_y, model, l2_reg, learning_rate)"
BACK = "X = X.roll([-shift[0], -shift[1]], dims=(2, 3))"
CLIP = "X = X.clamp(0, 1)"
BLUR = "X = torchvision.transforms.functional.gaussian_blur(X, kernel_size=3, sigma=0.5)"
WHEN = "if blur_every and iteration % blur_every == 0:"

WRONG_STEPS = (
    "cross_entropy", "descends_cross_entropy", "softmax_probability", "descends_the_score",
    "every_label_on_every_row", "all_scores", "predicted_class",
    "off_by_one_class", "penalty_sign", "factor_two_missing",
    "factor_two_twice", "unsquared_norm", "unsquared_norm_of_the_batch", "mean_penalty",
    "towards_black", "not_normalised", "norm_of_the_batch", "squared_length", "root_mean_square",
    "largest_gradient", "sign_step", "descends", "step_only",
    "gradient_only", "penalty_after_the_norm", "penalty_not_scaled",
    "penalty_not_scaled_and_not_normalised", "normalised_twice",
)  # fmt: skip


def call_wrong_steps():
    """The loop with wrong steps: `Edit` objects that put the wrong step before the loop."""
    says = "Your loop is right, but the step that it calls is not; check that one first. There: "
    for mistake in class_visualization_step.mistakes:
        if mistake.key in WRONG_STEPS:
            step = textwrap.indent(mistake.source, "    ")
            yield Edit(f"step_{mistake.key}", says + mistake.says, {LOOP: f"{step}\n\n{LOOP}"})


@exercise(
    points=6,
    minutes=25,
    examples=draw_loop_examples,
    expected=(
        "For the class goldfish of `efficientnet_lite0` and the default settings, the score "
        "rises from about 0.0 to about 2.1."
    ),
    hints=(
        "One iteration is five lines: draw the shift, roll, step, roll back, clip; and, when it is "
        "due, blur. Keep what each line returns: `X = ...`.",
        "`X.roll(shift, dims=(2, 3))` moves rows by the first and columns by the second number. "
        "Rolling by the two numbers with their signs turned undoes it.",
        "Count from 1: `for iteration in range(1, num_iterations + 1)`. Then the blur is due where "
        "`blur_every and iteration % blur_every == 0`, which is also right for 0, never.",
    ),
    combine=(BACK, CLIP, WHEN),
    mistakes=(
        Edit("step_lost",
             "The step has no effect: it *returns* the new images and leaves X alone. Keep what it "
             "returns, `X = class_visualization_step(...)`.",
             {STEP: STEP.removeprefix("X = ")}),
        Edit("jitter_not_undone",
             "The image is not rolled back after the step, so it wanders. Roll by the same numbers "
             "with their signs turned, and keep what `roll` returns.",
             {BACK: "pass"}),
        Edit("undone_with_the_same_sign",
             "You rolled twice in the same direction: to undo the jitter, roll by `-shift`.",
             {BACK: ROLL}),
        Edit("undone_on_rows_only",
             "You rolled the rows back, but not the columns: undo both.",
             alone(BACK, "X = X.roll(-shift[0], dims=2)")),
        Edit("undone_on_columns_only",
             "You rolled the columns back, but not the rows: undo both.",
             alone(BACK, "X = X.roll(-shift[1], dims=3)")),
        Edit("undone_with_the_axes_swapped",
             "You rolled back with rows and columns swapped.",
             alone(BACK, "X = X.roll([-shift[1], -shift[0]], dims=(2, 3))")),
        Edit("no_jitter",
             "The jitter has no effect: roll the image *before* the step and back after it, and "
             "keep what `roll` returns, `X = X.roll(...)`.",
             {ROLL: "pass", BACK: "pass"}),
        Edit("rows_only", "You jittered the rows only; roll the columns as well.",
             {ROLL: "X = X.roll(shift[0], dims=2)", BACK: "X = X.roll(-shift[0], dims=2)"}),
        Edit("columns_only", "You jittered the columns only; roll the rows as well.",
             {ROLL: "X = X.roll(shift[1], dims=3)", BACK: "X = X.roll(-shift[1], dims=3)"}),
        Edit("axes_swapped",
             "The first number of the shift moves the rows (dimension 2), the second the columns "
             "(dimension 3); you have them the other way round.",
             {"dims=(2, 3)": "dims=(3, 2)"}),
        Edit("channels_rolled",
             "You rolled the channels: rows are dimension 2, columns dimension 3.",
             {"dims=(2, 3)": "dims=(1, 2)"}),
        Edit("rolled_flat",
             "`roll` without `dims` rolls the flattened tensor, over the ends of rows, colours and "
             "images. Give `dims=(2, 3)`.",
             {ROLL: "X = X.roll(shift[0]).roll(shift[1])",
              BACK: "X = X.roll(-shift[0]).roll(-shift[1])"}),
        Edit("opposite_jitter",
             "You rolled by the negative shift before the step. Roll by the shift itself, and back "
             "by its negative.",
             {ROLL: "X = X.roll([-s for s in shift], dims=(2, 3))", BACK: ROLL}),
        Edit("one_number_for_both_axes",
             "You moved rows and columns by the same number; draw two.",
             {SHIFT: SHIFT + "[:1] * 2"}),
        Edit("one_draw_for_both_axes",
             "You drew one number and moved rows and columns by it; draw two.",
             {SHIFT: SHIFT.replace("(2,)", "(1,)") + " * 2"}),
        Edit("jitter_in_one_direction",
             "Your shifts are never negative: draw from -max_jitter to max_jitter.",
             {SHIFT: SHIFT.replace("(-max_jitter,", "(0,")}),
        Edit("jitter_without_upper_end",
             "`randint` leaves out its upper end: write `max_jitter + 1`. Else max_jitter itself "
             "never comes, and with max_jitter=0 nothing is left to draw from.",
             {SHIFT: SHIFT.replace("max_jitter + 1", "max_jitter")}),
        Edit("max_jitter_ignored",
             "`max_jitter` has no effect: draw from -max_jitter to max_jitter.",
             {SHIFT: SHIFT.replace("-max_jitter, max_jitter + 1", "-16, 17")}),
        Edit("global_random_numbers",
             "You drew the shift from torch's global random state: give `generator=generator`, so "
             "that the same seed gives the same picture.",
             {SHIFT: SHIFT.replace(", generator=generator", "")}),
        Edit("generator_made_anew",
             "You made the generator anew in each iteration, so that all shifts are the same. It "
             "is made once, before the loop.",
             {SHIFT: "generator = torch.Generator().manual_seed(seed)\n        " + SHIFT}),
        Edit("generator_restarted",
             "You made the generator once more after the start image was drawn. Go on with the one "
             "of the given lines.",
             {LOOP: "    generator = torch.Generator().manual_seed(seed)\n" + LOOP}),
        Edit("one_shift_for_all",
             "You drew the shift once, before the loop. Draw a new one in each iteration.",
             {LOOP: f"    {SHIFT}\n{LOOP}", f"        {SHIFT}\n": ""}),
        Edit("drawn_after_the_step",
             "You rolled back by a newly drawn shift: keep the one that you rolled by.",
             alone(BACK, f"{SHIFT}\n        {BACK}")),
        Edit("no_clip",
             "You did not clip the pixels to [0, 1] after each step. The limits are 0 "
             "and 1, since the model normalises by itself.", {CLIP: "pass"}),
        Edit("clipped_at_the_end",
             "You clipped once, at the end. Clip to [0, 1] in each iteration, so that the network "
             "always looks at an image.",
             {CLIP: "pass", "    return X": "    return X.clamp(0, 1)"}),
        Edit("clipped_before_the_step",
             "You clipped before the step, not after it: what the loop returns may leave [0, 1].",
             {CLIP: "pass", STEP: "X = X.clamp(0, 1)\n        " + STEP}),
        Edit("clipped_below_only", "You clipped at 0 only; clip at 1, too.",
             alone(CLIP, "X = X.clamp(min=0)")),
        Edit("clipped_above_only", "You clipped at 1 only; clip at 0, too.",
             alone(CLIP, "X = X.clamp(max=1)")),
        Edit("wrapped",
             "You folded the pixels back with a remainder (`% 1`), so bright ones turn dark. Clip "
             "them.",
             alone(CLIP, "X = X % 1")),
        Edit("squashed", "You squashed the pixels with a sigmoid; clip them.",
             alone(CLIP, "X = X.sigmoid()")),
        Edit("rescaled",
             "You stretched each image to [0, 1] in every iteration; clip it.",
             alone(CLIP, "low, high = (f(X, (1, 2, 3), True) for f in (torch.amin, torch.amax))\n"
              "        X = (X - low) / (high - low)")),
        Edit("never_blurred",
             "The image is never blurred: blur it every `blur_every` iterations, and keep what "
             "`gaussian_blur` returns.",
             {WHEN: "if False:"}),
        Edit("blurred_at_every_step",
             "You blurred after every step; do so every `blur_every` iterations.",
             alone(WHEN, "if blur_every:")),
        Edit("blurred_though_zero",
             "You blurred after every step, even where `blur_every` is 0, which means never.",
             alone(WHEN, "if True:")),
        Edit("counted_from_zero",
             "You counted the iterations from 0, so you blurred right after the first step. Count "
             "from 1: the first blur comes after `blur_every` steps.",
             {WHEN: WHEN.replace("iteration %", "(iteration - 1) %")}),
        Edit("blurred_one_step_early",
             "You blurred one iteration too early, or before the step: the blur is the last "
             "thing in an iteration.",
             alone(WHEN, WHEN.replace("iteration %", "(iteration + 1) %"))),
        Edit("blurred_between",
             "You blurred in all iterations but those where it is due: the remainder must be 0.",
             alone(WHEN, "if blur_every and iteration % blur_every:")),
        Edit("zero_is_no_divisor",
             "`blur_every` may be 0, which means never, and nothing can be divided by it: ask "
             "`if blur_every and ...`.",
             alone(WHEN, WHEN.replace("blur_every and ", ""))),
        Edit("not_blurred_at_the_end",
             "You left out the blur after the last iteration, where one was due.",
             alone(WHEN, WHEN.replace(":", " and iteration < num_iterations:"))),
        Edit("blurred_after_the_loop",
             "You blurred once, after the loop. Blur inside, every `blur_every` iterations.",
             {WHEN: "if False:", "    return X": f"    {BLUR}\n    return X"}),
        Edit("blurred_before_rolling_back",
             "You blurred while the image was still rolled, so the blur reflects at the wrong "
             "border. Roll back and clip first.",
             {BACK: f"{WHEN}\n            {BLUR}\n        {BACK}",
              f"        {WHEN}\n            {BLUR}\n    return": "    return"}),
        Edit("blurred_before_clipping", "You blurred before clipping; clip first.",
             {f"        {CLIP}\n": "", f"    {BLUR}\n": f"    {BLUR}\n        {CLIP}\n"}),
        Edit("blur_too_wide", "You blurred with sigma 1; the task says 0.5.",
             {"sigma=0.5": "sigma=1.0"}),
        Edit("blur_with_default_sigma",
             "You left out sigma, for which torchvision then takes 0.8; the task says 0.5.",
             {", sigma=0.5": ""}),
        Edit("blur_with_large_kernel", "Your blur's kernel has 5 pixels; the task says 3.",
             {"kernel_size=3": "kernel_size=5"}),
        Edit("box_blur",
             "You averaged over 3 x 3 pixels. Use `gaussian_blur` with kernel_size=3 and "
             "sigma=0.5.",
             {BLUR: "X = torch.nn.functional.avg_pool2d(X, 3, 1, 1, count_include_pad=False)"}),
        Edit("one_step_too_few",
             "You took one step too few, or returned the images as they were before the last one.",
             {"num_iterations + 1": "num_iterations"}),
        Edit("one_step_too_many", "You took one step too many.",
             {"num_iterations + 1": "num_iterations + 2"}),
        Edit("num_iterations_ignored",
             "`num_iterations` has no effect: you always take 100 steps.",
             {"num_iterations + 1": "101"}),
        Edit("returns_after_one_step",
             "You return inside the loop, after the first iteration: the `return` belongs after "
             "the loop, less indented.",
             {"\n    return X": "\n        return X"}),
        Edit("stops_when_fooled",
             "You stopped as soon as the network saw the target. Go on to the last iteration: it "
             "is the picture that is wanted, not the answer.",
             {f"        {SHIFT}\n": "        if (model(X).argmax(1) == target_y).all():\n"
              f"            break\n        {SHIFT}\n"}),
        Edit("l2_ignored",
             "`l2_reg` has no effect. Hand it to the step; if you do, the loop is right and the "
             "step is not: check that one first, its penalty is missing or autograd cannot follow "
             "it.",
             {STEP: STEP.replace("l2_reg", "0.0")}),
        Edit("learning_rate_ignored",
             "`learning_rate` has no effect. Hand it to the step; if you do, the loop is right and "
             "the step is not: check that one first.",
             {STEP: STEP.replace("learning_rate", "1.0")}),
        Edit("arguments_swapped",
             "You handed the step `learning_rate` and `l2_reg` in the wrong order: l2_reg comes "
             "first.",
             {STEP: STEP.replace("l2_reg, learning_rate", "learning_rate, l2_reg")}),
        Edit("learning_rate_falls",
             "You let the learning rate fall from step to step; keep it as it is.",
             {STEP: STEP.replace("learning_rate)", "learning_rate / iteration)")}),
        Edit("first_target_for_all",
             "The first target was used for all images. Hand on the whole `target_y`; if you do, "
             "check the step: it must pick one score a row.",
             {STEP: STEP.replace("target_y", "target_y[:1].expand(len(X))")}),
        Edit("starts_at_black",
             "You started from a black image. Start from the X of the given lines.",
             {LOOP: "    X = torch.zeros_like(X)\n" + LOOP}),
        Edit("starts_at_grey",
             "You started from plain grey. Start from the X of the given lines.",
             {LOOP: "    X = torch.full_like(X, 0.5)\n" + LOOP}),
        Edit("starts_from_another_draw",
             "You drew another start image. Start from the X of the given lines.",
             {LOOP: "    X = torch.rand(X.shape, generator=generator).to(X)\n" + LOOP}),
        Edit("roll_lost",
             "The image is not rolled before the step, but rolled back after it: keep what `roll` "
             "returns, `X = X.roll(...)`.",
             {ROLL: ROLL.removeprefix("X = ")}),
        Edit("as_pictures",
             "You returned 8-bit pictures. Return the images themselves, floats (N, 3, H, W); "
             "showing them is another matter.",
             {"return X": "return torch.from_numpy(model.deprocess(X))"}),
        Edit("as_list", "You returned a list of images; return one tensor (N, 3, H, W).",
             {"return X": "return list(X)"}),
        Edit("first_image_returned", "You returned the first image only; return the whole batch.",
             {"return X": "return X[0]"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"return X": "return X.numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the images.",
             {"    return X": "    X"}),
        *call_wrong_steps(),
    ),
)  # fmt: skip
def create_class_visualization(
    target_y,
    model,
    *,
    learning_rate=1.0,
    l2_reg=0.01,
    num_iterations=48,
    blur_every=12,
    max_jitter=2,
    size=(32, 32),
    seed=0,
):
    """Images of classes, by gradient ascent from grey noise.

    The lines above your code draw the start image. Then, in each iteration:

    1. draw two shifts from -max_jitter to max_jitter, both ends included:
       `torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator)`;
    2. roll all images by them, rows (dimension 2) by the first, columns
       (dimension 3) by the second; what leaves on one side comes in on the
       other;
    3. take one `class_visualization_step`;
    4. roll back, by the same shifts with their signs turned;
    5. clip to [0, 1];
    6. after iterations blur_every, 2 blur_every, ..., the last one included
       if it is such a multiple, blur:
       `torchvision.transforms.functional.gaussian_blur(X, kernel_size=3,
       sigma=0.5)`. With blur_every=0 never.

    Args:
        target_y: class of each image, an int64 tensor (N,).
        model: PretrainedCNN; leave it as it is.
        learning_rate, l2_reg: for the step.
        num_iterations: number of steps.
        blur_every: iterations from one blur to the next; 0 for no blur.
        max_jitter: largest shift, in pixels.
        size: height and width of the images.
        seed: the same seed gives the same images.

    Returns:
        The images after the last iteration, in [0, 1], not on the autograd
        graph: a tensor (N, 3, height, width).
    """
    generator = torch.Generator().manual_seed(seed)
    X = 0.4 + 0.2 * torch.rand(len(target_y), 3, *size, generator=generator)
    X = X.to(model.device, model.dtype)
    ### BEGIN SOLUTION
    for iteration in range(1, num_iterations + 1):
        shift = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator).tolist()
        X = X.roll(shift, dims=(2, 3))
        X = class_visualization_step(X, target_y, model, l2_reg, learning_rate)
        X = X.roll([-shift[0], -shift[1]], dims=(2, 3))
        X = X.clamp(0, 1)
        if blur_every and iteration % blur_every == 0:
            X = torchvision.transforms.functional.gaussian_blur(X, kernel_size=3, sigma=0.5)
    return X
    ### END SOLUTION


@create_class_visualization.variant
def one_axis_after_the_other(
    target_y,
    model,
    *,
    learning_rate=1.0,
    l2_reg=0.01,
    num_iterations=48,
    blur_every=12,
    max_jitter=2,
    size=(32, 32),
    seed=0,
):
    generator = torch.Generator().manual_seed(seed)
    X = 0.4 + 0.2 * torch.rand(len(target_y), 3, *size, generator=generator)
    X = X.to(model.device, model.dtype)
    for t in range(num_iterations):
        rows = int(torch.randint(-max_jitter, max_jitter + 1, (1,), generator=generator))
        columns = int(torch.randint(-max_jitter, max_jitter + 1, (1,), generator=generator))
        X = torch.roll(torch.roll(X, rows, 2), columns, 3)
        X = class_visualization_step(X, target_y, model, l2_reg, learning_rate)
        X = torch.clamp(X, 0, 1)
        X = torch.roll(torch.roll(X, -columns, -1), -rows, -2)
        if blur_every > 0 and (t + 1) % blur_every == 0:
            X = torchvision.transforms.functional.gaussian_blur(X, [3, 3], [0.5, 0.5])
    return X


@create_class_visualization.variant
def a_step_of_its_own(
    target_y,
    model,
    *,
    learning_rate=1.0,
    l2_reg=0.01,
    num_iterations=48,
    blur_every=12,
    max_jitter=2,
    size=(32, 32),
    seed=0,
):
    generator = torch.Generator().manual_seed(seed)
    X = 0.4 + 0.2 * torch.rand(len(target_y), 3, *size, generator=generator)
    X = X.to(model.device, model.dtype)
    one_hot = torch.nn.functional.one_hot(target_y, model.num_classes).to(X)
    for t in range(1, num_iterations + 1):
        shift = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator)
        rolled = X.roll(tuple(shift.tolist()), (2, 3))
        _, cache = model.forward(rolled)
        gradient = model.backward(one_hot, cache)[0] - 2 * l2_reg * (rolled - 0.5)
        length = gradient.flatten(1).norm(dim=1)[:, None, None, None] + 1e-10
        rolled += learning_rate * gradient / length
        X = rolled.roll(tuple((-shift).tolist()), (2, 3)).clip(0, 1)
        if blur_every and not t % blur_every:
            X = torchvision.transforms.functional.gaussian_blur(X, 3, 0.5)
    return X


@create_class_visualization.variant
def countdown(
    target_y,
    model,
    *,
    learning_rate=1.0,
    l2_reg=0.01,
    num_iterations=48,
    blur_every=12,
    max_jitter=2,
    size=(32, 32),
    seed=0,
):
    generator = torch.Generator().manual_seed(seed)
    X = 0.4 + 0.2 * torch.rand(len(target_y), 3, *size, generator=generator)
    X = X.to(model.device, model.dtype)
    done = 0
    while done < num_iterations:
        up, left = torch.randint(-max_jitter, max_jitter + 1, (2,), generator=generator).tolist()
        X = class_visualization_step(
            X=torch.roll(X, shifts=(up, left), dims=(-2, -1)),
            target_y=target_y,
            model=model,
            learning_rate=learning_rate,
            l2_reg=l2_reg,
        )
        X = torch.roll(X, shifts=(-up, -left), dims=(-2, -1))
        X.clamp_(min=0.0, max=1.0)
        done += 1
        if blur_every != 0 and done % blur_every == 0:
            X = torchvision.transforms.GaussianBlur(3, sigma=0.5)(X)
    return X.detach()


what_noise_says = WrittenQuestion(
    name="what_noise_says",
    points=2,
    answer=(
        "No. How well it knows trucks, photographs that it has not seen must tell: there it is "
        "right about most. Ascent asks something else, which of all images has the highest score, "
        "and nothing keeps it near photographs. In this network fine patterns that go along "
        "with a class raise its score fastest. They occur in photographs, too, but we do not see "
        "them; so the picture looks like a tangle, and shows what raises the score most, not all "
        "that the network uses in a photograph."
    ),
    marking_scheme=(
        "1 point: knowing the class is a matter of photographs (test accuracy), where the network "
        "does well, so a tangle is no proof of ignorance. 1 point: ascent searches all images "
        "without a notion of natural ones, so it finds whatever raises the score fastest (for "
        "example fine patterns, as in fooling)."
    ),
)
