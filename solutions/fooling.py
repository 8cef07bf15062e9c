"""Answers of the chapter *Pictures that fool* (Szegedy et al. 2014, Goodfellow et al. 2015)."""

import numpy as np
import torch

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import draw_images, draw_like, draw_network
from course_lib.examples import Example
from course_lib.probes import ProbeImages

GAIN = 20
OUT_OF_REACH = -250.0  # a bias; the softmax of such a score is tiny, but not zero
CLASSIC_TARGET = 6  # that of the well-known notebook: never asked for where steps are taken


def draw_undecided_network(generator):
    """A network that gives all classes the same mean score, so that many can be reached."""
    network = draw_network(generator, gain=GAIN)
    usual = network.build()(draw_images(generator, 50)).mean(0)
    return with_classifier(network, slice(None), bias=network.weights["classifier.bias"] - usual)


def with_classifier(network, target, **changes):
    """The network with other numbers in some rows of its classifier: ``bias``, ``weight``."""
    weights = {name: value.clone() for name, value in network.weights.items()}
    for name, value in changes.items():
        weights[f"classifier.{name}"][target] = value
    return network.changed(weights=weights)


def barely_fools(network, X, target, learning_rate, steps):
    """Does the reference take as many steps as `steps` holds, and end with less than one half?"""
    model = network.build()
    image = make_fooling_image(X, target, model, steps.stop + 1, learning_rate)
    taken = model.forward_passes - 1
    return taken in steps and model(image).softmax(1)[0, target] < 0.5


def draw_case(network, generator, learning_rate, steps, height=6, width=7):
    """An image, and a target that takes as many steps as the range `steps` holds."""
    while True:
        X = draw_images(generator, 1, height, width)
        targets = network.build()(X)[0].argsort(descending=True).tolist()
        for target in targets[1:]:
            if CLASSIC_TARGET in (target, targets[0]):
                continue
            if barely_fools(network, X, target, learning_rate, steps):
                return {"X": X, "target_y": target, "learning_rate": learning_rate}


def draw_fooling_examples(generator):
    """Fooled after some steps, not in time, never, at once; much clipping; a flat score."""
    network = draw_undecided_network(generator)
    fooled = draw_case(network, generator, 0.1, range(3, 6))
    main = {**fooled, "model": network, "max_iter": 9}
    oblong = draw_case(network, generator, 0.15, range(2, 6), height=9, width=5)
    X, target = fooled["X"], fooled["target_y"]
    already = {**main, "target_y": network.build()(X).argmax().item()}
    unreachable = with_classifier(network, target, bias=OUT_OF_REACH)
    flat = with_classifier(unreachable, target, weight=0.0)
    clipped = {**main, "model": unreachable, "max_iter": 4, "learning_rate": 5.0}

    def used(arguments):
        return {**arguments, "X": ProbeImages(X, draw_like(X, generator))}

    return [
        Example("an image of 6 x 7 pixels", "values", main),
        Example("3 small steps, too few", "values",
                {**main, "max_iter": 3, "learning_rate": 0.03}),
        Example("4 large steps towards a target out of reach", "values", clipped),
        Example("an image that already is the target", "values", already),
        Example("an image of 9 x 5 pixels", "one image",
                {**oblong, "model": network, "max_iter": 11}),
        Example("a score whose gradient is zero", "one image", {**clipped, "model": flat}),
        Example("a network in train mode", "repeatable",
                {**main, "model": network.changed(training=True)}),
        Example("trainable parameters", "repeatable",
                {**main, "model": network.changed(frozen=False)}),
        Example("an X that already holds a gradient", "repeatable", used(main)),
        Example("an X that requires grad and already is the target", "repeatable", used(already)),
    ]  # fmt: skip


LOOP = "for _ in range(max_iter):"
CHECK = "if scores.argmax(dim=1) == target_y:\n            break"
SCORE = "score = scores[0, target_y]"
GRADIENT = "(gradient,) = torch.autograd.grad(score, X)"
LENGTH = "length = gradient.norm()"
STEP = "step = learning_rate * gradient / length"
UPDATE = "X = (X.detach() + step).clamp(0, 1)"

NO_CAP = (
    "Your loop has no last iteration: where the target cannot be reached, it runs for ever. Take "
    "at most `max_iter` steps."
)
NORMALISED_BY_ANOTHER = (
    "Divide the gradient by its Euclidean length over all its entries, `gradient.norm()`: then "
    "each step is exactly `learning_rate` long."
)
CLIPPED_ELSEWHERE = "After each step, clip the image to [0, 1]."


@exercise(
    points=8,
    minutes=30,
    examples=draw_fooling_examples,
    expected=(
        "For the photograph `dog`, the target goldfish (1) and a learning rate of 0.2, the network "
        "is fooled after about 12 steps; the change has an L2 length of about 1.27, and no value "
        "changes by more than about 11 of 255 levels."
    ),
    hints=(
        "Saliency maps asked how the score of a class reacts to the pixels. Here you act on the "
        "answer: take the same gradient of `scores[0, target_y]`, with its sign, and move the "
        "picture along it. Which three lines are repeated, and when does the loop end?",
        "In each round: compute the scores; if their `argmax` is the target, leave the loop; take "
        "the gradient of the target's score with respect to your copy of the picture; divide it "
        "by its `norm()`; add `learning_rate` times that; `clamp(0, 1)`.",
        "`for _ in range(max_iter):`, with `X.requires_grad_()` on your own copy, `scores = "
        "model(X)`, the test with `break`, `torch.autograd.grad(scores[0, target_y], X)`, and "
        "`X = (X.detach() + learning_rate * g / g.norm()).clamp(0, 1)`. Put the mode back and "
        "return `X.detach()`. Only a gradient of zero needs care.",
    ),
    combine=(SCORE, UPDATE),
    mistakes=(
        # Which score is followed
        Edit("cross_entropy",
             "You followed the cross-entropy or the softmax probability, not the score. (Once "
             "normalised, both give the same steps.) The probability also rises when other "
             "classes lose; take the gradient of the unnormalised score `scores[0, target_y]`.",
             {SCORE: "score = scores.log_softmax(1)[0, target_y]"}),
        Edit("cross_entropy_of_softmax",
             "You applied a softmax and then the cross-entropy, which applies another one; and "
             "the gradient of the target's score is asked for, with neither.",
             {SCORE: "score = scores.softmax(1).log_softmax(1)[0, target_y]"}),
        Edit("ascends_cross_entropy",
             "You climbed the cross-entropy of the target: a loss rises when its class becomes "
             "*less* likely. Climb the score of the target.",
             {SCORE: "score = -scores.log_softmax(1)[0, target_y]"}),
        Edit("all_scores",
             "You differentiated the sum of all scores: the target has no effect on the step.",
             {SCORE: "score = scores.sum()"}),
        Edit("predicted_class",
             "You raised the score of the class that the network predicts, not of the target.",
             {SCORE: "score = scores.max()"}),
        Edit("lowers_the_prediction",
             "You lowered the score of the predicted class. Raise the score of the target.",
             {SCORE: "score = -scores.max()"}),
        Edit("margin",
             "You raised the target's lead over the best class. Only the target's own score is "
             "asked for.",
             {SCORE: "score = scores[0, target_y] - scores.max()"}),
        Edit("margin_to_the_first_class",
             "You raised the target's lead over the class predicted first. Only the target's own "
             "score is asked for.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n"
              "    original = model(X).argmax().item()",
              SCORE: "score = scores[0, target_y] - scores[0, original]"}),
        Edit("off_by_one_class",
             "You raised the score of the class after the target. Classes count from 0.",
             {SCORE: "score = scores.roll(-1, 1)[0, target_y]"}),
        Edit("hard_coded_target",
             "The class 6 is written into your code. Use `target_y`, for the score and for the "
             "test.",
             {SCORE: "score = scores[0, 6]", "== target_y": "== 6"}),
        Edit("hard_coded_score",
             "The class 6 is written into your code: you raise its score, whatever `target_y` is.",
             {SCORE: "score = scores[0, 6]"}),
        Edit("distance_to_one_hot",
             "You lowered a squared error against a one-hot row. Raise the score of the target.",
             {SCORE: "chosen = torch.nn.functional.one_hot(torch.tensor(target_y), "
              "scores.shape[1])\n        score = -((scores - chosen) ** 2).sum()"}),
        Edit("penalised_distance",
             "You also pulled the picture back towards the original. Only the target's score is "
             "asked for.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    original = X.clone()",
              SCORE: "score = scores[0, target_y] - ((X - original) ** 2).sum()"}),
        # What becomes of the gradient
        Edit("never_zeroed",
             "Your gradient is never set back to zero: each step adds all gradients before it. "
             "(It may even fool sooner.) Use `torch.autograd.grad`, or set the "
             "`grad` of your own copy to None after each step.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    total = 0",
              LENGTH: "gradient = total = total + gradient\n        length = gradient.norm()"}),
        Edit("momentum",
             "You added a part of the steps before (momentum). Each step follows the gradient at "
             "the present picture alone.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    total = 0",
              LENGTH: "gradient = total = 0.9 * total + gradient\n        " + LENGTH}),
        Edit("gradient_computed_once",
             "You computed the gradient once and followed it all the way. It differs at each new "
             "picture: compute it in the loop.",
             {GRADIENT: GRADIENT.replace("X)", "X)\n        first = first if first is not None "
                                         "else gradient\n        gradient = first"),
              "X = X.detach().clone()": "X = X.detach().clone()\n    first = None"}),
        Edit("descends",
             "You went down the gradient: the target's score falls. Add the step.",
             {STEP: "step = -learning_rate * gradient / length"}),
        Edit("not_normalised",
             "You did not normalise the gradient. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient"}),
        Edit("squared_norm",
             "You divided by the *square* of the gradient's length (a sum of squares without the "
             "root). " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / length**2"}),
        Edit("root_of_the_norm",
             "You divided by the root of the gradient's length. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / length**0.5"}),
        Edit("sign_step",
             "You took the sign of the gradient, as the fast gradient sign method does. "
             + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient.sign()"}),
        Edit("divided_by_maximum",
             "You divided by the largest entry. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.abs().max()"}),
        Edit("divided_by_mean_magnitude",
             "You divided by the mean magnitude. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.abs().mean()"}),
        Edit("divided_by_sum_of_magnitudes",
             "You divided by the sum of the magnitudes, the L1 norm. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.abs().sum()"}),
        Edit("divided_by_root_mean_square",
             "You divided by the root of the *mean* square: your step is too long by the root of "
             "the number of entries. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.square().mean().sqrt()"}),
        Edit("divided_by_deviation",
             "You divided by the standard deviation. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.std()"}),
        Edit("centred_gradient",
             "You subtracted the gradient's mean before normalising. " + NORMALISED_BY_ANOTHER,
             {STEP: "gradient = gradient - gradient.mean()\n"
              "        step = learning_rate * gradient / gradient.norm()"}),
        Edit("normalised_per_pixel",
             "You divided each pixel by the length of its own three colours "
             "(`torch.nn.functional.normalize` does, along dimension 1). " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * torch.nn.functional.normalize(gradient)"}),
        Edit("normalised_per_channel",
             "You normalised each colour channel by itself. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.norm(dim=(2, 3), keepdim=True)"}),
        Edit("normalised_per_row",
             "You normalised along the last dimension only. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / gradient.norm(dim=-1, keepdim=True)"}),
        Edit("divided_by_the_images_length",
             "You divided by the length of the picture. " + NORMALISED_BY_ANOTHER,
             {STEP: "step = learning_rate * gradient / X.norm().detach()"}),
        Edit("large_epsilon",
             "The constant that you add to the length is so large that the step becomes shorter. "
             "1e-8 is enough.",
             {STEP: "step = learning_rate * gradient / (length + 1e-2)"}),
        Edit("saliency_map_as_direction",
             "You moved along the magnitude of the gradient. Its sign says whether a value should "
             "rise or fall: keep it.",
             {STEP: "step = learning_rate * gradient.abs() / length"}),
        Edit("squared_gradient",
             "You squared the gradient, which loses its sign.",
             {STEP: "step = learning_rate * gradient**2 / (gradient**2).norm()"}),
        Edit("channels_averaged",
             "You gave all three colours the same step. Each has its own gradient.",
             {STEP: "step = learning_rate * gradient.mean(dim=1, keepdim=True) / length"}),
        Edit("learning_rate_ignored",
             "`learning_rate` has no effect: your step always has the length 1.",
             {STEP: "step = gradient / length"}),
        Edit("learning_rate_in_levels",
             "You divided the learning rate by 255. It is a length in units of [0, 1] pixels "
             "already.",
             {STEP: "step = learning_rate / 255 * gradient / length"}),
        Edit("factor_255",
             "You multiplied the step by 255. Pixels are in [0, 1].",
             {STEP: "step = 255 * learning_rate * gradient / length"}),
        Edit("step_in_normalised_units",
             "You took the step in normalised units (times `model.std`). The gradient of `model` "
             "is one of pixels already.",
             {STEP: "step = learning_rate * gradient / length * model.std"}),
        Edit("gradient_of_normalised_pixels",
             "You differentiated with respect to the normalised image. Give the pixels to `model`, "
             "which normalises them itself.",
             {LENGTH: "gradient = gradient * model.std\n        length = gradient.norm()"}),
        Edit("decaying_learning_rate",
             "Your learning rate shrinks from step to step. All steps are `learning_rate` long.",
             {LOOP: "for i in range(max_iter):",
              STEP: "step = learning_rate / (i + 1) * gradient / length"}),
        Edit("random_step",
             "You moved in a random direction. Move along the gradient.",
             {STEP: "noise = torch.randn_like(gradient)\n"
              "        step = learning_rate * noise / noise.norm()"}),
        Edit("random_start",
             "You added noise to the image before the first step. Start at the image itself.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n"
              "    X = X + 0.01 * torch.randn_like(X)"}),
        Edit("from_the_original_each_time",
             "Each step starts at the original image again. Start at the picture that the step "
             "before gave.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    original = X.clone()",
              UPDATE: "X = (original + step).clamp(0, 1)"}),
        Edit("not_a_number",
             "Where the gradient is zero, you divided 0 by 0. There is no direction to go then: "
             "leave the picture as it is.",
             {"if length == 0:\n            break": "pass"}),
        # The pixel range
        Edit("leaves_the_range",
             "Your picture leaves [0, 1]: it holds colours that no picture has. "
             + CLIPPED_ELSEWHERE,
             {UPDATE: "X = X.detach() + step"}),
        Edit("clipped_at_the_end",
             "You clipped only once, at the end: before, the network saw colours that no picture "
             "has. " + CLIPPED_ELSEWHERE,
             {UPDATE: "X = X.detach() + step",
              "return X.detach()": "return X.detach().clamp(0, 1)"}),
        Edit("clipped_below_only", "You clipped at 0 but not at 1. " + CLIPPED_ELSEWHERE,
             {UPDATE: "X = (X.detach() + step).clamp(min=0)"}),
        Edit("clipped_above_only", "You clipped at 1 but not at 0. " + CLIPPED_ELSEWHERE,
             {UPDATE: "X = (X.detach() + step).clamp(max=1)"}),
        Edit("clipped_to_minus_one", "You clipped to [-1, 1]. " + CLIPPED_ELSEWHERE,
             {UPDATE: "X = (X.detach() + step).clamp(-1, 1)"}),
        Edit("clipped_to_normalised_range",
             "You clipped to the range that *normalised* pixels have. Here pixels are in [0, 1].",
             {UPDATE: "low, high = -model.mean / model.std, (1 - model.mean) / model.std\n"
              "        X = (X.detach() + step).clamp(low, high)"}),
        Edit("clipped_before_the_step",
             "You clipped the picture before you added the step.",
             {UPDATE: "X = X.detach().clamp(0, 1) + step"}),
        Edit("clipped_the_step",
             "You clipped the step to [0, 1], so no value can fall. Clip the picture.",
             {UPDATE: "X = X.detach() + step.clamp(0, 1)"}),
        Edit("clipped_the_gradient",
             "You clipped the gradient, not the picture. " + CLIPPED_ELSEWHERE,
             {LENGTH: "gradient = gradient.clamp(-1, 1)\n        length = gradient.norm()",
              UPDATE: "X = X.detach() + step"}),
        Edit("rescaled_to_the_range",
             "You stretched the picture to its minimum and maximum, which changes every pixel. "
             + CLIPPED_ELSEWHERE,
             {UPDATE: "X = X.detach() + step\n        X = (X - X.min()) / (X.max() - X.min())"}),
        Edit("rounded_to_8_bits",
             "You rounded to 256 levels at each step. Leave that to whoever stores the picture.",
             {UPDATE: "X = ((X.detach() + step).clamp(0, 1) * 255).round() / 255"}),
        Edit("neither_normalised_nor_clipped",
             "You did not normalise the gradient, and your picture leaves [0, 1]. "
             + NORMALISED_BY_ANOTHER + " " + CLIPPED_ELSEWHERE,
             {STEP: "step = learning_rate * gradient", UPDATE: "X = X.detach() + step"}),
        Edit("cross_entropy_not_normalised",
             "You descended the cross-entropy, and without normalising. Climb the target's "
             "unnormalised score. " + NORMALISED_BY_ANOTHER,
             {SCORE: "score = scores.log_softmax(1)[0, target_y]",
              STEP: "step = learning_rate * gradient"}),
        Edit("sign_of_cross_entropy",
             "You took the sign of the cross-entropy's gradient: that is the fast gradient sign "
             "method. Climb the target's unnormalised score. " + NORMALISED_BY_ANOTHER,
             {SCORE: "score = scores.log_softmax(1)[0, target_y]",
              STEP: "step = learning_rate * gradient.sign()"}),
        Edit("not_clipped_and_fixed_loop",
             "Your picture leaves [0, 1], and your loop does not stop when the network is fooled. "
             + CLIPPED_ELSEWHERE,
             {UPDATE: "X = X.detach() + step", CHECK: "pass"}),
        # When the loop ends
        Edit("fixed_loop",
             "You take all `max_iter` steps, also when the network is fooled already (or your "
             "test is never true: `scores.max()` is a score, `scores.argmax()` a class). Stop as "
             "soon as the prediction is the target.",
             {CHECK: "pass"}),
        Edit("no_cap", NO_CAP, {LOOP: "while True:"}),
        Edit("max_iter_ignored",
             "`max_iter` has no effect: 100 is written into your code.",
             {LOOP: "for _ in range(100):"}),
        Edit("one_step_less", "You take one step less than `max_iter`.",
             {LOOP: "for _ in range(max_iter - 1):"}),
        Edit("one_step_more_than_the_cap", "You take one step more than `max_iter`.",
             {LOOP: "for _ in range(max_iter + 1):"}),
        Edit("one_step_too_many",
             "You take one step after the network is fooled already, since you test the scores "
             "only after the step. Test them first, then step.",
             {CHECK: "pass", UPDATE: UPDATE + "\n        " + CHECK}),
        Edit("changes_an_image_that_already_is_the_target",
             "You take a step before you test for the first time, and so change a picture that "
             "already is the target. Test before each step, also the first.",
             {LOOP: "for i in range(max_iter):",
              CHECK: "if i > 0 and scores.argmax(dim=1) == target_y:\n            break"}),
        Edit("stops_when_no_longer_the_original",
             "You stop as soon as the network no longer predicts the first class. Go on until it "
             "predicts the target.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n"
              "    original = model(X).argmax().item()",
              CHECK: "if scores.argmax(dim=1) != original:\n            break"}),
        Edit("stops_when_sure",
             "You go on until the target's probability exceeds one half. Stop as soon as it is "
             "the prediction.",
             {CHECK: "if scores.softmax(1)[0, target_y] > 0.5:\n            break"}),
        Edit("stops_when_very_sure",
             "You go on until the target's probability exceeds 0.9. Stop as soon as it is the "
             "prediction.",
             {CHECK: "if scores.softmax(1)[0, target_y] > 0.9:\n            break"}),
        Edit("stops_when_very_very_sure",
             "You go on until the target's probability exceeds 0.99. Stop as soon as it is the "
             "prediction.",
             {CHECK: "if scores.softmax(1)[0, target_y] > 0.99:\n            break"}),
        Edit("stops_among_the_best_two",
             "You stop when the target is the second choice. It must be the first.",
             {CHECK: "if target_y in scores[0].topk(2).indices:\n            break"}),
        Edit("returns_the_picture_before",
             "You return the picture before the last step: that one does not fool yet.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    before = X",
              UPDATE: "before = X.detach()\n        " + UPDATE,
              "return X.detach()": "return before"}),
        # What comes back, and what is left behind
        Edit("returns_the_difference",
             "You returned the change alone. Return the picture.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    original = X.clone()",
              "return X.detach()": "return X.detach() - original"}),
        Edit("returns_the_original",
             "You returned the picture as it came.",
             {"X = X.detach().clone()": "X = X.detach().clone()\n    original = X.clone()",
              "return X.detach()": "return original"}),
        Edit("returns_the_class",
             "You returned the prediction. Return the picture.",
             {"return X.detach()": "return model(X).argmax(dim=1)"}),
        Edit("returns_the_steps_too",
             "You returned more than the picture. Return the picture alone.",
             {"return X.detach()": "return X.detach(), max_iter"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the picture.",
             {"return X.detach()": "X.detach()"}),
        Edit("squeezed",
             "You lost the first dimension: return (1, 3, H, W).",
             {"return X.detach()": "return X.detach()[0]"}),
        Edit("as_picture",
             "You returned 8-bit pixels. Return floats in [0, 1], a tensor (1, 3, H, W).",
             {"return X.detach()": "return (X.detach() * 255).to(torch.uint8)"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"return X.detach()": "return X.detach().numpy()"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"scores = model(X)": "scores = model((X - model.mean) / model.std)"}),
        Edit("returns_normalised",
             "You returned normalised pixels. Return them in [0, 1].",
             {"return X.detach()": "return (X.detach() - model.mean) / model.std"}),
        Edit("mode_as_it_came",
             "You ran the network in the mode in which it came. Switch to eval mode first: in "
             "train mode dropout and batch statistics change the scores at every call.",
             {"    model.eval()\n": ""}),
        Edit("switches_to_train_mode",
             "You switched the network to train mode. In eval mode dropout is off and the stored "
             "batch statistics count.",
             {"model.eval()": "model.train()"}),
        Edit("leaves_eval_mode",
             "You left the model in eval mode. Note `model.training` first, and put the model back "
             "into that mode at the end.",
             {"    model.train(was_training)\n": ""}),
        Edit("keeps_the_graph",
             "Your result still requires grad or hangs on the autograd graph: return "
             "`X.detach()`.",
             {"return X.detach()": "return X"}),
        Edit("leaves_requires_grad",
             "You marked the caller's tensor. Work on `X.detach().clone()`.",
             {"X = X.detach().clone()": "pass"}),
        Edit("no_requires_grad",
             "Autograd had nothing to differentiate. Mark your copy of X with `requires_grad_()` "
             "before you call the model, and not under `torch.no_grad()`: the parameters are "
             "frozen, so nothing else is marked.",
             {"X.requires_grad_()": "X"}),
        Edit("whole_row",
             "Autograd starts from one number: pick one score, `scores[0, target_y]`.",
             {SCORE: "score = scores[:, target_y].expand(2)"}),
    ),
)  # fmt: skip
def make_fooling_image(X, target_y, model, max_iter=100, learning_rate=1.0):
    """Change an image a little, until the network takes it for another class.

    Climbs the score of the target (unnormalised: before any softmax) in
    steps of a fixed length. With g the gradient of that score with respect
    to the pixels, at the present image, each step is

        X <- clip(X + learning_rate * g / ||g||, 0, 1),

    where ||g|| is the Euclidean length of all entries of g together. Before
    each step, the first included, look at the prediction: as soon as it is
    the target, stop, without another step. Take `max_iter` steps at most.
    Where g is exactly zero there is no direction: leave the image as it is.
    (A constant up to 1e-8 added to ||g|| does no harm.)

    Args:
        X: one image, a float tensor (1, 3, H, W) in [0, 1]. Leave it as it
            is: its values, its requires_grad and its grad.
        target_y: class that the network shall see, an int.
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters.
        max_iter: the most steps, an int.
        learning_rate: length of each step, in units of [0, 1] pixels.

    Returns:
        The new image in [0, 1], a tensor (1, 3, H, W) of its own, not on the
        autograd graph: fooling or, after `max_iter` steps, perhaps not. An
        image that already is the target comes back unchanged, as a copy.

    Raises:
        ValueError: the model has no class target_y (given below).
    """
    if target_y not in range(model.num_classes):
        raise ValueError(f"There is no class {target_y}: they are 0 to {model.num_classes - 1}.")
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    X = X.detach().clone()
    for _ in range(max_iter):
        X.requires_grad_()
        scores = model(X)
        if scores.argmax(dim=1) == target_y:
            break
        score = scores[0, target_y]
        (gradient,) = torch.autograd.grad(score, X)
        length = gradient.norm()
        if length == 0:
            break
        step = learning_rate * gradient / length
        X = (X.detach() + step).clamp(0, 1)
    model.train(was_training)
    return X.detach()
    ### END SOLUTION


@make_fooling_image.mistake(
    "With `or`, your loop goes on while steps are left, and goes on while the network is not "
    "fooled: it ends only when *both* are over, perhaps never. Go on while steps are left `and` "
    "it is not fooled."
)
def or_for_and(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    X, i = X.detach().clone(), 0
    while i < max_iter or model(X).argmax() != target_y:
        images = X.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(images)[0, target_y], images)
        X = (X + learning_rate * gradient / (gradient.norm() + 1e-12)).clamp(0, 1)
        i += 1
    model.train(was_training)
    return X


@make_fooling_image.mistake(
    "When `max_iter` is reached, your function returns nothing: the `return` stands inside the "
    "loop, where only success gets to."
)
def returns_nothing_at_the_cap(X, target_y, model, max_iter=100, learning_rate=1.0):
    image = make_fooling_image(X, target_y, model, max_iter, learning_rate)
    was_training = model.training
    fooled = model.eval()(image).argmax() == target_y
    model.train(was_training)
    return image if fooled else None


@make_fooling_image.mistake(
    "You changed the caller's image in place, through `X.data` or by `+=`. Work on a copy, "
    "`X.detach().clone()`."
)
def changes_the_callers_image(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    for _ in range(max_iter):
        images = X.detach().clone().requires_grad_()
        scores = model(images)
        if scores.argmax() == target_y:
            break
        (gradient,) = torch.autograd.grad(scores[0, target_y], images)
        X.data += learning_rate * gradient / (gradient.norm() + 1e-12)
        X.data.clamp_(0, 1)
    model.train(was_training)
    return X.detach().clone()


@make_fooling_image.mistake(
    "An image that already is the target comes back as the caller's own tensor (or on its graph). "
    "Return a copy, `X.detach().clone()`."
)
def returns_the_callers_tensor(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    fooled = model(X).argmax() == target_y
    model.train(was_training)
    return X if fooled else make_fooling_image(X, target_y, model, max_iter, learning_rate)


@make_fooling_image.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    X = X.detach().clone()
    for _ in range(max_iter):
        X.requires_grad_()
        scores = model(X)
        if scores.argmax() == target_y:
            break
        scores[0, target_y].backward()
        X = (X.detach() + learning_rate * X.grad / (X.grad.norm() + 1e-12)).clamp(0, 1)
    model.train(was_training)
    return X.detach()


@make_fooling_image.mistake(
    "`.grad` is None: only a leaf of the graph gets one. After each step, detach the picture and "
    "call `requires_grad_()` again, or use `torch.autograd.grad`."
)
def gradient_of_no_leaf(X, target_y, model, max_iter=100, learning_rate=1.0):
    X = X.detach().clone().requires_grad_()
    for _ in range(max_iter):
        scores = model(X)
        if scores.argmax() == target_y:
            break
        scores[0, target_y].backward()
        X = (X + learning_rate * X.grad / X.grad.norm()).clamp(0, 1)
    return X.detach()


@make_fooling_image.mistake(
    "When X itself requires grad, its clone is still tied to it and `.grad` stays empty: detach "
    "the copy, `X.detach().clone()`."
)
def clone_without_detach(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    images = X.clone().requires_grad_()
    for _ in range(max_iter):
        scores = model(images)
        if scores.argmax() == target_y:
            break
        scores[0, target_y].backward()
        gradient = images.grad
        images = images.detach() + learning_rate * gradient / (gradient.norm() + 1e-12)
        images = images.clamp(0, 1).requires_grad_()
    model.zero_grad()
    model.train(was_training)
    return images.detach()


@make_fooling_image.mistake(
    "You changed an image in place that requires grad. Step under `torch.no_grad()`, or make a "
    "new tensor: `X = (X.detach() + step).clamp(0, 1)`."
)
def leaf_changed_in_place(X, target_y, model, max_iter=100, learning_rate=1.0):
    X = X.detach().clone().requires_grad_()
    for _ in range(max_iter):
        scores = model(X)
        if scores.argmax() == target_y:
            break
        (gradient,) = torch.autograd.grad(scores[0, target_y], X)
        X += learning_rate * gradient / gradient.norm()
    return X.detach()


@make_fooling_image.mistake(
    "You switched `X.requires_grad` off at the end, but it may have been on. Work on "
    "`X.detach().clone()` and leave X alone."
)
def switches_requires_grad_off(X, target_y, model, max_iter=100, learning_rate=1.0):
    image = make_fooling_image(X, target_y, model, max_iter, learning_rate)
    X.requires_grad_(False)
    return image


@make_fooling_image.mistake(
    "You cleared the caller's `X.grad`. Leave it as it is and work on a copy."
)
def clears_the_gradient(X, target_y, model, max_iter=100, learning_rate=1.0):
    X.grad = None
    return make_fooling_image(X, target_y, model, max_iter, learning_rate)


@make_fooling_image.mistake(
    "You froze the model's parameters for good. Ask `torch.autograd.grad` for the gradient of "
    "the image, and leave the parameters as they were."
)
def freezes_the_parameters(X, target_y, model, max_iter=100, learning_rate=1.0):
    model.requires_grad_(False)
    return make_fooling_image(X, target_y, model, max_iter, learning_rate)


@make_fooling_image.variant
def backward_on_a_copy(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    flags = [p.requires_grad for p in model.parameters()]
    model.requires_grad_(False)
    image = X.detach().clone().requires_grad_(True)
    steps = 0
    while steps < max_iter:
        scores = model(image)
        if int(scores.argmax()) == target_y:
            break
        scores[0][target_y].backward()
        with torch.no_grad():
            image += learning_rate * image.grad / (image.grad.norm() + 1e-8)
            image.clamp_(0, 1)
        image.grad.zero_()
        steps += 1
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    model.train(was_training)
    return image.detach()


@make_fooling_image.variant
def explicit_backward(X, target_y, model, max_iter=100, learning_rate=1.0):
    X = X.detach().clone()
    upstream = torch.zeros(1, model.num_classes).to(X)
    upstream[0, target_y] = 1
    for _ in range(max_iter):
        scores, cache = model.forward(X)
        if scores.argmax().item() == target_y:
            return X
        gradient, _ = model.backward(upstream, cache)
        length = gradient.square().sum().sqrt()
        if length > 0:
            X = torch.clip(X + learning_rate / length * gradient, 0, 1)
    return X


@make_fooling_image.variant
def with_numpy(X, target_y, model, max_iter=100, learning_rate=1.0):
    image = X.detach().numpy().copy()
    upstream = np.eye(model.num_classes)[[target_y]]
    scores, cache = model.forward(image)
    while max_iter > 0 and scores.argmax() != target_y:
        gradient, _ = model.backward(upstream, cache)
        image = image + learning_rate * gradient / (np.linalg.norm(gradient) + 1e-9)
        image = np.clip(image, 0.0, 1.0)
        scores, cache = model.forward(image)
        max_iter -= 1
    return torch.from_numpy(image)


@make_fooling_image.variant
def functional(X, target_y, model, max_iter=100, learning_rate=1.0):
    was_training = model.training
    model.eval()
    image = X.detach().clone()
    climb = torch.func.grad(lambda pixels: model(pixels)[0, target_y])
    for _ in range(max_iter):
        with torch.no_grad():
            if model(image).softmax(1).argmax() == target_y:
                break
        direction = torch.nn.functional.normalize(climb(image).detach().flatten(), dim=0)
        image = (image + learning_rate * direction.view_as(image)).clip(0, 1)
    model.train(was_training)
    return image


@make_fooling_image.variant
def minimises_the_negative_score(X, target_y, model, max_iter=100, learning_rate=1.0):
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    image, label = X.detach().clone(), torch.tensor([target_y])
    for step in range(max_iter + 1):
        image.requires_grad_()
        scores = model(image)
        if step == max_iter or scores[0, target_y] == scores.max():
            break
        loss = -scores.gather(1, label[:, None]).sum()
        gradient = torch.autograd.grad(loss, image)[0]
        delta = -learning_rate * torch.nan_to_num(gradient / gradient.norm())
        image = torch.min(torch.max(image.detach() + delta, torch.zeros(())), torch.ones(()))
    for part, training in modes:
        part.training = training
    return image.detach()


fooled_is_not_blind = WrittenQuestion(
    name="fooled_is_not_blind",
    points=2,
    answer=(
        "It shows that the classes' regions lie close together in the direction of the gradient, "
        "not that the network sees nothing: on photographs as they come it is right most of the "
        "time. And the same procedure fools a network trained against it as well, given more "
        "steps. How large the change must be, and what it looks like, is what tells networks apart."
    ),
    marking_scheme=(
        "1 point: the change was computed against this network; nothing follows about pictures "
        "that nobody chose this way (accuracy). 1 point: every classifier can be fooled by a "
        "change that is large enough, so one has to say how large it was, or look at it."
    ),
)
