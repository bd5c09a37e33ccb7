# SPDX-License-Identifier: Apache-2.0
"""Convolution as im2col and one matrix product per strip of output rows.

The matrix of a whole layer would be larger than any cache (1.3 GB for one layer of FlowNet2 at 1024x448); a strip of
rows stays in it. Strips depend on the shape of one image only, so a batch gives the bits of single calls.
"""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import Pair
from flownet2.types import Array

_STRIP_BYTES = 4 << 20
"""Size of the unfolded strip; measured best between 1 and 16 MiB on machines with 1 and 2 MiB of L2 a core."""


def conv2d(
    x: Array,
    *,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    leaky_slope: float | None = None,
) -> Array:
    """As ops/reference/conv2d.py, to rounding."""
    co, ci, kh, kw = weight.shape
    n, _, h, w = x.shape
    ho = (h + 2 * padding[0] - kh) // stride[0] + 1
    wo = (w + 2 * padding[1] - kw) // stride[1] + 1
    matrix = weight.reshape(co, ci * kh * kw)
    rows = max(1, min(ho, _STRIP_BYTES // (x.itemsize * ci * kh * kw * wo)))
    out = np.empty((n, co, ho, wo), x.dtype)
    columns = np.empty((ci, kh, kw, rows * wo), x.dtype)
    for image, result in zip(x, out, strict=True):
        padded = np.pad(image, ((0, 0), (padding[0],) * 2, (padding[1],) * 2)) if any(padding) else image
        for top in range(0, ho, rows):
            count = min(rows, ho - top)
            strip = columns if count == rows else np.empty((ci, kh, kw, count * wo), x.dtype)
            unfold(padded[:, top * stride[0] :], strip.reshape(ci, kh, kw, count, wo), stride)
            block = matrix @ strip.reshape(ci * kh * kw, count * wo)
            finish(block, bias, leaky_slope)
            result[:, top : top + count] = block.reshape(co, count, wo)
    return out


def unfold(padded: Array, columns: Array, stride: Pair) -> None:
    """padded (Ci, H, W) -> columns (Ci, Kh, Kw, rows, Wo): the input pixel under every tap."""
    _, kh, kw, rows, wo = columns.shape
    sh, sw = stride
    for i in range(kh):
        for j in range(kw):
            columns[:, i, j] = padded[:, i : i + sh * (rows - 1) + 1 : sh, j : j + sw * (wo - 1) + 1 : sw]


def finish(block: Array, bias: Array | None, leaky_slope: float | None) -> None:
    """Bias and LeakyReLU, in place, on (Co, pixels)."""
    if bias is not None:
        block += bias[:, None]
    if leaky_slope is not None:
        np.multiply(block, block.dtype.type(leaky_slope), out=block, where=~(block > 0))
