# SPDX-License-Identifier: Apache-2.0
"""Portable float map: `PF` (three channels) or `Pf` (one), width, height, scale, float32 rows, bottom first.

A negative scale means little-endian. Flow sits in the first two of three channels (FlyingThings3D,
ChairsSDHom); the third is written as 0 and ignored when read.
"""

from __future__ import annotations

import math
import os
import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.atomic import atomic_write
from flownet2.errors import FlowFileError, InputError
from flownet2.io.arrays import Flow, known, to_float32
from flownet2.io.files import check_size, open_regular, read_array, size_of
from flownet2.types import FloatArray, PathLike

_HEADER_BYTES = 128
_HEADER = re.compile(
    rb"(PF|Pf)[ \t\r\n]+([0-9]{1,10})[ \t\r\n]+([0-9]{1,10})[ \t\r\n]+([-+0-9.eE]{1,32})[ \t]*(\r\n|[\r\n ])"
)


def read_pfm(path: PathLike) -> FloatArray:
    """Read a portable float map: float32 (H, W, 3), or (H, W) for a grey one; the first row is the top one.

    The scale gives the byte order only; its size is not applied, as every reader of flow files does.

    Raises:
        FlowFileError: a malformed header, or a length that does not fit it.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    with open_regular(path, FlowFileError) as file:
        head = file.read(_HEADER_BYTES)
        match = _HEADER.match(head)
        if match is None:
            raise FlowFileError(
                f"{name}: not a PFM file: it begins with {head[:16]!r}, not PF or Pf, width, height, scale"
            )
        channels = 3 if match[1] == b"PF" else 1
        width, height = int(match[2]), int(match[3])
        if width < 1 or height < 1:
            raise FlowFileError(f"{name}: the header claims {width}x{height} pixels; both must be at least 1")
        order = _byte_order(name, match[4])
        what = f"a PFM file of {width}x{height} pixels and {channels} channels"
        check_size(path, what, match.end() + width * height * channels * 4, size_of(file))
        file.seek(match.end())
        values = read_array(path, file, width * height * channels, order + "f4")
    shape = (height, width, 3) if channels == 3 else (height, width)
    return np.ascontiguousarray(to_float32(values).reshape(shape)[::-1])


def _byte_order(name: str, text: bytes) -> str:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not math.isfinite(scale) or scale == 0:
        raise FlowFileError(f"{name}: the PFM scale must be a number other than 0, got {text.decode()!r}")
    return "<" if scale < 0 else ">"


def write_pfm(path: PathLike, image: ArrayLike) -> None:
    """Write (H, W) or (H, W, 3) floats as a little-endian portable float map of scale -1.

    Raises:
        InputError: another shape or dtype.
        OSError: the file cannot be written.
    """
    array = np.asarray(image)
    grey = array.ndim == 2
    if not (grey or (array.ndim == 3 and array.shape[2] == 3)) or array.size == 0:
        raise InputError(f"write_pfm: image must have shape (H, W) or (H, W, 3), got {array.shape}")
    if array.dtype.kind != "f":
        raise InputError(f"write_pfm: image must be floating point, got {array.dtype}")
    data = np.ascontiguousarray(to_float32(array)[::-1], dtype="<f4")
    with atomic_write(path) as file:
        file.write(b"%s\n%d %d\n-1.0\n" % (b"Pf" if grey else b"PF", data.shape[1], data.shape[0]))
        file.write(data.data.cast("B"))


def read_flow_pfm(path: PathLike) -> Flow:
    """Read flow from a three-channel PFM; pixels with NaN, infinity or more than 1e9 are not valid."""
    image = read_pfm(path)
    if image.ndim == 2:
        raise FlowFileError(
            f"{os.fspath(path)}: a grey PFM (Pf) holds no flow, three channels (PF) are needed; "
            "read_pfm reads it as a picture"
        )
    flow = np.ascontiguousarray(image[..., :2])
    return Flow(flow, known(flow))


def write_flow_pfm(path: PathLike, flow: FloatArray, valid: NDArray[np.bool_] | None = None) -> None:
    """Write flow (H, W, 2) as a three-channel PFM; pixels that `valid` excludes become NaN."""
    image = np.zeros((*flow.shape[:2], 3), np.float32)
    image[..., :2] = flow
    if valid is not None:
        image[~valid, :2] = np.nan
    write_pfm(path, image)
