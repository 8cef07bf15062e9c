"""Colours of heat maps: perceptually uniform, safe for the colour-blind, scale always stated."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

_UNSIGNED, _SIGNED = "inferno", "RdBu_r"


@dataclass(frozen=True)
class HeatScale:
    """How the numbers of a batch of maps become colours.

    percentile: of each map's magnitude, drawn in the last colour; limit: one magnitude for all
    maps instead; signed: zero in the middle of a diverging map, for batches with negatives.
    """

    percentile: float
    limit: float | None
    signed: bool

    @classmethod
    def of(cls, maps, percentile, limit):
        """The scale for a list of maps. Raises ValueError for an unusable percentile or limit."""
        if not 0 < percentile <= 100:
            raise ValueError(f"percentile is {percentile}: expected more than 0, at most 100.")
        if limit is not None and not limit > 0:
            raise ValueError(f"limit is {limit}: expected a number above 0, or None.")
        return cls(percentile, limit, any((finite(heat_map) < 0).any() for heat_map in maps))

    @property
    def colour_map(self):
        """The matplotlib colour map, in which what is not a number is black."""
        colours = matplotlib.colormaps[_SIGNED if self.signed else _UNSIGNED]
        return colours.with_extremes(bad="black")

    @property
    def low(self):
        """The lower end of the normalised scale, whose upper end is 1."""
        return -1 if self.signed else 0

    def normalise(self, heat_map):
        """The map divided by its limit and clipped to [low, 1]; what is not finite is NaN."""
        heat_map = np.where(np.isfinite(heat_map), heat_map, np.nan)
        return np.clip(heat_map / self._limit_of(heat_map), self.low, 1)

    def colours(self, normalised):
        """uint8 (H, W, 3) colours of a normalised map."""
        unit = Normalize(self.low, 1)(np.ma.masked_invalid(normalised))
        return self.colour_map(unit, bytes=True)[..., :3]

    def over(self, picture, normalised):
        """uint8 (H, W, 3): the colours laid over the grey picture, the stronger the denser."""
        grey = picture @ np.array([0.299, 0.587, 0.114])
        density = 0.9 * np.nan_to_num(np.abs(normalised))[..., None] ** 0.7
        base = np.repeat(0.25 * 255 + 0.6 * grey[..., None], 3, axis=2)
        return np.round((1 - density) * base + density * self.colours(normalised)).astype(np.uint8)

    def sentences(self, maps):
        """What the reader must know of the colours, for the caption."""
        return " ".join([self._range(), *_remarks(maps)])

    def ticks(self):
        """Pairs (position, label) for the colour bar."""
        end = f"{self.limit:g}" if self.limit is not None else None
        if self.signed:
            return [(-1, f"−{end}" if end else "negative"), (0, "0"), (1, end or "positive")]
        return [(0, "0"), (1, end or "high")]

    def _range(self):
        end = self._end()
        if self.signed:
            return f"Red is positive, blue negative, white zero; the colours end at {end}."
        return f"The colours run from 0 to {end}."

    def _end(self):
        if self.limit is not None:
            return f"{self.limit:g}"
        magnitude = "magnitude" if self.signed else "values"
        if self.percentile == 100:
            return f"the largest of each map's {magnitude}"
        return f"percentile {self.percentile:g} of each map's {magnitude}"

    def _limit_of(self, heat_map):
        if self.limit is not None:
            return self.limit
        magnitudes = np.abs(finite(heat_map))
        if not magnitudes.size:
            return 1
        # A map with few non-zero values has a percentile of 0: then the largest value serves.
        return np.percentile(magnitudes, self.percentile) or magnitudes.max() or 1


def finite(heat_map):
    """The finite values of a map, in one dimension."""
    return heat_map[np.isfinite(heat_map)]


def _remarks(maps):
    for number, heat_map in enumerate(maps, start=1):
        name = f"Map {number}" if len(maps) > 1 else "The map"
        if not np.isfinite(heat_map).all():
            yield f"{name} holds values that are not finite numbers, drawn black."
        elif not heat_map.any():
            yield f"{name} is zero everywhere."
