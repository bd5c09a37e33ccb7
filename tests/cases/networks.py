# SPDX-License-Identifier: Apache-2.0
"""mmflow's and NVIDIA's networks with weights that NumPy makes by a rule, and their stored outputs."""

from __future__ import annotations

import functools
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.types import Array
from flownet2.weights import Model, import_checkpoint

PARITY = Path(__file__).parents[1] / "data" / "parity"

NAMES = ("flownets", "flownetc", "flownet2sd", "flownet2cs", "flownet2css", "flownet2")
"""The networks with stored outputs; flownet2css-sd has the graph and tensors of flownet2css."""

_SUBNETWORKS = {
    "flownetC": "flownetc",
    "flownetS1": "flownets1",
    "flownetS2": "flownets2",
    "flownetSD": "flownetsd",
    "flownet_fusion": "fusion",
}
_ALONE = {"flownets": "flownets", "flownetc": "flownetc", "flownet2sd": "flownetsd"}


NVIDIA = {
    "flownets": "FlowNet2S",
    "flownetc": "FlowNet2C",
    "flownet2sd": "FlowNet2SD",
    "flownet2cs": "FlowNet2CS",
    "flownet2css": "FlowNet2CSS",
    "flownet2": "FlowNet2",
}
"""The networks of which NVIDIA's code has left an output -> its name for them."""


@functools.cache
def manifest() -> dict[str, Any]:
    """tests/data/parity/manifest.json."""
    content: dict[str, Any] = json.loads((PARITY / "manifest.json").read_text())
    return content


@functools.cache
def nvidia_manifest() -> dict[str, Any]:
    """tests/data/parity/nvidia_manifest.json."""
    content: dict[str, Any] = json.loads((PARITY / "nvidia_manifest.json").read_text())
    return content


def state_dict(network: str) -> dict[str, Array]:
    """The full-width weights under mmflow's names."""
    return _made(manifest()["networks"][network]["tensors"], manifest()["seed"])


def nvidia_state_dict(network: str) -> dict[str, Array]:
    """The full-width weights under NVIDIA's names."""
    return _made(nvidia_manifest()["networks"][NVIDIA[network]], nvidia_manifest()["seed"])


def mmflow_model(network: str) -> Model:
    """Recognised by its tensors, as any checkpoint of mmflow's."""
    return import_checkpoint(__file__, {"state_dict": state_dict(network)})


def nvidia_model(network: str) -> Model:
    """The same of NVIDIA's, with what its training script writes beside the weights."""
    return import_checkpoint(__file__, {"epoch": 1, "state_dict": nvidia_state_dict(network), "best_EPE": 1.0})


def _made(rows: list[dict[str, Any]], seed: int) -> dict[str, Array]:
    """Values by the rule of tests/data/parity/README.md."""
    tensors = {}
    for row in rows:
        random = np.random.RandomState((zlib.crc32(row["name"].encode()) + seed) % 2**32)
        values = (random.random_sample(int(np.prod(row["shape"]))) * 2 - 1) * row["bound"]
        tensors[row["name"]] = values.astype(np.float32).reshape(row["shape"])
    return tensors


def golden(network: str) -> dict[str, Array]:
    """All arrays of the network's stored outputs."""
    with np.load(PARITY / f"{network}.npz") as data:
        return {name: data[name] for name in data.files}


def nvidia_golden(network: str) -> tuple[Array, Array, Array]:
    """Both pictures (H, W, 3) uint8 RGB, and the flow (H, W, 2) of NVIDIA's code."""
    arrays = golden(f"nvidia_{NVIDIA[network].lower()}")
    first, second = arrays["images_rgb"][0].transpose(1, 2, 3, 0)
    return first, second, arrays["flow"][0].transpose(1, 2, 0)


def level_values(network: str, arrays: dict[str, Array]) -> dict[str, Array]:
    """Our value name -> raw decoder output, for every stored level; mmflow's fusion levels are one higher."""
    values = {}
    for key, array in arrays.items():
        if key.startswith("level:"):
            subnetwork, level = key.removeprefix("level:").split("/level")
            ours = _ALONE.get(network) or _SUBNETWORKS[subnetwork.split(".")[-1]]
            values[f"{ours}.predict_flow{int(level) - (ours == 'fusion')}"] = array
    return values
