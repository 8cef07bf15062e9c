"""Images given by Fourier coefficients: ascent then moves whole shapes and colours, not pixels.

Olah, Mordvintsev and Schubert 2017, "Feature Visualization", section "Preconditioning and
Parameterization": coefficients divided by their frequency, and colours along the axes on which
those of photographs vary independently.
"""

import math

import torch
from torch import nn
from torch.nn.functional import affine_grid, grid_sample

# Columns: brightness, blue against yellow, green against magenta; square root of the covariance of
# ImageNet's colours, as Olah et al. published it, divided by the length of its longest column.
COLOUR_AXES = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]]) / 0.462
START = 0.01  # spread of the coefficients at the start
CONTRAST = 0.25


class FourierImage(nn.Module):
    """A batch of square images whose parameter is one tensor of Fourier coefficients.

    Args:
        count: number of images.
        size: height and width in pixels.
        generator: `torch.Generator` that draws the start.
        decay: coefficients are divided by their frequency to this power; 1 gives all scales of a
            picture about equal contrast, as photographs have it.
    """

    def __init__(self, count, size, generator, decay=1.0):
        super().__init__()
        rows, columns = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
        frequency = torch.hypot(rows[:, None], columns[None]).clamp(min=1 / size)
        self.register_buffer("weight", frequency**-decay)
        start = torch.randn(count, 3, size, len(columns), 2, generator=generator)
        self.coefficients = nn.Parameter(START * start)
        self.size = size

    def forward(self):
        """The images ``(count, 3, size, size)``, float32 between 0 and 1."""
        spectrum = torch.view_as_complex(self.coefficients) * self.weight
        planes = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho")
        return torch.sigmoid(torch.einsum("cp,nphw->nchw", COLOUR_AXES, CONTRAST * planes))


def random_view(X, generator, shift=20, scale=0.5, degrees=45):
    """Each image moved, scaled and turned at random; borders are mirrored.

    Args:
        X: images ``(N, 3, H, W)``.
        generator: `torch.Generator` for the draws.
        shift: largest shift in pixels; scale: largest change of size; degrees: largest turn.

    Returns:
        images of the same shape, differentiable with respect to X.
    """
    draws = 2 * torch.rand(4, len(X), generator=generator) - 1
    factor, angle = 1 + scale * draws[0], math.radians(degrees) * draws[1]
    cosine, sine = angle.cos() / factor, angle.sin() / factor
    right, down = (
        2 * shift / side * draw for side, draw in zip(X.shape[:1:-1], draws[2:], strict=True)
    )
    rows = [torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)]
    grid = affine_grid(torch.stack(rows, 1).to(X), X.shape, align_corners=False)
    return grid_sample(X, grid, padding_mode="reflection", align_corners=False)
