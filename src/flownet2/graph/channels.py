# SPDX-License-Identifier: Apache-2.0
"""A graph at other widths: some layers with other numbers of channels, everything behind them following."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from flownet2.graph.ir import Graph
from flownet2.graph.validate import validate
from flownet2.ops.spec import OPS

_OUTPUT_AXIS = {"conv2d": 0, "conv_transpose2d": 1}


def with_channels(graph: Graph, channels: Mapping[str, int]) -> Graph:
    """The graph, whose layers give as many channels as told.

    Args:
        graph: a valid one.
        channels: layer, as its parameters are named ("flownetc.conv1" for "flownetc.conv1.weight") -> channels that it
            gives; layers that are not named keep theirs.

    Raises:
        GraphError: these channels do not fit together.
    """
    side = graph.size_multiple
    shapes = {item.name: (1, item.channels, side, side) for item in graph.inputs}
    parameters = dict(graph.parameters)
    for node in graph.nodes:
        if "weight" in node.parameters:
            name, axis = node.parameters["weight"], _OUTPUT_AXIS[node.op]
            outer = channels.get(name.removesuffix(".weight"), graph.parameters[name][axis])
            both = {axis: outer, 1 - axis: shapes[node.inputs[0]][1]}
            parameters[name] = (both[0], both[1], *graph.parameters[name][2:])
            if "bias" in node.parameters:
                parameters[node.parameters["bias"]] = (outer,)
        own = {role: parameters[key] for role, key in node.parameters.items()}
        shapes[node.name] = OPS[node.op].infer_shape(node.attributes, [shapes[x] for x in node.inputs], own)
    made = dataclasses.replace(graph, parameters=parameters)
    validate(made)
    return made
