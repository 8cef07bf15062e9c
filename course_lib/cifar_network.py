"""Our own small network for 32 x 32 pictures: made to be looked into.

Seven convolutions of 3 x 3, each with batch normalisation and a smooth activation, average pooling
between them and a global average before the classifier: no stride, no maximum, no in-place
operation. So gradients are smooth, and larger canvases than 32 x 32 work as well.
"""

from collections import OrderedDict
from hashlib import sha256
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

FOLDER = Path(__file__).parent / "weights"
NAMES = ("cifar_plain", "cifar_robust")

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
MEAN = (0.4914, 0.4822, 0.4465)  # of CIFAR-10's training pictures
STD = (0.2470, 0.2435, 0.2616)
IMAGE_SIZE = 32
CHANNELS = (32, 96, 96, 192, 192, 256, 256)  # of each convolution
POOLED_AFTER = (1, 3, 5)  # convolutions that are followed by an average over 2 x 2 pixels


def build():
    """The network with random weights drawn from torch's global generator.

    Returns:
        `torch.nn.Sequential` from normalised pictures ``(N, 3, H, W)``, H and W at least 8, to
        scores ``(N, 10)``; its layers are ``conv1, norm1, silu1, pool1, conv2, ..., classifier``.
    """
    layers, before = OrderedDict(), 3
    for number, channels in enumerate(CHANNELS, start=1):
        layers[f"conv{number}"] = nn.Conv2d(before, channels, 3, padding=1, bias=False)
        layers[f"norm{number}"] = nn.BatchNorm2d(channels)
        layers[f"silu{number}"] = nn.SiLU()
        if number in POOLED_AFTER:
            layers[f"pool{number}"] = nn.AvgPool2d(2)
        before = channels
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["classifier"] = nn.Linear(before, len(CLASSES))
    return nn.Sequential(layers)


def load(name):
    """One of the pair, in eval mode, float32.

    Args:
        name: ``"cifar_plain"`` or ``"cifar_robust"``; ``weights/MODEL_CARD.md`` describes them.

    Raises:
        FileNotFoundError: the weights are missing or damaged; the message says what brings them.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file() or sha256(path.read_bytes()).hexdigest() != checksums()[path.name]:
        raise FileNotFoundError(
            f"{path.name} is missing from the installed course_lib, or damaged: install the "
            "package again, with the command that installed it and the option --force-reinstall."
        )
    network = build()
    network.load_state_dict(load_file(path))  # stored in half precision, copied into float32
    return network.eval()


def checksums():
    """File name to SHA-256 of each weights file."""
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}
