# SPDX-License-Identifier: Apache-2.0
"""Multiply-adds: of operators by hand, of networks by the layer table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from flownet2.errors import InputError
from flownet2.graph import Builder, Graph, Input, Node, multiply_adds
from flownet2.networks import build_network
from flownet2.ops import attributes as at
from flownet2.ops.spec import OPS

GMAC_AT_1024X448 = {"flownets": 36.8, "flownetc": 53.0, "flownet2sd": 59.3, "flownet2": 232.1}
"""Sums of the layers as published, each computed from its kernel, channels and size."""


@pytest.mark.parametrize(
    ("op", "attributes", "inputs", "weight", "expected"),
    [
        # 2 pictures of 3x4 outputs, each of 5 channels from 3 channels of 3x3 taps
        ("conv2d", at.Conv2d((2, 2), (1, 1)), [(2, 3, 6, 8)], (5, 3, 3, 3), 2 * 3 * 4 * 5 * 3 * 3 * 3),
        ("conv2d", at.Conv2d(), [(1, 7, 1, 1)], (2, 7, 1, 1), 14),
        # every input pixel goes through all 4x4 taps of all output channels
        ("conv_transpose2d", at.ConvTranspose2d((2, 2), (1, 1)), [(1, 6, 3, 5)], (6, 2, 4, 4), 3 * 5 * 6 * 2 * 16),
        # 5x5 displacements of 4x6 pixels, 8 channels each
        ("correlation", at.Correlation(4, 2), [(3, 8, 4, 6)] * 2, None, 3 * 25 * 4 * 6 * 8),
        ("leaky_relu", at.LeakyRelu(), [(1, 2, 3, 4)], None, 0),
        ("warp", at.Warp(), [(1, 3, 4, 4), (1, 2, 4, 4)], None, 0),
        ("channel_norm", at.ChannelNorm(), [(1, 3, 4, 4)], None, 0),
        ("resize", at.Resize(scale=(2, 2)), [(1, 3, 4, 4)], None, 0),
        ("concat", at.Concat(), [(1, 3, 4, 4)] * 2, None, 0),
        ("elementwise", at.Elementwise("add"), [(1, 3, 4, 4)] * 2, None, 0),
    ],
)
def test_operators(
    op: str, attributes: Any, inputs: Sequence[tuple[int, ...]], weight: tuple[int, ...] | None, expected: int
) -> None:
    parameters = {} if weight is None else {"weight": weight}
    out = OPS[op].infer_shape(attributes, inputs, parameters)
    assert OPS[op].multiply_adds(attributes, inputs, parameters, out) == expected


@pytest.mark.parametrize(("name", "gmac"), GMAC_AT_1024X448.items())
def test_networks(name: str, gmac: float) -> None:
    assert round(total(build_network(name), (1, 448, 1024)) / 1e9, 1) == gmac


def total(graph: Graph, size: tuple[int, int, int]) -> int:
    n, h, w = size
    return sum(multiply_adds(graph, {item.name: (n, item.channels, h, w) for item in graph.inputs}).values())


def test_grows_with_batch_and_pixels() -> None:
    graph = build_network("flownet2-lite")
    one = total(graph, (1, 64, 64))
    assert total(graph, (5, 64, 64)) == 5 * one
    assert total(graph, (1, 64, 128)) == 2 * one


def test_nodes_by_name() -> None:
    b = Builder("small", 4)
    y = b.conv2d("conv", b.input("x", 3), 5, 3, stride=2)
    y = b.conv_transpose2d("up", y, 2, leaky_slope=None, bias=False)
    costs = multiply_adds(b.build({"flow": y}), {"x": (2, 3, 8, 12)})
    assert costs == {"conv": 2 * 4 * 6 * 5 * 27, "up": 2 * 4 * 6 * 5 * 2 * 16}
    assert list(costs) == ["conv", "up"]


def test_what_no_output_needs_is_not_counted() -> None:
    nodes = (
        Node("a", "conv2d", ("x",), at.Conv2d(), {"weight": "w"}),
        Node("b", "conv2d", ("x",), at.Conv2d(), {"weight": "w"}),
    )
    graph = Graph("two", (Input("x", 1),), nodes, {"flow": "a"}, {"w": (1, 1, 1, 1)})
    assert multiply_adds(graph, {"x": (1, 1, 2, 2)}) == {"a": 4}


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"node 'flownets\.conv1'"):
        multiply_adds(build_network("flownets"), {"image1": (1, 1, 64, 64), "image2": (1, 3, 64, 64)})
