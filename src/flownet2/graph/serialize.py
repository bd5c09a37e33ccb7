# SPDX-License-Identifier: Apache-2.0
"""Graph <-> JSON text, the one form that every executor reads (docs/model-format.md).

Attributes are named, enumerations are strings, and whatever is unknown, missing or of another type is an error: a
reader of an older version must never run a newer graph with a part of it ignored.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from flownet2.errors import GraphError, InputError
from flownet2.graph.ir import Graph, Input, Node
from flownet2.graph.validate import validate
from flownet2.ops.spec import OPS

SCHEMA = 1
"""Version of the text; raised whenever an older reader would misunderstand a newer text."""

_LIMIT_BYTES = 16 << 20


def graph_to_json(graph: Graph) -> str:
    """The graph's text: compact JSON, keys in a fixed order, so equal graphs give equal text."""
    content = {
        "schema": SCHEMA,
        "name": graph.name,
        "size_multiple": graph.size_multiple,
        "inputs": [{"name": i.name, "channels": i.channels} for i in graph.inputs],
        "parameters": {name: list(shape) for name, shape in graph.parameters.items()},
        "nodes": [_node_to_json(node) for node in graph.nodes],
        "outputs": dict(graph.outputs),
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True)


def graph_from_json(text: str) -> Graph:
    """The checked graph of a text.

    Raises:
        GraphError: the text is not JSON, of another schema, has unknown or missing fields, or the graph is not valid.
    """
    if len(text) > _LIMIT_BYTES:
        raise GraphError(f"graph text of {len(text)} bytes; the limit is {_LIMIT_BYTES}")
    try:
        content = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"graph text is not valid JSON: {error}") from None
    graph = _graph(content)
    validate(graph)
    return graph


def _node_to_json(node: Node) -> dict[str, Any]:
    content: dict[str, Any] = {"name": node.name, "op": node.op, "inputs": list(node.inputs)}
    values = {f.name: getattr(node.attributes, f.name) for f in dataclasses.fields(node.attributes)}
    content["attributes"] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value is not None
    }
    if node.parameters:
        content["parameters"] = dict(node.parameters)
    return content


def _graph(content: object) -> Graph:
    _object("graph", content, required=("schema",), optional=None)
    assert isinstance(content, dict)  # checked by _object
    if type(content["schema"]) is not int or content["schema"] != SCHEMA:
        raise GraphError(
            f"graph text has schema {content['schema']!r}, this version of flownet2 reads {SCHEMA}; "
            "a newer flownet2 may read it (pip install -U flownet2)"
        )
    fields = ("schema", "name", "size_multiple", "inputs", "parameters", "nodes", "outputs")
    _object("graph", content, required=fields)
    return Graph(
        name=_typed("graph name", content["name"], str),
        inputs=tuple(_input(item) for item in _typed("inputs", content["inputs"], list)),
        nodes=tuple(_node(item) for item in _typed("nodes", content["nodes"], list)),
        outputs=_strings("outputs", content["outputs"]),
        parameters={
            name: _integers(f"shape of parameter {name!r}", shape)
            for name, shape in _typed("parameters", content["parameters"], dict).items()
        },
        size_multiple=_typed("size_multiple", content["size_multiple"], int),
    )


def _input(content: object) -> Input:
    _object("an input", content, required=("name", "channels"))
    assert isinstance(content, dict)
    return Input(_typed("input name", content["name"], str), _typed("channels", content["channels"], int))


def _node(content: object) -> Node:
    _object("a node", content, required=("name", "op", "inputs", "attributes"), optional=("parameters",))
    assert isinstance(content, dict)
    name, op = _typed("node name", content["name"], str), _typed("op", content["op"], str)
    inputs = tuple(_typed(f"an input of node {name!r}", i, str) for i in _typed("inputs", content["inputs"], list))
    parameters = _strings(f"parameters of node {name!r}", content.get("parameters", {}))
    return Node(name, op, inputs, _attributes(name, op, content["attributes"]), parameters)


def _attributes(node: str, op: str, content: object) -> object:
    if op not in OPS:
        raise GraphError(f"node {node!r}: unknown operator {op!r}; known: {', '.join(OPS)}")
    kind = OPS[op].attributes
    known = tuple(f.name for f in dataclasses.fields(kind))
    _object(f"attributes of node {node!r} ({op})", content, required=(), optional=known)
    assert isinstance(content, dict)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    try:
        return kind(**values)
    except InputError as error:
        raise GraphError(f"node {node!r} ({op}): {error}") from None


def _object(what: str, content: object, *, required: tuple[str, ...], optional: tuple[str, ...] | None = ()) -> None:
    """A JSON object with all required fields and, unless optional is None, no others."""
    if not isinstance(content, dict):
        raise GraphError(f"{what} must be a JSON object, got {type(content).__name__}")
    missing = [name for name in required if name not in content]
    unknown = [] if optional is None else [n for n in content if n not in required and n not in optional]
    if missing:
        raise GraphError(f"{what} lacks {', '.join(map(repr, missing))}")
    if unknown:
        known = ", ".join((*required, *(optional or ()))) or "none"
        raise GraphError(f"{what} has unknown fields {', '.join(map(repr, unknown))}; known: {known}")


def _typed(what: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise GraphError(f"{what} must be {kind.__name__}, got {value!r:.60}")
    return value


def _strings(what: str, value: object) -> Mapping[str, str]:
    return {key: _typed(f"{key!r} in {what}", item, str) for key, item in _typed(what, value, dict).items()}


def _integers(what: str, value: object) -> tuple[int, ...]:
    return tuple(_typed(what, item, int) for item in _typed(what, value, list))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a field stands twice in one object")
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
