"""The same networks through torch, for machines with a CUDA device."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from safetensors.torch import load_file

from inference.engine.backend import Classified, FloatArray
from inference.engine.networks import build_classifier, build_segmenter
from inference.engine.release import Release, ReleaseError


class TorchBackend:
    """Both networks in float32 on `device`."""

    def __init__(self, release: Release, device: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise ReleaseError("device_missing", "No CUDA device is available to torch.")
        self._device = torch.device(device)
        self._classifier = self._loaded(
            build_classifier(release.classifier_architecture), release, "classifier"
        )
        self._segmenter = self._loaded(
            build_segmenter(release.segmenter_architecture), release, "segmenter"
        )

    def _loaded(self, network: torch.nn.Module, release: Release, name: str) -> torch.nn.Module:
        weights = load_file(release.file(f"{name}.safetensors"))
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ReleaseError(
                "release_corrupt", f"The {name} of release {release.name} cannot be loaded: {error}"
            ) from error
        return network.float().eval().to(self._device)

    @torch.inference_mode()
    def classify(self, picture: FloatArray) -> Classified:
        """Run the classifier on float32 (1, 1, S, S)."""
        logits, cam, features = self._classifier(self._tensor(picture))
        return Classified(_array(logits), _array(cam), _array(features))

    @torch.inference_mode()
    def segment(self, picture: FloatArray) -> FloatArray:
        """Run the segmenter on float32 (1, 1, S, S); (S, S) logits."""
        return cast(FloatArray, _array(self._segmenter(self._tensor(picture)))[0])

    def classify_all(self, pictures: Sequence[FloatArray]) -> list[Classified]:
        """Run the classifier on each of many."""
        return [self.classify(picture) for picture in pictures]

    def segment_all(self, pictures: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the segmenter on each of many."""
        return [self.segment(picture) for picture in pictures]

    def _tensor(self, picture: FloatArray) -> torch.Tensor:
        return torch.from_numpy(picture).to(self._device)


def _array(batch: torch.Tensor) -> Any:
    return batch[0].float().cpu().numpy()
