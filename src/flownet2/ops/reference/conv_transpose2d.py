# SPDX-License-Identifier: Apache-2.0
"""Transposed convolution: every input pixel adds a weighted kernel to the output; then bias, then LeakyReLU."""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import Pair
from flownet2.ops.reference.leaky_relu import activate
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
    """out[n, o, y * sh + i - ph, x * sw + j - pw] += weight[c, o, i, j] * x[n, c, y, x], over all c, y, x, i, j."""
    (ph, pw), (sh, sw) = padding, stride
    n, _, h, w = x.shape
    _, co, kh, kw = weight.shape
    full = np.zeros((n, co, (h - 1) * sh + kh, (w - 1) * sw + kw), x.dtype)
    for i in range(kh):
        for j in range(kw):
            tap = np.einsum("co,nchw->nohw", weight[:, :, i, j], x, optimize=True)
            full[:, :, i : i + sh * h : sh, j : j + sw * w : sw][:, :, :h, :w] += tap
    out = np.ascontiguousarray(full[:, :, ph : full.shape[2] - ph, pw : full.shape[3] - pw])
    if bias is not None:
        out += bias[:, None, None]
    return activate(out, leaky_slope)
