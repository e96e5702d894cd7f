"""A trained network as files for serving: an OpenVINO graph for CPUs, weights for torch."""

from __future__ import annotations

import logging
from pathlib import Path

import openvino
import torch
from safetensors.torch import save_file

from inference.engine.networks import Classifier, Joint, Segmenter

OUTPUTS = {
    Classifier: ("logits", "cam", "features"),
    Segmenter: ("logits",),
    Joint: ("logits", "cam", "features", "mask"),
}


def write_graph(network: Classifier | Segmenter | Joint, size: int, stem: Path) -> None:
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
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with torch.inference_mode():
        graph = openvino.convert_model(
            network, example_input=torch.rand(1, 1, size, size), input=[-1, 1, size, size]
        )
    for output, name in zip(graph.outputs, OUTPUTS[type(network)], strict=True):
        output.get_tensor().set_names({name})
    graph.inputs[0].get_tensor().set_names({"images"})
    openvino.save_model(graph, stem.with_suffix(".xml"), compress_to_fp16=True)
