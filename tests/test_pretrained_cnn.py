"""The wrapper: scores, features and the explicit backward pass agree with autograd; bad input."""

import numpy as np
import pytest
import torch
from torch import nn

from autograder.probes import draw_images, draw_network
from course_lib.pretrained_cnn import PretrainedCNN

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(5)


@pytest.fixture
def model(generator):
    return draw_network(generator).build()


@pytest.fixture
def X(generator):
    return draw_images(generator, 4)


def relative_error(got, expected):
    got, expected = torch.as_tensor(got), torch.as_tensor(expected)
    return float((got - expected).abs().max() / expected.abs().max())


def test_scores_are_those_of_the_network_on_normalised_pixels(model, X):
    mean, std = torch.tensor([0.45, 0.5, 0.4]), torch.tensor([0.25, 0.2, 0.3])
    normalised = (X - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    assert relative_error(model(X), model.network(normalised)) < 1e-6


def test_the_gradient_is_one_of_pixels(model, X):
    """Central differences in float64, of the pixels and not of normalised values."""
    direction = torch.randn(X.shape, generator=torch.Generator().manual_seed(1)).double()
    images = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(images).sum(), images)
    eps = 1e-5
    slope = (model(X + eps * direction) - model(X - eps * direction)).sum() / (2 * eps)
    assert float(slope) == pytest.approx(float((gradient * direction).sum()), rel=1e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("end", [None, "conv2", "flatten"])
def test_explicit_backward_agrees_with_autograd(model, X, dtype, as_array, end):
    model, X = model.to(dtype), X.to(dtype)
    out, cache = model.forward(X.numpy() if as_array else X, end=end)
    dout = torch.randn(out.shape, generator=torch.Generator().manual_seed(2)).to(dtype)
    dX, _ = model.backward(dout.numpy() if as_array else dout, cache)
    images = X.clone().requires_grad_()
    features = model.features(images, end or "scores")
    (expected,) = torch.autograd.grad(features, images, dout)
    assert type(dX) is type(out) is (np.ndarray if as_array else torch.Tensor)
    assert relative_error(out, features.detach()) < TOLERANCE[dtype]
    assert relative_error(dX, expected) < TOLERANCE[dtype]


def test_backward_from_layer_to_layer_is_the_chain_rule(model, X):
    hidden, first = model.forward(X, end="conv2")
    scores, second = model.forward(hidden, start="softplus2")
    dout = torch.ones_like(scores)
    dhidden, _ = model.backward(dout, second)
    dX, _ = model.backward(dhidden, first)
    whole, cache = model.forward(X)
    assert relative_error(scores, whole) < 1e-12
    assert relative_error(dX, model.backward(dout, cache)[0]) < 1e-10


def test_backward_gives_the_gradients_of_the_parameters_too(model, X):
    out, cache = model.forward(X)
    _, grads = model.backward(torch.ones_like(out), cache)
    assert set(grads) == {name for name, _ in model.network.named_parameters()}
    model.requires_grad_(True)
    model(X).sum().backward()
    for name, parameter in model.network.named_parameters():
        assert relative_error(grads[name], parameter.grad) < 1e-10, name


def test_a_cache_can_be_used_twice(model, X):
    out, cache = model.forward(X)
    first, _ = model.backward(torch.ones_like(out), cache)
    second, _ = model.backward(torch.ones_like(out), cache)
    assert torch.equal(first, second)


def test_forward_leaves_no_trace(model, X):
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    images = X.clone()
    torch.manual_seed(0)
    test_out, _ = model.forward(X)
    train_out, cache = model.forward(X, mode="train")
    model.backward(torch.ones_like(train_out), cache)
    assert not torch.allclose(test_out, train_out), "train mode uses batch statistics"
    assert torch.equal(X, images) and not X.requires_grad and X.grad is None
    assert all(part.training for part in model.modules())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())


def test_modes_come_back_after_an_error(model, X):
    model.train()
    with pytest.raises(RuntimeError):
        model.forward(X, start="classifier")
    assert all(part.training for part in model.modules())


def test_features_of_the_last_layer_are_the_scores(model, X):
    assert model.layers[-1] == "scores"
    assert torch.equal(model.features(X, "scores"), model(X))
    assert model.features(X, "conv2").shape == (4, 8, 6, 7)


def test_inplace_activations_do_not_overwrite_features():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    model = PretrainedCNN(network, mean=[0] * 3, std=[1] * 3, class_names="abcd", image_size=8)
    X = torch.rand(2, 3, 8, 8)
    kept = model.features(X, "0")
    model(X)
    assert (kept < 0).any(), "the convolution's own output, before the ReLU"


def test_score_picks_one_class_for_each_image(model, X):
    y = torch.tensor([3, 0, 8, 5])
    assert torch.equal(model.score(X, y), model(X)[torch.arange(4), y])


def test_forward_passes_are_counted(model, X):
    model(X), model.features(X, "conv1"), model.forward(X), model.score(X, torch.zeros(4).long())
    assert model.forward_passes == 4


def test_the_model_is_frozen_and_in_eval_mode(model):
    assert not any(p.requires_grad for p in model.parameters())
    assert not model.training and not model.network.training


def test_vmap_and_functional_gradients_work(model, X):
    scores = torch.func.vmap(lambda image: model(image[None])[0])(X)
    assert relative_error(scores, model(X)) < 1e-10


def test_preprocess_keeps_the_aspect_and_the_centre(model):
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 20:60] = 255
    X = model.preprocess([picture, picture[:, :40]])
    assert X.shape == (2, 3, 8, 8) and X.dtype == torch.float64
    assert float(X[0, :, :, 1:-1].min()) == 1.0, "the white middle fills the crop"
    assert float(X.min()) >= 0 and float(X.max()) <= 1


def test_deprocess_inverts_preprocess_and_clips(model):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.array_equal(model.deprocess(model.preprocess(picture))[0], picture)
    wild = torch.tensor([-1.0, 0.5, 2.0]).view(1, 3, 1, 1)
    assert model.deprocess(wild).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "spoil, error, words",
    [
        (lambda X: X[0], ValueError, "(3, 6, 7); expected (N, 3, H, W)"),
        (lambda X: X.permute(0, 2, 3, 1), ValueError, "expected (N, 3, H, W)"),
        (lambda X: X.float(), TypeError, "X is torch.float32, the model torch.float64"),
        (lambda X: (X * 255).to(torch.uint8), TypeError, "/ 255"),
        (lambda X: X * 255, ValueError, "Divide 8-bit pixels by 255"),
        (lambda X: X.log().log(), ValueError, "nan"),
        (lambda X: X.numpy(), TypeError, "expected a torch tensor"),
    ],
)
def test_a_wrong_batch_says_what_is_wrong(model, X, spoil, error, words):
    with pytest.raises(error) as caught:
        model(spoil(X))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "y, words",
    [
        (torch.tensor([0, 1, 2, 9]), "this model's are 0 to 8"),
        (torch.tensor([0, -1, 2, 3]), "from -1 to 3"),
        (torch.tensor([0, 1]), "expected (4,)"),
        (torch.tensor([0.0, 1, 2, 3]), "int64"),
        ([0, 1, 2, 3], "int64"),
    ],
)
def test_wrong_labels_say_what_is_wrong(model, X, y, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        model.score(X, y)
    assert words in str(caught.value)


def test_a_wrong_layer_lists_the_right_ones(model, X):
    with pytest.raises(ValueError, match='no layer "conv3".*Did you mean "conv.".*conv1, bn1'):
        model.features(X, "conv3")
    with pytest.raises(ValueError, match="no layer"):
        model.forward(X, end="conv3")


def test_a_wrong_mode_or_upstream_gradient_is_refused(model, X):
    with pytest.raises(ValueError, match='"test" or "train"'):
        model.forward(X, mode="eval")
    _, cache = model.forward(X)
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 9\)"):
        model.backward(torch.ones(4, 3).double(), cache)


def test_a_picture_of_floats_is_refused(model):
    with pytest.raises(TypeError, match="float64"):
        model.preprocess(np.zeros((8, 8, 3)))
