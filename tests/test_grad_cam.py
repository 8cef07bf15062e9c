"""Grad-CAM against Captum, and what a learner relies on: the range, dead maps, the class."""

import captum.attr
import pytest
import torch
from torch.nn.functional import interpolate

from autograder.judge import draw_examples
from course_lib import load_model, load_photo
from solutions.grad_cam import DEAD, grad_cam


def by_captum(X, y, model, layer):
    method = captum.attr.LayerGradCam(model.eval(), model.network.get_submodule(layer))
    images = X.detach().clone().requires_grad_()
    maps = method.attribute(images, target=y, relu_attributions=True).detach()
    maps = interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return (maps / maps.amax((1, 2), keepdim=True)).nan_to_num(0)


@pytest.mark.parametrize("seed", range(3))
def test_maps_agree_with_captum_on_small_networks(seed):
    for example in draw_examples(grad_cam, seed):
        arguments = example.build()
        expected = by_captum(**example.build())
        assert torch.allclose(grad_cam(**arguments), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("layer", ["bn2", "blocks.6.0", "blocks.4.2"])
def test_maps_agree_with_captum_on_photographs(layer):
    model = load_model()
    X = model.preprocess([load_photo("dog"), load_photo("macaw")])
    y = torch.tensor([235, 100])
    maps = grad_cam(X, y, model, layer)
    assert torch.allclose(maps, by_captum(X, y, model, layer), rtol=0, atol=1e-4)
    assert maps.min() >= 0 and maps.amax((1, 2)).tolist() == [1, 1]


def test_the_examples_hold_a_map_without_anything_positive_and_coarser_layers():
    for seed in range(10):
        examples = draw_examples(grad_cam, seed)
        arguments = examples[2].build()
        dead = arguments["y"] == DEAD
        maps = grad_cam(**arguments)
        assert dead.sum() == 1 and not maps[dead].any() and maps[~dead].any()
        for example in examples:
            X, model, layer = (example.build()[k] for k in ("X", "model", "layer"))
            assert model.features(X, layer).shape[2:] == (6, 7) != X.shape[2:]


def test_the_expected_number_is_the_one_to_see():
    model = load_model()
    X = model.preprocess(load_photo("dog"))
    saliency = grad_cam(X, torch.tensor([235]), model, "bn2")
    assert f"{saliency.mean():.3f}" in grad_cam.expected
