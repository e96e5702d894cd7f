"""The same networks through torch, for machines with a CUDA device."""

from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import load_file

from inference.engine.backend import Classified, FloatArray, averaged
from inference.engine.networks import build_classifier, build_gate, build_joint, build_segmenter
from inference.engine.release import Release, ReleaseError


class TorchBackend:
    """A release's networks in float32 on `device`."""

    def __init__(self, release: Release, device: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise ReleaseError("device_missing", "No CUDA device is available to torch.")
        self._device = torch.device(device)
        build = build_classifier if release.segmenter else build_joint
        self._classifiers = [
            self._loaded(build(release.classifier_architecture), release, name)
            for name in release.classifiers
        ]
        self._gate = None
        if release.gate:
            self._gate = self._loaded(build_gate(release.gate.architecture), release, "gate")
        self._segmenter = None
        if release.segmenter:
            network = build_segmenter(release.segmenter.architecture)
            self._segmenter = self._loaded(network, release, "segmenter")

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
    def recognise(self, pictures: Sequence[FloatArray]) -> list[float]:
        """Run the gate on float32 (1, 1, S, S) each; logits."""
        if self._gate is None:
            raise RuntimeError("this release has no gate")
        return [float(self._gate(self._tensor(picture))) for picture in pictures]

    @torch.inference_mode()
    def classify(self, pictures: Sequence[FloatArray]) -> list[Classified]:
        """Run each classifier on float32 (1, 1, S, S) each, and average them."""
        return [
            averaged([_classified(network(images)) for network in self._classifiers])
            for images in map(self._tensor, pictures)
        ]

    @torch.inference_mode()
    def segment(self, pictures: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the segmenter on float32 (1, 1, S, S) each; (S, S) logits."""
        if self._segmenter is None:
            raise RuntimeError("this release has no segmenter")
        return [_array(self._segmenter(self._tensor(picture)))[0] for picture in pictures]

    def _tensor(self, picture: FloatArray) -> torch.Tensor:
        return torch.from_numpy(picture).to(self._device)


def _classified(outputs: tuple[torch.Tensor, ...]) -> Classified:
    logits, cam, features, *masks = map(_array, outputs)
    return Classified(logits, cam, features, masks[0][0] if masks else None)


def _array(batch: torch.Tensor) -> Any:
    return batch[0].float().cpu().numpy()
