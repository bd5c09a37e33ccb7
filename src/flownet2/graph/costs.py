# SPDX-License-Identifier: Apache-2.0
"""How much a graph computes."""

from __future__ import annotations

from collections.abc import Mapping

from flownet2.graph.ir import Graph
from flownet2.graph.validate import infer_shapes
from flownet2.ops.spec import OPS
from flownet2.types import Shape


def multiply_adds(graph: Graph, inputs: Mapping[str, Shape]) -> dict[str, int]:
    """Multiply-adds of every node that its outputs need, by the definitions of the operators (flownet2.ops.costs).

    An executor may do with fewer, as by Winograd's convolutions. Floating-point operations are twice as many.

    Args:
        graph: a valid one.
        inputs: shape (N, C, H, W) of each input.

    Returns:
        node name -> multiply-adds, in the graph's order; 0 for operators that are bound by memory.

    Raises:
        InputError: naming the node whose inputs do not fit it.
    """
    shapes = infer_shapes(graph, inputs)
    needed = set(graph.outputs.values())
    costs = {}
    for node in reversed(graph.nodes):
        if node.name not in needed:
            continue
        needed.update(node.inputs)
        parameters = {role: graph.parameters[name] for role, name in node.parameters.items()}
        reads = [shapes[name] for name in node.inputs]
        costs[node.name] = OPS[node.op].multiply_adds(node.attributes, reads, parameters, shapes[node.name])
    return dict(reversed(costs.items()))
