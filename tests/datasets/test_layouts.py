# SPDX-License-Identifier: Apache-2.0
"""Every data set in the layout it is published in: which pairs, in which order, and what each reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets import trees
from flownet2.datasets import DATASETS, Dataset, Pair, Truth, open_dataset
from flownet2.errors import DatasetError, InputError

BUILDERS: dict[str, Callable[[Path], Path]] = {
    "flyingchairs": trees.chairs,
    "flyingchairs2": trees.chairs2,
    "flyingchairsocc": trees.chairs_occ,
    "sintel-clean": trees.sintel,
    "sintel-final": trees.sintel,
    "kitti2012": lambda root: trees.kitti(root, "colored_0", objects=False),
    "kitti2015": lambda root: trees.kitti(root, "image_2", objects=True),
    "chairssdhom": trees.sdhom,
    "flyingthings3d": trees.things_subset,
    "flyingthings3d-final": trees.things_full,
    "hd1k": trees.hd1k,
    "middlebury": trees.middlebury,
    "spring": trees.spring,
    "folder": trees.frames,
}

# The truth of their test splits is not published.
SECRET = {"sintel-clean", "sintel-final", "kitti2012", "kitti2015", "hd1k", "middlebury", "spring"}


def names(dataset: Dataset) -> list[str]:
    return [pair.name for pair in dataset.pairs]


def by_name(dataset: Dataset, name: str) -> Pair:
    return next(pair for pair in dataset.pairs if pair.name == name)


def shades(pair: Pair) -> tuple[int, int]:
    """The red of both pictures, which trees.picture was given."""
    one, two = pair.pictures()
    assert one.shape == (trees.HEIGHT, trees.WIDTH, 3)
    assert one.dtype == np.uint8
    assert (one[..., 1:] == (1, 2)).all()
    return int(one[0, 0, 0]), int(two[0, 0, 0])


def truth(pair: Pair, u: float) -> Truth:
    """The pair's truth, which must be (u, -1) where valid."""
    found = pair.truth()
    assert found.flow.shape == (trees.HEIGHT, trees.WIDTH, 2)
    assert found.flow.dtype == np.float32
    assert (found.flow[found.valid] == (u, -1)).all()
    return found


def marked(mask: np.ndarray | None) -> list[tuple[int, int]]:
    """Where a mask is True."""
    assert mask is not None
    assert mask.dtype == bool
    assert mask.shape == (trees.HEIGHT, trees.WIDTH)
    return [tuple(place) for place in np.argwhere(mask).tolist()]


def test_every_name_has_a_layout_here() -> None:
    assert set(BUILDERS) == set(DATASETS)


@pytest.mark.parametrize("name", BUILDERS)
def test_all_splits(name: str, tmp_path: Path) -> None:
    root = BUILDERS[name](tmp_path / "data set \u6d41")
    for split in DATASETS[name].splits:
        dataset = open_dataset(name, str(root), split=split)
        assert (dataset.name, dataset.split, dataset.root) == (name, split, root)
        assert dataset.pairs
        assert len(set(names(dataset))) == len(dataset.pairs)
        assert dataset.has_truth == (name != "folder" and (split != "test" or name not in SECRET))
        for pair in dataset.pairs:
            pair.pictures()
            if dataset.has_truth:
                assert pair.truth().valid.any()
            else:
                with pytest.raises(DatasetError, match="no true flow"):
                    pair.truth()
    default = open_dataset(name, root)
    assert default.split == DATASETS[name].splits[0]


@pytest.mark.parametrize("name", BUILDERS)
def test_opening_reads_no_file(name: str, tmp_path: Path) -> None:
    root = BUILDERS[name](tmp_path / "root")
    before = [names(open_dataset(name, root, split=split)) for split in DATASETS[name].splits]
    for path in root.rglob("*"):
        if path.is_file() and path.suffix != ".txt":
            path.write_bytes(b"")
    assert [names(open_dataset(name, root, split=split)) for split in DATASETS[name].splits] == before


@pytest.mark.parametrize("name", BUILDERS)
def test_links_are_followed(name: str, tmp_path: Path) -> None:
    root = BUILDERS[name](tmp_path / "root")
    linked = tmp_path / "linked"
    for path in root.rglob("*"):
        if path.is_file():
            copy = linked / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    (tmp_path / "root link").symlink_to(linked, target_is_directory=True)
    wanted = names(open_dataset(name, root))
    dataset = open_dataset(name, tmp_path / "root link")
    assert names(dataset) == wanted
    dataset.pairs[0].pictures()


@pytest.mark.parametrize("name", BUILDERS)
def test_hidden_and_other_files_are_left_alone(name: str, tmp_path: Path) -> None:
    root = BUILDERS[name](tmp_path / "root")
    wanted = names(open_dataset(name, root))
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        (folder / "Thumbs.db").write_bytes(b"")
        (folder / "._frame_0001.png").write_bytes(b"")
        (folder / "README.txt").write_bytes(b"")
    assert names(open_dataset(name, root)) == wanted


def test_unknown_name_and_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown data set 'sintel'; known are flyingchairs, .*sintel-clean"):
        open_dataset("sintel", tmp_path)
    with pytest.raises(InputError, match="kitti2015 has no split 'val'; it has train, test"):
        open_dataset("kitti2015", tmp_path, split="val")


def test_flyingchairs(tmp_path: Path) -> None:
    root = trees.chairs(tmp_path)
    assert names(open_dataset("flyingchairs", root)) == ["00002"]
    assert names(open_dataset("flyingchairs", root, split="train")) == ["00001", "00003"]
    everything = open_dataset("flyingchairs", root, split="all")
    assert names(everything) == ["00001", "00002", "00003"]
    pair = everything.pairs[1]
    assert shades(pair) == (2, 102)
    found = truth(pair, 2)
    assert found.valid.all()
    assert (found.occluded, found.invalid, found.noc_valid, found.foreground) == (None, None, None, None)


def test_a_name_that_is_an_ending_only_is_another_file(tmp_path: Path) -> None:
    root = trees.chairs(tmp_path)
    trees.empty(root / "data" / "_flow.flo")
    assert names(open_dataset("flyingchairs", root)) == ["00002"]


def test_flyingchairsocc(tmp_path: Path) -> None:
    root = trees.chairs_occ(tmp_path)
    assert names(open_dataset("flyingchairsocc", root, split="train")) == ["00001", "00003"]
    pair = open_dataset("flyingchairsocc", root).pairs[0]
    assert (pair.name, shades(pair)) == ("00002", (2, 102))
    assert marked(truth(pair, 2).occluded) == [(2, 1)]


def test_flyingchairs2(tmp_path: Path) -> None:
    root = trees.chairs2(tmp_path)
    assert names(open_dataset("flyingchairs2", root)) == ["0000005"]
    train = open_dataset("flyingchairs2", root, split="train")
    assert names(train) == ["0000000", "0000001"]
    assert shades(train.pairs[1]) == (1, 101)
    found = truth(train.pairs[1], 1)
    assert marked(found.occluded) == [(1, 0)]
    assert marked(found.foreground) == [(2, 3)]


def test_chairssdhom_leaves_out_what_holds_nan(tmp_path: Path) -> None:
    root = trees.sdhom(tmp_path)
    assert names(open_dataset("chairssdhom", root)) == ["00000"]
    train = open_dataset("chairssdhom", root, split="train")
    assert names(train) == ["00001", "08756"]
    assert shades(train.pairs[1]) == (56, 156)
    assert marked(~truth(train.pairs[1], 8756).valid) == [(0, 0)]


@pytest.mark.parametrize(("render", "shade"), [("clean", 0), ("final", 100)])
def test_sintel(tmp_path: Path, render: str, shade: int) -> None:
    root = trees.sintel(tmp_path)
    wanted = ["alley_1/frame_0001", "alley_1/frame_0002", "bamboo_2/frame_0001"]
    train = open_dataset(f"sintel-{render}", root)
    assert names(train) == wanted
    assert shades(train.pairs[1]) == (shade + 2, shade + 3)
    found = truth(train.pairs[1], 2)
    assert found.valid.all()
    assert marked(found.occluded) == [(2, 0)]
    assert marked(found.invalid) == [(1, 2)]
    test = open_dataset(f"sintel-{render}", root, split="test")
    assert names(test) == wanted
    assert shades(test.pairs[2]) == (shade + 1, shade + 2)
    assert test.pairs[0].flow is None


def test_sintel_without_masks(tmp_path: Path) -> None:
    found = truth(open_dataset("sintel-clean", trees.sintel(tmp_path, masks=False)).pairs[0], 1)
    assert (found.occluded, found.invalid) == (None, None)


@pytest.mark.parametrize(("name", "pictures"), [("kitti2012", "colored_0"), ("kitti2015", "image_2")])
def test_kitti(tmp_path: Path, name: str, pictures: str) -> None:
    root = trees.kitti(tmp_path, pictures, objects=name == "kitti2015")
    for split in ("train", "test"):
        dataset = open_dataset(name, root, split=split)
        assert names(dataset) == ["000000_10", "000001_10", "000002_10"]
        assert shades(dataset.pairs[2]) == (30, 31)
    found = truth(open_dataset(name, root).pairs[2], 2)
    assert marked(~found.valid) == [(0, 0)]
    assert marked(found.occluded) == [(3, 4)]
    assert found.noc_valid is not None
    assert marked(~found.noc_valid) == [(0, 0), (3, 4)]
    if name == "kitti2015":
        assert marked(found.foreground) == [(5, 6)]
    else:
        assert found.foreground is None


def test_things_subset(tmp_path: Path) -> None:
    root = trees.things_subset(tmp_path)
    for split in ("train", "test"):
        assert names(open_dataset("flyingthings3d", root, split=split)) == [
            f"{camera}/{pair}"
            for camera in ("left", "right")
            for pair in (
                "into_future/0000007",
                "into_future/0000008",
                "into_past/0000008",
                "into_past/0000009",
            )
        ]
    dataset = open_dataset("flyingthings3d-final", root)
    assert shades(by_name(dataset, "right/into_future/0000008")) == (108, 109)
    past = by_name(open_dataset("flyingthings3d", root), "left/into_past/0000009")
    assert shades(past) == (9, 8)
    assert marked(truth(past, 9).occluded) == [(1, 1)]


def test_things_subset_leaves_out_what_mmflow_does(tmp_path: Path) -> None:
    """0000119 of left/into_future and 0000121 of left/into_past hold NaN; each takes its counterpart along."""
    root = trees.things_subset(tmp_path, range(118, 123))
    found = names(open_dataset("flyingthings3d", root))
    steps = {"left": [118, 121], "right": [118, 119, 120, 121]}
    assert found == [
        name
        for camera, numbers in steps.items()
        for name in (
            *(f"{camera}/into_future/{number:07d}" for number in numbers),
            *(f"{camera}/into_past/{number + 1:07d}" for number in numbers),
        )
    ]


def test_things_subset_counterpart_that_is_absent(tmp_path: Path) -> None:
    root = trees.things_subset(tmp_path)
    (root / "val/flow/left/into_past/0000008.flo").unlink()
    found = [name for name in names(open_dataset("flyingthings3d", root)) if name.startswith("left")]
    assert found == ["left/into_future/0000008", "left/into_past/0000009"]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_things_full(tmp_path: Path, suffix: str) -> None:
    root = trees.things_full(tmp_path, suffix)
    dataset = open_dataset("flyingthings3d", root)
    assert names(dataset) == [
        f"C/0000/{pair}"
        for pair in (
            "into_future/left/0006",
            "into_future/left/0007",
            "into_future/right/0006",
            "into_future/right/0007",
            "into_past/left/0007",
            "into_past/left/0008",
            "into_past/right/0007",
            "into_past/right/0008",
        )
    ]
    truth(by_name(dataset, "C/0000/into_past/right/0008"), 8)
    train = open_dataset("flyingthings3d-final", root, split="train")
    assert len(train.pairs) == 16
    pair = by_name(train, "B/0000/into_past/left/0007")
    assert pair.image2 == root / f"frames_finalpass/TRAIN/B/0000/left/0006{suffix}"
    if suffix == ".png":
        assert shades(pair) == (107, 106)


def test_hd1k(tmp_path: Path) -> None:
    root = trees.hd1k(tmp_path)
    train = open_dataset("hd1k", root)
    assert names(train) == ["000000_0000", "000000_0001", "000002_0000"]
    assert shades(train.pairs[1]) == (1, 2)
    assert marked(~truth(train.pairs[1], 1).valid) == [(0, 1)]
    test = open_dataset("hd1k", root, split="test")
    assert names(test) == names(train)
    assert shades(test.pairs[2]) == (100, 101)


def test_middlebury(tmp_path: Path) -> None:
    root = trees.middlebury(tmp_path)
    train = open_dataset("middlebury", root)
    assert names(train) == ["Grove2/frame10", "RubberWhale/frame10"]
    assert shades(train.pairs[1]) == (10, 11)
    assert marked(~truth(train.pairs[1], 10).valid) == [(0, 2)]
    test = open_dataset("middlebury", root, split="test")
    assert names(test) == ["Grove2/frame10", "RubberWhale/frame10", "Walking/frame10"]
    assert shades(test.pairs[0]) == (110, 111)


def test_spring(tmp_path: Path) -> None:
    root = trees.spring(tmp_path)
    for split in ("train", "test"):
        dataset = open_dataset("spring", root, split=split)
        assert names(dataset) == [
            f"{sequence}/flow_{way}_{camera}/flow_{way}_{camera}_{number:04d}"
            for sequence in ("0001", "0002")
            for camera in ("left", "right")
            for way, numbers in (("FW", (1, 2)), ("BW", (2, 3)))
            for number in numbers
        ]
    train = open_dataset("spring", root)
    pair = by_name(train, "0002/flow_BW_right/flow_BW_right_0003")
    assert shades(pair) == (3, 2)
    found = truth(pair, 3)
    # Every second row and column of the truth: (2, 2) is pixel (1, 1), (5, 5) falls away.
    assert marked(~found.valid) == [(1, 1)]
    assert marked(found.occluded) == [(2, 3)]


def test_spring_match_map_of_the_pictures_size(tmp_path: Path) -> None:
    root = trees.spring(tmp_path)
    trees.mask(root / "train/0001/maps/matchmap_flow_FW_left/matchmap_flow_FW_left_0001.png", [(4, 6)])
    assert marked(open_dataset("spring", root).pairs[0].truth().occluded) == [(4, 6)]


def test_spring_forward_left_alone(tmp_path: Path) -> None:
    """The archives come apart: whoever has only the forward flow of the left camera evaluates that."""
    for path in trees.spring(tmp_path / "all").rglob("*_left_*"):
        if "FW" in path.name or "frame" in path.name:
            copy = tmp_path / "some" / path.relative_to(tmp_path / "all")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    found = names(open_dataset("spring", tmp_path / "some"))
    assert found == [f"{s}/flow_FW_left/flow_FW_left_{n:04d}" for s in ("0001", "0002") for n in (1, 2)]


def test_numbers_that_are_not_padded_are_in_their_order(tmp_path: Path) -> None:
    for number in range(8, 12):
        for folder in ("clean", "final"):
            trees.picture(tmp_path / f"training/{folder}/alley_1/frame_{number}.png", number)
        if number < 11:
            trees.flow(tmp_path / f"training/flow/alley_1/frame_{number}.flo", number)
    dataset = open_dataset("sintel-clean", tmp_path)
    assert names(dataset) == ["alley_1/frame_8", "alley_1/frame_9", "alley_1/frame_10"]
    assert [shades(pair) for pair in dataset.pairs] == [(8, 9), (9, 10), (10, 11)]
