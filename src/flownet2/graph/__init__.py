# SPDX-License-Identifier: Apache-2.0
"""Networks as data: immutable graphs of named nodes, their checks and their text."""

from flownet2.graph.builder import Builder
from flownet2.graph.channels import with_channels
from flownet2.graph.costs import multiply_adds
from flownet2.graph.ir import Graph, Input, Node
from flownet2.graph.serialize import graph_from_json, graph_to_json
from flownet2.graph.validate import infer_shapes, validate

__all__ = [
    "Builder",
    "Graph",
    "Input",
    "Node",
    "graph_from_json",
    "graph_to_json",
    "infer_shapes",
    "multiply_adds",
    "validate",
    "with_channels",
]
