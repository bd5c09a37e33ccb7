# SPDX-License-Identifier: Apache-2.0
"""Convolutions as products of matrices: our kernels gather the windows, cuBLAS multiplies.

A slab of output rows at a time, so that its windows still lie in the GPU's second-level cache when they are read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flownet2.errors import UnavailableError
from flownet2.executors.cuda.convolution import Convolution, ConvSpec, Finish
from flownet2.executors.cuda.cublas_library import WORKSPACE
from flownet2.executors.cuda.storage import storage
from flownet2.types import Array

SLAB = 16 << 20
"""Bytes of windows that are gathered at a time: less than half the cache of every GPU that is supported but small
ones, and enough to fill the large ones with work."""

_PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
_ALIGNMENT = 256


class CublasEngine:
    """Products by the device's `matmul`; needs nothing but cuBLAS."""

    name = "cublas"

    def __init__(self, device: Any) -> None:
        self._device = device

    def packed(self, weight: Array, transposed: bool) -> Array:
        """(Kh * Kw * Ci, Co), or for each of the four phases (2 * 2 * Ci, Co)."""
        if not transposed:
            return np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]))
        taps = weight.transpose(2, 3, 0, 1)  # tap t of a phase p is the kernel's 3 - p - 2 * t
        return np.stack([taps[3 - p :: -2, 3 - q :: -2].reshape(-1, weight.shape[1]) for p, q in _PHASES])

    def plan(self, spec: ConvSpec) -> Convolution:
        """See convolution.py; of transposed convolutions 4x4 with stride 2 and padding 1."""
        if spec.transposed and (spec.kernel, spec.stride, spec.padding) != (4, 2, 1):
            raise UnavailableError(
                "conv_transpose2d on the GPU must have a kernel of 4x4, stride 2 and padding 1, got "
                f'{spec.kernel}x{spec.kernel}, {spec.stride} and {spec.padding}; device="cpu" computes any'
            )
        return _Products(self._device, spec)


class _Products:
    def __init__(self, device: Any, spec: ConvSpec) -> None:
        self._device, self._spec = device, spec
        rows, self._columns = (spec.height, spec.width) if spec.transposed else spec.out_size
        self._rows = spec.batch * rows
        self._window = spec.channels_in * (4 if spec.transposed else spec.kernel**2)
        self._type = storage(spec.precision)
        per_row = self._columns * self._window * self._type.itemsize
        slabs = -(-self._rows * per_row // SLAB)
        self._slab = min(self._rows, -(-self._rows // slabs))
        self._windows_end = -(-self._slab * per_row // _ALIGNMENT) * _ALIGNMENT
        sums_end = self._windows_end + self._slab * self._columns * spec.channels_out * 4
        self._workspace = -(-sums_end // _ALIGNMENT) * _ALIGNMENT
        self.scratch = self._workspace + WORKSPACE

    def run(self, x: Any, weights: Any, scratch: Any, finish: Finish) -> None:
        for first in range(0, self._rows, self._slab):
            rows = min(self._slab, self._rows - first)
            windows = self._part(scratch, 0, (rows, self._columns, self._window), self._type)
            sums = self._part(
                scratch, self._windows_end, (rows, self._columns, self._spec.channels_out), np.dtype("float32")
            )
            if self._spec.transposed:
                for phase, taps in zip(_PHASES, weights, strict=True):
                    self._device.launch("gather_phase", x, windows, phase=phase, first=first)
                    self._multiply(windows, taps, sums, scratch)
                    finish(sums, first, phase)
            else:
                rule = {"kernel": self._spec.kernel, "stride": self._spec.stride, "padding": self._spec.padding}
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
