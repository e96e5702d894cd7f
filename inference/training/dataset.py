"""Prepared slices as a torch dataset, the two ways to split them, and what an epoch draws."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from inference.training.augment import training_transforms, tv_tensors
from inference.training.config import TrainConfig
from inference.training.planes import fill_planes
from inference.training.prepare import PreparedData
from inference.training.sources import FOLDS, TEST_ONLY, SliceRecord
from inference.training.transplant import Case, GraftRates, Surgeon, read_case

_REFERENCES = 800  # slices whose brightness is borrowed; more adds nothing but start-up time


class Item(NamedTuple):
    """One slice, or a batch of them."""

    image: Tensor  # float32 (1, S, S) in 0..1
    mask: Tensor  # float32 (1, S, S), share of tumour in each pixel
    label: Tensor  # int64, place in CLASSES


class SliceDataset(Dataset[Item]):
    """The slices at `places`, augmented or as they are served."""

    def __init__(
        self,
        data: PreparedData,
        places: Sequence[int],
        *,
        augmented: bool,
        restyled: float = TrainConfig.restyled,
        grafts: GraftRates | None = None,
    ) -> None:
        """`grafts` operates on slices with tissue of the other slices at `places`."""
        self._data = data
        self._places = list(places)
        self._augment = self._surgeon = None
        if grafts and grafts != GraftRates():
            planes = fill_planes(data.records, data.images)
            self._surgeon = Surgeon(data, self._places, planes, grafts)
        if augmented:
            step = max(1, len(self._places) // _REFERENCES)
            self._augment = training_transforms(data.images[self._places[::step]], restyled)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Item:
        place = self._places[index]
        case = self._case(place)
        image = tv_tensors.Image(torch.from_numpy(case.image)[None])
        mask = tv_tensors.Mask(torch.from_numpy(case.mask)[None])
        if self._augment is not None:
            image, mask = self._augment(image, mask)
        return Item(
            image.as_subclass(Tensor).float() / 255,
            mask.as_subclass(Tensor).float() / 255,
            torch.tensor(case.label),
        )

    def _case(self, place: int) -> Case:
        if self._surgeon is None:
            return read_case(self._data, place)
        seed = int(torch.randint(2**31, ()))  # so that an epoch's seed decides this as well
        return self._surgeon.operate(place, np.random.default_rng(seed))


def split_places(records: Sequence[SliceRecord], split: str) -> dict[str, list[int]]:
    """Places of the train, val and test slices.

    `slice` is the random split by slice, as in the paper; `fold:K` tests on the patients of fold K
    and validates on a tenth of the other patients. `all` tests on no patient and is for what is
    served, once its recipe was measured fold by fold. Raises ValueError for anything else.
    """
    kind, _, number = split.partition(":")
    if kind == "fold" and number.isdigit() and int(number) < FOLDS:
        sides = [_side_in_fold(record, int(number)) for record in records]
    elif split == "all":
        sides = [_side_in_fold(record, TEST_ONLY) for record in records]
    elif split == "slice":
        sides = [record.slice_split for record in records]
    else:
        raise ValueError(f"{split}: a split is 'slice', 'all', or 'fold:0' to 'fold:{FOLDS - 1}'")
    return {
        side: [place for place, own in enumerate(sides) if own == side]
        for side in ("train", "val", "test")
    }


def epoch_order(
    sources: Sequence[str], shares: dict[str, float], count: int, generator: torch.Generator
) -> NDArray[np.int64]:
    """About `count` places into `sources`, each source with its share, in random order.

    A source is dealt completely before any of its slices comes a second time.
    """
    names = [name for name in shares if name in set(sources)]
    total = sum(shares[name] for name in names)
    drawn = []
    for name in names:
        own = torch.tensor([place for place, source in enumerate(sources) if source == name])
        wanted = round(count * shares[name] / total)
        rounds = -(-wanted // len(own))
        dealt = [own[torch.randperm(len(own), generator=generator)] for _ in range(rounds)]
        drawn.append(torch.cat(dealt)[:wanted] if dealt else own[:0])
    places = torch.cat(drawn)
    order: NDArray[np.int64] = places[torch.randperm(len(places), generator=generator)].numpy()
    return order


def _side_in_fold(record: SliceRecord, fold: int) -> str:
    if record.fold in (fold, TEST_ONLY):
        return "test"
    # By hash, so that a patient stays on its side whatever else is added to the data.
    key = record.patient or record.image
    return "val" if hashlib.sha256(key.encode()).digest()[0] % 10 == 0 else "train"
