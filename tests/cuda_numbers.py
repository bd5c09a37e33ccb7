# SPDX-License-Identifier: Apache-2.0
"""The element types of tensors on the GPU, in NumPy: bfloat16 travels as its bits in uint16."""

from __future__ import annotations

import numpy as np

from flownet2.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from flownet2.types import Array

DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}
NUMBERS = tuple(DTYPES)
HALF_STEP = {"float32": 0.0, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""What rounding to the type is off, at most, as a share of the value."""

FILL = 77
"""In memory that a kernel must not touch: its bits are no value that tests compute."""


def stored(values: Array, number: str) -> Array:
    """float32 values as memory of that type, rounded to the nearest."""
    values = np.ascontiguousarray(values, np.float32)
    return float32_to_bfloat16(values) if number == "bfloat16" else values.astype(DTYPES[number])


def values_of(memory: Array) -> Array:
    """The other way, to float32."""
    return bfloat16_to_float32(memory) if memory.dtype == np.uint16 else memory.astype(np.float32)


def assert_rounded(got: Array, expected: Array, number: str, what: str = "") -> None:
    """Of each element half a step of the type, besides 1e-5 of the largest."""
    assert got.shape == expected.shape
    assert np.isfinite(got).all()
    allowed = HALF_STEP[number] * np.abs(expected) + 1e-5 * max(np.abs(expected).max(), 1e-30)
    share = (np.abs(got.astype(np.float64) - expected) / allowed).max()
    assert share <= 1, f"{what} {number}: {share:.3g} times what is allowed"


def rounded_to_tf32(x: Array) -> Array:
    """10 bits of mantissa, ties to even."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & np.uint32(0xFFFFE000)).view(np.float32)
