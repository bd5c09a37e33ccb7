# SPDX-License-Identifier: Apache-2.0
"""The outer structure of PNG and JPEG files, checked before OpenCV allocates or decodes anything.

Decoders differ, by version, in what they do with a file that was cut off: an error, grey rows, a message on
stderr. Walking the chunks first makes it one error, and bounds the memory by the size of the file.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

# OpenCV's own limits (CV_IO_MAX_IMAGE_WIDTH, _HEIGHT, _PIXELS).
MAX_SIDE = 2**20
MAX_PIXELS = 2**30

_CHUNK = struct.Struct(">I4s")
_CRC_BYTES = 4
_IHDR = struct.Struct(">IIBBBBB")
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# One deflate symbol of 2 bits yields at most 258 bytes.
_MAX_INFLATION = 1032

# A marker in entropy-coded data: FF followed by neither 00 (stuffing), FF (fill) nor a restart marker.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_BARE_MARKERS = (0x01, 0xD8)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_END = 0xD9


class PngHeader(NamedTuple):
    """Fields of the IHDR chunk."""

    width: int
    height: int
    bit_depth: int
    colour_type: int


def check_sides(width: int, height: int) -> None:
    """Raise ValueError with the reason when a picture of this size is not read."""
    if width < 1 or height < 1:
        raise ValueError(f"the header claims {width}x{height} pixels; both must be at least 1")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise ValueError(
            f"the header claims {width}x{height} pixels; the limit is {MAX_SIDE} a side, {MAX_PIXELS} in all"
        )


def check_png(data: bytes) -> PngHeader:
    """The header of a PNG whose chunks are all there and have their checksums; else ValueError says why."""
    if not data.startswith(PNG_SIGNATURE):
        raise ValueError(f"not a PNG file: it begins with {data[:8]!r}")
    header: PngHeader | None = None
    compressed = 0
    position = len(PNG_SIGNATURE)
    while True:
        if position + _CHUNK.size > len(data):
            raise ValueError(f"truncated: no IEND chunk in {len(data)} bytes")
        length, kind = _CHUNK.unpack_from(data, position)
        body = position + _CHUNK.size
        end = body + length
        if end + _CRC_BYTES > len(data):
            missing = end + _CRC_BYTES - len(data)
            raise ValueError(f"truncated: {missing} bytes are missing of a chunk {kind!r} of {length}")
        stored = int.from_bytes(data[end : end + _CRC_BYTES], "big")
        if zlib.crc32(memoryview(data)[position + 4 : end]) != stored:
            raise ValueError(f"damaged: the checksum of chunk {kind!r} at byte {position} is wrong")
        if header is None:
            header = _png_header(kind, data[body:end])
        elif kind == b"IDAT":
            compressed += length
        elif kind == b"IEND":
            break
        position = end + _CRC_BYTES
    _check_inflation(header, compressed)
    return header


def _png_header(kind: bytes, body: bytes) -> PngHeader:
    if kind != b"IHDR" or len(body) != _IHDR.size:
        raise ValueError(f"damaged: a PNG begins with an IHDR chunk of {_IHDR.size} bytes, not {kind!r} of {len(body)}")
    width, height, bit_depth, colour_type, *_ = _IHDR.unpack(body)
    check_sides(width, height)
    if colour_type not in _PNG_CHANNELS or bit_depth not in (1, 2, 4, 8, 16):
        raise ValueError(f"damaged: unknown PNG colour type {colour_type} or bit depth {bit_depth}")
    return PngHeader(width, height, bit_depth, colour_type)


def _check_inflation(header: PngHeader, compressed: int) -> None:
    raw = header.width * header.height * header.bit_depth * _PNG_CHANNELS[header.colour_type] // 8
    if raw > compressed * _MAX_INFLATION:
        raise ValueError(
            f"damaged: {header.width}x{header.height} pixels need {raw} bytes, "
            f"the {compressed} compressed ones can hold no more than {compressed * _MAX_INFLATION}"
        )


def check_jpeg(data: bytes) -> None:
    """Pass a JPEG that has a frame of a readable size and an end marker; else ValueError says why."""
    position = 2
    while True:
        match = _JPEG_MARKER.search(data, position)
        if match is None:
            raise ValueError(f"truncated: no end-of-image marker in {len(data)} bytes")
        code, position = data[match.end() - 1], match.end()
        if code == _JPEG_END:
            return
        if code in _JPEG_BARE_MARKERS:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if position + length > len(data):
            raise ValueError(f"truncated: {position + length - len(data)} bytes of a segment are missing")
        if code in _JPEG_FRAMES and length >= 7:
            height, width = struct.unpack_from(">HH", data, position + 3)
            check_sides(width, height)
        position += max(length, 2)
