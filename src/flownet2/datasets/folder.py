# SPDX-License-Identifier: Apache-2.0
"""A plain folder of pictures, with or without true flow.

The pictures lie in ROOT itself or, if there are none, in folders of it, each a scene. In a folder

- NAME_img1.EXT and NAME_img2.EXT are a pair, and so are NAME-img0.EXT and NAME-img1.EXT, NAME-img_0.EXT and
  NAME-img_1.EXT, the names of FlyingChairs and its kin. Its truth is NAME_flow, NAME-gt or NAME-flow_01. One picture of
  such a name makes this the rule for all of the folder.
- Otherwise the pictures are the frames of a sequence in natural order (frame_2 before frame_10), each with the next.
  The truth of a pair is named as its first picture: frame_2.flo, .pfm, .flo5, .npy or .npz beside it, or
  frame_2_flow with any suffix of a flow file, or one of these in a folder `flow` beside the pictures, where frame_2.png
  is flow as well.

Pictures may differ in format. All pairs have truth or none has; truth without pictures is an error, so that a wrong
name is not taken for a missing one.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree
from flownet2.io import FLOW_SUFFIXES
from flownet2.io.folders import PICTURE_SUFFIXES, file_names, folder_names

SPLITS = ("all",)
FLOW_FOLDER = "flow"
FLOW_ENDING = "_flow"

# Endings of a pair's first and second picture and of its truth.
_PAIR_NAMES = (("_img1", "_img2", "_flow"), ("-img0", "-img1", "-gt"), ("-img_0", "-img_1", "-flow_01"))


def folder(tree: Tree, split: str) -> list[Pair]:  # noqa: ARG001 - every data set is opened with a split
    """Pairs named by the first picture or the pair's NAME, after `SCENE/` where there are scenes."""
    root = tree.folder()
    pairs = _scene(tree, root, "")
    if not pairs:
        pairs = [pair for name in folder_names(root) for pair in _scene(tree, root / name, f"{name}/")]
    if not pairs:
        raise tree.error(f"no two pictures ({', '.join(PICTURE_SUFFIXES)}) are in {root} or in one folder of it")
    lacking = [pair for pair in pairs if pair.flow is None]
    if lacking and len(lacking) < len(pairs):
        raise tree.error(
            f"{len(lacking)} of {len(pairs)} pairs have no true flow, the first is {lacking[0].name} "
            f"({lacking[0].image1}); all or none must have one"
        )
    return pairs


def _scene(tree: Tree, place: Path, prefix: str) -> list[Pair]:
    """The pairs of one folder; none if it has no pictures."""
    paths = [place / name for name in file_names(place)]
    for names in _PAIR_NAMES:
        if any(_is_picture(path) and path.stem.endswith(names[:2]) for path in paths):
            return _named_pairs(tree, paths, prefix, names)
    return _sequence(tree, place, paths, prefix)


def _named_pairs(tree: Tree, paths: list[Path], prefix: str, names: tuple[str, str, str]) -> list[Pair]:
    found: dict[str, dict[str, Path]] = {ending: {} for ending in names}
    for path in paths:
        ending = next((ending for ending in names if path.stem.endswith(ending)), None)
        is_truth = ending == names[2] and path.suffix.lower() in FLOW_SUFFIXES
        if ending and (is_truth or (ending != names[2] and _is_picture(path))):
            _put(tree, found[ending], path.stem.removesuffix(ending), path)
        elif _is_picture(path) or path.suffix.lower() in FLOW_SUFFIXES:
            raise tree.error(
                f"{path} is none of NAME{names[0]}, NAME{names[1]} and NAME{names[2]}, as others of its folder are"
            )
    first, second, truth = (found[ending] for ending in names)
    for key in {**first, **second, **truth}:
        if key not in first or key not in second:
            here = truth.get(key) or first.get(key) or second[key]
            ending = names[0] if key not in first else names[1]
            raise tree.error(f"{here} has no picture {key}{ending} beside it")
    return [Pair(prefix + key, first[key], second[key], truth.get(key)) for key in first]


def _sequence(tree: Tree, place: Path, paths: list[Path], prefix: str) -> list[Pair]:
    frames: dict[str, Path] = {}
    truth: dict[str, Path] = {}
    for path in paths:
        if _is_picture(path) and not _is_marked(path):
            _put(tree, frames, path.stem, path)
        elif path.suffix.lower() in FLOW_SUFFIXES:
            _put(tree, truth, path.stem.removesuffix(FLOW_ENDING), path)
    beside = place / FLOW_FOLDER
    for name in file_names(beside) if beside.is_dir() else ():
        if Path(name).suffix.lower() in FLOW_SUFFIXES:
            _put(tree, truth, Path(name).stem.removesuffix(FLOW_ENDING), beside / name)
    pairs = [
        Pair(prefix + one, frames[one], frames[two], truth.pop(one, None)) for one, two in itertools.pairwise(frames)
    ]
    if truth:
        key, path = next(iter(truth.items()))
        if key in frames:
            raise tree.error(f"{path} belongs to {frames[key].name}, the last picture of {place}, which has no pair")
        raise tree.error(f"{path} has no picture named {key} in {place}")
    return pairs


def _put(tree: Tree, found: dict[str, Path], key: str, path: Path) -> None:
    if key in found:
        raise tree.error(f"{found[key]} and {path} have one name; keep one of them")
    found[key] = path


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES


def _is_marked(path: Path) -> bool:
    """Whether a file is flow by its name although its suffix is that of pictures too."""
    return path.suffix.lower() in FLOW_SUFFIXES and path.stem.endswith(FLOW_ENDING)
