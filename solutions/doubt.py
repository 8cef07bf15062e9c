"""Answers of the chapter *When to believe a map*: two remedies and a test.

SmoothGrad (Smilkov et al. 2017, section 2), integrated gradients (Sundararajan et al. 2017,
section 3) and the randomisation of a network's layers (Adebayo et al. 2018, section 3.1).
"""

from copy import deepcopy

import torch

from autograder import Edit, WrittenQuestion, exercise
from autograder.probes import (
    draw_images,
    draw_like,
    draw_network,
    draw_unpredicted_labels,
    draw_used_images,
)
from course_lib.examples import Example
from course_lib.probes import ProbeAttribution, ProbeImages

GAIN = 20  # on the scores of the second network, so that clipping and scaling show

SCORE = "score = scores.gather(1, y.view(-1, 1)).sum()"
TOTAL = "total += gradient"
CROSS_ENTROPY = (
    "You differentiated the cross-entropy loss, not the class score: it mixes in what speaks "
    "against other classes, with its sign turned. Use the unnormalised score of class y."
)
PREDICTED = "You explained the class that the network predicts, not the class y that was given."
CONSTANT_LABELS = "You used one image's label for all images. Each image has its own."

SCORE_MISTAKES = (
    Edit("cross_entropy", CROSS_ENTROPY,
         {SCORE: 'score = torch.nn.functional.cross_entropy(scores, y, reduction="sum")'}),
    Edit("cross_entropy_mean", CROSS_ENTROPY,
         {SCORE: "score = torch.nn.functional.cross_entropy(scores, y)"}),
    Edit("softmax_probability",
         "You differentiated the softmax probability, not the class score: other classes mix in, "
         "and the gradient vanishes where the network is sure. Use the unnormalised score.",
         {SCORE: "score = scores.softmax(1).gather(1, y.view(-1, 1)).sum()"}),
    Edit("log_probability",
         "You differentiated the logarithm of the softmax probability; use the class score, before "
         "any softmax.",
         {SCORE: "score = scores.log_softmax(1).gather(1, y.view(-1, 1)).sum()"}),
    Edit("score_averaged_over_the_batch",
         "You averaged the class scores over the batch, so every result is too small by the number "
         "of images. Sum them: each image's gradient is then its own.",
         {SCORE: "score = scores.gather(1, y.view(-1, 1)).mean()"}),
    Edit("every_label_on_every_row",
         "`scores[:, y]` picks the labels of all images from every row. Pick one score a row: "
         "`scores.gather(1, y.view(-1, 1))`.",
         {SCORE: "score = scores[:, y].sum()"}),
    Edit("first_label_on_every_row", CONSTANT_LABELS, {SCORE: "score = scores[:, y[0]].sum()"}),
    Edit("last_label_on_every_row", CONSTANT_LABELS, {SCORE: "score = scores[:, y[-1]].sum()"}),
    Edit("all_scores",
         "You differentiated the sum of all class scores; the label y has no effect. Pick the "
         "score of class y.",
         {SCORE: "score = scores.sum()"}),
    Edit("predicted_class", PREDICTED, {SCORE: "score = scores.amax(dim=1).sum()"}),
    Edit("squared_score", "You squared the class score.",
         {SCORE: "score = (scores.gather(1, y.view(-1, 1)) ** 2).sum()"}),
    Edit("off_by_one_class", "You explained the class after y. Classes count from 0.",
         {SCORE: "score = scores.roll(-1, 1).gather(1, y.view(-1, 1)).sum()"}),
)  # fmt: skip


def care_mistakes(result):
    """What can go wrong beside the mathematics, in a solution that returns `result`."""
    returned = f"return {result}"
    return (
        Edit("train_mode",
             "You ran the network in the mode in which it came. Switch to eval mode first: in "
             "train mode dropout and batch statistics change the result at every call.",
             {"    model.eval()\n": ""}),
        Edit("switches_to_train_mode",
             "You switched the network to train mode. In eval mode dropout is off and the stored "
             "batch statistics count.",
             {"model.eval()": "model.train()"}),
        Edit("leaves_eval_mode",
             "You left the model in eval mode. Note `model.training` first, and put the model back "
             "into that mode at the end.",
             {"    model.train(was_training)\n": ""}),
        Edit("normalised_twice",
             "You normalised the pixels before calling the model; it normalises them itself.",
             {"model(images)": "model((images - model.mean) / model.std)"}),
        Edit("no_requires_grad",
             "Autograd had nothing to differentiate. Mark the images that you give to the model "
             "with `requires_grad_()`: the parameters are frozen, so nothing else is marked.",
             {".requires_grad_()": ""}),
        Edit("no_sum", "Autograd starts from one number, not from one score for each image: sum "
             "them.",
             {SCORE: "score = scores.gather(1, y.view(-1, 1))"}),
        Edit("first_gradient_only",
             "You return in the first turn of the loop: the `return` belongs after it.",
             {"        total += gradient\n": "        total += gradient\n        break\n"}),
        Edit("last_gradient_only",
             "Each turn of your loop overwrites the gradient of the one before it: add them.",
             {TOTAL: "total = gradient"}),
        Edit("running_mean_of_two",
             "You averaged each gradient with the average so far, which gives the last ones the "
             "most weight. Add them all, and divide once.",
             {TOTAL: "total = (total + gradient) / 2"}),
        Edit("magnitudes_added",
             "You took the absolute value of each gradient before you added them. Keep the signs: "
             "what points one way here and the other way there is to cancel.",
             {TOTAL: "total += gradient.abs()"}),
        Edit("squares_added",
             "You squared each gradient before you added them. Add the gradients themselves.",
             {TOTAL: "total += gradient**2"}),
        Edit("unit_gradients_added",
             "You divided each gradient by its length before you added them. Add them as they are.",
             {TOTAL:
              "total += gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)"}),
        Edit("absolute_value",
             "You took an absolute value at the end. The sign is asked for: does the pixel speak "
             "for the class, or against it?",
             {returned: f"{returned}.abs()"}),
        Edit("map_of_magnitudes",
             "You reduced the colours to one map. Return the signed values, one for each colour "
             "of each pixel.",
             {returned: f"{returned}.abs().amax(dim=1)"}),
        Edit("channels_summed",
             "You summed over the colours. Return one value for each colour of each pixel.",
             {returned: f"{returned}.sum(dim=1)"}),
        Edit("rescaled",
             "You divided by the largest magnitude. Return the values as they are; scaling belongs "
             "to the plot.",
             {returned: f"{returned} / {result}.abs().amax((1, 2, 3), True).clamp(min=1e-30)"}),
        Edit("squeezed",
             "You squeezed the result: a batch of one image loses its first dimension.",
             {returned: f"{returned}.squeeze()"}),
        Edit("keeps_the_graph",
             "Your result still hangs on the autograd graph: leave out `create_graph=True`, or "
             "detach.",
             {"grad(score, images)": "grad(score, images, create_graph=True)"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {returned: f"{returned}.numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the result.",
             {returned: result}),
    )  # fmt: skip


CONTRASTS = (1.0, 0.3, 0.6, 0.0, 0.8)  # of five images, one of them flat


def draw_smooth_grad_examples(generator):
    """Images of different contrast, one of them flat; few samples and many, no noise at all."""
    network, other = draw_network(generator), draw_network(generator, gain=GAIN)
    contrasts = torch.tensor(CONTRASTS, dtype=torch.float64).view(-1, 1, 1, 1)
    five = 0.1 + contrasts * 0.8 * draw_images(generator)
    one = 0.2 + 0.5 * draw_images(generator, count=1)
    used = draw_used_images(generator)

    def example(name, rung, model, X, num_samples, noise_level, seed):
        pixels = getattr(X, "pixels", X)
        y = draw_unpredicted_labels(model.changed(training=False), pixels, generator)
        arguments = {"X": X, "y": y, "model": model, "num_samples": num_samples}
        return Example(name, rung, {**arguments, "noise_level": noise_level, "seed": seed})

    trained, trainable = network.changed(training=True), network.changed(frozen=False)
    return [
        example("5 images of different contrast", "values", network, five, 6, 0.3, 3),
        example("another network, 4 samples", "values", other, five, 4, 0.7, 8),
        example("a single image", "one image", network, one, 5, 0.4, 1),
        example("a network in train mode", "repeatable", trained, five, 3, 0.2, 2),
        example("trainable parameters", "repeatable", trainable, five, 2, 0.3, 0),
        example("an X that already holds a gradient", "repeatable", network, used, 3, 0.25, 4),
        example("no noise", "repeatable", network, five, 2, 0.0, 5),
    ]  # fmt: skip


SPREAD = "spread = X.amax(dim=(1, 2, 3), keepdim=True) - X.amin(dim=(1, 2, 3), keepdim=True)"
SIGMA = "sigma = noise_level * spread"
NOISY = "images = (X + sigma * sample).requires_grad_()"
AVERAGE = "average = total / num_samples"
SAMPLES = "for sample in noise:"
WHOLE_BATCH = (
    "You took the range of pixel values over the whole batch, so that the noise of an image "
    "depends on the others. Take each image's own range."
)
OWN_NOISE = (
    "You drew noise of your own, from torch's global generator: nobody can repeat it. Use `noise`, "
    "which is drawn from the seed."
)


@exercise(
    points=5,
    minutes=20,
    examples=draw_smooth_grad_examples,
    expected=(
        "For the photograph `dog`, its own class (German shepherd, 235), `num_samples=10` and "
        "`noise_level=0.1`, the largest value is about 0.274."
    ),
    hints=(
        "It is the gradient of the chapter on saliency maps, before the absolute value, taken at "
        "several noisy copies of the picture and averaged.",
        "`X.amax(dim=(1, 2, 3), keepdim=True)` has the shape (N, 1, 1, 1): a range for each image, "
        "ready to be multiplied with noise of the shape (N, 3, H, W).",
        "In eval mode, for each `sample` of `noise`: `X.detach() + noise_level * spread * sample`, "
        "mark it, compute the scores, sum those of class y, `torch.autograd.grad`, add it up. "
        "Divide by `num_samples` at the end, and put the mode back.",
    ),
    combine=(SCORE, TOTAL),
    mistakes=(
        *SCORE_MISTAKES,
        Edit("noise_not_scaled_by_range",
             "Your Gaussian's deviation is `noise_level` itself. Multiply it by the image's range, "
             "its largest value minus its smallest.",
             {SIGMA: "sigma = noise_level"}),
        Edit("noise_level_ignored",
             "`noise_level` has no effect: the deviation is that fraction of the image's range.",
             {SIGMA: "sigma = spread"}),
        Edit("plain_noise",
             "You added the noise as it is, with deviation 1. Multiply it by `noise_level` and the "
             "image's range.",
             {SIGMA: "sigma = 1"}),
        Edit("variance_for_deviation",
             "You squared the deviation. `noise_level` times the range *is* the deviation that "
             "multiplies the noise.",
             {SIGMA: "sigma = (noise_level * spread) ** 2"}),
        Edit("noise_level_squared",
             "You squared `noise_level`. It is the deviation as a fraction of the range, not the "
             "root of one.",
             {SIGMA: "sigma = noise_level**2 * spread"}),
        Edit("root_of_the_noise_level",
             "You took a square root. `noise_level` is a deviation, not a variance.",
             {SIGMA: "sigma = noise_level**0.5 * spread"}),
        Edit("root_of_the_deviation",
             "You took a square root. `noise_level` times the range is the deviation already.",
             {SIGMA: "sigma = (noise_level * spread) ** 0.5"}),
        Edit("noise_scale_inverted",
             "You divided by `noise_level`: less noise was asked for, and more came. Multiply.",
             {SIGMA: "sigma = spread / noise_level"}),
        Edit("level_divided_by_the_range",
             "You divided `noise_level` by the image's range. Multiply.",
             {SIGMA: "sigma = noise_level / spread"}),
        Edit("range_over_the_batch", WHOLE_BATCH, {SPREAD: "spread = X.max() - X.min()"}),
        Edit("range_of_each_channel",
             "You took the range of each colour. Take one range over all colours of an image.",
             {SPREAD: "spread = X.amax((2, 3), True) - X.amin((2, 3), True)"}),
        Edit("range_over_images",
             "You took the range over dimension 0, the images. Take it over dimensions 1, 2 and 3.",
             {SPREAD: "spread = X.amax(0, True) - X.amin(0, True)"}),
        Edit("deviation_for_range",
             "You took the standard deviation of the pixels. The noise is a fraction of their "
             "range, largest minus smallest.",
             {SPREAD: "spread = X.flatten(1).std(dim=1).view(-1, 1, 1, 1)"}),
        Edit("maximum_for_range",
             "You took the largest pixel for the range. Subtract the smallest.",
             {SPREAD: "spread = X.amax((1, 2, 3), True)"}),
        Edit("largest_over_the_batch", WHOLE_BATCH, {SPREAD: "spread = X.max()"}),
        Edit("mean_for_range", "You took the mean of the pixels; their range is asked for.",
             {SPREAD: "spread = X.mean((1, 2, 3), True)"}),
        Edit("clipped",
             "You clipped the noisy picture to [0, 1]: then the noise is no longer Gaussian at "
             "black and white places. Leave it unclipped.",
             {NOISY: "images = (X + sigma * sample).clamp(0, 1).requires_grad_()"}),
        Edit("subtracted", "You subtracted the noise; add it, so that the draws are those asked.",
             {NOISY: "images = (X - sigma * sample).requires_grad_()"}),
        Edit("only_noise", "You gave the network nothing but noise. Add the noise to X.",
             {NOISY: "images = (sigma * sample).requires_grad_()"}),
        Edit("no_noise", "Your result is the plain gradient: the noise has no effect.",
             {NOISY: "images = (X + 0 * sample).requires_grad_()"}),
        Edit("multiplied", "You multiplied the pixels by the noise; add it to them.",
             {NOISY: "images = (X * (1 + sigma * sample)).requires_grad_()"}),
        Edit("noise_piles_up",
             "Your noise piles up: each copy is made from the noisy one before it. Start each from "
             "the picture itself.",
             {NOISY: "X = X + sigma * sample\n        images = X.clone().requires_grad_()"}),
        Edit("same_noise_for_all_samples", "You used the same noise in every sample.",
             {NOISY: "images = (X + sigma * noise[0]).requires_grad_()"}),
        Edit("same_noise_for_all_images",
             "You gave all images the same noise. `noise[k]` has its own for each.",
             {NOISY: "images = (X + sigma * sample[:1]).requires_grad_()"}),
        Edit("same_noise_for_all_colours", "You gave all colours of a pixel the same noise.",
             {NOISY: "images = (X + sigma * sample[:, :1]).requires_grad_()"}),
        Edit("own_noise", OWN_NOISE,
             {NOISY: "images = (X + sigma * torch.randn_like(X)).requires_grad_()"}),
        Edit("own_uniform_noise", OWN_NOISE,
             {NOISY: "images = (X + sigma * torch.rand_like(X)).requires_grad_()"}),
        Edit("generator_used_again",
             "You drew from `generator` again. The given lines have drawn all the noise: use "
             "`noise[k]`.",
             {NOISY: "sample = torch.randn(X.shape, generator=generator, dtype=X.dtype)\n"
              "        images = (X + sigma * sample).requires_grad_()"}),
        Edit("seed_ignored",
             "You made noise from a seed of your own. Use `noise`, which is drawn from `seed`.",
             {SAMPLES: "noise = torch.randn(noise.shape, dtype=X.dtype, generator="
              "torch.Generator().manual_seed(0))\n    for sample in noise:"}),
        Edit("noise_on_normalised_pixels",
             "You added the noise to normalised pixels. Add it to X; the model normalises.",
             {NOISY: "images = (X + model.std * sigma * sample).requires_grad_()"}),
        Edit("gradient_of_the_average",
             "You averaged the noisy pictures and took one gradient. Average the gradients.",
             {SAMPLES: "for sample in [noise.mean(dim=0)] * num_samples:"}),
        Edit("first_sample_left_out",
             "You left out the first sample, but divided by their number.",
             {SAMPLES: "for sample in noise[1:]:"}),
        Edit("clean_image_included",
             "You also took the gradient of the picture without noise, as one sample more.",
             {SAMPLES: "for sample in [torch.zeros_like(X), *noise]:"}),
        Edit("clean_image_averaged",
             "You also took the gradient of the picture without noise, as one sample more.",
             {SAMPLES: "for sample in [torch.zeros_like(X), *noise]:",
              AVERAGE: "average = total / (num_samples + 1)"}),
        Edit("sum", "You summed the gradients; divide by `num_samples`.",
             {AVERAGE: "average = total"}),
        Edit("divided_by_one_less", "You divided by `num_samples - 1`; divide by `num_samples`.",
             {AVERAGE: "average = total / max(num_samples - 1, 1)"}),
        Edit("divided_by_the_batch", "You divided by the number of images, not by `num_samples`.",
             {AVERAGE: "average = total / len(X)"}),
        Edit("standard_error",
             "You divided by the square root of `num_samples`; divide by `num_samples`.",
             {AVERAGE: "average = total / num_samples**0.5"}),
        Edit("averaged_over_the_batch",
             "You averaged over the images, too. Each image has its own result.",
             {AVERAGE: "average = (total / num_samples).mean(0, True).expand_as(total)"}),
        Edit("gradient_times_input",
             "You multiplied by the pixels: another method. Return the averaged gradient alone.",
             {AVERAGE: "average = X * total / num_samples"}),
        *care_mistakes("average"),
    ),
)  # fmt: skip
def smooth_grad(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    """The gradient of the class score, averaged over noisy copies of the image.

    Smilkov et al. 2017, section 2.2. Copy k of an image is the image plus
    `noise[k]` times sigma, where sigma is `noise_level` times the range of
    that image, its largest value minus its smallest, over all its colours and
    pixels (a flat image has sigma 0). It is not clipped to [0, 1]. The
    gradients of the copies are averaged with their signs.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        y: class of each image, an int64 tensor (N,); the gradient is that of
            the score of class y (unnormalised: before any softmax).
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters.
        num_samples: number of noisy copies, 1 or more.
        noise_level: sigma as a fraction of the image's range.
        seed: of the noise; equal seeds give equal results.

    Returns:
        Averaged gradients with their signs, neither rescaled nor reduced over
        the colours, not on the autograd graph: a tensor (N, 3, H, W).
    """
    # Given: standard normal noise (num_samples, N, 3, H, W), noise[k] for the k-th copy.
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype).to(X.device)
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    X = X.detach()
    spread = X.amax(dim=(1, 2, 3), keepdim=True) - X.amin(dim=(1, 2, 3), keepdim=True)
    sigma = noise_level * spread
    total = torch.zeros_like(X)
    for sample in noise:
        images = (X + sigma * sample).requires_grad_()
        scores = model(images)
        score = scores.gather(1, y.view(-1, 1)).sum()
        (gradient,) = torch.autograd.grad(score, images)
        total += gradient
    average = total / num_samples
    model.train(was_training)
    return average
    ### END SOLUTION


@smooth_grad.mistake(
    "You left sigma on the graph, so that its own dependence on the picture was differentiated, "
    "too. Compute the range from `X.detach()`, or mark the noisy picture, not X."
)
def differentiates_sigma(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    total = torch.zeros_like(X)
    for sample in noise:
        sigma = noise_level * (X.amax((1, 2, 3), True) - X.amin((1, 2, 3), True))
        score = model.score(X + sigma * sample, y).sum()
        total = total + torch.autograd.grad(score, X)[0]
    model.train(was_training)
    return (total / num_samples).detach()


@smooth_grad.mistake(
    "The gradient piles up on the caller's `X.grad`: a second call adds to the first. Use "
    "`torch.autograd.grad`, or a fresh copy of X."
)
def accumulates(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    X.requires_grad_()
    sigma = noise_level * (X.amax((1, 2, 3), True) - X.amin((1, 2, 3), True)).detach()
    for sample in noise:
        model.score(X + sigma * sample, y).sum().backward()
    model.train(was_training)
    return X.grad / num_samples


@smooth_grad.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def pollutes_parameters(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    sigma = noise_level * (X.amax((1, 2, 3), True) - X.amin((1, 2, 3), True)).detach()
    for sample in noise:
        model.score(X + sigma * sample, y).sum().backward()
    model.train(was_training)
    return X.grad / num_samples


@smooth_grad.mistake(
    "You added the noise to the caller's X in place, and took it away again: rounding leaves X "
    "changed. Work on a copy."
)
def adds_and_subtracts_in_place(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    pixels = X.detach()
    sigma = noise_level * (pixels.amax((1, 2, 3), True) - pixels.amin((1, 2, 3), True))
    total = torch.zeros_like(pixels)
    for sample in noise:
        pixels += sigma * sample
        images = pixels.clone().requires_grad_()
        total += torch.autograd.grad(model.score(images, y).sum(), images)[0]
        pixels -= sigma * sample
    model.train(was_training)
    return total / num_samples


@smooth_grad.variant
def all_copies_at_once(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    low, high = X.detach().flatten(1).aminmax(dim=1)
    copies = X.detach() + noise_level * (high - low).view(-1, 1, 1, 1) * noise
    copies = copies.flatten(0, 1).requires_grad_()
    (gradients,) = torch.autograd.grad(model.score(copies, y.repeat(num_samples)).sum(), copies)
    model.train(was_training)
    return gradients.view(num_samples, *X.shape).mean(dim=0)


@smooth_grad.variant
def explicit_backward(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    gradients = []
    for k in range(num_samples):
        sigma = noise_level * torch.stack([image.max() - image.min() for image in X.detach()])
        scores, cache = model.forward(X.detach() + sigma[:, None, None, None] * noise[k])
        one_hot = torch.nn.functional.one_hot(y, scores.shape[1]).to(scores)
        gradients.append(model.backward(one_hot, cache)[0])
    return torch.stack(gradients).mean(0)


@smooth_grad.variant
def one_image_after_the_other(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    result = torch.zeros(X.shape, dtype=X.dtype)
    for i in range(X.shape[0]):
        image = X[i].detach()
        for k in range(num_samples):
            noisy = image + noise_level * (image.max() - image.min()) * noise[k, i]
            noisy = noisy.unsqueeze(0).requires_grad_(True)
            (gradient,) = torch.autograd.grad(model(noisy)[0, y[i]], noisy)
            result[i] += gradient[0] / num_samples
    model.train(was_training)
    return result


@smooth_grad.variant
def gradient_of_the_mean_score(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    """The mean of the gradients is the gradient of the mean."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    X = X.detach().clone().requires_grad_()
    sigma = noise_level * (X.amax((1, 2, 3), True) - X.amin((1, 2, 3), True)).detach()
    score = sum(model.score(X + sigma * sample, y).sum() for sample in noise) / num_samples
    (gradient,) = torch.autograd.grad(score, X)
    model.train(was_training)
    return gradient


@smooth_grad.variant
def functional(X, y, model, num_samples=50, noise_level=0.15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_samples, *X.shape, generator=generator, dtype=X.dtype)
    was_training = model.training
    model.eval()
    X = X.detach()
    sigma = noise_level * (X.amax((1, 2, 3), True) - X.amin((1, 2, 3), True))
    gradient = torch.func.grad(lambda images: model.score(images, y).sum())
    average = torch.zeros_like(X)
    for k, sample in enumerate(noise, start=1):
        average += (gradient(X + sigma * sample).detach() - average) / k
    model.train(was_training)
    return average


def draw_integrated_gradients_examples(generator):
    """A baseline of their own for each of five images, one of which equals it; one for all."""
    network, other = draw_network(generator), draw_network(generator, gain=GAIN)
    five, one = draw_images(generator), draw_images(generator, count=1)
    own = draw_images(generator)
    own[2] = five[2]
    used = draw_used_images(generator)
    grey = draw_images(generator, count=1)

    def example(name, rung, model, X, baseline, num_steps):
        pixels = getattr(X, "pixels", X)
        y = draw_unpredicted_labels(model.changed(training=False), pixels, generator)
        arguments = {"X": X, "y": y, "model": model}
        return Example(name, rung, {**arguments, "baseline": baseline, "num_steps": num_steps})

    trained = network.changed(training=True)
    return [
        example("5 images, each with its own baseline", "values", network, five, own, 7),
        example("one baseline for 5 images", "values", other, five, grey, 4),
        example("a single image", "one image", network, one, grey, 6),
        example("a network in train mode", "repeatable", trained, five, own, 3),
        example("trainable parameters", "repeatable", network.changed(frozen=False), five, own, 2),
        example("an X that already holds a gradient", "repeatable", network, used, own, 3),
        example("a baseline that holds a gradient", "repeatable", network, five, used, 3),
        example("a single step", "repeatable", network, five, own, 1),
    ]


START = "baseline = baseline.detach()"
PATH = "path = X.detach() - baseline"
STEPS = "for step in range(num_steps):"
FRACTION = "fraction = (step + 0.5) / num_steps"
POINT = "images = (baseline + fraction * path).requires_grad_()"
ATTRIBUTIONS = "attributions = path * total / num_steps"
ONE_POINT_TOO_MANY = (
    "You added the slopes at `num_steps + 1` points, both ends included, and divided by "
    "`num_steps`. The midpoint rule takes `num_steps` points, (k + 1/2) / num_steps."
)
BASELINE_IGNORED = (
    "The baseline has no effect on your result: the path starts at `baseline`, not at black."
)
SCALED_INPUT = (
    "Your points are the image scaled down, a path from black. They should run from the baseline: "
    "`baseline + fraction * (X - baseline)`."
)


@exercise(
    points=6,
    minutes=25,
    examples=draw_integrated_gradients_examples,
    expected=(
        "For the photograph `dog`, its own class (German shepherd, 235), a black baseline and "
        "`num_steps=20`, the attributions add up to about 8.0. The scores differ by 12.13: on this "
        "network 20 steps are too few."
    ),
    hints=(
        "A definite integral becomes a sum: the gradients at `num_steps` points of the straight "
        "line from the baseline to the image, averaged, times what the image differs from the "
        "baseline.",
        "The points are `baseline + fraction * (X - baseline)`, where fraction is the middle of "
        "each of `num_steps` equal pieces of [0, 1]: for 4 steps 0.125, 0.375, 0.625, 0.875.",
        "In eval mode, for each step: make the point, detached and marked, compute the scores, sum "
        "those of class y, `torch.autograd.grad` with respect to the point, add up. At the end "
        "multiply by `X.detach() - baseline` and divide by `num_steps`.",
    ),
    combine=(SCORE, ATTRIBUTIONS),
    mistakes=(
        *SCORE_MISTAKES,
        Edit("no_factor",
             "You left out the factor (X - baseline): this is an averaged gradient, and does not "
             "add up to the difference of the scores.",
             {ATTRIBUTIONS: "attributions = total / num_steps"}),
        Edit("times_the_image",
             "You multiplied by X. Multiply by what it differs from the baseline, X - baseline.",
             {ATTRIBUTIONS: "attributions = X.detach() * total / num_steps"}),
        Edit("times_the_baseline", "You multiplied by the baseline; multiply by X - baseline.",
             {ATTRIBUTIONS: "attributions = baseline * total / num_steps"}),
        Edit("times_the_distance",
             "You multiplied by the absolute difference. Keep the sign of X - baseline.",
             {ATTRIBUTIONS: "attributions = path.abs() * total / num_steps"}),
        Edit("path_turned_round",
             "You multiplied by baseline - X. The integral runs from the baseline to the image: "
             "multiply by X - baseline.",
             {ATTRIBUTIONS: "attributions = -path * total / num_steps"}),
        Edit("sum_of_the_steps", "You summed the gradients; divide by `num_steps`.",
             {ATTRIBUTIONS: "attributions = path * total"}),
        Edit("divided_by_one_more", "You divided by `num_steps + 1`; divide by `num_steps`.",
             {ATTRIBUTIONS: "attributions = path * total / (num_steps + 1)"}),
        Edit("divided_by_one_less", "You divided by `num_steps - 1`; divide by `num_steps`.",
             {ATTRIBUTIONS: "attributions = path * total / max(num_steps - 1, 1)"}),
        Edit("forced_to_add_up",
             "You rescaled the result so that it adds up to the difference of the scores. Return "
             "the sum as it is: how far it misses tells whether the steps were enough.",
             {ATTRIBUTIONS: ATTRIBUTIONS + "\n    with torch.no_grad():\n"
              "        gain = model.score(X, y) - model.score(baseline.expand_as(X), y)\n"
              "    share = gain / attributions.sum((1, 2, 3))\n"
              "    attributions = attributions * share.nan_to_num().view(-1, 1, 1, 1)"}),
        Edit("left_riemann_sum",
             "You took the left end of each piece. The midpoint rule takes its middle, "
             "(k + 1/2) / num_steps: far more exact at the same cost.",
             {FRACTION: "fraction = step / num_steps"}),
        Edit("right_riemann_sum",
             "You took the right end of each piece. The midpoint rule takes its middle, "
             "(k + 1/2) / num_steps: far more exact at the same cost.",
             {FRACTION: "fraction = (step + 1) / num_steps"}),
        Edit("both_ends_included",
             "Your points run from 0 to 1 with both ends (`linspace`). The midpoint rule takes the "
             "middle of each piece, (k + 1/2) / num_steps.",
             {FRACTION: "fraction = step / max(num_steps - 1, 1)"}),
        Edit("middle_off_by_a_step",
             "Your points are half a step too far: for k from 0 they are (k + 1/2) / num_steps, "
             "for k from 1 (k - 1/2) / num_steps.",
             {FRACTION: "fraction = (step + 1.5) / num_steps"}),
        Edit("middle_before_the_start",
             "Your points are a step too early: for k from 0 they are (k + 1/2) / num_steps, for k "
             "from 1 (k - 1/2) / num_steps.",
             {FRACTION: "fraction = (step - 0.5) / num_steps"}),
        Edit("inner_points",
             "Your points are k / (num_steps + 1). The midpoint rule takes (k + 1/2) / num_steps "
             "for k from 0.",
             {FRACTION: "fraction = (step + 1) / (num_steps + 1)"}),
        Edit("gradient_at_the_image",
             "All your gradients are taken at the image: gradient times difference. Go along the "
             "path from the baseline.",
             {FRACTION: "fraction = 1.0"}),
        Edit("gradient_at_the_baseline",
             "All your gradients are taken at the baseline. Go along the path to the image.",
             {FRACTION: "fraction = 0.0"}),
        Edit("gradient_halfway",
             "All your gradients are taken halfway. Go along the path from the baseline to the "
             "image, `num_steps` points of it.",
             {FRACTION: "fraction = 0.5"}),
        Edit("random_points",
             "You drew the points at random. The midpoint rule takes fixed ones, "
             "(k + 1/2) / num_steps.",
             {FRACTION: "fraction = float(torch.rand(()))"}),
        Edit("one_point_too_many", ONE_POINT_TOO_MANY,
             {STEPS: "for step in range(num_steps + 1):",
              FRACTION: "fraction = step / num_steps"}),
        Edit("one_midpoint_too_many",
             "Your loop makes one step too many, beyond the image.",
             {STEPS: "for step in range(num_steps + 1):"}),
        Edit("mean_of_one_more",
             "You averaged over `num_steps + 1` points with both ends. The midpoint rule takes "
             "`num_steps` points, (k + 1/2) / num_steps.",
             {STEPS: "for step in range(num_steps + 1):",
              FRACTION: "fraction = step / num_steps",
              ATTRIBUTIONS: "attributions = path * total / (num_steps + 1)"}),
        Edit("trapezoidal_rule",
             "You used the trapezoidal rule, both ends with half the weight. The midpoint rule is "
             "asked for: (k + 1/2) / num_steps.",
             {STEPS: "for step in range(num_steps + 1):",
              FRACTION: "fraction = step / num_steps",
              TOTAL: "total += gradient * (0.5 if step in (0, num_steps) else 1)"}),
        Edit("gauss_legendre",
             "You used Gauss-Legendre points and weights, a good rule, but not the one asked: "
             "the midpoint rule, (k + 1/2) / num_steps, all with the same weight.",
             {FRACTION: "import numpy\n        rule = numpy.polynomial.legendre.leggauss(num_steps)"
              "\n        fraction = (rule[0][step] + 1) / 2",
              TOTAL: "total += gradient * rule[1][step] / 2 * num_steps"}),
        Edit("first_step_left_out", "You left out the first point, but divided by all.",
             {STEPS: "for step in range(1, num_steps):"}),
        Edit("last_step_left_out", "You left out the last point, but divided by all.",
             {STEPS: "for step in range(num_steps - 1):"}),
        Edit("steps_hard_coded", "`num_steps` has no effect: you always take 50 steps.",
             {START: "num_steps = 50\n    " + START}),
        Edit("baseline_ignored", BASELINE_IGNORED, {START: "baseline = torch.zeros_like(X)"}),
        Edit("mean_for_baseline",
             "Your baseline is the mean that the model subtracts: zero in normalised values. Use "
             "the `baseline` that was given, in pixels.",
             {START: "baseline = model.mean.expand_as(X)"}),
        Edit("white_baseline", "Your baseline is white, whatever `baseline` says.",
             {START: "baseline = torch.ones_like(X)"}),
        Edit("normalised_baseline",
             "You normalised the baseline but not the image. Both are pixels in [0, 1]; the model "
             "normalises them.",
             {START: "baseline = (baseline.detach() - model.mean) / model.std"}),
        Edit("baseline_of_the_first_image",
             "You used the first image's baseline for all images.",
             {START: "baseline = baseline.detach()[:1]"}),
        Edit("scaled_image", SCALED_INPUT,
             {POINT: "images = (fraction * X.detach()).requires_grad_()"}),
        Edit("scaled_difference",
             "Your points are `fraction * (X - baseline)`: add the baseline, the path's start.",
             {POINT: "images = (fraction * path).requires_grad_()"}),
        Edit("baseline_plus_scaled_image",
             "Your points are `baseline + fraction * X`, which ends beyond the image. The path is "
             "`baseline + fraction * (X - baseline)`.",
             {POINT: "images = (baseline + fraction * X.detach()).requires_grad_()"}),
        Edit("path_beyond_the_image",
             "Your path starts at the image and leads away from the baseline: "
             "`baseline + fraction * (X - baseline)`.",
             {POINT: "images = (X.detach() + fraction * path).requires_grad_()"}),
        Edit("points_rounded",
             "You rounded the points to 8 bits. Leave them as they are: rounding moves gradients.",
             {POINT: "images = ((baseline + fraction * path).mul(255).round() / 255)"
              ".requires_grad_()"}),
        Edit("averaged_over_the_batch",
             "You averaged over the images, too. Each image has its own result.",
             {ATTRIBUTIONS: "attributions = path * total.mean(0, True) / num_steps"}),
        *care_mistakes("attributions"),
    ),
)  # fmt: skip
def integrated_gradients(X, y, model, baseline, num_steps=50):
    """What each colour value adds to the class score on the way from a baseline.

    Sundararajan et al. 2017, section 3. Go along the straight line from the
    baseline to the image. The attribution of a colour value is the average
    gradient of the class score on this way, times the value's difference
    between image and baseline. All attributions of an image add up to
    score(X) - score(baseline), as far as the steps are fine enough.

    The average is taken by the midpoint rule: cut the way into `num_steps`
    equal pieces and take the gradient in the middle of each, at the fractions
    (k + 1/2) / num_steps for k = 0, ..., num_steps - 1, all with the same
    weight.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is:
            its values, its requires_grad and its grad.
        y: class of each image, an int64 tensor (N,); the score is that of
            class y (unnormalised: before any softmax).
        model: PretrainedCNN. Compute in eval mode, whatever mode it comes
            in; give it back in that mode, with no gradients left in its
            parameters.
        baseline: images in [0, 1], a tensor (N, 3, H, W), or (1, 3, H, W) for
            one that serves all. Leave it as it is, too.
        num_steps: number of pieces, 1 or more.

    Returns:
        Attributions with their signs, neither rescaled nor reduced over the
        colours, not on the autograd graph: a tensor (N, 3, H, W).
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    baseline = baseline.detach()
    path = X.detach() - baseline
    total = torch.zeros_like(path)
    for step in range(num_steps):
        fraction = (step + 0.5) / num_steps
        images = (baseline + fraction * path).requires_grad_()
        scores = model(images)
        score = scores.gather(1, y.view(-1, 1)).sum()
        (gradient,) = torch.autograd.grad(score, images)
        total += gradient
    attributions = path * total / num_steps
    model.train(was_training)
    return attributions
    ### END SOLUTION


@integrated_gradients.mistake(
    "You differentiated with respect to X, so each gradient carries the factor `fraction` from the "
    "path. Mark the point on the path and differentiate with respect to it."
)
def differentiates_the_path(X, y, model, baseline, num_steps=50):
    was_training = model.training
    model.eval()
    baseline = baseline.detach()
    X = X.detach().clone().requires_grad_()
    total = torch.zeros_like(X)
    for step in range(num_steps):
        point = baseline + (step + 0.5) / num_steps * (X - baseline)
        total = total + torch.autograd.grad(model.score(point, y).sum(), X)[0]
    model.train(was_training)
    return ((X - baseline) * total / num_steps).detach()


@integrated_gradients.mistake(
    "`.backward()` also filled the gradients of the model's parameters. Ask "
    "`torch.autograd.grad` for the gradient of the image alone."
)
def fills_parameters(X, y, model, baseline, num_steps=50):
    was_training = model.training
    model.eval()
    path = (X - baseline).detach()
    total = torch.zeros_like(path)
    for step in range(num_steps):
        point = (baseline.detach() + (step + 0.5) / num_steps * path).requires_grad_()
        model.score(point, y).sum().backward()
        total += point.grad
    model.train(was_training)
    return path * total / num_steps


@integrated_gradients.mistake(
    "Your result still hangs on the autograd graph when X requires grad: use `X.detach()`."
)
def undetached(X, y, model, baseline, num_steps=50):
    was_training = model.training
    model.eval()
    total = torch.zeros_like(X)
    for step in range(num_steps):
        point = baseline + (step + 0.5) / num_steps * (X - baseline)
        point = point.detach().requires_grad_()
        total += torch.autograd.grad(model.score(point, y).sum(), point)[0]
    model.train(was_training)
    return (X - baseline) * total / num_steps


@integrated_gradients.variant
def all_points_at_once(X, y, model, baseline, num_steps=50):
    was_training = model.training
    model.eval()
    start, end = baseline.detach().expand_as(X), X.detach()
    fractions = (torch.arange(num_steps, dtype=X.dtype) + 0.5) / num_steps
    points = torch.lerp(start, end, fractions.view(-1, 1, 1, 1, 1)).flatten(0, 1)
    points.requires_grad_()
    (gradients,) = torch.autograd.grad(model.score(points, y.repeat(num_steps)).sum(), points)
    model.train(was_training)
    return (end - start) * gradients.view(num_steps, *X.shape).mean(0)


@integrated_gradients.variant
def explicit_backward_along_the_path(X, y, model, baseline, num_steps=50):
    path = (X - baseline).detach()
    attributions = torch.zeros_like(path)
    for fraction in torch.linspace(0, 1, 2 * num_steps + 1, dtype=X.dtype)[1::2]:
        scores, cache = model.forward(baseline.detach() + fraction * path)
        upstream = torch.nn.functional.one_hot(y, scores.shape[1]).to(scores)
        attributions += model.backward(upstream, cache)[0] * path / num_steps
    return attributions


@integrated_gradients.variant
def from_the_image_back(X, y, model, baseline, num_steps=50):
    """The midpoints are the same, whichever end one starts from."""
    was_training = model.training
    model.eval()
    gradient = torch.func.grad(lambda images: model.score(images, y).sum())
    away = baseline.detach() - X.detach()
    points = [X.detach() + (k - 0.5) / num_steps * away for k in range(1, num_steps + 1)]
    average = sum(gradient(point).detach() for point in points) / num_steps
    model.train(was_training)
    return -away * average


@integrated_gradients.variant
def slope_of_the_score_along_the_path(X, y, model, baseline, num_steps=50):
    was_training = model.training
    model.eval()
    result = torch.zeros(X.shape, dtype=X.dtype)
    for i in range(len(X)):
        start = baseline[i if len(baseline) > 1 else 0].detach()
        path = X[i].detach() - start
        for k in range(num_steps):
            factors = torch.full_like(path, (k + 0.5) / num_steps).requires_grad_()
            score = model((start + factors * path)[None])[0, y[i]]
            result[i] += torch.autograd.grad(score, factors)[0] / num_steps
    model.train(was_training)
    return result


def draw_rank_correlation_examples(generator):
    """Maps with many equal values, one of them constant; with colours; on the autograd graph."""

    def pair(*shape):
        one = torch.randn(shape, generator=generator, dtype=torch.float64)
        other = one**3 + 1.5 * draw_like(one, generator)
        return one, other

    with_ties = [(2 * m).round() / 2 for m in pair(5, 6, 7)]
    with_ties[1][1] = -with_ties[1][1]
    with_ties[1][3] = 0.5
    one, other = pair(5, 3, 6, 7)
    single = [m.round() for m in pair(1, 6, 7)]
    used = ProbeImages(one, draw_like(one, generator))

    def example(name, rung, one, other):
        return Example(name, rung, {"one": one, "other": other})

    return [
        example("5 maps with equal values, one constant", "values", *with_ties),
        example("5 maps with colours", "values", one, other),
        example("a single map", "one image", *single),
        example("a map that holds a gradient", "repeatable", used, other),
    ]


RANKS = "return (count.cumsum(0) - (count - 1) / 2)[place].double()"
PAIRS = "zip(one.detach().flatten(1), other.detach().flatten(1), strict=True)"
CENTRED = "a, b = a - a.mean(), b - b.mean()"
LENGTH = "length = a.norm() * b.norm()"
QUOTIENT = "correlations.append(a @ b / length if length > 0 else length)"
TIES = (
    "Equal values got different ranks, by where they stand. Give all of them the mean of the ranks "
    "that they take up together."
)


@exercise(
    points=3,
    minutes=15,
    examples=draw_rank_correlation_examples,
    expected=(
        "`rank_correlation(torch.tensor([[1., 2, 2, 9]]), torch.tensor([[0., 5, 3, 8]]))` is "
        "about 0.949: the ranks are 1, 2.5, 2.5, 4 and 1, 3, 2, 4."
    ),
    hints=(
        "Two steps for each image: turn the values of both maps into ranks, then take the ordinary "
        "correlation of the ranks.",
        "`values.argsort()` says which value comes first, not which place a value takes, and it "
        "knows nothing of equal values. `values.unique(return_inverse=True, return_counts=True)` "
        "gives both: where each value stands among the different ones, and how often it occurs.",
        "`last = counts.cumsum(0)` is the last rank that each different value takes up, and "
        "`last - (counts - 1) / 2` the mean of its ranks. Then centre both, and divide their "
        "product by the product of their lengths, if that is not 0.",
    ),
    combine=(RANKS, QUOTIENT),
    mistakes=(
        Edit("pearson",
             "You correlated the values themselves (Pearson). Turn them into ranks first: a few "
             "huge values then count no more than the others.",
             {RANKS: "return values.double()"}),
        Edit("argsort_once",
             "`argsort` gives the order, not the ranks: which value comes first, not which place a "
             "value takes. (Twice would give ranks, but not those of equal values.)",
             {RANKS: "return values.argsort().double()"}),
        Edit("ties_by_place", TIES, {RANKS: "return values.argsort().argsort().double()"}),
        Edit("ties_by_place_descending", TIES,
             {RANKS: "return -values.argsort(descending=True).argsort().double()"}),
        Edit("places_among_different_values",
             "You numbered the different values. A value that occurs five times takes up five "
             "ranks.",
             {RANKS: "return place.double()"}),
        Edit("lowest_rank_of_ties",
             "Equal values got the lowest of the ranks that they take up; give them the mean.",
             {RANKS: "return (count.cumsum(0) - count)[place].double()"}),
        Edit("highest_rank_of_ties",
             "Equal values got the highest of the ranks that they take up; give them the mean.",
             {RANKS: "return count.cumsum(0)[place].double()"}),
        Edit("ranks_of_magnitudes",
             "You ranked the magnitudes. Rank the values as they are, with their signs.",
             {"values.unique(": "values.abs().unique("}),
        Edit("not_centred",
             "You did not subtract the mean rank, so that everything looks alike.",
             {CENTRED: "pass"}),
        Edit("one_not_normalised",
             "You divided by the length of one of the two only; divide by both.",
             {LENGTH: "length = a.norm() ** 2"}),
        Edit("covariance",
             "This is a covariance: divide by the lengths of both, so that the result lies in "
             "[-1, 1].",
             {LENGTH: "length = torch.tensor(float(len(a)))"}),
        Edit("mixed_deviations",
             "You divided a mean over n by deviations over n - 1. Use one of the two throughout, "
             "or the lengths.",
             {LENGTH: "length = len(a) * a.std() * b.std()"}),
        Edit("not_a_number",
             "Where a map is constant you divided 0 by 0 (NaN). Return 0 there.",
             {QUOTIENT: "correlations.append(a @ b / length)"}),
        Edit("one_where_constant",
             "You return 1 where a map is constant. A constant map says nothing: return 0.",
             {QUOTIENT: "correlations.append(a @ b / length if length > 0 else length + 1)"}),
        Edit("squared", "You squared the correlation; its sign is wanted.",
             {QUOTIENT: "correlations.append((a @ b / length) ** 2 if length > 0 else length)"}),
        Edit("absolute_value",
             "You took the absolute value. A map that is the other one turned round has -1.",
             {QUOTIENT: "correlations.append((a @ b / length).abs() if length > 0 else length)"}),
        Edit("distance", "You returned 1 minus the correlation; return the correlation.",
             {QUOTIENT: "correlations.append(1 - a @ b / length if length > 0 else length)"}),
        Edit("squared_rank_differences",
             "You used 1 - 6 sum(d^2) / (n (n^2 - 1)), which holds only where all values differ. "
             "Correlate the ranks.",
             {QUOTIENT: "n = len(a)\n        d = ((a - b) ** 2).sum()\n"
              "        correlations.append(1 - 6 * d / (n * (n**2 - 1)))"}),
        Edit("channel_means",
             "You averaged the colours first. Rank all values of an image together.",
             {PAIRS: "zip(*((m.detach().mean(1) if m.dim() == 4 else m.detach()).flatten(1) "
              "for m in (one, other)), strict=True)"}),
        Edit("first_channel_only", "You used the first colour only. Rank all values of an image.",
             {PAIRS: "zip(*((m.detach()[:, 0] if m.dim() == 4 else m.detach()).flatten(1) "
              "for m in (one, other)), strict=True)"}),
        Edit("ranked_over_the_batch",
             "You correlated all images at once, so that all get the same number. Each image has "
             "its own.",
             {PAIRS: "[(one.detach().flatten(), other.detach().flatten())] * len(one)"}),
        Edit("one_number",
             "You return one number for the whole batch. Each image has its own.",
             {PAIRS: "[(one.detach().flatten(), other.detach().flatten())]",
              "torch.stack(correlations)": "correlations[0]"}),
        Edit("mean_over_the_batch", "You averaged over the images. Return one number for each.",
             {"torch.stack(correlations)": "torch.stack(correlations).mean()"}),
        Edit("matrix",
             "You return a table of correlations, as `corrcoef` makes it; wanted is one number for "
             "each image, from off its diagonal.",
             {"torch.stack(correlations)":
              "torch.stack([torch.stack([r.new_ones(()), r]) for r in correlations])"}),
        Edit("list_of_numbers", "Return one tensor (N,), not a list.",
             {"torch.stack(correlations)": "[float(r) for r in correlations]"}),
        Edit("as_numpy", "Return a torch tensor, not a numpy array.",
             {"torch.stack(correlations)": "torch.stack(correlations).numpy()"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the correlations.",
             {"return torch.stack(correlations)": "torch.stack(correlations)"}),
    ),
)  # fmt: skip
def rank_correlation(one, other):
    """How much alike two maps rank the places of an image: Spearman's correlation.

    For each image, number the values of each map from the smallest (rank 1)
    to the largest; equal values all get the mean of the ranks that they take
    up. All values of an image are ranked together, also those of different
    colours, and with their signs. The result is the ordinary (Pearson)
    correlation of the two lists of ranks; 0 where a map is constant.

    Args:
        one, other: maps of the same N images, two float tensors of one shape
            (N, H, W) or (N, 3, H, W). Leave them as they are.

    Returns:
        Correlations in [-1, 1], one for each image, not on the autograd
        graph: a tensor (N,).
    """

    ### BEGIN SOLUTION
    def ranks(values):
        _, place, count = values.unique(return_inverse=True, return_counts=True)
        return (count.cumsum(0) - (count - 1) / 2)[place].double()

    correlations = []
    for first, second in zip(one.detach().flatten(1), other.detach().flatten(1), strict=True):
        a, b = ranks(first), ranks(second)
        a, b = a - a.mean(), b - b.mean()
        length = a.norm() * b.norm()
        correlations.append(a @ b / length if length > 0 else length)
    return torch.stack(correlations)
    ### END SOLUTION


@rank_correlation.mistake(
    "You counted pairs in the same order (Kendall's tau). Spearman's correlation is that of the "
    "ranks."
)
def kendall(one, other):
    def order(values):
        return (values[:, None] - values[None]).sign().flatten()

    rows = zip(one.detach().flatten(1), other.detach().flatten(1), strict=True)
    pairs = [(order(a), order(b)) for a, b in rows]
    return torch.stack([a @ b / (a.norm() * b.norm()).clamp(min=1e-9) for a, b in pairs])


@rank_correlation.variant
def by_scipy(one, other):
    from scipy.stats import rankdata

    a, b = (torch.from_numpy(rankdata(m.detach().flatten(1), axis=1)) for m in (one, other))
    pairs = torch.stack([a, b], dim=1)
    return torch.stack([torch.corrcoef(pair)[0, 1] for pair in pairs]).nan_to_num(0)


@rank_correlation.variant
def by_counting(one, other):
    def ranks(values):
        smaller = (values[:, None, :] < values[:, :, None]).sum(-1)
        equal = (values[:, None, :] == values[:, :, None]).sum(-1)
        return smaller + (equal + 1) / 2

    a, b = ranks(one.detach().flatten(1)), ranks(other.detach().flatten(1))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return torch.nan_to_num((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)))


@rank_correlation.variant
def zero_based_ranks_and_deviations(one, other):
    result = torch.zeros(len(one))
    for i in range(one.shape[0]):
        lists = []
        for values in (one[i].detach().reshape(-1), other[i].detach().reshape(-1)):
            ordered, order = values.sort()
            ranks = torch.zeros(len(values), dtype=torch.float64)
            for value in ordered.unique():
                ranks[values == value] = (ordered == value).nonzero().double().mean()
            lists.append(ranks)
        a, b = lists
        if a.std() > 0 and b.std() > 0:
            result[i] = ((a - a.mean()) * (b - b.mean())).sum() / (len(a) - 1) / (a.std() * b.std())
    return result


def draw_randomization_examples(generator):
    """Maps with signs and without; an order of layers that is not the network's; edges."""
    network, other = draw_network(generator), draw_network(generator, gain=GAIN)
    five, one = draw_images(generator), draw_images(generator, count=1)
    used = draw_used_images(generator)
    downwards = ["classifier", "conv2", "bn1", "conv1"]

    def example(name, rung, model, X, kind, layers, seed):
        pixels = getattr(X, "pixels", X)
        y = draw_unpredicted_labels(model.changed(training=False), pixels, generator)
        arguments = {"X": X, "y": y, "model": model, "attribute": ProbeAttribution(kind)}
        return Example(name, rung, {**arguments, "layers": layers, "seed": seed})

    def repeated(name, model, X):
        return example(name, "repeatable", model, X, "waves", ["classifier", "conv1"], 2)

    return [
        example("signed maps and 4 layers", "values", network, five, "waves", downwards, 3),
        example("layers in another order, one without parameters", "values", other, five,
                "wave heights", ["conv2", "tanh1", "classifier"], 7),
        example("an edge detector", "values", network, five, "edges", ["classifier", "conv2"], 1),
        example("a single image", "one image", network, one, "wave heights", downwards[:3], 5),
        repeated("a network in train mode", network.changed(training=True), five),
        repeated("trainable parameters", network.changed(frozen=False), five),
        repeated("an X that already holds a gradient", network, used),
    ]  # fmt: skip


TRAINED = "trained = attribute(X, y, model)"
COPY = "randomized = deepcopy(model)"
LAYERS = "for name in layers:"
PARAMETERS = "for parameter in randomized.network.get_submodule(name).parameters():"
NOISE = "noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)"
DRAW = "parameter.copy_(parameter.mean() + parameter.std() * noise.to(parameter))"
MAPS = "maps = attribute(X, y, randomized)"
COMPARE = "correlations.append(rank_correlation(trained, maps))"
STACK = "return torch.stack(correlations)"


@exercise(
    points=6,
    minutes=25,
    examples=draw_randomization_examples,
    expected=(
        "For the photograph `dog`, its own class, `attribute=gradient_map` (from the cell above), "
        'the layers `["classifier", "blocks.6.0", "blocks.5.0"]` and `seed=0`, the correlations '
        "are about 0.57, 0.41 and 0.34."
    ),
    hints=(
        "The caller's model must stay as it is, so what you spoil is a copy: `deepcopy(model)`. "
        "The map of the trained network is taken once, before the loop.",
        "One loop over `layers`, inside it one over "
        "`randomized.network.get_submodule(name).parameters()`. Change a parameter in place, under "
        "`torch.no_grad()`: `parameter.copy_(...)`. The copy is made once, so layers that were "
        "spoilt stay so.",
        "For each parameter `parameter.mean() + parameter.std() * torch.randn(parameter.shape, "
        "generator=generator, dtype=parameter.dtype)`; after each layer "
        "`rank_correlation(trained, attribute(X, y, randomized))`; stack the results.",
    ),
    combine=(DRAW, COMPARE),
    mistakes=(
        Edit("spoils_the_model",
             "You randomised the caller's model. Make a copy first: `deepcopy(model)`.",
             {COPY: "randomized = model"}),
        Edit("another_copy_for_each_layer",
             "You randomised each layer alone, in a fresh copy. The test cascades: layers that "
             "were randomised stay so.",
             {LAYERS: LAYERS + "\n        randomized = deepcopy(model)"}),
        Edit("upside_down", "You went through `layers` from the last to the first.",
             {LAYERS: "for name in list(layers)[::-1]:"}),
        Edit("in_the_networks_order",
             "You took the layers in the network's order. Take them in the order of `layers`.",
             {LAYERS: "for name in [n for n in model.layers if n in layers]:"}),
        Edit("from_the_networks_top",
             "You took the layers from the network's top down. Take them in the order of `layers`.",
             {LAYERS: "for name in [n for n in model.layers[::-1] if n in layers]:"}),
        Edit("whole_network_at_once",
             "You randomised the whole network at once. Take the layers of `layers`, one after the "
             "other.",
             {PARAMETERS: "for parameter in randomized.parameters():"}),
        Edit("all_layers_at_once",
             "You randomised all the layers before you looked at the first map. Compare after "
             "each.",
             {LAYERS: "for name in layers:\n        if name != layers[0]:\n"
              "            correlations.append(correlations[0])\n            continue",
              PARAMETERS: "for parameter in [p for n in layers for p in "
              "randomized.network.get_submodule(n).parameters()]:"}),
        Edit("weights_only",
             "You randomised the weights but not the biases: all parameters of a layer are meant.",
             {PARAMETERS: "for parameter in "
              "[randomized.network.get_submodule(name).weight] if name != 'tanh1' else []:"}),
        Edit("parameters_turned_round",
             "You drew for the parameters of a layer in another order than that of "
             "`.parameters()`.",
             {PARAMETERS: "for parameter in "
              "[*randomized.network.get_submodule(name).parameters()][::-1]:"}),
        Edit("mean_left_out",
             "You left out the mean: draw with the parameter's own mean and standard deviation.",
             {DRAW: "parameter.copy_(parameter.std() * noise)"}),
        Edit("deviation_left_out",
             "You left out the standard deviation: draw with the parameter's own mean and standard "
             "deviation.",
             {DRAW: "parameter.copy_(parameter.mean() + noise)"}),
        Edit("standard_normal",
             "You drew standard normal numbers: draw with the parameter's own mean and standard "
             "deviation.",
             {DRAW: "parameter.copy_(noise)"}),
        Edit("variance_for_deviation",
             "You multiplied by the variance; multiply by the standard deviation.",
             {DRAW: "parameter.copy_(parameter.mean() + parameter.var() * noise)"}),
        Edit("uncorrected_deviation",
             "You divided by n in the standard deviation. Use `parameter.std()` as it is (n - 1).",
             {DRAW: "parameter.copy_(parameter.mean() + parameter.std(correction=0) * noise)"}),
        Edit("noise_added",
             "You added noise to the trained parameter, which is still in it. Replace it.",
             {DRAW: "parameter.add_(parameter.std() * noise)"}),
        Edit("zeros", "You set the parameters to zero. Draw them at random.",
             {DRAW: "parameter.zero_()"}),
        Edit("constant", "You set each parameter to its mean. Draw around it.",
             {DRAW: "parameter.fill_(parameter.mean())"}),
        Edit("shuffled",
             "You shuffled the parameter's own values. Draw new ones from a normal distribution.",
             {DRAW: "order = torch.randperm(noise.numel(), generator=generator)\n"
              "                parameter.copy_(parameter.flatten()[order].view_as(noise))"}),
        Edit("not_randomised",
             "You compared the trained network's map with itself, or two maps of the same network: "
             "randomise the copy, and give the copy to `attribute`.",
             {DRAW: "parameter.detach().clone().copy_(noise)"}),
        Edit("own_generator",
             "You drew from torch's global generator: nobody can repeat it. Use `generator`.",
             {NOISE: "noise = torch.randn(parameter.shape, dtype=parameter.dtype)"}),
        Edit("seed_ignored", "You made a generator from a seed of your own. Use the one given.",
             {TRAINED: "generator = torch.Generator().manual_seed(0)\n    " + TRAINED}),
        Edit("generator_for_each_layer",
             "You set the seed anew for each layer, so that they get the same numbers. Draw on "
             "from one generator.",
             {LAYERS: LAYERS + "\n        generator = torch.Generator().manual_seed(seed)"}),
        Edit("generator_for_each_parameter",
             "You set the seed anew for each parameter, so that they get the same numbers. Draw "
             "on from one generator.",
             {NOISE: "generator = torch.Generator().manual_seed(seed)\n" + 16 * " " + NOISE}),
        Edit("drawn_in_another_precision",
             "You drew in another dtype than the parameter's: other numbers. Pass "
             "`dtype=parameter.dtype`.",
             {NOISE: "noise = torch.randn(parameter.shape, generator=generator)"}),
        Edit("uniform", "You drew uniformly; draw from a normal distribution.",
             {NOISE: "noise = torch.rand(parameter.shape, generator=generator, "
              "dtype=parameter.dtype)"}),
        Edit("network_initialisation",
             "You used the layer's own `reset_parameters`, which draws in another way. Draw with "
             "the parameter's mean and standard deviation, from `generator`.",
             {PARAMETERS: "part = randomized.network.get_submodule(name)\n            "
              "getattr(part, 'reset_parameters', lambda: None)()\n            "
              "for parameter in []:"}),
        Edit("compared_with_the_step_before",
             "You compared each map with the one before it. Compare with the trained network's.",
             {COMPARE: "correlations.append(rank_correlation(trained, maps))\n"
              "        trained = maps"}),
        Edit("labels_of_the_randomised_network",
             "You asked the randomised network for the class that it predicts. Ask for y.",
             {MAPS: "y = randomized(X.detach()).argmax(dim=1)\n        "
              "maps = attribute(X, y, randomized)"}),
        Edit("predicted_class",
             "You explained the class that the network predicts, not the class y that was given.",
             {TRAINED: "y = model.forward(X)[0].argmax(dim=1)\n    " + TRAINED}),
        Edit("magnitudes_compared",
             "You took absolute values before you compared. Compare the maps as `attribute` makes "
             "them.",
             {COMPARE: "correlations.append(rank_correlation(trained.abs(), maps.abs()))"}),
        Edit("pearson",
             "You correlated the values themselves (Pearson). Use `rank_correlation`.",
             {COMPARE: "correlations.append(torch.stack([torch.corrcoef(torch.stack([a.flatten(), "
              "b.flatten()]))[0, 1] for a, b in zip(trained.detach(), maps.detach(), strict=True)])"
              ")"}),
        Edit("distance", "You returned 1 minus the correlation; return the correlation.",
             {COMPARE: "correlations.append(1 - rank_correlation(trained, maps))"}),
        Edit("first_is_the_trained_one",
             "Your first row compares the trained network with itself. Start with the first layer "
             "randomised.",
             {"correlations = []": "correlations = [rank_correlation(trained, trained)]"}),
        Edit("compared_before_randomising",
             "You compare before you randomise, so that the rows are a layer late.",
             {LAYERS: "for i, name in enumerate(layers):",
              PARAMETERS: "for parameter in (randomized.network.get_submodule(layers[i - 1])"
              ".parameters() if i else []):"}),
        Edit("last_layer_only", "You return the last correlations only: one row for each layer.",
             {STACK: "return correlations[-1]"}),
        Edit("transposed",
             "Your table has a row for each image. It should have one for each layer: "
             "(layers, images).",
             {STACK: "return torch.stack(correlations, dim=1)"}),
        Edit("averaged_over_the_batch",
             "You averaged over the images. Return one number for each layer and image.",
             {STACK: "return torch.stack(correlations).mean(dim=1)"}),
        Edit("averaged_over_the_layers",
             "You averaged over the layers. Return one number for each layer and image.",
             {STACK: "return torch.stack(correlations).mean(dim=0)"}),
        Edit("list_of_tensors", "Return one tensor (layers, images), not a list.",
             {STACK: "return correlations"}),
        Edit("returns_nothing", "Nothing came back: the last line must `return` the correlations.",
             {STACK: "torch.stack(correlations)"}),
        Edit("outside_no_grad",
             "Autograd forbids to change a trainable parameter in place: do it under "
             "`torch.no_grad()`.",
             {"with torch.no_grad():": "with torch.enable_grad():"}),
    ),
)  # fmt: skip
def randomization_test(X, y, model, attribute, layers, seed=0):
    """Does a map depend on what the network has learnt?

    Randomise a copy of the network layer by layer, and after each layer
    compare the copy's map with that of the trained network. Adebayo et al.
    2018, section 3.1: "cascading", layers once randomised stay so.

    To randomise a layer is to replace each of its parameters, in the order of
    `randomized.network.get_submodule(name).parameters()`, where `randomized`
    is a copy of the model, by

        parameter.mean() + parameter.std() * noise

    with `noise = torch.randn(parameter.shape, generator=generator,
    dtype=parameter.dtype)`: normal numbers with that parameter's own mean and
    standard deviation, drawn layer by layer from the one generator given. A
    layer without parameters stays as it is, and so do the statistics of batch
    normalisation. Equal seeds draw equal numbers on every device: the generator
    is the CPU's, and `noise.to(parameter)` takes them where they are needed.

    Args:
        X: images, a float tensor (N, 3, H, W) in [0, 1]. Leave it as it is.
        y: class of each image, an int64 tensor (N,).
        model: PretrainedCNN. Leave it as it is, its parameters above all.
        attribute: function (X, y, model) that returns one map for each image,
            a tensor (N, ...), and leaves its arguments as they are.
        layers: names of layers, the first to be randomised first; usually
            from the network's top downwards.
        seed: of the draws; equal seeds give equal results.

    Returns:
        `rank_correlation` of the trained network's maps with those after each
        layer, not on the autograd graph: a tensor (len(layers), N).
    """
    generator = torch.Generator().manual_seed(seed)
    ### BEGIN SOLUTION
    trained = attribute(X, y, model)
    randomized = deepcopy(model)
    correlations = []
    for name in layers:
        with torch.no_grad():
            for parameter in randomized.network.get_submodule(name).parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
                parameter.copy_(parameter.mean() + parameter.std() * noise.to(parameter))
        maps = attribute(X, y, randomized)
        correlations.append(rank_correlation(trained, maps))
    return torch.stack(correlations)
    ### END SOLUTION


@randomization_test.variant
def drawn_in_place(X, y, model, attribute, layers, seed=0):
    generator = torch.Generator().manual_seed(seed)
    trained, randomized = attribute(X, y, model), deepcopy(model)
    result = torch.zeros(len(layers), len(X), dtype=X.dtype)
    for i, name in enumerate(layers):
        for parameter in randomized.network.get_submodule(name).parameters():
            mean, deviation = parameter.mean().item(), parameter.std().item()
            parameter.data.normal_(mean, deviation, generator=generator)
        result[i] = rank_correlation(trained, attribute(X, y, randomized))
    return result


@randomization_test.variant
def state_put_back(X, y, model, attribute, layers, seed=0):
    """In the model itself, which gets its parameters back at the end."""
    generator = torch.Generator().manual_seed(seed)
    trained = attribute(X, y, model)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    rows = []
    try:
        for layer in layers:
            for name, parameter in model.network.named_parameters():
                if name.startswith(f"{layer}."):
                    like = {"generator": generator, "dtype": parameter.dtype}
                    noise = torch.randn(parameter.shape, **like)
                    parameter.data = parameter.data.mean() + parameter.data.std() * noise
            rows.append(rank_correlation(attribute(X, y, model), trained))
    finally:
        for name, parameter in model.named_parameters():
            parameter.data = kept[name]
    return torch.stack(rows)


@randomization_test.variant
def weights_loaded(X, y, model, attribute, layers, seed=0):
    generator = torch.Generator().manual_seed(seed)
    trained, randomized = attribute(X, y, model), deepcopy(model)
    rows = []
    for layer in layers:
        part = randomized.network.get_submodule(layer)
        drawn = {
            name: torch.normal(
                value.mean().item(), value.std().item(), value.shape,
                generator=generator, dtype=value.dtype,
            )
            for name, value in part.named_parameters()
        }  # fmt: skip
        part.load_state_dict(drawn, strict=False)
        rows.append(rank_correlation(trained, attribute(X, y, randomized)))
    return torch.stack(rows, dim=0)


when_maps_agree = WrittenQuestion(
    name="when_maps_agree",
    points=2,
    answer=(
        "Not shown. A map that hardly changes when the network's top layers are randomised cannot "
        "depend on what these have learnt, so it cannot explain the diagnosis, however well it "
        "lies on the tumour. It may follow what every network would find there: edges, contrast. "
        "One would test it: randomise all layers, compare with an edge detector, ask for another "
        "diagnosis, cover the place and see whether the score falls."
    ),
    marking_scheme=(
        "1 point: the map does not depend on what the network learnt (in those layers), so its "
        "agreement with the radiologist says something of the picture, not of the network. "
        "1 point: a sensible further test (edge detector as a comparison, other class, covering "
        "the place, full randomisation)."
    ),
)
