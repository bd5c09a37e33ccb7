# SPDX-License-Identifier: Apache-2.0
"""Networks of few channels with random weights, and their flow by the definitions in float64: what any origin's rules
can be held against where nothing is stored of its own code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flownet2.executors import get_executor
from flownet2.executors.numpy import NumpyExecutor
from flownet2.graph import Graph
from flownet2.networks import NETWORKS, Conventions, build_network
from flownet2.types import Array

WIDTH, THIN = 1 / 16, 3 / 16
"""Share of the channels of networks that are published with all of them, and of those with 3/8."""

ALLOWED = 1e-5
"""Difference from the definitions as a share of the longest flow; float32 is 7 times nearer."""


@dataclass(frozen=True)
class Narrow:
    """A network, what goes in, and the flow (1, 2, 64, 64) by the definitions in float64."""

    graph: Graph
    parameters: Mapping[str, Array]
    inputs: Mapping[str, Array]
    flow: Array

    @property
    def length(self) -> float:
        """The largest component of the flow, px."""
        return float(np.abs(self.flow).max())

    @property
    def allowed(self) -> float:
        """Largest difference of a float32 executor, px."""
        return ALLOWED * self.length

    def run(self, executor: str) -> Array:
        """The flow by an executor in float32."""
        compiled = get_executor(executor).compile(self.graph, self.parameters)
        return compiled.run(self.inputs, ["flow"])["flow"]


def graph_of(network: str, rules: Conventions) -> Graph:
    """The network by an origin's rules, at a width whose float64 takes no second."""
    return build_network(network, rules, WIDTH if NETWORKS[network].width == 1 else THIN)


def weights(graph: Graph, rng: np.random.Generator) -> dict[str, Array]:
    """Random ones that leave signals near unit size, for flow of some pixels."""
    return {
        name: (rng.normal(size=shape) / max(1.0, np.sqrt(np.prod(shape[1:])))).astype(np.float32)
        for name, shape in graph.parameters.items()
    }


def pair(graph: Graph, rng: np.random.Generator) -> dict[str, Array]:
    """Both inputs, 64x64, below zero as well as above."""
    return {item.name: rng.normal(size=(1, 3, 64, 64)).astype(np.float32) / 4 for item in graph.inputs}


def narrow(network: str, rules: Conventions) -> Narrow:
    """The network by an origin's rules, and what they define."""
    graph, rng = graph_of(network, rules), np.random.default_rng(5)
    parameters = weights(graph, rng)
    inputs = pair(graph, rng)
    wide = {name: value.astype(np.float64) for name, value in parameters.items()}
    values = {name: value.astype(np.float64) for name, value in inputs.items()}
    flow = NumpyExecutor(reference=True).compile(graph, wide).run(values, ["flow"])["flow"]
    assert flow.dtype == np.float64
    return Narrow(graph, parameters, inputs, flow)
