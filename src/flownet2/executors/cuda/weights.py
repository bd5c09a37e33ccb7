# SPDX-License-Identifier: Apache-2.0
"""Weights of a graph in the forms that the kernels and engines read, uploaded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flownet2.errors import GraphError
from flownet2.executors.cuda.convolution import Engine
from flownet2.executors.cuda.device import Device
from flownet2.executors.cuda.layout import Layout, Place
from flownet2.executors.cuda.storage import stored
from flownet2.executors.cuda.transposed import check_transposed, plain_weight
from flownet2.executors.precision import FLOW_CHANNELS, is_convolution
from flownet2.graph import Graph, Node
from flownet2.types import Array


@dataclass(frozen=True)
class Weights:
    """Of one convolution, on the device.

    Attributes:
        taps: the weights.
        bias: float32 (Co,), or None.
        channels_out: of the engine's result: Co filled up, four times that of a transposed convolution.
        flow: it is one of the small convolutions that have a kernel of their own.
    """

    taps: Any
    bias: Any
    channels_out: int
    flow: bool


def makes_flow(node: Node, shape: tuple[int, ...]) -> bool:
    """Whether a kernel of our own computes it: to few channels; transposed, from few as well."""
    if node.op == "conv_transpose2d":
        return max(shape[:2]) <= FLOW_CHANNELS
    return shape[0] <= FLOW_CHANNELS


def upload(
    graph: Graph, parameters: Mapping[str, Array], layout: Layout, engine: Engine, device: Device, precision: str
) -> dict[str, Weights]:
    """Node -> its weights. Parameters are asked for one after the other; layers that share them share the memory.

    Raises:
        GraphError, UnavailableError: a convolution that the GPU does not compute.
    """
    ready: dict[str, Weights] = {}
    shared: dict[Any, Weights] = {}
    for node in graph.nodes:
        if not is_convolution(node):
            continue
        _check(node, graph.parameters[node.parameters["weight"]])
        source = node.inputs[0]
        place, scales = layout.places[source], layout.channel_scales(source)
        key = (*sorted(node.parameters.items()), node.op, tuple(place.channels), place.window(), *scales)
        if key not in shared:
            shared[key] = _weights(node, parameters, place, scales, engine, device, precision)
        ready[node.name] = shared[key]
    return ready


def _check(node: Node, shape: tuple[int, ...]) -> None:
    pairs = {"kernel": shape[2:], "stride": node.attributes.stride, "padding": node.attributes.padding}
    for what, (rows, columns) in pairs.items():
        if rows != columns:
            raise GraphError(
                f"node {node.name!r}: the GPU runs square convolutions, got {what} {rows}x{columns}; "
                'device="cpu" runs any'
            )
    if node.op == "conv_transpose2d" and not makes_flow(node, shape):
        check_transposed(node, shape)


def _weights(
    node: Node,
    parameters: Mapping[str, Array],
    place: Place,
    scales: Sequence[float],
    engine: Engine,
    device: Device,
    precision: str,
) -> Weights:
    weight = np.ascontiguousarray(parameters[node.parameters["weight"]], np.float32)
    bias = node.parameters.get("bias")
    terms = None if bias is None else device.asarray(np.ascontiguousarray(parameters[bias], np.float32))
    transposed = node.op == "conv_transpose2d"
    if makes_flow(node, weight.shape):
        taps = weight if transposed else _head_taps(weight)
        return Weights(device.asarray(taps), terms, weight.shape[1 if transposed else 0], flow=True)
    filled = _filled(weight.swapaxes(0, 1) if transposed else weight, place, scales)
    if transposed:
        filled = plain_weight(filled)
    return Weights(device.asarray(stored(engine.packed(filled), precision)), terms, filled.shape[0], flow=False)


def _head_taps(weight: Array) -> Array:
    """(Co, Kh, Kw, Ci), the last filled up to a multiple of 8 (csrc/cuda/flow_head.hpp)."""
    missing = -weight.shape[1] % 8
    return np.ascontiguousarray(np.pad(weight.transpose(0, 2, 3, 1), ((0, 0), (0, 0), (0, 0), (0, missing))))


def _filled(weight: Array, place: Place, scales: Sequence[float]) -> Array:
    """(Co, Ci, Kh, Kw) for the channels of the tensor that are read: zeros where they are none of the value's.

    scales: what each channel of the value is stored times.
    """
    first, count = place.window()
    outputs = -(-weight.shape[0] // 8) * 8
    filled = np.zeros((outputs, count, *weight.shape[2:]), np.float32)
    factors = 1 / np.array(scales, np.float32)[:, None, None]
    scaled = weight * factors
    for index, channel in enumerate(place.channels):  # one that a value has twice is read once, by both weights
        filled[: weight.shape[0], channel - first] += scaled[:, index]
    return filled
