# SPDX-License-Identifier: Apache-2.0
"""bfloat16, the upper half of a float32, which NumPy has no dtype for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flownet2.buffers import new_array
from flownet2.types import Array


def bfloat16_to_float32(bits: Array) -> npt.NDArray[np.float32]:
    """Return float32 values, equal to the last bit, of bfloat16 values given as uint16 bits."""
    wide = new_array(bits.shape, "<u4")
    np.left_shift(bits, 16, out=wide, dtype="<u4")
    return wide.view("<f4")


def float32_to_bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Round float32 to the nearest bfloat16, ties to even, and return the uint16 bits.

    A value above the largest bfloat16 becomes infinite and NaN stays NaN, as IEEE 754 rounds.
    """
    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4")
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    rounded[nan] = (bits[nan] >> 16).astype("<u2") | np.uint16(0x40)
    result: npt.NDArray[np.uint16] = rounded.reshape(np.shape(values))
    return result


def round_to_bfloat16(values: Array) -> npt.NDArray[np.float32]:
    """float32 -> the nearest values of bfloat16, ties to even, as float32."""
    return bfloat16_to_float32(float32_to_bfloat16(values))
