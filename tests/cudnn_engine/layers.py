# SPDX-License-Identifier: Apache-2.0
"""The distinct convolutions of a network as an engine of the CUDA executor sees them, from the network's own graph."""

from __future__ import annotations

from flownet2.executors.cuda.convolution import ConvSpec
from flownet2.executors.precision import FLOW_CHANNELS, is_convolution, output_channels
from flownet2.graph import Graph, Node
from flownet2.graph.validate import infer_shapes
from flownet2.types import Shape

KINDS = ("layers", "flow", "slices")
"""What reads a whole tensor and computes features, or flow; what reads features in their slice of a concatenation."""


def padded(channels: int) -> int:
    """The channels of a tensor on the GPU: a multiple of 8."""
    return -(-channels // 8) * 8


def convolutions(graph: Graph, size: tuple[int, int, int], precision: str) -> dict[str, dict[ConvSpec, list[str]]]:
    """By kind: convolution -> names of the nodes that are it, for pictures (N, H, W) of one size."""
    n, h, w = size
    shapes = infer_shapes(graph, {image.name: (n, image.channels, h, w) for image in graph.inputs})
    widths = {name: shapes[node.name][1] for node in graph.nodes if node.op == "concat" for name in node.inputs}
    images = {image.name for image in graph.inputs}
    found: dict[str, dict[ConvSpec, list[str]]] = {kind: {} for kind in KINDS}
    for node in graph.nodes:
        if not is_convolution(node):
            continue
        source = node.inputs[0]
        kind = "flow" if output_channels(graph, node) <= FLOW_CHANNELS else "layers"
        found[kind].setdefault(_spec(graph, node, shapes[source], None, precision), []).append(node.name)
        if source in widths and source not in images:
            spec = _spec(graph, node, shapes[source], padded(widths[source]), precision)
            found["slices"].setdefault(spec, []).append(node.name)
    return found


def _spec(graph: Graph, node: Node, source: Shape, pitch: int | None, precision: str) -> ConvSpec:
    batch, channels, height, width = source
    (kernel, other), (stride, also), (padding, too) = (
        graph.parameters[node.parameters["weight"]][2:],
        node.attributes.stride,
        node.attributes.padding,
    )
    assert (kernel, stride, padding) == (other, also, too)  # all of FlowNet2 is square
    outputs = padded(output_channels(graph, node))
    if node.op == "conv_transpose2d":  # its four phases as one plain convolution
        assert (kernel, stride, padding) == (4, 2, 1)
        kernel, stride, outputs = 2, 1, 4 * outputs
    return ConvSpec(
        batch=batch,
        height=height,
        width=width,
        channels_in=padded(channels),
        pitch_in=pitch or padded(channels),
        channels_out=outputs,
        kernel=kernel,
        stride=stride,
        padding=padding,
        precision=precision,
    )
