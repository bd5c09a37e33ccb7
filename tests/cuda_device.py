# SPDX-License-Identifier: Apache-2.0
"""A GPU of NumPy memory and emulated kernels: what the executor is given in place of CuPy."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from cuda_host import OnDevice
from cuda_numbers import rounded_to_tf32, values_of
from flownet2.executors.cuda.cublas_library import WORKSPACE
from flownet2.types import Array


class OnGpu(np.ndarray):
    """An array that says it is on a GPU, as CuPy's and PyTorch's do."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return OnDevice(self.view(np.ndarray)).__cuda_array_interface__

    def __array__(self, *_args: Any, **_options: Any) -> Array:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


Launch = tuple[str, tuple[Any, ...], dict[str, Any]]


class HostDevice:
    """See flownet2.executors.cuda.device.Device. Strict: out of `scope` nothing works, in a capture nothing is
    allocated, copied or waited for, and a capture must queue what the plain run before it queued.
    """

    stream = 1

    def __init__(self, host: ModuleType, memory: int = 8 << 30) -> None:
        self._host = host
        self._left = memory
        self._depth = 0
        self._queue: list[Callable[[], None]] | None = None
        self.launches: list[Launch] = []
        self.captures = self.uploads = self.downloads = 0

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        self._outside_captures("memory")
        memory = np.zeros(shape, dtype)
        if memory.nbytes > self._left:
            raise MemoryError(f"the GPU has no {memory.nbytes} bytes left")
        self._take(memory.nbytes)
        weakref.finalize(memory, self._take, -memory.nbytes)  # all views hold this array
        return memory.view(OnGpu)

    def _take(self, size: int) -> None:
        self._left -= size

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        array = self.zeros(shape, dtype)
        array.view(np.uint8)[...] = 0xFF  # NaN in every type
        return array

    def asarray(self, value: Any) -> Array:
        self._outside_captures("a copy")
        if hasattr(value, "__cuda_array_interface__"):
            return np.ndarray.view(value, OnGpu)
        self.uploads += 1
        return np.array(value).view(OnGpu)

    def to_host(self, array: Array) -> Array:
        self._outside_captures("a copy")
        self.downloads += 1
        return np.ndarray.view(array, np.ndarray).copy()

    def pointer(self, array: Array) -> int:
        return int(array.ctypes.data)

    def launch(self, kernel: str, /, *arrays: Any, **options: Any) -> None:
        call = getattr(self._host, kernel)
        wrapped = [OnDevice(a) if isinstance(a, np.ndarray) else a for a in arrays]
        self._do((kernel, arrays, options), lambda: call(*wrapped, launch_stream=self.stream, **options))

    def matmul(self, a: Array, b: Array, out: Array, precision: str, workspace: Array) -> None:
        assert workspace.nbytes == WORKSPACE
        for array in (a, b, out):
            assert array.flags.c_contiguous
        wanted = {"float16": "float16", "bfloat16": "uint16"}.get(precision, "float32")
        assert (a.dtype, b.dtype, out.dtype) == (wanted, wanted, "float32")

        def product() -> None:
            left, right = values_of(a), values_of(b)
            if precision == "tf32":
                left, right = rounded_to_tf32(left), rounded_to_tf32(right)
            workspace[...] = 0xFF
            np.matmul(left, right, out=out)

        self._do(("matmul", (a, b, out), {"precision": precision}), product)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        before = len(self.launches)
        work()
        plain = self.launches[before:]
        queue: list[Callable[[], None]] = []
        self._queue = queue
        try:
            before = len(self.launches)
            work()
        finally:
            self._queue = None
        captured = self.launches[before:]
        assert [name for name, _, _ in captured] == [name for name, _, _ in plain]
        assert all(same(one, other) for one, other in zip(captured, plain, strict=True))
        self.captures += 1

        def replay() -> None:
            assert self._depth, "outside of scope()"
            for call in queue:
                call()

        return replay

    def mark(self) -> int:
        self._outside_captures("an event")
        return len(self.launches)

    def after(self, mark: int) -> None:
        assert mark <= len(self.launches)

    def wait(self, mark: int) -> None:
        self._outside_captures("waiting")
        assert mark <= len(self.launches)

    def elapsed(self, work: Callable[[], None], repeats: int) -> list[float]:
        times = []
        for _ in range(repeats):
            begin = time.perf_counter()
            work()
            times.append(1000 * (time.perf_counter() - begin))
        return times

    def facts(self) -> dict[str, str]:
        return {"name": "emulator"}

    def _do(self, launch: Launch, work: Callable[[], None]) -> None:
        assert self._depth, "outside of scope()"
        self.launches.append(launch)
        if self._queue is None:
            work()
        else:
            self._queue.append(work)

    def _outside_captures(self, what: str) -> None:
        assert self._depth, "outside of scope()"
        assert self._queue is None, f"{what} inside a capture"


def same(one: Launch, other: Launch) -> bool:
    """The same kernel on the same memory."""
    places = [
        [(a.ctypes.data, a.shape, a.strides, a.dtype) if isinstance(a, np.ndarray) else a for a in arrays]
        for _, arrays, _ in (one, other)
    ]
    return one[0] == other[0] and places[0] == places[1] and one[2] == other[2]
