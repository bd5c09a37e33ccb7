# SPDX-License-Identifier: Apache-2.0
"""Where the values of a graph live: tensors (N, H, W, C) whose channels are filled up to multiples of 8.

A value that a concatenation joins is written into the concatenation's tensor by the node that computes it, so that
nothing is left to do there. Both pictures share one tensor of 8 channels: 0 to 2 and 4 to 6.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flownet2.errors import GraphError
from flownet2.executors.cuda.links import Link, find_links
from flownet2.executors.cuda.storage import storage, value_type
from flownet2.executors.precision import FLOW_CHANNELS
from flownet2.graph import Graph, Node, infer_shapes

PICTURES = "<pictures>"
"""Name of the tensor of both pictures."""

_PICTURE_CHANNELS = ((0, 1, 2), (4, 5, 6))
_MULTIPLE = 8


@dataclass(frozen=True)
class Place:
    """Channels of a tensor.

    Attributes:
        tensor: its name: that of the value that it was made for.
        channels: of the tensor, in the value's order.
        used: channels of the tensor that hold values; the others are zeros.
        width: of the whole tensor, in channels.
        dtype: of its elements.
    """

    tensor: str
    channels: Sequence[int]
    used: int
    width: int
    dtype: np.dtype[np.generic]

    @property
    def first(self) -> int:
        """The first channel."""
        return self.channels[0]

    def window(self) -> tuple[int, int]:
        """First and number of the channels that a convolution reads: all of the tensor where the rest is zeros."""
        whole = self.tensor == PICTURES or len(self.channels) == self.used
        return (0, self.width) if whole else (self.first, len(self.channels))


class Layout:
    """Places of all values of a graph; they are the same for every size.

    Attributes:
        places: value -> place.
        links: nodes that one kernel computes together with those before it.
        scales: value -> what it is stored times, where that is not 1 (`_scales`).
    """

    def __init__(self, graph: Graph, precision: str, *, fused: bool = True) -> None:
        """fused: False computes every node for itself, to compare with.

        Raises:
            GraphError: the graph does not take two pictures of three channels.
        """
        if [item.channels for item in graph.inputs] != [3, 3]:
            raise GraphError(
                f"the GPU runs networks of two pictures of 3 channels; graph {graph.name!r} takes "
                f"{', '.join(f'{item.name} ({item.channels})' for item in graph.inputs)}"
            )
        side = graph.size_multiple
        shapes = infer_shapes(graph, {item.name: (1, item.channels, side, side) for item in graph.inputs})
        self._channels = {name: shape[1] for name, shape in shapes.items()}
        self._graph = graph
        self._precision = precision
        self._users = _users(graph)
        self.links: dict[str, Link] = find_links(graph) if fused else {}
        self.scales: dict[str, float] = self._scales() if precision == "float16" else {}
        self.places: dict[str, Place] = {}
        for item, channels in zip(graph.inputs, _PICTURE_CHANNELS, strict=True):
            self.places[item.name] = Place(PICTURES, channels, 8, 8, storage(precision))
        self._parts: dict[str, list[float]] = {}
        for node in graph.nodes:
            if node.op == "concat":
                self._place_concat(node)
                self._parts[node.name] = [scale for name in node.inputs for scale in self.channel_scales(name)]
        for node in graph.nodes:
            if node.name not in self.places:
                self.places[node.name] = self._own(node.name)

    def channel_scales(self, value: str) -> list[float]:
        """What each channel of a value is stored times."""
        return self._parts.get(value) or [self.scales.get(value, 1.0)] * self._channels[value]

    def _scales(self) -> dict[str, float]:
        """Sums over all channels would leave the range of float16: they are stored divided by a power of two.

        The convolutions that read them make up for it by their weights, as LeakyReLU(a * x) is a * LeakyReLU(x).
        """
        found = {}
        for node in self._graph.nodes:
            if node.op == "correlation" and node.attributes.reduction == "sum" and self._only_convolved(node.name):
                found[node.name] = 2.0 ** -math.floor(math.log2(self._channels[node.inputs[0]]))
        return found

    def _only_convolved(self, value: str) -> bool:
        """Whether all that reads a value, through concatenations or not, is convolutions with an engine."""
        return all(
            self._only_convolved(user.name)
            if user.op == "concat"
            else user.op == "conv2d" and self._channels[user.name] > FLOW_CHANNELS
            for user in self._users[value]
        )

    def _place_concat(self, node: Node) -> None:
        if node.name in self.links:
            count = self._channels[node.name]
            self.places[node.name] = Place(node.name, range(count), count, 16, storage(self._precision))
            return
        if self._joins_pictures(node):
            channels = [c for name in node.inputs for c in self.places[name].channels]
            self.places[node.name] = Place(PICTURES, channels, 8, 8, storage(self._precision))
            return
        tensor = self.places[node.name] = self._own(node.name)
        start = 0
        for name in node.inputs:
            count = self._channels[name]
            if self._may_write_into(name, node, tensor):
                self.places[name] = dataclasses.replace(tensor, channels=range(start, start + count))
            start += count

    def _joins_pictures(self, node: Node) -> bool:
        """Of the pictures alone, and read by convolutions alone, whose weights can leave out the gaps."""
        pictures = {item.name for item in self._graph.inputs}
        return set(node.inputs) <= pictures and all(
            user.op == "conv2d" and self._channels[user.name] > FLOW_CHANNELS for user in self._users[node.name]
        )

    def _may_write_into(self, name: str, concat: Node, tensor: Place) -> bool:
        linked = any(name in link.flows for link in self.links.values())  # whose kernel wants a tensor of its own
        if name in self.places or linked or concat.inputs.count(name) > 1:
            return False
        only_here = all(user is concat for user in self._users[name]) and name not in self._graph.outputs.values()
        return only_here or value_type(self._precision, self._channels[name]) == tensor.dtype

    def _own(self, name: str) -> Place:
        """A tensor of its own; flow, which small kernels read, is not filled up."""
        count = self._channels[name]
        width = count if count <= FLOW_CHANNELS else -(-count // _MULTIPLE) * _MULTIPLE
        return Place(name, range(count), count, width, value_type(self._precision, count))


def _users(graph: Graph) -> dict[str, list[Node]]:
    users: dict[str, list[Node]] = {name: [] for name in graph.value_names()}
    for node in graph.nodes:
        for name in Counter(node.inputs):
            users[name].append(node)
    return users
