# SPDX-License-Identifier: Apache-2.0
"""Correlation (cost volume) of two feature maps: FlowNetC's layer, kernel size 1 (Caffe `Correlation`)."""

from __future__ import annotations

import numpy as np

from flownet2.ops.reference.leaky_relu import activate
from flownet2.types import Array


def correlation(
    a: Array,
    b: Array,
    *,
    max_displacement: int = 20,
    stride: int = 2,
    reduction: str = "sum",
    leaky_slope: float | None = None,
) -> Array:
    """out[n, iy * D + ix, y, x] = sum over c of a[n, c, y, x] * b[n, c, y + dy, x + dx], zeros outside b.

    dy = (iy - r) * stride and dx = (ix - r) * stride with r = max_displacement // stride, D = 2 * r + 1.
    """
    n, c, h, w = a.shape
    r = max_displacement // stride
    steps = range(-r * stride, r * stride + 1, stride)
    out = np.zeros((n, len(steps) ** 2, h, w), a.dtype)
    for iy, dy in enumerate(steps):
        rows, rows_b = _overlap(h, dy)
        for ix, dx in enumerate(steps):
            columns, columns_b = _overlap(w, dx)
            products = a[:, :, rows, columns] * b[:, :, rows_b, columns_b]
            out[:, iy * len(steps) + ix, rows, columns] = products.sum(axis=1)
    if reduction == "mean":
        out /= out.dtype.type(c)
    return activate(out, leaky_slope)


def _overlap(size: int, shift: int) -> tuple[slice, slice]:
    """Positions i with i + shift inside 0 .. size - 1, and those i + shift."""
    start, stop = min(max(0, -shift), size), max(0, size - max(0, shift))
    return slice(start, stop), slice(start + shift, stop + shift) if start < stop else slice(0, 0)
