# SPDX-License-Identifier: Apache-2.0
"""Flow as text in a page: whole numbers, predicted from their neighbours, deflated, base64.

`page/pairs.js` reads it back.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

from flownet2.io.arrays import known
from flownet2.types import Array, FloatArray

UNIT_PX = 1 / 64
UNKNOWN = -32768
_LARGEST = 32767
# Level 9 takes many times as long and saves 3 %.
_LEVEL = 6


def pack_flow(flow: FloatArray) -> dict[str, object]:
    """`unit`, the px of a step: 1/64, coarser if the flow is too large for that; `data`, the text.

    Args:
        flow: (H, W, 2), px; unknown where it is not finite or above 1e9.
    """
    certain = known(flow)
    vectors = np.where(certain[..., None], flow, 0).astype(np.float64)
    unit = max(UNIT_PX, float(np.abs(vectors).max()) / _LARGEST)
    steps = np.rint(vectors / unit).astype(np.int16)
    steps[~certain] = UNKNOWN
    planes = _differences(_differences(steps.transpose(2, 0, 1), axis=2), axis=1)
    # All low bytes, then all high ones: the latter are nearly all equal.
    parts = planes.astype("<i2").view(np.uint8).reshape(-1, 2).T
    return {"unit": unit, "data": _text(parts)}


def pack_flags(*masks: NDArray[np.bool_]) -> str:
    """Masks (H, W) as bits of a byte a pixel, the first the lowest."""
    flags = np.zeros(masks[0].shape, np.uint8)
    for bit, mask in enumerate(masks):
        flags |= mask.astype(np.uint8) << bit
    return _text(flags)


def _differences(numbers: NDArray[np.int16], axis: int) -> NDArray[np.int16]:
    """Each less the one before it, modulo 2^16."""
    return np.diff(numbers, axis=axis, prepend=np.int16(0))


def _text(array: Array) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), _LEVEL)).decode("ascii")
