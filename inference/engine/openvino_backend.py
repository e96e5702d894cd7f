"""The exported graphs on the CPU, through OpenVINO."""

import os
from typing import Any

import openvino

from inference.engine.backend import Classified, FloatArray
from inference.engine.release import Release, ReleaseError

_DEFAULT_THREADS = 2


class OpenVINOBackend:
    """Both graphs, compiled once for single slices.

    Precision is left to OpenVINO: bf16 where the CPU computes it natively, else f32. `precision`
    ("f32", "bf16") fixes it. FALX_THREADS sets how many threads one slice may use (2).
    """

    def __init__(self, release: Release, precision: str | None = None) -> None:
        core = openvino.Core()
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": int(os.environ.get("FALX_THREADS") or _DEFAULT_THREADS),
        }
        if precision is not None:
            settings["INFERENCE_PRECISION_HINT"] = precision
        self._classifier = _compile(core, release, "classifier", settings)
        self._segmenter = _compile(core, release, "segmenter", settings)

    def classify(self, picture: FloatArray) -> Classified:
        """Run the classifier on float32 (1, 1, S, S)."""
        result = self._classifier([picture])
        return Classified(
            logits=result["logits"][0].copy(),
            cam=result["cam"][0].copy(),
            features=result["features"][0].copy(),
        )

    def segment(self, picture: FloatArray) -> FloatArray:
        """Run the segmenter on float32 (1, 1, S, S); (S, S) logits."""
        logits: FloatArray = self._segmenter([picture])["logits"][0, 0].copy()
        return logits


def _compile(core: Any, release: Release, name: str, settings: dict[str, Any]) -> Any:
    graph, weights = release.file(f"{name}.xml"), release.file(f"{name}.bin")
    try:
        return core.compile_model(core.read_model(graph, weights), "CPU", settings)
    except RuntimeError as error:
        raise ReleaseError(
            "release_corrupt", f"The {name} of release {release.name} cannot be loaded: {error}"
        ) from error
