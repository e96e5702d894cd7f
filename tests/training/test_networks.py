"""The networks: pretrained to the last tensor, exact evidence maps, one answer in both forms."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from torch import Tensor

from inference.engine.networks import (
    Classifier,
    Gate,
    Joint,
    Segmenter,
    build_classifier,
    build_gate,
    build_joint,
    build_segmenter,
    timm,
)
from inference.training.graphs import OUTPUTS, write_graph
from inference.training.pretrained import load_imagenet, package_weights, rename

LITE0 = "tf_efficientnet_lite0"
SEGMENTER = {"encoder": LITE0, "decoder_channels": [32, 16, 16, 8, 8]}
JOINT = {"joint": LITE0, "decoder_channels": [32, 16, 16, 8]}
GATE = {"encoder": LITE0, "stages": 4, "hidden": 16}
BUILT: dict[str, Callable[[], Classifier | Segmenter | Joint | Gate]] = {
    "classifier": lambda: build_classifier({"name": LITE0}),
    "segmenter": lambda: build_segmenter(SEGMENTER),
    "joint": lambda: build_joint(JOINT),
    "gate": lambda: build_gate(GATE),
}
ROOT = Path(__file__).resolve().parents[2]


def test_every_encoder_tensor_comes_from_imagenet() -> None:
    package = list(package_weights(LITE0).values())
    classifier = build_classifier({"name": LITE0})
    assert load_imagenet(classifier, LITE0) == len(classifier.backbone.state_dict())
    _assert_same(classifier.backbone.state_dict(), package)
    segmenter = build_segmenter(SEGMENTER)
    encoder = segmenter.unet.encoder
    assert load_imagenet(segmenter, LITE0) == len(encoder.state_dict())
    _assert_same(encoder.state_dict(), package)
    joint = build_joint(JOINT)
    assert load_imagenet(joint, LITE0) == len(classifier.backbone.state_dict())
    parts = [*joint.encoder.state_dict().values(), *joint.deepest.state_dict().values()]
    _assert_same(dict(enumerate(parts)), package)
    gate = build_gate(GATE)
    assert load_imagenet(gate, LITE0) == len(gate.encoder.state_dict())
    _assert_same(gate.encoder.state_dict(), package)


def test_matching_by_position_never_mixes_kinds_of_tensors() -> None:
    source, target = package_weights(LITE0), timm.create_model(LITE0).state_dict()
    renamed = rename(source, target)
    kinds = zip(source, renamed, strict=True)
    assert all(old.split(".")[-1] == new.split(".")[-1] for old, new in kinds)


def test_weights_that_do_not_fit_are_refused() -> None:
    one, two = {"a": torch.zeros(2)}, {"a": torch.zeros(2), "b": torch.zeros(3)}
    with pytest.raises(ValueError, match="1 tensors where 2"):
        rename(one, two)
    with pytest.raises(ValueError, match=r"b \(2,\) is not a \(3,\)"):
        rename({"b": torch.zeros(2)}, {"a": torch.zeros(3)})
    with pytest.raises(ValueError, match="resnet18"):
        package_weights("resnet18")


def test_the_evidence_map_adds_up_to_the_logit() -> None:
    network = build_classifier({"name": LITE0}).eval()
    with torch.inference_mode():
        logits, cam, features = network(torch.rand(2, 1, 96, 96))
    assert features.shape == (2, 1280)
    assert torch.allclose(cam.mean(dim=(2, 3)) + network.head.bias, logits, atol=1e-4)


def test_the_joint_network_says_where_its_logits_come_from() -> None:
    network = build_joint(JOINT).eval()
    with torch.no_grad():
        logits, cam, features, masks = network(torch.rand(2, 1, 96, 96))
    assert masks.shape == (2, 1, 96, 96)
    assert cam.shape == (2, 4, 6, 6)
    assert features.shape == (2, network.head.in_features)
    evidence = features[:, -4:] @ network.head.weight[:, -4:].T
    expected = cam.mean(dim=(2, 3)) + evidence + network.head.bias
    assert torch.allclose(expected, logits, atol=1e-4)


def test_the_class_does_not_bend_the_outline_to_its_needs() -> None:
    network = build_joint(JOINT)
    logits, _, _, _ = network(torch.rand(2, 1, 64, 64))
    logits.sum().backward()
    assert network.mask_head.weight.grad is None
    assert network.head.weight.grad is not None


@pytest.mark.parametrize("name", BUILT)
def test_graph_and_torch_give_the_same_answer_for_any_batch(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = BUILT[name]()
    write_graph(network, 64, tmp_path / name)
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    graph = core.compile_model(tmp_path / f"{name}.xml", "CPU")
    images = torch.rand(3, 1, 64, 64)
    with torch.inference_mode():
        expected = network(images)
    answers: tuple[Tensor, ...] = expected if isinstance(expected, tuple) else (expected,)
    found = graph(images.numpy())
    for output, answer in zip(OUTPUTS[type(network)], answers, strict=True):
        # The graph folds batch norms into half-precision kernels, which rounds once more.
        difference = np.abs(found[output] - answer.numpy()).max()
        assert difference < 0.01 * float(answer.abs().max())


def test_a_working_torchvision_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "torchvision.py").write_text("WORKING = True\n")
    code = (
        "import torch, inference.engine._torchvision as shim, torchvision\n"
        "print(torchvision.WORKING, shim.ensure_importable(), "
        "hasattr(torch.ops.torchvision, 'qnms'))"
    )
    assert _python(code, tmp_path).stdout.split() == ["True", "False", "False"]


def test_a_torchvision_that_is_broken_otherwise_stays_an_error(tmp_path: Path) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('no such file: libjpeg')\n")
    found = _python("import inference.engine._torchvision", tmp_path)
    assert found.returncode != 0
    assert "libjpeg" in found.stderr


def _assert_same(own: dict[Any, Tensor], package: list[Tensor]) -> None:
    for tensor, imagenet in zip(own.values(), package, strict=False):
        assert torch.equal(tensor, imagenet)


def _python(code: str, path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
