# SPDX-License-Identifier: Apache-2.0
"""FlyingChairs (Dosovitskiy et al., 2015) and FlyingChairsOcc (Hur and Roth, 2019), 512x384.

ROOT/data/00001_img1.ppm, 00001_img2.ppm, 00001_flow.flo up to 22872; FlyingChairsOcc has `_img1.png`,
`_img2.png`, `_flow.flo` and `_occ1.png`, not black where occluded. Line n of the split file is 1 if pair n is
for training, 2 if for validation. lmb.informatik.uni-freiburg.de offers it apart from the archive.
"""

from __future__ import annotations

from collections.abc import Sequence

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Files, Tree

SPLITS = ("val", "train", "all")
SPLIT_FILE = "FlyingChairs_train_val.txt"
_CODES = {"train": "1", "val": "2"}
_DIGITS = 5


def flyingchairs(tree: Tree, split: str) -> list[Pair]:
    """Pairs `00001`: `all` is what is there, `train` and `val` are what the split file lists, all of it."""
    flows, first, second = (tree.files("data", suffix=suffix) for suffix in ("_flow.flo", "_img1.ppm", "_img2.ppm"))
    keys = _checked(tree, split, flows, first, second)
    return [Pair(key, first[key], second[key], flows[key]) for key in keys]


def flyingchairsocc(tree: Tree, split: str) -> list[Pair]:
    """Pairs `00001` as of `flyingchairs`, with occlusion masks."""
    flows, first, second, occluded = (
        tree.files("data", suffix=suffix) for suffix in ("_flow.flo", "_img1.png", "_img2.png", "_occ1.png")
    )
    keys = _checked(tree, split, flows, first, second, occluded)
    return [Pair(key, first[key], second[key], flows[key], occluded[key]) for key in keys]


def _checked(tree: Tree, split: str, flows: Files, *others: Files) -> Sequence[str]:
    """The numbers of the split, each with all of its files."""
    tree.together(tree.numbered(flows), *others)
    if split == "all":
        return list(flows)
    codes = _split_file(tree)
    beyond = next((key for key in flows if int(key) > len(codes)), None)
    if beyond is not None:
        raise tree.error(f"{flows[beyond]} is beyond the {len(codes)} entries of {tree.root / SPLIT_FILE}")
    keys = [f"{number:0{_DIGITS}d}" for number, code in enumerate(codes, start=1) if code == _CODES[split]]
    if not keys:
        raise tree.error(f"{tree.root / SPLIT_FILE} lists no pair of split {split!r} ({_CODES[split]})")
    tree.require(keys, flows, f"which {SPLIT_FILE} lists (split 'all' is what is there)")
    return keys


def _split_file(tree: Tree) -> list[str]:
    path = tree.root / SPLIT_FILE
    if not path.is_file():
        raise tree.error(
            f"there is no split file {path}; it is offered beside the data set's archive "
            "(1 = training, 2 = validation, a line for each pair). Split 'all' does without"
        )
    codes = path.read_text("ascii", errors="replace").split()
    odd = next((number for number, code in enumerate(codes, start=1) if code not in _CODES.values()), None)
    if odd is not None:
        raise tree.error(f"{path}: entry {odd} is {codes[odd - 1]!r:.40}, 1 (training) or 2 (validation) is expected")
    return codes
