# SPDX-License-Identifier: Apache-2.0
"""Cost rule of each operator: (attributes, input shapes, parameter shapes, output shape) -> multiply-adds.

Counted is what the definition multiplies and adds up, products with the zeros of padding included: a measure of the
work asked for, the same for every way to do it. Twice as many floating-point operations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from flownet2.types import Shape

Parameters = Mapping[str, tuple[int, ...]]


def none(_attributes: object, _inputs: Sequence[Shape], _parameters: Parameters, _out: Shape) -> int:
    """Operators that are bound by memory: a few operations a value."""
    return 0


def conv2d(_attributes: object, _inputs: Sequence[Shape], parameters: Parameters, out: Shape) -> int:
    """The whole weight (Co, Ci, Kh, Kw) for every output pixel."""
    n, _, h, w = out
    return n * h * w * math.prod(parameters["weight"])


def conv_transpose2d(_attributes: object, inputs: Sequence[Shape], parameters: Parameters, _out: Shape) -> int:
    """The whole weight (Ci, Co, Kh, Kw) for every input pixel."""
    n, _, h, w = inputs[0]
    return n * h * w * math.prod(parameters["weight"])


def correlation(_attributes: object, inputs: Sequence[Shape], _parameters: Parameters, out: Shape) -> int:
    """All channels for every displacement of every pixel."""
    return math.prod(out) * inputs[0][1]
