"""Random changes that leave the diagnosis alone and make the scanner unrecognisable.

In the training sets the scanner gives the label away: nearly every slice with a tumour comes from
two hospitals and after contrast agent, nearly every slice without one from elsewhere. Whatever
betrays the scanner (brightness curve, shading, noise, sharpness, compression, framing) is therefore
redrawn for most slices. Pictures are tv_tensors.Image, uint8 (1, H, W); masks are
tv_tensors.Mask, uint8 (1, H, W), and follow the geometry only.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# isort: off
import inference.engine._torchvision  # noqa: F401  (must come before torchvision)
from torchvision import tv_tensors
from torchvision.transforms import v2
# isort: on

_LEVELS = 256


def training_transforms(references: NDArray[np.uint8], restyled: float) -> v2.Compose:
    """The whole augmentation; `references` (N, H, W) are slices whose brightness is borrowed.

    `restyled` is the share of the slices whose scanner is made unrecognisable; faint tumours are
    learned from the others.
    """
    apply = v2.RandomApply
    style = [
        apply([BorrowedHistogram(references)], p=0.35),
        apply([ToneCurve()], p=0.9),
        apply([Inverted()], p=0.06),
        apply([LowerResolution()], p=0.35),
        apply([v2.GaussianBlur(5, sigma=(0.4, 1.6))], p=0.2),
        apply([BiasField()], p=0.55),
        apply([Noise()], p=0.5),
        apply([JpegArtefacts()], p=0.25),
        apply([Frame()], p=0.25),
    ]
    geometry = v2.RandomAffine(
        degrees=25,
        translate=(0.06, 0.06),
        scale=(0.75, 1.3),
        shear=6,
        interpolation=v2.InterpolationMode.BILINEAR,
    )
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5),
            v2.RandomVerticalFlip(0.05),
            apply([geometry], p=0.9),
            apply(style, p=restyled),
        ]
    )


class _PictureOnly(v2.Transform):
    """A transform of the picture's values or resolution; the mask passes through."""

    _transformed_types = (tv_tensors.Image,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return tv_tensors.wrap(self.change(inpt.as_subclass(Tensor)), like=inpt)

    def change(self, picture: Tensor) -> Tensor:
        """uint8 (1, H, W) to uint8 (1, H, W)."""
        raise NotImplementedError


class ToneCurve(_PictureOnly):
    """A random monotone brightness curve with random gamma, contrast and black level."""

    def change(self, picture: Tensor) -> Tensor:
        levels = torch.linspace(0, 1, _LEVELS)
        steps = torch.distributions.Exponential(1.0).sample((6,)).cumsum(0)
        knots = torch.cat([torch.zeros(1), steps / steps[-1]])
        place = levels * (len(knots) - 1)
        left = place.long().clamp(max=len(knots) - 2)
        curve = knots[left] + (knots[left + 1] - knots[left]) * (place - left)
        strength = _uniform(0, 0.8)
        curve = (1 - strength) * levels + strength * curve
        curve = curve ** float(np.exp(_uniform(-0.5, 0.5)))
        curve = _uniform(0, 0.12) + curve * _uniform(0.65, 1.1)
        curve[0] *= float(_uniform(0, 1) < 0.5)  # half the scanners have a truly black background
        return _to_bytes(curve)[picture.long()]


class Inverted(_PictureOnly):
    """Dark for bright within the head: no real sequence, but no scanner to recognise either."""

    def change(self, picture: Tensor) -> Tensor:
        white = int(_uniform(200, 255))
        inverted = (white - picture.int()).clamp(min=0).to(torch.uint8)
        return torch.where(picture > 12, inverted, picture)


class BorrowedHistogram(_PictureOnly):
    """Brightness of the head matched to that of a random slice from any set."""

    def __init__(self, references: NDArray[np.uint8]) -> None:
        super().__init__()
        shares = np.stack([_brightness_shares(reference) for reference in references])
        self._shares = torch.from_numpy(shares)

    def change(self, picture: Tensor) -> Tensor:
        theirs = self._shares[torch.randint(len(self._shares), ())].contiguous()
        ours = torch.from_numpy(_brightness_shares(picture.numpy()))
        # The level below which as many of their pixels lie as of ours below each of our levels.
        curve = torch.searchsorted(theirs, ours).clamp(max=_LEVELS - 1).float() / (_LEVELS - 1)
        strength = _uniform(0.4, 1.0)
        curve = strength * curve + (1 - strength) * torch.linspace(0, 1, _LEVELS)
        curve[:8] = torch.linspace(0, 1, _LEVELS)[:8]  # background stays background
        return _to_bytes(curve)[picture.long()]


class BiasField(_PictureOnly):
    """The smooth shading of a receive coil: a random low-resolution gain over the picture."""

    def change(self, picture: Tensor) -> Tensor:
        gain = torch.randn(1, 1, 3, 3) * _uniform(0.1, 0.5)
        size = picture.shape[-2:]
        field = torch.nn.functional.interpolate(gain, size, mode="bicubic", align_corners=True)
        return _to_bytes(picture.float() / 255 * field[0].exp())


class Noise(_PictureOnly):
    """Noise of magnitude pictures: Rician, from two Gaussian channels."""

    def change(self, picture: Tensor) -> Tensor:
        sigma = _uniform(0.01, 0.08)
        real = picture.float() / 255 + sigma * torch.randn(picture.shape)
        if _uniform(0, 1) < 0.5:  # many archives cut the noise of the background away
            return _to_bytes(real * (picture > 0))
        return _to_bytes((real**2 + (sigma * torch.randn(picture.shape)) ** 2).sqrt())


class LowerResolution(_PictureOnly):
    """The picture shrunk, as thumbnails on the web are, and enlarged again."""

    def change(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        factor = _uniform(0.3, 0.8)
        small = (max(8, int(width * factor)), max(8, int(height * factor)))
        reduced = cv2.resize(picture[0].numpy(), small, interpolation=cv2.INTER_AREA)
        methods = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
        method = methods[int(torch.randint(len(methods), ()))]
        return torch.from_numpy(cv2.resize(reduced, (width, height), interpolation=method))[None]


class JpegArtefacts(_PictureOnly):
    """JPEG compression of random quality."""

    def change(self, picture: Tensor) -> Tensor:
        quality = int(_uniform(20, 80))
        _, packed = cv2.imencode(".jpg", picture[0].numpy(), [cv2.IMWRITE_JPEG_QUALITY, quality])
        return torch.from_numpy(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))[None]


class Frame(_PictureOnly):
    """A band of one grey value along some sides, as screenshots and tight scan fields leave it."""

    def change(self, picture: Tensor) -> Tensor:
        framed = picture.clone()
        value = int(_uniform(0, 255)) if _uniform(0, 1) < 0.3 else 0
        for side in range(2):
            for end in range(2):
                width = int(_uniform(0, 0.08) * picture.shape[-1]) * int(_uniform(0, 1) < 0.5)
                band = slice(0, width) if end == 0 else slice(picture.shape[-1] - width, None)
                framed[(0, slice(None), band) if side else (0, band, slice(None))] = value
        return framed


def _brightness_shares(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(256,): which share of the head is at most as bright as each level."""
    counts = np.bincount(picture.reshape(-1), minlength=_LEVELS)
    counts[:8] = 0
    return (counts.cumsum() / max(counts.sum(), 1)).astype(np.float32)


def _to_bytes(values: Tensor) -> Tensor:
    return (values * 255).round().clamp(0, 255).to(torch.uint8)


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
