# SPDX-License-Identifier: Apache-2.0
"""How far a flow is from the truth: end-point error, outlier rates, angular error, WAUC.

Arrays are (H, W, 2) or a batch (..., H, W, 2), in pixels; an aggregate of a batch is over all its counted
pixels together (for the mean of per-picture values, as mmflow's tables have it, call once per picture).

Counted are the pixels where `gt` is known, that is finite and at most 1e9 in size, and that `valid` does not
exclude. A flow that is not finite at a counted pixel is an error rather than a number that hides it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.arrays import check_flow, check_mask, known
from flownet2.types import Array

FL_PX = 3.0
FL_SHARE = 0.05
"""KITTI's outlier: an error above 3 px and above 5 % of the true length."""

# mmflow's guard of the division, kept for equal numbers.
_FL_EPSILON_PX = 1e-6

WAUC_STEPS = 100
WAUC_STEPS_PER_PX = 20.0


def end_point_error(flow: ArrayLike, gt: ArrayLike) -> NDArray[np.float64]:
    """The length of the difference at each pixel, px: float64 (..., H, W); what is unknown in `gt` gives NaN.

    Raises:
        InputError: wrong or different shapes, not floating point.
    """
    flow, gt = _pair(flow, gt)
    error = np.full(gt.shape[:-1], np.nan)
    mask = known(gt)
    error[mask] = _length(_difference(flow, gt, mask))
    return error


def epe(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """Mean end-point error over the counted pixels, px.

    Args:
        flow: (..., H, W, 2), px.
        gt: the truth, the same shape.
        valid: (..., H, W), bool or numeric (counts from 0.5); without it every known pixel of `gt` counts.

    Raises:
        InputError: wrong or different shapes, no pixel left to count, flow not finite at a counted pixel.
    """
    error, _ = _counted(flow, gt, valid)
    return float(error.mean())


def fl_all(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """KITTI's Fl: percent of counted pixels whose error exceeds both 3 px and 5 % of the true length.

    Args and errors as in `epe`.
    """
    error, length = _counted(flow, gt, valid)
    outlier = (error > FL_PX) & (error / (length + _FL_EPSILON_PX) > FL_SHARE)
    return 100.0 * float(outlier.mean())


def outlier_rate(flow: ArrayLike, gt: ArrayLike, threshold_px: float = FL_PX, valid: ArrayLike | None = None) -> float:
    """Percent of counted pixels whose end-point error exceeds `threshold_px` (1, 3 and 5 px are usual).

    Args and errors as in `epe`; `threshold_px` must be finite and not negative.
    """
    if not 0 <= threshold_px < np.inf:
        raise InputError(f"threshold_px must be finite and at least 0, got {threshold_px}")
    error, _ = _counted(flow, gt, valid)
    return 100.0 * float((error > threshold_px).mean())


def wauc(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """Weighted area under the curve of inliers, percent, 100 is perfect (VIPER and Spring).

    The share of counted pixels within i / 20 px, i = 1 .. 100 (up to 5 px), weighted by 1 - (i - 1) / 100.
    Args and errors as in `epe`.
    """
    error, _ = _counted(flow, gt, valid)
    step = np.arange(1, WAUC_STEPS + 1)
    weight = 1 - (step - 1) / WAUC_STEPS
    within = np.searchsorted(np.sort(error), step / WAUC_STEPS_PER_PX, side="right") / error.size
    return 100.0 * float((weight * within).sum() / weight.sum())


def angular_error(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """Mean angle between (u, v, 1) of flow and truth over the counted pixels, degrees.

    The definition of Barron, Fleet and Beauchemin, "Performance of optical flow techniques" (1994); by the
    third component it is also defined, and small, where next to nothing moves. Args and errors as in `epe`.
    """
    flow, gt = _pair(flow, gt)
    mask = _mask(flow, gt, valid)
    u, v = np.moveaxis(flow[mask].astype(np.float64), -1, 0)
    u_gt, v_gt = np.moveaxis(gt[mask].astype(np.float64), -1, 0)
    # By sine and cosine: the arc cosine alone loses half the digits of small angles.
    sine = np.sqrt((v - v_gt) ** 2 + (u - u_gt) ** 2 + (u * v_gt - v * u_gt) ** 2)
    cosine = u * u_gt + v * v_gt + 1
    return float(np.degrees(np.arctan2(sine, cosine)).mean())


def _pair(flow: ArrayLike, gt: ArrayLike) -> tuple[Array, Array]:
    flow = check_flow(flow, "flow", batch=True)
    gt = check_flow(gt, "gt", batch=True)
    if flow.shape != gt.shape:
        raise InputError(f"flow and gt must have one shape, got {flow.shape} and {gt.shape}")
    return flow, gt


def _mask(flow: Array, gt: Array, valid: ArrayLike | None) -> NDArray[np.bool_]:
    mask = known(gt)
    if valid is not None:
        mask = mask & check_mask(valid, gt.shape[:-1])
    if not mask.any():
        which = "gt is unknown everywhere" if valid is None else "valid excludes every known pixel of gt"
        raise InputError(f"no pixel to count: {which}")
    broken = int(np.count_nonzero(~np.isfinite(flow).all(axis=-1) & mask))
    if broken:
        raise InputError(f"flow is not finite at {broken} of {np.count_nonzero(mask)} counted pixels")
    return mask


def _counted(
    flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """End-point error and true length of the counted pixels, each (count,), px."""
    flow, gt = _pair(flow, gt)
    mask = _mask(flow, gt, valid)
    return _length(_difference(flow, gt, mask)), _length(gt[mask].astype(np.float64))


def _difference(flow: Array, gt: Array, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    difference: NDArray[np.float64] = flow[mask].astype(np.float64) - gt[mask]
    return difference


def _length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hypot(vectors[..., 0], vectors[..., 1])
