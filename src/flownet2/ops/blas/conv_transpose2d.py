# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution: one matrix product gives every tap of every input pixel, then they are added up.

The sums go to one array for each phase of the output, that is for each (row % stride, column % stride), where
neighbours lie side by side; the phases are interleaved at the end.
"""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import Pair
from flownet2.ops.blas.epilogue import finish
from flownet2.types import Array

STRIP_BYTES = 4 << 20
"""Size of a strip's matrix, here and in conv2d.py. On Zen 4 (1 MiB of L2 a core, 32 MiB of L3) with two threads, over
FlowNet2's largest layers: 2 to 8 MiB alike, 0.5 and 1 MiB slower by 9 %."""


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
    (ph, pw), (sh, sw) = padding, stride
    out = np.empty((n, co, (h - 1) * sh + kh - 2 * ph, (w - 1) * sw + kw - 2 * pw), x.dtype)
    for image, result in zip(x, out, strict=True):
        phases = _phases(image, weight, stride)
        for a in range(sh):
            for b in range(sw):
                part = result[:, (a - ph) % sh :: sh, (b - pw) % sw :: sw]
                top, left = ((a - ph) % sh + ph) // sh, ((b - pw) % sw + pw) // sw
                part[...] = phases[a, b, :, top : top + part.shape[1], left : left + part.shape[2]]
        finish(result, bias, leaky_slope)
    return out


def _phases(image: Array, weight: Array, stride: Pair) -> Array:
    """(sh, sw, Co, rows, columns): sum of the taps, before the padding is cut off."""
    ci, co, kh, kw = weight.shape
    _, h, w = image.shape
    sh, sw = stride
    matrix = weight.reshape(ci, co * kh * kw).T
    sums = np.zeros((sh, sw, co, h + (kh - 1) // sh, w + (kw - 1) // sw), image.dtype)
    rows = min(h, max(1, STRIP_BYTES // (matrix.shape[0] * w * image.itemsize)))
    for top in range(0, h, rows):
        count = min(rows, h - top)
        taps = (matrix @ image[:, top : top + count].reshape(ci, count * w)).reshape(co, kh, kw, count, w)
        for i in range(kh):
            for j in range(kw):
                y, x = top + i // sh, j // sw
                sums[i % sh, j % sw, :, y : y + count, x : x + w] += taps[:, i, j]
    return sums
