"""Draw the examples that exercises are checked on.

Rules that each kill a class of mistakes: the number of images is none of 1, 3, or the number of
channels or classes; height and width differ; labels all differ and none is the predicted class;
everything is float64, smooth, curved and random.
"""

import torch

from course_lib.probes import ProbeFunction, ProbeImages, ProbeNetwork, tiny_network

IMAGES, HEIGHT, WIDTH = 5, 6, 7
CLASSES, CHANNELS = 9, 8


def draw_images(generator, count=IMAGES, height=HEIGHT, width=WIDTH):
    """Random images ``(count, 3, height, width)``, float64 in [0, 1]."""
    return torch.rand(count, 3, height, width, generator=generator, dtype=torch.float64)


def draw_like(tensor, generator):
    """Standard normal numbers of a tensor's shape, float64."""
    return torch.randn(tensor.shape, generator=generator, dtype=torch.float64)


def draw_used_images(generator):
    """`ProbeImages`: they require grad and have one, which is the caller's."""
    pixels = draw_images(generator)
    return ProbeImages(pixels, draw_like(pixels, generator))


def draw_network(generator, classes=CLASSES, width=CHANNELS, gain=1.0):
    """A `ProbeNetwork` with random weights, batch-norm statistics included.

    Args:
        generator: draws the weights.
        classes, width: sizes.
        gain: factor on all scores.
    """
    weights = {}
    for name, value in tiny_network(classes, width).state_dict().items():
        if not value.is_floating_point():
            weights[name] = value
        elif name.endswith("running_var"):
            weights[name] = 0.5 + torch.rand(value.shape, generator=generator, dtype=torch.float64)
        else:
            fan_in = max(1, value[0].numel() if value.dim() > 1 else 4)
            weights[name] = draw_like(value, generator) * (4 / fan_in) ** 0.5
        if name.startswith("classifier"):
            weights[name] *= gain
    return ProbeNetwork(classes, width, weights)


def draw_function(generator, inner=5, outer=4):
    """A `ProbeFunction` with random weights."""
    shapes = {"inner": (inner, 3, 3, 3), "outer": (outer, inner)}
    weights = {
        name: 0.5 * torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    return ProbeFunction(weights)


def draw_unpredicted_labels(network, images, generator):
    """Labels ``(N,)``, all different, none of them the class that the network predicts.

    Raises:
        ValueError: there are not enough classes for so many images.
    """
    if len(images) > network.classes - 1:
        raise ValueError(f"{len(images)} different labels need more than {network.classes} classes")
    predicted = network.build()(images).argmax(1)
    while True:
        labels = torch.randperm(network.classes, generator=generator)[: len(images)]
        if not (labels == predicted).any():
            return labels
