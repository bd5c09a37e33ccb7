# SPDX-License-Identifier: Apache-2.0
"""Backward warping: the second picture, sampled where the flow says that each pixel went."""

from __future__ import annotations

import numpy as np

from flownet2.types import Array

_INSIDE = 0.9999
"""mmflow/ops/warp.py: a pixel counts as inside when the ones warped to it keep more than this."""


def warp(x: Array, flow: Array, *, padding: str = "border", align_corners: bool = True, mask: bool = False) -> Array:
    """out[n, c, row, col] = x[n, c] at (col + u, row + v), bilinear; u, v = flow[n, :, row, col] in pixels.

    With align_corners False the point is (col + u) * W / (W - 1) - 0.5, rows likewise (mmflow through grid_sample).
    """
    h, w = x.shape[2:]
    rows, columns = np.arange(h, dtype=flow.dtype)[:, None], np.arange(w, dtype=flow.dtype)
    px = _sample_point(columns + flow[:, 0], w, align_corners)
    py = _sample_point(rows + flow[:, 1], h, align_corners)
    out = _bilinear(x, px, py, padding)
    if mask:
        out *= _bilinear(np.ones_like(x), px, py, padding) > _INSIDE
    return out


def _sample_point(position: Array, size: int, align_corners: bool) -> Array:
    """Pixel position -> the coordinate that grid_sample reads."""
    if align_corners:
        return position if size > 1 else np.zeros_like(position)
    stretched: Array = position * position.dtype.type(size / max(size - 1, 1)) - position.dtype.type(0.5)
    return stretched


def _bilinear(x: Array, px: Array, py: Array, padding: str) -> Array:
    """x (N, C, H, W) at the points px, py (N, H, W)."""
    h, w = x.shape[2:]
    cut = ~_inside(px, py, h, w) & ~np.isnan(px) & ~np.isnan(py) if padding == "cut" else None
    # Two pixels beyond the edge no neighbour lies inside; clamping there keeps the index arithmetic finite.
    edge = 2 if padding == "zeros" else 0
    px, py = np.clip(px, -edge, w - 1 + edge), np.clip(py, -edge, h - 1 + edge)
    x0, y0 = np.floor(px), np.floor(py)
    rx, ry = px - x0, py - y0
    out = np.zeros_like(x)
    for dy, wy in ((0, 1 - ry), (1, ry)):
        for dx, wx in ((0, 1 - rx), (1, rx)):
            out += (wy * wx)[:, None] * _gather(x, x0 + dx, y0 + dy, padding)
    return out if cut is None else np.where(cut[:, None], out.dtype.type(0), out)


def _inside(column: Array, row: Array, h: int, w: int) -> Array:
    inside: Array = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    return inside


def _gather(x: Array, column: Array, row: Array, padding: str) -> Array:
    """x at whole positions; outside: the nearest pixel, or 0 for padding "zeros"."""
    h, w = x.shape[2:]
    inside = _inside(column, row, h, w)
    column = np.clip(np.nan_to_num(column), 0, w - 1).astype(np.intp)
    row = np.clip(np.nan_to_num(row), 0, h - 1).astype(np.intp)
    batch = np.arange(x.shape[0])[:, None, None]
    value: Array = x[batch, :, row, column].transpose(0, 3, 1, 2)
    if padding == "zeros":
        value = np.where(inside[:, None], value, value.dtype.type(0))
    return value
