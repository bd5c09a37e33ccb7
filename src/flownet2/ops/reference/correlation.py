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
    reach = r * stride
    padded = np.pad(b, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    out = np.empty((n, (2 * r + 1) ** 2, h, w), a.dtype)
    for iy in range(2 * r + 1):
        for ix in range(2 * r + 1):
            shifted = padded[:, :, iy * stride : iy * stride + h, ix * stride : ix * stride + w]
            out[:, iy * (2 * r + 1) + ix] = (a * shifted).sum(axis=1)
    if reduction == "mean":
        out /= out.dtype.type(c)
    return activate(out, leaky_slope)
