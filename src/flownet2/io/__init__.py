# SPDX-License-Identifier: Apache-2.0
"""Flow files and pictures: one format per module, chosen by suffix.

flow, valid = read_flow("truth.flo")
write_flow("truth.png", flow, valid)     # KITTI's 16-bit PNG
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import FlowFileError
from flownet2.io.arrays import Flow, check_flow, check_mask, to_float32
from flownet2.io.flo import read_flo, write_flo
from flownet2.io.flo5 import read_flo5, write_flo5
from flownet2.io.images import read_image, write_image
from flownet2.io.kitti_png import read_kitti_png, write_kitti_png
from flownet2.io.npz import read_npy, read_npz, write_npy, write_npz
from flownet2.io.pfm import read_flow_pfm, read_pfm, write_flow_pfm, write_pfm
from flownet2.types import FloatArray, PathLike

__all__ = [
    "FLOW_SUFFIXES",
    "Flow",
    "read_flow",
    "read_image",
    "read_pfm",
    "write_flow",
    "write_image",
    "write_pfm",
]


class _Format(NamedTuple):
    read: Callable[[PathLike], Flow]
    write: Callable[[PathLike, FloatArray, NDArray[np.bool_] | None], None]


_FORMATS = {
    ".flo": _Format(read_flo, write_flo),
    ".pfm": _Format(read_flow_pfm, write_flow_pfm),
    ".png": _Format(read_kitti_png, write_kitti_png),
    ".npy": _Format(read_npy, write_npy),
    ".npz": _Format(read_npz, write_npz),
    ".flo5": _Format(read_flo5, write_flo5),
}

FLOW_SUFFIXES = tuple(_FORMATS)
"""The suffixes of flow files, lower case with the dot."""


def read_flow(path: PathLike) -> Flow:
    """Read a flow file: `.flo`, `.pfm`, KITTI's 16-bit `.png`, `.npy`, `.npz` or Spring's `.flo5`.

    The suffix tells the format, in any case.


    Returns:
        `(flow, valid)`: float32 (H, W, 2), u then v in pixels, and bool (H, W). A pixel is valid where both
        components are finite and at most 1e9 in size (Middlebury's rule, in every format) and where the
        mask in the file, if it has one, says so. Flow at other pixels is as in the file, in KITTI's 0.

    Raises:
        FlowFileError: unknown suffix, or a file that is truncated, oversized, damaged or of another kind.
        UnavailableError: a `.png` without OpenCV, a `.flo5` without h5py installed.
        OSError: the file is missing or unreadable.
    """
    return _format(path).read(path)


def write_flow(path: PathLike, flow: ArrayLike, valid: ArrayLike | None = None) -> None:
    """Write a flow file whole or not at all; the suffix picks the format as in `read_flow`.

    Args:
        path: the file, replaced if it is there.
        flow: (H, W, 2) of a floating dtype, pixels; written as float32, `.png` rounded to 1/64 px.
        valid: (H, W), bool or numeric (valid from 0.5); without it every finite pixel is valid. Pixels it
            excludes become 1e10 in `.flo`, NaN in `.pfm`, `.npy` and `.flo5`, and keep their value in `.npz`. `.png`
            holds -512 to 511.984 px: what lies outside or is not finite is written as not valid.

    Raises:
        InputError: another shape or dtype.
        FlowFileError: unknown suffix.
        UnavailableError: a `.png` without OpenCV, a `.flo5` without h5py installed.
        OSError: the file cannot be written.
    """
    write = _format(path).write
    array = check_flow(flow)
    mask = None if valid is None else check_mask(valid, array.shape[:2])
    write(path, to_float32(array), mask)


def _format(path: PathLike) -> _Format:
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise FlowFileError(
            f"{os.fspath(path)}: unknown flow file suffix {suffix!r}; known are {', '.join(FLOW_SUFFIXES)}"
        )
    return _FORMATS[suffix]
