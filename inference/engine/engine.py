"""The way of one slice: prepare, accept, classify, segment, agree, measure, explain."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from inference.engine import accept, agree, explain, render
from inference.engine.backend import Backend, Classified
from inference.engine.classify import probabilities
from inference.engine.measure import measure
from inference.engine.openvino_backend import OpenVINOBackend
from inference.engine.preprocess import Prepared, prepare
from inference.engine.reading import Reading, Reason
from inference.engine.release import CLASSES, Release, find_release
from inference.engine.segment import outline
from scans.decoding import DecodedSlice, decode

Device = Literal["cpu", "cuda"]


class Engine:
    """A release, loaded once, that reads one slice after another. Not for use by two threads."""

    def __init__(self, release: Release, backend: Backend) -> None:
        self._release = release
        self._backend = backend
        self._gate = accept.Gate.load(release.file("accept.npz"))

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
        clock = _Clock()
        with clock.step("decode"):
            slice_ = decode(data)
        return self._read(slice_, clock)

    def read(self, slice_: DecodedSlice) -> Reading:
        """Read one slice, or say why it is refused."""
        return self._read(slice_, _Clock())

    def _read(self, slice_: DecodedSlice, clock: "_Clock") -> Reading:
        with clock.step("prepare"):
            prepared = prepare(slice_.pixels)
        with clock.step("accept"):
            refusal = accept.look(slice_.pixels, prepared)
        if refusal:
            return self._refused(refusal, clock)
        with clock.step("classify"):
            found = self._backend.classify(prepared.resized(self._release.classifier_size))
        with clock.step("accept"):
            refusal = accept.compare(found.features, self._gate, self._release.distance_threshold)
        if refusal:
            return self._refused(refusal, clock)
        return self._accepted(slice_, prepared, found, clock)

    def _accepted(
        self, slice_: DecodedSlice, prepared: Prepared, found: Classified, clock: "_Clock"
    ) -> Reading:
        release = self._release
        shares = probabilities(found.logits, release.temperature)
        label = max(shares, key=lambda name: shares[name])
        with clock.step("segment"):
            if agree.clear_of_tumor(shares):
                mask = np.zeros(prepared.shape, bool)
            else:
                mask = self._outline(prepared)
        with clock.step("agree"):
            reasons = agree.warnings_for(shares, outlined=bool(mask.any()))
        with clock.step("measure"):
            measurements = measure(mask, slice_.spacing_mm)
        with clock.step("explain"):
            overlay = render.overlay(slice_.pixels, mask, measurements)
            heatmap = explain.heatmap(slice_.pixels, found.cam[CLASSES.index(label)], prepared)
        return Reading(
            accepted=True,
            reasons=reasons,
            label=label,
            probabilities=shares,
            mask=mask,
            overlay=overlay,
            heatmap=heatmap,
            measurements=measurements,
            elapsed_ms=clock.elapsed_ms(),
            release=release.name,
        )

    def _outline(self, prepared: Prepared) -> npt.NDArray[np.bool_]:
        return outline(
            self._backend.segment(prepared.resized(self._release.segmenter_size)),
            prepared,
            threshold=self._release.mask_threshold,
            min_area_fraction=self._release.min_area_fraction,
        )

    def _refused(self, reason: Reason, clock: "_Clock") -> Reading:
        return Reading(
            accepted=False,
            reasons=[reason],
            label=None,
            probabilities=None,
            mask=None,
            overlay=None,
            heatmap=None,
            measurements=None,
            elapsed_ms=clock.elapsed_ms(),
            release=self._release.name,
        )


class _Clock:
    """Times named steps; a step entered twice adds up."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._steps[name] = self._steps.get(name, 0.0) + time.perf_counter() - started

    def elapsed_ms(self) -> dict[str, float]:
        total = time.perf_counter() - self._started
        return {name: round(s * 1000, 3) for name, s in (self._steps | {"total": total}).items()}
