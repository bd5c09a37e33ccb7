# SPDX-License-Identifier: Apache-2.0
"""The GPU through CuPy, as far as it can be told without one: what is asked of CuPy, and every reason to refuse.

CuPy itself is a double here, and so is cuBLAS, which computes from the raw pointers as it is documented.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import flownet2
from cuda_numbers import stored, values_of
from flownet2.errors import InputError, UnavailableError
from flownet2.executors import get_executor
from flownet2.executors.cuda import cublas_library
from flownet2.executors.cuda.device import CupyDevice, checked_device
from flownet2.types import Array

R_32F, R_16F, R_16BF = 0, 2, 14
HANDLE, STREAM = 5, 77


class CudaRuntimeError(RuntimeError):
    """As CuPy's."""


def double(**changes: Any) -> Any:
    """A cupy of one H100 and a driver for CUDA 13.1; `changes` replaces facts."""
    facts = {"driver": 13010, "devices": 1, "capability": "90", "failure": None, **changes}

    def device_count() -> int:
        if facts["failure"]:
            raise CudaRuntimeError(facts["failure"])
        return int(facts["devices"])

    runtime = SimpleNamespace(
        CUDARuntimeError=CudaRuntimeError,
        driverGetVersion=lambda: facts["driver"],
        runtimeGetVersion=lambda: 13020,
        getDeviceCount=device_count,
        getDeviceProperties=lambda _index: {"name": b"Some GPU"},
        memGetInfo=lambda: (1 << 30, 4 << 30),
    )

    class Device:
        cublas_handle = HANDLE

        def __init__(self, index: int) -> None:
            self.id = index
            self.compute_capability = facts["capability"]

        def __enter__(self) -> Device:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    return SimpleNamespace(
        __version__="14.2.0",
        cuda=SimpleNamespace(runtime=runtime, Device=Device, get_current_stream=lambda: SimpleNamespace(ptr=STREAM)),
        zeros=np.zeros,
        empty=lambda shape, dtype: out_of_memory() if np.prod(shape) > 1e9 else np.empty(shape, dtype),
    )


def out_of_memory() -> Any:
    raise MemoryError("Out of memory allocating 9,999 bytes")


KERNELS = SimpleNamespace(cuda_version=13000)


class Cublas:
    """The library as ctypes shows it; its products want the stream and the workspace first."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.computed: list[int] = []
        self.status = 0

    def cublasSetStream_v2(self, handle: Any, stream: Any) -> int:
        self.given["stream"] = (handle.value, stream.value)
        return 0

    def cublasSetWorkspace_v2(self, handle: Any, memory: Any, size: Any) -> int:
        self.given["workspace"] = (handle.value, memory.value, size.value)
        return 0

    def cublasGemmEx(self, *arguments: Any) -> int:
        """C (m x n) = alpha * A (m x k) * B (k x n) + beta * C; matrices by columns, in memory at the addresses."""
        alpha, beta = (argument._obj.value for argument in (arguments[6], arguments[13]))
        numbers = [argument.value for argument in arguments[:6] + arguments[7:13] + arguments[14:]]
        handle, transa, transb, m, n, k, a, a_type, lda, b, b_type, ldb, c, c_type, ldc, compute, _ = numbers
        assert (handle, transa, transb, c_type) == (HANDLE, 0, 0, R_32F)
        assert self.given["stream"] == (HANDLE, STREAM)
        assert self.given["workspace"][0] == HANDLE
        assert compute in (68, 77)
        assert (lda >= m, ldb >= k, ldc >= m) == (True, True, True)
        self.computed.append(compute)
        product = values_of(matrix(a, a_type, m, k, lda)) @ values_of(matrix(b, b_type, k, n, ldb))
        out = matrix(c, c_type, m, n, ldc)
        out[...] = alpha * product + (beta * out if beta else 0)
        return self.status


def matrix(address: int, kind: int, rows: int, columns: int, leading: int) -> Array:
    """By columns, at an address."""
    dtype = {R_32F: np.float32, R_16F: np.float16, R_16BF: np.uint16}[kind]
    count = leading * (columns - 1) + rows
    memory = (ctypes.c_char * (count * np.dtype(dtype).itemsize)).from_address(address)
    flat = np.frombuffer(memory, dtype)
    return np.lib.stride_tricks.as_strided(flat, (rows, columns), (flat.itemsize, leading * flat.itemsize))


class Pointer(np.ndarray):
    """An array whose `data.ptr` is its address, as CuPy's."""

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)


WORK = np.zeros(8, np.uint8).view(Pointer)


def with_cublas(monkeypatch: pytest.MonkeyPatch) -> tuple[CupyDevice, Cublas]:
    library, names = Cublas(), []
    monkeypatch.setattr(cublas_library.ctypes, "CDLL", lambda name: names.append(name) or library)
    device = CupyDevice(0, double(), KERNELS)
    x = np.ones((1, 1), np.float32).view(Pointer)
    device.matmul(x, x, x, "float32", WORK)
    assert names == ["libcublas.so.13" if sys.platform != "win32" else "cublas64_13.dll"]
    library.computed.clear()
    return device, library


@pytest.mark.parametrize("precision", ["float32", "tf32", "float16", "bfloat16"])
def test_products_by_cublas(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows first here, columns first there: three different sizes tell them apart."""
    device, library = with_cublas(monkeypatch)
    rng = np.random.default_rng(3)
    number = "float32" if precision == "tf32" else precision
    a, b = (stored(rng.normal(size=size).astype(np.float32), number) for size in ((5, 7), (7, 3)))
    out = np.full((5, 3), np.nan, np.float32)
    device.matmul(a.view(Pointer), b.view(Pointer), out.view(Pointer), precision, WORK)
    np.testing.assert_allclose(out, values_of(a) @ values_of(b), rtol=1e-5, atol=1e-6)
    assert library.given["workspace"] == (HANDLE, WORK.data.ptr, cublas_library.WORKSPACE)


def test_float32_keeps_off_the_tensor_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    device, library = with_cublas(monkeypatch)
    for precision in ("float32", "tf32", "float16", "bfloat16"):
        x = stored(np.zeros((1, 1), np.float32), "float32" if precision == "tf32" else precision).view(Pointer)
        device.matmul(x, x, np.zeros((1, 1), np.float32).view(Pointer), precision, WORK)
    assert library.computed == [68, 77, 68, 68]


def test_cublas_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    device, library = with_cublas(monkeypatch)
    library.status = 13
    x = np.ones((1, 1), np.float32).view(Pointer)
    with pytest.raises(RuntimeError, match="cublasGemmEx has failed with status 13"):
        device.matmul(x, x, x, "float32", WORK)


def test_no_cublas() -> None:
    with pytest.raises(UnavailableError, match=r'cuBLAS does not load \(.*pip install "flownet2\[cuda99\]"'):
        cublas_library.open_library(99)


@pytest.mark.parametrize(
    ("changes", "index", "message"),
    [
        ({"driver": 0}, 0, r"no NVIDIA driver on this machine; install it .*nvidia-smi.*--gpus all"),
        ({"driver": 12080}, 0, r"too old: it knows CUDA 12\.8, this build needs 13\.0; update the driver \(R580"),
        ({"failure": "cudaErrorNoDevice: no CUDA-capable device"}, 0, r"finds no GPU \(cudaErrorNoDevice"),
        ({"devices": 0}, 0, r"no GPU 0; the driver shows 0"),
        ({"devices": 2}, 2, r"no GPU 2; the driver shows 2, numbered from 0 \(CUDA_VISIBLE_DEVICES"),
        ({"capability": "75"}, 0, r"GPU 0 \(Some GPU\) is too old: its compute capability is 7\.5, .*8\.0 \(Ampere"),
    ],
)
def test_gpus_that_cannot_be_used(changes: dict[str, Any], index: int, message: str) -> None:
    with pytest.raises(UnavailableError, match=message):
        checked_device(index, double(**changes), KERNELS)


@pytest.mark.parametrize("changes", [{}, {"capability": "120"}, {"driver": 13000}, {"driver": 14000}])
def test_gpus_that_can(changes: dict[str, Any]) -> None:
    facts = checked_device(0, double(**changes), KERNELS).facts()
    assert facts["name"] == "Some GPU"
    assert facts["memory"] == "1024 of 4096 MiB free"
    assert facts["compute capability"] in ("9.0", "12.0")
    assert facts["CuPy"] == "14.2.0, CUDA 13.2"


def test_no_memory_left() -> None:
    device = CupyDevice(0, double(), KERNELS)
    with device.scope(), pytest.raises(MemoryError, match=r"no 4096 MiB left.*1024 of 4096 MiB free.*float16"):
        device.empty((1 << 30,), np.float32)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("cuda.runtime.memGetInfo", "memGetInfo()"),
        ("cuda.runtime.driverGetVersion", "driverGetVersion()"),
        ("cuda.runtime.runtimeGetVersion", "runtimeGetVersion()"),
        ("cuda.runtime.getDeviceCount", "getDeviceCount()"),
        ("cuda.runtime.getDeviceProperties", "getDeviceProperties(int device"),
        ("cuda.Stream.begin_capture", "begin_capture(self"),
        ("cuda.Stream.end_capture", "end_capture(self"),
        ("cuda.Stream.synchronize", "synchronize(self"),
        ("cuda.Stream.wait_event", "wait_event(self, event"),
        ("cuda.Stream.record", "record(self, event=None"),
        ("cuda.Graph.launch", "launch(self, stream=None"),
        ("cuda.Graph.upload", "upload(self, stream=None"),
        ("cuda.Event.record", "record(self, stream=None"),
        ("cuda.Event.synchronize", "synchronize(self"),
        ("cuda.get_elapsed_time", "get_elapsed_time(start_event, end_event"),
        ("cuda.get_current_stream", "get_current_stream("),
    ],
)
def test_cupy_has_what_the_device_calls(name: str, begins: str) -> None:
    """Compiled functions tell what they take in their documentation; nothing is called, so no GPU is needed."""
    found: Any = pytest.importorskip("cupy", reason="CuPy comes with the extras for GPUs")
    for part in name.split("."):
        found = getattr(found, part)
    assert begins in (found.__doc__ or "")


def test_cupy_has_the_constants() -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy comes with the extras for GPUs")
    ours, theirs = cublas_library, cupy.cuda
    for precision, name in (("float32", "CUDA_R_32F"), ("float16", "CUDA_R_16F"), ("bfloat16", "CUDA_R_16BF")):
        assert getattr(theirs.runtime, name) == ours.TYPES[precision]
    for name in ("_OP_N", "_COMPUTE_32F", "_COMPUTE_32F_FAST_TF32", "_GEMM_DEFAULT"):
        assert getattr(theirs.cublas, f"CUBLAS{name}") == getattr(ours, name)
    assert issubclass(theirs.memory.OutOfMemoryError, MemoryError)
    assert hasattr(theirs.Device, "cublas_handle")
    assert hasattr(theirs.Device, "compute_capability")


def in_a_child(device: CupyDevice, results: Any) -> None:
    try:
        with device.scope():
            results.put("it worked")
    except UnavailableError as error:
        results.put(str(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forks_are_told_to_spawn() -> None:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    device = CupyDevice(0, double(), KERNELS)
    child = context.Process(target=in_a_child, args=(device, results))
    child.start()
    assert "spawn" in results.get()
    child.join()
    with device.scope():
        pass


@pytest.mark.parametrize("name", ["flownet2._cuda", "cupy"])
def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kernels = SimpleNamespace(cuda_version=13000)
    modules = {"flownet2._cuda": kernels, "cupy": double()}
    for module, content in modules.items():
        monkeypatch.setitem(sys.modules, module, None if module == name else content)
    monkeypatch.setattr(flownet2, "_cuda", kernels, raising=False)
    if name == "flownet2._cuda":
        monkeypatch.delattr(flownet2, "_cuda")
    cure = {"flownet2._cuda": r"FLOWNET2_CUDA=ON", "cupy": r'pip install "flownet2\[cuda13\]"'}[name]
    with pytest.raises(UnavailableError, match=cure):
        flownet2.load(device="cuda")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, r'device must be "cpu", "cuda" or "cuda:N".*got \'gpu\''),
        ({"device": "cuda:x"}, r"got 'cuda:x'"),
        ({"device": "cuda:"}, r"got 'cuda:'"),
        ({"device": "cpu:0"}, r"got 'cpu:0'"),
        ({"device": "cuda", "name": "numpy"}, r"'numpy' runs on the CPU"),
        ({"device": "cuda", "precision": "float64"}, r"no precision 'float64'; known: float32"),
        ({"precision": "float16"}, r"a CPU has the precisions float32, bfloat16; 'float16' needs device=\"cuda\""),
        ({"engine": "cublas"}, r"'cublas' is one of a GPU"),
        ({"device": "cuda", "engine": "mkl"}, r"no engine 'mkl'; known: auto, cudnn, cublas"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_executor(**options)
