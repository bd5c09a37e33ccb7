# SPDX-License-Identifier: Apache-2.0
"""A graph for one size of pictures: memory of all values, and the launches in their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from flownet2.executors.cuda import transposed
from flownet2.executors.cuda.convolution import ConvSpec, Engine, Finish
from flownet2.executors.cuda.device import Device
from flownet2.executors.cuda.layout import PICTURES, Layout
from flownet2.executors.cuda.links import Link
from flownet2.executors.cuda.storage import storage
from flownet2.executors.cuda.weights import Weights
from flownet2.executors.precision import is_convolution
from flownet2.graph import Graph, Node, infer_shapes
from flownet2.types import Shape


@dataclass(frozen=True)
class Source:
    """What all programs of a network share."""

    graph: Graph
    layout: Layout
    weights: Mapping[str, Weights]
    engine: Engine
    device: Device
    precision: str


class Program:
    """Launches that lead from the pictures' tensor to the wanted values.

    Attributes:
        pictures: (N, H, W, 8), to be filled before a run.
        names: node of each step.
    """

    def __init__(self, source: Source, size: tuple[int, int, int], values: Sequence[str]) -> None:
        """size: (N, H, W) of the pictures; values: names of nodes or inputs."""
        self._source = source
        n, h, w = size
        inputs = source.graph.inputs
        self._shapes: dict[str, Shape] = infer_shapes(
            source.graph, {item.name: (n, item.channels, h, w) for item in inputs}
        )
        nodes = _needed(source.graph, source.layout.links, values)
        self.names = [node.name for node in nodes]
        self._tensors: dict[str, Any] = {}
        self._allocate(nodes, values)
        self.pictures = self._tensors[PICTURES]
        planned = {node.name: self._planned(node) for node in nodes if self._by_engine(node)}
        scratch = max((convolution.scratch for convolution in planned.values()), default=0)
        self._scratch = source.device.empty((max(scratch, 1),), np.uint8)
        self._steps = [self._step(node, planned.get(node.name)) for node in nodes]

    def run(self) -> None:
        """Queues all launches."""
        for step in self._steps:
            step()

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """(node, its launches) in order."""
        return list(zip(self.names, self._steps, strict=True))

    def copy(self, name: str, out: Any) -> None:
        """Queues the launches that write a value into out (N, C, h, w) float32 of any strides."""
        scales = self._source.layout.channel_scales(name)
        for start, part in self._parts(name):
            x, place = part.transpose(0, 3, 1, 2), out[:, start : start + part.shape[3]]
            self._source.device.launch("elementwise", "scale", x, None, place, factor=1 / scales[start])

    def _parts(self, name: str) -> list[tuple[int, Any]]:
        """A value as tensors (N, h, w, c), each with its first channel.

        There is more than one where its channels do not follow each other, or are stored times several factors.
        """
        place, scales = self._source.layout.places[name], self._source.layout.channel_scales(name)
        channels, tensor = place.channels, self._tensors[place.tensor]
        starts = [
            i
            for i, channel in enumerate(channels)
            if i == 0 or channel != channels[i - 1] + 1 or scales[i] != scales[i - 1]
        ]
        ends = [*starts[1:], len(channels)]
        return [
            (start, tensor[..., channels[start] : channels[start] + end - start])
            for start, end in zip(starts, ends, strict=True)
        ]

    def shape(self, name: str) -> Shape:
        """(N, C, h, w) of a value."""
        return self._shapes[name]

    @property
    def memory(self) -> int:
        """Bytes of all tensors and of the working memory."""
        distinct = {id(tensor): tensor.nbytes for tensor in self._tensors.values()}
        return int(sum(distinct.values()) + self._scratch.nbytes)

    # ---- memory

    def _allocate(self, nodes: Sequence[Node], values: Sequence[str]) -> None:
        """Tensors of one shape take turns, if what they fill up with zeros is the same."""
        places = self._source.layout.places
        last = {PICTURES: len(nodes), **{places[name].tensor: len(nodes) for name in values}}
        for index, node in enumerate(nodes):
            for name in (*self._reads(node), node.name):
                tensor = places[name].tensor
                last[tensor] = max(last.get(tensor, 0), index)
        free: dict[Any, list[Any]] = defaultdict(list)
        keys = {PICTURES: self._take(PICTURES, self._source.graph.inputs[0].name, free)}
        for index, node in enumerate(nodes):
            tensor = places[node.name].tensor
            if tensor not in self._tensors:
                keys[tensor] = self._take(tensor, node.name, free)
            for name in [name for name in keys if last[name] == index]:
                free[keys.pop(name)].append(self._tensors[name])

    def _take(self, tensor: str, value: str, free: dict[Any, list[Any]]) -> Any:
        """Makes the tensor that the value lives in; returns what it must share with one that takes its memory."""
        place = self._source.layout.places[value]
        n, _, h, w = self._shapes[value]
        shape = n, h, w, place.width
        key = shape, place.dtype, place.used
        self._tensors[tensor] = free[key].pop() if free[key] else self._source.device.zeros(shape, place.dtype)
        return key

    def _reads(self, node: Node) -> tuple[str, ...]:
        link = self._source.layout.links.get(node.name)
        return node.inputs if link is None else link.flows

    # ---- steps

    def _view(self, name: str) -> Any:
        """(N, h, w, C) of a value whose channels follow each other."""
        ((_, view),) = self._parts(name)
        return view

    def _planar(self, name: str) -> Any:
        """The same as (N, C, h, w)."""
        return self._view(name).transpose(0, 3, 1, 2)

    def _by_engine(self, node: Node) -> bool:
        return is_convolution(node) and not self._source.weights[node.name].flow

    def _planned(self, node: Node) -> Any:
        place = self._source.layout.places[node.inputs[0]]
        shape = self._source.graph.parameters[node.parameters["weight"]]
        kernel, stride, padding = shape[2], node.attributes.stride[0], node.attributes.padding[0]
        if node.op == "conv_transpose2d":
            kernel, stride, padding = transposed.KERNEL, transposed.STRIDE, transposed.PADDING
        n, _, h, w = self._shapes[node.inputs[0]]
        return self._source.engine.plan(
            ConvSpec(
                batch=n,
                height=h,
                width=w,
                channels_in=place.window()[1],
                pitch_in=place.width if place.dtype == storage(self._source.precision) else place.window()[1],
                channels_out=self._source.weights[node.name].channels_out,
                kernel=kernel,
                stride=stride,
                padding=padding,
                precision=self._source.precision,
            )
        )

    def _step(self, node: Node, convolution: Any) -> Callable[[], None]:
        if convolution is not None:
            return self._convolution(node, convolution)
        link = self._source.layout.links.get(node.name)
        if link is not None:
            return self._link(node, link)
        make: Callable[[Node], Callable[[], None]] = getattr(self, f"_{node.op}")
        return make(node)

    # Steps do not hold the program: it would hold itself, and its memory stay until Python looks for such cycles.

    def _launch(self, kernel: str, /, *arrays: Any, **options: Any) -> Callable[[], None]:
        return partial(self._source.device.launch, kernel, *arrays, **options)

    def _convolution(self, node: Node, convolution: Any) -> Callable[[], None]:
        weights, device = self._source.weights[node.name], self._source.device
        place = self._source.layout.places[node.inputs[0]]
        first, count = place.window()
        x = self._tensors[place.tensor][..., first : first + count]
        begin = []
        if place.dtype != storage(self._source.precision):  # a flow, read as features are
            wide, x = x, device.zeros(x.shape, storage(self._source.precision))
            begin = [self._launch("elementwise", "scale", wide.transpose(0, 3, 1, 2), None, x.transpose(0, 3, 1, 2))]
        run = partial(convolution.run, x, weights.taps, self._scratch, self._finish(node))
        return _in_order([*begin, run])

    def _finish(self, node: Node) -> Finish:
        """What follows a convolution's sums; of a transposed one they are on a grid."""
        device, bias, slope = self._source.device, self._source.weights[node.name].bias, node.attributes.leaky_slope
        n, channels, h, w = self._shapes[node.name]
        target = self._source.layout.places[node.name]
        images = self._tensors[target.tensor][..., target.first : target.first + channels]
        rows = self._tensors[target.tensor].reshape(n * h, w, target.width)
        rows = rows[..., target.first : target.first + channels]

        def scatter(sums: Any, first: int) -> None:
            device.launch("scatter", sums, bias, images, first=first, leaky_slope=slope)

        def plain(sums: Any, first: int) -> None:
            out = rows[first : first + sums.shape[0]]
            device.launch("epilogue", sums[:, :, :channels], bias, out, leaky_slope=slope)

        return scatter if node.op == "conv_transpose2d" else plain

    def _flow_convolution(self, kernel: str, node: Node) -> Callable[[], None]:
        weights, rule = self._source.weights[node.name], node.attributes
        return self._launch(
            kernel,
            self._view(node.inputs[0]),
            weights.taps,
            weights.bias,
            self._view(node.name),
            stride=rule.stride[0],
            padding=rule.padding[0],
            leaky_slope=rule.leaky_slope,
        )

    def _conv2d(self, node: Node) -> Callable[[], None]:
        return self._flow_convolution("flow_head", node)

    def _conv_transpose2d(self, node: Node) -> Callable[[], None]:
        return self._flow_convolution("flow_up", node)

    def _link(self, node: Node, link: Link) -> Callable[[], None]:
        flows = [self._view(name) for name in link.flows]
        out = self._tensors[node.name]
        if len(flows) == 1:
            rule = {"factor": link.factors[0], "align_corners": link.align_corners}
            return self._launch("link", self.pictures, *flows, out, padding=link.padding, **rule)
        return self._launch("fusion_link", self.pictures, *flows, out, padding=link.padding, factors=link.factors)

    def _correlation(self, node: Node) -> Callable[[], None]:
        rule = node.attributes
        a, b = (self._view(name) for name in node.inputs)
        scale = self._source.layout.scales.get(node.name, 1.0) / (a.shape[3] if rule.reduction == "mean" else 1)
        return self._launch(
            "correlate",
            a,
            b,
            self._view(node.name),
            max_displacement=rule.max_displacement,
            stride=rule.stride,
            scale=scale,
            leaky_slope=rule.leaky_slope,
        )

    def _warp(self, node: Node) -> Callable[[], None]:
        x, flow = (self._planar(name) for name in node.inputs)
        rule = node.attributes
        options = {"padding": rule.padding, "align_corners": rule.align_corners, "mask": rule.mask}
        return self._launch("warp", x, flow, self._planar(node.name), **options)

    def _resize(self, node: Node) -> Callable[[], None]:
        options = {"mode": node.attributes.mode, "align_corners": node.attributes.align_corners}
        return self._launch("resize", self._planar(node.inputs[0]), self._planar(node.name), **options)

    def _channel_norm(self, node: Node) -> Callable[[], None]:
        return self._launch("channel_norm", self._planar(node.inputs[0]), self._planar(node.name))

    def _elementwise(self, node: Node) -> Callable[[], None]:
        a, *b = (self._planar(name) for name in node.inputs)
        rule = node.attributes
        out = self._planar(node.name)
        return self._launch("elementwise", rule.kind, a, b[0] if b else None, out, factor=rule.factor)

    def _leaky_relu(self, node: Node) -> Callable[[], None]:
        x, out = self._planar(node.inputs[0]), self._planar(node.name)
        return self._launch("elementwise", "scale", x, None, out, leaky_slope=node.attributes.slope)

    def _concat(self, node: Node) -> Callable[[], None]:
        """What is not there yet is copied."""
        target = self._source.layout.places[node.name]
        copies, start = [], 0
        for name in node.inputs:
            count = self._shapes[name][1]
            place = self._source.layout.places[name]
            wanted = list(target.channels[start : start + count])
            start += count
            if place.tensor == target.tensor and list(place.channels) == wanted:
                continue
            for index, part in self._parts(name):
                at = wanted[index]
                out = self._tensors[target.tensor][..., at : at + part.shape[3]].transpose(0, 3, 1, 2)
                copies.append(self._launch("elementwise", "scale", part.transpose(0, 3, 1, 2), None, out))
        return _in_order(copies)


def _in_order(steps: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def run() -> None:
        for step in steps:
            step()

    return run


def _needed(graph: Graph, links: Mapping[str, Link], values: Sequence[str]) -> list[Node]:
    """The nodes to run for the values, in order; nodes inside links only where something else reads them."""
    needed, nodes = set(values), []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(links[node.name].flows if node.name in links else node.inputs)
            nodes.append(node)
    return nodes[::-1]
