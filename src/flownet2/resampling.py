# SPDX-License-Identifier: Apache-2.0
"""Bilinear resizing of pictures and flow exactly as cv2.resize(INTER_LINEAR) does it, which is mmflow's rule; and the
rule of the authors' Caffe layer.

A float resize of 8-bit pictures would be another input than the one the published numbers were made with: OpenCV
works there in integers, with coefficients of 11 bits. Equal to the bit (tests/test_resampling.py), but for float
arrays halved exactly on both axes: there OpenCV averages 2x2 blocks and the last bit may differ.
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


@dataclass(frozen=True)
class _Axis:
    """Two neighbours of every output position and the weight of the second, float32; identity: of each its own."""

    first: Array
    second: Array
    weight: Array
    identity: bool


def resize_picture(picture: Array, height: int, width: int) -> Array:
    """(..., H, W, C) uint8 or float32 -> (..., height, width, C) of the same dtype; itself if the size is right."""
    if picture.shape[-3:-1] == (height, width):
        return picture
    return _resize_uint8(picture, height, width) if picture.dtype == np.uint8 else _resize_float(picture, height, width)


def resize_flow(flow: Array, height: int, width: int) -> Array:
    """(..., H, W, 2) float32 pixels -> (..., height, width, 2) float32 in pixels of the new size."""
    rows, columns = flow.shape[-3:-1]
    if (rows, columns) == (height, width):
        return flow
    resized = _resize_float(flow, height, width)
    resized /= namespace(flow).asarray(np.array([columns / width, rows / height], np.float32))
    return resized


def caffe_resample(array: Array, height: int, width: int, *, antialias: bool = True) -> Array:
    """(..., H, W, C) float32 -> (..., height, width, C) float32 as Caffe's Resample LINEAR, values of flow unchanged.

    Bilinear; with antialias the filter is as wide as the ratio of the sizes, on both axes, if any axis becomes shorter.
    A pixel that no pixel of the array is near to is 0, which happens only if one axis becomes much longer meanwhile.
    """
    ratios = array.shape[-3] / height, array.shape[-2] / width
    widened = antialias and max(ratios) > 1
    xp = namespace(array)
    # Each axis takes half a pixel of the other's ratio for its offset: that is how the layer computes.
    for axis, size, own, other in ((-3, height, *ratios), (-2, width, *ratios[::-1])):
        array = _filtered(xp, array, axis, size, own, offset=other / 2 - 0.5, reach=own if widened else 1.0)
    result: Array = array.astype(np.float32, copy=False)
    return result


def _filtered(xp: Any, array: Array, axis: int, size: int, ratio: float, *, offset: float, reach: float) -> Array:
    """One axis by a triangle filter of that reach; the weights inside the array are made to sum up to 1."""
    position = np.arange(size) * ratio + offset
    first = np.floor(position - reach).astype(np.intp) + 1
    places = first + np.arange(math.ceil(2 * reach))[:, None]
    weights = np.maximum(1 - np.abs(position - places) / reach, 0)
    weights *= (places >= 0) & (places < array.shape[axis])
    weights /= np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
    places = np.clip(places, 0, array.shape[axis] - 1)
    shape = (-1, *[1] * (-1 - axis))
    result: Array = xp.zeros((*array.shape[:axis], size, *array.shape[array.ndim + axis + 1 :]), np.float32)
    for place, weight in zip(places, weights.astype(np.float32), strict=True):
        result += array.take(xp.asarray(place), axis) * xp.asarray(weight.reshape(shape))
    return result


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


def _resize_float(picture: Array, height: int, width: int) -> Array:
    xp = namespace(picture)
    rows, columns = _row_axis(picture.shape[-3], height), _column_axis(picture.shape[-2], width)
    lines = picture
    if not columns.identity:
        left, right, x0, x1 = _tables(xp, columns, _float_weights(columns), inner=1)
        lines = picture.take(left, -2) * x0 + picture.take(right, -2) * x1
    above, below, y0, y1 = _tables(xp, rows, _float_weights(rows), inner=2)

    def resized(some: slice) -> Array:
        sums = lines.take(above[some], -3) * y0[some]
        sums += lines.take(below[some], -3) * y1[some]
        return sums

    return _all_rows(xp, resized, (*picture.shape[:-3], height, width, picture.shape[-1]), np.float32)


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


def _float_weights(axis: _Axis) -> tuple[Array, Array]:
    return 1 - axis.weight, axis.weight


def _integer_weights(axis: _Axis) -> tuple[Array, Array]:
    one = np.float32(1 << _COEFFICIENT_BITS)
    weights = np.rint((1 - axis.weight) * one), np.rint(axis.weight * one)
    return weights[0].astype(np.int32), weights[1].astype(np.int32)


def _tables(xp: Any, axis: _Axis, weights: tuple[Array, Array], *, inner: int) -> tuple[Array, Array, Array, Array]:
    """An axis's neighbours and their weights where the pictures lie; the weights with one place per inner axis."""
    shape = (-1, *[1] * inner)
    first, second = xp.asarray(axis.first), xp.asarray(axis.second)
    return first, second, xp.asarray(weights[0].reshape(shape)), xp.asarray(weights[1].reshape(shape))
