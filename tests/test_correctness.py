"""The references against something independent: Captum, finite differences, torch's own checks."""

import captum.attr
import pytest
import torch

from autograder.judge import draw_examples
from course_lib import load_model, load_photo
from solutions.image_gradients import image_gradient, numerical_gradient
from solutions.saliency import compute_saliency_maps


def relative_error(got, expected):
    return float((got - expected).abs().max() / expected.abs().max())


def saliency_by_captum(model, X, y):
    images = X.clone().requires_grad_()
    return captum.attr.Saliency(model).attribute(images, target=y, abs=True).amax(dim=1).detach()


def test_saliency_maps_agree_with_captum_on_small_networks():
    for example in draw_examples("compute_saliency_maps", 3):
        arguments = example.build()
        expected = saliency_by_captum(arguments["model"].eval(), arguments["X"], arguments["y"])
        assert relative_error(compute_saliency_maps(**arguments), expected) < 1e-10


def test_saliency_maps_agree_with_captum_on_photographs():
    model = load_model()
    X = model.preprocess([load_photo("dog"), load_photo("macaw")])
    y = model(X).argmax(1)
    expected = saliency_by_captum(model, X, y)
    assert relative_error(compute_saliency_maps(X, y, model), expected) < 1e-5


def test_saliency_maps_agree_with_central_differences():
    """Each pixel's map value is the largest of three slopes, measured without autograd."""
    arguments = draw_examples("compute_saliency_maps", 4)[0].build()
    X, y, model = (arguments[k] for k in ("X", "y", "model"))
    maps = compute_saliency_maps(X, y, model)
    eps, n, row, column = 1e-5, 3, 2, 4
    slopes = []
    for channel in range(3):
        step = torch.zeros_like(X)
        step[n, channel, row, column] = eps
        rise = model.score(X + step, y)[n] - model.score(X - step, y)[n]
        slopes.append(abs(float(rise)) / (2 * eps))
    assert float(maps[n, row, column]) == pytest.approx(max(slopes), rel=1e-6)


@pytest.mark.parametrize("place", range(2))
def test_the_image_gradient_agrees_with_central_differences(place):
    arguments = draw_examples("image_gradient", 5)[place].build()
    exact = image_gradient(**arguments)
    assert relative_error(numerical_gradient(**arguments, eps=1e-5), exact) < 1e-6


def test_central_differences_are_of_second_order():
    """Ten times smaller steps give a hundred times smaller errors."""
    arguments = draw_examples("numerical_gradient", 6)[0].build() | {}
    arguments.pop("eps")
    exact = image_gradient(**arguments)
    coarse, fine = (
        relative_error(numerical_gradient(**arguments, eps=eps), exact) for eps in (1e-2, 1e-3)
    )
    assert coarse / fine == pytest.approx(100, rel=0.05)


def test_the_probe_function_passes_torchs_own_gradient_check():
    arguments = draw_examples("image_gradient", 7)[2].build()
    assert torch.autograd.gradcheck(arguments["f"], arguments["X"].requires_grad_())


def test_the_image_gradient_of_a_linear_map_is_its_transpose():
    matrix = torch.randn(4, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    X = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    v = torch.randn(1, 4, dtype=torch.float64)
    gradient = image_gradient(lambda images: images.flatten(1) @ matrix.T, X, v)
    assert relative_error(gradient.flatten(1), v @ matrix) < 1e-12
