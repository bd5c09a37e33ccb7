# SPDX-License-Identifier: Apache-2.0
"""Convolutions as networks have them, by each engine: what a node gives for what it got, beside the definition."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np

from flownet2.bfloat16 import round_to_bfloat16
from flownet2.cuda_check.kernels import HALF_STEP, SUMS, difference
from flownet2.cuda_check.random_model import inputs, random_parameters
from flownet2.cuda_check.report import Difference, Job
from flownet2.executors.cuda import CudaExecutor, Device
from flownet2.executors.cuda.storage import storage
from flownet2.executors.precision import FLOW_CHANNELS, is_convolution, output_channels
from flownet2.graph import Builder, Graph, Node
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

TF32_STEP = 2.0**-10
"""Rounding of both factors of a product, as a share of it."""

_SIZE = (96, 64)


def jobs(device: Device, precisions: tuple[str, ...], engines: tuple[str, ...]) -> list[Job[Difference]]:
    """Every convolution of a small network, in all precisions by all engines."""
    graph = _graph()
    names = [node.name for node in graph.nodes if is_convolution(node)]
    return [
        Job(
            partial(_compared, device, graph, name, precision, engine), partial(_failed, graph, name, precision, engine)
        )
        for engine in engines
        for precision in precisions
        for name in names
    ]


def _graph() -> Graph:
    """Strides, kernels and odd numbers of channels; a concatenation that convolutions write into and read from."""
    b = Builder("layers", 16)
    first, second = b.input("image1", 3), b.input("image2", 3)
    both = b.add("pictures", "concat", (first, second), at.Concat())
    conv1 = b.conv2d("conv1", both, 24, 7, stride=2)
    conv2 = b.conv2d("conv2", conv1, 20, 5, stride=2)
    redir = b.conv2d("redir", conv2, 12, 1)
    conv3 = b.conv2d("conv3", redir, 37, 3, stride=2)
    flow3 = b.conv2d("predict3", conv3, 2, 3, leaky_slope=None)
    up = b.conv_transpose2d("deconv2", conv3, 9)
    flow_up = b.conv_transpose2d("upsample3to2", flow3, 2, leaky_slope=None, bias=True)
    joined = b.add("concat2", "concat", (conv2, up, flow_up), at.Concat())
    inter = b.conv2d("inter2", joined, 16, 3, leaky_slope=None)
    return b.build({"flow": b.conv2d("predict2", inter, 2, 3, leaky_slope=None)})


def _title(graph: Graph, node: Node) -> str:
    shape, stride = graph.parameters[node.parameters["weight"]], node.attributes.stride[0]
    first, last = shape[:2] if node.op == "conv_transpose2d" else shape[1::-1]
    return f"{node.op} {shape[2]}x{shape[2]}, stride {stride}, {first} to {last} channels"


def _failed(graph: Graph, name: str, precision: str, engine: str, error: str) -> Difference:
    return Difference(_title(graph, _node(graph, name)), precision, engine, error=error)


def _node(graph: Graph, name: str) -> Node:
    return next(node for node in graph.nodes if node.name == name)


@lru_cache(maxsize=1)
def _run(device: Any, precision: str, engine: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """The weights, and the value of every node on the GPU; kept for the next node."""
    graph = _graph()
    pictures = inputs(graph, _SIZE)
    parameters = random_parameters(graph, pictures)
    network = CudaExecutor(device, precision=precision, engine=engine).compile(graph, parameters)
    return parameters, network.run(pictures, [node.name for node in graph.nodes])


def _compared(device: Device, graph: Graph, name: str, precision: str, engine: str) -> Difference:
    node = _node(graph, name)
    parameters, values = _run(cast(Hashable, device), precision, engine)
    flow = output_channels(graph, node) <= FLOW_CHANNELS
    own = {role: parameters[value] for role, value in node.parameters.items()}
    weight = own["weight"] if flow else _rounded(own["weight"], precision)
    exact = {role: value.astype(np.float64) for role, value in (own | {"weight": weight}).items()}
    x = values[node.inputs[0]].astype(np.float64)
    expected = run_operator(node.op, node.attributes, [x], exact, reference=True)
    allowed = SUMS * np.abs(expected).max() + np.zeros_like(expected)
    if not flow:
        allowed += _rounding(node, x, exact, precision)
    elif node.op == "conv_transpose2d":  # put among features, in their type
        allowed += HALF_STEP[storage(precision).name] * np.abs(expected)
    return difference((_title(graph, node), precision, engine), values[name], expected, allowed)


def _rounded(values: Array, precision: str) -> Array:
    if precision == "bfloat16":
        return round_to_bfloat16(values)
    return values.astype(np.float16).astype(np.float32) if precision == "float16" else values


def _rounding(node: Node, x: Array, parameters: dict[str, Array], precision: str) -> Array:
    """Of the result, once more of the sum before the bias where an engine stores it; of the factors in tf32."""
    linear: Any = type(node.attributes)(node.attributes.stride, node.attributes.padding)
    weight = {"weight": parameters["weight"]}
    if precision == "tf32":
        sizes = {"weight": np.abs(weight["weight"])}
        return TF32_STEP * run_operator(node.op, linear, [np.abs(x)], sizes, reference=True)
    step = HALF_STEP[storage(precision).name]
    sums = np.abs(run_operator(node.op, linear, [x], weight, reference=True))
    bias = parameters.get("bias", np.zeros(sums.shape[1]))
    return step * (2 * sums + np.abs(bias)[:, None, None])
