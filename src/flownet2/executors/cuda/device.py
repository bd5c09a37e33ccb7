# SPDX-License-Identifier: Apache-2.0
"""The GPU as an object: memory, streams, products and our kernels. The only file that imports CuPy and _cuda.

The executor knows no more of a GPU than this, so that tests run all of it on NumPy with emulated kernels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flownet2.errors import UnavailableError
from flownet2.executors.cuda.cublas_library import open_library, product
from flownet2.types import Array

OLDEST_CAPABILITY = 80
"""What the kernels are compiled for: cp.async and the tensor cores' instructions begin there."""


class Device(Protocol):
    """What the executor needs. Arrays are the device's own; work is queued on its current stream, in order."""

    def scope(self) -> Any:
        """Context in which the device is the current one; entered by every call of the executor."""
        ...

    @property
    def stream(self) -> int:
        """Handle of the current stream."""
        ...

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        """A new array; MemoryError says how much was wanted and what there is."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        """The same with undefined values."""
        ...

    def asarray(self, value: Any) -> Any:
        """A NumPy array copied to the device, or the memory of anything with __cuda_array_interface__."""
        ...

    def to_host(self, array: Any) -> Array:
        """A NumPy copy, when all that was queued before is done."""
        ...

    def pointer(self, array: Any) -> int:
        """Address of the first element."""
        ...

    def launch(self, kernel: str, /, *arrays: Any, **options: Any) -> None:
        """Queues one of our kernels, by its name in flownet2._cuda."""
        ...

    def matmul(self, a: Any, b: Any, out: Any, precision: str, workspace: Any) -> None:
        """Queues out (M, N) float32 = a (M, K) times b (K, N), all without gaps, a and b in the precision's type.

        workspace: WORKSPACE bytes of cublas_library that nothing else uses at that time.
        """
        ...

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Runs `work` once, then captures what it queues; the result queues all of that at once."""
        ...

    def mark(self) -> Any:
        """A point in the current stream."""
        ...

    def after(self, mark: Any) -> None:
        """The current stream goes on when that point is reached."""
        ...

    def wait(self, mark: Any) -> None:
        """The caller goes on when that point is reached."""
        ...

    def elapsed(self, work: Callable[[], None], repeats: int) -> list[float]:
        """Milliseconds of each run of `work`, by the device's clock."""
        ...

    def facts(self) -> dict[str, str]:
        """Name, memory, versions."""
        ...


class CupyDevice:
    """A GPU through CuPy."""

    def __init__(self, index: int, cupy: Any, kernels: Any) -> None:
        """`open_device` checks what this takes for granted."""
        self._cupy, self._kernels = cupy, kernels
        self._device = cupy.cuda.Device(index)
        self._process = os.getpid()
        self._cublas: Any = None

    @contextmanager
    def scope(self) -> Iterator[None]:
        if os.getpid() != self._process:
            raise UnavailableError(
                "this process was forked from one that uses the GPU, and CUDA does not survive a fork; "
                'start processes with multiprocessing.get_context("spawn"), or load the model in each of them'
            )
        with self._device:
            yield

    @property
    def stream(self) -> int:
        return int(self._cupy.cuda.get_current_stream().ptr)

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        return self._allocated(self._cupy.zeros, shape, dtype)

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        return self._allocated(self._cupy.empty, shape, dtype)

    def _allocated(self, make: Callable[..., Any], shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        try:
            return make(shape, dtype)
        except MemoryError:
            free, total = self._cupy.cuda.runtime.memGetInfo()
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            raise MemoryError(
                f"the GPU has no {size / 2**20:.0f} MiB left for this ({free / 2**20:.0f} of {total / 2**20:.0f} MiB "
                'free); take smaller pictures or batches, precision="float16", or end what else runs there'
            ) from None

    def asarray(self, value: Any) -> Any:
        return self._cupy.asarray(value)

    def to_host(self, array: Any) -> Array:
        host: Array = self._cupy.asnumpy(array)
        return host

    def pointer(self, array: Any) -> int:
        return int(array.data.ptr)

    def launch(self, kernel: str, /, *arrays: Any, **options: Any) -> None:
        getattr(self._kernels, kernel)(*arrays, launch_stream=self.stream, **options)

    def matmul(self, a: Any, b: Any, out: Any, precision: str, workspace: Any) -> None:
        handle = self._device.cublas_handle  # CuPy loads cuBLAS for it
        if self._cublas is None:
            self._cublas = open_library(self._cupy.cuda.runtime.runtimeGetVersion() // 1000)
        (m, k), n = a.shape, b.shape[1]
        work, left, right, sums = (self.pointer(array) for array in (workspace, a, b, out))
        product(self._cublas, handle, self.stream, work, left, right, sums, m, n, k, precision)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """The first run loads the libraries' kernels, which a capture must not do."""
        stream = self._cupy.cuda.Stream(non_blocking=True)
        stream.wait_event(self.mark())
        with stream:
            work()
            stream.synchronize()
            stream.begin_capture()
            try:
                work()
            except BaseException:
                with suppress(Exception):  # what broke the capture is to be told
                    stream.end_capture()
                raise
            graph = stream.end_capture()
        graph.upload(stream)
        stream.synchronize()
        launch: Callable[[], None] = graph.launch
        return launch

    def mark(self) -> Any:
        return self._cupy.cuda.get_current_stream().record()

    def after(self, mark: Any) -> None:
        self._cupy.cuda.get_current_stream().wait_event(mark)

    def wait(self, mark: Any) -> None:
        mark.synchronize()

    def elapsed(self, work: Callable[[], None], repeats: int) -> list[float]:
        stream = self._cupy.cuda.get_current_stream()
        pairs = [(self._cupy.cuda.Event(), self._cupy.cuda.Event()) for _ in range(repeats)]
        for begin, end in pairs:
            begin.record(stream)
            work()
            end.record(stream)
        stream.synchronize()
        return [self._cupy.cuda.get_elapsed_time(begin, end) for begin, end in pairs]

    def facts(self) -> dict[str, str]:
        runtime = self._cupy.cuda.runtime
        free, total = runtime.memGetInfo()
        return {
            "name": runtime.getDeviceProperties(self._device.id)["name"].decode(),
            "compute capability": _capability(self._device.compute_capability),
            "memory": f"{free / 2**20:.0f} of {total / 2**20:.0f} MiB free",
            "driver": _version(runtime.driverGetVersion()),
            "CUDA of the kernels": _version(self._kernels.cuda_version),
            "CuPy": f"{self._cupy.__version__}, CUDA {_version(runtime.runtimeGetVersion())}",
        }


def open_device(index: int = 0) -> CupyDevice:
    """The GPU of that number.

    Raises:
        UnavailableError: it cannot be used; the message says why and what to install or change.
    """
    return checked_device(index, *_imported())


def visible_gpus() -> int:
    """GPUs that the driver shows; 0 where the driver or CuPy is missing."""
    try:
        runtime = _imported()[0].cuda.runtime
    except UnavailableError:
        return 0
    try:
        return int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError:
        return 0


def _imported() -> tuple[Any, Any]:
    try:
        from flownet2 import _cuda
    except ImportError as error:
        raise UnavailableError(
            f"this build of flownet2 has no kernels for GPUs ({error}); install a wheel from PyPI, or build it where "
            "nvcc of CUDA 12.8 or newer is on PATH: pip install --no-binary flownet2 -C cmake.define.FLOWNET2_CUDA=ON "
            "flownet2"
        ) from None
    try:
        import cupy
    except ImportError as error:
        major = _cuda.cuda_version // 1000
        raise UnavailableError(f'CuPy is missing ({error}): pip install "flownet2[cuda{major}]"') from None
    return cupy, _cuda


def checked_device(index: int, cupy: Any, kernels: Any) -> CupyDevice:
    """`open_device` with the modules given.

    Raises:
        UnavailableError: as there.
    """
    runtime = cupy.cuda.runtime
    driver, needed = runtime.driverGetVersion(), kernels.cuda_version
    if driver == 0:
        raise UnavailableError(
            "there is no NVIDIA driver on this machine; install it (`nvidia-smi` must list the GPU; in a container: "
            '--gpus all), or use device="cpu"'
        )
    # Within a major version every driver runs every release.
    if driver // 1000 < needed // 1000:
        raise UnavailableError(
            f"the NVIDIA driver is too old: it knows CUDA {_version(driver)}, this build needs {needed // 1000}.0; "
            f"update the driver (R580 or newer for CUDA 13), or install a build for CUDA {driver // 1000}"
        )
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        raise UnavailableError(f"the driver finds no GPU ({error}); look at `nvidia-smi`") from None
    if not 0 <= index < count:
        raise UnavailableError(
            f"there is no GPU {index}; the driver shows {count}, numbered from 0 (CUDA_VISIBLE_DEVICES hides others)"
        )
    capability = int(cupy.cuda.Device(index).compute_capability)
    if capability < OLDEST_CAPABILITY:
        name = runtime.getDeviceProperties(index)["name"].decode()
        raise UnavailableError(
            f"GPU {index} ({name}) is too old: its compute capability is {_capability(str(capability))}, the kernels "
            f'need {_capability(str(OLDEST_CAPABILITY))} (Ampere, 2020) or newer; use device="cpu"'
        )
    return CupyDevice(index, cupy, kernels)


def _capability(digits: str) -> str:
    """12.0 of "120"."""
    return f"{digits[:-1]}.{digits[-1]}"


def _version(number: int) -> str:
    """13.2 of 13020."""
    return f"{number // 1000}.{number % 1000 // 10}"
