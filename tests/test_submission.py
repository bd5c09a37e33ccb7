# SPDX-License-Identifier: Apache-2.0
"""Submissions: the trees that servers take, what is in the files, and what a check finds."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from datasets import trees
from flownet2.errors import DatasetError, FlowFileError, InputError
from flownet2.io import write_flow
from flownet2.submission import BENCHMARKS, Submission, open_submission

PATHS = {
    "sintel": [
        f"{part}/{name}.flo"
        for part in ("clean", "final")
        for name in ("alley_1/frame_0001", "alley_1/frame_0002", "bamboo_2/frame_0001")
    ],
    "kitti2012": ["000000_10.png", "000001_10.png", "000002_10.png"],
    "kitti2015": ["flow/000000_10.png", "flow/000001_10.png", "flow/000002_10.png"],
    "spring": [
        f"{sequence}/flow_{way}_{camera}/flow_{way}_{camera}_{number:04d}.flo5"
        for sequence in ("0001", "0002")
        for camera in ("left", "right")
        for way, numbers in (("FW", (1, 2)), ("BW", (2, 3)))
        for number in numbers
    ],
}
SIZE = trees.HEIGHT, trees.WIDTH


def build(name: str, root: Path) -> Path:
    if name == "sintel":
        return trees.sintel(root)
    if name == "spring":
        return trees.spring(root)
    pictures = "colored_0" if name == "kitti2012" else "image_2"
    return trees.kitti(root, pictures, objects=False)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test splits as large as those of the trees."""
    for name, paths in PATHS.items():
        monkeypatch.setitem(BENCHMARKS, name, BENCHMARKS[name]._replace(pairs=len(paths)))


def some_flow(seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).uniform(-20, 20, (*SIZE, 2)).astype(np.float32)


def written(name: str, root: Path, folder: Path) -> Submission:
    """A whole submission of random flow."""
    submission = open_submission(name, build(name, root))
    for number, entry in enumerate(submission.entries):
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        submission.write(folder, entry, some_flow(number))
    return submission


@pytest.mark.parametrize("name", BENCHMARKS)
def test_paths(name: str, tmp_path: Path) -> None:
    submission = open_submission(name, build(name, tmp_path))
    assert [entry.path for entry in submission.entries] == PATHS[name]


def test_published_sizes() -> None:
    # Spring: frames of the test sequences 3, 19, 28, 29, 31, 34, 35, 40, 42 and 46, as in the benchmark's own tool.
    frames = (131, 111, 39, 135, 73, 47, 120, 111, 116, 117)
    assert BENCHMARKS["spring"].pairs == sum(4 * (count - 1) for count in frames)
    assert {name: benchmark.pairs for name, benchmark in BENCHMARKS.items()} == {
        "sintel": 2 * 552,
        "kitti2012": 195,
        "kitti2015": 200,
        "spring": 3960,
    }


def test_passes_and_directions_have_their_own_pictures(tmp_path: Path) -> None:
    sintel = {entry.path: entry.pair for entry in open_submission("sintel", trees.sintel(tmp_path / "a")).entries}
    assert sintel["final/alley_1/frame_0002.flo"].image1 == tmp_path / "a/test/final/alley_1/frame_0002.png"
    assert sintel["clean/alley_1/frame_0002.flo"].image2 == tmp_path / "a/test/clean/alley_1/frame_0003.png"
    spring = {entry.path: entry.pair for entry in open_submission("spring", trees.spring(tmp_path / "b")).entries}
    backward = spring["0002/flow_BW_right/flow_BW_right_0003.flo5"]
    frames = tmp_path / "b/test/0002/frame_right"
    assert (backward.image1, backward.image2) == (frames / "frame_right_0003.png", frames / "frame_right_0002.png")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", BENCHMARKS)
def test_what_is_written_passes_the_check(name: str, tmp_path: Path) -> None:
    submission = written(name, tmp_path / "data", tmp_path / "out")
    told: list[int] = []
    report = submission.check(tmp_path / "out", lambda: told.append(1))
    assert report.faults == ()
    assert (report.files, report.pixels, report.at_limit) == (len(told), len(told) * SIZE[0] * SIZE[1], 0)
    assert len(told) == len(PATHS[name])
    assert submission.missing(tmp_path / "out") == []


def test_the_bytes_of_flo(tmp_path: Path) -> None:
    submission = written("sintel", tmp_path / "data", tmp_path / "out")
    data = (tmp_path / "out" / submission.entries[2].path).read_bytes()
    assert struct.unpack("<fii", data[:12]) == (202021.25, SIZE[1], SIZE[0])
    assert np.array_equal(np.frombuffer(data[12:], "<f4").reshape(*SIZE, 2), some_flow(2))


def test_the_codes_of_kitti(tmp_path: Path) -> None:
    submission = written("kitti2015", tmp_path / "data", tmp_path / "out")
    bgr = cv2.imread(str(tmp_path / "out/flow/000001_10.png"), cv2.IMREAD_UNCHANGED)
    assert (bgr.dtype, bgr.shape) == (np.uint16, (*SIZE, 3))
    assert (bgr[..., 0] == 1).all()
    assert np.abs((bgr[..., :0:-1].astype(float) - 2**15) / 64 - some_flow(1)).max() <= 1 / 128
    assert submission.check(tmp_path / "out").at_limit == 0


def test_the_array_of_spring(tmp_path: Path) -> None:
    """As large as the pictures, not twice as large as the truth is."""
    written("spring", tmp_path / "data", tmp_path / "out")
    with h5py.File(tmp_path / "out" / PATHS["spring"][3]) as archive:
        assert list(archive) == ["flow"]
        assert archive["flow"].dtype == np.float32
        assert np.array_equal(archive["flow"][()], some_flow(3))


@pytest.mark.usefixtures("small")
def test_kitti_clips_as_its_development_kit(tmp_path: Path) -> None:
    submission = written("kitti2012", tmp_path / "data", tmp_path / "out")
    flow = some_flow()
    flow[0, 0], flow[2, 3], flow[4, 5] = (600, 1), (2, -700), (511.9, -511.9)
    submission.write(tmp_path / "out", submission.entries[0], flow)
    report = submission.check(tmp_path / "out")
    assert (report.faults, report.at_limit) == ((), 2)
    bgr = cv2.imread(str(tmp_path / "out/000000_10.png"), cv2.IMREAD_UNCHANGED)
    assert bgr[0, 0].tolist() == [1, 2**15 + 64, 65535]
    assert bgr[2, 3].tolist() == [1, 0, 2**15 + 128]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kitti2015", np.nan),
        ("kitti2015", np.inf),
        ("sintel", np.nan),
        ("sintel", 2e9),
        ("spring", 7e4),
        ("spring", -np.inf),
    ],
)
def test_flow_that_no_server_takes_is_not_written(name: str, value: float, tmp_path: Path) -> None:
    submission = open_submission(name, build(name, tmp_path))
    entry = submission.entries[0]
    (tmp_path / "out" / entry.path).parent.mkdir(parents=True)
    flow = some_flow()
    flow[1, 2, 1] = value
    with pytest.raises(FlowFileError, match="at 1 of 96 pixels; not written"):
        submission.write(tmp_path / "out", entry, flow)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def replaced_by(flow: np.ndarray, valid: np.ndarray | None = None) -> Callable[[Path], None]:
    return lambda path: write_flow(path, flow, valid)


def unknown(place: tuple[int, int]) -> Callable[[Path], None]:
    valid = np.ones(SIZE, bool)
    valid[place] = False
    return replaced_by(some_flow(), valid)


def fast(value: float) -> Callable[[Path], None]:
    flow = some_flow()
    flow[3, 4, 0] = value
    return replaced_by(flow)


DOUBLE = np.zeros((2 * SIZE[0], 2 * SIZE[1], 2), np.float32)
TURNED = np.zeros((SIZE[1], SIZE[0], 2), np.float32)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("sintel", Path.unlink, "missing"),
        ("sintel", cut, "truncated"),
        ("sintel", replaced_by(TURNED), "8x12 pixels, the picture"),
        ("sintel", unknown((1, 1)), "no flow at 1 of 96 pixels"),
        ("sintel", lambda path: path.write_bytes(b"no flow"), "not a"),
        ("kitti2012", Path.unlink, "missing"),
        ("kitti2012", cut, "truncated"),
        ("kitti2012", unknown((7, 11)), "no flow at 1 of 96 pixels"),
        ("kitti2015", replaced_by(TURNED), "8x12 pixels, the picture"),
        ("kitti2015", trees.picture, "8 bits"),
        ("spring", replaced_by(DOUBLE), "24x16 pixels, the picture"),
        ("spring", unknown((0, 0)), "no flow at 1 of 96 pixels"),
        ("spring", fast(65600), "beyond -65504 to 65504 px at 1 of 96 pixels"),
        ("spring", lambda path: path.write_bytes(b"no flow"), "not a .flo5 file"),
    ],
)
def test_a_damaged_file_is_found(name: str, damage: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    submission = written(name, tmp_path / "data", tmp_path / "out")
    path = tmp_path / "out" / PATHS[name][-2]
    damage(path)
    faults = submission.check(tmp_path / "out").faults
    assert len(faults) == 1
    assert str(path) in faults[0]
    assert message in faults[0]


@pytest.mark.usefixtures("small")
def test_what_does_not_belong_is_found(tmp_path: Path) -> None:
    submission = written("kitti2015", tmp_path / "data", tmp_path / "out")
    for name in ("readme.txt", "flow/000003_10.png", "disp_0/000000_10.png", ".hidden", "flow/.x.tmp", ".git/config"):
        trees.empty(tmp_path / "out" / name)
    found = [tmp_path / "out" / name for name in ("disp_0/000000_10.png", "flow/000003_10.png", "readme.txt")]
    assert submission.strangers(tmp_path / "out") == found
    assert [fault.partition(":")[0] for fault in submission.check(tmp_path / "out").faults] == list(map(str, found))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_part_of_the_test_split_is_a_fault(name: str, tmp_path: Path) -> None:
    submission = written(name, tmp_path / "data", tmp_path / "out")
    (fault,) = submission.check(tmp_path / "out").faults
    assert f"{len(PATHS[name])} pairs are there" in fault
    assert f"has {BENCHMARKS[name].pairs};" in fault


@pytest.mark.parametrize("name", ["kitti2012", "kitti2015"])
def test_the_archive_holds_the_entries_alone(name: str, tmp_path: Path) -> None:
    submission = written(name, tmp_path / "data", tmp_path / "out")
    trees.empty(tmp_path / "out/notes.txt")
    submission.pack(tmp_path / "out", tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == PATHS[name]
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for path in PATHS[name]:
            assert archive.read(path) == (tmp_path / "out" / path).read_bytes()
    for path in PATHS[name]:
        os.utime(tmp_path / "out" / path, (1e9, 1e9))
    submission.pack(tmp_path / "out", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_no_archive_of_a_part(tmp_path: Path) -> None:
    submission = written("kitti2015", tmp_path / "data", tmp_path / "out")
    (tmp_path / "out/flow/000001_10.png").unlink()
    with pytest.raises(FileNotFoundError):
        submission.pack(tmp_path / "out", tmp_path / "some.zip")
    assert not list(tmp_path.glob("*some.zip*"))


def test_other_servers_take_no_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="MPI-Sintel takes no zip file"):
        open_submission("sintel", trees.sintel(tmp_path)).pack(tmp_path, tmp_path / "x.zip")


def test_missing_entries(tmp_path: Path) -> None:
    submission = written("sintel", tmp_path / "data", tmp_path / "out")
    (tmp_path / "out/final/alley_1/frame_0002.flo").unlink()
    assert [entry.path for entry in submission.missing(tmp_path / "out")] == ["final/alley_1/frame_0002.flo"]
    assert len(submission.missing(tmp_path / "elsewhere")) == 6


def test_unknown_names_and_roots(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown benchmark 'hd1k'; known are sintel, kitti2012"):
        open_submission("hd1k", tmp_path)
    with pytest.raises(DatasetError, match="there is no folder"):
        open_submission("spring", tmp_path)


def test_one_pass_of_sintel_is_not_enough(tmp_path: Path) -> None:
    trees.sintel(tmp_path)
    (tmp_path / "test/final").rename(tmp_path / "test/other")
    with pytest.raises(DatasetError, match="final"):
        open_submission("sintel", tmp_path)
