"""Filters: the gradient against finite differences, and what a learner relies on."""

import pytest
import torch

from autograder.judge import draw_examples, judge
from course_lib import load_model
from course_lib.checks import check_filter
from solutions.filters import start, visualize_filter

SETTINGS = {"learning_rate": 0.17, "size": 7, "seed": 5}


def example_model(seed=0):
    return draw_examples(visualize_filter, seed)[0].build()["model"].eval()


def slopes_by_differences(model, X, layer, k, eps=1e-5):
    """Central differences of the channel's mean for each pixel, float64."""
    slopes = torch.zeros_like(X)
    for place in range(X.numel()):
        step = torch.zeros_like(X)
        step.view(-1)[place] = eps
        high, low = (model.features(X + s, layer)[0, k].mean() for s in (step, -step))
        slopes.view(-1)[place] = (high - low) / (2 * eps)
    return slopes


@pytest.mark.parametrize("layer, k", [("conv2", 3), ("tanh1", 5)])
def test_a_step_goes_along_the_slopes_measured_by_differences(layer, k):
    model = example_model()
    X = start(7, 5, model)
    slopes = slopes_by_differences(model, X, layer, k)
    expected = (X + 0.17 * slopes / slopes.square().mean().sqrt()).clamp(0, 1)
    found = visualize_filter(layer, k, model, num_iterations=1, **SETTINGS)
    assert torch.allclose(found, expected, rtol=0, atol=1e-6)


def test_a_first_convolution_is_climbed_along_its_own_weights():
    model = example_model()
    weights = torch.zeros(1, 8, 7, 7, dtype=torch.float64)
    weights[:, 2] = 1
    slopes = torch.nn.functional.conv_transpose2d(
        weights, model.network.conv1.weight, padding=1
    ) / (49 * model.std)
    X = start(7, 5, model)
    expected = (X + 0.17 * slopes / slopes.square().mean().sqrt()).clamp(0, 1)
    found = visualize_filter("conv1", 2, model, num_iterations=1, **SETTINGS)
    assert torch.allclose(found, expected, rtol=0, atol=1e-6)


def test_a_dead_filter_leaves_the_start_as_it_is():
    arguments = draw_examples(visualize_filter, 1)[2].build()
    X = visualize_filter(**arguments)
    assert torch.equal(X, start(arguments["size"], arguments["seed"], arguments["model"]))


def test_a_step_is_as_long_as_the_learning_rate_says():
    model = example_model()
    moved = visualize_filter("conv2", 3, model, 0.01, num_iterations=1, size=7)
    change = moved - start(7, 0, model)
    assert change.square().mean().sqrt().item() == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize(
    "layer, k, words",
    [
        ("conv2", 8, "no filter 8.*0 to 7"),
        ("conv2", -1, "no filter -1"),
        ("conv9", 0, 'no layer "conv9"'),
    ],
)
def test_a_filter_that_does_not_exist_is_refused(layer, k, words):
    model = example_model()
    with pytest.raises(ValueError, match=words):
        check_filter(layer, k, model)
    with pytest.raises(ValueError, match=words):
        visualize_filter(layer, k, model)


def test_the_examples_reach_both_ends_of_the_range():
    for seed in range(5):
        arguments = draw_examples(visualize_filter, seed)[0].build()
        X = visualize_filter(**arguments)
        assert X.min() == 0 and X.max() == 1


def test_a_size_that_is_wrong_on_the_second_example_only_is_told():
    def always_seven(**arguments):
        return visualize_filter(**{**arguments, "size": 7})

    verdict = judge(visualize_filter, always_seven)
    assert verdict.points == 0 and "(1, 3, 7, 7); expected (1, 3, 10, 10)" in verdict.message


def test_the_expected_number_is_the_one_to_see():
    model = load_model()
    pictures = {"from": start(64, 0, model), "to": visualize_filter("blocks.2.1", 9, model)}
    for word, X in pictures.items():
        mean = model.features(X, "blocks.2.1")[0, 9].mean()
        assert f"{word} about {mean:.0f}" in visualize_filter.expected
