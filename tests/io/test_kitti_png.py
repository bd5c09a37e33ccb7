# SPDX-License-Identifier: Apache-2.0
"""KITTI's 16-bit PNG: codes, rounding, range, mask, and files that are something else."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from flownet2.errors import FlowFileError
from flownet2.io import read_flow, write_flow

DATA = Path(__file__).parents[1] / "data" / "pairs"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, raw: bytes, bits: int = 16, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def test_decoding_a_file_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "f.png"
    codes = [(32768, 32768, 1), (32768 + 64, 32768 - 128, 1), (0, 65535, 1), (0, 0, 0), (32769, 32768, 255)]
    path.write_bytes(png(5, 1, b"\0" + b"".join(struct.pack(">HHH", *code) for code in codes)))
    flow, valid = read_flow(path)
    assert flow.tolist() == [[[0, 0], [1, -2], [-512, 511.984375], [0, 0], [1 / 64, 0]]]
    assert valid.tolist() == [[True, True, True, False, True]]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0.0, 32768),
        (1 / 128 + 1e-5, 32769),
        (-1 / 128 - 1e-5, 32767),
        (0.0155, 32769),
        (511.99, 65535),
        (-512.0, 0),
    ],
)
def test_codes_are_rounded_to_the_nearest(tmp_path: Path, value: float, code: int) -> None:
    path = tmp_path / "f.png"
    write_flow(path, np.array([[[value, 1]]], np.float32))
    bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert bgr.dtype == np.uint16
    assert bgr.tolist() == [[[1, 32768 + 64, code]]]


@pytest.mark.parametrize("value", [511.9923, 512.0, -512.0079, 1e5, 1e10, np.nan, np.inf, -np.inf])
def test_what_does_not_fit_is_not_valid(tmp_path: Path, value: float) -> None:
    path = tmp_path / "f.png"
    write_flow(path, np.array([[[value, 0], [0, value], [1, 1]]], np.float32))
    flow, valid = read_flow(path)
    assert valid.tolist() == [[False, False, True]]
    assert flow.tolist() == [[[0, 0], [0, 0], [1, 1]]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PIEH" + bytes(30), "not a PNG file: it begins with b'PIEH"),
        (
            png(2, 1, bytes(7), bits=8),
            "KITTI flow is a 16-bit RGB PNG, this one has 8 bits, PNG colour type 2",
        ),
        (
            png(2, 1, bytes(5), colour=0),
            "this one has 16 bits, PNG colour type 0; it is a picture, read_image",
        ),
        (png(2, 1, bytes(17), colour=6), "PNG colour type 6"),
        (png(100000, 100000, b""), "the header claims 100000x100000 pixels; the limit is 1048576 a side"),
        (png(2**31 - 1, 2**31 - 1, b""), "the header claims 2147483647x2147483647 pixels"),
        (png(0, 1, b""), "the header claims 0x1 pixels; both must be at least 1"),
        (png(20000, 20000, b""), "damaged: 20000x20000 pixels need 2400000000 bytes"),
        (png(2, 2, bytes(13)), "damaged: the PNG's pixels cannot be decoded"),
        (png(2, 1, b"\x07" + bytes(12)), "damaged: the PNG's pixels cannot be decoded"),
        (png(2, 1, bytes(13), bits=3), "damaged: unknown PNG colour type 2 or bit depth 3"),
        (png(2, 1, bytes(13))[:-12], "truncated: no IEND chunk"),
        (png(2, 1, bytes(13))[:-13], "truncated: 1 bytes are missing of a chunk b'IDAT'"),
        (
            png(2, 1, bytes(13)).replace(b"IHDR", b"JHDR"),
            "damaged: the checksum of chunk b'JHDR' at byte 8 is wrong",
        ),
        (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
            "damaged: a PNG begins with an IHDR chunk of 13 bytes, not b'IEND'",
        ),
    ],
)
def test_broken_files(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(FlowFileError) as caught:
        read_flow(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_any_flipped_bit_of_the_pixels_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "f.png"
    write_flow(path, np.ones((3, 3, 2), np.float32))
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 9] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(FlowFileError, match="the checksum of chunk b'IDAT'"):
        read_flow(path)


def test_picture_is_told_from_flow() -> None:
    with pytest.raises(FlowFileError, match="8 bits"):
        read_flow(DATA / "0000000-img_0.png")
