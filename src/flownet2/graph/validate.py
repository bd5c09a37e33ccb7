# SPDX-License-Identifier: Apache-2.0
"""Checks of a graph: every fault at once, so that a hand-written or generated graph is mended in one round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flownet2.errors import GraphError, InputError
from flownet2.graph.ir import Graph, Node
from flownet2.ops.spec import OPS, OpSpec
from flownet2.types import Shape

MAX_NODES = 4096
MAX_READS = 16384
"""Nodes of a graph and inputs of all of them: they bound the time of planning. The engine has the same limits."""
_SHOWN = 20


def validate(graph: Graph) -> None:
    """Checks names, operators, attributes, parameters and, where all that holds, the shapes of every value.

    Raises:
        GraphError: with all faults, one a line.
    """
    faults = [*_interface_faults(graph), *_node_faults(graph)]
    if not faults:
        faults = list(_shape_faults(graph))
    if faults:
        listed = "\n  ".join(faults[:_SHOWN])
        more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise GraphError(f"graph {graph.name!r} is not valid:\n  {listed}{more}")


def infer_shapes(graph: Graph, inputs: Mapping[str, Shape]) -> dict[str, Shape]:
    """Shape of every value of a valid graph, for inputs of the given shapes (N, C, H, W).

    Raises:
        InputError: naming the node whose inputs do not fit it.
    """
    shapes = dict(inputs)
    for node in graph.nodes:
        shapes[node.name] = _infer(graph, node, shapes)
    return shapes


def _infer(graph: Graph, node: Node, shapes: Mapping[str, Shape]) -> Shape:
    parameters = {role: graph.parameters[name] for role, name in node.parameters.items()}
    try:
        return OPS[node.op].infer_shape(node.attributes, [shapes[name] for name in node.inputs], parameters)
    except InputError as error:
        raise InputError(f"node {node.name!r}: {error}") from None


def _interface_faults(graph: Graph) -> Iterator[str]:
    if not graph.inputs:
        yield "it has no inputs"
    if not graph.outputs:
        yield "it has no outputs"
    if graph.size_multiple < 1:
        yield f"size_multiple must be at least 1, got {graph.size_multiple}"
    if len(graph.nodes) > MAX_NODES or sum(len(node.inputs) for node in graph.nodes) > MAX_READS:
        yield f"it has more than {MAX_NODES} nodes, or they have more than {MAX_READS} inputs"
    for item in graph.inputs:
        if item.channels < 1:
            yield f"input {item.name!r} has {item.channels} channels"
    for name, shape in graph.parameters.items():
        if not shape or min(shape) < 1:
            yield f"parameter {name!r} has the shape {shape}; every size must be at least 1"
    values = graph.value_names()
    for public, name in graph.outputs.items():
        if name not in values:
            yield f"output {public!r} names the value {name!r}, which does not exist"


def _node_faults(graph: Graph) -> Iterator[str]:
    known: set[str] = set()
    used: set[str] = set()
    for item in graph.inputs:
        if item.name in known:
            yield f"the name {item.name!r} is used twice"
        known.add(item.name)
    for node in graph.nodes:
        if node.name in known:
            yield f"the name {node.name!r} is used twice"
        for name in node.inputs:
            if name not in known:
                yield f"node {node.name!r} reads {name!r}, which no input or earlier node provides"
        known.add(node.name)
        used.update(node.parameters.values())
        yield from _operator_faults(graph, node)
    for name in sorted(graph.parameters.keys() - used):
        yield f"no node uses the parameter {name!r}"


def _operator_faults(graph: Graph, node: Node) -> Iterator[str]:
    spec = OPS.get(node.op)
    if spec is None:
        yield f"node {node.name!r}: unknown operator {node.op!r}; known: {', '.join(OPS)}"
        return
    if type(node.attributes) is not spec.attributes:
        yield f"node {node.name!r}: {node.op} wants {spec.attributes.__name__} attributes, got {node.attributes!r}"
    least, most = spec.inputs
    if len(node.inputs) < least or (most is not None and len(node.inputs) > most):
        wanted = f"{least}" if least == most else f"{least} to {most or 'any number'}"
        yield f"node {node.name!r}: {node.op} takes {wanted} inputs, got {len(node.inputs)}"
    yield from _parameter_faults(graph, node, spec)


def _parameter_faults(graph: Graph, node: Node, spec: OpSpec) -> Iterator[str]:
    for role in spec.parameters:
        if role not in node.parameters and role not in spec.optional:
            yield f"node {node.name!r}: {node.op} needs the parameter {role!r}"
    for role, name in node.parameters.items():
        if role not in spec.parameters:
            yield f"node {node.name!r}: {node.op} has no parameter {role!r}"
        if name not in graph.parameters:
            yield f"node {node.name!r}: its {role} {name!r} is not among the graph's parameters"


def _shape_faults(graph: Graph) -> Iterator[str]:
    """Tries the smallest allowed size; goes on behind a fault where the shapes still are known."""
    side = graph.size_multiple
    shapes: dict[str, Shape] = {item.name: (1, item.channels, side, side) for item in graph.inputs}
    for node in graph.nodes:
        if all(name in shapes for name in node.inputs):
            try:
                shapes[node.name] = _infer(graph, node, shapes)
            except InputError as error:
                yield str(error)
