"""Adversaries in L2: the change of the picture, within a ball, that raises the loss most.

Madry et al. 2018, section 2.1 (projected gradient descent); Wong et al. 2020, section 4 (one step
from a random start).
"""

import torch
from torch.nn.functional import cross_entropy


def _column(values):
    """``(N,)`` as ``(N, 1, 1, 1)``."""
    return values.view(-1, 1, 1, 1)


def _length(changes):
    """L2 length of each image's change ``(N, 1, 1, 1)``."""
    return _column(changes.flatten(1).norm(dim=1))


def random_change(X, epsilon, generator):
    """A change in a random direction, of a length that is uniform in [0, epsilon].

    Args:
        X: images ``(N, 3, H, W)``.
        epsilon: radius, in units of [0, 1] pixels.
        generator: `torch.Generator`.

    Returns:
        change ``(N, 3, H, W)``.
    """
    direction = torch.randn(X.shape, generator=generator).to(X)
    lengths = torch.rand(len(X), generator=generator).to(X) * epsilon
    return direction / _length(direction) * _column(lengths)


def project(change, X, epsilon):
    """The nearest change in the ball of radius epsilon, cut where a pixel would leave [0, 1]."""
    shrink = (epsilon / _length(change).clamp_min(1e-12)).clamp_max(1)
    return (X + change * shrink).clamp(0, 1) - X


def attack(score, X, y, epsilon, steps, step_size, generator):
    """Images near X that raise the cross-entropy.

    Args:
        score: function from images ``(N, 3, H, W)`` in [0, 1] to scores ``(N, classes)``.
        X: images ``(N, 3, H, W)`` in [0, 1].
        y: their right classes ``(N,)``.
        epsilon: radius of the L2 ball, in units of [0, 1] pixels.
        steps: number of ascent steps; each moves by `step_size` along the unit gradient.
        step_size: length of a step.
        generator: draws the start.

    Returns:
        images ``(N, 3, H, W)`` in [0, 1], at most epsilon from X.
    """
    change = project(random_change(X, epsilon, generator), X, epsilon)
    for _ in range(steps):
        change.requires_grad_()
        loss = cross_entropy(score(X + change), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, change)
        step = step_size * gradient / _length(gradient).clamp_min(1e-12)
        change = project(change.detach() + step, X, epsilon)
    return X + change
