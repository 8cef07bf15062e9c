"""Class visualization against finite differences, Captum and closed forms; and its examples."""

import captum.attr
import pytest
import torch

from autograder.judge import draw_examples
from course_lib import load_model, load_photo
from course_lib.fourier_image import FourierImage, random_view
from solutions.class_visualization import (
    DEAD,
    class_visualization_step,
    create_class_visualization,
)


def step_arguments(position, seed=0):
    arguments = draw_examples(class_visualization_step, seed)[position].build()
    return arguments | {"X": arguments["X"].detach()}


def objective(X, target_y, model, l2_reg):
    """Each image's objective (N,)."""
    return model.score(X, target_y) - l2_reg * ((X - 0.5) ** 2).sum(dim=(1, 2, 3))


@pytest.mark.parametrize("seed", range(3))
def test_the_direction_is_that_of_finite_differences(seed):
    """One image, each of its numbers moved up and down by itself."""
    arguments = step_arguments(3, seed)
    X, y, model, l2_reg = (arguments[name] for name in ("X", "target_y", "model", "l2_reg"))
    moved = 1e-5 * torch.eye(X.numel(), dtype=X.dtype).view(-1, *X.shape[1:])
    ys = y.expand(len(moved))
    slopes = (objective(X + moved, ys, model, l2_reg) - objective(X - moved, ys, model, l2_reg)) / (
        2e-5
    )
    expected = arguments["learning_rate"] * slopes.view_as(X) / slopes.norm()
    step = class_visualization_step(**arguments) - X
    assert torch.allclose(step, expected, rtol=0, atol=1e-7)


def test_without_penalty_the_direction_is_captums_gradient():
    arguments = step_arguments(0) | {"l2_reg": 0.0}
    X, y, model = (arguments[name] for name in ("X", "target_y", "model"))
    saliency = captum.attr.Saliency(model.eval())
    gradient = saliency.attribute(X.clone().requires_grad_(), target=y, abs=False)
    lengths = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    step = class_visualization_step(**arguments) - X
    assert torch.allclose(step, arguments["learning_rate"] * gradient / lengths, atol=1e-12)


def test_where_the_score_is_constant_the_step_goes_straight_to_grey():
    arguments = step_arguments(2)
    X, alone = arguments["X"], arguments["target_y"] == DEAD
    assert torch.equal(class_visualization_step(**arguments)[alone], X[alone])
    towards = class_visualization_step(**arguments | {"l2_reg": 0.3})[alone]
    distance = (X[alone] - 0.5).norm()
    assert torch.allclose(towards, X[alone] - 0.8 * (X[alone] - 0.5) / distance)


@pytest.mark.parametrize("seed", range(20))
def test_the_examples_hold_what_tells_mistakes_apart(seed):
    for example in draw_examples(class_visualization_step, seed):
        arguments = example.build()
        X, y, l2_reg = (arguments[name] for name in ("X", "target_y", "l2_reg"))
        model = arguments["model"].eval()
        gradient = model.backward(
            torch.nn.functional.one_hot(y, model.num_classes).to(X.detach()), model.forward(X)[1]
        )[0]
        lengths = gradient.flatten(1).norm(dim=1)
        assert ((lengths > 0.1) | ((y == DEAD) & (l2_reg == 0))).all()
        new = class_visualization_step(**arguments)
        assert new.isfinite().all()
    assert 0 in (draw_examples(class_visualization_step, seed)[2].arguments["target_y"])


def test_a_loop_without_helpers_is_steps_and_clips():
    (arguments,) = (
        e.build() for e in draw_examples(create_class_visualization, 0) if "without" in e.name
    )
    X = create_class_visualization(**arguments | {"num_iterations": 0})
    assert X.min() >= 0.4 and X.max() <= 0.6
    for _ in range(arguments["num_iterations"]):
        X = class_visualization_step(
            X, arguments["target_y"], arguments["model"], 0.0, arguments["learning_rate"]
        ).clamp(0, 1)
    assert torch.equal(X, create_class_visualization(**arguments))


def test_loops_stay_in_range_and_leave_the_global_random_state_alone():
    for example in draw_examples(create_class_visualization, 1):
        state = torch.get_rng_state()
        first = create_class_visualization(**example.build())
        torch.manual_seed(5)
        again = create_class_visualization(**example.build())
        torch.set_rng_state(state)
        assert torch.equal(first, again)
        assert first.min() >= 0 and first.max() <= 1


def test_jitter_moves_the_image_and_brings_it_back():
    """A step that changes nothing leaves the start image, whatever the jitter."""
    arguments = draw_examples(create_class_visualization, 0)[0].build()
    arguments |= {"learning_rate": 0.0, "blur_every": 0}
    start = create_class_visualization(**arguments | {"num_iterations": 0})
    assert torch.equal(create_class_visualization(**arguments), start)


def test_the_expected_numbers_are_those_to_see():
    model = load_model()
    X, y = model.preprocess(load_photo("dog")), torch.tensor([1])
    new = class_visualization_step(X, y, model, 0.01, 1.0)
    for image in (X, new):
        assert f"{model.score(image, y).item():.2f}" in class_visualization_step.expected
    assert f"{(new - X).norm():.3f}" in class_visualization_step.expected
    score = model.score(create_class_visualization(y, model), y).item()
    assert f"{score:.1f}" in create_class_visualization.expected


def test_a_fourier_image_starts_near_grey_and_its_coefficients_get_gradients():
    image = FourierImage(2, 16, torch.Generator().manual_seed(0))
    X = image()
    assert X.shape == (2, 3, 16, 16) and (X - 0.5).abs().max() < 0.05
    X.square().sum().backward()
    assert image.coefficients.grad.abs().amax() > 0


def test_decay_gives_low_frequencies_more_weight():
    image = FourierImage(1, 16, torch.Generator(), decay=1.0)
    assert image.weight[0, 2] == pytest.approx(float(4 * image.weight[0, 8]))


def test_a_random_view_without_ranges_is_the_image_and_a_shift_shifts():
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(2, 3, 12, 10, generator=generator)
    still = random_view(X, generator, shift=0, scale=0, degrees=0)
    assert torch.allclose(still, X, atol=1e-5)
    assert not torch.allclose(random_view(X, generator), X, atol=1e-2)
