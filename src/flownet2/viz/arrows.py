# SPDX-License-Identifier: Apache-2.0
"""Arrows of flow on any picture: light, with a dark edge."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.arrays import check_flow, check_mask, known
from flownet2.io.opencv import import_cv2

_INK = (255, 255, 255)
_EDGE = (16, 18, 22)
_EDGE_STRENGTH = 0.85
# By default so many arrows go along the shorter side of a picture, no closer than this.
_ALONG_SHORTER_SIDE = 15
_MIN_STEP_PX = 8
# Widths and lengths in shares of the step. The head of a short arrow shrinks: it is never more than a share of it.
_SHAFT, _HEAD_WIDTH, _HEAD_LENGTH, _DOT, _EDGE_WIDTH = 0.06, 0.22, 0.26, 0.05, 0.04
_HEAD_SHARE = 0.6
_SHORTEST_PX = 1.5
# The automatic scale lets this share of the arrows, in percent, stay within so many steps.
_SHARE_WITHIN, _WITHIN_STEPS = 95, 0.9
_NICE = (1, 1.5, 2, 3, 5, 7)
# OpenCV takes coordinates in fractions of pixels, 4 bits of them, as 32-bit integers.
_SHIFT = 4
_FARTHEST_PX = 1e6


def draw_arrows(
    picture: ArrayLike,
    flow: ArrayLike,
    valid: ArrayLike | None = None,
    *,
    step: int | None = None,
    scale: float | None = None,
) -> NDArray[np.uint8]:
    """A copy of `picture` with an arrow at every `step` pixels that shows the flow of the pixel at its tail.

    Args:
        picture: uint8 (H, W, 3) RGB: a frame, or what `flow_to_color` returns.
        flow: (H, W, 2), px.
        valid: (H, W), bool or numeric; unknown pixels have no arrow. One at rest has a dot.
        step: pixels between the arrows' tails, at least 2; by default about 15 arrows along the shorter side.
        scale: length of an arrow per length of its flow; 1 ends it where the point moves to. By default `arrow_scale`.

    Raises:
        InputError: wrong or different shapes, step below 2, scale not a positive number.
        UnavailableError: OpenCV, which draws them, is not installed.
    """
    array = check_flow(flow)
    base = np.asarray(picture)
    if base.shape != (*array.shape[:2], 3) or base.dtype != np.uint8:
        raise InputError(f"picture must be uint8 {(*array.shape[:2], 3)}, as the flow, got {base.dtype} {base.shape}")
    step = _check_step(step, array.shape[:2])
    if scale is None:
        scale = arrow_scale(flow, valid, step=step)
    if not (math.isfinite(scale) and scale > 0):
        raise InputError(f"scale must be a positive number, got {scale}")
    tails, vectors = _samples(array, valid, step)
    shapes = [_arrow(tail, vector, step) for tail, vector in zip(tails, vectors * scale, strict=True)]
    blended = base.astype(np.float64)
    edge = max(_EDGE_WIDTH * step, 1.0)
    for color, grown, strength in ((_EDGE, edge, _EDGE_STRENGTH), (_INK, 0.0, 1.0)):
        cover = _cover(array.shape[:2], shapes, grown) * strength
        blended += (np.array(color) - blended) * cover[..., None]
    return np.rint(blended).astype(np.uint8)


def arrow_scale(flow: ArrayLike, valid: ArrayLike | None = None, *, step: int | None = None) -> float:
    """The scale that `draw_arrows` finds by itself: a round number with which 95 % of the arrows do not touch.

    Args and errors as in `draw_arrows`.
    """
    array = check_flow(flow)
    step = _check_step(step, array.shape[:2])
    _, vectors = _samples(array, valid, step)
    longest = float(np.percentile(np.hypot(*vectors.T), _SHARE_WITHIN)) if len(vectors) else 0.0
    # A scene at rest: its noise is not blown up to arrows.
    wanted = _WITHIN_STEPS * step / max(longest, 0.5)
    power = 10.0 ** math.floor(math.log10(wanted))
    return power * max(factor for factor in _NICE if factor * power <= wanted * (1 + 1e-9))


def _check_step(step: int | None, size: tuple[int, ...]) -> int:
    if step is None:
        return max(round(min(size) / _ALONG_SHORTER_SIDE), _MIN_STEP_PX)
    if step < 2:
        raise InputError(f"step must be at least 2 pixels, got {step}")
    return step


def _samples(
    flow: NDArray[np.floating], valid: ArrayLike | None, step: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places (n, 2), x then y, and flow (n, 2) of a centred grid's known pixels."""
    mask = known(flow) if valid is None else known(flow) & check_mask(valid, flow.shape[:2])
    rows, columns = (_axis(size, step) for size in flow.shape[:2])
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    grid = grid[mask[grid[:, 1], grid[:, 0]]]
    return grid.astype(np.float64), flow[grid[:, 1], grid[:, 0]].astype(np.float64)


def _axis(size: int, step: int) -> NDArray[np.intp]:
    """Places at every `step`, as far from the first pixel as from the last."""
    count = max(size // step, 1)
    return (size - 1 - (count - 1) * step) // 2 + step * np.arange(count)


def _arrow(tail: NDArray[np.float64], vector: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """The corners (n, 2) of an arrow, or of a dot where there is no length to show."""
    length = float(np.hypot(*vector))
    if length < _SHORTEST_PX:
        angles = np.arange(12) * (2 * np.pi / 12)
        return tail + max(_DOT * step, 0.7) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    vector = vector * min(1.0, _FARTHEST_PX / length)
    length = min(length, _FARTHEST_PX)
    head = _HEAD_LENGTH * step
    size = min(1.0, _HEAD_SHARE * length / head)
    half_shaft, half_head = max(_SHAFT * step * size**0.5, 0.8) / 2, _HEAD_WIDTH * step * size / 2
    neck = length - head * size
    along, across = vector / length, np.array([-vector[1], vector[0]]) / length
    outline = [
        (0, half_shaft),
        (neck, half_shaft),
        (neck, half_head),
        (length, 0),
        (neck, -half_head),
        (neck, -half_shaft),
        (0, -half_shaft),
    ]
    return np.array([tail + x * along + y * across for x, y in outline])


def _cover(size: tuple[int, ...], shapes: list[NDArray[np.float64]], grown: float) -> NDArray[np.float64]:
    """Coverage (H, W), 0 to 1, of polygons, each grown by so many pixels."""
    cv2 = import_cv2("Drawing arrows")
    cover = np.zeros(size, np.uint8)
    for corners in shapes:
        # OpenCV's pixel centres are whole numbers, as ours.
        points = np.rint(corners * 2**_SHIFT).astype(np.int32)[:, None]
        cv2.fillPoly(cover, [points], 255, cv2.LINE_AA, _SHIFT)
        if grown:
            cv2.polylines(cover, [points], True, 255, max(round(2 * grown), 1), cv2.LINE_AA, _SHIFT)
    return cover / 255
