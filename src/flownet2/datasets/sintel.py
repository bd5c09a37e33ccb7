# SPDX-License-Identifier: Apache-2.0
"""MPI-Sintel (Butler et al., 2012), 1024x436.

ROOT/training/clean,final/SCENE/frame_0001.png, training/flow/SCENE/frame_0001.flo, training/occlusions and
training/invalid with masks of the same names, not black where occluded or invalid; ROOT/test/clean,final/SCENE.
A scene of N frames has N - 1 files of flow and of occlusions, and N of `invalid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Files, Tree

SPLITS = ("train", "test")
_FOLDERS = {"train": "training", "test": "test"}
_MASKS = ("occlusions", "invalid")


def sintel(tree: Tree, split: str, render: str) -> list[Pair]:
    """Pairs `alley_1/frame_0001` of one pass; a kind of mask may be absent as a whole.

    Args:
        render: "clean" or "final".
    """
    top = _FOLDERS[split]
    scenes = tree.folders(top, render)
    if split == "test":
        return [pair for scene in scenes for pair in _test_scene(tree, top, render, scene)]
    for scene in tree.folders(top, "flow"):
        if scene not in scenes:
            raise tree.error(f"{tree.folder(top, 'flow', scene)} has no pictures in {tree.folder(top, render)}")
    # All scenes have masks of a kind or none has: a kind that is half there would change what is counted.
    kinds = [kind for kind in _MASKS if tree.has(top, kind)]
    return [pair for scene in scenes for pair in _training_scene(tree, top, render, scene, kinds)]


def _test_scene(tree: Tree, top: str, render: str, scene: str) -> list[Pair]:
    frames = tree.files(top, render, scene, prefix="frame_", suffix=".png")
    return [Pair(f"{scene}/frame_{one}", frames[one], frames[two]) for one, two in tree.neighbours(frames)]


def _training_scene(tree: Tree, top: str, render: str, scene: str, kinds: list[str]) -> list[Pair]:
    frames = tree.files(top, render, scene, prefix="frame_", suffix=".png")
    pairs = tree.neighbours(frames)
    firsts = [one for one, _ in pairs]
    flows = tree.files(top, "flow", scene, prefix="frame_", suffix=".flo")
    tree.one_each(firsts, flows, frames)
    no_masks: Mapping[str, Path] = {}
    masks: dict[str, Files] = {}
    for kind in kinds:
        masks[kind] = tree.files(top, kind, scene, prefix="frame_", suffix=".png")
        tree.require(firsts, masks[kind], f"which belong to the flow in {flows.folder}")
    occluded, invalid = (masks.get(kind, no_masks) for kind in _MASKS)
    return [
        Pair(f"{scene}/frame_{one}", frames[one], frames[two], flows[one], occluded.get(one), invalid.get(one))
        for one, two in pairs
    ]
