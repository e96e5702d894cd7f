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


def build_joint(architecture: Mapping[str, Any]) -> Joint:
    """The joint network that an `architecture` entry describes, with random weights.

    Keys: `joint` (a timm EfficientNet as encoder), `decoder_channels` (four, from the deepest to
    half the input's size) and `dropout` (default 0), which acts before the class head in training.
    """
    return Joint(
        architecture["joint"],
        list(architecture["decoder_channels"]),
        float(architecture.get("dropout", 0.0)),
    )


def build_gate(architecture: Mapping[str, Any]) -> Gate:
    """The gate that an `accept` entry of a release's card describes, with random weights.

    Keys: `encoder` (a timm EfficientNet), `stages` (how many of it are run, from 2 on) and `hidden`
    (the width of the head's only hidden layer).
    """
    return Gate(architecture["encoder"], int(architecture["stages"]), int(architecture["hidden"]))


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


class Joint(_Normalised):
    """One encoder, a U-Net decoder for the outline, a class head that looks at what is outlined.

    The head sees the deepest features pooled over the whole slice, and again under the predicted
    tumour together with the finer features there, and how much tumour is predicted. So 'no tumour'
    can be decided by local evidence rather than by what the picture looks like as a whole. The
    outline learns from outlines only: no gradient flows from the class into the mask.
    """

    _COARSE, _FINE = 32, 16  # pixels per step of the two feature maps that the head looks at
    _FLOOR = 5e-4  # share of the slice; under less tumour than this, the local features fade

    def __init__(self, encoder: str, decoder_channels: Sequence[int], dropout: float) -> None:
        super().__init__(*_normalisation(encoder))
        depth = len(decoder_channels)
        # The finest step of the usual decoder costs a fifth of the time and adds no visible detail.
        unet = smp.Unet(
            f"tu-{encoder}",
            encoder_weights=None,
            encoder_depth=depth + 1,
            decoder_channels=[*decoder_channels, 8],
            classes=1,
        )
        self.encoder, self.blocks = unet.encoder, unet.decoder.blocks[:depth]
        self.mask_head = nn.Conv2d(decoder_channels[-1], 1, 3, padding=1)
        nn.init.constant_(cast(Tensor, self.mask_head.bias), _RARE)
        # The last convolution before pooling stands outside of what timm gives as feature maps.
        whole = timm.create_model(encoder, pretrained=False, num_classes=0)
        self.deepest = nn.ModuleDict(
            {name: cast(nn.Module, getattr(whole, name)) for name in ("conv_head", "bn2")}
        )
        self._counts = (whole.num_features, whole.num_features, self.encoder.out_channels[-2])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(sum(self._counts) + _EVIDENCE_COUNT, CLASS_COUNT)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (N, 4), class activation maps (N, 4, S/16, S/16), features (N, F), tumour logits
        (N, 1, S, S); S must be a multiple of 32.

        The activation maps show where the logits come from: their mean, plus the bias and what the
        amount of predicted tumour says, is the logit.
        """
        levels = self.encoder(self.normalise(images))
        masks = self._outline(levels)
        deepest = self.deepest["bn2"](self.deepest["conv_head"](levels[-1]))
        shares = torch.sigmoid(masks.detach().float())
        coarse, fine = _attention(shares, self._COARSE), _attention(shares, self._FINE)
        pooled = (
            deepest.float().mean(dim=(2, 3)),
            (deepest * coarse).float().mean(dim=(2, 3)),
            (levels[-2] * fine).float().mean(dim=(2, 3)),
        )
        features = torch.cat([*pooled, _evidence(shares)], dim=1)
        logits = self.head(self.dropout(features))
        weights = self.head.weight[:, : sum(self._counts), None, None].split(self._counts, dim=1)
        cam = nn.functional.conv2d(deepest, weights[0])
        cam = cam + coarse * nn.functional.conv2d(deepest, weights[1])
        cam = nn.functional.interpolate(cam, scale_factor=2.0, mode="nearest")
        cam = cam + fine * nn.functional.conv2d(levels[-2], weights[2])
        return logits, cam, features, masks

    def _outline(self, levels: Sequence[Tensor]) -> Tensor:
        """Tumour logits (N, 1, S, S) from the encoder's maps, finest first."""
        above = levels[-1]
        for block, skip in zip(self.blocks, reversed(levels[1:-1]), strict=False):
            height, width = skip.shape[2:]
            above = block(above, height, width, skip_connection=skip)
        logits: Tensor = self.mask_head(above)
        return nn.functional.interpolate(logits, scale_factor=2.0, mode="bilinear")


class Gate(_Normalised):
    """Tells a slice of a head from every other picture, by the textures in it.

    The first stages of an encoder that keeps its ImageNet weights, so that pictures of anything
    stay apart; mean and spread of the last stage's maps; a small head, which alone is fitted.
    """

    def __init__(self, encoder: str, stages: int, hidden: int) -> None:
        super().__init__(*_normalisation(encoder))
        whole = timm.create_model(encoder, pretrained=False, num_classes=0)
        blocks = list(cast(nn.Sequential, whole.blocks))[:stages]
        parts = {name: cast(nn.Module, getattr(whole, name)) for name in ("conv_stem", "bn1")}
        self.encoder = nn.ModuleDict({**parts, "blocks": nn.Sequential(*blocks)})
        last = cast(nn.Sequential, blocks[-1])[-1]
        width = cast(nn.Conv2d, last.conv_pwl).out_channels
        self.head = nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def features(self, images: Tensor) -> Tensor:
        """Mean and standard deviation of each of the last stage's maps: (N, 2 C)."""
        maps = self.normalise(images)
        for part in self.encoder.values():
            maps = part(maps)
        mean = maps.mean(dim=(2, 3))
        spread = (maps - mean[:, :, None, None]).square().mean(dim=(2, 3)).sqrt()
        return torch.cat([mean, spread], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 1) of 'slice of a head'."""
        logits: Tensor = self.head(self.features(images))
        return logits


_EVIDENCE_COUNT = 4
_RARE = -3.0  # logit of a tumour in a pixel before anything is learned


def _attention(shares: Tensor, step: int) -> Tensor:
    """Tumour shares (N, 1, S, S) as weights (N, 1, S/step, S/step) whose mean is 1, or less where
    hardly any tumour is predicted."""
    cells = nn.functional.avg_pool2d(shares, step)
    return cells / (cells.mean(dim=(2, 3), keepdim=True) + Joint._FLOOR)


def _evidence(shares: Tensor) -> Tensor:
    """How much tumour is predicted, (N, 4): in the fullest place of three sizes, and altogether."""
    fullest = [nn.functional.avg_pool2d(shares, step).amax(dim=(2, 3)) for step in (4, 16, 32)]
    return torch.cat([*fullest, shares.mean(dim=(2, 3)).sqrt()], dim=1)


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
