"""Tumours moved between slices, so that every scanner comes with and without each of them.

In the training sets the scanner gives the label away. Three operations break that link:

- **transplant**: a tumour-free slice is given the tumour of another slice, and its label and mask;
- **removal**: a tumour is covered with healthy tissue: that of the other side of the same head, or
  of a tumour-free slice; the label becomes 'no tumour';
- **decoy**: healthy tissue is grafted, with the same blending, where it changes nothing: without
  it, the seam of a graft would give the label away instead.

Donors come from the slices they are told to draw from and no others: of one side of a split.
Everything works on prepared slices, uint8 (S, S), in which heads fill the square alike, so that a
place in one head is about the same place in another one seen in the same plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.prepare import PreparedData
from inference.training.sources import CLASSES

Picture = NDArray[np.uint8]
Region = NDArray[np.bool_]

_TRIES = 6
_CANDIDATES = 12  # slices that are compared to find one of the same level of the head
_VISIBLE = 9.0  # grey levels by which a transplant must change the tissue that it covers
_SMALLEST, _LARGEST = 0.001, 0.10  # share of the square: tumours that are moved or removed
_RIM = 0.035  # of the side: scalp and skull, where grafts do not reach into
_ROOM = 0.03  # of the side: kept between a decoy and a real tumour, and healed around a removed one
# How far a transplant may wander from its place in the donor's head, as a share of the side; a
# pituitary tumour anywhere but at the pituitary would be none.
_WANDER = {"glioma": 0.10, "meningioma": 0.05, "pituitary": 0.02}
_WHITE = 245.0  # grey level that the brightest part of a graft may reach
_MOST_UNLIKE = 32.0  # grey levels by which tissue around a removed tumour and its cover may differ


@dataclass(frozen=True)
class GraftRates:
    """How often a slice is operated on: a tumour-free one gets a tumour, or else a decoy; one with
    a tumour loses it, or else gets a decoy."""

    transplant: float = 0.0
    removal: float = 0.0
    decoy: float = 0.0


@dataclass(frozen=True)
class Case:
    """One slice, its soft mask (0..255, the share of tumour), and its label's place in CLASSES."""

    image: Picture
    mask: Picture
    label: int


def read_case(data: PreparedData, place: int) -> Case:
    """The slice at `place` as it is.

    What a mask encloses belongs to the tumour, as in serving: some experts outline the rim only.
    """
    image, mask = (np.array(own[place]) for own in (data.images, data.masks))
    inner = (mask > 127).astype(np.uint8)
    contours, _ = cv2.findContours(inner, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    enclosed = np.zeros_like(mask)
    cv2.drawContours(enclosed, contours, -1, 1, cv2.FILLED)
    mask[(enclosed > inner)] = 255
    return Case(image, mask, CLASSES.index(data.records[place].label))


class Surgeon:
    """Operates on slices of `data` with tissue from the slices at `places`."""

    def __init__(
        self, data: PreparedData, places: Sequence[int], planes: Sequence[str], rates: GraftRates
    ) -> None:
        self.data, self._planes, self._rates = data, planes, rates
        self._looks = {place: _look(data.images[place]) for place in places}
        shares = {place: float((data.masks[place] > 127).mean()) for place in places}
        self._tumors: dict[tuple[str, str], list[int]] = {}
        self._healthy: dict[str, list[int]] = {}
        for place, share in shares.items():
            if not data.masks[place].any():
                self._healthy.setdefault(planes[place], []).append(place)
            elif _SMALLEST <= share <= _LARGEST:
                key = (planes[place], data.records[place].label)
                self._tumors.setdefault(key, []).append(place)

    def operate(self, place: int, random: np.random.Generator) -> Case:
        """The slice at `place`, operated on or as it is."""
        ill = bool(self.data.masks[place].any())
        if random.random() < (self._rates.removal if ill else self._rates.transplant):
            done = self.remove(place, random) if ill else self.transplant(place, random)
        elif random.random() < self._rates.decoy:
            done = self.decoy(place, random)
        else:
            done = None
        return done or read_case(self.data, place)

    def transplant(self, place: int, random: np.random.Generator) -> Case | None:
        """The tumour-free slice at `place` with a tumour; None where none would be plausible."""
        case, inside = read_case(self.data, place), _inside(self.data.images[place])
        for _ in range(_TRIES):
            donor = self._draw_tumor(place, random)
            if donor is None:
                return None
            image, mask = self._moved(donor, place, random)
            region = mask > 127
            if not _fits(region, inside) or _unlikeness(case.image, image, region) > _MOST_UNLIKE:
                continue
            grafted = graft(case.image, image, region)
            if cv2.absdiff(grafted, case.image)[region].mean() >= _VISIBLE:
                return Case(grafted, mask, donor.label)
        return None

    def remove(self, place: int, random: np.random.Generator) -> Case | None:
        """The slice at `place` without its tumour; None where nothing covers it plausibly.

        A glioma stays: what it does around its outline would be left over and called healthy.
        """
        case = read_case(self.data, place)
        if CLASSES[case.label] == "glioma":
            return None
        region = _widened(case.mask > 0, _ROOM)
        if not _SMALLEST <= region.mean() <= _LARGEST or not _fits(region, _inside(case.image)):
            return None
        covers = [
            cover.image
            for cover in self._covers(place, random)
            if not (_widened(cover.mask > 0, _ROOM) & region).any()
        ]
        best = min(covers, key=lambda cover: _unlikeness(case.image, cover, region), default=None)
        if best is None or _unlikeness(case.image, best, region) > _MOST_UNLIKE:
            return None
        image = graft(case.image, best, region)
        return Case(image, np.zeros_like(case.mask), CLASSES.index("no_tumor"))

    def decoy(self, place: int, random: np.random.Generator) -> Case | None:
        """The slice at `place` with healthy tissue grafted away from its tumour; None without room.

        Its label and mask stay what they are.
        """
        case = read_case(self.data, place)
        inside = _inside(case.image) & ~_widened(case.mask > 0, 2 * _ROOM)
        for cover in self._covers(place, random):
            room = inside & ~_widened(cover.mask > 0, 2 * _ROOM)
            for _ in range(_TRIES // 2):
                donor = self._draw_tumor(place, random)
                if donor is None:
                    return None
                region = self._moved(donor, place, random)[1] > 127
                if _fits(region, room):
                    return replace(case, image=graft(case.image, cover.image, region))
        return None

    def _draw_tumor(self, place: int, random: np.random.Generator) -> Case | None:
        """A tumour slice of the same plane; each class is as likely as the others."""
        plane = self._planes[place]
        pools = [own for (in_plane, _), own in self._tumors.items() if in_plane == plane]
        if not pools:
            return None
        return self._draw(pools[int(random.integers(len(pools)))], place, random)

    def _covers(self, place: int, random: np.random.Generator) -> list[Case]:
        """Where healthy tissue can come from: the head's other half, two tumour-free slices."""
        case, plane = read_case(self.data, place), self._planes[place]
        pool = [own for own in self._healthy.get(plane, []) if own != place]
        covers = [self._draw(pool, place, random) for _ in range(2) if pool]
        if plane == "sa":  # seen from the side, a head has no other half
            return [replace(own, image=_facing(own.image, case.image)) for own in covers]
        covers.insert(int(random.integers(2)), _mirrored(case))
        return covers

    def _draw(self, pool: Sequence[int], place: int, random: np.random.Generator) -> Case:
        """Of a few slices drawn from `pool`, the one that shows most nearly the same level."""
        drawn = [pool[int(random.integers(len(pool)))] for _ in range(_CANDIDATES)]
        look = self._looks[place]
        return read_case(self.data, max(drawn, key=lambda own: float(look @ self._looks[own])))

    def _moved(
        self, donor: Case, place: int, random: np.random.Generator
    ) -> tuple[Picture, Picture]:
        """The donor's picture and mask turned, scaled and shifted at random, facing as `place`."""
        image, mask, side = donor.image, donor.mask, donor.image.shape[0]
        if self._planes[place] == "sa":
            turn = _faces_away(image, self.data.images[place])
        else:
            turn = random.random() < 0.5
        if turn:
            image, mask = (np.ascontiguousarray(own[:, ::-1]) for own in (image, mask))
        rows, columns = np.nonzero(mask > 127)
        centre = (float(columns.mean()), float(rows.mean()))
        matrix = cv2.getRotationMatrix2D(centre, random.uniform(-20, 20), random.uniform(0.7, 1.25))
        shift = random.normal(0, _WANDER[CLASSES[donor.label]] * side, 2)
        matrix = np.hstack([matrix[:, :2], matrix[:, 2:] + shift[:, None]])
        image, mask = (
            np.asarray(cv2.warpAffine(own, matrix, (side, side)), np.uint8) for own in (image, mask)
        )
        return image, mask


def graft(receiver: Picture, donor: Picture, region: Region) -> Picture:
    """`receiver` with `donor`'s tissue in `region`: all (S, S), lying on each other.

    Contrast and brightness are matched on the tissue around the region; the edge is feathered over
    about a hundredth of the side; beyond three hundredths around the region no pixel changes.
    """
    side, window = receiver.shape[0], _window(region)
    ours, theirs, own = receiver[window], donor[window], region[window]
    core = _widened(own, 0.008, side)
    alpha = cv2.GaussianBlur(core.astype(np.float32), (0, 0), side / 110)
    alpha[~_widened(own, 0.03, side)] = 0
    patch = _unsaturated(_matched(theirs, ours, own, side), own)
    mixed = np.rint(np.clip(ours + alpha * (patch - ours), 0, 255)).astype(np.uint8)
    grafted = receiver.copy()
    grafted[window] = np.where(alpha > 0, mixed, ours)
    return grafted


def _unlikeness(receiver: Picture, donor: Picture, region: Region) -> float:
    """Mean difference of grey levels around the region, once brightness is matched."""
    side, window = receiver.shape[0], _window(region)
    ours, theirs, own = receiver[window], donor[window], region[window]
    ring = _ring(own, side)
    return float(np.abs(_matched(theirs, ours, own, side, even=False)[ring] - ours[ring]).mean())


def _matched(
    donor: Picture, receiver: Picture, region: Region, side: int, *, even: bool = True
) -> NDArray[np.float32]:
    """`donor` with the brightness and contrast that `receiver` has on the tissue around `region`.

    With `even`, what still differs along the edge is evened out smoothly, as a Poisson blend would.
    """
    patch = donor.astype(np.float32)
    ring = _ring(region, side) & (donor > 12) & (receiver > 12)
    if ring.sum() < 20:
        return patch
    theirs, ours = patch[ring], receiver[ring].astype(np.float32)
    level, wanted = float(np.median(theirs)), float(np.median(ours))
    spread = float(np.abs(theirs - level).mean())
    wanted_spread = float(np.abs(ours - wanted).mean())
    # The contrast of a tumour is what names it: it follows the brightness, within limits.
    gain = np.clip(np.sqrt((wanted / max(level, 1)) * (wanted_spread / max(spread, 1))), 0.6, 1.7)
    patch = (patch - level) * np.float32(gain) + np.float32(wanted)
    if not even:
        return patch
    sigma = 0.03 * side
    weight = cv2.GaussianBlur(ring.astype(np.float32), (0, 0), sigma) + 1e-3
    difference = np.where(ring, np.clip(receiver - patch, -30, 30), 0).astype(np.float32)
    return np.asarray(patch + cv2.GaussianBlur(difference, (0, 0), sigma) / weight, np.float32)


def _unsaturated(patch: NDArray[np.float32], region: Region) -> NDArray[np.float32]:
    """`patch` with its brightest parts pulled together, so that their texture survives."""
    brightest = float(np.percentile(patch[region], 97))
    if brightest <= _WHITE:
        return patch
    knee = min(float(np.median(patch[region])), 200.0)
    squeezed = knee + (patch - knee) * (_WHITE - knee) / (brightest - knee)
    return np.where(patch > knee, squeezed, patch)


def _window(region: Region) -> tuple[slice, slice]:
    """The region with room for the tissue around it."""
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    room = round(0.1 * region.shape[0])
    return (
        slice(max(0, y - room), y + height + room),
        slice(max(0, x - room), x + width + room),
    )


def _mirrored(case: Case) -> Case:
    """The slice and its mask mirrored about the head's own middle line."""
    image, mask = (np.ascontiguousarray(own[:, ::-1]) for own in (case.image, case.mask))
    small = [cv2.resize(own, (64, 64)).astype(np.float32) for own in (image, case.image)]
    (shift, _), _ = cv2.phaseCorrelate(small[0], small[1])
    side = image.shape[0]
    across = float(np.clip(shift * side / 64, -0.08 * side, 0.08 * side))
    matrix = np.array([[1, 0, across], [0, 1, 0]], np.float32)
    image, mask = (
        np.asarray(cv2.warpAffine(own, matrix, (side, side)), np.uint8) for own in (image, mask)
    )
    return replace(case, image=image, mask=mask)


def _look(image: Picture) -> NDArray[np.float32]:
    """What the whole slice looks like, whatever its brightness: a small picture of length 1."""
    small = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    centred = small - small.mean()
    return np.asarray(centred / (np.linalg.norm(centred) + 1e-6), np.float32)


def _facing(image: Picture, like: Picture) -> Picture:
    return np.ascontiguousarray(image[:, ::-1]) if _faces_away(image, like) else image


def _faces_away(image: Picture, like: Picture) -> bool:
    """Whether the mirrored picture is more like the other one."""
    ours, theirs = (cv2.resize(own, (32, 32)).astype(np.float32) for own in (image, like))
    return bool(((ours[:, ::-1] - theirs) ** 2).sum() < ((ours - theirs) ** 2).sum())


def _inside(image: Picture) -> Region:
    """The head without its rim of scalp and skull."""
    bright = (cv2.GaussianBlur(image, (5, 5), 0) > 18).astype(np.uint8)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    head = np.zeros_like(bright)
    if contours:
        largest = max(contours, key=cv2.contourArea)
        cv2.drawContours(head, [largest], -1, 1, cv2.FILLED)
    size = 2 * round(_RIM * image.shape[0]) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    inner = cv2.erode(head, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(inner > 0)


def _fits(region: Region, inside: Region) -> bool:
    """Whether nearly all of the region lies inside."""
    return bool(region.any()) and (region & ~inside).sum() <= 0.03 * region.sum()


def _ring(region: Region, side: int) -> Region:
    return _widened(region, 0.03, side) & ~_widened(region, 0.008, side)


def _widened(region: Region, share: float, side: int = 0) -> Region:
    """The region and all that is closer to it than a share of the side."""
    size = 2 * max(1, round(share * (side or region.shape[0]))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.dilate(region.astype(np.uint8), kernel) > 0)
