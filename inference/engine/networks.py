"""The networks, as training builds them and as serving on a GPU rebuilds them from a release.

Every network takes float32 (N, 1, S, S) in 0..1; repeating the grey channel and normalising it
the way the ImageNet encoder expects happens inside: an exported graph needs no recipe beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

# isort: off
# Must come before timm and segmentation-models-pytorch, which import torchvision.
import inference.engine._torchvision  # noqa: F401
import segmentation_models_pytorch as smp
import timm
# isort: on

CLASS_COUNT = 4
PLAIN_CNN = "plain_cnn"


def build_classifier(architecture: Mapping[str, Any]) -> Classifier:
    """The classifier that an `architecture` entry of a release's card describes.

    `{"name": "plain_cnn", "channels": [...]}` is the baseline; any other `name` is a timm model.
    Weights are random; `architecture["dropout"]` (default 0) acts before the head in training.
    """
    name = architecture["name"]
    dropout = float(architecture.get("dropout", 0.0))
    if name == PLAIN_CNN:
        channels = list(architecture["channels"])
        return Classifier(_plain_cnn(channels), channels[-1], dropout, mean=(0.5,), std=(0.5,))
    backbone = timm.create_model(name, pretrained=False, num_classes=0, global_pool="")
    mean, std = _normalisation(name)
    return Classifier(backbone, cast(int, backbone.num_features), dropout, mean, std)


def build_segmenter(architecture: Mapping[str, Any]) -> Segmenter:
    """The U-Net that an `architecture` entry of a release's card describes, with random weights.

    Keys: `encoder` (a timm model) and `decoder_channels` (from the deepest to the finest level).
    """
    return Segmenter(architecture["encoder"], list(architecture["decoder_channels"]))


class _Normalised(nn.Module):
    """Holds an encoder's input normalisation: (N, 1, S, S) in 0..1 to (N, C, S, S)."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            # Fixed by the architecture, so not part of the weights.
            self.register_buffer(
                name, torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1), persistent=False
            )

    def normalise(self, images: Tensor) -> Tensor:
        # Broadcasting one grey channel against three means also repeats it.
        return (images - self.mean) / self.std


class Classifier(_Normalised):
    """A convolutional backbone, mean pooling and a linear head that also gives its evidence map.

    For a linear head on pooled features, applying the head's weights before pooling gives the exact
    class activation map (Zhou et al. 2016, arXiv 1512.04150): its mean plus bias is the logit.
    """

    def __init__(
        self,
        backbone: nn.Module,
        feature_count: int,
        dropout: float,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__(mean, std)
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(feature_count, CLASS_COUNT)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (N, 4), class activation maps (N, 4, h, w), pooled features (N, F)."""
        maps = self.backbone(self.normalise(images))
        features = maps.mean(dim=(2, 3))
        logits = self.head(self.dropout(features))
        cam = nn.functional.conv2d(maps, self.head.weight[:, :, None, None])
        return logits, cam, features


class Segmenter(_Normalised):
    """A U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with an ImageNet-shaped encoder."""

    def __init__(self, encoder: str, decoder_channels: Sequence[int]) -> None:
        super().__init__(*_normalisation(encoder))
        self.unet = smp.Unet(
            f"tu-{encoder}",
            encoder_weights=None,
            encoder_depth=len(decoder_channels),
            decoder_channels=list(decoder_channels),
            classes=1,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Tumour logits (N, 1, S, S); S must be a multiple of 32."""
        logits: Tensor = self.unet(self.normalise(images))
        return logits


def _normalisation(name: str) -> tuple[Sequence[float], Sequence[float]]:
    settings = timm.get_pretrained_cfg(name)
    if settings is None:
        raise ValueError(f"timm knows no model {name}")
    return settings.mean, settings.std


def _plain_cnn(channels: Sequence[int]) -> nn.Sequential:
    """Convolution, batch norm, ReLU, halving: as often as there are channel counts."""
    layers: list[nn.Module] = []
    for before, after in zip([1, *channels[:-1]], channels, strict=True):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)
