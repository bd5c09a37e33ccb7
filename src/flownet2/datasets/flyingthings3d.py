# SPDX-License-Identifier: Apache-2.0
"""FlyingThings3D (Mayer et al., 2016), 960x540: the subset for flow, or the full set; the folders tell which.

Subset: ROOT/train,val/image_clean,image_final/left,right/0000000.png, flow/left,right/into_future,into_past/0000000.flo
and flow_occlusions/... /0000000.png, not black where occluded. Full: ROOT/frames_cleanpass,frames_finalpass/TRAIN,TEST/
A,B,C/0000/left,right/0006.png (or .webp), optical_flow/TRAIN/A/0000/into_future,into_past/left,right/
OpticalFlowIntoFuture_0006_L.pfm. Split "test" is the subset's val, the full set's TEST.

Flow into the future leads from frame n to n + 1, into the past from n + 1 to n. Both directions are pairs, of both
cameras as far as they are there. As in mmflow, the two directions of the subset come and go together: where one of the
two files is absent or holds NaN, the other is left out too.
"""

from __future__ import annotations

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Files, Tree

SPLITS = ("test", "train")
_SUBSET_FOLDERS = {"train": "train", "test": "val"}
_FULL_FOLDERS = {"train": "TRAIN", "test": "TEST"}
_CAMERAS = {"left": "L", "right": "R"}
FUTURE, PAST = "into_future", "into_past"
_FULL_PREFIXES = {FUTURE: "OpticalFlowIntoFuture_", PAST: "OpticalFlowIntoPast_"}

# Flow of the subset that holds NaN, as mmflow lists it; split train and val share the list.
_NAN = {
    ("left", FUTURE): (
        "0004573 0006336 0016948 0015148 0006922 0003147 0003149 0000879 0006337 0014658 0015748 0001717 0000119 "
        "0017578 0004118 0004117 0004304 0004154 0011530"
    ),
    ("right", FUTURE): "0006336 0003148 0004117 0003666",
    ("left", PAST): "0000162 0004705 0006878 0004876 0004045 0000053 0005055 0000163 0000161 0000121 0000931 0005054",
    ("right", PAST): "0006878 0003147 0001549 0000053 0005034 0003148 0005055 0000161 0001648 0000160 0005054",
}
EXCLUDED = {key: frozenset(names.split()) for key, names in _NAN.items()}


def flyingthings3d(tree: Tree, split: str, render: str) -> list[Pair]:
    """Pairs `left/into_future/0000000` of the subset, `A/0000/into_future/left/0006` of the full set.

    Args:
        render: "clean" or "final".
    """
    full = (f"frames_{render}pass", _FULL_FOLDERS[split])
    subset = (_SUBSET_FOLDERS[split], f"image_{render}")
    if tree.has(*full):
        return _full(tree, full)
    if tree.has(*subset):
        return _subset(tree, subset)
    raise tree.no_folder(subset, full)


def _subset(tree: Tree, pictures: tuple[str, str]) -> list[Pair]:
    top = pictures[0]
    cameras = [camera for camera in _CAMERAS if tree.has(top, "flow", camera)]
    if not cameras:
        tree.folder(top, "flow", "left")
    return [pair for camera in cameras for pair in _camera(tree, pictures, camera)]


def _camera(tree: Tree, pictures: tuple[str, str], camera: str) -> list[Pair]:
    top = pictures[0]
    frames = tree.numbered(tree.files(*pictures, camera, suffix=".png"))
    flows = {way: tree.some(tree.files(top, "flow", camera, way, suffix=".flo")) for way in (FUTURE, PAST)}
    for files in flows.values():
        tree.require(files, frames, "which belong to the flow files")
    known = {way: [key for key in files if key not in EXCLUDED[camera, way]] for way, files in flows.items()}
    backwards = set(known[PAST])
    steps = [(key, _after(key)) for key in known[FUTURE] if _after(key) in backwards]
    tree.require([after for _, after in steps], frames, "the second pictures of pairs")
    pairs = []
    for way in (FUTURE, PAST):
        ends = steps if way == FUTURE else [(after, key) for key, after in steps]
        occluded = tree.masks([one for one, _ in ends], top, "flow_occlusions", camera, way, suffix=".png")
        pairs += [
            Pair(f"{camera}/{way}/{one}", frames[one], frames[two], flows[way][one], occluded.get(one))
            for one, two in ends
        ]
    return pairs


def _after(key: str) -> str:
    return f"{int(key) + 1:0{len(key)}d}"


def _full(tree: Tree, pictures: tuple[str, str]) -> list[Pair]:
    passes, top = pictures
    places = [(top, letter, number) for letter in tree.folders(*pictures) for number in tree.folders(*pictures, letter)]
    cameras = [camera for camera in _CAMERAS if tree.has(passes, *places[0], camera)] or list(_CAMERAS)
    return [
        pair
        for place in places
        for way in (FUTURE, PAST)
        for camera in cameras
        for pair in _sequence(tree, place, passes, way, camera)
    ]


def _sequence(tree: Tree, place: tuple[str, ...], passes: str, way: str, camera: str) -> list[Pair]:
    frames = _frames(tree, passes, *place, camera)
    ends = tree.neighbours(frames)
    if way == PAST:
        ends = [(two, one) for one, two in ends]
    flows = tree.files(
        "optical_flow", *place, way, camera, prefix=_FULL_PREFIXES[way], suffix=f"_{_CAMERAS[camera]}.pfm"
    )
    tree.require([one for one, _ in ends], flows, f"which belong to the pictures in {frames.folder}")
    name = "/".join((*place[1:], way, camera))
    return [Pair(f"{name}/{one}", frames[one], frames[two], flows[one]) for one, two in ends]


def _frames(tree: Tree, *parts: str) -> Files:
    frames = tree.files(*parts, suffix=".png")
    return frames if frames else tree.files(*parts, suffix=".webp")
