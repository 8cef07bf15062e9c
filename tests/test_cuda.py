"""On a GPU the course does what it does on the CPU; skipped where there is none."""

import pytest
import torch
from torch import nn

from autograder import all_exercises
from autograder.judge import draw_examples
from course_lib import available_photos, load_model, load_photo, show_heatmaps
from course_lib.probes import ProbeFunction

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
SEED = 3
TOLERANCE = 1e-6  # of the largest number, in float64: long paths add rounding up


def to_gpu(value):
    """An example's argument on the GPU."""
    if isinstance(value, torch.Tensor):
        moved = value.detach().cuda().requires_grad_(value.requires_grad)
        moved.grad = None if value.grad is None else value.grad.cuda()
        return moved
    if isinstance(value, list):
        return [to_gpu(item) for item in value]
    return value.cuda() if isinstance(value, nn.Module) else value


def arguments_on_gpu(example):
    made = example.build()
    for name, value in example.arguments.items():
        if isinstance(value, ProbeFunction):
            weights = {key: weight.cuda() for key, weight in value.weights.items()}
            made[name] = ProbeFunction(weights, value.mixes).build()
    return {name: to_gpu(value) for name, value in made.items()}


def outcome(function, arguments, seed=1):
    """A function's tensors by name, or the type of the error that it raised."""
    torch.manual_seed(seed)
    try:
        value = function(**arguments)
    except ValueError as error:
        return type(error).__name__
    return value if isinstance(value, dict) else {"": value}


def assert_close(got, expected):
    assert got.dtype == expected.dtype and got.shape == expected.shape
    scale = float(expected.double().abs().max()) or 1.0
    difference = float((got.cpu().double() - expected.double()).abs().max())
    assert difference <= TOLERANCE * scale


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda exercise: exercise.name)
def test_solutions_give_on_a_gpu_what_they_give_on_the_cpu(exercise):
    for example in draw_examples(exercise, SEED):
        expected = outcome(exercise.function, example.build())
        got = outcome(exercise.function, arguments_on_gpu(example))
        if isinstance(expected, str):
            assert got == expected, example.name
            continue
        again = outcome(exercise.function, example.build(), seed=2)
        assert list(got) == list(expected)
        for name, tensor in expected.items():
            assert got[name].is_cuda or not tensor.numel(), example.name
            if torch.equal(tensor, again[name]):  # the random numbers of a GPU are others
                assert_close(got[name], tensor)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "cifar_plain", "cifar_robust"])
def test_the_networks_gradients_agree(name):
    model = load_model(name).double()
    photo = load_photo(available_photos()[0])
    expected = gradient(model, model.preprocess(photo))
    got = gradient(model.cuda(), model.preprocess(photo))
    assert got.is_cuda
    assert_close(got, expected)


def gradient(model, X):
    scores, cache = model.forward(X)
    dX, _ = model.backward(torch.ones_like(scores), cache)
    return dX


def test_pictures_are_shown_from_a_gpu():
    images, maps = torch.rand(2, 3, 8, 8), torch.rand(2, 8, 8)
    words = {"caption": "Maps.", "alt": "Two maps."}
    shown = show_heatmaps(images.cuda(), maps.cuda(), **words)
    assert shown.html() == show_heatmaps(images, maps, **words).html()
