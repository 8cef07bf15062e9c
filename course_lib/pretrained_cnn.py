"""`PretrainedCNN`: the one object that every exercise calls, over any chain-like torch network."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.func import functional_call

from course_lib.checks import check_batch, check_labels, check_layer, check_mode
from course_lib.unroll import unroll


class Cache(NamedTuple):
    """What `PretrainedCNN.forward` leaves for `backward`."""

    X: torch.Tensor
    parameters: dict
    out: torch.Tensor
    is_numpy: bool


@contextmanager
def modes_kept(module):
    """Give every submodule its train or eval mode back at the end, also after an error."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _without_inplace_operations(network):
    """In-place activations would overwrite the features of the layer before them."""
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return network


class PretrainedCNN(nn.Module):
    """A frozen classifier of images whose pixels are floats in [0, 1].

    Normalisation happens inside, so the gradient with respect to the input is one of *pixels*.

    Args:
        network: `torch.nn.Module` mapping normalised images ``(N, 3, H, W)`` to class scores
            ``(N, classes)``, a chain of layers (see `course_lib.unroll`). It is put in eval mode,
            its parameters are frozen and its activations are made out-of-place.
        mean, std: three floats each, per channel, in units of [0, 1] pixels.
        class_names: one name per score.
        image_size: height and width in pixels that `preprocess` crops to.

    Attributes:
        layers: ordered layer names; the last is ``"scores"``.
        forward_passes: number of forward passes so far.
    """

    def __init__(self, network, *, mean, std, class_names, image_size):
        super().__init__()
        self.network = _without_inplace_operations(network).eval().requires_grad_(False)
        self._chain = dict(unroll(self.network, image_size))
        like = next(self.network.parameters())
        self.register_buffer("mean", torch.tensor(mean).to(like).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).to(like).view(3, 1, 1))
        self.class_names = tuple(class_names)
        self.image_size = image_size
        self.forward_passes = 0
        self.eval()

    @property
    def layers(self):
        return tuple(self._chain)

    @property
    def num_classes(self):
        return len(self.class_names)

    @property
    def dtype(self):
        return self.mean.dtype

    @property
    def device(self):
        return self.mean.device

    def __call__(self, X):
        """Class scores, before any softmax.

        Args:
            X: images ``(N, 3, H, W)``, floats in [0, 1] of the model's dtype and device.

        Returns:
            scores ``(N, classes)``, on the autograd graph when X requires grad.

        Raises:
            ValueError, TypeError: X has another shape, dtype, device or range; the message says
                which, and what was expected.
        """
        return self.features(X, "scores")

    def features(self, X, layer):
        """The activations of one layer, on the autograd graph.

        Args:
            X: images ``(N, 3, H, W)``, floats in [0, 1].
            layer: a name out of `layers`.

        Returns:
            activations ``(N, ...)`` that the layer gives out.

        Raises:
            ValueError: no such layer; the message lists the right ones.
        """
        check_batch(X, self)
        check_layer(layer, self)
        self._count()
        return nn.Sequential(*self._segment(None, layer))((X - self.mean) / self.std)

    def score(self, X, y):
        """The score of one class for each image: ``scores[i, y[i]]``.

        Args:
            X: images ``(N, 3, H, W)``, floats in [0, 1].
            y: class indices ``(N,)``, int64.

        Returns:
            scores ``(N,)``, on the autograd graph.
        """
        check_labels(y, X, self)
        return self(X).gather(1, y.view(-1, 1)).squeeze(1)

    def module(self, layer):
        """The torch module that computes one layer: what a forward hook is hung on.

        Args:
            layer: a name out of `layers`.

        Returns:
            `torch.nn.Module`; `features`, `forward` and a call of the model all run it.

        Raises:
            ValueError: no such layer; the message lists the right ones.
        """
        check_layer(layer, self)
        return self._chain[layer]

    def forward(self, X, start=None, end=None, mode="test"):
        """Run the layers from `start` to `end`, both included, and remember what `backward` needs.

        Args:
            X: without `start`, images ``(N, 3, H, W)`` in [0, 1]; else the input of layer `start`.
                A torch tensor or a numpy array of the model's dtype.
            start, end: names out of `layers`; None means the first and the last.
            mode: ``"test"``, or ``"train"`` for batch statistics and dropout. The running
                statistics and the model's own mode stay as they were in either case.

        Returns:
            ``(out, cache)``: the output of layer `end`, of the same kind (tensor or array) as X,
            and the cache for `backward`.
        """
        is_numpy = isinstance(X, np.ndarray)
        X = torch.as_tensor(X, device=self.device) if is_numpy else X
        if start is None:
            check_batch(X, self)
        check_mode(mode)
        X = X.detach().clone().requires_grad_()
        self._count()
        out, parameters = self._run_with_parameters(X, start, end, mode)
        return _as_kind(out.detach().clone(), is_numpy), Cache(X, parameters, out, is_numpy)

    def backward(self, dout, cache):
        """Pull an upstream gradient back through the layers that made `cache`.

        Args:
            dout: upstream gradient, of the shape of the output that `forward` returned.
            cache: what `forward` returned beside it; it can be used again.

        Returns:
            ``(dX, grads)``: the vector-Jacobian product with respect to `forward`'s input, and a
            dict from parameter name to its gradient, of the same kind as dout.

        Raises:
            ValueError: dout has another shape than the output.
        """
        is_numpy = isinstance(dout, np.ndarray)
        dout = torch.as_tensor(dout).to(cache.out)
        if dout.shape != cache.out.shape:
            raise ValueError(
                f"dout has the shape {tuple(dout.shape)}; the output that it belongs to has "
                f"{tuple(cache.out.shape)}."
            )
        inputs = [cache.X, *cache.parameters.values()]
        dX, *gradients = torch.autograd.grad(
            cache.out, inputs, dout, retain_graph=True, materialize_grads=True
        )
        grads = dict(zip(cache.parameters, gradients, strict=True))
        return _as_kind(dX, is_numpy), {k: _as_kind(g, is_numpy) for k, g in grads.items()}

    def preprocess(self, pictures):
        """Make a batch of pictures: the short side fitted, the long side cropped, pixels in [0, 1].

        Args:
            pictures: one picture or a list of them; each a PIL image or a uint8 array
                ``(H, W, 3)`` or ``(H, W)``.

        Returns:
            ``(N, 3, image_size, image_size)`` tensor in [0, 1], of the model's dtype and device.

        Raises:
            TypeError: a picture is neither a PIL image nor a uint8 array.
        """
        if not isinstance(pictures, (list, tuple)):
            pictures = [pictures]
        crops = [_crop(_as_image(picture), self.image_size) for picture in pictures]
        batch = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        return batch.to(self.device, self.dtype).contiguous() / 255

    @staticmethod
    def deprocess(X):
        """Make pictures of a batch: clipped to [0, 1], rounded to 8 bits.

        Args:
            X: ``(N, 3, H, W)`` tensor or array in [0, 1].

        Returns:
            ``(N, H, W, 3)`` uint8 array.
        """
        X = torch.as_tensor(X).detach().cpu().clamp(0, 1)
        return (X * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    def _count(self):
        self.forward_passes += 1

    def _segment(self, start, end):
        """The modules from layer `start` to layer `end`, both included."""
        names = self.layers
        first = names.index(start) if start is not None else 0
        last = names.index(end) if end is not None else len(names) - 1
        return [self._chain[name] for name in names[first : last + 1]]

    def _run_with_parameters(self, X, start, end, mode):
        """Output of the segment and its parameters, unfrozen, so that both have gradients."""
        for layer in (start, end):
            if layer is not None:
                check_layer(layer, self)
        segment = nn.Sequential(*self._segment(start, end))
        parameters = {k: p.detach().requires_grad_() for k, p in segment.named_parameters()}
        buffers = {k: b.clone() for k, b in segment.named_buffers()}
        images = (X - self.mean) / self.std if start is None else X
        with modes_kept(segment), torch.enable_grad():
            segment.train(mode == "train")
            out = functional_call(segment, {**parameters, **buffers}, (images,))
        first = self.layers.index(start) if start is not None else 0
        return out, {_network_name(k, self.layers[first:]): p for k, p in parameters.items()}


def _network_name(name, layers):
    """``"3.conv.weight"`` of a segment is ``"<layer 3>.conv.weight"`` of the network."""
    position, _, rest = name.partition(".")
    return f"{layers[int(position)]}.{rest}"


def _as_kind(tensor, is_numpy):
    return tensor.cpu().numpy() if is_numpy else tensor


def _as_image(picture):
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim in (2, 3):
        return Image.fromarray(picture).convert("RGB")
    kind = getattr(picture, "dtype", type(picture).__name__)
    raise TypeError(
        f"A picture must be a PIL image or a uint8 array (H, W, 3) with values from 0 to 255; "
        f"this one is {kind} {getattr(picture, 'shape', '')}".rstrip()
        + "."
    )


def _crop(image, size):
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized.crop((left, top, left + size, top + size)))
