# SPDX-License-Identifier: Apache-2.0
"""The last step of a convolution: bias, then LeakyReLU."""

from __future__ import annotations

import numpy as np

from flownet2.types import Array


def finish(block: Array, bias: Array | None, leaky_slope: float | None) -> None:
    """Bias and LeakyReLU, in place, on (Co, rows, columns)."""
    if bias is not None:
        block += bias[:, None, None]
    if leaky_slope is None:
        return
    slope = block.dtype.type(leaky_slope)
    if 0 < slope <= 1:  # then the larger of the two is the right one, for infinities and NaN as well
        np.maximum(block, block * slope, out=block)
    else:
        block[...] = np.where(block > 0, block, block * slope)
