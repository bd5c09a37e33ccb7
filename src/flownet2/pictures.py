# SPDX-License-Identifier: Apache-2.0
"""What a caller may pass as pictures, and the cure for what not."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from flownet2.errors import InputError
from flownet2.types import Array

_FLOAT_LIMITS = (-0.5, 2.0)
"""Float pictures lie in 0..1; resampling overshoots that a little, another range does by far."""

_ACCEPTED = "(H, W, 3) or (H, W), or a batch (N, H, W, 3)"


class Device(Protocol):
    """A GPU that takes arrays which lie on it as its own library's, without a copy."""

    def asarray(self, value: Any) -> Array:
        """The array of anything with `__cuda_array_interface__`."""


def as_pictures(name: str, value: Any, device: Device | None = None) -> tuple[Array, bool]:
    """A picture or a batch as (N, H, W, 3), uint8 or float32 in 0..1, and whether it was a batch.

    Args:
        name: of the argument, for messages.
        value: an array, or anything with `__array__` or `__dlpack__` on the CPU. uint8 0..255, uint16 0..65535
            (becomes float32 in 0..1), float 0..1; (H, W) and (H, W, 1) are grey and repeated to three channels.
        device: takes what has `__cuda_array_interface__`, which then stays on it; None for a model on the CPU.

    Raises:
        InputError: another shape, dtype or range; the message tells the cure.
    """
    array = _as_array(name, value) if _interface(name, value) is None else _as_device_array(name, value, device)
    if array.size == 0:
        raise InputError(f"{name} is empty, shape {array.shape}; expected {_ACCEPTED}")
    array = _with_three_channels(name, array)
    batched = array.ndim == 4
    return _checked_values(name, array if batched else array[None]), batched


def _as_array(name: str, value: Any) -> Array:
    if isinstance(value, (str, bytes)):
        raise InputError(f"{name} must be an array, got the text {value!r:.60}; read it with flownet2.io.read_image")
    try:
        if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
            return np.asarray(np.from_dlpack(value))
        return np.asarray(value)
    except Exception as error:  # foreign array types raise whatever they like
        raise InputError(
            f"{name}: this {type(value).__name__} gives no NumPy array ({error}); for a tensor: .detach().cpu().numpy()"
        ) from error


def _interface(name: str, value: Any) -> Any:
    """What says that a value lies on a GPU, or None; a tensor that needs a gradient raises in place of saying it."""
    try:
        return getattr(value, "__cuda_array_interface__", None)
    except Exception as error:
        raise InputError(f"{name}: this {type(value).__name__} gives no array ({error}); .detach() it first") from error


def _as_device_array(name: str, value: Any, device: Device | None) -> Array:
    if device is None:
        where = f"on the GPU ({type(value).__module__}.{type(value).__name__})"
        copy = ".get()" if hasattr(value, "get") else ".cpu()"
        raise InputError(f'{name} is {where}; load the model with device="cuda", or copy it to the CPU: {copy}')
    try:
        return device.asarray(value)
    except (TypeError, ValueError) as error:  # what it says of itself fits no array
        raise InputError(f"{name}: this {type(value).__name__} gives no array on the GPU ({error})") from error


def _with_three_channels(name: str, array: Array) -> Array:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim not in (3, 4):
        raise InputError(f"{name} must be {_ACCEPTED}, got shape {array.shape}")
    channels = array.shape[-1]
    if channels == 3:
        return array
    if channels == 1:
        return array.repeat(3, axis=-1)
    if array.shape[-3] in (1, 3):
        cure = "channels come last here: np.moveaxis(picture, -3, -1)"
    elif channels == 4:
        cure = "drop the alpha channel: picture[..., :3]"
    elif array.ndim == 3:
        cure = "a batch of grey pictures needs a last axis of 1: pictures[..., None]"
    else:
        cure = "there must be three channels, or one for grey"
    raise InputError(f"{name} must be {_ACCEPTED}, got shape {array.shape}; {cure}")


def _checked_values(name: str, array: Array) -> Array:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        unit: Array = array.astype(np.float32) / np.float32(65535)
        return unit
    if array.dtype.kind != "f":
        raise InputError(
            f"{name} must be uint8 (0..255), uint16 (0..65535) or float (0..1), got {array.dtype}; "
            "for values in 0..255: picture.astype(np.uint8)"
        )
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{name} holds NaN or infinite values; replace them first, e.g. np.nan_to_num(picture)")
    if high > _FLOAT_LIMITS[1]:
        raise InputError(f"{name}: float pictures lie in 0..1, but the maximum is {high:g}; divide by 255")
    if low < _FLOAT_LIMITS[0]:
        raise InputError(f"{name}: float pictures lie in 0..1, but the minimum is {low:g}; from -1..1: (x + 1) / 2")
    return array.astype(np.float32)
