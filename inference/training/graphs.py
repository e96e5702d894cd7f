"""A trained network as files for serving: an OpenVINO graph for CPUs, weights for torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from inference.engine.networks import Classifier, Gate, Joint, Segmenter
from inference.training.average import Average

OUTPUTS: dict[type, tuple[str, ...]] = {
    Classifier: ("logits", "cam", "features"),
    Segmenter: ("logits",),
    Joint: ("logits", "cam", "features", "mask"),
    Gate: ("logit",),
}
OUTPUTS[Average] = OUTPUTS[Joint]


Network = Classifier | Segmenter | Joint | Gate | Average
Floats = NDArray[np.float32]


def write_graph(network: Network, size: int, stem: Path) -> None:
    """Write `stem`.xml, .bin and .safetensors for input (N, 1, size, size), any N.

    The weights are rounded to half precision first, so that both files hold the same numbers.
    """
    network = network.cpu().half().float().eval()
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }
    path = stem.with_suffix(".safetensors")
    save_file({name: value.contiguous() for name, value in weights.items()}, path)
    path.chmod(0o644)  # safetensors writes for the owner only; a server runs as someone else
    openvino.save_model(_graph(network, size), stem.with_suffix(".xml"), compress_to_fp16=True)


def answering(network: Network, size: int, device: str) -> Callable[[Floats], Mapping[str, Floats]]:
    """A function from pictures (N, 1, size, size) to the network's OUTPUTS by name, in float32.

    On a CPU it is the compiled graph, which takes half as long as torch.
    """
    names = OUTPUTS[type(network)]
    if device == "cpu":
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        graph = openvino.Core().compile_model(_graph(network.cpu().eval(), size), "CPU", settings)
        return lambda images: dict(zip(names, graph(images).values(), strict=True))
    network = network.to(device).eval()

    @torch.inference_mode()
    def answer(images: Floats) -> Mapping[str, Floats]:
        found = network(torch.from_numpy(images).to(device))
        outputs = found if isinstance(found, tuple) else (found,)
        return {name: own.cpu().numpy() for name, own in zip(names, outputs, strict=True)}

    return answer


def _graph(network: Network, size: int) -> openvino.Model:
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with torch.inference_mode():
        graph = openvino.convert_model(
            network, example_input=torch.rand(1, 1, size, size), input=[-1, 1, size, size]
        )
    for output, name in zip(graph.outputs, OUTPUTS[type(network)], strict=True):
        output.get_tensor().set_names({name})
    graph.inputs[0].get_tensor().set_names({"images"})
    return graph
