# SPDX-License-Identifier: Apache-2.0
"""Middlebury `.flo`: float32 202021.25 ("PIEH"), int32 width and height, then u, v pairs, top row first.

All little-endian. A component above 1e9 in size, or not finite, marks a pixel whose flow is unknown
(flowIO of https://vision.middlebury.edu/flow/code/flow-code).
"""

from __future__ import annotations

import os
import struct

import numpy as np
from numpy.typing import NDArray

from flownet2.atomic import atomic_write
from flownet2.errors import FlowFileError
from flownet2.io.arrays import UNKNOWN_VALUE_PX, Flow, known, to_float32
from flownet2.io.files import check_size, open_regular, read_array, size_of
from flownet2.types import FloatArray, PathLike

_TAG = b"PIEH"
_HEADER = struct.Struct("<4sii")


def read_flo(path: PathLike) -> Flow:
    """Read a `.flo` file; flow keeps the bits of the file, unknown pixels included.

    Raises:
        FlowFileError: wrong tag, sizes below 1, or a length that does not fit the header.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    with open_regular(path, FlowFileError) as file:
        header = file.read(_HEADER.size)
        if header[:4] != _TAG:
            raise FlowFileError(f"{name}: not a .flo file: it begins with {header[:4]!r}, expected {_TAG!r}")
        if len(header) < _HEADER.size:
            raise FlowFileError(f"{name}: truncated: a .flo header has {_HEADER.size} bytes, this has {len(header)}")
        _, width, height = _HEADER.unpack(header)
        if width < 1 or height < 1:
            raise FlowFileError(f"{name}: the header claims {width}x{height} pixels; both must be at least 1")
        what = f"a .flo file of {width}x{height} pixels"
        check_size(path, what, _HEADER.size + width * height * 8, size_of(file))
        values = read_array(path, file, width * height * 2, "<f4")
    flow = to_float32(values).reshape(height, width, 2)
    return Flow(flow, known(flow))


def write_flo(path: PathLike, flow: FloatArray, valid: NDArray[np.bool_] | None = None) -> None:
    """Write flow (H, W, 2) bit for bit; pixels that `valid` excludes become 1e10, Middlebury's unknown."""
    if valid is not None and not valid.all():
        flow = np.where(valid[..., None], flow, np.float32(UNKNOWN_VALUE_PX))
    data = np.ascontiguousarray(flow, dtype="<f4")
    with atomic_write(path) as file:
        file.write(_HEADER.pack(_TAG, data.shape[1], data.shape[0]))
        file.write(data.data.cast("B"))
