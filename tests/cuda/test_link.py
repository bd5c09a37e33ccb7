# SPDX-License-Identifier: Apache-2.0
"""The fused steps between two networks, against the very nodes of the graph, on the reference and on the CPU."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from compare import assert_relative
from cuda_host import OnDevice
from cuda_numbers import DTYPES, FILL, NUMBERS, assert_rounded, stored, values_of
from engine.random_graphs import weights
from flownet2.executors import get_executor
from flownet2.graph import Builder, Graph
from flownet2.networks import blocks
from flownet2.networks.conventions import MMFLOW, Conventions
from flownet2.networks.fusion import add_fusion
from flownet2.types import Array

SIZES = [(1, 4, 4), (2, 12, 36), (1, 20, 68), (1, 36, 8)]  # one flow vector, tails of a block, a batch
RULES = [
    dataclasses.replace(MMFLOW, warp_padding=padding, link_align_corners=corners, sd_factor=factor)
    for padding, corners, factor in (
        ("border", False, 20.0),
        ("border", True, 0.25),
        ("zeros", False, 1.0),
        ("cut", True, 0.05),
    )
]


def quarter(b: Builder, name: str) -> str:
    """A flow of full size, of which every fourth pixel is read: inputs of a graph are of one size."""
    return b.conv2d(f"{name}.raw", b.input(name, 2), 2, 1, stride=4, leaky_slope=None, bias=False)


def link_graph(rules: Conventions) -> Graph:
    b = Builder("link", 4)
    image1, image2 = b.input("image1", 3), b.input("image2", 3)
    return b.build({"input": blocks.link(b, "next.", image1, image2, quarter(b, "flow"), rules)})


def fusion_graph(rules: Conventions) -> Graph:
    b = Builder("fusion", 4)
    image1, image2 = b.input("image1", 3), b.input("image2", 3)
    css, sd = quarter(b, "css"), quarter(b, "sd")
    end = add_fusion(b, "fusion.", image1, image2, css=css, sd=sd, width=0.1, rules=rules)
    return b.build({"flow": end, "input": "fusion.input"})


def evaluate(graph: Graph, executor: str, inputs: dict[str, Array], dtype: type) -> Array:
    parameters = weights(graph, np.random.default_rng(1))
    for name in parameters:
        if name.endswith(".raw.weight"):
            parameters[name] = np.eye(2, dtype=np.float32)[:, :, None, None]
    typed = ({k: v.astype(dtype) for k, v in values.items()} for values in (parameters, inputs))
    network = get_executor(executor).compile(graph, next(typed))
    return network.run(next(typed), ["input"])["input"].transpose(0, 2, 3, 1)


def picture_pair(size: tuple[int, ...], number: str) -> Array:
    """As host.pack leaves it."""
    pair = np.random.default_rng(size).random((*size, 8), np.float32)
    pair[..., 3::4] = 0
    return stored(pair, number)


def raw_flow(size: tuple[int, ...], seed: int, scale: float) -> Array:
    rng = np.random.default_rng((*size, seed))
    return rng.normal(scale=scale, size=(size[0], size[1] // 4, size[2] // 4, 2)).astype(np.float32)


def graph_inputs(pair: Array, **flows: Array) -> dict[str, Array]:
    pictures = values_of(pair).transpose(0, 3, 1, 2)
    inputs = {"image1": pictures[:, :3], "image2": pictures[:, 4:7]}
    for name, flow in flows.items():
        full = np.zeros((pair.shape[0], 2, *pair.shape[1:3]), np.float32)
        full[:, :, ::4, ::4] = flow.transpose(0, 3, 1, 2)
        inputs[name] = full
    return {name: np.ascontiguousarray(value) for name, value in inputs.items()}


def assert_equals_graph(graph: Graph, inputs: dict[str, Array], memory: Array, channels: int, number: str) -> None:
    expected = evaluate(graph, "reference", inputs, np.float64)
    assert expected.shape[3] == channels
    got = values_of(memory)
    assert_rounded(got[..., :channels], expected, number, graph.name)
    assert (got[..., channels:] == 0).all()
    if number == "float32":
        assert_relative(got[..., :channels], evaluate(graph, "native", inputs, np.float32), rtol=1e-5)


def run(host: ModuleType, pair: Array, *flows: Array, **options: Any) -> Array:
    out = np.full((*pair.shape[:3], 16), FILL, pair.dtype)
    call = host.link if len(flows) == 1 else host.fusion_link
    call(OnDevice(pair), *map(OnDevice, flows), OnDevice(out), launch_stream=1, **options)
    return out


@pytest.mark.parametrize("rules", RULES, ids=lambda r: f"{r.warp_padding}-{r.link_align_corners}")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("number", NUMBERS)
def test_link(host: ModuleType, schedule: int, number: str, size: tuple[int, ...], rules: Conventions) -> None:
    pair, flow = picture_pair(size, number), raw_flow(size, 1, 0.2)
    out = run(host, pair, flow, factor=20.0, padding=rules.warp_padding, align_corners=rules.link_align_corners)
    assert_equals_graph(link_graph(rules), graph_inputs(pair, flow=flow), out, 12, number)


@pytest.mark.parametrize("rules", RULES, ids=lambda r: f"{r.warp_padding}-{r.sd_factor}")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("number", NUMBERS)
def test_fusion_link(host: ModuleType, schedule: int, number: str, size: tuple[int, ...], rules: Conventions) -> None:
    pair, css = picture_pair(size, number), raw_flow(size, 2, 0.2)
    sd = raw_flow(size, 3, 4 / rules.sd_factor)
    out = run(host, pair, sd, css, factors=(rules.sd_factor, 20.0), padding=rules.warp_padding)
    assert_equals_graph(fusion_graph(rules), graph_inputs(pair, css=css, sd=sd), out, 11, number)


def test_flow_may_be_part_of_a_wider_buffer(host: ModuleType) -> None:
    size = (2, 12, 36)
    pair, flow = picture_pair(size, "float16"), raw_flow(size, 1, 0.2)
    wide = np.full((*flow.shape[:3], 8), np.nan, np.float32)
    wide[..., 4:6] = flow
    options = {"factor": 20.0, "padding": "border", "align_corners": False}
    assert np.array_equal(run(host, pair, flow, **options), run(host, pair, wide[..., 4:6], **options))


@pytest.mark.parametrize("padding", ["border", "zeros", "cut"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_any_flow(host: ModuleType, padding: str, value: float) -> None:
    """Reads stay inside the picture; NaN stays with the pixels of its vector."""
    size = (1, 8, 12)
    pair, flow = picture_pair(size, "float32"), raw_flow(size, 4, 0.2)
    options = {"factors": (1.0, 1.0), "padding": padding}
    calm = run(host, pair, flow, flow, **options)
    flow[0, 1, 1, 0] = value
    got = run(host, pair, flow, flow, **options)
    changed = np.zeros(size, bool)
    changed[0, 4:8, 4:8] = True
    assert np.array_equal(got[~changed], calm[~changed])
    errors = got[changed][:, 9:11]
    assert np.isnan(errors).all() if np.isnan(value) else np.isfinite(errors).all()


PAIR, FLOW, OUT = np.zeros((1, 8, 12, 8), np.float16), np.zeros((1, 2, 3, 2), np.float32), (1, 8, 12, 16)


@pytest.mark.parametrize(
    ("pair", "flow", "out", "message"),
    [
        (PAIR[:, :6], FLOW[:, :1], (1, 6, 12, 16), "multiples of 4"),
        (PAIR, FLOW[:, :1], OUT, r"flow: expected shape \(1, 2, 3, 2\)"),
        (PAIR, np.zeros((1, 2, 3, 5), np.float32)[..., :2], OUT, "pitch must be even"),
        (PAIR, np.zeros((1, 2, 3, 4), np.float32)[..., 1:3], OUT, "flow must be aligned to 8 bytes"),
        (PAIR, FLOW, (1, 8, 12, 12), r"out: expected shape \(1, 8, 12, 16\)"),
        (PAIR[..., :6], FLOW, OUT, r"pair: expected shape \(1, 8, 12, 8\)"),
    ],
)
def test_refused(host: ModuleType, pair: Array, flow: Array, out: tuple[int, ...], message: str) -> None:
    memory = np.zeros(out, np.float16)
    with pytest.raises(ValueError, match=message):
        host.link(
            *map(OnDevice, (pair, flow, memory)),
            factor=20.0,
            padding="border",
            align_corners=False,
            launch_stream=1,
        )


def test_refused_types(host: ModuleType) -> None:
    options = {"factor": 20.0, "padding": "border", "align_corners": False, "launch_stream": 1}
    with pytest.raises(TypeError, match="out: expected the dtype of pair"):
        host.link(OnDevice(PAIR), OnDevice(FLOW), OnDevice(np.zeros(OUT, DTYPES["float32"])), **options)
    with pytest.raises(TypeError, match="flow: expected typestr <f4, got '<f2'"):
        host.link(OnDevice(PAIR), OnDevice(FLOW.astype(np.float16)), OnDevice(np.zeros(OUT, np.float16)), **options)


def test_refused_batch(host: ModuleType) -> None:
    pair, flow = np.zeros((65_536, 4, 4, 8), np.float16), np.zeros((65_536, 1, 1, 2), np.float32)
    with pytest.raises(ValueError, match="65535 images at most"):
        run(host, pair, flow, factor=20.0, padding="border", align_corners=False)
