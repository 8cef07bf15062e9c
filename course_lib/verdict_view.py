"""A verdict as HTML: the ladder, the message and the maps side by side. Everything escaped."""

import base64
import io
import re
from html import escape

import matplotlib
import numpy as np
from PIL import Image

MAP_WIDTH = 144


def verdict_html(verdict):
    """HTML of one verdict, safe to show: no text of the learner's enters it unescaped."""
    return (
        f"<div class='verdict'><p><strong>{escape(verdict.exercise)}: {verdict.points:g} of "
        f"{verdict.max_points:g} points</strong></p>{_ladder_html(verdict)}"
        f"<p>{with_code(verdict.message)}</p>{_pictures_html(verdict.pictures)}</div>"
    )


def _ladder_html(verdict):
    """The rungs in words: marks such as ticks are missing from many systems' fonts."""
    lines = "<br>".join(escape(line) for line in verdict.ladder())
    return f"<p>{lines}</p>" if lines else ""


def with_code(message):
    """The escaped message, with what stands between back-ticks as code and *one* word stressed."""
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(message))
    return re.sub(r"(?<![\w*])\*(\w+)\*(?![\w*])", r"<em>\1</em>", coded)


def _pictures_html(pictures):
    if pictures is None:
        return ""
    return (
        "<p>On one small image of the example, in the same colours (a mean where there are "
        f"channels):</p>{maps_html(pictures, 'yours')}"
    )


def maps_html(pictures, whose):
    """HTML of a verdict's pictures and their difference, each with its range.

    Args:
        pictures: ``(got, expected)`` 2-D lists of numbers.
        whose: caption of the first.
    """
    got, expected = (np.asarray(picture, dtype=float) for picture in pictures)
    maps = {whose: got, "expected": expected, "difference": got - expected}
    limit = max(np.abs(values).max() for values in maps.values()) or 1.0
    return "".join(
        f"<figure style='display:inline-block;margin:0 1em 0 0'>{_map_html(values, name, limit)}"
        f"<figcaption>{name}, {values.min():.3g} to {values.max():.3g}</figcaption></figure>"
        for name, values in maps.items()
    )


def _map_html(values, name, limit):
    """The map in blue (-limit), white (zero) and red (limit), each pixel enlarged."""
    colours = matplotlib.colormaps["RdBu_r"](0.5 + 0.5 * values / limit, bytes=True)[..., :3]
    height = round(MAP_WIDTH * values.shape[0] / values.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(colours).resize((MAP_WIDTH, height), Image.Resampling.NEAREST).save(
        buffer, format="png"
    )
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f"<img src='data:image/png;base64,{data}' width='{MAP_WIDTH}' height='{height}' "
        f"alt='{name.capitalize()}: {values.shape[0]} by {values.shape[1]} numbers in colours.'>"
    )
