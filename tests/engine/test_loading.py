# SPDX-License-Identifier: Apache-2.0
"""How a network takes its parameters: one convolution's at a time, and what goes wrong with them."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from cases.counting import CountingParameters
from engine.random_graphs import weights
from flownet2 import _core
from flownet2.errors import CheckpointError, GraphError
from flownet2.executors import get_executor
from flownet2.graph import Graph, graph_to_json
from flownet2.networks import build_network
from flownet2.types import Array


@functools.cache
def sample() -> tuple[Graph, dict[str, Array], dict[str, Array], Array]:
    """Graph, parameters, pictures, flow."""
    graph = build_network("flownetc", width=1 / 8)
    parameters = weights(graph, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    pictures = {item.name: rng.random((1, item.channels, 64, 64), np.float32) for item in graph.inputs}
    flow = get_executor("native").compile(graph, parameters).run(pictures, ["flow"])["flow"]
    return graph, parameters, pictures, flow


def test_each_parameter_is_asked_for_once_and_let_go_of() -> None:
    graph, parameters, pictures, flow = sample()
    counting = CountingParameters(parameters)
    network = get_executor("native").compile(graph, counting)
    assert sorted(counting.asked) == sorted(graph.parameters)
    assert counting.most == 2  # a weight and its bias
    assert CountingParameters({}).most == 0
    assert np.array_equal(network.run(pictures, ["flow"])["flow"], flow)


@pytest.mark.parametrize(
    "error", [CheckpointError("cut"), OSError(5, "disk"), KeyboardInterrupt(), MemoryError("little")]
)
@pytest.mark.parametrize("at", [0, 1, 7])
def test_what_the_parameters_raise_arrives_unchanged(error: BaseException, at: int) -> None:
    graph, parameters, pictures, flow = sample()

    def before(name: str) -> None:
        if len(counting.asked) == at:
            raise error

    counting = CountingParameters(parameters, before)
    held = _core.aligned_bytes()
    with pytest.raises(type(error)) as caught:
        get_executor("native").compile(graph, counting)
    assert caught.value is error
    assert len(counting.asked) == at
    assert _core.aligned_bytes() == held
    network = get_executor("native").compile(graph, parameters)
    assert np.array_equal(network.run(pictures, ["flow"])["flow"], flow)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda array: array[..., :1].copy(), r"must be \(8, 3, 7, 7\), got \(8, 3, 7, 1\)"),
        (lambda array: array.astype(np.float64), "is no float32 array"),
        (np.asfortranarray, "must be C-contiguous"),
        (lambda array: array.tolist(), "is no float32 array"),
        (lambda array: None, "is no float32 array"),
    ],
)
def test_parameters_of_another_kind(wrong: Any, text: str) -> None:
    graph, parameters, _, _ = sample()
    name = "flownetc.conv1.weight"
    with pytest.raises(ValueError, match=f"network: the parameter '{name}' {text}"):
        _core.Network(graph_to_json(graph), lambda asked: (wrong if asked == name else np.asarray)(parameters[asked]))


def test_a_missing_parameter() -> None:
    graph, parameters, _, _ = sample()
    without = {name: value for name, value in parameters.items() if name != "flownetc.conv2.weight"}
    with pytest.raises(KeyError, match=r"flownetc\.conv2\.weight"):
        get_executor("native").compile(graph, without)
    with pytest.raises(GraphError, match=r"flownetc\.conv2\.weight' must be"):
        get_executor("native").compile(graph, {**without, "flownetc.conv2.weight": np.zeros(3, np.float32)})


def test_a_source_may_use_the_engine_itself() -> None:
    graph, parameters, pictures, flow = sample()

    def before(name: str) -> None:
        if name == "flownetc.conv3.weight":
            inner = get_executor("native").compile(graph, parameters)
            assert np.array_equal(inner.run(pictures, ["flow"])["flow"], flow)

    network = get_executor("native").compile(graph, CountingParameters(parameters, before))
    assert np.array_equal(network.run(pictures, ["flow"])["flow"], flow)


def test_networks_made_on_many_threads() -> None:
    graph, parameters, pictures, flow = sample()

    def make(_: int) -> bool:
        counting = CountingParameters(parameters)
        network = get_executor("native").compile(graph, counting)
        return counting.most == 2 and np.array_equal(network.run(pictures, ["flow"])["flow"], flow)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(make, range(16)))
