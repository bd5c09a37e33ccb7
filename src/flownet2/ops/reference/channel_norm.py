# SPDX-License-Identifier: Apache-2.0
"""Length of the channel vector at every pixel (Caffe `ChannelNorm`, used for the brightness error)."""

from __future__ import annotations

import numpy as np

from flownet2.types import Array


def channel_norm(x: Array) -> Array:
    """out[n, 0, y, x] = sqrt(sum over c of x[n, c, y, x] ** 2)."""
    out: Array = np.sqrt(np.sum(x * x, axis=1, keepdims=True))
    return out
