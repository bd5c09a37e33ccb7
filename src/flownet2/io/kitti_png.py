# SPDX-License-Identifier: Apache-2.0
"""KITTI flow: a 16-bit RGB PNG, R = u * 64 + 2^15, G = v * 64 + 2^15, B = 1 where valid. HD1K's too."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flownet2.atomic import atomic_write
from flownet2.errors import FlowFileError
from flownet2.io.arrays import Flow, known
from flownet2.io.containers import check_png
from flownet2.io.files import open_regular
from flownet2.io.opencv import decode, encode, import_cv2
from flownet2.types import FloatArray, PathLike

_STEPS_PER_PX = 64.0
_ZERO = 2**15
_MAX_CODE = 2**16 - 1
_PNG_RGB = 2
_PURPOSE = "KITTI flow in PNG files"


def read_kitti_png(path: PathLike) -> Flow:
    """Read a KITTI flow file; flow is 0 where it is not valid.

    Raises:
        FlowFileError: not a complete 16-bit RGB PNG.
        UnavailableError: OpenCV is not installed.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    cv2 = import_cv2(_PURPOSE)
    with open_regular(path, FlowFileError) as file:
        # A wrong file is told by its first bytes, however long it is.
        data = file.read(64)
        if data.startswith(b"\x89PNG"):
            data += file.read()
    try:
        header = check_png(data)
    except ValueError as error:
        raise FlowFileError(f"{name}: {error}") from None
    if header.bit_depth != 16 or header.colour_type != _PNG_RGB:
        raise FlowFileError(
            f"{name}: KITTI flow is a 16-bit RGB PNG, this one has {header.bit_depth} bits, "
            f"PNG colour type {header.colour_type}; it is a picture, read_image reads it"
        )
    bgr = decode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR, _PURPOSE)
    if bgr is None or bgr.dtype != np.uint16 or bgr.shape != (header.height, header.width, 3):
        raise FlowFileError(f"{name}: damaged: the PNG's pixels cannot be decoded; fetch it again")
    valid = bgr[..., 0] != 0
    flow = (bgr[..., :0:-1].astype(np.float32) - _ZERO) / np.float32(_STEPS_PER_PX)
    flow[~valid] = 0
    return Flow(np.ascontiguousarray(flow), valid)


def write_kitti_png(path: PathLike, flow: FloatArray, valid: NDArray[np.bool_] | None = None) -> None:
    """Write flow (H, W, 2), rounded to the nearest 1/64 px, so read back within 1/128 px.

    The format holds -512 to 511.984 px: a pixel beyond that, or not finite, is written as not valid (all
    zeros, like the pixels that `valid` excludes) rather than clipped to a wrong value.
    """
    keep = known(flow) if valid is None else known(flow) & valid
    codes = np.rint(np.where(keep[..., None], flow, 0).astype(np.float64) * _STEPS_PER_PX + _ZERO)
    keep &= ((codes >= 0) & (codes <= _MAX_CODE)).all(axis=-1)
    bgr = np.zeros((*flow.shape[:2], 3), np.uint16)
    bgr[..., 2] = np.where(keep, codes[..., 0], 0)
    bgr[..., 1] = np.where(keep, codes[..., 1], 0)
    bgr[..., 0] = keep
    data = encode(".png", bgr, _PURPOSE)
    if data is None:
        raise FlowFileError(f"{Path(path)}: OpenCV cannot write a 16-bit PNG of {flow.shape[1]}x{flow.shape[0]} pixels")
    with atomic_write(path) as file:
        file.write(data)
