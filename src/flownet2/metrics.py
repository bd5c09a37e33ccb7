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
from flownet2.io.arrays import known
from flownet2.pixel_errors import FL_PX, FL_SHARE, PixelErrors, check_pair, pixel_errors

__all__ = ["FL_PX", "FL_SHARE", "angular_error", "end_point_error", "epe", "fl_all", "outlier_rate", "wauc"]


def end_point_error(flow: ArrayLike, gt: ArrayLike) -> NDArray[np.float64]:
    """The length of the difference at each pixel, px: float64 (..., H, W); what is unknown in `gt` gives NaN.

    Raises:
        InputError: wrong or different shapes, not floating point.
    """
    flow, gt = check_pair(flow, gt)
    mask = known(gt)
    error = np.full(mask.shape, np.nan)
    error[mask] = PixelErrors.at(mask, flow, gt).epe
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
    return float(_counted(flow, gt, valid).epe.mean())


def fl_all(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """KITTI's Fl: percent of counted pixels whose error exceeds both 3 px and 5 % of the true length.

    Args and errors as in `epe`.
    """
    return 100.0 * float(_counted(flow, gt, valid).fl().mean())


def outlier_rate(flow: ArrayLike, gt: ArrayLike, threshold_px: float = FL_PX, valid: ArrayLike | None = None) -> float:
    """Percent of counted pixels whose end-point error exceeds `threshold_px` (1, 3 and 5 px are usual).

    Args and errors as in `epe`; `threshold_px` must be finite and not negative.
    """
    if not 0 <= threshold_px < np.inf:
        raise InputError(f"threshold_px must be finite and at least 0, got {threshold_px}")
    return 100.0 * float((_counted(flow, gt, valid).epe > threshold_px).mean())


def wauc(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """Weighted area under the curve of inliers, percent, 100 is perfect (VIPER and Spring).

    The share of counted pixels within i / 20 px, i = 1 .. 100 (up to 5 px), weighted by 1 - (i - 1) / 100.
    Args and errors as in `epe`.
    """
    return 100.0 * float(_counted(flow, gt, valid).wauc().mean())


def angular_error(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None) -> float:
    """Mean angle between (u, v, 1) of flow and truth over the counted pixels, degrees.

    The definition of Barron, Fleet and Beauchemin, "Performance of optical flow techniques" (1994); by the
    third component it is also defined, and small, where next to nothing moves. Args and errors as in `epe`.
    """
    return float(_counted(flow, gt, valid).angle().mean())


def _counted(flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None) -> PixelErrors:
    """The counted pixels, of which there must be one."""
    errors = pixel_errors(flow, gt, valid)
    if not errors.mask.any():
        which = "gt is unknown everywhere" if valid is None else "valid excludes every known pixel of gt"
        raise InputError(f"no pixel to count: {which}")
    return errors
