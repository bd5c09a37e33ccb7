# SPDX-License-Identifier: Apache-2.0
"""Every network against mmflow's own outputs: decoder levels, flow, a batch, the whole path from pictures."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases.networks import NAMES, PARITY, golden, level_values, mmflow_model
from compare import assert_near
from flownet2.api import FlowEstimator
from flownet2.executors import get_executor
from flownet2.weights import Model

FLOW_PX = 5e-4
IMAGE_FLOW_PX = 1e-3


@functools.lru_cache(maxsize=1)
def _model(network: str) -> Model:
    """One at a time: FlowNet2 alone has 650 MB of weights."""
    return mmflow_model(network)


def _runs() -> list[Any]:
    """Every network on the engine and the NumPy executor, the small ones on the reference too (the rest is slow)."""
    runs = []
    for name in NAMES:
        runs.append(pytest.param((name, "native"), id=f"{name}-native"))
        runs.append(pytest.param((name, "numpy"), id=f"{name}-numpy"))
        marks = () if name in ("flownets", "flownetc") else pytest.mark.slow
        runs.append(pytest.param((name, "reference"), id=f"{name}-reference", marks=marks))
    return runs


@pytest.fixture(params=_runs(), scope="module")
def network(request: pytest.FixtureRequest) -> tuple[str, FlowEstimator]:
    name, executor = request.param
    model = _model(name)
    return name, FlowEstimator(model, get_executor(executor).compile(model.graph, model.parameters))


def _checksums() -> list[tuple[str, Path]]:
    data = PARITY.parent
    lists = [data / "parity" / "SHA256SUMS", data / "lite" / "SHA256SUMS"]
    lines = [(line.split(), path.parent) for path in lists for line in path.read_text().splitlines()]
    return [(digest, folder / name) for (digest, name), folder in lines]


@pytest.mark.parametrize(("digest", "path"), _checksums(), ids=lambda value: getattr(value, "name", ""))
def test_reference_files_are_those_that_were_given(digest: str, path: Path) -> None:
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_every_reference_file_is_listed() -> None:
    listed = {path.name for _, path in _checksums() if path.parent == PARITY}
    assert {path.name for path in PARITY.iterdir()} - {"SHA256SUMS"} == listed


def test_network_is_recognised(network: tuple[str, FlowEstimator]) -> None:
    name, model = network
    assert model.network == name
    assert model.info["origin"] == "mmflow"


def test_flow_and_every_level(network: tuple[str, FlowEstimator]) -> None:
    name, model = network
    arrays = golden(name)
    levels = level_values(name, arrays)
    assert len(levels) == sum(key.startswith("level:") for key in arrays)
    got = model.forward(arrays["x"], ["flow", *levels])
    assert_near(got["flow"].transpose(0, 2, 3, 1), arrays["flow"], atol=FLOW_PX, what=f"{name} flow")
    for value, expected in levels.items():
        assert_near(got[value], expected, atol=FLOW_PX, what=f"{name} {value}")


def test_batch_of_two(network: tuple[str, FlowEstimator]) -> None:
    name, model = network
    arrays = golden(name)
    flow = model.forward(arrays["batch_x"])
    assert_near(flow.transpose(0, 2, 3, 1), arrays["batch_flow"], atol=FLOW_PX, what=f"{name} batch")


def test_pictures_to_flow(network: tuple[str, FlowEstimator]) -> None:
    name, model = network
    arrays = golden(name)
    flow = model(arrays["image1_bgr"], arrays["image2_bgr"], channel_order="bgr")
    assert_near(flow, arrays["image_flow"], atol=IMAGE_FLOW_PX, what=f"{name} image_flow")


def test_channel_order_matters() -> None:
    weights = _model("flownets")
    model = FlowEstimator(weights, get_executor("numpy").compile(weights.graph, weights.parameters))
    arrays = golden("flownets")
    first, second = arrays["image1_bgr"][:64, :64], arrays["image2_bgr"][:64, :64]
    bgr = model(first, second, channel_order="bgr")
    assert np.array_equal(model(first[..., ::-1], second[..., ::-1]), bgr)
    assert np.abs(model(first, second) - bgr).max() > 0.01
