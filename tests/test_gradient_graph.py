"""The graphs that the lab loads, in Python's ONNX Runtime, against torch's autograd."""

import gzip
import json
from copy import deepcopy
from itertools import product

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from course_lib import load_model, load_photo

CLOSE = 1e-5  # of the largest value
SMOOTH = ("cifar_robust", "cifar_plain")
UPSTREAM = ("class", "activations", "gain", "random")
PHOTOS = ("dog", "koala", "coffee", "macaw")


class Exported:
    """One network twice: as the lab loads it, and in torch with the same rounded weights."""

    def __init__(self, folder, name):
        from gradient_graph import round_weights

        self.graph = onnx.load_from_string(gzip.decompress(self._bytes(folder, name)))
        manifest = json.loads((folder / "lab.json").read_text())
        self.taps = [tap["name"] for tap in manifest["networks"][name]["taps"]]
        self.model = round_weights(load_model(name))

    @staticmethod
    def _bytes(folder, name):
        return (folder / f"{name}.onnx.gz").read_bytes()

    def photo(self, name, side=None):
        X = self.model.preprocess(load_photo(name))
        return X if side is None else nn.functional.interpolate(X, (side, side), mode="bilinear")

    def arguments(self, X, upstream, seed=0):
        """Arguments of the graph: zeros but for what `upstream` names."""
        from gradient_graph import example_arguments

        _, scores, gains, *taps = example_arguments(self.model, self.taps, X)
        generator = torch.Generator().manual_seed(seed)
        if upstream == "class":
            scores[0, 3] = 1
        elif upstream == "activations":
            taps[2] = self.model.features(X, self.taps[2]).detach()
        elif upstream == "gain":
            gains[2] = 1
        else:
            taps = [torch.randn(tap.shape, generator=generator) for tap in taps]
            scores = torch.randn(scores.shape, generator=generator)
            gains = torch.randn(gains.shape, generator=generator)
        return X, scores, gains, *taps

    def run(self, arguments, graph=None):
        """All outputs of the graph, by name."""
        session = onnxruntime.InferenceSession((graph or self.graph).SerializeToString())
        names = [entry.name for entry in session.get_inputs()]
        outputs = [entry.name for entry in session.get_outputs()]
        feeds = {k: np.asarray(v) for k, v in zip(names, arguments, strict=True)}
        return dict(zip(outputs, session.run(None, feeds), strict=True))

    def torch(self, arguments, model=None):
        """The same outputs by autograd, in double precision."""
        from gradient_graph import GradientGraph

        graph = GradientGraph(deepcopy(model or self.model).double(), self.taps)
        outputs = graph(*(argument.double() for argument in arguments))
        names = [output.name for output in self.graph.graph.output]
        return {k: v.numpy() for k, v in zip(names, outputs, strict=True)}


@pytest.fixture(scope="module")
def exported(lab_folder):
    networks = {}

    def load(name):
        if name not in networks:
            networks[name] = Exported(lab_folder, name)
        return networks[name]

    return load


def differences(got, wanted):
    """The largest difference of each output, over the output's largest value."""
    assert set(wanted) <= set(got)
    return {
        name: float(np.abs(got[name] - value).max() / max(np.abs(value).max(), 1e-12))
        for name, value in wanted.items()
    }


def assert_close(got, wanted):
    beyond = {name: d for name, d in differences(got, wanted).items() if not d < CLOSE}
    assert not beyond


@pytest.mark.parametrize(
    "name, upstream, side",
    [*product(SMOOTH, UPSTREAM, (None,)), (SMOOTH[0], "random", 64)],
)
def test_smooth_networks_agree_with_torch(exported, name, upstream, side):
    network = exported(name)
    for photo in ("dog", "macaw"):
        arguments = network.arguments(network.photo(photo, side), upstream)
        assert_close(network.run(arguments), network.torch(arguments))


class GivenCorners(nn.Module):
    """ReLU6 that takes from another run on which side of its corners each value lies.

    Rounding errors differ between runtimes, so of millions of values some fall on the other side of
    a corner. There the slope jumps from 0 to 1; both are right.
    """

    def __init__(self, before):
        super().__init__()
        self.register_buffer("before", torch.from_numpy(before))

    def forward(self, X):
        assert (X - self.before).abs().max() < CLOSE * self.before.abs().max()
        inside = (self.before > 0) & (self.before < 6)
        return torch.where(inside, X, self.before.clamp(0, 6))


def with_outputs_before_corners(graph):
    """The graph that also gives out what enters each ReLU6, and the names of these outputs."""
    graph = deepcopy(graph)
    names = [node.input[0] for node in graph.graph.node if node.op_type == "Clip"]
    for name in names:
        graph.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        )
    return graph, names


def with_given_corners(model, values):
    """The model with its ReLU6s, in order, replaced."""
    model = deepcopy(model)
    places = [
        (parent, name)
        for parent in model.network.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.ReLU6)
    ]
    for (parent, name), value in zip(places, values, strict=True):
        setattr(parent, name, GivenCorners(value))
    return model


@pytest.mark.parametrize("upstream", ["class", "activations", "random"])
@pytest.mark.parametrize("side", [224, 96])
def test_efficientnet_agrees_with_torch(exported, upstream, side):
    network = exported("efficientnet_lite0")
    graph, names = with_outputs_before_corners(network.graph)
    for photo in PHOTOS[:2] if side == 224 else PHOTOS[:1]:
        arguments = network.arguments(network.photo(photo, side), upstream)
        got = network.run(arguments, graph)
        model = with_given_corners(network.model, [got[name] for name in names])
        assert_close(got, network.torch(arguments, model))


def test_corners_are_all_that_differs(exported):
    """Without them the gradient is nearly the same; scores and activations are, in any case."""
    network = exported("efficientnet_lite0")
    for photo in PHOTOS:
        arguments = network.arguments(network.photo(photo), "class")
        got, wanted = network.run(arguments), network.torch(arguments)
        continuous = [name for name in wanted if name.startswith(("scores", "activations"))]
        assert_close(got, {name: wanted[name] for name in continuous})
        image = [outputs["image_gradient"].ravel() for outputs in (got, wanted)]
        assert np.corrcoef(image)[0, 1] > 0.999


def test_an_activation_taken_in_the_wrong_place_would_be_noticed(exported):
    network = exported("cifar_robust")
    X = network.photo("dog")
    one, other = network.arguments(X, "class"), network.arguments(X + 0.01, "class")
    assert max(differences(network.run(one), network.torch(other)).values()) > 100 * CLOSE


def test_rounded_weights_change_little(exported):
    """What the page says: scores agree to about three digits."""
    name = "efficientnet_lite0"
    rounded, model = exported(name).model, load_model(name)
    X = model.preprocess([load_photo(photo) for photo in PHOTOS])
    assert (rounded(X) - model(X)).abs().max() < 0.02
    assert (rounded(X).argmax(1) == model(X).argmax(1)).all()


def test_a_finished_export_is_left_alone(lab_folder):
    import export_graph

    stamp = export_graph.EXPORTED / "stamp"
    before = stamp.stat().st_mtime_ns
    export_graph.build_lab(lab_folder)
    assert stamp.stat().st_mtime_ns == before
