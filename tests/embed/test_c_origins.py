# SPDX-License-Identifier: Apache-2.0
"""Models of other origins in the C library: against NVIDIA's own output, and against the Python package to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flownet2
from cases.networks import NVIDIA, nvidia_golden, nvidia_state_dict
from compare import assert_near
from embed.c_library import CModel
from flownet2.types import Array
from flownet2.weights import import_checkpoint, write_model

FLOW_PX = 5e-4
SMALL = ("flownets", "flownetc", "flownet2sd")


def written(folder: Path, network: str, **choice: str) -> Path:
    """A model file of NVIDIA's weights."""
    content = {"state_dict": nvidia_state_dict(network), "best_EPE": 0.0}
    path = folder / f"{network}.safetensors"
    write_model(path, import_checkpoint(__file__, content, **choice))
    return path


@pytest.mark.parametrize("network", [pytest.param(n, marks=() if n in SMALL else pytest.mark.slow) for n in NVIDIA])
def test_parity_with_nvidia(tmp_path: Path, network: str) -> None:
    first, second, expected = nvidia_golden(network)
    flow = CModel(written(tmp_path, network))(first, second)
    assert_near(flow, expected, atol=FLOW_PX, what=f"{network} in C++")


@pytest.mark.parametrize("origin", ["nvidia", "nvidia-0.3", "ptlflow"])
def test_the_same_bits_as_python(tmp_path: Path, origin: str) -> None:
    """Stacked networks, whose links and pictures the origins treat differently; a size that is no multiple."""
    path = written(tmp_path, "flownet2cs", origin=origin)
    c_model, python_model = CModel(path), flownet2.load(path)
    rng = np.random.default_rng(5)
    pair: list[Array] = [rng.integers(0, 256, (75, 150, 3), np.uint8) for _ in range(2)]
    got, expected = c_model(*pair), python_model(*pair)
    assert got.shape == ((64, 128, 2) if origin.startswith("nvidia") else (75, 150, 2))
    assert got.tobytes() == expected.tobytes()
