# SPDX-License-Identifier: Apache-2.0
"""The plain folder: its naming rules, which are in the docstring of flownet2.datasets.folder."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from datasets import trees
from flownet2.datasets import open_dataset
from flownet2.errors import DatasetError
from flownet2.io import FLOW_SUFFIXES


def names(root: Path) -> list[str]:
    return [pair.name for pair in open_dataset("folder", root).pairs]


def refusal(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        open_dataset("folder", root)
    return str(caught.value)


def test_frames_in_natural_order(tmp_path: Path) -> None:
    dataset = open_dataset("folder", trees.frames(tmp_path / "two words \u6d41", (1, 2, 10, 9)))
    assert [pair.name for pair in dataset.pairs] == ["frame_1", "frame_2", "frame_9"]
    assert [(pair.image1.name, pair.image2.name) for pair in dataset.pairs] == [
        ("frame_1.png", "frame_2.png"),
        ("frame_2.png", "frame_9.png"),
        ("frame_9.png", "frame_10.png"),
    ]
    assert not dataset.has_truth


PLACES = ["frame_{}_flow", "flow/frame_{}", "flow/frame_{}_flow"]
BESIDE = [(suffix, "frame_{}") for suffix in FLOW_SUFFIXES if suffix != ".png"]


@pytest.mark.parametrize(("suffix", "name"), [*itertools.product(FLOW_SUFFIXES, PLACES), *BESIDE])
def test_truth_of_frames(suffix: str, name: str, tmp_path: Path) -> None:
    root = trees.frames(tmp_path, (1, 2, 3))
    for number in (1, 2):
        trees.flow(root / (name.format(number) + suffix), number)
    dataset = open_dataset("folder", root)
    assert [pair.name for pair in dataset.pairs] == ["frame_1", "frame_2"]
    assert dataset.has_truth
    assert [pair.truth().flow[0, 0].tolist() for pair in dataset.pairs] == [[1, -1], [2, -1]]


@pytest.mark.parametrize(
    ("first", "second", "truth"),
    [("_img1", "_img2", "_flow"), ("-img0", "-img1", "-gt"), ("-img_0", "-img_1", "-flow_01")],
)
@pytest.mark.parametrize("suffix", [".flo", ".png", ".PFM"])
def test_named_pairs(first: str, second: str, truth: str, suffix: str, tmp_path: Path) -> None:
    for number in (9, 10):
        trees.picture(tmp_path / f"{number}{first}.ppm", number)
        trees.picture(tmp_path / f"{number}{second}.PNG", number + 100)
    assert names(tmp_path) == ["9", "10"]
    for number in (9, 10):
        trees.flow(tmp_path / f"{number}{truth}{suffix}", number)
    dataset = open_dataset("folder", tmp_path)
    assert [pair.name for pair in dataset.pairs] == ["9", "10"]
    for pair in dataset.pairs:
        assert [int(picture[0, 0, 0]) for picture in pair.pictures()] == [int(pair.name), int(pair.name) + 100]
        assert pair.truth().flow[0, 0].tolist() == [int(pair.name), -1]


def test_scenes(tmp_path: Path) -> None:
    for scene in ("scene 10", "scene 2"):
        trees.frames(tmp_path / scene)
        trees.flow(tmp_path / scene / "flow" / "frame_1.flo", 5)
    trees.frames(tmp_path / "scene 2" / "flow", ())
    (tmp_path / "notes").mkdir()
    dataset = open_dataset("folder", tmp_path)
    assert [pair.name for pair in dataset.pairs] == ["scene 2/frame_1", "scene 10/frame_1"]
    assert dataset.has_truth


def test_pictures_in_the_root_come_before_scenes(tmp_path: Path) -> None:
    trees.frames(tmp_path / "more")
    assert names(trees.frames(tmp_path)) == ["frame_1"]


def test_formats_may_be_mixed(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.webp", "c.TIFF"):
        trees.picture(tmp_path / name)
    assert names(tmp_path) == ["a", "b"]


def test_too_few_pictures(tmp_path: Path) -> None:
    trees.frames(tmp_path, (1,))
    assert f"no two pictures (.png, .jpg, .jpeg, .webp, .bmp, .tif, .tiff, .ppm, .pgm, .pnm) are in {tmp_path}" in (
        refusal(tmp_path)
    )


def test_truth_of_some(tmp_path: Path) -> None:
    trees.frames(tmp_path, (1, 2, 3))
    trees.flow(tmp_path / "frame_2.flo")
    message = refusal(tmp_path)
    assert f"1 of 2 pairs have no true flow, the first is frame_1 ({tmp_path / 'frame_1.png'})" in message


def test_truth_of_the_last_picture(tmp_path: Path) -> None:
    trees.frames(tmp_path)
    trees.flow(tmp_path / "frame_1.flo")
    trees.flow(tmp_path / "frame_2.flo")
    message = refusal(tmp_path)
    assert f"{tmp_path / 'frame_2.flo'} belongs to frame_2.png, the last picture of {tmp_path}" in message


@pytest.mark.parametrize("name", ["frame_01.flo", "flow/other.png", "flow10.flo"])
def test_truth_without_pictures(name: str, tmp_path: Path) -> None:
    trees.frames(tmp_path)
    path = trees.flow(tmp_path / name)
    assert f"{path} has no picture named {path.stem} in {tmp_path}" in refusal(tmp_path)


def test_two_truths(tmp_path: Path) -> None:
    trees.frames(tmp_path)
    one, two = trees.flow(tmp_path / "frame_1.flo"), trees.flow(tmp_path / "flow" / "frame_1.png")
    assert f"{one} and {two} have one name; keep one of them" in refusal(tmp_path)


def test_two_pictures_of_one_name(tmp_path: Path) -> None:
    trees.frames(tmp_path)
    other = trees.picture(tmp_path / "frame_1.jpg")
    assert f"{other} and {tmp_path / 'frame_1.png'} have one name" in refusal(tmp_path)


@pytest.mark.parametrize(("gone", "beside"), [("a_img1", "a_img2.png"), ("a_img2", "a_img1.png")])
def test_half_a_pair(gone: str, beside: str, tmp_path: Path) -> None:
    path = trees.picture(tmp_path / beside)
    assert f"{path} has no picture {gone} beside it" in refusal(tmp_path)


def test_named_truth_without_pictures(tmp_path: Path) -> None:
    for index in (1, 2):
        trees.picture(tmp_path / f"a_img{index}.png")
    path = trees.flow(tmp_path / "b_flow.flo")
    assert f"{path} has no picture b_img1 beside it" in refusal(tmp_path)


@pytest.mark.parametrize("odd", ["frame_3.png", "a.flo"])
def test_another_name_among_named_pairs(odd: str, tmp_path: Path) -> None:
    for index in (1, 2):
        trees.picture(tmp_path / f"a_img{index}.png")
    trees.empty(tmp_path / odd)
    assert f"{tmp_path / odd} is none of NAME_img1, NAME_img2 and NAME_flow" in refusal(tmp_path)
