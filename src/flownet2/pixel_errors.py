# SPDX-License-Identifier: Apache-2.0
"""The error of a flow at each pixel that counts: what metrics take means of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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

_LARGEST_FLOW_PX = 1e100

_STEP = np.arange(1, WAUC_STEPS + 1)
_WEIGHT = 1 - (_STEP - 1) / WAUC_STEPS
_BOUND = _STEP / WAUC_STEPS_PER_PX
# An error within step i is within every later one too; beyond the last step nothing is left.
_WITHIN = np.append(np.cumsum(_WEIGHT[::-1])[::-1], 0.0) / np.cumsum(_WEIGHT[::-1])[-1]


@dataclass(frozen=True)
class PixelErrors:
    """A flow beside the truth at the counted pixels, in the order of `mask`.

    Attributes:
        mask: bool (..., H, W), the pixels that count.
        flow, gt: float64 (2, count): u and v, px.
    """

    mask: NDArray[np.bool_]
    flow: NDArray[np.float64]
    gt: NDArray[np.float64]

    @staticmethod
    def at(mask: NDArray[np.bool_], flow: Array, gt: Array) -> PixelErrors:
        """Of the pixels of `mask`, whatever is there."""
        places = np.flatnonzero(mask)
        # Planes: twice as fast as pairs in all that follows.
        planes = (array.reshape(-1, 2).take(places, axis=0).T.astype(np.float64, order="C") for array in (flow, gt))
        return PixelErrors(mask, *planes)

    @cached_property
    def epe(self) -> NDArray[np.float64]:
        """End-point errors, px."""
        return _length(self.flow - self.gt)

    @cached_property
    def length(self) -> NDArray[np.float64]:
        """Lengths of the truth, px."""
        return _length(self.gt)

    def fl(self) -> NDArray[np.bool_]:
        """KITTI's outliers."""
        outlier: NDArray[np.bool_] = (self.epe > FL_PX) & (self.epe / (self.length + _FL_EPSILON_PX) > FL_SHARE)
        return outlier

    def wauc(self) -> NDArray[np.float64]:
        """Each pixel's part of WAUC, 0..1: the weight of the steps i / 20 px, i = 1 .. 100, that hold its error."""
        # What np.searchsorted(_BOUND, epe) finds, 5 times as fast. i / 20 * 20 is i for every i, so the product never
        # rounds below the step; it can reach the next one, which an error at or below the bound between is not in.
        step = np.minimum(self.epe * WAUC_STEPS_PER_PX, WAUC_STEPS).astype(np.intp)
        step -= (step > 0) & (_BOUND.take(step - 1, mode="wrap") >= self.epe)
        shares: NDArray[np.float64] = _WITHIN.take(step)
        return shares

    def angle(self) -> NDArray[np.float64]:
        """Angles between (u, v, 1) of flow and truth, degrees."""
        u, v = self.flow
        u_gt, v_gt = self.gt
        # By sine and cosine: the arc cosine alone loses half the digits of small angles.
        sine = np.sqrt((v - v_gt) ** 2 + (u - u_gt) ** 2 + (u * v_gt - v * u_gt) ** 2)
        degrees: NDArray[np.float64] = np.degrees(np.arctan2(sine, u * u_gt + v * v_gt + 1))
        return degrees


def pixel_errors(
    flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None, *, max_flow: float | None = None
) -> PixelErrors:
    """The errors at the pixels that count: `gt` known, not excluded by `valid`; there may be none.

    Args:
        flow: (..., H, W, 2), px.
        gt: the truth, the same shape.
        valid: (..., H, W), bool or numeric (counts from 0.5); without it every known pixel of `gt` counts.
        max_flow: px; both components of `gt` must be below it in size.

    Raises:
        InputError: wrong or different shapes, flow not finite at a counted pixel.
    """
    flow, gt = check_pair(flow, gt)
    mask = known(gt)
    if valid is not None:
        mask = mask & check_mask(valid, gt.shape[:-1])
    if max_flow is not None:
        with np.errstate(invalid="ignore"):
            mask = mask & (np.abs(gt) < max_flow).all(axis=-1)
    errors = PixelErrors.at(mask, flow, gt)
    # No float32 is beyond the limit, and below it no square or sum here overflows.
    finite = (np.abs(errors.flow) <= _LARGEST_FLOW_PX).all(axis=0)
    if not finite.all():
        raise InputError(f"flow is not finite at {np.count_nonzero(~finite)} of {finite.size} counted pixels")
    return errors


def check_pair(flow: ArrayLike, gt: ArrayLike) -> tuple[Array, Array]:
    """Both as flow arrays (..., H, W, 2) of one shape.

    Raises:
        InputError: anything else.
    """
    flow = check_flow(flow, "flow", batch=True)
    gt = check_flow(gt, "gt", batch=True)
    if flow.shape != gt.shape:
        raise InputError(f"flow and gt must have one shape, got {flow.shape} and {gt.shape}")
    return flow, gt


def _length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of (2, count) vectors. Not np.hypot, which takes ten times as long and has other last bits elsewhere."""
    with np.errstate(over="ignore"):
        length: NDArray[np.float64] = np.sqrt(vectors[0] ** 2 + vectors[1] ** 2)
    return length
