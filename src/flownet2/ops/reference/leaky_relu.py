# SPDX-License-Identifier: Apache-2.0
"""LeakyReLU, alone and as the last step of another operator."""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import LEAKY_SLOPE
from flownet2.types import Array


def leaky_relu(x: Array, *, slope: float = LEAKY_SLOPE) -> Array:
    """x where x > 0, slope * x elsewhere; NaN stays NaN."""
    return np.where(x > 0, x, x * x.dtype.type(slope))


def activate(x: Array, leaky_slope: float | None) -> Array:
    """LeakyReLU if a slope is given, else x itself."""
    return x if leaky_slope is None else leaky_relu(x, slope=leaky_slope)
