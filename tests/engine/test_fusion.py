# SPDX-License-Identifier: Apache-2.0
"""Steps of several nodes: composed convolutions, links, one convolution of several inputs."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pytest

from compare import assert_relative
from engine.random_graphs import weights
from flownet2 import ops, runtime
from flownet2.executors import get_executor
from flownet2.executors.native import NativeNetwork
from flownet2.graph import Builder, Graph
from flownet2.networks import blocks
from flownet2.networks.conventions import MMFLOW
from flownet2.ops import attributes as at
from flownet2.types import Array

THREADS = (1, 2, 3, 8)


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def compiled(graph: Graph) -> tuple[dict[str, Array], NativeNetwork]:
    parameters = weights(graph, np.random.default_rng(1))
    return parameters, get_executor("native").compile(graph, parameters)


def operators(network: NativeNetwork, inputs: dict[str, Array], outputs: list[str]) -> list[str]:
    return [op for _, op, _ in network.profile(inputs, outputs)]


def normal(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


# ---- composed heads


def head(channels: int, outputs: int, *, features: bool = True, slope: float | None = None) -> Graph:
    b = Builder("head", 1)
    x = b.input("x", channels)
    if features:  # else planar
        x = b.conv2d("features", x, channels, 1)
    inner = b.conv2d("inner", x, 48, 3, leaky_slope=None)
    return b.build({"flow": b.conv2d("head", inner, outputs, 3, leaky_slope=slope)})


@pytest.mark.parametrize("width", range(1, 6))
@pytest.mark.parametrize("height", range(1, 6))
def test_composed_equals_two_steps_on_small_maps(height: int, width: int) -> None:
    graph = head(10, 2)
    parameters, network = compiled(graph)
    inputs = {"x": normal(2, 10, height, width)}
    assert ("composed" in operators(network, inputs, ["flow"])) == (min(height, width) >= 2)
    expected = get_executor("reference").compile(graph, parameters).run(inputs, ["flow"])["flow"]
    assert_relative(network.run(inputs, ["flow"])["flow"], expected, rtol=1e-5)
    assert_relative(network.run(inputs, ["flow"], exact_graph=True)["flow"], expected, rtol=1e-5)


@pytest.mark.parametrize("slope", [None, 0.1])
@pytest.mark.parametrize("features", [True, False])
@pytest.mark.parametrize("outputs", [1, 2, 3, 4])
def test_composed_equals_two_steps(outputs: int, features: bool, slope: float | None) -> None:
    graph = head(37, outputs, features=features, slope=slope)
    parameters, network = compiled(graph)
    inputs = {"x": normal(1, 37, 70, 83)}
    expected = get_executor("reference").compile(graph, parameters).run(inputs, ["flow"])["flow"]
    got = network.run(inputs, ["flow"])["flow"]
    assert_relative(got, expected, rtol=1e-5)
    for threads in THREADS:
        runtime.set_num_threads(threads)
        assert np.array_equal(network.run(inputs, ["flow"])["flow"], got)


def test_composed_in_a_batch_and_on_wide_maps() -> None:
    _, network = compiled(head(16, 2))
    x = normal(3, 16, 9, 1100)
    together = network.run({"x": x}, ["flow"])["flow"]
    exact = network.run({"x": x}, ["flow"], exact_graph=True)["flow"]
    assert_relative(together, exact, rtol=1e-5)
    for n in range(3):
        assert np.array_equal(network.run({"x": x[n : n + 1]}, ["flow"])["flow"], together[n : n + 1])


def test_the_value_between_may_be_wanted() -> None:
    graph = head(10, 2)
    parameters, network = compiled(graph)
    inputs = {"x": normal(1, 10, 12, 17)}
    assert "composed" not in operators(network, inputs, ["flow", "inner"])
    names = ["inner", "flow"]
    expected = get_executor("reference").compile(graph, parameters).run(inputs, names)
    got = network.run(inputs, names)
    for name in names:
        assert_relative(got[name], expected[name], rtol=1e-5, what=name)


def test_it_stays_two_steps_where_another_reads_the_value_between_or_more_work_results() -> None:
    b = Builder("two", 1)
    inner = b.conv2d("inner", b.input("x", 48), 48, 3, leaky_slope=None)
    flow = b.conv2d("head", inner, 2, 3, leaky_slope=None)
    other = b.conv2d("other", inner, 5, 3)
    narrow = b.conv2d("narrow", b.conv2d("few", flow, 3, 3, leaky_slope=None), 2, 3, leaky_slope=None)
    relu = b.conv2d("after", b.conv2d("bent", other, 32, 3, leaky_slope=0.1), 2, 3)
    graph = b.build({"flow": flow, "narrow": narrow, "relu": relu})
    _, network = compiled(graph)
    steps = network.profile({"x": normal(1, 48, 8, 8)}, ["flow", "narrow", "relu"])
    assert [names for names, op, _ in steps if op == "composed"] == [["few", "narrow"]]


# ---- links


@functools.cache
def link() -> tuple[Graph, NativeNetwork]:
    b = Builder("link", 4)
    image1, image2 = b.input("image1", 3), b.input("image2", 3)
    half = b.conv2d("half", b.input("flow", 2), 2, 3, stride=2, leaky_slope=None)
    raw = b.conv2d("raw", half, 2, 3, stride=2, leaky_slope=None)
    joined = blocks.link(b, "next.", image1, image2, raw, MMFLOW)
    graph = b.build({"features": b.conv2d("conv", joined, 24, 3)})
    return graph, compiled(graph)[1]


def pictures(batch: int, height: int, width: int) -> dict[str, Array]:
    inputs = {name: normal(batch, channels, height, width) for name, channels in link_channels()}
    flow = inputs["flow"]
    flow *= 4
    flow[0, 0, 8:12, 16:24] = np.nan
    flow[0, 1, 20:24, 4:8] = np.inf
    flow[-1, 0, 0:4, :] = -1e30
    return inputs


def link_channels() -> tuple[tuple[str, int], ...]:
    return ("image1", 3), ("image2", 3), ("flow", 2)


def test_a_link_is_one_step_with_the_bits_of_single_steps() -> None:
    """Whatever of it is wanted too, in pictures of several bands, with flow that is not finite."""
    graph, network = link()
    inputs = pictures(2, 132, 196)
    names = [node.name for node in graph.nodes]
    exact = network.run(inputs, names, exact_graph=True)
    assert np.isnan(exact["next.warped"]).any()
    assert not np.isnan(exact["next.warped"]).all()
    for wanted in (["features"], ["features", "next.flow_px"], ["next.warped", "next.input"], names):
        steps = network.profile(inputs, wanted)
        assert [op for _, op, _ in steps].count("link") == 1
        assert {"next.flow", "next.warped", "next.error", "next.input"} <= {
            name for values, op, _ in steps if op == "link" for name in values
        }
        for threads in THREADS:
            runtime.set_num_threads(threads)
            for name, array in network.run(inputs, wanted).items():
                assert np.array_equal(array, exact[graph.outputs.get(name, name)], equal_nan=True), name


def test_what_a_link_keeps_to_itself_is_not_in_the_arena() -> None:
    _, network = link()
    shapes = {name: (1, channels, 256, 256) for name, channels in link_channels()}
    kept = network.working_memory(shapes, ["features"])
    wanted = network.working_memory(shapes, ["features", "next.input"])
    assert kept <= wanted
    all_planar = 4 * 256 * 256 * (2 + 2 + 3 + 3 + 1)
    blocked = 4 * 256 * 256 * (16 + 32)
    assert kept < blocked + all_planar


# ---- towers


def towers(*, shared: bool) -> Graph:
    b = Builder("towers", 1)
    ends = []
    for side in "ab":
        x = b.input(f"image{side}", 3)
        for index, channels in enumerate((20, 33)):
            name = f"conv{index}"
            x = b.conv2d(f"{name}{side}", x, channels, 3, stride=2, parameters=name if shared else f"{name}{side}")
        ends.append(x)
    joined = b.add("joined", "concat", tuple(ends), at.Concat())
    return b.build({"flow": b.conv2d("last", joined, 8, 3)})


def test_towers_are_one_batch() -> None:
    graph = towers(shared=True)
    parameters, network = compiled(graph)
    inputs = {"imagea": normal(2, 3, 30, 41), "imageb": normal(2, 3, 30, 41) + 1}
    steps = network.profile(inputs, ["flow"])
    convolutions = [names for names, op, _ in steps if op == "conv2d"]
    assert convolutions == [["conv0a", "conv0b"], ["conv1a", "conv1b"], ["last"]]
    names = [node.name for node in graph.nodes]
    got, exact = network.run(inputs, names), network.run(inputs, names, exact_graph=True)
    expected = get_executor("reference").compile(graph, parameters).run(inputs, names)
    for name in names:
        assert np.array_equal(got[name], exact[name]), name
        assert_relative(got[name], expected[name], rtol=1e-5, what=name)


def test_other_weights_or_shapes_are_not() -> None:
    _, network = compiled(towers(shared=False))
    inputs = {name: normal(1, 3, 16, 16) for name in ("imagea", "imageb")}
    assert all(len(names) == 1 for names, op, _ in network.profile(inputs, ["flow"]) if op == "conv2d")
    b = Builder("recurrent", 1)
    x = b.conv2d("once", b.input("x", 8), 8, 3, parameters="conv")
    x = b.conv2d("twice", x, 8, 3, parameters="conv")
    _, network = compiled(b.build({"flow": x}))
    steps = network.profile({"x": normal(1, 8, 9, 9)}, ["flow"])
    assert [names for names, op, _ in steps if op == "conv2d"] == [["once"], ["twice"]]


# ---- correlation


@pytest.mark.parametrize(("reach", "stride"), [(20, 2), (3, 1), (9, 4), (0, 1)])
@pytest.mark.parametrize("size", [(1, 1), (7, 16), (23, 37), (40, 130)], ids=str)
def test_correlation_inside_a_concat_has_the_bits_of_the_operator(
    size: tuple[int, int], reach: int, stride: int
) -> None:
    """It reads blocked features and writes a part of a blocked tensor; the operator does neither."""
    b = Builder("correlation", 1)
    first, second = (b.conv2d(f"features{i}", b.input(f"x{i}", 5), 70, 1) for i in (1, 2))
    redirected = b.conv2d("redirected", first, 32, 1)
    rule = at.Correlation(reach, stride, "mean", 0.1)
    volume = b.add("volume", "correlation", (first, second), rule)
    joined = b.add("joined", "concat", (redirected, volume), at.Concat())
    graph = b.build({"flow": b.conv2d("last", joined, 8, 1)})
    _, network = compiled(graph)
    inputs = {"x1": normal(2, 5, *size), "x2": normal(2, 5, *size)[::-1].copy()}
    inputs["x1"][0, 0, 0, 0] = np.inf
    inputs["x2"][1, 1, -1, -1] = np.nan
    names = ["features1", "features2", "redirected", "joined"]
    values = network.run(inputs, names)
    expected = ops.correlation(
        values["features1"],
        values["features2"],
        max_displacement=reach,
        stride=stride,
        reduction="mean",
        leaky_slope=0.1,
    )
    joined_values = np.concatenate([values["redirected"], expected], axis=1)
    for threads in THREADS:
        runtime.set_num_threads(threads)
        got = network.run(inputs, ["joined"])["joined"]
        assert np.array_equal(got, joined_values, equal_nan=True)
    alone = network.run({name: x[1:] for name, x in inputs.items()}, ["joined"])["joined"]
    assert np.array_equal(alone[0], joined_values[1], equal_nan=True)
