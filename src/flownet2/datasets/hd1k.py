# SPDX-License-Identifier: Apache-2.0
"""HD1K (Kondermann et al., 2016), 2560x1080.

ROOT/hd1k_input/image_2/000000_0000.png (sequence, frame), hd1k_flow_gt/flow_occ of the same names in KITTI's 16-bit
PNG; the test pictures are in hd1k_challenge/image_2. The last frame of a sequence has no pair, and its flow file, which
the data set has, is left alone.
"""

from __future__ import annotations

import itertools

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree

SPLITS = ("train", "test")
_FOLDERS = {"train": "hd1k_input", "test": "hd1k_challenge"}


def hd1k(tree: Tree, split: str) -> list[Pair]:
    """Pairs `000000_0000`: a frame with the next one that is there of its sequence."""
    frames = tree.some(tree.files(_FOLDERS[split], "image_2", suffix=".png"))
    for key in frames:
        if key.count("_") != 1:
            raise tree.error(f"{frames.path(key)}: SEQUENCE_FRAME.png is expected, such as 000000_0000.png")
    ends = [(one, two) for one, two in itertools.pairwise(frames) if _sequence(one) == _sequence(two)]
    if not ends:
        raise tree.error(f"{frames.folder} has no sequence of two frames; {len(frames)} frames are there")
    if split == "test":
        return [Pair(one, frames[one], frames[two]) for one, two in ends]
    flows = tree.files("hd1k_flow_gt", "flow_occ", suffix=".png")
    tree.require([one for one, _ in ends], flows, f"which belong to the pictures in {frames.folder}")
    tree.require(flows, frames, "which belong to the flow files")
    return [Pair(one, frames[one], frames[two], flows[one]) for one, two in ends]


def _sequence(key: str) -> str:
    return key.partition("_")[0]
