# SPDX-License-Identifier: Apache-2.0
"""Colours of flow, of errors and of differences, a pixel at a time; NumPy only."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.arrays import check_flow, check_mask, known
from flownet2.metrics import FL_PX, FL_SHARE, end_point_error
from flownet2.types import Array, FloatArray

# Steps between red, yellow, green, cyan, blue and magenta: more of them where the eye tells hues apart (Baker
# et al., "A database and evaluation methodology for optical flow", colorcode.cpp).
_STEPS = (15, 6, 4, 11, 13, 6)
_CORNERS = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255))
_OUT_OF_RANGE = 0.75
# Keeps the longest vector inside the wheel in spite of rounding; the value flow_vis has.
EPSILON_PX = 1e-5

MIN_SCALE_PX = 0.5
"""A picture is never scaled by less: otherwise the noise of a scene at rest fills the wheel."""

_UNKNOWN = 0

Color: TypeAlias = tuple[int, int, int]
"""RGB, 0 to 255."""

# KITTI's colours of errors, from right to wrong.
_ERROR_COLORS: tuple[Color, ...] = (
    (49, 54, 149),
    (69, 117, 180),
    (116, 173, 209),
    (171, 217, 233),
    (224, 243, 248),
    (254, 224, 144),
    (253, 174, 97),
    (244, 109, 67),
    (215, 48, 39),
    (165, 0, 38),
)
# Upper bounds of their steps, the last has none: of errors as shares of the outlier threshold, of differences in px.
_ERROR_BOUNDS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)
_DIFFERENCE_BOUNDS_PX = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 3.0, 10.0)


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
    scale = _fastest(vectors) if max_flow is None else check_scale(max_flow)
    picture = np.full((*array.shape[:2], 3), _UNKNOWN, np.uint8)
    picture[mask] = wheel_colors(vectors / (np.float32(scale) + np.float32(EPSILON_PX)))
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
    return max(float(radius_of(vectors).max(initial=0.0)), MIN_SCALE_PX)


def check_scale(max_flow: float) -> float:
    if not (math.isfinite(max_flow) and max_flow > 0):
        raise InputError(f"max_flow must be a positive number of pixels, got {max_flow}")
    return float(max_flow)


def radius_of(vectors: FloatArray) -> FloatArray:
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


def wheel_colors(vectors: FloatArray) -> NDArray[np.uint8]:
    """Colours (..., 3) of vectors (..., 2) that the wheel's radius was divided out of."""
    wheel = _wheel() / 255.0
    radius = radius_of(vectors)[..., None]
    angle = np.arctan2(-vectors[..., 1], -vectors[..., 0]) / np.float32(np.pi)
    position = (angle + 1) / 2 * (len(wheel) - 1)
    lower = np.floor(position).astype(np.int32)
    share = (position - lower)[..., None]
    rim = (1 - share) * wheel[lower] + share * wheel[(lower + 1) % len(wheel)]
    color = np.where(radius <= 1, 1 - radius * (1 - rim), rim * _OUT_OF_RANGE)
    rounded: NDArray[np.uint8] = np.floor(255 * color).astype(np.uint8)
    return rounded


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
    return _stepped(share, mask, _ERROR_BOUNDS)


def error_steps() -> list[tuple[Color, str]]:
    """Colour and upper bound, px, of the steps of `error_map`, for `with_scale`.

    They hold for true motion up to 60 px, where 3 px decide; of faster motion the bounds are shares of 5 % of it.
    """
    return _labelled([bound * FL_PX for bound in _ERROR_BOUNDS])


def difference_map(flow: ArrayLike, other: ArrayLike, valid: ArrayLike | None = None) -> NDArray[np.uint8]:
    """How far two flows are apart, in steps of ten: dark blue is equal, yellow begins above 0.01 px, dark red at 10 px.

    For flows of one network computed in two ways, whose differences `error_map` would hide; `difference_steps`
    tells the steps. Black where one of the two is unknown.

    Args:
        flow: (H, W, 2), px.
        other: the same shape.
        valid: (H, W), bool or numeric.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        InputError: wrong or different shapes, not floating point.
    """
    second = check_flow(other, "other")
    distance = end_point_error(flow, second)
    mask = _mask(second, valid) & known(np.asarray(flow))
    return _stepped(distance[mask], mask, _DIFFERENCE_BOUNDS_PX)


def difference_steps() -> list[tuple[Color, str]]:
    """Colour and upper bound, px, of the steps of `difference_map`, for `with_scale`."""
    return _labelled(_DIFFERENCE_BOUNDS_PX)


def _stepped(numbers: NDArray[np.float64], mask: NDArray[np.bool_], bounds: Sequence[float]) -> NDArray[np.uint8]:
    """The colours of the numbers at the pixels of a mask."""
    picture = np.full((*mask.shape, 3), _UNKNOWN, np.uint8)
    picture[mask] = np.array(_ERROR_COLORS, np.uint8)[np.searchsorted(bounds, numbers, side="left")]
    return picture


def _labelled(bounds: Sequence[float]) -> list[tuple[Color, str]]:
    labels = [f"{bound:.0e}".replace("e-0", "e-") if 0 < bound < 0.01 else f"{bound:.2g}" for bound in bounds]
    return list(zip(_ERROR_COLORS, [*labels, "more"], strict=True))
