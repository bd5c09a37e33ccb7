# SPDX-License-Identifier: Apache-2.0
"""The joints of stacked networks in a graph: chains of nodes that one kernel computes (csrc/cuda/link.cu).

Found by their structure, not by names: what differs in any attribute that the kernel does not know runs node by node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flownet2.graph import Graph, Node
from flownet2.ops import attributes as at


@dataclass(frozen=True)
class Link:
    """A concatenation and what it joins.

    Attributes:
        flows: values of raw flow at a quarter of the size: one between stacked networks, two before the fusion.
        factors: raw flow times this is in pixels; one for each.
        padding: of the warping.
        align_corners: of the upsampling; of one flow only.
    """

    flows: tuple[str, ...]
    factors: tuple[float, ...]
    padding: str
    align_corners: bool = False


@dataclass(frozen=True)
class _Warped:
    """Picture 2, warped by a flow in pixels, and the length of its difference to picture 1."""

    warped: str
    flow_px: str
    padding: str


def find_links(graph: Graph) -> dict[str, Link]:
    """Name of the concatenation -> link."""
    nodes = {node.name: node for node in graph.nodes}
    found = {}
    for node in graph.nodes:
        link = (_stacked(graph, nodes, node) or _fusion(graph, nodes, node)) if node.op == "concat" else None
        if link is not None:
            found[node.name] = link
    return found


def _stacked(graph: Graph, nodes: Mapping[str, Node], concat: Node) -> Link | None:
    """Both pictures, the second warped, raw flow x4 bilinear, error."""
    if len(concat.inputs) != 5 or concat.inputs[:2] != tuple(item.name for item in graph.inputs):
        return None
    _, _, warped, flow, error = concat.inputs
    parts, upsampled = _error(graph, nodes, error), _of(nodes, flow, "resize")
    if parts is None or upsampled is None or parts.warped != warped:
        return None
    scaled = _of(nodes, parts.flow_px, "elementwise")
    rule = upsampled.attributes
    if scaled is None or scaled.attributes.kind != "scale" or scaled.inputs != (flow,):
        return None
    if rule != at.Resize(scale=(4, 4), align_corners=rule.align_corners):
        return None
    return Link(upsampled.inputs, (scaled.attributes.factor,), parts.padding, rule.align_corners)


def _fusion(graph: Graph, nodes: Mapping[str, Node], concat: Node) -> Link | None:
    """Picture 1, two flows in pixels x4 by nearest, their lengths, both errors."""
    if len(concat.inputs) != 7 or concat.inputs[0] != graph.inputs[0].name:
        return None
    flows, norms, errors = concat.inputs[1:3], concat.inputs[3:5], concat.inputs[5:7]
    raw, factors, paddings = [], [], set()
    for flow, norm, error in zip(flows, norms, errors, strict=True):
        parts, length, upsampled = (
            _error(graph, nodes, error),
            _of(nodes, norm, "channel_norm"),
            _of(nodes, flow, "resize"),
        )
        if parts is None or length is None or upsampled is None or parts.flow_px != flow or length.inputs != (flow,):
            return None
        scaled = _of(nodes, upsampled.inputs[0], "elementwise")
        nearest = upsampled.attributes == at.Resize(scale=(4, 4), mode="nearest")
        if scaled is None or scaled.attributes.kind != "scale" or not nearest:
            return None
        raw.append(scaled.inputs[0])
        factors.append(scaled.attributes.factor)
        paddings.add(parts.padding)
    return Link(tuple(raw), tuple(factors), paddings.pop()) if len(paddings) == 1 else None


def _error(graph: Graph, nodes: Mapping[str, Node], name: str) -> _Warped | None:
    """channel_norm(picture 1 - warp(picture 2, flow))."""
    first, second = (item.name for item in graph.inputs)
    norm = _of(nodes, name, "channel_norm")
    difference = _of(nodes, norm.inputs[0], "elementwise") if norm else None
    if difference is None or difference.attributes.kind != "sub" or difference.inputs[0] != first:
        return None
    warp = _of(nodes, difference.inputs[1], "warp")
    if warp is None or warp.inputs[0] != second or warp.attributes != at.Warp(padding=warp.attributes.padding):
        return None
    return _Warped(warp.name, warp.inputs[1], warp.attributes.padding)


def _of(nodes: Mapping[str, Node], name: str, op: str) -> Node | None:
    node = nodes.get(name)
    return node if node is not None and node.op == op else None
