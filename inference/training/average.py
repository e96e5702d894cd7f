"""Several networks that answer as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inference.engine.networks import Joint


class Average(nn.Module):
    """The mean of what joint networks of one size say; independent ones err on different slices."""

    def __init__(self, members: Sequence[Joint]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 1, S, S) to what `Joint` gives; features are the first one's."""
        logits, cams, features, masks = zip(*(own(images) for own in self.members), strict=True)
        return _mean(logits), _mean(cams), features[0], _mean(masks)


def _mean(several: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(several)).mean(dim=0)
