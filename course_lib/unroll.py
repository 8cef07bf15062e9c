"""Unroll a torch network into its layers: an ordered list of named modules, to be cut anywhere.

Most convolutional networks are a chain: stem, blocks, pooling, classifier. Only the chain's glue
(pooling and flattening before the classifier) hides in ``forward``; `unroll` puts it back and then
checks on a random image that the chain computes what the network computes.
"""

import torch
from torch import nn


def _chain(module, prefix=""):
    """The module's children in order, nested ``nn.Sequential`` containers opened."""
    for name, child in module.named_children():
        if type(child) is nn.Sequential:
            yield from _chain(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def _glue(activation, layer):
    """The modules that turn `activation` into what `layer` accepts."""
    if isinstance(layer, nn.Linear) and activation.dim() == 4:
        if activation[0].numel() != layer.in_features:
            yield "pool", nn.AdaptiveAvgPool2d(1)
        yield "flatten", nn.Flatten()


def _apply_chain(network, images):
    """The network's children with the glue between them, and what they compute of `images`."""
    layers, activation = [], images
    for name, layer in [*_chain(network), ("scores", nn.Flatten())]:
        for glue_name, glue in _glue(activation, layer):
            layers.append((glue_name, glue))
            activation = glue(activation)
        layers.append((name, layer))
        activation = layer(activation)
    return layers, activation


def unroll(network, image_size, channels=3):
    """Split a network into the ordered layers of which it is composed.

    Args:
        network: `torch.nn.Module` in eval mode that maps ``(N, channels, H, W)`` to
            ``(N, classes)`` and whose children are applied one after the other.
        image_size: height and width of the images it takes, in pixels.
        channels: number of channels of those images.

    Returns:
        List of ``(name, module)``; a name is the module's path in the network, for example
        ``"features.3"`` or ``"layer1.0"``, and the last is ``"scores"``. Applying the modules in
        order gives the network's scores.

    Raises:
        ValueError: the children applied in order do not compute what the network computes.
    """
    parameter = next(network.parameters())
    images = torch.rand(
        2, channels, image_size, image_size, generator=torch.Generator().manual_seed(0)
    ).to(parameter)
    with torch.no_grad():
        try:
            layers, scores = _apply_chain(network, images)
            is_chain = torch.allclose(scores, network(images), rtol=1e-4, atol=1e-5)
        except (RuntimeError, AssertionError):
            is_chain = False
    if not is_chain:
        raise ValueError(
            f"{type(network).__name__} is not a chain of layers, so it cannot be cut between "
            "them: wrap an nn.Sequential of its stages instead."
        )
    return layers
