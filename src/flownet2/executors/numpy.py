# SPDX-License-Identifier: Apache-2.0
"""The graph walked in NumPy: BLAS convolutions and the compiled kernels, or the reference throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flownet2.graph import Graph, Node
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array


class NumpyExecutor:
    """Runs nodes one after another; every value is freed after its last use."""

    def __init__(self, *, reference: bool = False) -> None:
        self._reference = reference

    def compile(self, graph: Graph, parameters: Mapping[str, Array]) -> NumpyNetwork:
        """The graph with its weights; their dtype is the dtype of the computation."""
        ready = {name: parameters[name] for name in graph.parameters}  # once, where they are read when asked for
        return NumpyNetwork(graph, ready, reference=self._reference)


class NumpyNetwork:
    """A graph and its weights."""

    def __init__(self, graph: Graph, parameters: Mapping[str, Array], *, reference: bool) -> None:
        self._graph = graph
        self._parameters = parameters
        self._reference = reference

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """See executors/base.py."""
        wanted = {name: self._graph.outputs.get(name, name) for name in outputs}
        nodes = needed_nodes(self._graph, set(wanted.values()))
        last_use = {name: index for index, node in enumerate(nodes) for name in node.inputs}
        kept = set(wanted.values())
        values = dict(inputs)
        for index, node in enumerate(nodes):
            values[node.name] = self._compute(node, values)
            for name in set(node.inputs):
                if last_use[name] == index and name not in kept:
                    del values[name]
        return {name: values[value] for name, value in wanted.items()}

    def _compute(self, node: Node, values: Mapping[str, Array]) -> Array:
        parameters = {role: self._parameters[name] for role, name in node.parameters.items()}
        inputs = [values[name] for name in node.inputs]
        return run_operator(node.op, node.attributes, inputs, parameters, reference=self._reference)


def needed_nodes(graph: Graph, values: set[str]) -> list[Node]:
    """The nodes that the given values depend on, in the graph's order."""
    needed = set(values)
    nodes = []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
            nodes.append(node)
    return nodes[::-1]
