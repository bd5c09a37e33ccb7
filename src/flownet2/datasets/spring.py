# SPDX-License-Identifier: Apache-2.0
"""Spring (Mehl et al., 2023): pictures 1920x1080, flow in pixels of those but on a grid twice as fine.

ROOT/train,test/0001/frame_left,frame_right/frame_left_0001.png; train/0001/flow_FW_left/flow_FW_left_0001.flo5 leads
from frame 1 to 2, flow_BW_left/flow_BW_left_0002.flo5 from 2 to 1, the right camera alike; NaN is not valid.
train/0001/maps/matchmap_flow_FW_left/matchmap_flow_FW_left_0001.png is not black where the point is not matched.
"""

from __future__ import annotations

import itertools

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree

SPLITS = ("train", "test")
_CAMERAS = ("left", "right")
_WAYS = ("FW", "BW")
_TRUTH_STEP = 2


def spring(tree: Tree, split: str) -> list[Pair]:
    """Pairs `0001/flow_FW_left/flow_FW_left_0001`, the path of a submission: each camera and direction.

    Of "train" those whose flow is there, of "test" those whose pictures are; in all sequences or in none.
    """
    sequences = tree.folders(split)
    kind = "frame_{camera}" if split == "test" else "flow_{way}_{camera}"
    kinds = [
        (camera, way)
        for camera, way in itertools.product(_CAMERAS, _WAYS)
        if any(tree.has(split, sequence, kind.format(camera=camera, way=way)) for sequence in sequences)
    ]
    if not kinds:
        tree.folder(split, sequences[0], kind.format(camera="left", way="FW"))
    return [pair for sequence in sequences for view in kinds for pair in _pairs(tree, split, sequence, *view)]


def _pairs(tree: Tree, split: str, sequence: str, camera: str, way: str) -> list[Pair]:
    frames = tree.files(split, sequence, f"frame_{camera}", prefix=f"frame_{camera}_", suffix=".png")
    ends = tree.neighbours(frames)
    if way == "BW":
        ends = [(two, one) for one, two in ends]
    kind = f"flow_{way}_{camera}"
    name = f"{sequence}/{kind}/{kind}_"
    if split == "test":
        return [Pair(name + one, frames[one], frames[two]) for one, two in ends]
    firsts = [one for one, _ in ends]
    flows = tree.files(split, sequence, kind, prefix=f"{kind}_", suffix=".flo5")
    tree.one_each(firsts, flows, frames)
    match = f"matchmap_{kind}"
    unmatched = tree.masks(firsts, split, sequence, "maps", match, prefix=f"{match}_", suffix=".png")
    return [
        Pair(name + one, frames[one], frames[two], flows[one], unmatched.get(one), truth_step=_TRUTH_STEP)
        for one, two in ends
    ]
