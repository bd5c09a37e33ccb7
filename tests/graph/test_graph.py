# SPDX-License-Identifier: Apache-2.0
"""The graph, its checks and its text."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flownet2.errors import GraphError
from flownet2.graph import Builder, Graph, Input, Node, graph_from_json, graph_to_json, infer_shapes, validate
from flownet2.networks import NETWORKS, build_network
from flownet2.ops import attributes as at


def small_graph() -> Graph:
    b = Builder("small", 4)
    x = b.input("x", 3)
    y = b.conv2d("conv", x, 5, 3, stride=2)
    y = b.conv_transpose2d("up", y, 2, leaky_slope=None, bias=False)
    return b.build({"flow": y})


@pytest.mark.parametrize("name", NETWORKS)
def test_text_round_trip(name: str) -> None:
    graph = build_network(name)
    text = graph_to_json(graph)
    assert graph_from_json(text) == graph
    assert graph_to_json(graph_from_json(text)) == text


def test_shapes() -> None:
    shapes = infer_shapes(small_graph(), {"x": (2, 3, 8, 12)})
    assert shapes["conv"] == (2, 5, 4, 6)
    assert shapes["up"] == (2, 2, 8, 12)


def test_graph_is_immutable() -> None:
    graph = small_graph()
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.name = "other"
    with pytest.raises(TypeError):
        graph.parameters["conv.weight"] = (1,)
    with pytest.raises(TypeError):
        graph.nodes[0].parameters["weight"] = "other"


def test_all_faults_at_once() -> None:
    nodes = (
        Node("a", "conv2d", ("x", "y"), at.Conv2d(), {"kernel": "a.weight"}),
        Node("a", "magic", ("x",), None),
        Node("b", "concat", ("later",), at.Warp()),
    )
    graph = Graph("bad", (Input("x", 3), Input("x", 0)), nodes, {"flow": "nowhere"}, {"unused.weight": (0,)}, 0)
    with pytest.raises(GraphError) as error:
        validate(graph)
    for text in (
        "size_multiple must be at least 1",
        "input 'x' has 0 channels",
        "the name 'x' is used twice",
        "the name 'a' is used twice",
        "output 'flow' names the value 'nowhere'",
        "reads 'y'",
        "reads 'later'",
        "unknown operator 'magic'",
        "conv2d takes 1 inputs, got 2",
        "conv2d needs the parameter 'weight'",
        "conv2d has no parameter 'kernel'",
        "'a.weight' is not among the graph's parameters",
        "concat wants Concat attributes",
        "no node uses the parameter 'unused.weight'",
        "has the shape (0,)",
    ):
        assert text in str(error.value), text


def test_channel_faults_name_their_nodes() -> None:
    graph = small_graph()
    wrong = dataclasses.replace(graph, parameters={**graph.parameters, "conv.weight": (5, 4, 3, 3)})
    with pytest.raises(GraphError, match="node 'conv': conv2d: the input has 3 channels"):
        validate(wrong)


def edited(**changes: object) -> str:
    return json.dumps({**json.loads(graph_to_json(small_graph())), **changes})


def edited_node(**changes: object) -> str:
    content = json.loads(graph_to_json(small_graph()))
    content["nodes"][0].update(changes)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"schema": 1, "schema": 1}', "stands twice"),
        ('{"schema": NaN}', "NaN is not JSON"),
        ("[]", "must be a JSON object"),
        ("{}", "lacks 'schema'"),
        (edited(schema=True), "has schema True"),
        (edited(schema=1.0), "has schema 1.0"),
        (edited_node(attributes={"leaky_slope": 10**400}), "leaky_slope must be a finite number"),
        (edited(schema=2), "has schema 2, this version of flownet2 reads 1"),
        (edited(extra=1), "unknown fields 'extra'"),
        (edited(name=3), "graph name must be str, got 3"),
        (edited(size_multiple=True), "size_multiple must be int"),
        (edited(size_multiple=4.0), "size_multiple must be int"),
        (edited(inputs=[{"name": "x"}]), "an input lacks 'channels'"),
        (edited(parameters={"conv.weight": "big"}), "must be list"),
        (edited(outputs={"flow": 1}), "'flow' in outputs must be str"),
        (edited_node(op="conv3d"), "unknown operator 'conv3d'"),
        (edited_node(attributes={"strides": [2, 2]}), "unknown fields 'strides'; known: stride, padding"),
        (edited_node(attributes={"stride": [2, 2, 2]}), "stride must be a pair"),
        (edited_node(attributes={"stride": [2, True]}), "stride must be an integer"),
        (
            edited_node(attributes={"leaky_slope": 12345}).replace("12345", "1e999"),
            "leaky_slope must be a finite number",
        ),
        (edited_node(attributes={"leaky_slope": "0.1"}), "leaky_slope must be a finite number"),
        (edited_node(inputs="x"), "inputs must be list"),
        (edited_node(note="hello"), "unknown fields 'note'"),
        (" " * ((16 << 20) + 1), "the limit is"),
    ],
)
def test_texts_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(GraphError) as error:
        graph_from_json(text)
    assert message in str(error.value)


@given(st.data())
def test_no_mutation_of_a_text_escapes(data: st.DataObject) -> None:
    """Whatever is done to a valid text: a valid graph, or GraphError."""
    text = graph_to_json(small_graph())
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, min(len(text), start + 12)))
    piece = data.draw(st.sampled_from(["", "0", "-1", '"x"', "[]", "{}", "null", "1e30", "true", '"conv"', ","]))
    with contextlib.suppress(GraphError):
        graph_from_json(text[:start] + piece + text[stop:])
