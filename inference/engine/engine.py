"""The way of one slice: prepare, accept, classify, segment, agree, measure, explain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from inference.engine import accept, agree, explain, render
from inference.engine.backend import Backend, Classified, FloatArray
from inference.engine.certainty import trust
from inference.engine.classify import probabilities
from inference.engine.clock import Clock
from inference.engine.measure import measure
from inference.engine.openvino_backend import OpenVINOBackend
from inference.engine.preprocess import Prepared, prepare
from inference.engine.reading import Measurements, Reading, Reason, SeriesReading
from inference.engine.release import CLASSES, Release, find_release
from inference.engine.segment import outline, tumor_shares
from inference.engine.series import read_series
from inference.engine.side import sides
from scans.decoding import DecodedSlice, decode

Device = Literal["cpu", "cuda"]


class Engine:
    """A release, loaded once, that reads one slice after another. Not for use by two threads."""

    def __init__(self, release: Release, backend: Backend) -> None:
        self._release = release
        self._backend = backend
        self._space = None
        if release.distance_threshold is not None:
            self._space = accept.FeatureSpace.load(release.file("accept.npz"))

    @classmethod
    def load(cls, release: str | Path | None = None, device: Device = "cpu") -> "Engine":
        """Load a release folder; without one FALX_RELEASE, else the newest in `releases`.

        Raises ReleaseError.
        """
        found = find_release(release)
        if device == "cpu":
            return cls(found, OpenVINOBackend(found))
        # torch takes seconds to import and is not installed where only CPUs serve.
        from inference.engine.torch_backend import TorchBackend

        return cls(found, TorchBackend(found, device))

    @property
    def release(self) -> str:
        """Name of the loaded release."""
        return self._release.name

    def read_file(self, data: bytes) -> Reading:
        """Decode a file and read the slice in it.

        Raises DecodeError.
        """
        clock = Clock()
        with clock.step("decode"):
            slice_ = decode(data)
        return self._read(slice_, clock)

    def read(self, slice_: DecodedSlice) -> Reading:
        """Read one slice, or say why it is refused."""
        return self._read(slice_, Clock())

    def read_series(
        self,
        slices: Sequence[DecodedSlice],
        *,
        spacing_between_mm: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> SeriesReading:
        """Read the slices of one series, which are given in their order along their normal.

        slices: each is asked for once, by several threads, and a key slice once more, so they
        may be decoded when they are asked for; a slice that raises DecodeError is refused.
        spacing_between_mm: from one slice's centre to the next, None where that is not known or
        not the same everywhere. progress: called with slices read and slices in all.
        """
        return read_series(self, slices, spacing_between_mm, progress)

    def see(self, slice_: DecodedSlice, clock: Clock) -> "Seen | Reason":
        """Say what the networks find on a slice, or why it is refused."""
        prepared = self.first_look(slice_, clock)
        return prepared if isinstance(prepared, Reason) else self.see_all([prepared], clock)[0]

    def see_all(self, prepared: Sequence[Prepared], clock: Clock) -> "list[Seen | Reason]":
        """The same of slices that passed the first look."""
        with clock.step("accept"):
            refusals = self._at_the_gate(prepared)
        passed = [index for index, refusal in enumerate(refusals) if refusal is None]
        found = self._classified([prepared[index] for index in passed], clock)
        with clock.step("accept"):
            for index, one in zip(passed, found, strict=True):
                refusals[index] = self._second_look(one)
        kept = [
            (prepared[index], one)
            for index, one in zip(passed, found, strict=True)
            if refusals[index] is None
        ]
        seen = iter(self._seen(kept, clock))
        return [refusal or next(seen) for refusal in refusals]

    def see_again(self, slice_: DecodedSlice) -> "Seen":
        """What the networks find on a slice that was accepted before.

        Nothing is asked about it a second time: among other slices, in other batches, a number can
        come out a hair's breadth beyond a threshold.
        """
        clock, prepared = Clock(), [prepare(slice_.pixels)]
        found = self._classified(prepared, clock)
        return self._seen(list(zip(prepared, found, strict=True)), clock)[0]

    def _classified(self, prepared: Sequence[Prepared], clock: Clock) -> list[Classified]:
        with clock.step("classify"):
            size = self._release.classifier_size
            return self._backend.classify([one.resized(size) for one in prepared])

    def _seen(self, found: Sequence[tuple[Prepared, Classified]], clock: Clock) -> "list[Seen]":
        """Class and outline; where there is clearly no tumour, nobody asks for an outline."""
        with clock.step("segment"):
            seen = [self._without_outline(*each) for each in found]
            asked = [
                index
                for index, one in enumerate(seen)
                if not agree.clear_of_tumor(one.probabilities)
            ]
            masks = self._masks([found[index] for index in asked])
            for index, mask in zip(asked, masks, strict=True):
                seen[index] = self._outlined(seen[index], mask)
            return seen

    def _at_the_gate(self, prepared: Sequence[Prepared]) -> list[Reason | None]:
        """Why the gate refuses each; a release without a gate refuses none here."""
        gate = self._release.gate
        if gate is None:
            return [None] * len(prepared)
        logits = self._backend.recognise([one.resized(gate.size) for one in prepared])
        return [accept.recognise(logit, gate.threshold) for logit in logits]

    def _masks(self, asked: Sequence[tuple[Prepared, Classified]]) -> list[FloatArray]:
        """Tumour logits (S, S) of each: the classifier's own, or the segmenter's."""
        segmenter = self._release.segmenter
        if segmenter is None:
            return [found.mask for _, found in asked if found.mask is not None]
        return self._backend.segment([one.resized(segmenter.size) for one, _ in asked])

    def first_look(self, slice_: DecodedSlice, clock: Clock) -> Prepared | Reason:
        """Prepare a slice, or say why it cannot be one; may be called by several threads."""
        with clock.step("prepare"):
            prepared = prepare(slice_.pixels)
        with clock.step("accept"):
            return accept.look(slice_.pixels, prepared) or prepared

    def _second_look(self, found: Classified) -> Reason | None:
        """Why a release that compares features refuses a slice."""
        space, threshold = self._space, self._release.distance_threshold
        if space is None or threshold is None:
            return None
        return accept.compare(found.features, space, threshold)

    def _without_outline(self, prepared: Prepared, found: Classified) -> "Seen":
        shares = probabilities(found.logits, self._release.temperature)
        return Seen(prepared, found.cam, shares, np.zeros(prepared.shape, bool))

    def _outlined(self, seen: "Seen", logits: FloatArray) -> "Seen":
        shares = tumor_shares(logits, seen.prepared)
        mask = outline(
            shares,
            seen.prepared,
            threshold=self._release.mask_threshold,
            min_area_fraction=self._release.min_area_fraction,
        )
        knots, level = self._release.dice_knots, self._release.outer_level
        if knots is None or level is None or (worth := trust(shares, mask, knots, level)) is None:
            return replace(seen, mask=mask)
        return replace(seen, mask=mask, outer=worth.outer, expected_dice=worth.expected_dice)

    def warnings_for(self, seen: "Seen") -> list[Reason]:
        """What to keep in mind about what the networks found."""
        return agree.warnings_for(
            seen.probabilities,
            outlined=bool(seen.mask.any()),
            set_threshold=self._release.set_threshold,
            expected_dice=seen.expected_dice,
        )

    def possible_labels(self, probabilities: dict[str, float], label: str) -> list[str] | None:
        """Which classes the release cannot rule out; see `agree.possible_labels`."""
        return agree.possible_labels(probabilities, label, self._release.set_threshold)

    def _read(self, slice_: DecodedSlice, clock: Clock) -> Reading:
        seen = self.see(slice_, clock)
        if isinstance(seen, Reason):
            return self._refused(seen, clock)
        with clock.step("agree"):
            reasons = self.warnings_for(seen)
        with clock.step("measure"):
            measurements = seen.measured(slice_, seen.mask)
        with clock.step("explain"):
            overlay = render.overlay(slice_.pixels, seen.mask, measurements, outer=seen.outer)
            heatmap = seen.heatmap(slice_, seen.label)
        return Reading(
            accepted=True,
            reasons=reasons,
            label=seen.label,
            probabilities=seen.probabilities,
            possible_labels=self.possible_labels(seen.probabilities, seen.label),
            mask=seen.mask,
            overlay=overlay,
            heatmap=heatmap,
            measurements=measurements,
            elapsed_ms=clock.elapsed_ms(),
            release=self._release.name,
        )

    def _refused(self, reason: Reason, clock: "Clock") -> Reading:
        return Reading(
            accepted=False,
            reasons=[reason],
            label=None,
            probabilities=None,
            possible_labels=None,
            mask=None,
            overlay=None,
            heatmap=None,
            measurements=None,
            elapsed_ms=clock.elapsed_ms(),
            release=self._release.name,
        )


@dataclass(frozen=True)
class Seen:
    """What the networks find on an accepted slice. cam: (4, h, w); mask: bool (H, W).

    outer: bool (H, W), how far the tumour may reach; expected_dice: of the mask. Both None where
    nothing is outlined or the release does not know.
    """

    prepared: Prepared
    cam: FloatArray
    probabilities: dict[str, float]
    mask: npt.NDArray[np.bool_]
    outer: npt.NDArray[np.bool_] | None = None
    expected_dice: float | None = None

    @property
    def label(self) -> str:
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    def measured(self, slice_: DecodedSlice, mask: npt.NDArray[np.bool_]) -> Measurements | None:
        """Measure a mask on the slice: what was outlined, or the part of it that counts."""
        if not mask.any():
            return None
        where = sides(mask, self.prepared, slice_.row_direction)
        return measure(mask, slice_.spacing_mm, self.expected_dice, where)

    def heatmap(self, slice_: DecodedSlice, label: str) -> render.Canvas:
        """Draw where the classifier found its evidence for a label."""
        return explain.heatmap(slice_.pixels, self.cam[CLASSES.index(label)], self.prepared)
