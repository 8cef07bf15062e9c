"""One clear sentence for each kind of unusable argument."""

import difflib

import torch

LARGEST_PIXEL = 20.0  # ascent may leave [0, 1] for a while; pixels from 0 to 255 are far beyond


def closest(name, names):
    """``' Did you mean "x"?'``, or nothing when no name is near."""
    near = difflib.get_close_matches(str(name), names, n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def unknown_name(kind, name, names):
    """The sentence for a name that does not exist, with the right ones."""
    return f'There is no {kind} "{name}".{closest(name, names)} There are: {", ".join(names)}.'


def check_layer(layer, model):
    """Raise ValueError when `layer` is none of the model's layers."""
    if layer not in model.layers:
        raise ValueError(unknown_name("layer", layer, model.layers))


def check_filter(layer, filter_index, model):
    """Raise ValueError when `layer` has no filter of this number; filters count from 0."""
    check_layer(layer, model)
    pixels = torch.zeros(1, 3, model.image_size, model.image_size).to(model.mean)
    A, _ = model.forward(pixels, end=layer)
    if not 0 <= filter_index < A.shape[1]:
        raise ValueError(
            f'There is no filter {filter_index} in the layer "{layer}": '
            f"its {A.shape[1]} filters are 0 to {A.shape[1] - 1}."
        )


def check_mode(mode):
    """Raise ValueError when `mode` is neither ``"test"`` nor ``"train"``."""
    if mode not in ("test", "train"):
        raise ValueError(f'mode is {mode!r}; it must be "test" or "train".')


def check_batch(X, model):
    """Raise TypeError or ValueError when X is no batch of images for `model`."""
    if not isinstance(X, torch.Tensor):
        raise TypeError(
            f"X is a {type(X).__name__}; expected a torch tensor (N, 3, H, W). "
            "model.preprocess(pictures) makes one."
        )
    if X.dim() != 4 or X.shape[1] != 3:
        raise ValueError(
            f"X has the shape {tuple(X.shape)}; expected (N, 3, H, W): a batch of colour images."
        )
    if X.dtype != model.dtype:
        raise TypeError(
            f"X is {X.dtype}, the model {model.dtype}: convert X with X.to(model.dtype)"
            + (" / 255." if X.dtype == torch.uint8 else " or the model with model.to(X.dtype).")
        )
    if X.device != model.device:
        raise ValueError(f"X is on {X.device}, the model on {model.device}: X.to(model.device).")
    _check_range(X)


def _check_range(X):
    try:
        low, high = (float(value) for value in X.detach().aminmax())
    except RuntimeError:  # inside torch.func.vmap no value can be read; an empty batch has none
        return
    if not (low >= -LARGEST_PIXEL and high <= LARGEST_PIXEL):  # also where they are NaN
        raise ValueError(
            f"X holds values from {low:g} to {high:g}; pixels are floats in [0, 1]. "
            "Divide 8-bit pixels by 255, or use model.preprocess(pictures)."
        )


def check_labels(y, X, model):
    """Raise TypeError or ValueError when y is not one class index for each image of X."""
    if not isinstance(y, torch.Tensor) or y.is_floating_point() or y.dtype == torch.bool:
        raise TypeError("y must be a tensor of class indices (N,), int64.")
    if y.shape != X.shape[:1]:
        raise ValueError(
            f"y has the shape {tuple(y.shape)}; expected ({len(X)},): one class for each image."
        )
    if y.numel() and (int(y.min()) < 0 or int(y.max()) >= model.num_classes):
        raise ValueError(
            f"y holds classes from {int(y.min())} to {int(y.max())}; "
            f"this model's are 0 to {model.num_classes - 1}."
        )
