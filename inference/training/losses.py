"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

_SMOOTH = 1.0  # pixels; keeps the Dice of small tumours from jumping


def dice_and_cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Soft Dice loss of each slice that has a tumour, plus binary cross-entropy of all slices.

    Both (N, 1, S, S), masks in 0..1. Dice is taken per slice, as it is measured: pooled over a
    batch, the large tumours would decide it.
    """
    logits, masks = logits.float(), masks.float()
    cross_entropy = binary_cross_entropy_with_logits(logits, masks)
    present = masks.amax(dim=(1, 2, 3)) > 0.5
    if not present.any():
        return cross_entropy
    found, wanted = torch.sigmoid(logits[present]).flatten(1), masks[present].flatten(1)
    overlap = (found * wanted).sum(1)
    dice = (2 * overlap + _SMOOTH) / (found.sum(1) + wanted.sum(1) + _SMOOTH)
    return cross_entropy + (1 - dice).mean()
