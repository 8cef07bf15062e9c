"""What the wrapper and the reference cost beside the bare network and beside Captum."""

import captum.attr
import torch

from benchmarks.side_by_side import print_ratios, seconds
from course_lib import load_model, load_photo
from solutions.saliency import compute_saliency_maps


def main():
    """Print the times of one image's gradient, five ways."""
    model = load_model()
    X = model.preprocess(load_photo("dog"))
    y = torch.tensor([235])
    one_hot = torch.nn.functional.one_hot(y, model.num_classes).to(X)
    normalised = (X - model.mean) / model.std
    saliency = captum.attr.Saliency(model)

    def bare():
        images = normalised.clone().requires_grad_()
        torch.autograd.grad(model.network(images)[0, 235], images)

    def wrapped():
        images = X.clone().requires_grad_()
        torch.autograd.grad(model(images)[0, 235], images)

    def explicit():
        _, cache = model.forward(X)
        model.backward(one_hot, cache)

    print_ratios(
        seconds(
            {
                "the bare network": bare,
                "the wrapper": wrapped,
                "explicit forward and backward": explicit,
                "compute_saliency_maps": lambda: compute_saliency_maps(X, y, model),
                "Captum's Saliency": lambda: saliency.attribute(X, target=y),
            }
        )
    )
