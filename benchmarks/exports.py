# SPDX-License-Identifier: Apache-2.0
"""The files that the workers load: one network with one set of weights, in the form that each competitor reads.

exports.py FORM NETWORK WIDTHxHEIGHT FILE, a process of its own, since a conversion takes gigabytes that are not the
competitor's. Forms: float32 and bfloat16 (our model file), torch, onnx, openvino.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import model_of, network_input, parse_size

from flownet2.builtin import MODELS
from flownet2.graph import graph_to_json
from flownet2.networks import MMFLOW, build_network
from flownet2.weights import write_model
from flownet2.weights.model_file import DTYPES

if TYPE_CHECKING:
    from peers import TorchNetwork

OPSET = 17
SUFFIXES = {"torch": ".pt", "onnx": ".onnx", "openvino": ".xml"}
"""Forms of the peers; they are kept in the cache, since some take a minute to make."""


def model_file(network: str, precision: str, folder: Path) -> Path:
    """A model file as a user has it, made if it is not in the folder."""
    if network in MODELS:
        return MODELS[network]
    dtype = precision if precision in DTYPES else "float32"
    path = folder / f"{network}-{dtype}.safetensors"
    return path if path.exists() else _made(dtype, network, "1x1", path)


def peer_file(form: str, network: str, size: str, cache: Path) -> Path:
    """The network as a peer reads it, made if the cache has none of this size, source and versions."""
    text = Path(__file__).with_name("peers.py").read_text() + graph_to_json(build_network(network, MMFLOW))
    versions = [metadata.version(name) for name in ("torch", "openvino" if form == "openvino" else "torch")]
    digest = hashlib.sha256("\n".join([text, *versions]).encode()).hexdigest()[:12]
    # The state dict of torch has no size.
    name = network if form == "torch" else f"{network}-{size}"
    path = cache / f"{name}-{digest}{SUFFIXES[form]}"
    return path if path.exists() else _made(form, network, size, path)


def _made(form: str, network: str, size: str, path: Path) -> Path:
    """Written beside its place and moved, so that an interrupted run leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{path.name}")
    print(f"making {path.name}", flush=True)
    subprocess.run([sys.executable, __file__, form, network, size, str(part)], check=True)
    if form == "openvino":
        part.with_suffix(".bin").replace(path.with_suffix(".bin"))
    return part.replace(path)


def torch_weights(network: str) -> TorchNetwork:
    """The network in PyTorch with the benchmark's weights."""
    import torch
    from peers import TorchNetwork

    model = model_of(network)
    tensors = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in model.parameters.items()}
    return TorchNetwork(build_network(network, MMFLOW), tensors)


def write_torch(network: str, path: Path) -> None:
    """A state dict under our names."""
    import torch

    module = torch_weights(network)
    torch.save({name: getattr(module, module.attribute[name]).data for name in module.graph.parameters}, path)


def write_onnx(network: str, x: np.ndarray, path: Path) -> None:
    """For ONNX Runtime."""
    import torch

    module = torch_weights(network)
    with torch.inference_mode():
        torch.onnx.export(
            module,
            (torch.from_numpy(x),),
            str(path),
            input_names=["x"],
            output_names=["flow"],
            opset_version=OPSET,
            dynamo=False,
        )


def write_openvino(network: str, x: np.ndarray, path: Path) -> None:
    """OpenVINO's own form, weights as float32."""
    import openvino
    import torch

    module = torch_weights(network)
    converted = openvino.convert_model(module, example_input=torch.from_numpy(x), input=list(x.shape))
    openvino.save_model(converted, path, compress_to_fp16=False)


def main() -> None:
    form, network, size, name = sys.argv[1:]
    path = Path(name)
    if form in DTYPES:
        write_model(path, model_of(network), form)
    elif form == "torch":
        write_torch(network, path)
    else:
        x = network_input(parse_size(size), build_network(network).size_multiple)
        warnings.simplefilter("ignore")  # tracing makes sizes constants, which is meant
        {"onnx": write_onnx, "openvino": write_openvino}[form](network, x, path)


if __name__ == "__main__":
    main()
