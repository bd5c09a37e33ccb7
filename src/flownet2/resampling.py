# SPDX-License-Identifier: Apache-2.0
"""Bilinear resizing of pictures and flow exactly as cv2.resize(INTER_LINEAR) does it, which is mmflow's rule.

A float resize of 8-bit pictures would be another input than the one the published numbers were made with: OpenCV
works there in integers, with coefficients of 11 bits. Equal to the bit (tests/test_resampling.py), but for float
arrays halved exactly on both axes: there OpenCV averages 2x2 blocks and the last bit may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

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
    """(H, W, C) uint8 or float32 -> (height, width, C) of the same dtype; itself if the size is right already."""
    if picture.shape[:2] == (height, width):
        return picture
    return _resize_uint8(picture, height, width) if picture.dtype == np.uint8 else _resize_float(picture, height, width)


def resize_flow(flow: Array, height: int, width: int) -> Array:
    """(H, W, 2) float32 pixels -> (height, width, 2) float32 in pixels of the new size."""
    if flow.shape[:2] == (height, width):
        return flow
    factors = np.array([flow.shape[1] / width, flow.shape[0] / height], np.float32)
    resized = _resize_float(flow, height, width)
    resized /= factors
    return resized


def _resize_uint8(picture: Array, height: int, width: int) -> Array:
    """Columns first, products kept as integers, then rows; the shifts are those of OpenCV's vector code."""
    rows, columns = _row_axis(picture.shape[0], height), _column_axis(picture.shape[1], width)
    y0, y1 = (c[:, None, None] for c in _integer_weights(rows))
    if columns.identity:
        lines, shift = picture, 9  # each is 2048 times itself, shifted by 4, which the next shift takes back
    else:
        x0, x1 = (c[:, None] for c in _integer_weights(columns))
        lines, shift = picture[:, columns.first] * x0 + picture[:, columns.second] * x1, 16
        lines >>= 4
    out = np.empty((height, width, picture.shape[2]), np.uint8)
    for some in _some_rows(height):
        sums = y0[some] * lines[rows.first[some]]
        sums >>= shift
        below = y1[some] * lines[rows.second[some]]
        below >>= shift
        sums += below
        sums += 2
        sums >>= 2
        out[some] = sums
    return out


def _resize_float(picture: Array, height: int, width: int) -> Array:
    rows, columns = _row_axis(picture.shape[0], height), _column_axis(picture.shape[1], width)
    rx, ry = columns.weight[:, None], rows.weight[:, None, None]
    lines = picture
    if not columns.identity:
        lines = picture[:, columns.first] * (1 - rx) + picture[:, columns.second] * rx
    out = np.empty((height, width, picture.shape[2]), np.float32)
    for some in _some_rows(height):
        sums = lines[rows.first[some]] * (1 - ry[some])
        sums += lines[rows.second[some]] * ry[some]
        out[some] = sums
    return out


def _some_rows(height: int) -> Iterator[slice]:
    for start in range(0, height, _ROWS_AT_A_TIME):
        yield slice(start, min(start + _ROWS_AT_A_TIME, height))


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


def _integer_weights(axis: _Axis) -> tuple[Array, Array]:
    one = np.float32(1 << _COEFFICIENT_BITS)
    weights = np.rint((1 - axis.weight) * one), np.rint(axis.weight * one)
    return weights[0].astype(np.int32), weights[1].astype(np.int32)
