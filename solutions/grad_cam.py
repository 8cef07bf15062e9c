"""Answers of the chapter *Grad-CAM* (Selvaraju et al. 2017, section 3)."""

import torch
from torch.nn.functional import interpolate, one_hot

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import (
    draw_images,
    draw_like,
    draw_network,
    draw_unpredicted_labels,
)
from course_lib.examples import Example
from course_lib.probes import ProbeImages

HEIGHT, WIDTH = 11, 14  # the network's layers have 6 x 7 places
GAIN = 50  # on the scores
SMALLEST_PEAK = 0.5  # of a map with evidence, so that 1e-7 in a denominator does not show
DEAD = 0


def draw_dead_network(generator):
    """A network that has only evidence against the class `DEAD`, and for all the others."""
    network = draw_network(generator, gain=GAIN).changed(stride=2)
    weights = {name: value.clone() for name, value in network.weights.items()}
    weights["classifier.weight"].abs_()[DEAD] *= -1
    return network.changed(weights=weights)


def peaks(model, X, y, layer):
    """The largest weighted sum of channels in each image ``(N,)``."""
    A, _ = model.forward(X, end=layer)
    scores, cache = model.forward(A, start=model.layers[model.layers.index(layer) + 1])
    gradient, _ = model.backward(one_hot(y, scores.shape[1]).to(scores), cache)
    return torch.einsum("nc,nchw->nhw", gradient.mean((2, 3)), A).amax((1, 2))


def draw_labels(network, pixels, layer, generator, wanted):
    """Unpredicted labels, `wanted` among them, with much evidence for each or none."""
    network = network.changed(training=False)
    while True:
        y = draw_unpredicted_labels(network, pixels, generator)
        peak = peaks(network.build(), pixels, y, layer)
        unclear = (peak > 0) & (peak < SMALLEST_PEAK)
        if wanted in (None, *y.tolist()) and not unclear.any():
            return y


def draw_grad_cam_examples(generator):
    """A network whose layers are coarser than the images; one class without any evidence."""
    network = draw_network(generator, gain=GAIN).changed(stride=2)
    dead = draw_dead_network(generator)
    five = draw_images(generator, height=HEIGHT, width=WIDTH)
    one = draw_images(generator, count=1, height=HEIGHT, width=WIDTH)
    used = ProbeImages(five, draw_like(five, generator))

    def example(name, rung, model, X, layer="tanh1", wanted=None):
        pixels = X.pixels if X is used else X
        y = draw_labels(model, pixels, layer, generator, wanted)
        return Example(name, rung, {"X": X, "y": y, "model": model, "layer": layer})

    return [
        example("5 images of 11 x 14 pixels", "values", network, five),
        example("another layer", "values", network, five, "conv2"),
        example("nothing for one class", "values", dead, five, "softplus2", DEAD),
        example("a single image", "one image", network, one),
        example("a network in train mode", "repeatable", network.changed(training=True), five),
        example("trainable parameters", "repeatable", network.changed(frozen=False), five),
        example("an X that already holds a gradient", "repeatable", network, used),
    ]


FOLLOWING = "following = model.layers[model.layers.index(layer) + 1]"
UPSTREAM = "upstream = one_hot(y, scores.shape[1]).to(scores)"
WEIGHTS = "weights = gradient.mean(dim=(2, 3), keepdim=True)"
MAPS = "maps = (weights * A).sum(dim=1, keepdim=True).relu()"
RESIZE = 'maps = interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)[:, 0]'
DIVIDE = "maps = maps / peak.where(peak > 0, 1)"

SOFTMAX = (
    "You differentiated the softmax probability, not the class score: what speaks against other "
    "classes mixes in. Use the unnormalised score of class y."
)
NO_RELU = (
    "You left out the ReLU. Where the weighted sum is negative, the place speaks against the "
    "class: set it to zero."
)
LABEL_IGNORED = (
    "You explained the sum of all class scores: the label y has no effect. Start from the score "
    "of class y."
)
POOL = (
    "You multiplied gradient and activations place by place. Average the gradient over rows and "
    "columns first: one weight for each channel."
)
BATCH_MAXIMUM = (
    "You divided all maps by one maximum, so a map depends on the images beside it. Divide each "
    "by its own."
)
TWO_RUNS = (
    "The activations that you differentiate with respect to are not those that the score was "
    "computed from, they come from another run. Run the rest of the network on them: "
    "`model.forward(A, start=...)`."
)


@exercise(
    points=8,
    minutes=30,
    examples=draw_grad_cam_examples,
    expected=(
        "For the photograph `dog`, its own class (German shepherd, 235) and the layer `bn2`, the "
        "largest value of the map is 1 and the mean about 0.225."
    ),
    hints=(
        "You need two tensors of the same shape (N, C, h, w): the activations of the layer, and "
        "the gradient of the class score with respect to *them*, not to the pixels.",
        "`A, _ = model.forward(X, end=layer)` and `scores, cache = model.forward(A, start=...)` "
        "cut the network in two; `start` is the name after `layer` in `model.layers`. Which "
        "upstream gradient makes `model.backward` give the gradient of one class's score?",
        "A one-hot row for each image. Then average the gradient over its last two dimensions, "
        "multiply it with the activations, sum over the channels, `relu()`, `interpolate`, and "
        "divide by `amax(dim=(1, 2), keepdim=True)`, but not where that is 0.",
    ),
    combine=(UPSTREAM, WEIGHTS, MAPS),
    mistakes=(
        Edit("cross_entropy",
             "You differentiated the cross-entropy loss, which falls when the score rises: your "
             "map shows what speaks against the class. Use the score of class y.",
             {UPSTREAM: "upstream = scores.softmax(1) - one_hot(y, scores.shape[1])"}),
        Edit("softmax_probability", SOFTMAX,
             {UPSTREAM: "p = scores.softmax(1)\n    chosen = one_hot(y, scores.shape[1])\n"
              "    upstream = (p * chosen).sum(1, keepdim=True) * (chosen - p)"}),
        Edit("class_ignored", LABEL_IGNORED, {UPSTREAM: "upstream = torch.ones_like(scores)"}),
        Edit("predicted_class",
             "You explained the class that the network predicts, not the class y that was given.",
             {UPSTREAM: "upstream = one_hot(scores.argmax(1), scores.shape[1]).to(scores)"}),
        Edit("off_by_one_class", "You explained the class after y. Classes count from 0.",
             {UPSTREAM: "upstream = one_hot(y, scores.shape[1]).roll(1, 1).to(scores)"}),
        Edit("every_label_on_every_row",
             "`scores[:, y]` picks the labels of all images from every row. Pick one score a row.",
             {UPSTREAM: "upstream = one_hot(y, scores.shape[1]).sum(0).expand_as(scores)"}),
        Edit("first_label_on_every_row", "You used the first image's label for all images.",
             {UPSTREAM: "upstream = one_hot(y[:1], scores.shape[1]).expand_as(scores)"}),
        Edit("first_image_only",
             "You differentiated the first image's score only: the other maps are zero.",
             {UPSTREAM: "upstream = torch.zeros_like(scores)\n    upstream[0, y[0]] = 1"}),
        Edit("scores_as_upstream",
             "Your upstream gradient is the scores themselves. It says which score you ask for: "
             "1 at class y, 0 elsewhere.",
             {UPSTREAM: "upstream = scores * one_hot(y, scores.shape[1])"}),
        Edit("element_wise_product", POOL, {WEIGHTS: "weights = gradient"}),
        Edit("relu_on_the_weights",
             "You set negative weights to zero: a channel that speaks against the class counts, "
             "too. Only the finished sum goes through a ReLU.",
             {WEIGHTS: WEIGHTS + ".relu()"}),
        Edit("relu_on_the_gradient",
             "You set negative gradients to zero before averaging. Average all of them; only the "
             "finished sum goes through a ReLU.",
             {WEIGHTS: "weights = gradient.relu().mean(dim=(2, 3), keepdim=True)"}),
        Edit("absolute_weights",
             "You took the absolute value of the weights: a channel that speaks against the class "
             "then speaks for it.",
             {WEIGHTS: WEIGHTS + ".abs()"}),
        Edit("absolute_gradient",
             "You took the absolute value of the gradient before averaging; keep its sign.",
             {WEIGHTS: "weights = gradient.abs().mean(dim=(2, 3), keepdim=True)"}),
        Edit("maximum_of_the_gradient",
             "You took the largest gradient of each channel; take the mean over its places.",
             {WEIGHTS: "weights = gradient.amax(dim=(2, 3), keepdim=True)"}),
        Edit("weights_over_the_batch",
             "You averaged the weights over the images, too. Each image has its own: average over "
             "dimensions 2 and 3 only.",
             {WEIGHTS: "weights = gradient.mean(dim=(0, 2, 3), keepdim=True)"}),
        Edit("weights_over_rows_only",
             "You averaged the gradient over one of its two spatial dimensions; average over both.",
             {WEIGHTS: "weights = gradient.mean(dim=2, keepdim=True)"}),
        Edit("weights_over_channels",
             "You averaged the gradient over the channels. Average over rows and columns: one "
             "weight for each channel.",
             {WEIGHTS: "weights = gradient.mean(dim=1, keepdim=True)"}),
        Edit("activations_only",
             "Your map holds the activations only, every channel with the same weight. The "
             "weights come from the gradient.",
             {WEIGHTS: "weights = torch.ones_like(gradient)"}),
        Edit("ones_initialised",
             "Your sum starts at ones, not at zeros: every place gets 1 as a present.",
             {MAPS: "maps = (1 + (weights * A).sum(dim=1, keepdim=True)).relu()"}),
        Edit("no_relu", NO_RELU, {MAPS: "maps = (weights * A).sum(dim=1, keepdim=True)"}),
        Edit("absolute_value",
             "You took the absolute value of the sum where a ReLU is asked for: what speaks "
             "against the class then looks like what speaks for it.",
             {MAPS: "maps = (weights * A).sum(dim=1, keepdim=True).abs()"}),
        Edit("relu_before_the_sum",
             "You set negative terms to zero before you added the channels. Add first, so that "
             "evidence for and against can cancel.",
             {MAPS: "maps = (weights * A).relu().sum(dim=1, keepdim=True)"}),
        Edit("channel_maximum",
             "You kept the largest channel at each place; sum over the channels.",
             {MAPS: "maps = (weights * A).amax(dim=1, keepdim=True).relu()"}),
        Edit("gradient_only",
             "Your map holds the gradient only. Weigh the *activations* with its mean.",
             {MAPS: "maps = gradient.sum(dim=1, keepdim=True).relu()"}),
        Edit("gradient_magnitude_only",
             "Your map holds the gradient's magnitude only: a saliency map of the layer. Weigh "
             "the *activations* with the gradient's mean.",
             {MAPS: "maps = gradient.abs().amax(dim=1, keepdim=True)"}),
        Edit("averaged_over_the_batch",
             "You averaged the maps over the images. Each image has its own map.",
             {MAPS: MAPS + ".mean(0, keepdim=True).expand(len(X), -1, -1, -1)"}),
        Edit("negated", "You kept the negative part of the sum: what speaks against the class.",
             {MAPS: "maps = (-(weights * A).sum(dim=1, keepdim=True)).relu()"}),
        Edit("relu_after_resizing",
             "You resized before the ReLU, so negative places ate into their neighbours. The ReLU "
             "comes first.",
             {MAPS: "maps = (weights * A).sum(dim=1, keepdim=True)",
              RESIZE: RESIZE + ".relu()"}),
        Edit("not_resized",
             "Your map has the size of the layer. Resize it to the image's height and width.",
             {RESIZE: "maps = maps[:, 0]"}),
        Edit("height_and_width_swapped",
             "Your map's height and width are swapped: images are (N, 3, height, width), and "
             "`interpolate` takes (height, width).",
             {"X.shape[2:]": "(X.shape[3], X.shape[2])"}),
        Edit("transposed",
             "You swapped rows and columns of the map. Activations are (N, C, rows, columns).",
             {RESIZE: RESIZE.replace("(maps,", "(maps.transpose(2, 3),")}),
        Edit("nearest",
             "You resized to the nearest place, so the map has steps. Use "
             '`mode="bilinear", align_corners=False`.',
             {', mode="bilinear", align_corners=False': ', mode="nearest"'}),
        Edit("nearest_exact",
             "You resized to the nearest place, so the map has steps. Use "
             '`mode="bilinear", align_corners=False`.',
             {', mode="bilinear", align_corners=False': ', mode="nearest-exact"'}),
        Edit("aligned_corners",
             "You resized with `align_corners=True`, which moves every place a little. Use False.",
             {"align_corners=False": "align_corners=True"}),
        Edit("bicubic", "You resized bicubically; bilinearly is asked for.",
             {"bilinear": "bicubic"}),
        Edit("normalised_before_resizing",
             "You divided by the maximum before resizing, which lowers it again. Resize first.",
             {RESIZE: "maps = maps / maps.amax((1, 2, 3), True).clamp(min=1e-30)\n    " + RESIZE,
              DIVIDE: "pass"}),
        Edit("not_normalised",
             "Your map does not reach 1: divide each map by its own maximum.", {DIVIDE: "pass"}),
        Edit("normalised_over_the_batch", BATCH_MAXIMUM, {DIVIDE: "maps = maps / peak.amax()"}),
        Edit("minimum_and_maximum",
             "You also subtracted the smallest value. Divide by the maximum only, so that 0 "
             "keeps its meaning: no evidence.",
             {DIVIDE: "low = maps.amin((1, 2), True)\n"
              "    maps = (maps - low) / (peak - low).clamp(min=1e-30)"}),
        Edit("divided_by_the_sum", "You divided by the sum of the map; divide by its maximum.",
             {DIVIDE: "maps = maps / maps.sum((1, 2), True).clamp(min=1e-30)"}),
        Edit("not_a_number",
             "Where nothing is positive, you divided 0 by 0 (NaN). Leave such a map at zero.",
             {DIVIDE: "maps = maps / peak"}),
        Edit("ones_where_nothing_is_positive",
             "Where nothing is positive, your map is 1. Leave such a map at zero.",
             {DIVIDE: "maps = (maps / peak).nan_to_num(1)"}),
        Edit("large_epsilon",
             "The constant that you add to the denominator is so large that the map does not "
             "reach 1. Divide by the maximum itself where it is positive.",
             {DIVIDE: "maps = maps / (peak + 1e-2)"}),
        Edit("kept_dimension", "Your map still has a channel dimension, of size 1: drop it.",
             {"return maps": "return maps[:, None]"}),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension. Squeeze a "
             "named dimension, or none.",
             {"return maps": "return maps.squeeze()"}),
        Edit("layer_twice",
             "You ran `layer` twice: `start` is included, so continue with the layer after it.",
             {FOLLOWING: "following = layer"}),
        Edit("layer_left_out",
             "You left out a layer between the two parts: continue with the one right after "
             "`layer`.",
             {FOLLOWING: "following = model.layers[model.layers.index(layer) + 2]"}),
        Edit("layer_before",
             "You used the layer before the one that was asked for: its output is wanted.",
             {FOLLOWING: "following, layer = layer, model.layers[model.layers.index(layer) - 1]"}),
        Edit("layer_after",
             "You used the layer after the one that was asked for.",
             {FOLLOWING: "layer = model.layers[model.layers.index(layer) + 1]\n    " + FOLLOWING}),
        Edit("always_the_last_layer",
             "You used the last layer with places, whatever `layer` says.",
             {FOLLOWING: "layer = model.layers[model.layers.index('pool') - 1]\n    "
              + FOLLOWING}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"forward(X, end": "forward((X - model.mean) / model.std, end"}),
        Edit("train_mode",
             "You ran the network in train mode: dropout and batch statistics change the map at "
             'every call. `mode="test"` is the default.',
             {"start=following": 'start=following, mode="train"'}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"return maps": "return maps.numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the maps.",
             {"return maps": "maps"}),
    ),
)  # fmt: skip
def grad_cam(X, y, model, layer):
    """Which places of a layer speak for class y.

    Each channel's weight is the mean, over the places of the layer, of the
    gradient of the class score (before any softmax) with respect to its
    activations. The map is the sum of the activations times these weights,
    negative values set to zero. Selvaraju et al. 2017, section 3.

    Then each map is resized to the image (bilinear, `align_corners=False`)
    and divided by its own maximum (plus 1e-7 at most), so that its largest
    value is 1; a map with nothing positive stays zero.

    Tools: `A, _ = model.forward(X, end=layer)` runs the network up to and
    with `layer`; `scores, cache = model.forward(A, start=name)` runs the
    rest, from the layer `name` on; `model.layers` has all names in order;
    `dA, _ = model.backward(upstream, cache)` gives the gradient with respect
    to A. They compute in eval mode and leave everything as it was.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        y: class of each image, an int64 tensor (N,); it need not be the
            predicted one.
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters and no hooks on its layers.
        layer: name of a layer with activations (N, C, h, w).

    Returns:
        Maps in [0, 1], not on the autograd graph: a tensor (N, H, W).
    """
    ### BEGIN SOLUTION
    following = model.layers[model.layers.index(layer) + 1]
    A, _ = model.forward(X, end=layer)
    scores, cache = model.forward(A, start=following)
    upstream = one_hot(y, scores.shape[1]).to(scores)
    gradient, _ = model.backward(upstream, cache)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    maps = (weights * A).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    peak = maps.amax(dim=(1, 2), keepdim=True)
    maps = maps / peak.where(peak > 0, 1)
    return maps
    ### END SOLUTION


@grad_cam.mistake(TWO_RUNS)
def two_runs(X, y, model, layer):
    images = X.detach().clone().requires_grad_()
    A = model.features(images, layer)
    (gradient,) = torch.autograd.grad(model.score(images, y).sum(), A)
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * A).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@grad_cam.mistake(
    "Autograd had nothing to differentiate: the parameters are frozen, so mark a copy of X with "
    "`requires_grad_()`, or use `model.forward` and `model.backward`."
)
def no_requires_grad(X, y, model, layer):
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2]))
    score = model.score(X, y).sum()
    hook.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@grad_cam.mistake(
    "You left your hook on the layer: it runs again at every later call. Remove it in a `finally`."
)
def hook_left_behind(X, y, model, layer):
    kept = []
    model.network.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2]))
    was_training = model.training
    model.eval()
    score = model.score(X.detach().clone().requires_grad_(), y).sum()
    model.train(was_training)
    (gradient,) = torch.autograd.grad(score, kept[0])
    A = kept[0].detach()
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * A).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@grad_cam.mistake(
    "You left the model in eval mode. Note `model.training` first, and put the model back into "
    "that mode at the end."
)
def leaves_eval_mode(X, y, model, layer):
    model.eval()
    return grad_cam(X, y, model, layer)


@grad_cam.mistake(
    "You ran the network in the mode in which it came. Switch to eval mode first, or use "
    "`model.forward`, which does: in train mode dropout and batch statistics change the map."
)
def mode_as_it_came(X, y, model, layer):
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2]))
    score = model.score(X.detach().clone().requires_grad_(), y).sum()
    hook.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    A = kept[0].detach()
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * A).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@grad_cam.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad`, or `model.backward`, for the gradient of the activations alone."
)
def pollutes_parameters(X, y, model, layer):
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2]))
    was_training = model.training
    model.eval()
    score = model.score(X.detach().clone().requires_grad_(), y).sum()
    hook.remove()
    kept[0].retain_grad()
    score.backward()
    model.train(was_training)
    gradient, A = kept[0].grad, kept[0].detach()
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * A).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@grad_cam.mistake(
    "Your result still hangs on the autograd graph: detach the activations, or the maps."
)
def keeps_the_graph(X, y, model, layer):
    was_training = model.training
    model.eval()
    images = X.detach().clone().requires_grad_()
    A = model.features(images, layer)
    _, cache = model.forward(A, start=model.layers[model.layers.index(layer) + 1])
    model.train(was_training)
    gradient, _ = model.backward(one_hot(y, model.num_classes).to(X), cache)
    maps = (gradient.mean(dim=(2, 3), keepdim=True) * A).sum(dim=1, keepdim=True).relu()
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@grad_cam.variant
def summed_weights_and_averaged_channels(X, y, model, layer):
    A, _ = model.forward(X, end=layer)
    scores, cache = model.forward(A, start=model.layers[model.layers.index(layer) + 1])
    gradient, _ = model.backward(one_hot(y, scores.shape[1]).to(scores) / len(y), cache)
    maps = torch.einsum("nc,nchw->nhw", gradient.sum(dim=(2, 3)), A).clamp(min=0) / A.shape[1]
    maps = interpolate(maps[:, None], X.shape[2:], mode="bilinear").squeeze(1)
    return maps / (maps.amax(dim=(1, 2), keepdim=True) + 1e-8)


@grad_cam.variant
def removed_hook(X, y, model, layer):
    kept = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2]))
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.eval()
        score = model.score(X.detach().clone().requires_grad_(), y).sum()
    finally:
        hook.remove()
        for part, training in modes:
            part.training = training
    (gradient,) = torch.autograd.grad(score, kept[0])
    A = kept[0].detach()
    maps = torch.relu((gradient.mean(dim=(2, 3), keepdim=True) * A).sum(dim=1, keepdim=True))
    maps = interpolate(maps, X.shape[2:], mode="bilinear")[:, 0]
    return torch.nan_to_num(maps / maps.amax(dim=(1, 2), keepdim=True))


@grad_cam.variant
def features_and_backward(X, y, model, layer):
    was_training = model.training
    model.eval()
    A = model.features(X, layer).detach()
    model.train(was_training)
    scores, cache = model.forward(A, start=model.layers[model.layers.index(layer) + 1])
    upstream = torch.zeros_like(scores)
    upstream[torch.arange(len(y)), y] = 1.0
    gradient, _ = model.backward(upstream, cache)
    maps = (gradient.flatten(2).mean(2)[..., None, None] * A).mean(dim=1, keepdim=True)
    maps = interpolate(maps.clamp_min(0), X.shape[2:], mode="bilinear", antialias=True)[:, 0]
    return maps / maps.flatten(1).max(dim=1).values.clamp(min=1e-7).view(-1, 1, 1)


@grad_cam.variant
def one_image_at_a_time(X, y, model, layer):
    following = model.layers[model.layers.index(layer) + 1]
    maps = torch.zeros_like(X[:, 0]).detach()
    for i in range(len(X)):
        A, _ = model.forward(X[i : i + 1], end=layer)
        scores, cache = model.forward(A, start=following)
        upstream = torch.zeros_like(scores)
        upstream[0, y[i]] = 1
        gradient, _ = model.backward(upstream, cache)
        cam = torch.zeros_like(A[0, 0])
        for channel in range(A.shape[1]):
            cam += gradient[0, channel].mean() * A[0, channel]
        cam = interpolate(cam.clamp(min=0)[None, None], X.shape[2:], mode="bilinear")[0, 0]
        maps[i] = cam / cam.max() if cam.max() > 0 else cam
    return maps


what_black_means = WrittenQuestion(
    name="what_black_means",
    points=2,
    answer=(
        "Not that the network ignored the place. The weighted sum there was zero or negative, "
        "and the ReLU shows both as black: the place may even speak strongly against the class. "
        "And the map speaks of one layer's activations only."
    ),
    marking_scheme=(
        "1 point: black covers negative sums too (the ReLU), so the place may speak against the "
        "class. 1 point: hence it cannot be concluded that the place has no influence on the "
        "score, which one would test by changing it."
    ),
)
