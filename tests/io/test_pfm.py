# SPDX-License-Identifier: Apache-2.0
"""Portable float maps: byte orders, row order, channels, headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flownet2.errors import FlowFileError, InputError
from flownet2.io import read_flow, read_pfm, write_flow, write_pfm

DATA = Path(__file__).parents[1] / "data" / "pairs"
COLOUR = np.arange(12, dtype=np.float32).reshape(2, 2, 3)


@pytest.mark.parametrize(
    ("head", "dtype"),
    [
        (b"PF\n2 2\n-1.0\n", "<f4"),
        (b"PF\n2 2\n1.0\n", ">f4"),
        (b"PF\r\n2 2\r\n-1\r\n", "<f4"),
        (b"PF 2 2 -3.5e2\n", "<f4"),
        (b"PF\n2\n2\n+1 ", ">f4"),
    ],
)
def test_headers_and_byte_orders(tmp_path: Path, head: bytes, dtype: str) -> None:
    path = tmp_path / "f.pfm"
    path.write_bytes(head + COLOUR[::-1].astype(dtype).tobytes())
    assert (read_pfm(path) == COLOUR).all()
    flow, valid = read_flow(path)
    assert (flow == COLOUR[..., :2]).all()
    assert valid.all()


def test_written_bytes(tmp_path: Path) -> None:
    path = tmp_path / "f.pfm"
    write_flow(path, np.array([[[1, 2]], [[3, 4]]], np.float32))
    assert path.read_bytes() == b"PF\n1 2\n-1.0\n" + np.array([3, 4, 0, 1, 2, 0], "<f4").tobytes()


def test_grey(tmp_path: Path) -> None:
    path = tmp_path / "f.pfm"
    write_pfm(path, COLOUR[..., 0])
    assert path.read_bytes().startswith(b"Pf\n2 2\n")
    assert (read_pfm(path) == COLOUR[..., 0]).all()
    with pytest.raises(FlowFileError, match=r"f\.pfm: a grey PFM \(Pf\) holds no flow.*read_pfm"):
        read_flow(path)


def test_real_grey_file(tmp_path: Path) -> None:
    source = DATA / "0000000-occ_weights_01.pfm"
    weights = read_pfm(source)
    assert weights.shape == (50, 50)
    assert 0 <= weights.min() < weights.max() <= 1
    write_pfm(tmp_path / "w.pfm", weights)
    assert (read_pfm(tmp_path / "w.pfm") == weights).all()


def test_not_finite_is_unknown(tmp_path: Path) -> None:
    write_flow(tmp_path / "f.pfm", np.array([[[np.nan, 0], [1, 1]]], np.float32))
    assert read_flow(tmp_path / "f.pfm").valid.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"P6\n2 2\n255\n", "not a PFM file: it begins with b'P6"),
        (b"PF\n# comment\n2 2\n-1\n", "not a PFM file"),
        (b"PF\n-2 2\n-1\n", "not a PFM file"),
        (b"PF\n2 2\n-1", "not a PFM file"),
        (b"PF\n2 2\nnan\n", "not a PFM file"),
        (b"PF\n0 2\n-1\n", "the header claims 0x2 pixels"),
        (b"PF\n1 1\n0\n" + bytes(12), "the PFM scale must be a number other than 0, got '0'"),
        (b"PF\n1 1\n1e999\n" + bytes(12), "the PFM scale must be a number"),
        (b"PF\n1 1\n1-2\n" + bytes(12), "the PFM scale must be a number"),
        (
            b"PF\n1 1\n-1\n" + bytes(11),
            "truncated: a PFM file of 1x1 pixels and 3 channels needs 22 bytes, 21",
        ),
        (
            b"Pf\n1 1\n-1\n" + bytes(12),
            "oversized: a PFM file of 1x1 pixels and 1 channels needs 14 bytes, 22",
        ),
        (b"PF\n100000 100000\n-1\n" + bytes(12), "needs 120000000020 bytes"),
        (b"PF\n9999999999 9999999999\n-1\n", "truncated"),
    ],
)
def test_broken_files(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.pfm"
    path.write_bytes(data)
    with pytest.raises(FlowFileError) as caught:
        read_pfm(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 2, 2), np.float32), r"\(H, W\) or \(H, W, 3\), got \(2, 2, 2\)"),
        (np.zeros((0, 2), np.float32), r"got \(0, 2\)"),
        (np.zeros((2, 2), np.uint8), "floating point, got uint8"),
    ],
)
def test_wrong_arrays(tmp_path: Path, image: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_pfm(tmp_path / "f.pfm", image)
