"""The exported graphs on the CPU, through OpenVINO."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import openvino

from inference.engine.backend import Classified, FloatArray
from inference.engine.release import Release, ReleaseError

_DEFAULT_THREADS = 2


class OpenVINOBackend:
    """Both graphs, compiled once: all threads for one slice, or one for each of several.

    Precision is left to OpenVINO: bf16 where the CPU computes it natively, else f32. `precision`
    ("f32", "bf16") fixes it. FALX_THREADS sets how many threads there are (2).
    """

    def __init__(self, release: Release, precision: str | None = None, *, at_once: int = 1) -> None:
        self._release = release
        self._precision = precision
        self.at_once = at_once
        core = openvino.Core()
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY" if at_once == 1 else "THROUGHPUT",
            "INFERENCE_NUM_THREADS": _threads(),
            "NUM_STREAMS": at_once,
        }
        if precision is not None:
            settings["INFERENCE_PRECISION_HINT"] = precision
        self._classifier = _Graph(core, release, "classifier", settings)
        self._segmenter = _Graph(core, release, "segmenter", settings)

    def for_many(self) -> "OpenVINOBackend":
        """Return one for as many slices at once as there are threads: slower each, more in all."""
        return OpenVINOBackend(self._release, self._precision, at_once=_threads())

    def classify(self, picture: FloatArray) -> Classified:
        """Run the classifier on float32 (1, 1, S, S)."""
        with self._classifier.run(picture) as result:
            return Classified(
                logits=result["logits"][0].copy(),
                cam=result["cam"][0].copy(),
                features=result["features"][0].copy(),
            )

    def segment(self, picture: FloatArray) -> FloatArray:
        """Run the segmenter on float32 (1, 1, S, S); (S, S) logits."""
        with self._segmenter.run(picture) as result:
            logits: FloatArray = result["logits"][0, 0].copy()
        return logits


class _Graph:
    """A compiled graph, and a request for each slice that may be in it at once.

    The requests are made beforehand: OpenVINO may block for good when one thread makes one while
    another waits for its own.
    """

    def __init__(self, core: Any, release: Release, name: str, settings: dict[str, Any]) -> None:
        graph, weights = release.file(f"{name}.xml"), release.file(f"{name}.bin")
        try:
            compiled = core.compile_model(core.read_model(graph, weights), "CPU", settings)
        except RuntimeError as error:
            raise ReleaseError(
                "release_corrupt",
                f"The {name} of release {release.name} cannot be loaded: {error}",
            ) from error
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(settings["NUM_STREAMS"]):
            self._idle.put(compiled.create_infer_request())

    @contextmanager
    def run(self, picture: FloatArray) -> Iterator[Any]:
        """Give the outputs by name; they are overwritten once the block ends."""
        request = self._idle.get()
        try:
            yield request.infer([picture])
        finally:
            self._idle.put(request)


def _threads() -> int:
    return int(os.environ.get("FALX_THREADS") or _DEFAULT_THREADS)
