# SPDX-License-Identifier: Apache-2.0
"""Caffe's networks, from real files, against what the published deploy files computed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import caffe as made
from compare import assert_near
from flownet2.api import FlowEstimator
from flownet2.executors import get_executor
from flownet2.types import Array
from flownet2.weights import Model, caffe, load_model

FLOW_PX = 5e-4


@functools.lru_cache(maxsize=1)
def _model(network: str, folder: Path) -> tuple[Model, tuple[Array, Array]]:
    """From a file, and the means in it; one at a time, FlowNet2 alone has 650 MB."""
    path = folder / f"{network}.caffemodel"
    made.write_caffemodel(path, made.layers(network))
    layers = {
        f"{name}/{i}": blob for name, _, held in made.layers(network, values=False) for i, blob in enumerate(held)
    }
    first, second = caffe.means(str(path), layers)
    model = load_model(path)
    path.unlink()
    return model, (np.float32(first), np.float32(second))


def _runs() -> list[Any]:
    """Every network on the engine and the NumPy executor, the small one on the reference too (the rest is slow)."""
    runs = []
    for name in made.NETWORKS:
        for executor in ("native", "numpy", "reference"):
            slow = executor == "reference" and name != "flownet2ss-thin"
            marks = pytest.mark.slow if slow else ()
            runs.append(pytest.param((name, executor), id=f"{name}-{executor}", marks=marks))
    return runs


@pytest.fixture(params=_runs(), scope="module")
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, FlowEstimator, Any]:
    name, executor = request.param
    model, means = _model(name, tmp_path_factory.getbasetemp())
    return name, FlowEstimator(model, get_executor(executor).compile(model.graph, model.parameters)), means


@pytest.mark.parametrize("prefix", ["", "odd_"], ids=["whole", "odd"])
def test_pictures_to_flow(network: tuple[str, FlowEstimator, Any], prefix: str) -> None:
    name, model, _ = network
    arrays = made.golden(name)
    pictures = [arrays[f"{prefix}image{index}_bgr"] for index in (1, 2)]
    flow = model(*pictures, channel_order="bgr")
    assert_near(flow, arrays[f"{prefix}flow"], atol=FLOW_PX, what=f"{name} {prefix}flow")


def test_flow_of_the_graph_is_the_resampled_one(network: tuple[str, FlowEstimator, Any]) -> None:
    """Where no picture is resampled, Caffe's last Resample is the graph's own upsampling."""
    name, model, means = network
    arrays = made.golden(name)
    units = [arrays[f"image{i}_bgr"].astype(np.float32) * np.float32(1 / 255) - means[i - 1] for i in (1, 2)]
    x = np.concatenate([unit.transpose(2, 0, 1) for unit in units])[None]
    flow = model.forward(np.ascontiguousarray(x))
    assert_near(flow[0].transpose(1, 2, 0), arrays["flow"], atol=FLOW_PX, what=name)
