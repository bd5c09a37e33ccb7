# SPDX-License-Identifier: Apache-2.0
"""What an executor is: something that takes a graph with its weights and runs it on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flownet2.graph import Graph
from flownet2.types import Array


class CompiledNetwork(Protocol):
    """A graph made ready; any number of threads may use it."""

    @property
    def device(self) -> Any:
        """None: it runs on the CPU, on NumPy arrays. Else see executors/cuda: device.py, and `flow` of network.py."""
        ...

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """Values of the named outputs.

        Args:
            inputs: the graph's inputs, (N, C, H, W) float32, N alike, H and W multiples of graph.size_multiple.
            outputs: names of values or of public outputs; only what they need is computed.
        """
        ...


class Executor(Protocol):
    """A way to run graphs."""

    def compile(self, graph: Graph, parameters: Mapping[str, Array]) -> CompiledNetwork:
        """The graph with its float32 parameters, ready to run."""
        ...
