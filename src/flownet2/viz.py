# SPDX-License-Identifier: Apache-2.0
"""Pictures of flow: Middlebury's colour wheel, its legend, and KITTI's steps for errors.

Hue is the direction, saturation the speed; white stands still, black is unknown. NumPy only, the numbers of a
legend apart: they are drawn by OpenCV (package extra `cli`).
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.arrays import check_flow, check_mask, known
from flownet2.io.opencv import import_cv2
from flownet2.metrics import FL_PX, FL_SHARE, end_point_error
from flownet2.types import Array, FloatArray

# Steps between red, yellow, green, cyan, blue and magenta: more of them where the eye tells hues apart (Baker
# et al., "A database and evaluation methodology for optical flow", colorcode.cpp).
_STEPS = (15, 6, 4, 11, 13, 6)
_CORNERS = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255))
_OUT_OF_RANGE = 0.75
# Keeps the longest vector inside the wheel in spite of rounding; the value flow_vis has.
_EPSILON_PX = 1e-5

MIN_SCALE_PX = 0.5
"""A picture is never scaled by less: otherwise the noise of a scene at rest fills the wheel."""

_UNKNOWN = 0

# The steps of KITTI's error pictures: upper bound of the error as a share of the outlier threshold, RGB.
_ERROR_STEPS = (
    (1 / 16, (49, 54, 149)),
    (1 / 8, (69, 117, 180)),
    (1 / 4, (116, 173, 209)),
    (1 / 2, (171, 217, 233)),
    (1.0, (224, 243, 248)),
    (2.0, (254, 224, 144)),
    (4.0, (253, 174, 97)),
    (8.0, (244, 109, 67)),
    (16.0, (215, 48, 39)),
    (math.inf, (165, 0, 38)),
)

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


def flow_to_color(flow: ArrayLike, max_flow: float | None = None, valid: ArrayLike | None = None) -> NDArray[np.uint8]:
    """Middlebury's colours of a flow.

    Args:
        flow: (H, W, 2), px.
        max_flow: the speed in px that is fully saturated; a faster pixel keeps its hue, darkened to 3/4. By
            default the fastest known pixel of this flow, but no less than 0.5 px. Give one number for all
            frames of a video, or the colours flicker.
        valid: (H, W), bool or numeric; pixels it excludes, and any not finite or above 1e9, are black.

    Returns:
        uint8 (H, W, 3) RGB; bit for bit that of flow_vis for flows whose maximum is at least 0.5 px.

    Raises:
        InputError: wrong shape or dtype, `max_flow` not a positive number.
    """
    array = check_flow(flow)
    mask = _mask(array, valid)
    vectors = array[mask].astype(np.float32)
    scale = _fastest(vectors) if max_flow is None else _check_scale(max_flow)
    picture = np.full((*array.shape[:2], 3), _UNKNOWN, np.uint8)
    picture[mask] = _wheel_colors(vectors / (np.float32(scale) + np.float32(_EPSILON_PX)))
    return picture


def max_speed(flow: ArrayLike, valid: ArrayLike | None = None) -> float:
    """The `max_flow` that `flow_to_color` finds by itself: the longest known vector, at least 0.5 px.

    Args and errors as in `flow_to_color`.
    """
    array = check_flow(flow)
    return _fastest(array[_mask(array, valid)].astype(np.float32))


def _mask(flow: Array, valid: ArrayLike | None) -> NDArray[np.bool_]:
    mask = known(flow)
    return mask if valid is None else mask & check_mask(valid, mask.shape)


def _fastest(vectors: FloatArray) -> float:
    return max(float(_radius(vectors).max(initial=0.0)), MIN_SCALE_PX)


def _check_scale(max_flow: float) -> float:
    if not (math.isfinite(max_flow) and max_flow > 0):
        raise InputError(f"max_flow must be a positive number of pixels, got {max_flow}")
    return float(max_flow)


def _radius(vectors: FloatArray) -> FloatArray:
    radius: FloatArray = np.sqrt(np.square(vectors[..., 0]) + np.square(vectors[..., 1]))
    return radius


@functools.cache
def _wheel() -> NDArray[np.float64]:
    """The rim of the colour wheel: (55, 3), 0 to 255."""
    parts = []
    for index, steps in enumerate(_STEPS):
        start, end = _CORNERS[index], _CORNERS[(index + 1) % len(_CORNERS)]
        rise = np.floor(255 * np.arange(steps) / steps)[:, None]
        # One channel rises, or falls, between neighbouring corners; the others stay.
        parts.append(np.array(start) + np.sign(np.subtract(end, start)) * rise)
    wheel = np.concatenate(parts)
    wheel.setflags(write=False)
    return wheel


def _wheel_colors(vectors: FloatArray) -> NDArray[np.uint8]:
    """Colours (..., 3) of vectors (..., 2) that the wheel's radius was divided out of."""
    wheel = _wheel() / 255.0
    radius = _radius(vectors)[..., None]
    angle = np.arctan2(-vectors[..., 1], -vectors[..., 0]) / np.float32(np.pi)
    position = (angle + 1) / 2 * (len(wheel) - 1)
    lower = np.floor(position).astype(np.int32)
    share = (position - lower)[..., None]
    rim = (1 - share) * wheel[lower] + share * wheel[(lower + 1) % len(wheel)]
    color = np.where(radius <= 1, 1 - radius * (1 - rim), rim * _OUT_OF_RANGE)
    rounded: NDArray[np.uint8] = np.floor(255 * color).astype(np.uint8)
    return rounded


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
    caption = f"{_check_scale(max_flow):.3g} px"
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
    _check_scale(max_flow)
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


def error_map(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> NDArray[np.uint8]:
    """KITTI's picture of errors: blue where the flow is right, from yellow to red where it is an outlier.

    A step is the smaller of error / 3 px and error / 5 % of the true length, so 1, where blue turns into
    yellow, is the border of `fl_all`. Each step doubles it. Unknown pixels are black, a flow that is not
    finite has the last colour.

    Args:
        flow: (H, W, 2), px.
        gt: the truth, the same shape.
        valid: (H, W), bool or numeric.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        InputError: wrong or different shapes, not floating point.
    """
    truth = check_flow(gt, "gt")
    mask = _mask(truth, valid)
    error = end_point_error(flow, truth)[mask]
    error[np.isnan(error)] = np.inf
    length = np.hypot(*np.moveaxis(truth[mask].astype(np.float64), -1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.fmin(error / FL_PX, error / (FL_SHARE * length))
    bounds = [bound for bound, _ in _ERROR_STEPS[:-1]]
    colors = np.array([color for _, color in _ERROR_STEPS], np.uint8)
    picture = np.full((*truth.shape[:2], 3), _UNKNOWN, np.uint8)
    picture[mask] = colors[np.searchsorted(bounds, share, side="left")]
    return picture


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
    radius = _radius(vectors)[..., None]
    inside = _shrink(radius <= 1)
    # Beyond the rim the colour of the rim goes on: only the coverage makes the edge.
    colors = _shrink(_wheel_colors(vectors / np.maximum(radius, np.float32(1 + _EPSILON_PX))))
    _blend(canvas, top, left, colors, inside)
    if rings:
        half_width = 1.2 / diameter
        lines = (np.abs(radius - 0.5) < half_width) | (np.abs(radius - (1 - half_width)) < half_width)
        _blend(canvas, top, left, np.array(_INK), _shrink(lines) * 0.6)


def _rounded(side: int) -> NDArray[np.float64]:
    """Coverage (side, side, 1) of a square with round corners."""
    corner = 0.12
    beyond = np.maximum(np.abs(_grid(side)) - (1 - corner), 0)
    return _shrink(_radius(beyond)[..., None] <= corner)


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
