"""A network's forward and backward pass as one ONNX graph, for runtimes that have no autograd.

The graph is the vector-Jacobian product of the course's first chapter with a tap at several layers:
whoever chooses the upstream gradients chooses the technique.
"""

import itertools
import warnings
from copy import deepcopy

import numpy as np
import onnx
import torch
import torch.fx.experimental._config as tracing
from onnx import numpy_helper
from torch import nn
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import conv2d, conv_transpose2d, pad

from course_lib import PretrainedCNN

SMALLEST_HALVED = 64  # entries; below that a half-precision copy saves nothing
LARGEST_SIDE = 16  # of the exported images, in units of the network's whole stride


class GradientGraph(nn.Module):
    """Scores, activations and all gradients of one image.

    Args:
        model: `PretrainedCNN`.
        taps: layers, in the model's order, whose activations are given out and which take an
            upstream gradient of their own.
    """

    def __init__(self, model, taps):
        super().__init__()
        places = [model.layers.index(tap) + 1 for tap in taps]
        cuts = [0, *places, len(model.layers)]
        self.segments = nn.ModuleList(
            nn.Sequential(*map(model.module, model.layers[first:last]))
            for first, last in itertools.pairwise(cuts)
        )
        self.register_buffer("mean", model.mean)
        self.register_buffer("std", model.std)

    def forward(self, image, score_gradient, gains, *upstream):
        """One pass forward and one back.

        Args:
            image: ``(1, 3, H, W)``, floats in [0, 1].
            score_gradient: upstream gradient at the scores, ``(1, classes)``.
            gains: ``(taps,)``; the upstream gradient at tap k is ``gains[k]`` times the tap's own
                activations plus ``upstream[k]``. So one pass does a step of DeepDream (gain 1) or
                of feature inversion (gain 2, upstream -2 times the target).
            upstream: one tensor for each tap, of its activations' shape.

        Returns:
            ``(scores, image_gradient, *tap_gradients, *activations)``. A tap's gradient is that of
            everything above it together with its own upstream gradient.
        """
        image = image.detach().requires_grad_()
        activation, activations = (image - self.mean) / self.std, []
        *segments, last = self.segments
        for segment in segments:
            activation = segment(activation)
            activations.append(activation)
        scores = last(activation)
        seeds = [g * a.detach() + u for g, a, u in zip(gains, activations, upstream, strict=True)]
        gradients = torch.autograd.grad(
            [scores, *activations], [image, *activations], [score_gradient, *seeds]
        )
        return scores.detach(), *gradients, *(a.detach() for a in activations)


class WholeStrideConv(nn.Module):
    """timm's `Conv2dSame` for sides that are multiples of the stride: one padding at all sizes."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv
        sides = [k - s for k, s in zip(conv.kernel_size, conv.stride, strict=True)]
        self.padding = [part for side in sides[::-1] for part in (side // 2, side - side // 2)]

    def forward(self, X):
        conv = self.conv
        X = pad(X, self.padding)
        return conv2d(X, conv.weight, conv.bias, conv.stride, groups=conv.groups)


def round_weights(model):
    """The same model with its convolutions' and linear weights rounded to half precision.

    Returns:
        a new `PretrainedCNN`, float32: the network that the exported graph runs.
    """
    network = deepcopy(model.network)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            parameter.data = parameter.data.half().float()
    return _with_network(model, network)


def export_gradient_graph(model, taps):
    """The model's `GradientGraph` as ONNX.

    Args:
        model: `PretrainedCNN`, float32, on the CPU.
        taps: names of layers, in the model's order.

    Returns:
        `onnx.ModelProto` with inputs ``image``, ``score_gradient``, ``gains`` and
        ``upstream/<tap>``, and outputs ``scores``, ``image_gradient``, ``gradient/<tap>`` and
        ``activations/<tap>``. Sides of images may be any multiples of `whole_stride(model)`.
        Weights that half precision holds exactly are stored so.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch, about its own code
        return _halve_weights(_export(model, taps).model_proto)


def _export(model, taps):
    network = _replace_convs(deepcopy(model.network))
    graph = GradientGraph(_with_network(model, network), taps).eval()
    arguments = example_arguments(model, taps)
    traced = _trace(graph, arguments)
    return torch.onnx.export(
        torch.export.export(traced, arguments, dynamic_shapes=_sides(model, taps)),
        args=arguments,
        input_names=["image", "score_gradient", "gains", *(f"upstream/{t}" for t in taps)],
        output_names=[
            "scores",
            "image_gradient",
            *(f"gradient/{tap}" for tap in taps),
            *(f"activations/{tap}" for tap in taps),
        ],
        dynamo=True,
        optimize=False,  # it would store the flipped weights beside the weights
        verbose=False,
    )


def whole_stride(model):
    """Pixels of the image for one place of the last layer that has places."""
    return max(tap["stride"] for tap in describe_taps(model, model.layers))


def describe_taps(model, taps):
    """Name, channels and stride of each layer; a stride of 0 for layers without places."""
    X = torch.zeros(1, 3, model.image_size, model.image_size)
    shapes = [model.features(X, tap).shape for tap in taps]
    strides = [model.image_size // s[2] if len(s) == 4 and s[2] > 1 else 0 for s in shapes]
    return [
        {"name": tap, "channels": shape[1], "stride": stride}
        for tap, shape, stride in zip(taps, shapes, strides, strict=True)
    ]


def example_arguments(model, taps, X=None):
    """Arguments of `GradientGraph.forward` for the image X, whose upstream gradients are zero."""
    if X is None:
        X = torch.full((1, 3, model.image_size, model.image_size), 0.5)
    upstream = [torch.zeros_like(model.features(X, tap)) for tap in taps]
    return X, torch.zeros(1, model.num_classes), torch.zeros(len(taps)), *upstream


def _with_network(model, network):
    return PretrainedCNN(
        network,
        mean=model.mean.flatten().tolist(),
        std=model.std.flatten().tolist(),
        class_names=model.class_names,
        image_size=model.image_size,
    )


def _replace_convs(module):
    from timm.layers import Conv2dSame  # here, as timm imports torchvision: course_lib comes first

    for name, child in module.named_children():
        is_same = isinstance(child, Conv2dSame)
        setattr(module, name, WholeStrideConv(child) if is_same else _replace_convs(child))
    return module


def _sides(model, taps):
    """What torch.export must know of the sides: multiples of the stride, and of each other."""
    rows, columns = (torch.export.Dim(name, min=1, max=LARGEST_SIDE) for name in ("h", "w"))
    whole = whole_stride(model)
    factors = [whole // t["stride"] if t["stride"] else 0 for t in describe_taps(model, taps)]
    upstream = [{2: f * rows, 3: f * columns} if f else None for f in factors]
    return {2: whole * rows, 3: whole * columns}, None, None, *upstream


def _trace(graph, arguments):
    """The operators of forward and backward pass, with the side lengths as unknowns."""
    # Equal lengths are not the same unknown: 112 rows and 112 channels, for instance.
    with tracing.patch(use_duck_shape=False):
        trace = make_fx(
            graph,
            tracing_mode="symbolic",
            decomposition_table=dict(core_aten_decompositions().items()) | _BACKWARD,
            _allow_non_fake_inputs=True,
        )
        traced = trace(*arguments)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return traced


def _conv_backward(
    grad, X, weight, _bias, stride, padding, _dilation, _transposed, _out_padding, groups, _mask
):
    """The image's gradient alone, by operators that ONNX has."""
    if max(stride) == 1:
        gradient = _conv_with_turned_weights(grad, weight, padding, groups)
    else:
        sides = zip(X.shape[2:], weight.shape[2:], stride, padding, strict=True)
        rest = [int((x + 2 * p - k) % s) for x, k, s, p in sides]
        gradient = conv_transpose2d(grad, weight, None, stride, padding, rest, groups)
    return gradient, None, None


def _conv_with_turned_weights(grad, weight, padding, groups):
    """At stride 1 a convolution does it, which runtimes do faster than a transposed one."""
    outputs, inputs, *kernel = weight.shape
    weight = weight.reshape(groups, outputs // groups, inputs, *kernel).transpose(1, 2)
    weight = weight.reshape(groups * inputs, outputs // groups, *kernel)
    if max(kernel) > 1:
        weight = weight.flip([2, 3])
    padding = [k - 1 - p for k, p in zip(kernel, padding, strict=True)]
    return conv2d(grad, weight, None, 1, padding, 1, groups)


def _hardtanh_backward(grad, X, low, high):
    return torch.where((low < X) & (high > X), grad, 0.0)


def _avg_pool2d_backward(grad, _X, kernel, *_):
    """For windows that do not overlap."""
    share = grad / (kernel[0] * kernel[1])
    return share.repeat_interleave(kernel[0], 2).repeat_interleave(kernel[1], 3)


_BACKWARD = {
    torch.ops.aten.convolution_backward.default: _conv_backward,
    torch.ops.aten.hardtanh_backward.default: _hardtanh_backward,
    torch.ops.aten.avg_pool2d_backward.default: _avg_pool2d_backward,
}


def _halve_weights(proto):
    """Store weights in half precision where that loses nothing; a Cast brings them back."""
    casts = []
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= SMALLEST_HALVED and _fits_half(values):
            name, stored = tensor.name, f"{tensor.name}/half"
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
            casts.append(onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    del proto.graph.value_info[:]
    return proto


def _fits_half(values):
    with np.errstate(over="ignore"):
        return np.array_equal(values.astype(np.float16).astype(np.float32), values)
