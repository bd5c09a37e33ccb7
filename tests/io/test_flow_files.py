# SPDX-License-Identifier: Apache-2.0
"""What holds for every flow file format, and the choice of one by suffix."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from flownet2.errors import FlowFileError, InputError
from flownet2.io import FLOW_SUFFIXES, read_flow, write_flow

EXACT = (".flo", ".pfm", ".npy", ".npz")
DATA = Path(__file__).parents[1] / "data" / "pairs"

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(2))
any_float32 = st.floats(width=32, allow_nan=True, allow_infinity=True)
kitti_range = st.floats(-512, 511.96875, width=32)


def some_flow(height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.RandomState(3).uniform(-30, 30, (height, width, 2)).astype(np.float32)


@pytest.mark.parametrize("suffix", EXACT)
@given(flow=hnp.arrays(np.float32, shapes, elements=any_float32))
def test_round_trip_keeps_every_bit(suffix: str, flow: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f" + suffix)
        write_flow(path, flow)
        back = read_flow(path)
    assert back.flow.tobytes() == flow.tobytes()
    assert (back.valid == (np.isfinite(flow) & (np.abs(flow) <= 1e9)).all(-1)).all()


@given(flow=hnp.arrays(np.float32, shapes, elements=kitti_range))
def test_kitti_round_trip_within_half_a_step(flow: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f.png")
        write_flow(path, flow)
        back = read_flow(path)
    assert back.valid.all()
    assert np.abs(back.flow.astype(np.float64) - flow).max() <= 1 / 128


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_mask_is_written_and_read(tmp_path: Path, suffix: str) -> None:
    flow = np.rint(some_flow())
    valid = np.random.RandomState(4).rand(5, 7) < 0.5
    path = tmp_path / ("f" + suffix)
    write_flow(path, flow, valid)
    back = read_flow(path)
    assert (back.valid == valid).all()
    assert (back.flow[valid] == flow[valid]).all()


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
@pytest.mark.parametrize("mask", [np.uint8, np.float32])
def test_numeric_mask(tmp_path: Path, suffix: str, mask: type) -> None:
    path = tmp_path / ("f" + suffix)
    write_flow(path, some_flow(1, 3), np.array([[0, 1, 0]], mask))
    assert read_flow(path).valid.tolist() == [[False, True, False]]


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_results_are_float32_contiguous_writable(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("f" + suffix)
    write_flow(path, some_flow())
    flow, valid = read_flow(path)
    assert flow.dtype == np.float32
    assert flow.shape == (5, 7, 2)
    assert valid.dtype == bool
    assert flow.flags.c_contiguous
    assert flow.flags.writeable


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
@pytest.mark.parametrize(
    "view",
    [
        lambda flow: flow[::-1, ::-1],
        lambda flow: flow[:, ::2],
        np.asfortranarray,
        lambda flow: np.broadcast_to(flow[:1], flow.shape),
        lambda flow: flow.astype(np.float64),
        lambda flow: flow.astype(">f4"),
        lambda flow: flow.tolist(),
    ],
    ids=["flipped", "step", "fortran", "broadcast", "float64", "big-endian", "list"],
)
def test_memory_layout_does_not_matter(tmp_path: Path, suffix: str, view: object) -> None:
    flow = view(np.rint(some_flow()))
    write_flow(tmp_path / ("a" + suffix), flow)
    write_flow(tmp_path / ("b" + suffix), np.array(flow, np.float32, order="C"))
    assert (tmp_path / ("a" + suffix)).read_bytes() == (tmp_path / ("b" + suffix)).read_bytes()


def test_read_only_array_is_not_touched(tmp_path: Path) -> None:
    flow = some_flow()
    flow.setflags(write=False)
    for suffix in FLOW_SUFFIXES:
        write_flow(tmp_path / ("f" + suffix), flow, np.zeros((5, 7), bool))
    assert (flow == some_flow()).all()


def test_float64_beyond_float32_reads_as_unknown(tmp_path: Path) -> None:
    write_flow(tmp_path / "f.flo", np.array([[[1e300, 0], [1, 2]]]))
    assert read_flow(tmp_path / "f.flo").valid.tolist() == [[False, True]]


def test_suffix_in_any_case_and_any_name(tmp_path: Path) -> None:
    path = tmp_path / "d\u00e9bit \u6d41.FLO"
    write_flow(str(path), some_flow())
    assert (read_flow(os.fspath(path)).flow == some_flow()).all()


@pytest.mark.parametrize("name", ["flow.exr", "flow", "flow.flo.gz"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(FlowFileError, match=r"flow.*unknown flow file suffix .*\.flo, \.pfm, \.png, \.npy, \.npz"):
        read_flow(tmp_path / name)
    with pytest.raises(FlowFileError, match="unknown flow file suffix"):
        write_flow(tmp_path / name, some_flow())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_missing_file(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        read_flow(tmp_path / ("gone" + suffix))


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_folder_and_pipe(tmp_path: Path, suffix: str) -> None:
    (tmp_path / ("folder" + suffix)).mkdir()
    with pytest.raises(IsADirectoryError):
        read_flow(tmp_path / ("folder" + suffix))
    os.mkfifo(tmp_path / ("pipe" + suffix))
    with pytest.raises(FlowFileError, match=r"pipe.*not a regular file"):
        read_flow(tmp_path / ("pipe" + suffix))


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("empty" + suffix)
    path.write_bytes(b"")
    with pytest.raises(FlowFileError, match="empty"):
        read_flow(path)


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_cut_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("f" + suffix)
    write_flow(path, some_flow(2, 3))
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(FlowFileError, match=path.name):
            read_flow(path)


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
@given(noise=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_is_read_or_refused_but_nothing_else(suffix: str, noise: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f" + suffix)
        write_flow(path, some_flow(2, 3))
        data = bytearray(path.read_bytes())
        for position, value in noise:
            data[position % len(data)] = value
        path.write_bytes(bytes(data))
        try:
            flow, valid = read_flow(path)
        except FlowFileError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            assert flow.shape == (*valid.shape, 2)


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (np.zeros((4, 5), np.float32), r"flow must have shape \(H, W, 2\), got \(4, 5\)"),
        (np.zeros((2, 4, 5), np.float32), r"got \(2, 4, 5\); move the channels last"),
        (np.zeros((4, 5, 3), np.float32), r"got \(4, 5, 3\)"),
        (np.zeros((0, 5, 2), np.float32), "at least one pixel"),
        (np.zeros((4, 5, 2), np.int32), r"floating point, got int32; convert with \.astype"),
        (np.zeros((4, 5, 2), object), "floating point, got object"),
    ],
)
def test_wrong_arrays(tmp_path: Path, flow: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_flow(tmp_path / "f.flo", flow)
    assert list(tmp_path.iterdir()) == []


def test_wrong_masks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"valid must have shape \(5, 7\).*got \(7, 5\)"):
        write_flow(tmp_path / "f.flo", some_flow(), np.ones((7, 5), bool))
    with pytest.raises(InputError, match="valid must be bool or numeric"):
        write_flow(tmp_path / "f.flo", some_flow(), np.full((5, 7), "x"))


def test_real_flow_survives_every_format(tmp_path: Path) -> None:
    flow, valid = read_flow(DATA / "00001_flow.flo")
    assert flow.shape == (50, 50, 2)
    assert valid.all()
    for suffix in EXACT:
        write_flow(tmp_path / ("f" + suffix), flow, valid)
        assert (read_flow(tmp_path / ("f" + suffix)).flow == flow).all()
