"""Layer activations against the wrapper's own features, and the probes that see bad habits."""

import pytest
import torch

from autograder.judge import draw_examples
from course_lib import load_model, load_photo
from course_lib.probes import OverwritingTanh
from solutions.activations import layer_activations


@pytest.mark.parametrize("seed", range(3))
def test_each_layer_agrees_with_a_pass_of_its_own(seed):
    for example in draw_examples(layer_activations, seed)[:-1]:
        found = layer_activations(**example.build())
        arguments = example.build()
        model = arguments["model"].eval()
        assert list(found) == list(dict.fromkeys(arguments["layers"]))
        if not example.arguments["model"].overwrites:
            for layer, activations in found.items():
                assert torch.equal(activations, model.features(arguments["X"], layer))


def test_photographs_pass_once_and_give_the_expected_numbers():
    model = load_model()
    X = model.preprocess(load_photo("dog"))
    before = model.forward_passes
    found = layer_activations(X, ["bn1", "blocks.4.2", "bn2", "scores"], model)
    assert model.forward_passes == before + 1
    assert torch.allclose(found["scores"], model(X))
    for layer in ("bn1", "blocks.4.2", "bn2"):
        assert f"{found[layer].mean():.3f}" in layer_activations.expected


def test_the_order_asked_for_is_never_the_networks_or_the_alphabets():
    for seed in range(20):
        for example in draw_examples(layer_activations, seed)[:-1]:
            names, chain = example.arguments["layers"], example.build()["model"].layers
            names = list(dict.fromkeys(names))
            assert names not in (sorted(names), sorted(names, key=chain.index))


def test_a_layer_that_overwrites_its_input_has_the_usual_gradient():
    X = torch.randn(5, dtype=torch.float64)
    given = (X * 1).requires_grad_()
    OverwritingTanh()(given * 1).sum().backward()
    assert torch.allclose(given.grad, 1 - X.tanh() ** 2)


def test_layer_runs_are_counted_only_where_asked_for():
    counted = draw_examples(layer_activations, 0)[2].build()
    model, X = counted["model"], counted["X"]
    model(X)
    model.module("conv1")(X)
    assert model.most_layer_runs == 2
    assert draw_examples(layer_activations, 0)[0].build()["model"].most_layer_runs == 0


def test_an_unknown_module_is_answered_with_the_right_names():
    model = draw_examples(layer_activations, 0)[0].build()["model"]
    with pytest.raises(ValueError, match="conv1, bn1"):
        model.module("conv_1")
