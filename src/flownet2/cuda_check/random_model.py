# SPDX-License-Identifier: Apache-2.0
"""Networks with random weights that behave as trained ones do: features of about 1, a flow of some pixels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flownet2.bench import random_pictures
from flownet2.builtin import MODELS
from flownet2.executors.precision import FLOW_CHANNELS, is_convolution, output_channels
from flownet2.graph import Graph, Node
from flownet2.networks import build_network
from flownet2.ops.dispatch import run_operator
from flownet2.preprocess import Preprocess
from flownet2.types import Array
from flownet2.weights import Model, load_model

FLOW_PX = 3.0
"""Root of the mean square of the flow; its largest values are several times as far."""

_RAW_FLOW = FLOW_PX / 20
_FEATURES = 1.0


def model(name: str, width: float | None, size: tuple[int, int]) -> Model:
    """The built-in network where it has that name, else one with random weights.

    Args:
        name: of NETWORKS.
        width: share of the channels; None for the network's own.
        size: (width, height) of the pictures that the weights are made for.
    """
    if name in MODELS:
        return load_model(MODELS[name])
    graph = build_network(name, width=width)
    return Model(graph, random_parameters(graph, inputs(graph, size)), Preprocess(), {"origin": "random"})


def inputs(graph: Graph, size: tuple[int, int]) -> dict[str, Array]:
    """A pair of pictures as the graph takes them, of which the second is the first moved."""
    pictures = random_pictures(size, 1)
    tensors = (Preprocess().tensor(picture[None], "rgb") for picture in pictures)
    return {item.name: tensor for item, tensor in zip(graph.inputs, tensors, strict=True)}


def random_parameters(graph: Graph, pictures: Mapping[str, Array]) -> dict[str, Array]:
    """Weights such that each convolution gives values of one size: the network is run, and each is scaled in turn."""
    rng = np.random.default_rng(0)
    values, parameters = dict(pictures), {}
    for node in graph.nodes:
        reads = [values[name] for name in node.inputs]
        fresh = is_convolution(node) and node.parameters["weight"] not in parameters
        if fresh:
            for name in node.parameters.values():
                shape = graph.parameters[name]
                parameters[name] = rng.standard_normal(shape, np.float32)
        result = run_operator(node.op, node.attributes, reads, _own(node, parameters))
        if fresh:
            wanted = _RAW_FLOW if output_channels(graph, node) <= FLOW_CHANNELS else _FEATURES
            result = result * np.float32(_scale(node, parameters, wanted / _size(result)))
        values[node.name] = result
    last = next(node for node in reversed(graph.nodes) if is_convolution(node))
    _scale(last, parameters, FLOW_PX / _size(values[graph.outputs["flow"]]))
    return parameters


def _own(node: Node, parameters: Mapping[str, Array]) -> dict[str, Array]:
    return {role: parameters[name] for role, name in node.parameters.items()}


def _scale(node: Node, parameters: dict[str, Array], factor: float) -> float:
    """Scales all that a convolution adds up, and so its result, for LeakyReLU keeps factors."""
    for name in node.parameters.values():
        parameters[name] = parameters[name] * np.float32(factor)
    return factor


def _size(values: Array) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
