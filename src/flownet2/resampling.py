# SPDX-License-Identifier: Apache-2.0
"""Bilinear resizing of pictures and flow as the origins of weights do it.

"opencv" is mmflow's rule, exactly as cv2.resize(INTER_LINEAR) does it. A float resize of 8-bit pictures would be
another input than the one the published numbers were made with: OpenCV works there in integers, with coefficients of
11 bits. Equal to the bit (tests/test_resampling.py), but for float arrays halved exactly on both axes: there OpenCV
averages 2x2 blocks and the last bit may differ.

"corners" is ptlflow's, of floats only: torch.nn.functional.interpolate with align_corners=True.

"lmb" is that of the authors' Caffe, of floats only: their Resample layer, LINEAR with antialias, which moves each axis
by half a pixel of the other one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flownet2.arrays import namespace
from flownet2.types import Array

_COEFFICIENT_BITS = 11
_ROWS_AT_A_TIME = 16
"""Output rows whose numbers stay in the processor's cache until they are done."""


_Taps = list[tuple[Array, Array]]
"""What an output position is the sum of: for each term of all positions, where it is read and its float32 weight."""

_Size = tuple[int, int]


@dataclass(frozen=True)
class _Axis:
    """Two neighbours of every output position and the weight of the second, float32; identity: of each its own."""

    first: Array
    second: Array
    weight: Array
    identity: bool


def resize_picture(picture: Array, height: int, width: int, resampling: str = "opencv") -> Array:
    """(..., H, W, C) uint8 or float32 -> (..., height, width, C) of the same dtype; itself if the size is right.

    uint8 by the rule "opencv" only.
    """
    if picture.shape[-3:-1] == (height, width):
        return picture
    if picture.dtype == np.uint8:
        return _resize_uint8(picture, height, width)
    return _resize_float(picture, height, width, resampling)


def resize_flow(
    flow: Array, height: int, width: int, resampling: str = "opencv", pixels_of: tuple[int, int] | None = None
) -> Array:
    """(..., H, W, 2) float32 -> (..., height, width, 2) float32 in pixels of the new size.

    pixels_of: (rows, columns) of the size in whose pixels the flow is; None for its own.
    """
    rows, columns = flow.shape[-3:-1] if pixels_of is None else pixels_of
    if (height, width) == flow.shape[-3:-1] == (rows, columns):
        return flow
    resized = _resize_float(flow, height, width, resampling)
    resized /= namespace(flow).asarray(np.array([columns / width, rows / height], np.float32))
    return resized


def _resize_uint8(picture: Array, height: int, width: int) -> Array:
    """Columns first, products kept as integers, then rows; the shifts are those of OpenCV's vector code."""
    xp = namespace(picture)
    rows, columns = _row_axis(picture.shape[-3], height), _column_axis(picture.shape[-2], width)
    if columns.identity:
        lines, shift = picture, 9  # each is 2048 times itself, shifted by 4, which the next shift takes back
    else:
        left, right, x0, x1 = _tables(xp, columns, _integer_weights(columns), inner=1)
        lines, shift = picture.take(left, -2) * x0 + picture.take(right, -2) * x1, 16
        lines >>= 4
    above, below, y0, y1 = _tables(xp, rows, _integer_weights(rows), inner=2)

    def resized(some: slice) -> Array:
        sums = y0[some] * lines.take(above[some], -3)
        sums >>= shift
        lower = y1[some] * lines.take(below[some], -3)
        lower >>= shift
        sums += lower
        sums += 2
        sums >>= 2
        return sums

    return _all_rows(xp, resized, (*picture.shape[:-3], height, width, picture.shape[-1]), np.uint8)


def _resize_float(picture: Array, height: int, width: int, resampling: str) -> Array:
    xp = namespace(picture)
    size = picture.shape[-3:-1]
    rows, columns = RESAMPLINGS[resampling]((size[0], size[1]), (height, width))
    lines = picture
    if columns is not None:
        lines = _sum(lines, [_on(xp, tap, inner=1) for tap in columns], -2)
    taps = [_on(xp, tap, inner=2) for tap in rows]

    def resized(some: slice) -> Array:
        return _sum(lines, [(index[some], weight[some]) for index, weight in taps], -3)

    return _all_rows(xp, resized, (*picture.shape[:-3], height, width, picture.shape[-1]), np.float32)


def _sum(values: Array, taps: _Taps, axis: int) -> Array:
    """Of the taps, in their order."""
    total: Array = values.take(taps[0][0], axis) * taps[0][1]
    for index, weight in taps[1:]:
        total += values.take(index, axis) * weight
    return total


def _on(xp: Any, tap: tuple[Array, Array], *, inner: int) -> tuple[Array, Array]:
    """A tap where the pictures lie; its weights with one place per inner axis."""
    return xp.asarray(tap[0]), xp.asarray(tap[1].reshape(-1, *[1] * inner))


def _all_rows(xp: Any, resized: Callable[[slice], Array], shape: tuple[int, ...], dtype: type) -> Array:
    """All output rows, from some of them: a few at a time on the CPU, all at once where every step is a launch."""
    if xp is not np:
        return resized(slice(None)).astype(dtype, copy=False)
    out: Array = np.empty(shape, dtype)
    for start in range(0, shape[-3], _ROWS_AT_A_TIME):
        some = slice(start, start + _ROWS_AT_A_TIME)
        out[..., some, :, :] = resized(some)
    return out


def _positions(n_in: int, n_out: int) -> tuple[Array, Array]:
    """Whole part and float32 rest of the source position of every output pixel."""
    position = ((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5).astype(np.float32)
    whole = np.floor(position)
    return whole.astype(np.intp), position - whole


def _column_axis(n_in: int, n_out: int) -> _Axis:
    """Positions beyond the first or last column take that column alone."""
    first, weight = _positions(n_in, n_out)
    outside = (first < 0) | (first >= n_in - 1)
    first = np.clip(first, 0, n_in - 1)
    weight = np.where(outside, np.float32(0), weight)
    return _Axis(first, np.minimum(first + 1, n_in - 1), weight, n_in == n_out)


def _row_axis(n_in: int, n_out: int) -> _Axis:
    """Unlike columns, rows keep their weights at the border; both neighbours are moved into the picture."""
    first, weight = _positions(n_in, n_out)
    return _Axis(np.clip(first, 0, n_in - 1), np.clip(first + 1, 0, n_in - 1), weight, n_in == n_out)


def _corner_axis(n_in: int, n_out: int) -> _Axis:
    """The first position is the first pixel's, the last the last's; float32 throughout, as PyTorch."""
    step = np.float32(n_in - 1) / np.float32(max(n_out - 1, 1))
    position = np.arange(n_out).astype(np.float32) * (step if n_out > 1 else np.float32(0))
    first = np.minimum(position.astype(np.intp), n_in - 1)
    return _Axis(first, np.minimum(first + 1, n_in - 1), position - first.astype(np.float32), n_in == n_out)


def _lmb_taps(n_in: int, n_out: int, other_step: float) -> _Taps:
    """A triangle around each position, its weights divided by their sum; if an axis falls, as wide as the step on both.

    Where nothing is near, which needs one axis to fall and the other to grow, it gives 0.

    other_step: pixels of the source for each of the output on the other axis: this one is moved by half of that.
    """
    step = n_in / n_out
    reach = step if max(step, other_step) > 1 else 1.0
    position = np.arange(n_out) * step + other_step / 2 - 0.5
    beside = math.ceil(reach)
    taps = np.floor(position + 0.5)[:, None] + np.arange(-beside, beside + 1)
    weight = np.maximum(1 - np.abs(position[:, None] - taps) / reach, 0)
    weight[(taps < 0) | (taps > n_in - 1)] = 0
    total = weight[:, 0].copy()
    for column in range(1, weight.shape[1]):  # in this order in C++, too
        total += weight[:, column]
    weight /= np.where(total > 0, total, 1)[:, None]
    index = np.clip(taps, 0, n_in - 1).astype(np.intp)
    return [(index[:, k], weight[:, k].astype(np.float32)) for k in range(weight.shape[1])]


def _opencv(source: _Size, target: _Size) -> tuple[_Taps, _Taps | None]:
    columns = _column_axis(source[1], target[1])
    return _two(_row_axis(source[0], target[0])), None if columns.identity else _two(columns)


def _corners(source: _Size, target: _Size) -> tuple[_Taps, _Taps | None]:
    columns = _corner_axis(source[1], target[1])
    return _two(_corner_axis(source[0], target[0])), None if columns.identity else _two(columns)


def _lmb(source: _Size, target: _Size) -> tuple[_Taps, _Taps | None]:
    y_step, x_step = source[0] / target[0], source[1] / target[1]
    columns = None if source == target else _lmb_taps(source[1], target[1], y_step)
    return _lmb_taps(source[0], target[0], x_step), columns


def _two(axis: _Axis) -> _Taps:
    return [(axis.first, 1 - axis.weight), (axis.second, axis.weight)]


RESAMPLINGS: dict[str, Callable[[_Size, _Size], tuple[_Taps, _Taps | None]]] = {
    "opencv": _opencv,
    "corners": _corners,
    "lmb": _lmb,
}
"""Name -> (taps of rows, of columns) of a size and a new one; None where columns stay as they are."""


def _integer_weights(axis: _Axis) -> tuple[Array, Array]:
    one = np.float32(1 << _COEFFICIENT_BITS)
    weights = np.rint((1 - axis.weight) * one), np.rint(axis.weight * one)
    return weights[0].astype(np.int32), weights[1].astype(np.int32)


def _tables(xp: Any, axis: _Axis, weights: tuple[Array, Array], *, inner: int) -> tuple[Array, Array, Array, Array]:
    """An axis's neighbours and their weights where the pictures lie; the weights with one place per inner axis."""
    shape = (-1, *[1] * inner)
    first, second = xp.asarray(axis.first), xp.asarray(axis.second)
    return first, second, xp.asarray(weights[0].reshape(shape)), xp.asarray(weights[1].reshape(shape))
