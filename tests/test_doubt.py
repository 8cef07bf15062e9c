"""The remedies and the test against Captum, SciPy and what they promise."""

import captum.attr
import pytest
import scipy.stats
import torch

from autograder.judge import draw_examples
from course_lib import load_model, load_photo
from solutions.doubt import (
    integrated_gradients,
    randomization_test,
    rank_correlation,
    smooth_grad,
)

SHEPHERD = torch.tensor([235])


def gradient_map(X, y, model):
    return smooth_grad(X, y, model, num_samples=1, noise_level=0).abs().amax(dim=1)


@pytest.mark.parametrize("seed", range(3))
def test_integrated_gradients_agree_with_captum(seed):
    for example in draw_examples(integrated_gradients, seed):
        call = example.build()
        if call["num_steps"] == 1:
            continue  # Captum wants two
        model, X, baseline = call["model"].eval(), call["X"].detach(), call["baseline"].detach()
        expected = captum.attr.IntegratedGradients(model).attribute(
            X.clone(),
            baseline.expand_as(X).clone(),
            target=call["y"],
            n_steps=call["num_steps"],
            method="riemann_middle",
        )
        found = integrated_gradients(**example.build())
        scale = float(expected.abs().max())  # Captum's weights are in single precision
        assert torch.allclose(found, expected, rtol=0, atol=1e-6 * scale)


def test_attributions_add_up_to_the_difference_of_the_scores():
    call = draw_examples(integrated_gradients, 0)[0].build()
    X, y, model, baseline = (call[name] for name in ("X", "y", "model", "baseline"))
    gain = model.score(X, y) - model.score(baseline, y)
    errors = []
    for num_steps in (25, 50, 100):
        parts = integrated_gradients(X, y, model, baseline, num_steps)
        errors.append(float((parts.sum((1, 2, 3)) - gain).abs().max()))
    assert errors[-1] < 1e-3 and errors[0] > 3 * errors[1] > 9 * errors[2]  # second order


@pytest.mark.parametrize("seed", range(3))
def test_smooth_grad_agrees_with_captum_on_the_same_noise(seed, monkeypatch):
    """Captum's noise tunnel over its saliency, its noise replaced by the exercise's."""
    for example in draw_examples(smooth_grad, seed):
        call = example.build()
        X, samples = call["X"].detach(), call["num_samples"]
        generator = torch.Generator().manual_seed(call["seed"])
        noise = torch.randn(samples, *X.shape, generator=generator, dtype=X.dtype)
        sigma = call["noise_level"] * torch.stack([image.max() - image.min() for image in X])
        noise = (sigma.view(-1, 1, 1, 1) * noise).transpose(0, 1).flatten(0, 1)
        tunnel = captum.attr.NoiseTunnel(captum.attr.Saliency(call["model"].eval()))
        monkeypatch.setattr(torch, "normal", lambda mean, std, noise=noise: noise)
        expected = tunnel.attribute(
            X.clone(),
            nt_type="smoothgrad",
            nt_samples=samples,
            stdevs=1.0,
            target=call["y"],
            abs=False,
        )
        monkeypatch.undo()
        assert torch.allclose(smooth_grad(**example.build()), expected, rtol=0, atol=1e-10)


def test_without_noise_it_is_the_gradient_and_seeds_differ():
    call = draw_examples(smooth_grad, 0)[0].build()
    calm = smooth_grad(**call | {"noise_level": 0.0})
    X = call["X"].clone().requires_grad_()
    plain = captum.attr.Saliency(call["model"]).attribute(X, call["y"], abs=False)
    assert torch.allclose(calm, plain, rtol=0, atol=1e-12)
    assert not torch.allclose(smooth_grad(**call), smooth_grad(**call | {"seed": 9}))


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlations_agree_with_scipy(seed):
    for example in draw_examples(rank_correlation, seed):
        call = example.build()
        one, other = (call[name].detach().flatten(1) for name in ("one", "other"))
        for a, b, found in zip(one, other, rank_correlation(**call), strict=True):
            if len(a.unique()) > 1 and len(b.unique()) > 1:
                assert found.item() == pytest.approx(scipy.stats.spearmanr(a, b)[0], abs=1e-12)
            else:
                assert found == 0


def test_a_map_turned_round_has_minus_one():
    one = torch.rand(4, 5, 6)
    assert torch.allclose(rank_correlation(one, -(one**3)).float(), -torch.ones(4))


def test_the_randomisation_cascades_and_keeps_means_and_deviations():
    call = draw_examples(randomization_test, 0)[0].build()
    seen = []

    def spy(X, y, model):
        seen.append({k: v.clone() for k, v in model.network.state_dict().items()})
        return X

    layers = ["classifier", "conv2"]
    rows = randomization_test(**call | {"attribute": spy, "layers": layers})
    assert torch.allclose(rows, torch.ones(2, len(call["X"])).double())
    trained, first, second = seen

    def changed(state):
        return [k for k in trained if not torch.equal(trained[k], state[k])]

    assert changed(first) == ["classifier.weight", "classifier.bias"]
    assert changed(second) == ["conv2.weight", "conv2.bias", *changed(first)]
    assert torch.equal(first["classifier.weight"], second["classifier.weight"])
    before, after = trained["conv2.weight"], second["conv2.weight"]
    error = before.std() / before.numel() ** 0.5
    assert (before.mean() - after.mean()).abs() < 5 * error
    assert after.std() == pytest.approx(before.std().item(), rel=0.2)


def test_an_edge_detector_does_not_notice():
    call = draw_examples(randomization_test, 3)[2].build()
    assert torch.allclose(randomization_test(**call), torch.ones(2, 5).double())


def test_the_expected_numbers_are_the_ones_to_see():
    model = load_model()
    dog = model.preprocess(load_photo("dog"))
    calm = smooth_grad(dog, SHEPHERD, model, num_samples=10, noise_level=0.1)
    assert f"{calm.max():.3f}" in smooth_grad.expected
    black = torch.zeros_like(dog)
    parts = integrated_gradients(dog, SHEPHERD, model, black, num_steps=20)
    gain = model.score(dog, SHEPHERD) - model.score(black, SHEPHERD)
    assert f"{parts.sum():.1f}" in integrated_gradients.expected
    assert f"{gain.item():.2f}" in integrated_gradients.expected
    layers = ["classifier", "blocks.6.0", "blocks.5.0"]
    rows = randomization_test(dog, SHEPHERD, model, gradient_map, layers)
    for row in rows:
        assert f"{row.item():.2f}" in randomization_test.expected
    small = rank_correlation(torch.tensor([[1.0, 2, 2, 9]]), torch.tensor([[0.0, 5, 3, 8]]))
    assert f"{small.item():.3f}" in rank_correlation.expected
