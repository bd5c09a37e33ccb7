# SPDX-License-Identifier: Apache-2.0
"""Convolutions as products of matrices: our kernels gather the windows, cuBLAS multiplies.

A slab of output rows at a time, so that its windows still lie in the GPU's second-level cache when they are read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flownet2.executors.cuda.convolution import Convolution, ConvSpec, Finish
from flownet2.executors.cuda.cublas_library import WORKSPACE
from flownet2.executors.cuda.storage import storage
from flownet2.types import Array

SLAB = 32 << 20
"""Bytes of windows that are gathered at a time, to be read again from the second-level cache. FlowNet2 on an H200,
float32 and float16: 4 MB 35 and 10.6 ms, 16 MB 22.4 and 5.8 ms, 32 MB 20.7 and 5.2 ms, 64 MB 19.6 and 5.4 ms."""

_ALIGNMENT = 256


class CublasEngine:
    """Products by the device's `matmul`; needs nothing but cuBLAS."""

    name = "cublas"

    def __init__(self, device: Any) -> None:
        self._device = device

    def packed(self, weight: Array) -> Array:
        """(Kh * Kw * Ci, Co)."""
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]), np.float32)

    def plan(self, spec: ConvSpec) -> Convolution:
        """Cuts it into slabs."""
        return _Products(self._device, spec)


class _Products:
    def __init__(self, device: Any, spec: ConvSpec) -> None:
        self._device, self._spec = device, spec
        rows, self._columns = spec.out_size
        self._rows = spec.batch * rows
        self._window = spec.channels_in * spec.kernel**2
        self._type = storage(spec.precision)
        per_row = self._columns * self._window * self._type.itemsize
        slabs = -(-self._rows * per_row // SLAB)
        self._slab = min(self._rows, -(-self._rows // slabs))
        self._windows_end = -(-self._slab * per_row // _ALIGNMENT) * _ALIGNMENT
        sums_end = self._windows_end + self._slab * self._columns * spec.channels_out * 4
        self._workspace = -(-sums_end // _ALIGNMENT) * _ALIGNMENT
        self.scratch = self._workspace + WORKSPACE

    def run(self, x: Any, weights: Any, scratch: Any, finish: Finish) -> None:
        rule = {"kernel": self._spec.kernel, "stride": self._spec.stride, "padding": self._spec.padding}
        for first in range(0, self._rows, self._slab):
            rows = min(self._slab, self._rows - first)
            windows = self._part(scratch, 0, (rows, self._columns, self._window), self._type)
            shape = rows, self._columns, self._spec.channels_out
            sums = self._part(scratch, self._windows_end, shape, np.dtype("float32"))
            self._device.launch("gather", x, windows, first=first, **rule)
            self._multiply(windows, weights, sums, scratch)
            finish(sums, first)

    def _multiply(self, windows: Any, weights: Any, sums: Any, scratch: Any) -> None:
        flat = windows.reshape(-1, self._window), sums.reshape(-1, self._spec.channels_out)
        workspace = scratch[self._workspace : self._workspace + WORKSPACE]
        self._device.matmul(flat[0], weights, flat[1], self._spec.precision, workspace)

    @staticmethod
    def _part(scratch: Any, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        size = int(np.prod(shape)) * dtype.itemsize
        return scratch[start : start + size].view(dtype).reshape(shape)
