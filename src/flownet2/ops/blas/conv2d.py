# SPDX-License-Identifier: Apache-2.0
"""Convolution as matrix products over strips of output rows.

The unfolded matrix of a whole layer would be larger than any cache (1.3 GB for one layer of FlowNet2 at 1024x448), so
it is made for a strip of rows at a time, in one of three ways. All of them depend on the shape of one image only, so
a batch gives the bits of single calls.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from flownet2.ops.attributes import Pair
from flownet2.ops.blas.conv_transpose2d import conv_transpose2d
from flownet2.ops.blas.epilogue import finish
from flownet2.types import Array

_STRIP_BYTES = 4 << 20
_WIDE = 256


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
    (ph, pw), (sh, sw) = padding, stride
    if any(padding):
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    if stride == (1, 1) and 2 * co <= ci and kh * kw > 1:
        return _scatter(x, weight, bias, leaky_slope)
    n, _, h, w = x.shape
    out = np.empty((n, co, (h - kh) // sh + 1, (w - kw) // sw + 1), x.dtype)
    product = _by_rows if out.shape[3] >= _WIDE else _by_strips
    for image, result in zip(x, out, strict=True):
        product(image, weight, bias, stride, leaky_slope, result)
    return out


def _scatter(padded: Array, weight: Array, bias: Array | None, leaky_slope: float | None) -> Array:
    """Few output channels: cheaper to move the products than the input; that is a transposed convolution."""
    flipped = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
    rest = (weight.shape[2] - 1, weight.shape[3] - 1)
    return conv_transpose2d(padded, weight=flipped, bias=bias, padding=rest, leaky_slope=leaky_slope)


def _by_rows(
    image: Array, weight: Array, bias: Array | None, stride: Pair, leaky_slope: float | None, out: Array
) -> None:
    """Wide maps: unfold along rows only; kh such rows, adjacent in memory, are the matrix of one output row."""
    co, ci, kh, kw = weight.shape
    _, ho, wo = out.shape
    sh, sw = stride
    matrix = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(co, kh * kw * ci)
    row_bytes = kw * ci * wo * image.itemsize
    rows = min(ho, max(1, (_STRIP_BYTES // row_bytes - kh) // sh + 1))
    lines = np.empty(((rows - 1) * sh + kh, kw, ci, wo), image.dtype)
    for top in range(0, ho, rows):
        count = min(rows, ho - top)
        strip = image[:, top * sh : (top + count - 1) * sh + kh].transpose(1, 0, 2)
        for j in range(kw):
            lines[: strip.shape[0], j] = strip[:, :, j : j + sw * (wo - 1) + 1 : sw]
        windows = as_strided(
            lines, (count, kh * kw * ci, wo), (sh * row_bytes, wo * image.itemsize, image.itemsize), writeable=False
        )
        block = out[:, top : top + count]
        np.matmul(matrix, windows, out=block.transpose(1, 0, 2))
        finish(block, bias, leaky_slope)


def _by_strips(
    image: Array, weight: Array, bias: Array | None, stride: Pair, leaky_slope: float | None, out: Array
) -> None:
    """Narrow maps: im2col, so that one product covers several rows."""
    co, ci, kh, kw = weight.shape
    _, ho, wo = out.shape
    sh, sw = stride
    matrix = weight.reshape(co, ci * kh * kw)
    rows = min(ho, max(1, _STRIP_BYTES // (math.prod(weight.shape[1:]) * wo * image.itemsize)))
    for top in range(0, ho, rows):
        count = min(rows, ho - top)
        columns = np.empty((ci, kh, kw, count, wo), image.dtype)
        for i in range(kh):
            for j in range(kw):
                first = top * sh + i
                columns[:, i, j] = image[:, first : first + sh * (count - 1) + 1 : sh, j : j + sw * (wo - 1) + 1 : sw]
        block = out[:, top : top + count]
        block[...] = (matrix @ columns.reshape(matrix.shape[1], count * wo)).reshape(block.shape)
        finish(block, bias, leaky_slope)
