# SPDX-License-Identifier: Apache-2.0
"""Ways for a tensor to lie in memory: the same (N, C, H, W), other strides, and something around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cuda_numbers import DTYPES, FILL, stored
from flownet2.types import Array

Make = Callable[[tuple[int, int, int, int], type], tuple[Array, Array]]


def _wide(shape: tuple[int, ...], dtype: type) -> Array:
    return np.full(shape, FILL, dtype)


def _planes(shape: tuple[int, int, int, int], dtype: type) -> tuple[Array, Array]:
    n, c, h, w = shape
    memory = _wide((n, c + 3, h, w), dtype)
    return memory[:, 1 : c + 1], memory


def _pixels(shape: tuple[int, int, int, int], dtype: type) -> tuple[Array, Array]:
    n, c, h, w = shape
    memory = _wide((n, h, w, c), dtype)
    return memory.transpose(0, 3, 1, 2), memory


def _channels(shape: tuple[int, int, int, int], dtype: type) -> tuple[Array, Array]:
    n, c, h, w = shape
    memory = _wide((n, h, w, c + 8), dtype)
    return memory[..., 3 : c + 3].transpose(0, 3, 1, 2), memory


def _crop(shape: tuple[int, int, int, int], dtype: type) -> tuple[Array, Array]:
    n, c, h, w = shape
    memory = _wide((n, h + 2, 2 * w + 1, c + 1), dtype)
    return memory[:, h:0:-1, 2 * w - 1 :: -2, 1:].transpose(0, 3, 1, 2), memory


LAYOUTS: dict[str, Make] = {
    "nchw": lambda shape, dtype: (_wide(shape, dtype),) * 2,
    "planes": _planes,  # channels of a wider NCHW buffer
    "nhwc": _pixels,
    "channels": _channels,  # channels of a wider NHWC buffer, at an address of one element
    "crop": _crop,  # every other column, rows and columns the other way round
}


def empty(layout: str, shape: tuple[int, ...], number: str) -> tuple[Array, Array]:
    """A tensor to write into, and all of the memory that it is a part of; FILL everywhere."""
    n, c, h, w = shape
    part, memory = LAYOUTS[layout]((n, c, h, w), DTYPES[number])
    assert part.shape == shape
    return part, memory


def placed(values: Array, layout: str, number: str) -> Array:
    """The float32 values as a tensor of that layout and type."""
    part, _ = empty(layout, values.shape, number)
    part[...] = stored(values, number)
    return part


def untouched(part: Array, memory: Array) -> bool:
    """Whether FILL is still in all of the memory that is not the tensor's; fills the tensor."""
    part[...] = FILL
    return bool((memory == FILL).all())
