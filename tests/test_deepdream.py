"""DeepDream against finite differences and closed forms, and what its examples contain."""

import pytest
import torch

import solutions.deepdream as chapter
from autograder.judge import draw_examples
from autograder.probes import draw_images, draw_network
from course_lib import load_model, load_photo
from solutions.deepdream import CALM_IMAGE, deepdream, deepdream_step


@pytest.fixture
def network():
    return draw_network(torch.Generator().manual_seed(3)).build()


@pytest.fixture
def images():
    """Without any pixel near 0 or 1."""
    return 0.2 + 0.6 * draw_images(torch.Generator().manual_seed(4), count=2, height=4, width=5)


@pytest.fixture(scope="module")
def bear():
    model = load_model()
    return model, model.preprocess(load_photo("polar_bear"))


def half_sum_of_squares(X, layer, model):
    with torch.no_grad():
        return 0.5 * model.features(X, layer).pow(2).flatten(1).sum(1)


def numerical_gradient(X, layer, model, eps=1e-5):
    gradient = torch.zeros_like(X)
    for place in range(X[0].numel()):
        shift = torch.zeros_like(X).flatten(1)
        shift[:, place] = eps
        shift = shift.view_as(X)
        up, down = (half_sum_of_squares(X + s, layer, model) for s in (shift, -shift))
        gradient.flatten(1)[:, place] = (up - down) / (2 * eps)
    return gradient


@pytest.mark.parametrize("layer", ["tanh1", "conv2", "softplus2"])
def test_the_step_follows_the_slopes_of_half_the_sum_of_squares(network, images, layer):
    gradient = numerical_gradient(images, layer, network)
    step = (deepdream_step(images, layer, network, 1e-3) - images) / 1e-3
    expected = gradient / gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    assert torch.allclose(step, expected, rtol=0, atol=1e-6 * float(expected.abs().max()))


def test_each_image_moves_by_the_learning_rate_on_average(network, images):
    moved = (deepdream_step(images, "conv2", network, 1e-3) - images).abs().mean((1, 2, 3))
    assert torch.allclose(moved, torch.full_like(moved, 1e-3))


def test_a_large_step_ends_at_the_range(network, images):
    dreamt = deepdream_step(images, "conv2", network, 5.0)
    assert dreamt.min() == 0 and dreamt.max() == 1


def test_an_image_without_a_gradient_stays_and_the_others_move():
    arguments = draw_examples(deepdream_step, 7)[2].build()
    X, dreamt = arguments["X"], deepdream_step(**arguments)
    moved = (dreamt - X).abs().amax((1, 2, 3)) > 0
    assert moved.sum() == len(X) - 1 and not moved[CALM_IMAGE]


def test_in_the_examples_some_values_are_clipped_and_gradients_are_not_tiny():
    for seed in range(10):
        for example in draw_examples(deepdream_step, seed):
            arguments = example.build()
            dreamt = deepdream_step(**arguments)
            assert dreamt.min() == 0 or dreamt.max() == 1
            A, cache = arguments["model"].forward(arguments["X"], end=arguments["layer"])
            size = arguments["model"].backward(A, cache)[0].abs().mean((1, 2, 3))
            assert ((size > 0.01) | (size == 0)).all()


def test_one_octave_without_jitter_is_the_step_repeated(network, images):
    dreamt = deepdream(images, "conv2", network, num_octaves=1, max_jitter=0, num_iterations=3)
    expected = images
    for _ in range(3):
        expected = deepdream_step(expected, "conv2", network, 0.02)
    assert torch.equal(dreamt, expected)


@pytest.mark.parametrize("nothing", [{"num_iterations": 0}, {"learning_rate": 0.0}])
def test_without_steps_the_photograph_comes_back(network, images, nothing):
    settings = {"num_octaves": 2, "octave_scale": 1.5, "max_jitter": 3, **nothing}
    dreamt = deepdream(images, "conv2", network, **settings)
    assert torch.allclose(dreamt, images, rtol=0, atol=1e-12)


def test_details_add_up_and_sizes_grow(monkeypatch, images):
    """A step that brightens all by the same amount is undisturbed by resizing and rolling."""
    sizes = []

    def brighten(X, layer, model, learning_rate):
        sizes.append(tuple(X.shape[2:]))
        return X + learning_rate

    monkeypatch.setattr(chapter, "deepdream_step", brighten)
    X = images.repeat(1, 1, 5, 5)  # 20 x 25
    dreamt = deepdream(X, "", None, learning_rate=0.01, num_iterations=2, num_octaves=3,
                       octave_scale=1.5)  # fmt: skip
    assert torch.allclose(dreamt, X + 3 * 2 * 0.01)
    assert sizes == [(9, 11)] * 2 + [(13, 17)] * 2 + [(20, 25)] * 2


def test_a_seed_fixes_the_dream_and_the_global_generator_is_left_alone(network, images):
    state = torch.get_rng_state()
    one, same, other = (
        deepdream(images, "conv2", network, num_octaves=2, num_iterations=2, seed=seed)
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_expected_numbers_of_a_step_are_those_to_see(bear):
    model, X = bear
    dreamt = deepdream_step(X, "blocks.3.1", model, 0.02)
    before, after = (half_sum_of_squares(x, "blocks.3.1", model) for x in (X, dreamt))
    moved = (dreamt - X).abs()
    assert f"{moved.mean():.4f}" in deepdream_step.expected
    assert f"{(after / before).item():.2f}" in deepdream_step.expected


def test_the_expected_number_of_a_dream_is_the_one_to_see(bear):
    model, X = bear
    moved = (deepdream(X, "blocks.4.2", model) - X).abs().mean()
    assert f"{moved:.3f}" in deepdream.expected
