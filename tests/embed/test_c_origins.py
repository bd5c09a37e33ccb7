# SPDX-License-Identifier: Apache-2.0
"""Models of other origins in the C library: against NVIDIA's own output, and against the Python package to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flownet2
from cases.narrow import weights
from cases.networks import NVIDIA, nvidia_golden, nvidia_state_dict
from compare import assert_near
from embed.c_library import CallError, CModel
from flownet2.networks import build_network
from flownet2.preprocess import Preprocess
from flownet2.types import Array
from flownet2.weights import Model, import_checkpoint, write_model

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


@pytest.mark.parametrize("size", [(16, 16), (10, 70), (75, 150), (64, 128)])
def test_flow_that_is_resized_from_a_quarter(tmp_path: Path, size: tuple[int, int]) -> None:
    """Caffe's way back, to sizes that are larger and smaller than a quarter of the network's."""
    graph = build_network("flownets", width=1 / 16)
    rng = np.random.default_rng(3)
    parameters = weights(graph, rng)
    record = Preprocess("bgr", (0.4, 0.5, 0.45), resampling="lmb", flow_value="flow_quarter")
    path = tmp_path / "model.safetensors"
    write_model(path, Model(graph, parameters, record))
    pair: list[Array] = [rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2)]
    got, expected = CModel(path)(*pair), flownet2.load(path)(*pair)
    assert got.shape == (*size, 2)
    assert np.abs(got).max() > 0.1
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("value", "message"), [("flown", "has no value"), ("flownets.conv1", "is to be the flow")])
def test_flow_values_that_are_none(tmp_path: Path, value: str, message: str) -> None:
    graph = build_network("flownets", width=1 / 16)
    parameters = {name: np.zeros(shape, np.float32) for name, shape in graph.parameters.items()}
    path = tmp_path / "model.safetensors"
    write_model(path, Model(graph, parameters, Preprocess(resampling="lmb", flow_value=value)))
    with pytest.raises(CallError) as caught:
        CModel(path)
    assert message in caught.value.message
