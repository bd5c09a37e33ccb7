# SPDX-License-Identifier: Apache-2.0
"""The engine on the networks themselves, thin ones against the reference; reuse of memory; threads; limits."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from compare import assert_relative
from engine.plan_check import check_plan
from engine.random_graphs import weights
from flownet2 import _core, runtime
from flownet2.errors import GraphError, InputError
from flownet2.executors import DEFAULT, get_executor
from flownet2.executors.native import NativeNetwork
from flownet2.graph import Graph, graph_to_json
from flownet2.networks import CAFFE, NETWORKS, build_network
from flownet2.types import Array

WIDTH = 1 / 8
RTOL = 1e-4
"""Of a whole network; single operators are held to much less in test_random_graphs.py."""


@functools.cache
def thin(name: str) -> tuple[Graph, dict[str, Array], NativeNetwork]:
    graph = build_network(name, width=WIDTH)
    parameters = weights(graph, np.random.default_rng(len(graph.nodes)))
    return graph, parameters, get_executor("native").compile(graph, parameters)


def pictures(graph: Graph, batch: int, height: int, width: int) -> dict[str, Array]:
    rng = np.random.default_rng(height * width + batch)
    return {item.name: rng.random((batch, item.channels, height, width), np.float32) for item in graph.inputs}


def test_it_is_the_default() -> None:
    assert DEFAULT == "native"
    assert type(get_executor()) is type(get_executor("native"))


@pytest.mark.parametrize("shape", [(1, 64, 64), (2, 64, 128)], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_network_equals_the_reference(name: str, shape: tuple[int, int, int]) -> None:
    graph, parameters, network = thin(name)
    inputs = pictures(graph, *shape)
    names = ["flow", *(node.name for node in graph.nodes if node.op == "concat")]
    expected = get_executor("reference").compile(graph, parameters).run(inputs, names)
    got = network.run(inputs, names)
    for value in names:
        assert_relative(got[value], expected[value], rtol=RTOL, what=f"{name} {value}")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flownet2-lite"])
def test_caffes_networks_equal_the_reference_in_float64(name: str) -> None:
    graph = build_network(name, CAFFE, WIDTH)
    parameters, inputs = weights(graph, np.random.default_rng(len(graph.nodes))), pictures(graph, 1, 64, 128)
    exact = [{key: value.astype(np.float64) for key, value in values.items()} for values in (parameters, inputs)]
    expected = get_executor("reference").compile(graph, exact[0]).run(exact[1], ["flow"])["flow"]
    assert expected.dtype == np.float64
    got = get_executor("native").compile(graph, parameters).run(inputs, ["flow"])["flow"]
    assert_relative(got, expected, rtol=RTOL, what=name)


@pytest.mark.parametrize("name", NETWORKS)
def test_plans_keep_what_is_needed(name: str) -> None:
    graph, parameters, _ = thin(name)
    for batch, height, width in ((1, 64, 64), (2, 128, 64)):
        shapes = {item.name: (batch, item.channels, height, width) for item in graph.inputs}
        check_plan(graph, parameters, shapes, ["flow"])
        check_plan(graph, parameters, shapes, ["flow", *(node.name for node in graph.nodes[::3])])
        check_plan(graph, parameters, shapes, ["flow"], exact_graph=True)


def test_memory_is_reused_along_the_network() -> None:
    graph, parameters, network = thin("flownet2")
    shapes = {item.name: (1, item.channels, 64, 64) for item in graph.inputs}
    size, steps = _core.Network(graph_to_json(graph), parameters.__getitem__).plan(shapes, ["flow"])
    assert size == network.working_memory(shapes, ["flow"])
    written = 4 * sum(end - begin for _, _, _, writes in steps for begin, end, _ in writes)
    assert size < written / 5


def test_what_was_left_in_memory_does_not_matter() -> None:
    """After other sizes, after NaN everywhere, after calls that failed: the same bits."""
    graph, parameters, network = thin("flownet2")
    inputs = pictures(graph, 2, 64, 64)
    first = network.run(inputs, ["flow"])["flow"]
    poison = {name: np.full_like(array, np.nan) for name, array in pictures(graph, 3, 128, 64).items()}
    assert np.isnan(network.run(poison, ["flow"])["flow"]).all()
    network.run(pictures(graph, 1, 64, 64), ["flow"])
    with pytest.raises(InputError):
        network.run(pictures(graph, 1, 64, 65), ["flow"])
    assert np.array_equal(network.run(inputs, ["flow"])["flow"], first)
    fresh = get_executor("native").compile(graph, parameters).run(inputs, ["flow"])["flow"]
    assert np.array_equal(fresh, first)


def test_many_threads_and_sizes_at_once() -> None:
    graph, _, network = thin("flownetc")
    sizes = [(1, 64, 64), (2, 64, 64), (1, 128, 64), (1, 64, 128)]
    expected = {size: network.run(pictures(graph, *size), ["flow"])["flow"] for size in sizes}
    with ThreadPoolExecutor(8) as pool:
        runs = [(size, pool.submit(network.run, pictures(graph, *size), ["flow"])) for size in sizes * 8]
        assert all(np.array_equal(run.result()["flow"], expected[size]) for size, run in runs)


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    graph, _, network = thin("flownet2")
    inputs, before = pictures(graph, 2, 64, 128), runtime.get_num_threads()
    try:
        results = []
        for count in (1, 2, 5):
            runtime.set_num_threads(count)
            results.append(network.run(inputs, ["flow"])["flow"])
    finally:
        runtime.set_num_threads(before)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_an_input_may_be_asked_for_and_a_value_by_two_names() -> None:
    graph, _, network = thin("flownets")
    inputs = pictures(graph, 1, 64, 64)
    value = graph.outputs["flow"]
    got = network.run(inputs, ["image1", "flow", value, "flow"])
    assert set(got) == {"image1", "flow", value}
    assert np.array_equal(got["image1"], inputs["image1"])
    assert not np.shares_memory(got["image1"], inputs["image1"])
    assert np.array_equal(got["flow"], got[value])
    assert network.run(inputs, []) == {}


def test_profile_names_the_steps() -> None:
    graph, _, network = thin("flownet2")
    steps = network.profile(pictures(graph, 1, 64, 64), ["flow"])
    names = [name for names, op, _ in steps if op != "layout" for name in names]
    assert sorted(names) == sorted(node.name for node in graph.nodes)
    assert {op for _, op, _ in steps} >= {"conv2d", "correlation", "composed", "link", "layout"}
    assert all(milliseconds >= 0 for _, _, milliseconds in steps)


def test_bad_calls_say_what_is_wrong() -> None:
    graph, parameters, network = thin("flownets")
    good = pictures(graph, 1, 64, 64)
    cases = [
        ({"image1": good["image1"]}, ["flow"], "the inputs 'image2' are missing"),
        (good, ["flo"], "the graph has no value 'flo'"),
        (pictures(graph, 1, 64, 96), ["flow"], "H and W multiples of 64, got \\(1, 3, 64, 96\\)"),
        ({**good, "image2": np.repeat(good["image2"], 2, 0)}, ["flow"], "with N as the first input's"),
        ({**good, "image2": good["image2"][:, :2]}, ["flow"], "'image2' must be \\(N, 3, H, W\\)"),
        ({**good, "image2": good["image2"][0]}, ["flow"], "must be \\(N, C, H, W\\)"),
        ({name: array[:0] for name, array in good.items()}, ["flow"], "no empty axis"),
    ]
    for inputs, outputs, message in cases:
        with pytest.raises(InputError, match=message):
            network.run(inputs, outputs)
    name = next(iter(parameters))
    with pytest.raises(GraphError, match=f"the parameter '{name}' must be"):
        get_executor("native").compile(graph, {**parameters, name: parameters[name][:1]})
