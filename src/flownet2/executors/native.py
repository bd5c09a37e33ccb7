# SPDX-License-Identifier: Apache-2.0
"""The compiled engine: the whole network planned and run in C++ (csrc/engine), on all CPUs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from flownet2 import _core
from flownet2.errors import FlowNet2Error, GraphError, InputError, compiled_errors
from flownet2.graph import Graph, graph_to_json
from flownet2.types import Array, FloatArray, Shape


class NativeExecutor:
    """Makes networks that run in the compiled engine."""

    def __init__(self, precision: str = "float32", isa: str | None = None) -> None:
        """`isa`: one of runtime.list_isas(), to compare them; None for that of runtime.get_isa()."""
        self._precision = precision
        self._isa = isa

    def compile(self, graph: Graph, parameters: Mapping[str, Array]) -> NativeNetwork:
        """The graph with its weights, which are copied in the form that the engine's convolutions want.

        Parameters are asked for one after the other and let go of, so those that are read when asked for are never
        all in memory at once.

        Raises:
            GraphError: the engine refuses the graph or its parameters, such as sizes beyond the address space.
            MemoryError: the weights find no memory; the message says how much was needed.
        """
        try:
            network = _core.Network(
                graph_to_json(graph), lambda name: _ready(parameters[name]), precision=self._precision, isa=self._isa
            )
        except FlowNet2Error:  # of the parameters themselves, such as a file that was cut meanwhile
            raise
        except ValueError as error:
            raise GraphError(str(error)) from None
        return NativeNetwork(network, tuple(item.name for item in graph.inputs))


class NativeNetwork:
    """A network ready to run; Ctrl-C in the main thread stops a run within 0.2 s and leaves it usable."""

    device = None

    def __init__(self, network: _core.Network, inputs: tuple[str, ...]) -> None:
        self._network = network
        self._inputs = inputs

    def run(
        self, inputs: Mapping[str, Array], outputs: Sequence[str], *, exact_graph: bool = False
    ) -> dict[str, Array]:
        """See executors/base.py. With exact_graph every node is computed for itself, to compare with.

        Raises:
            InputError: an input is missing or does not fit the graph, or the graph has no such output.
            MemoryError: the working memory is not to be had; the message says how much was needed.
        """
        interruptible = threading.current_thread() is threading.main_thread()
        with compiled_errors():
            ready, names = self._ready(inputs), list(outputs)
            return dict(self._network.run(ready, names, interruptible=interruptible, exact_graph=exact_graph))

    def profile(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[tuple[list[str], str, float]]:
        """(values, operator, milliseconds) of every step of one run.

        Instead of a node's operator, "layout" is a change of memory layout, "composed" two convolutions as one, "link"
        several nodes together, some rows at a time.

        Raises:
            InputError: as for `run`.
        """
        with compiled_errors():
            return self._network.profile(self._ready(inputs), list(outputs))

    def working_memory(self, shapes: Mapping[str, Shape], outputs: Sequence[str]) -> int:
        """Bytes that a run on inputs of these shapes takes beside weights, inputs and outputs.

        Raises:
            InputError: as for `run`.
        """
        with compiled_errors():
            return self._network.plan(dict(shapes), list(outputs))[0]

    def _ready(self, inputs: Mapping[str, Array]) -> dict[str, FloatArray]:
        missing = [name for name in self._inputs if name not in inputs]
        if missing:
            raise InputError(f"the inputs {', '.join(map(repr, missing))} are missing")
        return {name: _ready(inputs[name]) for name in self._inputs}


def _ready(array: Array) -> FloatArray:
    """The array as the engine reads it, copied only if its dtype or layout demands it."""
    return np.require(array, np.float32, ["C_CONTIGUOUS", "ALIGNED"])
