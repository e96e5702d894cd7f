"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

_SMOOTH = 1.0  # pixels; keeps the Dice of small tumours from jumping
_FALSE_AREA = 0.002  # share of the slice: a false mask of this area costs half of what any can


def dice_and_cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Soft Dice loss of each slice, plus binary cross-entropy.

    Both (N, 1, S, S), masks in 0..1. Dice is taken per slice, as it is measured: pooled over a
    batch, the large tumours would decide it. Where there is no tumour to overlap with, the area of
    the false mask takes its place.
    """
    logits, masks = logits.float(), masks.float()
    cross_entropy = binary_cross_entropy_with_logits(logits, masks)
    found, wanted = torch.sigmoid(logits).flatten(1), masks.flatten(1)
    overlap, area = (found * wanted).sum(1), found.sum(1)
    dice = 1 - (2 * overlap + _SMOOTH) / (area + wanted.sum(1) + _SMOOTH)
    false = area / (area + _FALSE_AREA * found.shape[1])
    present = wanted.amax(dim=1) > 0.5
    return cross_entropy + torch.where(present, dice, false).mean()
