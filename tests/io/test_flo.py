# SPDX-License-Identifier: Apache-2.0
"""Middlebury .flo, down to the bytes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from flownet2.errors import FlowFileError
from flownet2.io import read_flow, write_flow

DATA = Path(__file__).parents[1] / "data" / "pairs"


def header(width: int, height: int, tag: bytes = b"PIEH") -> bytes:
    return tag + struct.pack("<ii", width, height)


def test_bytes_of_a_file_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "f.flo"
    data = struct.pack("<fii4f", 202021.25, 2, 1, 1.0, -2.0, 3.5, 0.25)
    path.write_bytes(data)
    flow, valid = read_flow(path)
    assert flow.tolist() == [[[1.0, -2.0], [3.5, 0.25]]]
    assert valid.all()
    write_flow(path, flow)
    assert path.read_bytes() == data


@pytest.mark.parametrize("name", ["00001_flow.flo", "0000000-flow_01.flo", "0000000-flow_10.flo"])
def test_real_files_come_back_byte_for_byte(tmp_path: Path, name: str) -> None:
    write_flow(tmp_path / name, read_flow(DATA / name).flow)
    assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


@pytest.mark.parametrize("unknown", [1.0001e9, -1e10, np.nan, np.inf, -np.inf])
def test_unknown_pixels(tmp_path: Path, unknown: float) -> None:
    flow = np.array([[[unknown, 0], [0, unknown], [1e9, -1e9]]], np.float32)
    write_flow(tmp_path / "f.flo", flow)
    back = read_flow(tmp_path / "f.flo")
    assert back.valid.tolist() == [[False, False, True]]
    assert back.flow.tobytes() == flow.tobytes()


def test_excluded_pixels_are_written_as_middlebury_does(tmp_path: Path) -> None:
    write_flow(tmp_path / "f.flo", np.ones((1, 2, 2), np.float32), np.array([[True, False]]))
    assert read_flow(tmp_path / "f.flo").flow.tolist() == [[[1.0, 1.0], [1e10, 1e10]]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"HEIP" + bytes(20), "not a .flo file: it begins with b'HEIP', expected b'PIEH'"),
        (b"<html>", "not a .flo file"),
        (b"PIEH\x01\x00", "truncated: a .flo header has 12 bytes, this has 6"),
        (header(0, 5), "the header claims 0x5 pixels; both must be at least 1"),
        (header(5, -1), "the header claims 5x-1 pixels"),
        (header(2, 1) + bytes(15), "truncated: a .flo file of 2x1 pixels needs 28 bytes, 27 are there"),
        (header(2, 1) + bytes(17), "oversized: a .flo file of 2x1 pixels needs 28 bytes, 29 are there"),
        (header(100000, 100000) + bytes(8), "100000x100000 pixels needs 80000000012 bytes, 20 are there"),
        (header(2**31 - 1, 2**31 - 1), "truncated"),
    ],
)
def test_broken_files(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.flo"
    path.write_bytes(data)
    with pytest.raises(FlowFileError) as caught:
        read_flow(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
