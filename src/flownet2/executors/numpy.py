# SPDX-License-Identifier: Apache-2.0
"""The graph walked in NumPy: BLAS convolutions and the compiled kernels, or the reference throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flownet2.bfloat16 import round_to_bfloat16
from flownet2.executors.precision import (
    FLOW_CHANNELS,
    is_convolution,
    output_channels,
    rounded_input,
    rounded_parameters,
)
from flownet2.graph import Graph, Node
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array


class NumpyExecutor:
    """Runs nodes one after another; every value is freed after its last use."""

    def __init__(self, *, reference: bool = False, precision: str = "float32") -> None:
        self._reference = reference
        self._precision = precision

    def compile(self, graph: Graph, parameters: Mapping[str, Array]) -> NumpyNetwork:
        """The graph with its weights; their dtype is the dtype of the computation."""
        ready = {name: parameters[name] for name in graph.parameters}  # once, where they are read when asked for
        kind = RoundedNetwork if self._precision == "bfloat16" else NumpyNetwork
        return kind(graph, ready, reference=self._reference)


class NumpyNetwork:
    """A graph and its weights."""

    device = None

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
            values[node.name] = self.compute(node, values)
            for name in set(node.inputs):
                if last_use[name] == index and name not in kept:
                    del values[name]
        return {name: values[value] for name, value in wanted.items()}

    def compute(self, node: Node, values: Mapping[str, Array]) -> Array:
        """The value of one node, from those of its inputs."""
        parameters = {role: self._parameters[name] for role, name in node.parameters.items()}
        inputs = [values[name] for name in node.inputs]
        return run_operator(node.op, node.attributes, inputs, parameters, reference=self._reference)


class RoundedNetwork(NumpyNetwork):
    """The same in the precision "bfloat16" (executors/precision.py)."""

    def __init__(self, graph: Graph, parameters: Mapping[str, Array], *, reference: bool) -> None:
        super().__init__(graph, rounded_parameters(graph, parameters), reference=reference)

    def compute(self, node: Node, values: Mapping[str, Array]) -> Array:
        """The same, rounded as the precision wants."""
        if not is_convolution(node):
            return super().compute(node, values)
        flow = output_channels(self._graph, node) <= FLOW_CHANNELS
        name = node.inputs[0]
        result = super().compute(node, {name: rounded_input(values[name], flow=flow)})
        return result if flow else round_to_bfloat16(result)


def needed_nodes(graph: Graph, values: set[str]) -> list[Node]:
    """The nodes that the given values depend on, in the graph's order."""
    needed = set(values)
    nodes = []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
            nodes.append(node)
    return nodes[::-1]
