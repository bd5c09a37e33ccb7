# SPDX-License-Identifier: Apache-2.0
"""mmflow's networks with weights that NumPy makes again from the manifest's rule, and their stored outputs."""

from __future__ import annotations

import functools
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.types import Array

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


@functools.cache
def manifest() -> dict[str, Any]:
    """tests/data/parity/manifest.json."""
    content: dict[str, Any] = json.loads((PARITY / "manifest.json").read_text())
    return content


def state_dict(network: str) -> dict[str, Array]:
    """The full-width weights under mmflow's names (tests/data/parity/README.md gives the rule)."""
    seed = manifest()["seed"]
    tensors = {}
    for row in manifest()["networks"][network]["tensors"]:
        random = np.random.RandomState((zlib.crc32(row["name"].encode()) + seed) % 2**32)
        values = (random.random_sample(int(np.prod(row["shape"]))) * 2 - 1) * row["bound"]
        tensors[row["name"]] = values.astype(np.float32).reshape(row["shape"])
    return tensors


def golden(network: str) -> dict[str, Array]:
    """All arrays of the network's stored outputs."""
    with np.load(PARITY / f"{network}.npz") as data:
        return {name: data[name] for name in data.files}


def level_values(network: str, arrays: dict[str, Array]) -> dict[str, Array]:
    """Our value name -> raw decoder output, for every stored level; mmflow's fusion levels are one higher."""
    values = {}
    for key, array in arrays.items():
        if key.startswith("level:"):
            subnetwork, level = key.removeprefix("level:").split("/level")
            ours = _ALONE.get(network) or _SUBNETWORKS[subnetwork.split(".")[-1]]
            values[f"{ours}.predict_flow{int(level) - (ours == 'fusion')}"] = array
    return values
