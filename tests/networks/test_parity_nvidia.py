# SPDX-License-Identifier: Apache-2.0
"""Every network against the output of NVIDIA's own code, from 8-bit pictures to flow."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

from cases.networks import NVIDIA, nvidia_golden, nvidia_model
from compare import assert_near
from flownet2.api import FlowEstimator
from flownet2.executors import get_executor
from flownet2.executors.numpy import NumpyExecutor
from flownet2.weights import Model

FLOW_PX = 5e-4
BFLOAT16_PX = 0.1
SMALL = ("flownets", "flownetc")


@functools.lru_cache(maxsize=1)
def model_of(network: str) -> Model:
    """One at a time: FlowNet2 alone has 650 MB of weights."""
    return nvidia_model(network)


def estimator(network: str, executor: str, precision: str = "float32") -> FlowEstimator:
    model = model_of(network)
    return FlowEstimator(model, get_executor(executor, precision=precision).compile(model.graph, model.parameters))


def _runs() -> list[Any]:
    """Every network on the engine and the NumPy executor, the small ones on the reference too (the rest is slow)."""
    runs = []
    for name in NVIDIA:
        runs += [pytest.param(name, executor, id=f"{name}-{executor}") for executor in ("native", "numpy")]
        marks = () if name in SMALL else pytest.mark.slow
        runs.append(pytest.param(name, "reference", id=f"{name}-reference", marks=marks))
    return runs


@pytest.mark.parametrize(("network", "executor"), _runs())
def test_pictures_to_flow(network: str, executor: str) -> None:
    model = estimator(network, executor)
    first, second, expected = nvidia_golden(network)
    assert (model.network, model.info["origin"]) == (network, "nvidia")
    assert_near(model(first, second), expected, atol=FLOW_PX, what=f"{network} {executor}")


@pytest.mark.parametrize("network", NVIDIA)
def test_bfloat16(network: str) -> None:
    first, second, expected = nvidia_golden(network)
    difference = estimator(network, "native", "bfloat16")(first, second) - expected
    assert np.hypot(difference[..., 0], difference[..., 1]).mean() < BFLOAT16_PX


@pytest.mark.parametrize("network", [pytest.param(n, marks=() if n in SMALL else pytest.mark.slow) for n in NVIDIA])
def test_float64_by_the_definitions(network: str) -> None:
    """What float32 loses lies far below what is allowed."""
    model = model_of(network)
    first, second, expected = nvidia_golden(network)
    fit = model.preprocess.fit(None, *first.shape[:2], model.graph.size_multiple)
    pair = model.preprocess.inputs(first[None], second[None], "rgb", fit)
    inputs = {item.name: x.astype(np.float64) for item, x in zip(model.graph.inputs, pair, strict=True)}
    parameters = {name: value.astype(np.float64) for name, value in model.parameters.items()}
    flow = NumpyExecutor(reference=True).compile(model.graph, parameters).run(inputs, ["flow"])["flow"]
    assert flow.dtype == np.float64
    assert_near(flow[0].transpose(1, 2, 0), expected, atol=FLOW_PX, what=f"{network} float64")


@pytest.mark.parametrize(
    "change",
    [
        {"channel_order": "bgr"},
        {"mean_rule": "given"},
        {"mean_rule": "picture"},
    ],
)
def test_each_rule_of_the_pictures_matters(change: dict[str, str]) -> None:
    model = model_of("flownets")
    wrong = dataclasses.replace(model, preprocess=dataclasses.replace(model.preprocess, **change))
    first, second, expected = nvidia_golden("flownets")
    flow = FlowEstimator(wrong, get_executor().compile(wrong.graph, wrong.parameters))(first, second)
    assert np.abs(flow - expected).max() > 10 * FLOW_PX


def test_the_centre_is_cut_out() -> None:
    model = estimator("flownets", "native")
    first, second, expected = nvidia_golden("flownets")
    padded = [np.pad(picture, ((20, 21), (31, 32), (0, 0)), mode="reflect") for picture in (first, second)]
    assert_near(model(*padded), expected, atol=FLOW_PX, what="cut out of larger pictures")
    assert model(*padded, size_rule="resize").shape == (*padded[0].shape[:2], 2)
    assert model.calc(*padded).shape == (*padded[0].shape[:2], 2)
