# SPDX-License-Identifier: Apache-2.0
"""The engine's reader of graph texts takes what flownet2.graph takes, and refuses what that refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.random_graphs import Sample, samples
from flownet2 import _core
from flownet2.errors import GraphError
from flownet2.graph import Builder, graph_from_json, graph_to_json
from flownet2.networks import NETWORKS, build_network
from flownet2.ops import attributes as at

PIECES = [
    "",
    "0",
    "-1",
    '"x"',
    "[]",
    "{}",
    "null",
    "1e30",
    "true",
    '"conv"',
    ",",
    "2.0",
    "-0",
    "01",
    "1e999",
    "\\u00e4",
]


def engine_accepts(text: str) -> bool:
    """Whether the text is a graph to the engine: then it goes on to look for the parameters."""
    try:
        _core.Network(text, {}.__getitem__)
    except KeyError:
        return True
    except ValueError:
        return False
    return True


def python_accepts(text: str) -> bool:
    try:
        graph_from_json(text)
    except GraphError:
        return False
    return True


def every_operator() -> str:
    b = Builder("small", 4)
    x = b.input("x", 3)
    y = b.conv2d("conv", x, 2, 3, stride=2)
    y = b.conv_transpose2d("up", y, 2, leaky_slope=None, bias=False)
    w = b.add("warped", "warp", (x, y), at.Warp("zeros", False, True))
    c = b.add("corr", "correlation", (x, w), at.Correlation(2, 1, "mean", 0.1))
    n = b.add("norm", "channel_norm", (c,), at.ChannelNorm())
    r = b.add("relu", "leaky_relu", (n,), at.LeakyRelu(0.2))
    j = b.add("join", "concat", (r, y, x), at.Concat())
    s = b.add("sum", "elementwise", (j, j), at.Elementwise("add"))
    s = b.add("scaled", "elementwise", (s,), at.Elementwise("scale", 2.5))
    big = b.add("big", "resize", (s,), at.Resize(scale=(2, 2), align_corners=True))
    return graph_to_json(b.build({"flow": y, "other": big}))


def changed(path: list[Any], value: Any) -> str:
    """every_operator() with the item at `path` replaced; ... removes it."""
    content = json.loads(every_operator())
    *way, last = path
    item = content
    for step in way:
        item = item[step]
    if value is ...:
        del item[last]
    else:
        item[last] = value
    return json.dumps(content)


def many_nodes(count: int, inputs: int = 1) -> str:
    """Joins of the input with itself."""
    b = Builder("many", 1)
    x = b.input("x", 1)
    content = json.loads(graph_to_json(b.build({"flow": x})))
    node = {"op": "concat", "inputs": ["x"] * inputs, "attributes": {}}
    content["nodes"] = [{"name": f"node{i}", **node} for i in range(count)]
    return json.dumps(content)


def nodes_named(name: str) -> int:
    return [node["name"] for node in json.loads(every_operator())["nodes"]].index(name)


VALUES = [
    ..., None, True, False, 0, 1, -1, 2, 3, 4.0, 1.0, 0.5, 1e30, 2**20, "", "x", "conv", "mean", "zeros", "nearest",
    "cut", "mul", [], [1], [1, 1], [2, 1], [0, 0], [1, 1.0], [1, 1, 1], ["x"], ["x", "x"], ["x", "norm"], {}, {"x": 1},
]  # fmt: skip


def paths() -> list[list[Any]]:
    """Where something can be changed: every field of every object, and a field of no meaning."""
    content, found = json.loads(every_operator()), []

    def walk(item: Any, way: list[Any]) -> None:
        keys = item if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        for key in keys:
            found.append([*way, key])
            walk(item[key], [*way, key])
        if isinstance(item, dict):
            found.append([*way, "unknown"])

    walk(content, [])
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_accepted(name: str) -> None:
    assert engine_accepts(graph_to_json(build_network(name)))


def test_every_field_with_every_value() -> None:
    verdicts = []
    for path in paths():
        for value in VALUES:
            try:
                text = changed(path, value)
            except KeyError:  # a field that is not there cannot be removed
                continue
            verdicts.append(python_accepts(text))
            assert engine_accepts(text) == verdicts[-1], (path, value)
    assert len(verdicts) > 2000
    assert 50 < sum(verdicts) < len(verdicts) / 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"schema": 1, "schema": 1}',
        '{"schema": NaN}',
        '{"schema": Infinity}',
        "[]",
        "{}",
        "1",
        '"text"',
        every_operator() + "x",
        every_operator() + " 1",
        "\ufeff" + every_operator(),
        every_operator().replace("0.1", "1e999"),
        every_operator().replace("0.1", "1e400"),
        every_operator().replace("0.1", "9" * 400),
        every_operator().replace("0.1", "-"),
        every_operator().replace("0.1", ".1"),
        every_operator().replace("0.1", "1."),
        every_operator().replace("0.1", "1e"),
        every_operator().replace("0.1", "+1"),
        every_operator().replace("0.1", "00"),
        every_operator().replace("small", "a\nb"),
        every_operator().replace("small", "\\x41"),
        every_operator().replace("small", "\\u12"),
        every_operator().replace("small", "\\u12g4"),
        every_operator().replace("small", "\\u+123"),
        every_operator().replace('"small"', "'small'"),
        every_operator().replace(',"', ',,"', 1),
        every_operator().replace("]", ",]", 1),
        " " * ((16 << 20) + 1),
        every_operator().replace('"name":"up"', '"name":"conv"'),
        every_operator().replace('"name":"up"', '"name":"x"'),
        every_operator().replace('["conv"]', '["up"]'),
        many_nodes(4097),
        many_nodes(4, 4097),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_both_refuse(text: str) -> None:
    assert not python_accepts(text)
    assert not engine_accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        " \t\r\n" + every_operator() + " \t\r\n",
        every_operator().replace("0.1", "1e-1"),
        every_operator().replace("0.1", "1E-999"),
        every_operator().replace("0.1", "-0"),
        every_operator().replace("0.1", "12345678901234567890"),
        every_operator().replace("0.1", "1e300"),
        every_operator().replace("0.1", "null"),
        every_operator().replace("small", '\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00'),
        every_operator().replace("small", "\u00e4\u20ac\U0001f600"),
        every_operator().replace('"conv"', '"c\\u006fnv"', 1),
        many_nodes(4096),
        many_nodes(4, 4096),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_both_accept(text: str) -> None:
    assert python_accepts(text)
    assert engine_accepts(text)


@pytest.mark.parametrize("text", ["\\ud800", "\\ud800x", "\\ud800\\u0041", "\\udc00"])
def test_half_surrogates_are_refused(text: str) -> None:
    """Python keeps them; no UTF-8 text can hold them."""
    assert not engine_accepts(every_operator().replace("small", text))


@settings(max_examples=300)
@given(st.data())
def test_both_judge_mutations_alike(data: st.DataObject) -> None:
    text = every_operator()
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, min(len(text), start + 12)))
    mutated = text[:start] + data.draw(st.sampled_from(PIECES)) + text[stop:]
    assert engine_accepts(mutated) == python_accepts(mutated)


@settings(max_examples=50)
@given(sample=samples())
def test_random_graphs_are_accepted(sample: Sample) -> None:
    assert engine_accepts(graph_to_json(sample.graph))


def test_sizes_beyond_the_address_space_are_refused() -> None:
    for path, value in (
        (["size_multiple"], 2**31),
        (["inputs", 0, "channels"], 2**70),
        (["nodes", nodes_named("corr"), "attributes", "max_displacement"], 2**31 - 1),
    ):
        assert not engine_accepts(changed(path, value))


def test_faults_name_their_nodes() -> None:
    for path, value, message in (
        (["nodes", 0, "op"], "conv3d", "node 'conv': unknown operator 'conv3d'"),
        (["nodes", 0, "attributes", "strides"], 1, "attributes of node 'conv' .* unknown field 'strides'"),
        (["nodes", 0, "attributes", "stride"], [0, 1], "stride of attributes of node 'conv'"),
        (["nodes", 0, "inputs"], ["nowhere"], "node 'conv' reads 'nowhere'"),
        (["parameters", "conv.weight"], [2, 4, 3, 3], "node 'conv': conv2d: the input has 3 channels"),
        (["nodes", nodes_named("warped"), "inputs"], ["x", "x"], "node 'warped': warp: flow must be"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.Network(changed(path, value), {}.__getitem__)


def test_parameters_must_fit() -> None:
    shapes = json.loads(every_operator())["parameters"]
    good = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    assert _core.Network(every_operator(), good.__getitem__) is not None
    for wrong in (
        {**good, "conv.bias": good["conv.bias"][:1]},
        {**good, "conv.bias": good["conv.bias"].astype(np.float64)},
        {**good, "conv.weight": np.asfortranarray(good["conv.weight"])},
        {**good, "conv.bias": None},
    ):
        with pytest.raises(ValueError, match="the parameter 'conv"):
            _core.Network(every_operator(), wrong.__getitem__)
