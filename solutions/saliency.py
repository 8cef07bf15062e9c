"""Answers of the chapter *Saliency maps* (Simonyan, Vedaldi and Zisserman 2014, section 3)."""

import torch

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import (
    draw_images,
    draw_network,
    draw_unpredicted_labels,
    draw_used_images,
)
from course_lib.examples import Example


def draw_saliency_examples(generator):
    """A small curved network: several images, one image, train mode, what the caller uses too.

    The other network's maps exceed 1, so that clipping shows.
    """
    network, other = draw_network(generator), draw_network(generator, gain=20)
    five, one = draw_images(generator), draw_images(generator, count=1)

    used = draw_used_images(generator)

    def example(name, rung, model, X):
        pixels = X.pixels if X is used else X
        y = draw_unpredicted_labels(model.changed(training=False), pixels, generator)
        return Example(name, rung, {"X": X, "y": y, "model": model})

    return [
        example("5 images of 6 x 7 pixels", "values", network, five),
        example("5 images and another network", "values", other, five),
        example("a single image", "one image", network, one),
        example("a network in train mode", "repeatable", network.changed(training=True), five),
        example("trainable parameters", "repeatable", network.changed(frozen=False), five),
        example("an X that already holds a gradient", "repeatable", network, used),
    ]


SCORE = "score = scores.gather(1, y.view(-1, 1)).sum()"
MAP = "saliency = gradient.abs().amax(dim=1)"
CROSS_ENTROPY = (
    "You differentiated the cross-entropy loss, not the class score. The loss also falls when "
    "other classes lose, so its map mixes in what speaks against them, and fades where the "
    "network is sure. Use the unnormalised score of class y."
)
SOFTMAX = (
    "You differentiated the softmax probability, not the class score. A probability also rises "
    "when other scores fall, and its gradient vanishes when the network is sure. Use the "
    "unnormalised score of class y."
)
RESCALED = (
    "You rescaled the map. Return the gradient's magnitude as it is; scaling belongs to the plot."
)
NO_ABSOLUTE_VALUE = (
    "You took no absolute value: a pixel that lowers the score when it brightens matters as much "
    "as one that raises it. Take `abs()` first, then the maximum over the channels."
)


@exercise(
    points=6,
    minutes=20,
    examples=draw_saliency_examples,
    expected=(
        "For the photograph `dog` and its own class (German shepherd, 235), the largest value of "
        "the map is about 1.25 and the mean about 0.044."
    ),
    hints=(
        "Which single number do you want to differentiate? Not a loss: the score that the network "
        "gives to class `y[i]` of image `i`, before any softmax.",
        "The images of a batch do not influence each other in eval mode, so the gradient of the "
        "*sum* of their class scores holds each image's own gradient. `scores.gather(1, "
        "y.view(-1, 1))` picks the scores.",
        "In eval mode: copy X and mark the copy, compute the scores, sum the picked ones, take "
        "`torch.autograd.grad`, then `abs()`, then the maximum over dimension 1, the channels. "
        "Put the mode back.",
    ),
    combine=(SCORE, MAP),
    mistakes=(
        Edit("cross_entropy", CROSS_ENTROPY,
             {SCORE: 'score = torch.nn.functional.cross_entropy(scores, y, reduction="sum")'}),
        Edit("cross_entropy_mean", CROSS_ENTROPY,
             {SCORE: "score = torch.nn.functional.cross_entropy(scores, y)"}),
        Edit("cross_entropy_of_softmax",
             "You applied a softmax and then the cross-entropy, which applies another one; and "
             "it is the class score that is asked for, with neither.",
             {SCORE: "score = torch.nn.functional.cross_entropy("
              'scores.softmax(1), y, reduction="sum")'}),
        Edit("cross_entropy_of_softmax_mean",
             "You applied a softmax and then the cross-entropy, which applies another one; and "
             "it is the class score that is asked for, with neither.",
             {SCORE: "score = torch.nn.functional.cross_entropy(scores.softmax(1), y)"}),
        Edit("softmax_probability", SOFTMAX,
             {SCORE: "score = scores.softmax(1).gather(1, y.view(-1, 1)).sum()"}),
        Edit("softmax_probability_mean", SOFTMAX,
             {SCORE: "score = scores.softmax(1).gather(1, y.view(-1, 1)).mean()"}),
        Edit("batch_mean",
             "You averaged the class scores over the batch, so every map is too small by the "
             "number of images. Sum them: each image's gradient is then its own.",
             {SCORE: "score = scores.gather(1, y.view(-1, 1)).mean()"}),
        Edit("every_label_on_every_row",
             "`scores[:, y]` picks the labels of all images from every row. Pick one score a "
             "row: `scores.gather(1, y.view(-1, 1))` or `scores[torch.arange(len(y)), y]`.",
             {SCORE: "score = scores[:, y].sum()"}),
        Edit("first_label_on_every_row",
             "You used the first image's label for all images.",
             {SCORE: "score = scores[:, y[0]].sum()"}),
        Edit("last_label_on_every_row",
             "You used the last image's label for all images.",
             {SCORE: "score = scores[:, y[-1]].sum()"}),
        Edit("first_image_only",
             "You differentiated the first image's score only: the other maps are zero.",
             {SCORE: "score = scores[0, y[0]]"}),
        Edit("all_scores",
             "You differentiated the sum of all class scores; the label y has no effect. Pick the "
             "score of class y.",
             {SCORE: "score = scores.sum()"}),
        Edit("all_scores_mean",
             "You differentiated the mean of all class scores; the label y has no effect. Pick "
             "the score of class y.",
             {SCORE: "score = scores.mean()"}),
        Edit("predicted_class",
             "You explained the class that the network predicts, not the class y that was given.",
             {SCORE: "score = scores.amax(dim=1).sum()"}),
        Edit("predicted_probability",
             "You explained the probability of the predicted class, not the score of class y.",
             {SCORE: "score = scores.softmax(1).amax(dim=1).sum()"}),
        Edit("margin",
             "You differentiated the lead over the best class. Only the score of class y is "
             "asked for.",
             {SCORE: "score = (scores.gather(1, y.view(-1, 1)).squeeze(1) "
              "- scores.amax(dim=1)).sum()"}),
        Edit("squared_score",
             "You squared the class score.",
             {SCORE: "score = (scores.gather(1, y.view(-1, 1)) ** 2).sum()"}),
        Edit("distance_to_one_hot",
             "You differentiated a squared error against a one-hot target, a loss. Use the score "
             "of class y itself.",
             {SCORE: "score = ((scores - torch.nn.functional.one_hot("
              "y, scores.shape[1])) ** 2).sum()"}),
        Edit("off_by_one_class",
             "You explained the class after y. Classes count from 0.",
             {SCORE: "score = scores.roll(-1, 1).gather(1, y.view(-1, 1)).sum()"}),
        Edit("no_absolute_value", NO_ABSOLUTE_VALUE, {MAP: "saliency = gradient.amax(dim=1)"}),
        Edit("absolute_value_after_maximum",
             "You took the maximum over the channels first and the absolute value after it: a "
             "strongly negative channel is lost. Take `abs()` first.",
             {MAP: "saliency = gradient.amax(dim=1).abs()"}),
        Edit("negative_set_to_zero",
             "You set negative gradients to zero. Take the absolute value instead.",
             {MAP: "saliency = gradient.clamp(min=0).amax(dim=1)"}),
        Edit("negated", "You negated the gradient and took no absolute value.",
             {MAP: "saliency = (-gradient).amax(dim=1)"}),
        Edit("channel_minimum", "You took the minimum over the channels; take the maximum.",
             {MAP: "saliency = gradient.abs().amin(dim=1)"}),
        Edit("channel_mean", "You averaged over the channels; take the maximum.",
             {MAP: "saliency = gradient.abs().mean(dim=1)"}),
        Edit("channel_sum", "You summed over the channels; take the maximum.",
             {MAP: "saliency = gradient.abs().sum(dim=1)"}),
        Edit("channel_norm",
             "You took the length of the gradient over the channels; take the largest absolute "
             "value.",
             {MAP: "saliency = gradient.norm(dim=1)"}),
        Edit("channel_squares", "You squared the gradient; take the largest absolute value.",
             {MAP: "saliency = (gradient**2).sum(dim=1)"}),
        Edit("largest_square", "You squared the gradient; take the largest absolute value.",
             {MAP: "saliency = (gradient**2).amax(dim=1)"}),
        Edit("signed_channel_sum",
             "You added the channels with their signs, so that they cancel. Take `abs()` first, "
             "then the maximum.",
             {MAP: "saliency = gradient.sum(dim=1)"}),
        Edit("absolute_channel_sum",
             "You added the channels with their signs, so that they cancel, and took the absolute "
             "value after it. Take `abs()` first, then the maximum.",
             {MAP: "saliency = gradient.sum(dim=1).abs()"}),
        Edit("signed_channel_mean",
             "You averaged the channels with their signs, so that they cancel. Take `abs()` "
             "first, then the maximum.",
             {MAP: "saliency = gradient.mean(dim=1)"}),
        Edit("absolute_channel_mean",
             "You averaged the channels with their signs, so that they cancel, and took the "
             "absolute value after it. Take `abs()` first, then the maximum.",
             {MAP: "saliency = gradient.mean(dim=1).abs()"}),
        Edit("first_channel_only", "You kept the first channel only; take the maximum of all.",
             {MAP: "saliency = gradient.abs()[:, 0]"}),
        Edit("last_channel_only", "You kept the last channel only; take the maximum of all.",
             {MAP: "saliency = gradient.abs()[:, -1]"}),
        Edit("luminance",
             "You weighed the channels like a grey picture; take the maximum of all.",
             {MAP: "weights = torch.tensor([0.299, 0.587, 0.114]).to(X).view(1, 3, 1, 1)\n"
              "    saliency = (weights * gradient.abs()).sum(dim=1)"}),
        Edit("maximum_over_the_batch",
             "You took the maximum over dimension 0, the images; the channels are dimension 1.",
             {MAP: "saliency = gradient.abs().amax(dim=0)"}),
        Edit("maximum_over_rows",
             "You took the maximum over dimension 2, the rows; the channels are dimension 1.",
             {MAP: "saliency = gradient.abs().amax(dim=2)"}),
        Edit("maximum_over_columns",
             "You took the maximum over the last dimension, the columns; the channels are "
             "dimension 1.",
             {MAP: "saliency = gradient.abs().amax(dim=-1)"}),
        Edit("no_channel_reduction",
             "Your map still has three channels: take the maximum over dimension 1.",
             {MAP: "saliency = gradient.abs()"}),
        Edit("raw_gradient",
             "You returned the gradient itself: take `abs()`, then the maximum over dimension 1.",
             {MAP: "saliency = gradient"}),
        Edit("kept_dimension",
             "Your map still has a channel dimension, of size 1: leave out `keepdim=True`.",
             {MAP: "saliency = gradient.abs().amax(dim=1, keepdim=True)"}),
        Edit("values_and_indices",
             "`tensor.max(dim=1)` returns values and indices: return its `.values`.",
             {MAP: "saliency = gradient.abs().max(dim=1)"}),
        Edit("index_of_the_maximum",
             "You returned which channel is largest, not how large it is: `.values`, not "
             "`.indices`.",
             {MAP: "saliency = gradient.abs().max(dim=1).indices"}),
        Edit("rescaled", RESCALED,
             {MAP: MAP + "\n    low, high = (f(saliency, (1, 2), True) for f in "
              "(torch.amin, torch.amax))\n    saliency = (saliency - low) / (high - low)"}),
        Edit("rescaled_over_the_batch", RESCALED,
             {MAP: MAP + "\n    saliency = (saliency - saliency.min()) / "
              "(saliency.max() - saliency.min())"}),
        Edit("divided_by_maximum", RESCALED,
             {MAP: MAP + "\n    saliency = saliency / saliency.amax(dim=(1, 2), keepdim=True)"}),
        Edit("divided_by_batch_maximum", RESCALED,
             {MAP: MAP + "\n    saliency = saliency / saliency.max()"}),
        Edit("square_root", "You took a square root to brighten the map; leave that to the plot.",
             {MAP: MAP + "\n    saliency = saliency.sqrt()"}),
        Edit("gradient_times_input",
             "You multiplied the gradient by the pixels: another method, which is blind to dark "
             "pixels. The saliency map is the gradient's magnitude alone.",
             {MAP: "saliency = (gradient * X).detach().abs().amax(dim=1)"}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"scores = model(X)": "scores = model((X - model.mean) / model.std)"}),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension. Squeeze a "
             "named dimension, or none.",
             {"return saliency": "return saliency.squeeze()"}),
        Edit("clipped",
             "You clipped the map to [0, 1]; a gradient may be larger. Leave clipping to the plot.",
             {"return saliency": "return saliency.clamp(0, 1)"}),
        Edit("reshaped_channels",
             "`reshape` or `view` does not move the channels to the end, it mixes colours with "
             "places. Take the maximum over dimension 1.",
             {"abs().amax(dim=1)": "abs().reshape(*X[:, 0].shape, 3).amax(dim=-1)"}),
        Edit("gradient_of_normalised_pixels",
             "You differentiated with respect to the normalised image, not to the pixels: divide "
             "by `model.std`, or give the pixels to `model`, which normalises them itself.",
             {"gradient.abs()": "(gradient * model.std).abs()"}),
        Edit("images_pile_up",
             "Each image's gradient was added to those of the images before it: in your loop, "
             "start each image with a fresh copy, or use `torch.autograd.grad`.",
             {"gradient.abs()": "gradient.cumsum(dim=0).abs()"}),
        Edit("switches_to_train_mode",
             "You switched the network to train mode. In eval mode dropout is off and the stored "
             "batch statistics count: that is the mode for a saliency map.",
             {"model.eval()": "model.train()"}),
        Edit("train_mode",
             "You ran the network in the mode in which it came. Switch to eval mode first: in "
             "train mode dropout and batch statistics change the map at every call.",
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
             {SCORE: "score = scores.gather(1, y.view(-1, 1))"}),
        Edit("keeps_the_graph",
             "Your result still hangs on the autograd graph: leave out `create_graph=True`, or "
             "detach.",
             {"torch.autograd.grad(score, X)": "torch.autograd.grad(score, X, create_graph=True)"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"return saliency": "return saliency.numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the maps.",
             {"return saliency": "saliency"}),
    ),
)  # fmt: skip
def compute_saliency_maps(X, y, model):
    """How strongly the score of class y reacts to each pixel.

    The absolute value of the gradient of the class score (unnormalised:
    before any softmax) with respect to the pixels, and of the three colour
    channels the largest. Simonyan et al. 2014, section 3.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        y: class of each image, an int64 tensor (N,); it need not be the
            predicted one.
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters.

    Returns:
        Saliency maps, neither averaged nor rescaled, not on the autograd
        graph: a tensor (N, H, W).
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    scores = model(X)
    score = scores.gather(1, y.view(-1, 1)).sum()
    (gradient,) = torch.autograd.grad(score, X)
    saliency = gradient.abs().amax(dim=1)
    model.train(was_training)
    return saliency
    ### END SOLUTION


@compute_saliency_maps.mistake(
    "The gradient piles up on the caller's `X.grad`: a second call adds to the first. Use "
    "`torch.autograd.grad`, or a fresh copy of X."
)
def accumulates(X, y, model):
    was_training = model.training
    model.eval()
    X.requires_grad_()
    model(X).gather(1, y.view(-1, 1)).sum().backward()
    model.train(was_training)
    return X.grad.abs().amax(dim=1)


@compute_saliency_maps.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(X, y, model):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    model(X).gather(1, y.view(-1, 1)).sum().backward()
    model.train(was_training)
    return X.grad.abs().amax(dim=1)


@compute_saliency_maps.mistake(
    "`.grad` is None: only a leaf of the graph gets one. Call `requires_grad_()` last, on your "
    "detached copy, and give that very tensor to the model."
)
def gradient_of_no_leaf(X, y, model):
    images = X.detach().clone().requires_grad_() * 1
    model(images).gather(1, y.view(-1, 1)).sum().backward()
    return images.grad.abs().amax(dim=1)


@compute_saliency_maps.mistake(
    "When X itself requires grad, its clone is still tied to it and `.grad` stays empty: detach "
    "the copy, `X.detach().clone()`."
)
def clone_without_detach(X, y, model):
    was_training = model.training
    model.eval()
    images = X.clone().requires_grad_()
    model(images).gather(1, y.view(-1, 1)).sum().backward()
    model.train(was_training)
    model.zero_grad()
    return images.grad.abs().amax(dim=1)


@compute_saliency_maps.mistake(
    "You cleared the caller's `X.grad`. Leave it as it is and work on a copy."
)
def clears_the_gradient(X, y, model):
    was_training = model.training
    model.eval()
    X.grad = None
    images = X.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.score(images, y).sum(), images)
    model.train(was_training)
    return gradient.abs().amax(dim=1)


@compute_saliency_maps.mistake(
    "You switched `X.requires_grad` off at the end, but it may have been on. Work on "
    "`X.detach().clone()` and leave X alone."
)
def switches_requires_grad_off(X, y, model):
    was_training = model.training
    model.eval()
    X.requires_grad_()
    (gradient,) = torch.autograd.grad(model.score(X, y).sum(), X)
    X.requires_grad_(False)
    model.train(was_training)
    return gradient.abs().amax(dim=1)


@compute_saliency_maps.mistake(
    "The number of images is written into the code: take it from `X.shape[0]`."
)
def batch_size_hard_coded(X, y, model):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    scores = model(X).gather(1, y.view(-1, 1)).squeeze(1)
    (gradient,) = torch.autograd.grad(scores, X, torch.ones(5, dtype=X.dtype))
    model.train(was_training)
    return gradient.abs().amax(dim=1)


@compute_saliency_maps.variant
def one_image_at_a_time(X, y, model):
    was_training = model.training
    model.eval()
    maps = torch.zeros_like(X[:, 0])
    for i in range(len(X)):
        image = X[i : i + 1].clone().requires_grad_()
        score = model(image)[0, y[i]]
        maps[i] = torch.autograd.grad(score, image)[0][0].abs().max(dim=0).values
    model.train(was_training)
    return maps


@compute_saliency_maps.variant
def backward_on_a_copy(X, y, model):
    was_training = model.training
    model.eval()
    flags = [p.requires_grad for p in model.parameters()]
    model.requires_grad_(False)
    images = X.detach().clone().requires_grad_(True)
    scores = model(images)
    scores[torch.arange(len(y)), y].sum().backward()
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    model.train(was_training)
    return images.grad.abs().max(dim=1)[0]


@compute_saliency_maps.variant
def explicit_backward(X, y, model):
    scores, cache = model.forward(X)
    one_hot = torch.nn.functional.one_hot(y, scores.shape[1]).to(scores)
    gradient, _ = model.backward(one_hot, cache)
    return gradient.abs().amax(dim=1)


@compute_saliency_maps.variant
def functional(X, y, model):
    was_training = model.training
    model.eval()
    gradient = torch.func.grad(lambda images: model.score(images, y).sum())(X)
    model.train(was_training)
    return gradient.abs().amax(dim=1).detach()


@compute_saliency_maps.variant
def upstream_gradient(X, y, model):
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    scores = model.score(X, y)
    (gradient,) = torch.autograd.grad(scores, X, grad_outputs=torch.ones_like(scores))
    model.train(was_training)
    return torch.maximum(gradient.amax(dim=1), -gradient.amin(dim=1))


why_not_ascend = WrittenQuestion(
    name="why_not_ascend",
    points=2,
    answer=(
        "No. The map has lost the gradient's sign and two of its three channels: it says how "
        "strongly a pixel matters, not whether brightening it raises or lowers the score. "
        "Following it would brighten every important pixel, also those that should darken."
    ),
    marking_scheme=(
        "1 point: the sign is lost (absolute value), so the direction of ascent is unknown. "
        "1 point: the channels are lost (maximum), so one map cannot say how to change a colour. "
        "The mismatch of shapes alone earns nothing."
    ),
)
