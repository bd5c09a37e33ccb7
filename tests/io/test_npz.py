# SPDX-License-Identifier: Apache-2.0
"""NumPy files: what is accepted, and archives that lie."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from flownet2.errors import FlowFileError
from flownet2.io import read_flow, write_flow

FLOW = np.arange(12, dtype=np.float32).reshape(2, 3, 2)


def npy_head(shape: str, descr: str = "'<f4'", version: bytes = b"\x01\x00") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path


def refused(path: Path) -> str:
    with pytest.raises(FlowFileError) as caught:
        read_flow(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_every_floating_dtype_and_order(tmp_path: Path, dtype: str, order: str, suffix: str) -> None:
    path = tmp_path / ("f" + suffix)
    array = np.array(FLOW, dtype, order=order)
    if suffix == ".npy":
        np.save(path, array)
    else:
        np.savez_compressed(path, flow=array)
    assert (read_flow(path).flow == FLOW).all()


def test_numpy_reads_what_is_written(tmp_path: Path) -> None:
    valid = np.array([[1, 0, 1], [1, 1, 0]], bool)
    write_flow(tmp_path / "f.npz", FLOW, valid)
    write_flow(tmp_path / "f.npy", FLOW, valid)
    with np.load(tmp_path / "f.npz") as file:
        assert sorted(file) == ["flow", "valid"]
        assert (file["flow"] == FLOW).all()
        assert (file["valid"] == valid).all()
    assert (np.isnan(np.load(tmp_path / "f.npy")[..., 0]) == ~valid).all()


def test_equal_flow_gives_equal_bytes(tmp_path: Path) -> None:
    write_flow(tmp_path / "a.npz", FLOW)
    write_flow(tmp_path / "b.npz", FLOW.copy())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_mask_of_numbers_and_unknown_values(tmp_path: Path) -> None:
    flow = FLOW.copy()
    flow[0, 0] = np.nan
    np.savez(tmp_path / "f.npz", flow=flow, valid=np.array([[1, 0, 1], [0, 1, 1]], np.uint8), other=np.zeros(3))
    assert read_flow(tmp_path / "f.npz").valid.tolist() == [[False, False, True], [False, True, True]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04" + bytes(50), "not a .npy file"),
        (npy_head("(2, 3, 2)", version=b"\x03\x00") + bytes(48), "unknown .npy version (3, 0); 1.0 and 2.0"),
        (npy_head("(2, 3, 2)") + bytes(47), "truncated: a .npy file of shape (2, 3, 2) and dtype float32"),
        (npy_head("(2, 3, 2)") + bytes(49), "oversized"),
        (npy_head("(100000, 100000, 2)") + bytes(8), "needs 80000000128 bytes, 136 are there"),
        (npy_head("(2, 3)") + bytes(24), "flow must have shape (H, W, 2), got (2, 3)"),
        (npy_head("()") + bytes(4), "flow must have shape (H, W, 2), got ()"),
        (npy_head("(0, 3, 2)"), "at least one pixel"),
        (npy_head("(-1, 3, 2)"), "an array of numbers is needed"),
        (npy_head("(2, 3, 2)", "'<i4'") + bytes(48), "floating point, got int32"),
        (
            npy_head("(2, 3, 2)", "'|O'") + b"cos\nsystem\n(S'false'\ntR.",
            "an array of numbers is needed, got dtype object",
        ),
        (npy_head("(2, 3, 2)", "'<c8'"), "an array of numbers is needed, got dtype complex64"),
        (npy_head("((((((((((2, 3, 2)"), "not a .npy file"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "not a .npy file"),
    ],
)
def test_broken_npy(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    assert message in refused(path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"data.npy": npy(FLOW)}, "no array 'flow' in it; it holds ['data']"),
        ({"flow.npy": b"text"}, "flow.npy: not a .npy file"),
        ({"flow.npy": npy(FLOW)[:-1]}, "flow.npy: truncated"),
        ({"flow.npy": npy_head("(100000, 100000, 2)")}, "needs 80000000128 bytes, 128 are there"),
        ({"flow.npy": npy(FLOW[0])}, "flow must have shape (H, W, 2), got (3, 2)"),
        ({"flow.npy": npy(FLOW), "valid.npy": npy(np.ones((3, 2), bool))}, "valid must have shape (2, 3)"),
        ({"flow.npy": npy(FLOW), "valid.npy": npy_head("(2, 3)", "'|O'")}, "an array of numbers is needed"),
    ],
)
def test_broken_npz(tmp_path: Path, entries: dict[str, bytes], message: str) -> None:
    assert message in refused(archive(tmp_path / "bad.npz", entries))


def test_archive_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(npy(FLOW))
    assert "not a readable .npz file" in refused(path)


def test_other_compression_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "bad.npz", {"flow.npy": npy(FLOW)}, zipfile.ZIP_LZMA)
    assert "compressed by method 14; numpy writes 0 and 8" in refused(path)


def test_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    path = archive(tmp_path / "bad.npz", {"flow.npy": npy(FLOW)})
    data = bytearray(path.read_bytes())
    data[data.index(FLOW.tobytes()) + 5] ^= 1
    path.write_bytes(bytes(data))
    assert "Bad CRC-32" in refused(path)


def test_claimed_size_that_the_compressed_bytes_cannot_hold(tmp_path: Path) -> None:
    head = npy_head("(20000, 20000, 2)")
    path = archive(tmp_path / "bad.npz", {"flow.npy": head}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    claimed = struct.pack("<I", len(head) + 20000 * 20000 * 8)
    path.write_bytes(data.replace(struct.pack("<I", len(head)), claimed))
    assert "claims 3200000128 bytes, which" in refused(path)
