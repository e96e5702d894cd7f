"""Makes `import torchvision` work where its compiled operators do not load.

timm, segmentation-models-pytorch and torchvision's own transforms import torchvision, which
registers Python fallbacks for `torchvision::nms` and `torchvision::qnms` at import. Next to a torch
build that its binary was not compiled for (a CPU torch beside a CUDA torchvision) the compiled
operators are missing, and that registration fails although nobody here ever calls them. Declaring
the two names is enough. Where torchvision imports by itself, nothing is done.
"""

from __future__ import annotations

import importlib
import sys

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []  # a declaration lives as long as its Library object


def ensure_importable() -> bool:
    """Import torchvision, declaring its two missing operators first if it needs that.

    Returns whether the declaration was needed. Raises ImportError (or torch's own error) when
    torchvision is missing or broken in any other way.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return bool(_libraries)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for signature in _SIGNATURES:
        library.define(signature)
    _libraries.append(library)
    importlib.import_module("torchvision")
    return True


ensure_importable()
