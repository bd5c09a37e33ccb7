# SPDX-License-Identifier: Apache-2.0
"""Picture files, through OpenCV (package extra `cli`); arrays are RGB here, whatever OpenCV's order."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from flownet2.atomic import atomic_write
from flownet2.errors import ImageError, InputError
from flownet2.io.containers import (
    JPEG_SIGNATURE,
    MAX_PIXELS,
    MAX_SIDE,
    PNG_SIGNATURE,
    check_jpeg,
    check_png,
)
from flownet2.io.files import open_regular, size_of
from flownet2.io.opencv import decode, encode, import_cv2
from flownet2.types import Array, PathLike

# What a file may begin with. A list, because a decoder that nobody asked for is only a way in.
_SIGNATURES = {
    PNG_SIGNATURE: "PNG",
    JPEG_SIGNATURE: "JPEG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"RIFF": "WebP",
    **{b"P%d" % digit: "PNM" for digit in range(1, 7)},
}
_KINDS = "PNG, JPEG, WebP, BMP, TIFF, PPM or PGM"
_SUFFIXES_8_BIT = (".jpg", ".jpeg", ".webp", ".bmp")
_SUFFIXES_16_BIT = (".png", ".tif", ".tiff", ".ppm")
# The largest picture as 16-bit RGBA, and room for its metadata.
_MAX_FILE_BYTES = MAX_PIXELS * 8 + 2**30
_PURPOSE = "Reading and writing pictures"


def read_image(path: PathLike) -> Array:
    """Read a picture as RGB: (H, W, 3) uint8, or uint16 from a 16-bit PNG, TIFF or PPM.

    The format is told by the content, not the suffix. Grey is repeated to three channels, a palette is
    resolved and alpha is left out (colours stay as stored, nothing is blended). An EXIF orientation is
    applied, as OpenCV does. Of an animation or a multi-page file the first picture is read. At most 2^30
    pixels, 2^20 a side.

    Raises:
        ImageError: not a picture, truncated, damaged, too large, or of floating point.
        UnavailableError: OpenCV is not installed.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    cv2 = import_cv2(_PURPOSE)
    data, kind = _read(path)
    try:
        if kind == "PNG":
            check_png(data)
        elif kind == "JPEG":
            check_jpeg(data)
    except ValueError as error:
        raise ImageError(f"{name}: {error}") from None
    bgr = decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH, _PURPOSE)
    if bgr is None:
        raise ImageError(
            f"{name}: OpenCV cannot read this {kind} file; it is truncated, damaged or larger than "
            f"{MAX_PIXELS} pixels or {MAX_SIDE} a side"
        )
    if bgr.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: pixels of dtype {bgr.dtype}; pictures of 8 or 16 bits per channel are read")
    rgb: Array = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return rgb


def _read(path: PathLike) -> tuple[bytes, str]:
    name = os.fspath(path)
    with open_regular(path, ImageError) as file:
        head = file.read(16)
        size = size_of(file)
        kind = next((kind for start, kind in _SIGNATURES.items() if head.startswith(start)), None)
        if not head:
            raise ImageError(f"{name}: the file is empty; {_KINDS} is expected")
        if kind is None or (kind == "WebP" and head[8:12] != b"WEBP"):
            raise ImageError(f"{name}: not a picture: it begins with {head[:8]!r}, {_KINDS} is expected")
        if size > _MAX_FILE_BYTES:
            raise ImageError(f"{name}: {size} bytes; a picture file may have {_MAX_FILE_BYTES}")
        return head + file.read(), kind


def write_image(path: PathLike, rgb: ArrayLike) -> None:
    """Write an RGB picture (H, W, 3); the suffix picks the format, the file appears whole or not at all.

    uint8 goes to .png, .jpg, .jpeg, .webp, .bmp, .tif, .tiff and .ppm; uint16 to .png, .tif, .tiff and .ppm.

    Raises:
        InputError: another shape or dtype.
        ImageError: an unknown suffix, one that cannot hold uint16, or a size the format cannot hold.
        UnavailableError: OpenCV is not installed.
        OSError: the file cannot be written.
    """
    name = os.fspath(path)
    image = np.asarray(rgb)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InputError(f"write_image: rgb must have shape (H, W, 3), got {image.shape}")
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(f"write_image: rgb must be uint8 or uint16, got {image.dtype}")
    suffix = Path(name).suffix.lower()
    known = _SUFFIXES_16_BIT if image.dtype == np.uint16 else _SUFFIXES_16_BIT + _SUFFIXES_8_BIT
    if suffix not in known:
        raise ImageError(f"{name}: suffix {suffix!r} does not take {image.dtype}; use one of {', '.join(known)}")
    data = encode(suffix, np.ascontiguousarray(image[..., ::-1]), _PURPOSE)
    if data is None:
        height, width = image.shape[:2]
        raise ImageError(f"{name}: OpenCV cannot write {width}x{height} pixels of {image.dtype} as {suffix}")
    with atomic_write(path) as file:
        file.write(data)
