# SPDX-License-Identifier: Apache-2.0
"""A double of NVIDIA's module cudnn, as much of it as flownet2.executors.cuda.cudnn calls, on the host's memory.

It knows nothing of ConvSpec: it computes in NumPy, in float64, what a graph says by its dimensions, strides, padding
and raw pointers. It is stricter than the module: every step in its order, no argument that is not known, no dimension
left to be guessed. tests/cudnn_engine/plan_check.py holds its names against the real module's.
"""

from __future__ import annotations

import ctypes
import enum
from typing import Any

import numpy as np

from cuda_numbers import rounded_to_tf32
from flownet2.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from flownet2.types import Array

STEPS = ["new", "validated", "built", "planned", "supported", "ready"]
ALIGNMENT = 16  # of every tensor, as cuDNN assumes


class data_type(enum.Enum):
    FLOAT = np.dtype("float32")
    HALF = np.dtype("float16")
    BFLOAT16 = np.dtype("uint16")


heur_mode = enum.Enum("heur_mode", ["A", "B", "FALLBACK"])
numerical_note = enum.Enum(
    "numerical_note",
    ["TENSOR_CORE", "DOWN_CONVERT_INPUTS", "REDUCED_PRECISION_REDUCTION", "NONDETERMINISTIC", "WINOGRAD", "FFT"],
)


class cudnnGraphNotSupportedError(Exception):
    pass


class Cudnn:
    """The module. `workspace` is what every plan asks for; with `refuses` no graph has a plan."""

    data_type = data_type
    heur_mode = heur_mode
    numerical_note = numerical_note
    cudnnGraphNotSupportedError = cudnnGraphNotSupportedError

    def __init__(
        self, version: str = "1.28.0", backend: int | None = 92801, workspace: int = 1000, refuses: bool = False
    ) -> None:
        self.__version__ = version
        self.backend = backend
        self.workspace = workspace
        self.refuses = refuses
        self.handles: list[Handle] = []
        self.graphs: list[Graph] = []

    def backend_version(self) -> int:
        if self.backend is None:
            raise RuntimeError("Unable to find symbol cudnnGetVersion")
        return self.backend

    def create_handle(self) -> Handle:
        self.handles.append(Handle())
        return self.handles[-1]

    def set_stream(self, handle: Handle, stream: int) -> None:
        assert type(stream) is int
        handle.streams.append(stream)

    def pygraph(
        self, io_data_type: data_type, intermediate_data_type: data_type, compute_data_type: data_type, handle: Handle
    ) -> Graph:
        assert compute_data_type is intermediate_data_type is data_type.FLOAT
        self.graphs.append(Graph(self, io_data_type, handle))
        return self.graphs[-1]


class Handle:
    def __init__(self) -> None:
        self.streams: list[int] = []  # as they were set


class Tensor:
    def __init__(self, dim: list[int], stride: list[int], kind: data_type | None, uid: int | None) -> None:
        self.dim, self.stride, self.kind, self.uid = dim, stride, kind, uid
        self.output = False

    def set_output(self, value: bool) -> Tensor:
        self.output = value
        return self

    def set_data_type(self, value: data_type) -> Tensor:
        self.kind = value
        return self

    def set_dim(self, value: list[int]) -> Tensor:
        self.dim = list(value)
        return self

    def set_stride(self, value: list[int]) -> Tensor:
        self.stride = list(value)
        return self

    def set_uid(self, value: int) -> Tensor:
        self.uid = value
        return self

    @property
    def packed(self) -> bool:
        return sum((n - 1) * step for n, step in zip(self.dim, self.stride, strict=True)) + 1 == np.prod(self.dim)

    def memory(self, pointer: int) -> Array:
        """The tensor's elements where they lie, as an array (N, C, H, W)."""
        assert type(pointer) is int
        assert pointer % ALIGNMENT == 0, f"cuDNN wants tensors at multiples of {ALIGNMENT} bytes"
        extent = 1 + sum((n - 1) * step for n, step in zip(self.dim, self.stride, strict=True))
        raw = (ctypes.c_char * (extent * self.kind.value.itemsize)).from_address(pointer)
        steps = [step * self.kind.value.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(np.frombuffer(raw, self.kind.value), self.dim, steps)


class Graph:
    def __init__(self, module: Cudnn, io: data_type, handle: Handle) -> None:
        self.module, self.io, self.handle = module, io, handle
        self.step = "new"
        self.inputs: list[Tensor] = []
        self.operations: list[tuple[Any, ...]] = []
        self.heuristics: list[heur_mode] = []
        self.deselected: set[numerical_note] = set()

    def tensor(self, dim: list[int], stride: list[int], data_type: data_type, name: str, uid: int) -> Tensor:
        assert self.step == "new"
        self.inputs.append(Tensor(list(dim), list(stride), data_type, uid))
        return self.inputs[-1]

    def conv_fprop(
        self, image: Tensor, weight: Tensor, padding: list[int], stride: list[int], dilation: list[int]
    ) -> Tensor:
        assert self.step == "new"
        assert all(len(pair) == 2 for pair in (padding, stride, dilation))
        assert dilation == [1, 1]
        y = Tensor([], [], None, None)
        self.operations.append((image, weight, y, padding, stride))
        return y

    def validate(self) -> None:
        self._advance("validated")
        ((x, weights, y, padding, stride),) = self.operations
        assert y.output
        assert [x, weights] == self.inputs
        assert sorted(t.uid for t in (x, weights, y)) == [1, 2, 3]
        assert {t.kind for t in (x, weights, y)} == {self.io}
        assert all(len(t.dim) == len(t.stride) == 4 for t in (x, weights, y))
        assert y.packed
        assert weights.packed
        small = [(x.dim[i + 2] + 2 * padding[i] - weights.dim[i + 2]) // stride[i] + 1 for i in range(2)]
        assert y.dim == [x.dim[0], weights.dim[0], *small]
        assert x.dim[1] == weights.dim[1]

    def build_operation_graph(self) -> None:
        self._advance("built")

    def create_execution_plans(self, modes: list[heur_mode]) -> None:
        self._advance("planned")
        self.heuristics = list(modes)

    def deselect_numeric_notes(self, notes: list[numerical_note]) -> None:
        assert self.step == "planned"
        self.deselected |= set(notes)

    def check_support(self) -> None:
        self._advance("supported")
        if self.module.refuses:
            raise cudnnGraphNotSupportedError("No valid engine configs\nand more lines")

    def build_plans(self) -> None:
        self._advance("ready")

    def get_workspace_size(self) -> int:
        assert self.step == "ready"
        return self.module.workspace

    def execute(self, tensors: dict[int, int], workspace: int, handle: Handle) -> None:
        assert self.step == "ready", "executed before it was built"
        assert handle is self.handle
        assert handle.streams, "no stream was set"
        ((x, weights, y, padding, stride),) = self.operations
        assert set(tensors) == {x.uid, weights.uid, y.uid}
        assert workspace % ALIGNMENT == 0
        # What lies where the workspace does is lost, before and after.
        ctypes.memset(workspace, 0xFF, self.module.workspace)
        result = convolved(self._read(x, tensors), self._read(weights, tensors), padding, stride)
        y.memory(tensors[y.uid])[...] = rounded(result, y.kind)
        ctypes.memset(workspace, 0xFF, self.module.workspace)

    def _read(self, tensor: Tensor, tensors: dict[int, int]) -> Array:
        values = tensor.memory(tensors[tensor.uid])
        if self.io is data_type.BFLOAT16:
            return bfloat16_to_float32(values).astype(np.float64)
        if self.io is data_type.FLOAT and numerical_note.TENSOR_CORE not in self.deselected:
            values = rounded_to_tf32(values)
        return values.astype(np.float64)

    def _advance(self, step: str) -> None:
        assert STEPS.index(step) == STEPS.index(self.step) + 1, f"{step} after {self.step}"
        self.step = step


def convolved(x: Array, weights: Array, padding: list[int], stride: list[int]) -> Array:
    """y[n, k, p, q] = sum of weights[k, c, r, s] * x[n, c, p * stride + r - padding, q * stride + s - padding]."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[2:], (2, 3))
    return np.einsum("ncpqrs,kcrs->nkpq", windows[:, :, :: stride[0], :: stride[1]], weights, optimize=True)


def rounded(values: Array, kind: data_type) -> Array:
    """float64 -> the type of a tensor."""
    if kind is data_type.BFLOAT16:
        return float32_to_bfloat16(values.astype(np.float32))
    return values.astype(kind.value)
