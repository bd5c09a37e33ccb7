# SPDX-License-Identifier: Apache-2.0
"""The legend of flow colours: the wheel itself, alone or laid over a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.opencv import import_cv2
from flownet2.types import Array, FloatArray
from flownet2.viz.colors import EPSILON_PX, check_scale, radius_of, wheel_colors

_OVERSAMPLING = 4
_MIN_LEGEND_SIDE = 32
_INK = (40, 40, 40)
# Parts of a legend, as shares of its side.
_MARGIN_SHARE = 0.04
_CAPTION_SHARE = 0.11
# A legend laid over a picture, as a share of the picture's shorter side.
_INSET_SHARE = 0.32
_INSET_MARGIN_SHARE = 0.025
_INSET_SIDES = (64, 240)


def color_wheel_legend(size: int, max_flow: float | None = None) -> NDArray[np.uint8]:
    """The wheel itself: the colour at a place is that of the vector from the centre to it.

    Args:
        size: side in pixels, at least 32.
        max_flow: px at the rim, of which the caption tells; rings mark a half and the whole of it.

    Returns:
        uint8 (size, size, 3) RGB, white around the wheel.

    Raises:
        InputError: size below 32 or `max_flow` not a positive number.
        UnavailableError: `max_flow` is given and OpenCV, which draws the caption, is not installed.
    """
    if size < _MIN_LEGEND_SIDE:
        raise InputError(f"size must be at least {_MIN_LEGEND_SIDE} pixels, got {size}")
    panel = np.full((size, size, 3), 255.0)
    margin = round(size * _MARGIN_SHARE)
    if max_flow is None:
        _paste_wheel(panel, margin, margin, size - 2 * margin, rings=False)
        return _to_uint8(panel)
    caption = f"{check_scale(max_flow):.3g} px"
    height = max(round(size * _CAPTION_SHARE), 7)
    diameter = size - 3 * margin - height
    _paste_wheel(panel, margin, (size - diameter) // 2, diameter, rings=True)
    ink = _text(caption, height, size - 2 * margin)
    top, left = size - margin - ink.shape[0], (size - ink.shape[1]) // 2
    _blend(panel, top, left, np.array(_INK), ink)
    return _to_uint8(panel)


def with_legend(picture: ArrayLike, max_flow: float) -> NDArray[np.uint8]:
    """A copy of `picture` with the wheel and its scale laid over the lower right corner.

    Args:
        picture: uint8 (H, W, 3) RGB, as `flow_to_color` returns it; one too small for a legend (below
            64 pixels a side) comes back as it is.
        max_flow: the px that `flow_to_color` was given, or `max_speed` of the flow.

    Raises:
        InputError: wrong shape or dtype, `max_flow` not a positive number.
        UnavailableError: OpenCV, which draws the caption, is not installed.
    """
    base = np.asarray(picture)
    if base.ndim != 3 or base.shape[2] != 3 or base.dtype != np.uint8:
        raise InputError(f"picture must be uint8 (H, W, 3), got {base.dtype} {base.shape}")
    check_scale(max_flow)
    copy: NDArray[np.uint8] = base.copy()
    shorter = min(base.shape[:2])
    if shorter < _INSET_SIDES[0]:
        return copy
    side = int(np.clip(round(shorter * _INSET_SHARE), *_INSET_SIDES))
    margin = min(round(shorter * _INSET_MARGIN_SHARE), shorter - side)
    bottom, right = base.shape[0] - margin, base.shape[1] - margin
    window = copy[bottom - side : bottom, right - side : right]
    blended = window.astype(np.float64)
    _blend(blended, 0, 0, color_wheel_legend(side, max_flow), _rounded(side))
    window[...] = _to_uint8(blended)
    return copy


def _grid(side: int) -> FloatArray:
    """Vectors (n, n, 2) from the centre of a square, -1 to 1, `_OVERSAMPLING` a pixel."""
    count = side * _OVERSAMPLING
    axis = ((np.arange(count) + 0.5) * (2 / count) - 1).astype(np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1)


def _shrink(fine: Array) -> NDArray[np.float64]:
    """Means of blocks of `_OVERSAMPLING` x `_OVERSAMPLING` samples: (h, w, C) as float64."""
    rows, columns, channels = fine.shape
    blocks = fine.reshape(rows // _OVERSAMPLING, _OVERSAMPLING, columns // _OVERSAMPLING, _OVERSAMPLING, channels)
    means: NDArray[np.float64] = blocks.mean(axis=(1, 3), dtype=np.float64)
    return means


def _paste_wheel(canvas: NDArray[np.float64], top: int, left: int, diameter: int, *, rings: bool) -> None:
    vectors = _grid(diameter)
    radius = radius_of(vectors)[..., None]
    inside = _shrink(radius <= 1)
    # Beyond the rim the colour of the rim goes on: only the coverage makes the edge.
    colors = _shrink(wheel_colors(vectors / np.maximum(radius, np.float32(1 + EPSILON_PX))))
    _blend(canvas, top, left, colors, inside)
    if rings:
        half_width = 1.2 / diameter
        lines = (np.abs(radius - 0.5) < half_width) | (np.abs(radius - (1 - half_width)) < half_width)
        _blend(canvas, top, left, np.array(_INK), _shrink(lines) * 0.6)


def _rounded(side: int) -> NDArray[np.float64]:
    """Coverage (side, side, 1) of a square with round corners."""
    corner = 0.12
    beyond = np.maximum(np.abs(_grid(side)) - (1 - corner), 0)
    return _shrink(radius_of(beyond)[..., None] <= corner)


def _text(text: str, height: int, max_width: int) -> NDArray[np.float64]:
    """Coverage (h, w, 1) of one line of text with digits about `height` pixels high, narrower if need be."""
    cv2 = import_cv2("A legend with numbers")
    face = cv2.FONT_HERSHEY_SIMPLEX
    thickness = max(round(height * _OVERSAMPLING / 9), 1)
    (width_1, height_1), _ = cv2.getTextSize(text, face, 1.0, thickness)
    scale = min(height / height_1, max_width / width_1) * _OVERSAMPLING * 0.9
    (width, ascent), descent = cv2.getTextSize(text, face, scale, thickness)
    rows = -(-(ascent + descent) // _OVERSAMPLING) * _OVERSAMPLING
    columns = -(-width // _OVERSAMPLING) * _OVERSAMPLING
    fine = np.zeros((rows, columns), np.uint8)
    cv2.putText(fine, text, (0, ascent), face, scale, 255, thickness, cv2.LINE_AA)
    return _shrink(fine[..., None]) / 255


def _blend(canvas: NDArray[np.float64], top: int, left: int, colors: Array, cover: NDArray[np.float64]) -> None:
    rows, columns = cover.shape[:2]
    window = canvas[top : top + rows, left : left + columns]
    window += (colors - window) * cover


def _to_uint8(canvas: NDArray[np.float64]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(canvas).clip(0, 255).astype(np.uint8)
    return rounded
