# SPDX-License-Identifier: Apache-2.0
"""Convolution as matrix products over strips of output rows.

The unfolded matrix of a whole layer would be larger than any cache (1.3 GB for one layer of FlowNet2 at 1024x448), so
it is made for a strip of rows at a time, in one of two ways; layers of few outputs have a third. Which one, and the
strips, depend on the shapes of one image only, so a batch gives the bits of single calls.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from flownet2.ops.attributes import Pair
from flownet2.ops.blas.conv_transpose2d import STRIP_BYTES, conv_transpose2d
from flownet2.ops.blas.epilogue import finish
from flownet2.types import Array

_WIDE = 256
"""Columns from which the product of one output row is large enough; measured equal at 128."""


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
    if _few_outputs(weight, stride, padding):
        flipped = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
        rest = (weight.shape[2] - 1 - padding[0], weight.shape[3] - 1 - padding[1])
        return conv_transpose2d(x, weight=flipped, bias=bias, padding=rest, leaky_slope=leaky_slope)
    co, _, kh, kw = weight.shape
    n, _, h, w = x.shape
    ho = (h + 2 * padding[0] - kh) // stride[0] + 1
    wo = (w + 2 * padding[1] - kw) // stride[1] + 1
    out = np.empty((n, co, ho, wo), x.dtype)
    multiply = _by_rows if wo >= _WIDE else _by_strips
    for image, result in zip(x, out, strict=True):
        for block in multiply(image, weight, stride, padding, result):
            finish(block, bias, leaky_slope)
    return out


def _few_outputs(weight: Array, stride: Pair, padding: Pair) -> bool:
    """Whether adding up the products of every tap costs less than unfolding the input: a transposed convolution.

    That never multiplies the padding, so it is only for weights to which a zero of the padding makes no difference.
    """
    co, ci, kh, kw = weight.shape
    possible = stride == (1, 1) and padding[0] < kh and padding[1] < kw
    return possible and 2 * co <= ci and kh * kw > 1 and bool(np.isfinite(weight).all())


def _by_rows(image: Array, weight: Array, stride: Pair, padding: Pair, out: Array) -> Iterator[Array]:
    """Wide maps: unfold along rows only; kh such rows, adjacent in memory, are the matrix of one output row."""
    co, ci, kh, kw = weight.shape
    _, ho, wo = out.shape
    sh, sw = stride
    matrix = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(co, kh * kw * ci)
    row_bytes = kw * ci * wo * image.itemsize
    rows = min(ho, max(1, (STRIP_BYTES // row_bytes - kh) // sh + 1))
    padded = np.zeros((ci, (rows - 1) * sh + kh, image.shape[2] + 2 * padding[1]), image.dtype)
    lines = np.empty((padded.shape[1], kw, ci, wo), image.dtype)
    strides = (sh * row_bytes, wo * image.itemsize, image.itemsize)
    for top in range(0, ho, rows):
        count = min(rows, ho - top)
        _copy_rows(image, top * sh - padding[0], padded[:, :, padding[1] : padding[1] + image.shape[2]])
        for j in range(kw):
            lines[:, j] = padded[:, :, j : j + sw * (wo - 1) + 1 : sw].transpose(1, 0, 2)
        windows = as_strided(lines, (count, matrix.shape[1], wo), strides, writeable=False)
        block = out[:, top : top + count]
        np.matmul(matrix, windows, out=block.transpose(1, 0, 2))
        yield block


def _copy_rows(image: Array, first: int, strip: Array) -> None:
    """Rows of the image from `first` on into strip; zeros above and below the image."""
    height = image.shape[1]
    start, stop = max(first, 0), min(first + strip.shape[1], height)
    above = min(start - first, strip.shape[1])
    below = above + max(stop - start, 0)
    strip[:, :above] = 0
    strip[:, above:below] = image[:, start : start + below - above]
    strip[:, below:] = 0


def _by_strips(image: Array, weight: Array, stride: Pair, padding: Pair, out: Array) -> Iterator[Array]:
    """Narrow maps: im2col, so that one product covers several rows."""
    co, ci, kh, kw = weight.shape
    _, ho, wo = out.shape
    sh, sw = stride
    matrix = weight.reshape(co, ci * kh * kw)
    padded = np.pad(image, ((0, 0), (padding[0],) * 2, (padding[1],) * 2)) if any(padding) else image
    rows = min(ho, max(1, STRIP_BYTES // (matrix.shape[1] * wo * image.itemsize)))
    for top in range(0, ho, rows):
        count = min(rows, ho - top)
        columns = np.empty((ci, kh, kw, count, wo), image.dtype)
        for i in range(kh):
            tap_rows = padded[:, top * sh + i : (top + count - 1) * sh + i + 1 : sh]
            for j in range(kw):
                columns[:, i, j] = tap_rows[:, :, j : j + sw * (wo - 1) + 1 : sw]
        block = out[:, top : top + count]
        block[...] = (matrix @ columns.reshape(matrix.shape[1], count * wo)).reshape(block.shape)
        yield block
