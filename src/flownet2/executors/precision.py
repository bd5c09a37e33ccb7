# SPDX-License-Identifier: Apache-2.0
"""What a precision means, on NumPy arrays: the definition that the compiled engine is held against.

"bfloat16": weights of convolutions and what they exchange are rounded to bfloat16; products are summed in float32.
Convolutions to few channels (flow) keep float32 weights and give float32, so that flow, the coordinates made of it
and the sums of a correlation are never rounded.
"""

from __future__ import annotations

from collections.abc import Mapping

from flownet2.bfloat16 import round_to_bfloat16
from flownet2.graph import Graph, Node
from flownet2.types import Array

CPU_PRECISIONS = ("float32", "bfloat16")
PRECISIONS = ("float32", "bfloat16", "tf32", "float16")
"""Of all devices; the last two are for GPUs (executors/cuda/storage.py)."""

FLOW_CHANNELS = 4
"""A convolution to at most so many channels makes flow."""


def is_convolution(node: Node) -> bool:
    """Whether the node is one of the two convolutions."""
    return node.op in ("conv2d", "conv_transpose2d")


def output_channels(graph: Graph, node: Node) -> int:
    """Co of a convolution."""
    shape = graph.parameters[node.parameters["weight"]]
    return int(shape[1] if node.op == "conv_transpose2d" else shape[0])


def rounded_parameters(graph: Graph, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters, those weights rounded that are not flow's."""
    wide = {
        node.parameters["weight"]
        for node in graph.nodes
        if is_convolution(node) and output_channels(graph, node) > FLOW_CHANNELS
    }
    return {name: round_to_bfloat16(value) if name in wide else value for name, value in parameters.items()}


def rounded_input(x: Array, *, flow: bool) -> Array:
    """What a convolution reads of x: flow goes from one small convolution to another in float32."""
    return x if flow and x.shape[1] <= FLOW_CHANNELS else round_to_bfloat16(x)
