"""Feature inversion against finite differences, torch's own optimiser and a closed form."""

import pytest
import torch
from torch import nn

from autograder.judge import draw_examples
from course_lib import PretrainedCNN, load_model, load_photo
from solutions.feature_inversion import feature_inversion_step, invert_features


def example(seed, place=0):
    return draw_examples(feature_inversion_step, seed)[place].build()


def loss(X, target_feats, layer, model, l2_reg):
    difference = model.features(X, layer) - target_feats
    return float((difference**2).sum() + l2_reg * (X**2).sum())


@pytest.mark.parametrize("place", range(3))
def test_the_step_agrees_with_central_differences_of_the_loss(place):
    arguments = example(4, place)
    rate = arguments.pop("learning_rate")
    moved = feature_inversion_step(**arguments, learning_rate=rate)
    X, eps = arguments.pop("X"), 1e-5
    gradient = (X - moved) / rate
    for entry in ((3, 0, 2, 4), (0, 2, 5, 6), (4, 1, 0, 0)):
        nudge = torch.zeros_like(X)
        nudge[entry] = eps
        rise = loss(X + nudge, **arguments) - loss(X - nudge, **arguments)
        assert float(gradient[entry]) == pytest.approx(rise / (2 * eps), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_step_is_torchs_sgd_with_weight_decay(seed):
    arguments = example(seed)
    X, model, layer = (arguments[k] for k in ("X", "model", "layer"))
    images = X.clone().requires_grad_()
    optimiser = torch.optim.SGD(
        [images], lr=arguments["learning_rate"], weight_decay=2 * arguments["l2_reg"]
    )
    criterion = nn.MSELoss(reduction="sum")
    criterion(model.features(images, layer), arguments["target_feats"]).backward()
    optimiser.step()
    moved = feature_inversion_step(**arguments)
    assert torch.allclose(moved, images.detach(), rtol=0, atol=1e-12)


def test_a_small_step_lowers_the_loss_and_a_reached_target_leaves_the_l2_term_alone():
    arguments = example(5) | {"learning_rate": 1e-3}
    moved = feature_inversion_step(**arguments)
    arguments.pop("learning_rate")
    assert loss(**arguments | {"X": moved}) < loss(**arguments)
    reached = example(5, 3)
    factor = 1 - 2 * reached["learning_rate"] * reached["l2_reg"]
    assert torch.allclose(feature_inversion_step(**reached), factor * reached["X"])


def linear_model():
    """Features that are a linear map of each pixel's colour."""
    torch.manual_seed(2)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    return PretrainedCNN(
        network, mean=(0.0,) * 3, std=(1.0,) * 3, class_names=list("abcd"), image_size=5
    )


def test_a_linear_layer_is_inverted_as_the_closed_form_says():
    """x_T - x0 = (I - 2 rate A'A)^T (x_start - x0), as long as no pixel is clipped."""
    model = linear_model()
    A, rate, steps = model.network[0].weight.detach()[:, :, 0, 0], 0.05, 40
    generator = torch.Generator().manual_seed(3)
    x0, start = (
        0.5 + 0.05 * torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
        for _ in range(2)
    )
    target = model.features(x0, model.layers[0])
    image = invert_features(
        target, model.layers[0], model, learning_rate=rate, num_iterations=steps, start=start
    )
    shrink = torch.linalg.matrix_power(torch.eye(3).double() - 2 * rate * A.T @ A, steps)
    expected = x0 + torch.einsum("cd,ndhw->nchw", shrink, start - x0)
    assert torch.allclose(image, expected, rtol=0, atol=1e-12)


def test_pieces_of_a_loop_make_the_whole_loop():
    arguments = draw_examples(invert_features, 6)[2].build()
    whole = invert_features(**arguments)
    piece = arguments | {"num_iterations": 2}  # blurred every second step, so pieces are alike
    for _ in range(3):
        piece["start"] = invert_features(**piece)
    assert torch.allclose(piece["start"], whole, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_picture_whatever_torchs_random_state():
    arguments = draw_examples(invert_features, 7)[0].build()
    torch.manual_seed(1)
    first = invert_features(**arguments)
    torch.manual_seed(2)
    assert torch.equal(first, invert_features(**arguments))
    assert not torch.equal(first, invert_features(**arguments | {"seed": 12}))
    assert first.min() >= 0 and first.max() <= 1


def test_the_loops_examples_clip_some_pixels_and_not_most():
    for seed in range(5):
        for drawn in draw_examples(invert_features, seed)[:3]:
            image = invert_features(**drawn.build())
            clipped = ((image == 0) | (image == 1)).double().mean()
            assert 0.001 < clipped < 0.9


def test_the_expected_numbers_are_the_ones_to_see():
    model = load_model()
    dog, macaw = (model.preprocess(load_photo(name)) for name in ("dog", "macaw"))

    def error(X, target):
        difference = model.features(X, "blocks.0.0") - target
        return float((difference**2).sum() / (target**2).sum())

    target = model.features(macaw, "blocks.0.0")
    moved = feature_inversion_step(dog, target, "blocks.0.0", model, 0.0, 1e-5)
    for image in (dog, moved):
        assert f"{error(image, target):.3f}" in feature_inversion_step.expected


def test_the_loops_expected_number_is_the_one_to_see():
    model = load_model()
    target = model.features(model.preprocess(load_photo("dog")), "blocks.0.0")
    image = invert_features(target, "blocks.0.0", model, learning_rate=1e-5, num_iterations=80)
    difference = model.features(image, "blocks.0.0") - target
    error = float((difference**2).sum() / (target**2).sum())
    assert error == pytest.approx(0.095, abs=0.001) and "0.095" in invert_features.expected
