# SPDX-License-Identifier: Apache-2.0
"""What a network is written with: each call adds a node and returns the name of its value."""

from __future__ import annotations

from flownet2.graph.ir import Graph, Input, Node
from flownet2.graph.validate import validate
from flownet2.ops import attributes as at
from flownet2.ops.spec import OPS


class Builder:
    """Collects inputs, nodes and parameters; `build` checks them and returns the graph.

    Channels of every value are tracked, so that a network states output channels only.
    """

    def __init__(self, name: str, size_multiple: int) -> None:
        self._name = name
        self._size_multiple = size_multiple
        self._inputs: list[Input] = []
        self._nodes: list[Node] = []
        self._parameters: dict[str, tuple[int, ...]] = {}
        self._channels: dict[str, int] = {}

    def input(self, name: str, channels: int) -> str:
        """A picture (N, channels, H, W)."""
        self._inputs.append(Input(name, channels))
        self._channels[name] = channels
        return name

    def channels(self, value: str) -> int:
        """Number of channels of a value."""
        return self._channels[value]

    def conv2d(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        leaky_slope: float | None = at.LEAKY_SLOPE,
        parameters: str | None = None,
        bias: bool = True,
    ) -> str:
        """Convolution with padding kernel // 2; parameters are PARAMETERS.weight and .bias (default: NAME)."""
        roles = self._convolution(parameters or name, (channels, self._channels[x], kernel, kernel), channels, bias)
        half = kernel // 2
        attributes = at.Conv2d((stride, stride), (half, half), leaky_slope)
        return self._add(name, "conv2d", (x,), attributes, roles)

    def conv_transpose2d(
        self, name: str, x: str, channels: int, *, leaky_slope: float | None = at.LEAKY_SLOPE, bias: bool = True
    ) -> str:
        """Transposed 4x4 convolution of stride 2 and padding 1: twice the size, as every FlowNet has it."""
        roles = self._convolution(name, (self._channels[x], channels, 4, 4), channels, bias)
        attributes = at.ConvTranspose2d((2, 2), (1, 1), leaky_slope)
        return self._add(name, "conv_transpose2d", (x,), attributes, roles)

    def add(self, name: str, op: str, inputs: tuple[str, ...], attributes: object) -> str:
        """Any operator without parameters."""
        return self._add(name, op, inputs, attributes, {})

    def build(self, outputs: dict[str, str]) -> Graph:
        """The checked graph."""
        graph = Graph(
            self._name, tuple(self._inputs), tuple(self._nodes), outputs, self._parameters, self._size_multiple
        )
        validate(graph)
        return graph

    def _convolution(self, name: str, shape: tuple[int, ...], channels: int, bias: bool) -> dict[str, str]:
        self._parameters[f"{name}.weight"] = shape
        if not bias:
            return {"weight": f"{name}.weight"}
        self._parameters[f"{name}.bias"] = (channels,)
        return {"weight": f"{name}.weight", "bias": f"{name}.bias"}

    def _add(self, name: str, op: str, inputs: tuple[str, ...], attributes: object, parameters: dict[str, str]) -> str:
        shapes = {role: self._parameters[key] for role, key in parameters.items()}
        side = self._size_multiple  # large enough for every rule; only the channels of the result are used
        known = [(1, self._channels[value], side, side) for value in inputs]
        self._channels[name] = OPS[op].infer_shape(attributes, known, shapes)[1]
        self._nodes.append(Node(name, op, inputs, attributes, parameters))
        return name
