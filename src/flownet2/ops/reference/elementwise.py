# SPDX-License-Identifier: Apache-2.0
"""Sum, difference or product of two maps, or one map times a number."""

from __future__ import annotations

from flownet2.types import Array


def elementwise(*inputs: Array, kind: str = "scale", factor: float = 1.0) -> Array:
    """kind "add", "sub", "mul" of two inputs; "scale": the one input times factor."""
    first, second = inputs[0], inputs[-1]
    out: Array
    if kind == "scale":
        out = first * first.dtype.type(factor)
    elif kind == "add":
        out = first + second
    elif kind == "sub":
        out = first - second
    else:
        out = first * second
    return out
