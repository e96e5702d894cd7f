"""Several processes on one batch: each takes its part of the slices, then all share gradients.

On CPUs that other work wants as well, one thread in each of several processes is faster than
several threads in one: they wait for each other once a step instead of in every layer.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed, multiprocessing

PATIENCE = timedelta(hours=12)
"""How long one process waits for another: a run may be stopped for hours and then go on."""


@dataclass(frozen=True)
class Peers:
    """Which of how many processes this one is. Alone, sharing changes nothing."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each float tensor."""
        own = [tensor for tensor in tensors if tensor.is_floating_point()]
        if self.count == 1 or not own:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in own])
        distributed.all_reduce(flat)
        parts = (flat / self.count).split([tensor.numel() for tensor in own])
        for tensor, part in zip(own, parts, strict=True):
            tensor.detach().copy_(part.view_as(tensor))

    def totals(self, values: list[float]) -> list[float]:
        """The sum of each value over all processes."""
        if self.count == 1:
            return values
        summed = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(summed)
        return [float(value) for value in summed]


def in_parallel(count: int, work: Callable[[Peers], None]) -> None:
    """Call `work`, which must be picklable, in `count` processes; alone, in this one.

    Where one process fails, the others are ended and its error is raised.
    """
    if count == 1:
        work(Peers())
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        multiprocessing.spawn(_join, args=(count, meeting, work), nprocs=count)


def _join(rank: int, count: int, meeting: str, work: Callable[[Peers], None]) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all of them are on this machine
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=count, timeout=PATIENCE
    )
    try:
        work(Peers(rank, count))
    finally:
        distributed.destroy_process_group()
