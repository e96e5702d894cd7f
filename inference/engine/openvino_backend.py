"""The exported graphs on the CPU, through OpenVINO."""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import openvino

from inference.engine.backend import Classified, FloatArray, averaged
from inference.engine.release import Release, ReleaseError

_DEFAULT_THREADS = 2
_JOINT_OUTPUTS = 4  # logits, cam, features, and mask

T = TypeVar("T")


class OpenVINOBackend:
    """A release's graphs, compiled for single slices, and for many once these are asked for.

    Precision is left to OpenVINO: bf16 where the CPU computes it natively, else f32. `precision`
    ("f32", "bf16") fixes it. FALX_THREADS sets how many threads there are (2): all of them work
    on a single slice, each on its own of many.
    """

    def __init__(self, release: Release, precision: str | None = None) -> None:
        self._release = release
        self._core = openvino.Core()
        self._settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": _threads()}
        if precision is not None:
            self._settings["INFERENCE_PRECISION_HINT"] = precision
        others = {"gate": release.gate, "segmenter": release.segmenter}
        names = (*release.classifiers, *(name for name, own in others.items() if own))
        self._graphs = {
            name: self._compiled(name, {"PERFORMANCE_HINT": "LATENCY"}) for name in names
        }
        self._streams: dict[str, list[Any]] = {}

    def recognise(self, pictures: Sequence[FloatArray]) -> list[float]:
        """Run the gate on float32 (1, 1, S, S) each; logits."""
        return self._asked("gate", pictures, _logit)

    def classify(self, pictures: Sequence[FloatArray]) -> list[Classified]:
        """Run each classifier on float32 (1, 1, S, S) each, and average them."""
        members = [self._asked(name, pictures, _classified) for name in self._release.classifiers]
        return [averaged(one) for one in zip(*members, strict=True)]

    def segment(self, pictures: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the segmenter on float32 (1, 1, S, S) each; (S, S) logits."""
        return self._asked("segmenter", pictures, _logits)

    def _asked(
        self, name: str, pictures: Sequence[FloatArray], taken: Callable[[Any], T]
    ) -> list[T]:
        """One picture by all threads together, of several each by its own."""
        if len(pictures) == 1:
            return [taken(self._graphs[name](list(pictures)))]
        return _all(self._requests(name), pictures, taken) if pictures else []

    def _requests(self, name: str) -> list[Any]:
        """Two for each thread, so that none waits while results are copied."""
        if name not in self._streams:
            streams = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": _threads()}
            compiled = self._compiled(name, streams)
            self._streams[name] = [compiled.create_infer_request() for _ in range(2 * _threads())]
        return self._streams[name]

    def _compiled(self, name: str, settings: dict[str, Any]) -> Any:
        release = self._release
        graph, weights = release.file(f"{name}.xml"), release.file(f"{name}.bin")
        try:
            model = self._core.read_model(graph, weights)
            return self._core.compile_model(model, "CPU", self._settings | settings)
        except RuntimeError as error:
            raise ReleaseError(
                "release_corrupt",
                f"The {name} of release {release.name} cannot be loaded: {error}",
            ) from error


def _all(
    requests: Sequence[Any], pictures: Sequence[FloatArray], taken: Callable[[Any], T]
) -> list[T]:
    """Run pictures through a graph and return the results in their order.

    One thread does all the asking, and no callbacks are used: OpenVINO blocks for good, now and
    then, when two threads of Python use its requests.
    """
    results: list[T] = []
    for index, picture in enumerate(pictures):
        request = requests[index % len(requests)]
        if index >= len(requests):
            request.wait()
            results.append(taken(request.results))
        request.start_async([picture])
    for index in range(len(results), len(pictures)):
        request = requests[index % len(requests)]
        request.wait()
        results.append(taken(request.results))
    return results


def _logit(result: Any) -> float:
    return float(result["logit"][0, 0])


def _classified(result: Any) -> Classified:
    return Classified(
        logits=result["logits"][0].copy(),
        cam=result["cam"][0].copy(),
        features=result["features"][0].copy(),
        mask=result["mask"][0, 0].copy() if len(result) == _JOINT_OUTPUTS else None,
    )


def _logits(result: Any) -> FloatArray:
    logits: FloatArray = result["logits"][0, 0].copy()
    return logits


def _threads() -> int:
    return int(os.environ.get("FALX_THREADS") or _DEFAULT_THREADS)
