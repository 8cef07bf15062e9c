"""Pictures and maps in the forms that learners hold them, brought to one form."""

import numpy as np
from PIL import Image

_SLACK = 1e-4  # rounding may carry a pixel this far out of [0, 1]


def as_array(values):
    """A tensor on any device, on the graph or off it, or anything array-like, as an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def as_pictures(images):
    """A list of uint8 arrays (H, W, 3).

    images: (N, 3, H, W) floats in [0, 1], (N, H, W, 3) uint8, one such picture without N, or a
    list of pictures (arrays, tensors, PIL images) that may differ in size. Raises ValueError for
    anything else.
    """
    items = _items(images, dimensions=3)
    if not items:
        raise ValueError("There is no picture to show: the batch is empty.")
    return [_as_picture(item) for item in items]


def as_maps(maps):
    """A list of float arrays (H, W), from (N, H, W), one map (H, W), or a list of maps."""
    items = [as_array(item) for item in _items(maps, dimensions=2)]
    for item in items:
        if item.ndim != 2 or not item.size or item.dtype.kind not in "fiub":
            raise ValueError(
                f"A map has shape {item.shape} and dtype {item.dtype}: expected numbers of shape "
                "(N, H, W), one value for each pixel of a picture."
            )
    return [item.astype(np.float64) for item in items]


def fit(heat_map, shape):
    """The map at the size (H, W) of its picture: interpolated between the map's cells."""
    if heat_map.shape == shape:
        return heat_map
    resized = Image.fromarray(heat_map.astype(np.float32)).resize(
        shape[::-1], Image.Resampling.BILINEAR
    )
    return np.asarray(resized, dtype=np.float64)


def _items(batch, dimensions):
    if isinstance(batch, Image.Image):
        return [batch]
    if isinstance(batch, (list, tuple)):
        return list(batch)
    batch = as_array(batch)
    return [batch] if batch.ndim == dimensions else list(batch) if batch.ndim else [batch]


def _as_picture(item):
    if isinstance(item, Image.Image):
        item = item.convert("RGB")
    item = as_array(item)
    if item.size and item.ndim == 3 and item.dtype == np.uint8 and item.shape[2] == 3:
        return item
    if item.size and item.ndim == 3 and item.dtype.kind == "f" and item.shape[0] == 3:
        return _to_uint8(item.transpose(1, 2, 0))
    raise ValueError(
        f"A picture has shape {item.shape} and dtype {item.dtype}: expected floats in [0, 1] of "
        "shape (3, H, W), or uint8 of shape (H, W, 3)."
    )


def _to_uint8(pixels):
    low, high = pixels.min(), pixels.max()
    if not (low >= -_SLACK and high <= 1 + _SLACK):  # also true of NaN
        raise ValueError(
            f"The pixels run from {low:.3g} to {high:.3g}: expected [0, 1]. Clip them, or show "
            "their size with show_heatmaps if they are a gradient."
        )
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
