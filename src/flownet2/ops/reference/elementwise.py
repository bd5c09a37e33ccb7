# SPDX-License-Identifier: Apache-2.0
"""Sum, difference or product of two maps, or one map times a number."""

from __future__ import annotations

from flownet2.types import Array


def elementwise(*inputs: Array, kind: str = "scale", factor: float = 1.0) -> Array:
    """kind "add", "sub", "mul" of two inputs; "scale": the one input times factor."""
    first = inputs[0]
    if kind == "scale":
        return first * first.dtype.type(factor)
    second = inputs[1]
    if kind == "add":
        return first + second
    return first - second if kind == "sub" else first * second
