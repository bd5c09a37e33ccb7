# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution as ordinary convolutions, one for each phase of the output.

Output rows y with one value of (y + ph) % sh use the same kernel rows, so they are a stride-1 convolution of the
input with those rows, flipped; columns likewise. A 4x4 kernel of stride 2 becomes four 2x2 convolutions.
"""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import Pair
from flownet2.ops.blas.conv2d import conv2d
from flownet2.types import Array


def conv_transpose2d(
    x: Array,
    *,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    leaky_slope: float | None = None,
) -> Array:
    """As ops/reference/conv_transpose2d.py, to rounding."""
    n, _, h, w = x.shape
    _, co, kh, kw = weight.shape
    full = np.zeros((n, co, (h - 1) * stride[0] + kh, (w - 1) * stride[1] + kw), x.dtype)
    for i in range(stride[0]):
        for j in range(stride[1]):
            _phase(x, weight[:, :, i :: stride[0], j :: stride[1]], full[:, :, i :: stride[0], j :: stride[1]])
    out = np.ascontiguousarray(
        full[:, :, padding[0] : full.shape[2] - padding[0], padding[1] : full.shape[3] - padding[1]]
    )
    if bias is not None:
        out += bias[:, None, None]
    if leaky_slope is not None:
        np.multiply(out, out.dtype.type(leaky_slope), out=out, where=~(out > 0))
    return out


def _phase(x: Array, taps: Array, out: Array) -> None:
    """Full convolution of x with taps (Ci, Co, kh, kw), written where this phase lies in the output."""
    kh, kw = taps.shape[2:]
    if kh and kw:
        flipped = np.ascontiguousarray(taps[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
        result = conv2d(x, weight=flipped, padding=(kh - 1, kw - 1))
        out[:, :, : result.shape[2], : result.shape[3]] = result
