"""Fooling pictures: each step by an independent gradient, the loop's end, and what is refused."""

import pytest
import torch

from autograder.judge import draw_examples
from course_lib import load_model, load_photo
from course_lib.probes import TooManyForwardPasses
from solutions.fooling import make_fooling_image


def slopes(model, X, target, eps=1e-6):
    """The gradient of the target's score by central differences, in float64."""
    steps = eps * torch.eye(X.numel(), dtype=X.dtype).view(-1, *X.shape[1:])
    above, below = (model(X + sign * steps)[:, target] for sign in (1, -1))
    return ((above - below) / (2 * eps)).view_as(X)


def path(X, target_y, model, max_iter, learning_rate):
    """The exercise's text, word by word, without autograd; all pictures on the way."""
    pictures = [X.detach().clone()]
    for _ in range(max_iter):
        if model(pictures[-1]).argmax() == target_y:
            break
        g = slopes(model, pictures[-1], target_y)
        length = (g**2).sum() ** 0.5
        step = learning_rate * g / length if length > 0 else 0 * g
        pictures.append((pictures[-1] + step).clamp(0, 1))
    return pictures


@pytest.mark.parametrize("seed", range(2))
def test_pictures_agree_with_finite_differences(seed):
    for example in draw_examples(make_fooling_image, seed)[:6]:
        expected = path(**example.build())[-1]
        got = make_fooling_image(**example.build())
        assert torch.allclose(got, expected, rtol=0, atol=1e-4), example.name


@pytest.mark.parametrize("seed", range(8))
def test_the_examples_hold_every_special_case(seed):
    examples = draw_examples(make_fooling_image, seed)
    fooled, few, far, already, oblong, flat = (e.build() for e in examples[:6])
    ends = {}
    for name, arguments in {"fooled": fooled, "few": few, "far": far, "already": already,
                            "oblong": oblong, "flat": flat}.items():  # fmt: skip
        model, before = arguments["model"], arguments["X"].clone()
        picture = make_fooling_image(**arguments)
        steps, reached = model.forward_passes, model(picture).argmax() == arguments["target_y"]
        ends[name] = bool(reached)
        assert arguments["target_y"] != 6 or name == "already"
        if name in ("fooled", "oblong"):
            assert 2 <= steps - 1 < arguments["max_iter"]
        if name in ("few", "far"):
            assert steps == arguments["max_iter"]
        if name in ("already", "flat"):
            assert torch.equal(picture, before) and picture.data_ptr() != arguments["X"].data_ptr()
        if name == "far":
            assert ((picture == 0) | (picture == 1)).double().mean() > 0.2
    assert ends == {"fooled": True, "few": False, "far": False, "already": True, "oblong": True,
                    "flat": False}  # fmt: skip
    assert len({(e["max_iter"], e["learning_rate"]) for e in (fooled, few, far, oblong)}) == 4


def test_a_target_out_of_reach_stays_so():
    arguments = draw_examples(make_fooling_image, 0)[2].build() | {"max_iter": 10**9}
    with pytest.raises(TooManyForwardPasses):
        make_fooling_image(**arguments)


@pytest.mark.parametrize("target_y", [-1, 9, 1000])
def test_a_class_that_does_not_exist_is_refused(target_y):
    arguments = draw_examples(make_fooling_image, 0)[0].build() | {"target_y": target_y}
    with pytest.raises(ValueError, match=f"no class {target_y}: they are 0 to 8"):
        make_fooling_image(**arguments)


def test_no_step_is_allowed():
    arguments = draw_examples(make_fooling_image, 0)[0].build() | {"max_iter": 0}
    assert torch.equal(make_fooling_image(**arguments), arguments["X"])


def test_the_expected_numbers_are_the_ones_to_see():
    model = load_model()
    dog = model.preprocess(load_photo("dog"))
    before = model.forward_passes
    fooled = make_fooling_image(dog, 1, model, learning_rate=0.2)
    change = fooled - dog
    assert f"about {model.forward_passes - before - 1} steps" in make_fooling_image.expected
    assert f"{change.norm():.2f}" in make_fooling_image.expected
    assert f"{255 * change.abs().max():.0f} of 255" in make_fooling_image.expected
    assert model.class_names[1] == "goldfish" and model(fooled).argmax() == 1
