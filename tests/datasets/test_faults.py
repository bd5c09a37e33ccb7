# SPDX-License-Identifier: Apache-2.0
"""What is missing, odd or misplaced is told: the path that was expected, what is there, and the cure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import trees
from flownet2.datasets import DATASETS, open_dataset
from flownet2.errors import DatasetError


def refusal(name: str, root: Path, split: str | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        open_dataset(name, root, split=split)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    return message


@pytest.mark.parametrize("name", DATASETS)
def test_no_root(name: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    message = refusal(name, tmp_path / "gone")
    assert f"there is no folder {tmp_path / 'gone'}" in message
    assert f"{tmp_path} holds other/" in message


@pytest.mark.parametrize("name", DATASETS)
def test_empty_root(name: str, tmp_path: Path) -> None:
    message = refusal(name, tmp_path)
    assert str(tmp_path) in message
    assert "there is no folder" in message or "no two pictures" in message


@pytest.mark.parametrize("name", DATASETS)
def test_root_is_an_archive(name: str, tmp_path: Path) -> None:
    path = trees.empty(tmp_path / "set.zip")
    assert f"{path} is a file; unpack an archive, and give the folder" in refusal(name, path)


def test_the_tree_that_was_found_is_told(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"folder_{number}").mkdir()
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.txt").touch()
    message = refusal("kitti2015", tmp_path)
    assert f"there is no folder {tmp_path / 'training' / 'image_2'}; {tmp_path} holds folder_0/, folder_1/" in message
    assert message.endswith("folder_7/ and 3 more")


@pytest.mark.parametrize(
    ("name", "build", "place"),
    [
        ("sintel-clean", trees.sintel, ".."),
        ("sintel-clean", trees.sintel, "training"),
        ("sintel-clean", trees.sintel, "training/clean"),
        ("flyingchairs", trees.chairs, "data"),
        ("flyingchairs", trees.chairs, ".."),
        ("chairssdhom", trees.sdhom, "data"),
        ("flyingthings3d", trees.things_subset, ".."),
        ("flyingthings3d", trees.things_full, ".."),
        ("flyingthings3d", trees.things_full, "frames_cleanpass"),
        ("hd1k", trees.hd1k, "hd1k_input"),
        ("middlebury", trees.middlebury, "other-data"),
        ("spring", trees.spring, "train"),
    ],
)
def test_another_level_was_given(name: str, build: Callable[[Path], Path], place: str, tmp_path: Path) -> None:
    root = build(tmp_path / "up" / "root")
    given = tmp_path / "up" if place == ".." else root / place
    assert f"; perhaps {root} is meant, it has " in refusal(name, given)
    open_dataset(name, root)


def test_both_layouts_of_things_are_named(tmp_path: Path) -> None:
    message = refusal("flyingthings3d", tmp_path)
    assert f"{tmp_path / 'val' / 'image_clean'} or {tmp_path / 'frames_cleanpass' / 'TEST'}" in message


# Data set, its tree, a file that goes, and what the message says beside its path.
MISSING = [
    ("flyingchairs", trees.chairs, "data/00002_img2.ppm", "1 file is missing, which belong to *_flow.flo"),
    ("flyingchairs", trees.chairs, "data/00001_flow.flo", "1 file is missing, which belong to *_img1.ppm"),
    ("flyingchairsocc", trees.chairs_occ, "data/00002_occ1.png", "which belong to *_flow.flo"),
    ("flyingchairs2", trees.chairs2, "val/0000005-img_1.png", "which belong to *-flow_01.flo"),
    ("chairssdhom", trees.sdhom, "data/test/t1/00000.png", "which belong to *.pfm"),
    ("chairssdhom", trees.sdhom, "data/test/flow/00000.pfm", "which belong to *.png"),
    ("sintel-clean", trees.sintel, "training/flow/alley_1/frame_0002.flo", "which belong to the 3 frames in"),
    ("sintel-final", trees.sintel, "training/occlusions/alley_1/frame_0002.png", "which belong to the flow in"),
    ("sintel-final", trees.sintel, "training/invalid/bamboo_2/frame_0001.png", "which belong to the flow in"),
    ("flyingthings3d", trees.things_subset, "val/image_clean/left/0000009.png", "which belong to the flow files"),
    ("flyingthings3d", trees.things_subset, "val/flow_occlusions/right/into_past/0000009.png", "must have all or not"),
    (
        "flyingthings3d",
        trees.things_full,
        "optical_flow/TEST/C/0000/into_past/left/OpticalFlowIntoPast_0007_L.pfm",
        "which belong to the pictures in",
    ),
    ("hd1k", trees.hd1k, "hd1k_flow_gt/flow_occ/000000_0001.png", "which belong to the pictures in"),
    ("hd1k", trees.hd1k, "hd1k_input/image_2/000000_0002.png", "which belong to the flow files"),
    ("middlebury", trees.middlebury, "other-data/Grove2/frame11.png", "the pictures of Grove2"),
    ("middlebury", trees.middlebury, "other-gt-flow/Grove2/flow10.flo", "the flow of Grove2"),
    ("spring", trees.spring, "train/0002/flow_BW_left/flow_BW_left_0003.flo5", "which belong to the 3 frames in"),
    (
        "spring",
        trees.spring,
        "train/0001/maps/matchmap_flow_FW_left/matchmap_flow_FW_left_0001.png",
        "must have all or not exist",
    ),
]


@pytest.mark.parametrize(("name", "build", "gone", "reason"), MISSING, ids=[f"{row[0]}-{row[2]}" for row in MISSING])
def test_missing_file(name: str, build: Callable[[Path], Path], gone: str, reason: str, tmp_path: Path) -> None:
    root = build(tmp_path)
    open_dataset(name, root)
    (root / gone).unlink()
    message = refusal(name, root)
    assert str(root / gone) in message
    assert reason in message


@pytest.mark.parametrize(
    "gone", ["image_2/000001_11.png", "flow_occ/000001_10.png", "flow_noc/000001_10.png", "obj_map/000001_10.png"]
)
def test_missing_file_of_kitti(gone: str, tmp_path: Path) -> None:
    root = trees.kitti(tmp_path, "image_2", objects=True)
    (root / "training" / gone).unlink()
    assert str(root / "training" / gone) in refusal("kitti2015", root)


def test_kitti_truth_without_pictures(tmp_path: Path) -> None:
    root = trees.kitti(tmp_path, "image_2", objects=False)
    for frame in ("10", "11"):
        (root / f"training/image_2/000002_{frame}.png").unlink()
    message = refusal("kitti2015", root)
    assert f"which belong to *_10.png: {root / 'training/image_2/000002_10.png'}; 2 of this kind are there" in message


def test_missing_files_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    root = trees.chairs(tmp_path, range(1, 8), "2 " * 7)
    for number in range(2, 7):
        (root / f"data/{number:05d}_img1.ppm").unlink()
    message = refusal("flyingchairs", root)
    assert "5 files are missing" in message
    assert "00004_img1.ppm and 2 more; 2 of this kind are there" in message
    assert "00005_img1.ppm" not in message


def test_a_broken_link_is_missing(tmp_path: Path) -> None:
    root = trees.sintel(tmp_path)
    path = root / "training/flow/bamboo_2/frame_0001.flo"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere.flo")
    assert str(path) in refusal("sintel-clean", root)


def test_split_file(tmp_path: Path) -> None:
    root = trees.chairs(tmp_path)
    path = root / "FlyingChairs_train_val.txt"
    path.write_text("1\n2\n1\n2\n")
    message = refusal("flyingchairs", root)
    assert f"which FlyingChairs_train_val.txt lists (split 'all' is what is there): {root}" in message
    assert "00004_flow.flo" in message
    path.write_text("1\n0\n1\n")
    assert f"{path}: entry 2 is '0', 1 (training) or 2 (validation) is expected" in refusal("flyingchairs", root)
    path.write_bytes(b"\xff\xfe2")
    assert "entry 1 is" in refusal("flyingchairs", root)
    path.write_text("1\n1\n1\n")
    assert "lists no pair of split 'val'" in refusal("flyingchairs", root)
    path.unlink()
    message = refusal("flyingchairs", root)
    assert f"there is no split file {path}; it is offered beside the data set's archive" in message
    assert len(open_dataset("flyingchairs", root, split="all").pairs) == 3


def test_a_split_file_that_is_too_short(tmp_path: Path) -> None:
    root = trees.chairs(tmp_path, codes="1\n2\n")
    assert "00003_flow.flo is beyond the 2 entries of" in refusal("flyingchairs", root)


def test_sintel_frames(tmp_path: Path) -> None:
    root = trees.sintel(tmp_path, {"alley_1": 4})
    frames = root / "training/clean/alley_1"
    (frames / "frame_0004.png").unlink()
    message = refusal("sintel-clean", root)
    assert "frame_0003.flo has no pair of pictures" in message
    assert "has 3 frames, 3 flow files need 4" in message
    (frames / "frame_0002.png").unlink()
    assert "frame_0001.png is followed by frame_0003.png; frames are numbered without a gap" in refusal(
        "sintel-clean", root
    )
    (frames / "frame_0003.png").unlink()
    assert f"1 frames {frames / 'frame_*.png'}, at least 2 are expected" in refusal("sintel-clean", root)
    trees.picture(frames / "frame_0002.png")
    trees.picture(frames / "frame_last.png")
    assert "frame_last.png: frame_NUMBER.png is expected" in refusal("sintel-clean", root)


def test_sintel_scenes(tmp_path: Path) -> None:
    root = trees.sintel(tmp_path)
    trees.flow(root / "training/flow/cave_2/frame_0001.flo")
    assert f"{root / 'training/flow/cave_2'} has no pictures in {root / 'training/clean'}" in refusal(
        "sintel-clean", root
    )
    trees.picture(root / "training/clean/cave_2/frame_0001.png")
    trees.picture(root / "training/clean/cave_2/frame_0002.png")
    message = refusal("sintel-clean", root)
    assert f"there is no folder {root / 'training/occlusions/cave_2'}" in message
    assert "holds alley_1/, bamboo_2/" in message


def test_hd1k_names(tmp_path: Path) -> None:
    root = trees.hd1k(tmp_path)
    trees.picture(root / "hd1k_input/image_2/first.png")
    assert "first.png: SEQUENCE_FRAME.png is expected, such as 000000_0000.png" in refusal("hd1k", root)


def test_hd1k_without_pairs(tmp_path: Path) -> None:
    trees.picture(tmp_path / "hd1k_challenge/image_2/000000_0000.png")
    trees.picture(tmp_path / "hd1k_challenge/image_2/000001_0000.png")
    assert "has no sequence of two frames; 2 frames are there" in refusal("hd1k", tmp_path, "test")


def test_a_spring_sequence_that_lacks_a_kind(tmp_path: Path) -> None:
    root = trees.spring(tmp_path)
    for path in (root / "train/0002/flow_BW_right").iterdir():
        path.unlink()
    (root / "train/0002/flow_BW_right").rmdir()
    assert f"there is no folder {root / 'train/0002/flow_BW_right'}" in refusal("spring", root)


@pytest.mark.parametrize("way", ["FW", "BW"])
def test_spring_flow_without_pictures(way: str, tmp_path: Path) -> None:
    trees.spring(tmp_path)
    path = trees.empty(tmp_path / f"train/0001/flow_{way}_left/flow_{way}_left_0004.flo5")
    message = refusal("spring", tmp_path)
    assert f"{path} has no pair of pictures" in message
    assert "has 3 frames, 3 flow files need 4" in message


def test_sizes_that_differ(tmp_path: Path) -> None:
    root = trees.sintel(tmp_path)
    pair = open_dataset("sintel-clean", root).pairs[0]
    trees.mask(root / "training/invalid/alley_1/frame_0001.png", step=2)
    with pytest.raises(DatasetError, match=rf"{re.escape(str(pair.invalid))} has 24x16 pixels, the flow .* has 12x8"):
        pair.truth()
    trees.flow(root / "training/flow/alley_1/frame_0001.flo", step=2)
    with pytest.raises(DatasetError, match=r"has 12x8 pixels, the flow .*frame_0001\.flo has 24x16"):
        pair.truth()
    trees.mask(pair.image2, step=3)
    with pytest.raises(DatasetError, match=r"frame_0001\.png has 12x8 pixels, .*frame_0002\.png has 36x24; both"):
        pair.pictures()


def test_the_index_is_older_than_the_files(tmp_path: Path) -> None:
    pair = open_dataset("sintel-clean", trees.sintel(tmp_path)).pairs[0]
    pair.image2.unlink()
    with pytest.raises(FileNotFoundError, match="frame_0002"):
        pair.pictures()
