# SPDX-License-Identifier: Apache-2.0
"""Precisions of the GPU executor: what is stored in which type.

Flow, coordinates and sums are float32 in every precision: values of at most FLOW_CHANNELS channels are stored so, and
convolutions to so few channels have a kernel of their own, with float32 weights.
"""

from __future__ import annotations

import numpy as np

from flownet2.bfloat16 import float32_to_bfloat16
from flownet2.executors.precision import FLOW_CHANNELS
from flownet2.types import Array

_STORED = {"float32": "float32", "tf32": "float32", "float16": "float16", "bfloat16": "uint16"}


def storage(precision: str) -> np.dtype[np.generic]:
    """The dtype of features and weights in memory; bfloat16 as its bits."""
    return np.dtype(_STORED[precision])


def value_type(precision: str, channels: int) -> np.dtype[np.generic]:
    """The dtype of a value of so many channels."""
    return np.dtype("float32") if channels <= FLOW_CHANNELS else storage(precision)


def stored(values: Array, precision: str) -> Array:
    """float32 values, such as weights, rounded to the precision's type."""
    if precision == "bfloat16":
        return float32_to_bfloat16(values)
    return np.ascontiguousarray(values, storage(precision))
