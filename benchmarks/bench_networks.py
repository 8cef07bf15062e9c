"""What our own small networks cost beside EfficientNet-Lite0: loading, one gradient, size."""

import torch

from benchmarks.side_by_side import print_ratios, seconds
from course_lib import cifar_network, efficientnet_lite, load_model, load_photo

NAMES = ("efficientnet_lite0", *cifar_network.NAMES)


def main():
    """Print sizes, and the times to load each network and to take one image's gradient."""
    files = {"efficientnet_lite0": efficientnet_lite.weights_file()}
    files |= {name: cifar_network.FOLDER / f"{name}.safetensors" for name in cifar_network.NAMES}
    for name, file in files.items():
        parameters = sum(p.numel() for p in load_model(name).parameters())
        size = file.stat().st_size / 1e6
        print(f"  {name:42} {parameters / 1e6:8.2f} million parameters, {size:.1f} MB")
    print_ratios(seconds({f"load {name}": lambda n=name: load_model(n) for name in NAMES}))
    torch.set_num_threads(1)
    print_ratios(seconds({f"gradient, {name}": gradient_of(name) for name in NAMES}))


def gradient_of(name):
    """A function that runs one forward and one backward pass for one image."""
    model = load_model(name)
    X = model.preprocess(load_photo("dog")).requires_grad_()

    def gradient():
        torch.autograd.grad(model(X).max(), X)

    return gradient
