# SPDX-License-Identifier: Apache-2.0
"""Convolution as networks mean it: cross-correlation with zero padding, then bias, then LeakyReLU."""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import Pair
from flownet2.ops.reference.leaky_relu import activate
from flownet2.types import Array


def conv2d(
    x: Array,
    *,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    leaky_slope: float | None = None,
) -> Array:
    """out[n, o, row, col] = bias[o] + sum of weight[o, c, i, j] * x[n, c, row * sh + i - ph, col * sw + j - pw].

    The sum runs over c, i, j; stride (sh, sw), padding (ph, pw), zeros outside x.
    """
    (ph, pw), (sh, sw) = padding, stride
    co, _, kh, kw = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    ho = (padded.shape[2] - kh) // sh + 1
    wo = (padded.shape[3] - kw) // sw + 1
    out = np.zeros((x.shape[0], co, ho, wo), x.dtype)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i : i + sh * ho : sh, j : j + sw * wo : sw]
            out += np.einsum("oc,nchw->nohw", weight[:, :, i, j], tap[:, :, :ho, :wo], optimize=True)
    if bias is not None:
        out += bias[:, None, None]
    return activate(out, leaky_slope)
