# SPDX-License-Identifier: Apache-2.0
"""A network ready to run on a GPU."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from flownet2.errors import InputError
from flownet2.executors.cuda.device import Device
from flownet2.executors.cuda.program import Program, Source
from flownet2.types import Array, Shape

KEPT = 4
"""Sizes whose memory and launches are kept; data sets and videos have few."""


@dataclass
class _Ready:
    """A program and how to run it; `done` is where its last run ends on the device."""

    program: Program
    run: Callable[[], None]
    done: Any


class CudaNetwork:
    """Runs of one network, one after the other on the device; any number of threads may call."""

    def __init__(self, source: Source, *, graph: bool) -> None:
        """graph: capture the launches of each size once and queue them as one."""
        self._source = source
        self._capture = graph
        self._ready: OrderedDict[Any, _Ready] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def engine(self) -> str:
        """Where the convolutions come from: "cudnn" or "cublas"."""
        return self._source.engine.name

    @property
    def device(self) -> Device:
        """Where it runs."""
        return self._source.device

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """See executors/base.py. Arrays on the GPU give arrays on the GPU, NumPy's give NumPy's.

        Raises:
            InputError: an input is missing or does not fit.
            MemoryError: the GPU has too little memory left.
        """
        graph, device = self._source.graph, self._source.device
        given = [inputs[item.name] for item in graph.inputs if item.name in inputs]
        self._check(given)
        wanted = self._wanted(outputs)
        with device.scope():
            first, second = (device.asarray(x).transpose(0, 2, 3, 1) for x in given)
            with self._computed(first, second, _key(wanted), False, (0, 0, 0)) as program:
                results = {name: self._copied(program, value) for name, value in wanted.items()}
            on_device = any(hasattr(x, "__cuda_array_interface__") for x in given)
            return results if on_device else {name: device.to_host(array) for name, array in results.items()}

    def flow(self, first: Any, second: Any, *, turned: bool, mean: Sequence[float], output: str = "flow") -> Any:
        """Flow in pixels of pictures, all arrays of the device; called inside `device.scope()`.

        Args:
            first: (N, H, W, 3) uint8 or float32 in 0..1 at the network's size.
            second: the same.
            turned: channel c of the network is channel 2 - c of the pictures.
            mean: subtracted from the pictures in 0..1, in the network's order.
            output: the flow's name, or that of another value of two channels.

        Returns:
            (N, H, W, 2) float32, of the value's size.

        Raises:
            MemoryError: the GPU has too little memory left.
        """
        device, value = self._source.device, self._wanted([output])[output]
        with self._computed(first, second, (value,), turned, mean) as program:
            n, _, h, w = program.shape(value)
            flow = device.empty((n, h, w, 2), "float32")
            program.copy(value, flow.transpose(0, 3, 1, 2))
        return flow

    def profile(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[tuple[list[str], str, float]]:
        """(values, operator, milliseconds) of every step of one run, by the device's clock, each waited for.

        Raises:
            InputError: as for `run`.
        """
        self.run(inputs, outputs)
        graph, device = self._source.graph, self._source.device
        operators = {node.name: node.op for node in graph.nodes}
        operators.update(dict.fromkeys(self._source.layout.links, "link"))
        shape = inputs[graph.inputs[0].name].shape
        with device.scope(), self._lock:
            program = self._program((shape[0], *shape[2:]), _key(self._wanted(outputs))).program
            return [([name], operators[name], device.elapsed(step, 1)[0]) for name, step in program.steps()]

    def working_memory(self, shapes: Mapping[str, Shape], outputs: Sequence[str]) -> int:
        """Bytes that a run on inputs of these shapes takes beside weights, inputs and outputs."""
        n, _, h, w = shapes[self._source.graph.inputs[0].name]
        with self._source.device.scope(), self._lock:
            return self._program((n, h, w), _key(self._wanted(outputs))).program.memory

    @property
    def weights_memory(self) -> int:
        """Bytes of the weights, on the device."""
        arrays = [x for w in self._source.weights.values() for x in (w.taps, w.bias) if x is not None]
        return sum({id(x): int(x.nbytes) for x in arrays}.values())

    # ---- helpers

    def _wanted(self, outputs: Sequence[str]) -> dict[str, str]:
        graph = self._source.graph
        wanted = {name: graph.outputs.get(name, name) for name in outputs}
        unknown = set(wanted.values()) - graph.value_names()
        if unknown:
            raise InputError(f"the graph has no values {', '.join(map(repr, sorted(unknown)))}")
        return wanted

    def _check(self, given: Sequence[Array]) -> None:
        graph = self._source.graph
        if len(given) < len(graph.inputs):
            raise InputError(f"the inputs must be {', '.join(repr(item.name) for item in graph.inputs)}")
        multiple, shape = graph.size_multiple, given[0].shape
        fits = len(shape) == 4 and shape[1] == 3 and min(shape) > 0 and not (shape[2] % multiple or shape[3] % multiple)
        if not fits or any(x.shape != shape or x.dtype != "float32" for x in given):
            raise InputError(
                f"inputs must be float32 (N, 3, H, W) of one shape, H and W multiples of {multiple}, got "
                f"{', '.join(f'{x.dtype} {x.shape}' for x in given)}"
            )

    @contextmanager
    def _computed(
        self, first: Any, second: Any, values: tuple[str, ...], turned: bool, mean: Sequence[float]
    ) -> Iterator[Program]:
        """Queues a run on pictures (N, H, W, 3); its values may be copied inside the context."""
        device = self._source.device
        with self._lock:
            ready = self._program(first.shape[:3], values)
            device.after(ready.done)
            try:
                if first.strides != second.strides:
                    first, second = first.copy(), second.copy()
                device.launch("pack", first, second, ready.program.pictures, reversed=turned, mean=tuple(mean))
                ready.run()
                yield ready.program
            finally:
                ready.done = device.mark()

    def _program(self, size: tuple[int, int, int], values: tuple[str, ...]) -> _Ready:
        """The one of that size, made if there is none; the lock is held."""
        key = (*size, values)
        if key in self._ready:
            self._ready.move_to_end(key)
            return self._ready[key]
        while len(self._ready) >= KEPT:
            self._drop()
        if self._ready:
            with suppress(MemoryError):  # then without the other sizes
                self._ready[key] = self._made(size, values)
        while key not in self._ready and self._ready:
            self._drop()
        if key not in self._ready:
            self._ready[key] = self._made(size, values)
        return self._ready[key]

    def _made(self, size: tuple[int, int, int], values: tuple[str, ...]) -> _Ready:
        program, device = Program(self._source, size, values), self._source.device
        run = device.record(program.run) if self._capture else program.run
        return _Ready(program, run, device.mark())

    def _drop(self) -> None:
        """Frees the memory of the size that was used the longest time ago."""
        _, ready = self._ready.popitem(last=False)
        self._source.device.wait(ready.done)

    def _copied(self, program: Program, value: str) -> Any:
        out = self._source.device.empty(program.shape(value), "float32")
        program.copy(value, out)
        return out


def _key(wanted: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(set(wanted.values())))
