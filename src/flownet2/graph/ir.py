# SPDX-License-Identifier: Apache-2.0
"""The graph: frozen dataclasses, no arrays, no autograd.

A value is what an input holds or what a node computes; it carries the name of that input or node. Nodes stand in an
order in which they can be run. Parameters are named once with their shape and may be used by several nodes, which
is how the two towers of FlowNetC share their weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


def _frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping))


@dataclass(frozen=True)
class Input:
    """A picture that the network takes: (N, channels, H, W) float32."""

    name: str
    channels: int


@dataclass(frozen=True)
class Node:
    """One operator applied to named values.

    Attributes:
        name: name of the node and of the value it computes, such as "flownetc.conv3_1".
        op: stem of the operator, a key of flownet2.ops.spec.OPS.
        inputs: names of values.
        attributes: instance of the operator's attribute dataclass.
        parameters: the operator's parameter names ("weight", "bias") -> names of the graph's parameters.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Any
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _frozen(self.parameters))


@dataclass(frozen=True)
class Graph:
    """A network.

    Attributes:
        name: of the network, such as "flownet2".
        inputs: the pictures it takes, in order.
        nodes: in an order in which they can be run.
        outputs: public name -> value name; "flow" is the flow in pixels, (N, 2, H, W).
        parameters: name -> shape.
        size_multiple: H and W of the inputs must be multiples of this.
    """

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, str]
    parameters: Mapping[str, tuple[int, ...]]
    size_multiple: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", _frozen(self.outputs))
        object.__setattr__(self, "parameters", _frozen(self.parameters))

    @property
    def parameter_count(self) -> int:
        """Number of weights in all parameters together."""
        return sum(math.prod(shape) for shape in self.parameters.values())

    def value_names(self) -> frozenset[str]:
        """Names of all values: inputs and nodes."""
        return frozenset(i.name for i in self.inputs) | frozenset(n.name for n in self.nodes)
