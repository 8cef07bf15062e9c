"""The small networks and functions on which exercises are checked, as plain arrays.

A probe is rebuilt wherever the learner's function runs. It is smooth and strongly curved, in
float64, so that near-equal answers are told apart; it counts its forward passes, so that a loop
without an end can be told from a slow one.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from course_lib.pretrained_cnn import PretrainedCNN

MAX_FORWARD_PASSES = 2000


class TooManyForwardPasses(BaseException):
    """A loop that does not end; not an ``Exception``, lest an ``except`` keep it going."""


class CountedCNN(PretrainedCNN):
    """A `PretrainedCNN` that stops whoever calls it more than `MAX_FORWARD_PASSES` times."""

    def _count(self):
        super()._count()
        if self.forward_passes > MAX_FORWARD_PASSES:
            raise TooManyForwardPasses(f"more than {MAX_FORWARD_PASSES} forward passes")

    def count_layer_runs(self):
        """Count from now on how often each layer runs, also where it is called directly."""
        self.layer_runs = Counter()
        for name, module in self._chain.items():
            module.register_forward_hook(partial(self._count_layer, name))

    def _count_layer(self, name, *_):
        self.layer_runs[name] += 1

    @property
    def most_layer_runs(self):
        """How often the layer that ran most often ran; 0 unless this is counted."""
        return max(vars(self).get("layer_runs", {}).values(), default=0)


class OverwritingTanh(nn.Tanh):
    """Writes its output over its input, as in-place activations do, unnoticed by autograd."""

    def forward(self, input):
        output = super().forward(input)
        input.data.copy_(output.detach())
        return output


def tiny_network(classes, width, stride=1):
    """Two convolutions with batch norm, smooth activations, dropout and a linear classifier.

    With a stride of 2 its activations are half as high and wide as the image.
    """
    network = nn.Sequential()
    network.add_module("conv1", nn.Conv2d(3, width, 3, stride, padding=1))
    network.add_module("bn1", nn.BatchNorm2d(width))
    network.add_module("tanh1", nn.Tanh())
    network.add_module("conv2", nn.Conv2d(width, width, 3, padding=1))
    network.add_module("softplus2", nn.Softplus())
    network.add_module("dropout", nn.Dropout(0.4))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    network.add_module("classifier", nn.Linear(width, classes))
    return network


@dataclass(frozen=True)
class ProbeNetwork:
    """A tiny classifier to be handed over as ``model``.

    Attributes:
        classes, width: sizes; the weights fit `tiny_network(classes, width)`.
        weights: its state dict, float64.
        training: handed over in train mode?
        frozen: handed over with frozen parameters?
        stride: of its first convolution.
        overwrites: does its first activation overwrite the output of the layer before it?
        counts_layers: does it count how often each layer runs (see `course_lib.traces`)?
    """

    classes: int
    width: int
    weights: dict
    training: bool = False
    frozen: bool = True
    stride: int = 1
    overwrites: bool = False
    counts_layers: bool = False

    def build(self):
        """A fresh `CountedCNN` with these weights."""
        network = tiny_network(self.classes, self.width, self.stride).double()
        network.load_state_dict(self.weights)
        if self.overwrites:
            network.tanh1 = OverwritingTanh()
        model = CountedCNN(
            network,
            mean=(0.45, 0.5, 0.4),
            std=(0.25, 0.2, 0.3),
            class_names=[f"class {k}" for k in range(self.classes)],
            image_size=8,
        )
        model.requires_grad_(not self.frozen)
        if self.counts_layers:
            model.count_layer_runs()
        return model.train(self.training)

    def changed(self, **settings):
        """The same network in another mode."""
        return replace(self, **settings)


@dataclass(frozen=True)
class ProbeImages:
    """Images that the caller uses with autograd, too.

    Attributes:
        pixels: ``(N, 3, H, W)``.
        grad: what stands in their ``grad``.
    """

    pixels: torch.Tensor
    grad: torch.Tensor

    def build(self):
        """A fresh leaf tensor that requires grad and has one."""
        images = self.pixels.clone().requires_grad_()
        images.grad = self.grad.clone()
        return images


@dataclass(frozen=True)
class ProbeFunction:
    """A smooth non-linear map of images to be handed over as ``f``.

    Attributes:
        weights: ``inner (K, 3, 3, 3)`` and ``outer (M, K)``, float64.
        mixes: does each image's output depend on the image before it, too?
    """

    weights: dict
    mixes: bool = False

    def build(self):
        """The map ``(N, 3, H, W) -> (N, M, H - 2, W - 2)``."""
        inner, outer = self.weights["inner"], self.weights["outer"]
        calls = 0

        def f(X):
            nonlocal calls
            calls += 1
            if calls > MAX_FORWARD_PASSES:
                raise TooManyForwardPasses(f"more than {MAX_FORWARD_PASSES} calls of f")
            hidden = torch.tanh(nn.functional.conv2d(X, inner))
            if self.mixes:
                hidden = hidden + 0.5 * hidden.roll(1, 0)
            return torch.einsum("mk,nkhw->nmhw", outer, hidden) ** 2

        return f

    def changed(self, **settings):
        """The same function with other settings."""
        return replace(self, **settings)


def _waves(X, y, model):
    """Signed numbers ``(N, 3, H, W)`` that hang on pixels, model and class.

    They stand for a gradient: a real one would be the answer to another exercise.
    """
    scores, _ = model.forward(X.detach())
    chosen = scores.detach().gather(1, y.view(-1, 1))
    return torch.sin(5 * X.detach() + chosen.view(-1, 1, 1, 1))


def _wave_heights(X, y, model):
    """The largest magnitude of the waves among the colours ``(N, H, W)``."""
    return _waves(X, y, model).abs().amax(dim=1)


def _edges(X, y, model):
    """Differences of neighbouring pixels ``(N, H - 1, W)``: the model has no say."""
    return X.detach().mean(dim=1).diff(dim=1).abs()


_ATTRIBUTIONS = {"waves": _waves, "wave heights": _wave_heights, "edges": _edges}


@dataclass(frozen=True)
class ProbeAttribution:
    """A method that makes maps, to be handed over as ``attribute``.

    Attributes:
        kind: ``"waves"`` (signed, with channels), ``"wave heights"``, or ``"edges"``, which does
            not look at the model.
    """

    kind: str

    def build(self):
        """The function ``(X, y, model) -> (N, ...)``; it leaves its arguments as they are."""
        return _ATTRIBUTIONS[self.kind]
