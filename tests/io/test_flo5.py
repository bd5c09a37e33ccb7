# SPDX-License-Identifier: Apache-2.0
"""Spring's `.flo5`: what h5py writes is read, and only what lies in the file itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from flownet2.errors import FlowFileError, UnavailableError
from flownet2.io import read_flow, write_flow

FLOW = np.arange(24, dtype=np.float32).reshape(3, 4, 2)


def refusal(path: Path) -> str:
    with pytest.raises(FlowFileError) as caught:
        read_flow(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "gzip", "compression_opts": 5},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf"},
        {"chunks": (2, 3, 1)},
    ],
    ids=str,
)
def test_what_h5py_writes(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "f.flo5"
    with h5py.File(path, "w") as file:
        file.create_dataset("flow", data=FLOW, **options)
        file.create_dataset("other", data=[1])
    flow, valid = read_flow(path)
    assert np.array_equal(flow, FLOW)
    assert valid.all()


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_other_floats(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "f.flo5"
    with h5py.File(path, "w") as file:
        file.create_dataset("flow", data=FLOW.astype(dtype))
    flow, _ = read_flow(path)
    assert flow.dtype == np.float32
    assert flow.dtype.isnative
    assert np.array_equal(flow, FLOW)


def test_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "f.flo5"
    valid = np.ones((3, 4), bool)
    valid[1, 2] = False
    write_flow(path, FLOW, valid)
    with h5py.File(path, "r") as file:
        dataset = file["flow"]
        assert list(file) == ["flow"]
        assert (dataset.dtype, dataset.shape, dataset.compression) == (np.float32, (3, 4, 2), "gzip")
        assert np.isnan(dataset[1, 2]).all()
        assert np.isnan(dataset[()]).sum() == 2
    assert np.array_equal(read_flow(path).valid, valid)


def test_nothing_is_left_of_a_failed_write(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        write_flow(tmp_path / "gone" / "f.flo5", FLOW)
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "f.flo5"
    path.write_bytes(b"PIEH" + bytes(30))
    assert "not a .flo5 file: it begins with b'PIEH" in refusal(path)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda file: file.create_dataset("disparity", data=FLOW), "no dataset 'flow' in it; it holds ['disparity']"),
        (lambda file: file.create_group("flow"), "'flow' is a group, not an array"),
        (
            lambda file: file.create_dataset("flow", data=FLOW[..., 0]),
            "flow is floating point (H, W, 2), this is float32",
        ),
        (lambda file: file.create_dataset("flow", data=FLOW.reshape(3, 2, 4)), "(3, 2, 4)"),
        (lambda file: file.create_dataset("flow", data=FLOW.astype(int)), "this is int64 (3, 4, 2)"),
        (lambda file: file.create_dataset("flow", data=1.0), "this is float64 ()"),
        (lambda file: file.create_dataset("flow", data=h5py.Empty("f4")), "this is float32 None"),
        (lambda file: file.create_dataset("flow", (0, 4, 2), "f4"), "the header claims 4x0 pixels"),
        (lambda file: file.create_dataset("flow", (2**16, 2**16, 2), "f4", chunks=True), "the limit is"),
        (
            lambda file: file.create_dataset("flow", (2**14, 2**15, 2), "f4", chunks=True, compression="gzip"),
            "32768x16384 pixels need 4294967296 bytes, the 0 stored ones cannot hold them",
        ),
        (lambda file: file.create_dataset("flow", (999, 999, 2), "f4"), "the 0 stored ones cannot hold them"),
    ],
)
def test_odd_contents(fill: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.flo5"
    with h5py.File(path, "w") as file:
        fill(file)
    assert message in refusal(path)


def test_other_files_are_not_read(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file.create_dataset("flow", data=FLOW)
    raw = tmp_path / "raw"
    raw.write_bytes(FLOW.tobytes())
    path = tmp_path / "f.flo5"
    with h5py.File(path, "w") as file:
        file["flow"] = h5py.ExternalLink(str(other), "/flow")
    assert "'flow' is a link to another place, which is not followed" in refusal(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("flow", FLOW.shape, "f4", external=[(str(raw), 0, FLOW.nbytes)])
    assert "the values of 'flow' lie in other files" in refusal(path)
    layout = h5py.VirtualLayout(FLOW.shape, "f4")
    layout[:] = h5py.VirtualSource(str(other), "flow", FLOW.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("flow", layout)
    assert "the values of 'flow' lie in other files" in refusal(path)


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.flo5"
    write_flow(path, FLOW)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UnavailableError, match=r"needs h5py: pip install \"flownet2\[hdf5\]\""):
        read_flow(path)
    with pytest.raises(UnavailableError, match="needs h5py"):
        write_flow(path, FLOW)
