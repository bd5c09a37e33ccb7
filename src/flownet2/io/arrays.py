# SPDX-License-Identifier: Apache-2.0
"""What counts as a flow array, a mask and an unknown pixel, for files, metrics and pictures of flow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.types import Array, FloatArray

# A pixel without ground truth has a component above the first; Middlebury's flowIO writes the second there.
UNKNOWN_ABOVE_PX = 1e9
UNKNOWN_VALUE_PX = 1e10


class Flow(NamedTuple):
    """A flow field read from a file."""

    flow: FloatArray
    """float32 (H, W, 2), u (right) then v (down), in pixels."""
    valid: NDArray[np.bool_]
    """bool (H, W), False where the file holds no flow."""


def known(flow: Array) -> NDArray[np.bool_]:
    """bool (..., H, W): where both components of flow (..., H, W, 2) are finite and at most 1e9 in size."""
    with np.errstate(invalid="ignore"):
        inside: NDArray[np.bool_] = np.abs(flow) <= UNKNOWN_ABOVE_PX
    return inside[..., 0] & inside[..., 1]


def check_flow(flow: ArrayLike, name: str = "flow", *, batch: bool = False) -> Array:
    """`flow` as an array (H, W, 2), or (..., H, W, 2) with `batch`, of a floating dtype and not empty.

    Raises:
        InputError: anything else; `name` is what the message calls the argument.
    """
    array = np.asarray(flow)
    wanted = "(..., H, W, 2)" if batch else "(H, W, 2)"
    rank_fits = array.ndim >= 3 if batch else array.ndim == 3
    if not rank_fits or array.shape[-1] != 2:
        cure = ""
        if array.ndim >= 3 and array.shape[-3] == 2:
            cure = "; move the channels last, for example flow.transpose(1, 2, 0)"
        raise InputError(f"{name} must have shape {wanted}, got {array.shape}{cure}")
    if array.size == 0:
        raise InputError(f"{name} must have at least one pixel, got shape {array.shape}")
    if array.dtype.kind != "f":
        raise InputError(f"{name} must be floating point, got {array.dtype}; convert with .astype(np.float32)")
    return array


def check_mask(valid: ArrayLike, shape: tuple[int, ...], name: str = "valid") -> NDArray[np.bool_]:
    """`valid` as bool of `shape`; a numeric mask counts from 0.5 upwards (0 and 1, or 0 and 255).

    Raises:
        InputError: another shape, or not numeric.
    """
    array = np.asarray(valid)
    if array.shape != shape:
        raise InputError(f"{name} must have shape {shape}, one value per pixel of the flow, got {array.shape}")
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name} must be bool or numeric, got {array.dtype}")
    with np.errstate(invalid="ignore"):
        mask: NDArray[np.bool_] = array >= 0.5
    return mask


def to_float32(array: Array) -> FloatArray:
    """`array` as float32 in native byte order; what does not fit becomes infinite, which reads as unknown."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)
