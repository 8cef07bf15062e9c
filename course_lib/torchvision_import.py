"""Import torchvision beside any torch: the one guarded place.

A torchvision built for CUDA registers fake kernels for two operators that its binary defines.
Beside a CPU-only torch that binary does not load, and the import fails. Declaring the operators'
schemas is enough for all that this course uses of torchvision: networks, weights and transforms.
"""

import torch

_declarations = torch.library.Library("torchvision", "FRAGMENT")

try:
    import torchvision
except RuntimeError as error:
    if "operator torchvision::" not in str(error):
        raise
    for operator in ("nms", "qnms"):
        _declarations.define(
            f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
    import torchvision

__all__ = ["torchvision"]
