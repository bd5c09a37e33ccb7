# SPDX-License-Identifier: Apache-2.0
"""What an executor is: something that takes a graph with its weights and runs it on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from flownet2.graph import Graph
from flownet2.preprocess import Preprocess
from flownet2.types import Array, FloatArray


class CompiledNetwork(Protocol):
    """A graph made ready; any number of threads may use it."""

    @property
    def device(self) -> Any:
        """None: it runs on the CPU, on NumPy arrays; else see executors/cuda/device.py."""
        ...

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """Values of the named outputs.

        Args:
            inputs: the graph's inputs, (N, C, H, W) float32, N alike, H and W multiples of graph.size_multiple.
            outputs: names of values or of public outputs; only what they need is computed.
        """
        ...

    def flow(self, first: Any, second: Any, preprocess: Preprocess, channel_order: str) -> Any:
        """Flow (N, H, W, 2) in pixels of pictures (N, H, W, 3) at the network's size, uint8 or float32 in 0..1.

        Both are arrays of the device, and so is the flow; inside `device.scope()`.
        """
        ...


class OnCpu:
    """What networks on the CPU have in common."""

    device = None
    graph: Graph

    def flow(self: Any, first: Array, second: Array, preprocess: Preprocess, channel_order: str) -> FloatArray:
        """See CompiledNetwork."""
        tensors = {
            item.name: preprocess.tensor(pictures, channel_order)
            for item, pictures in zip(self.graph.inputs, (first, second), strict=True)
        }
        return np.ascontiguousarray(self.run(tensors, ["flow"])["flow"].transpose(0, 2, 3, 1))


class Executor(Protocol):
    """A way to run graphs."""

    def compile(self, graph: Graph, parameters: Mapping[str, Array]) -> CompiledNetwork:
        """The graph with its float32 parameters, ready to run."""
        ...
