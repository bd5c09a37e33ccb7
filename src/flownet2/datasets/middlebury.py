# SPDX-License-Identifier: Apache-2.0
"""Middlebury (Baker et al., 2011), pictures of various sizes.

ROOT/other-data/RubberWhale/frame10.png and frame11.png, other-gt-flow/RubberWhale/flow10.flo (unknown pixels above
1e9); ROOT/eval-data without truth. Split "train" has the sequences with truth, 8 of the 12 in other-data; other
frames than 10 and 11 are left alone.
"""

from __future__ import annotations

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree

SPLITS = ("train", "test")
_FIRST, _SECOND = "10", "11"


def middlebury(tree: Tree, split: str) -> list[Pair]:
    """Pairs `RubberWhale/frame10`."""
    if split == "test":
        return [_pair(tree, "eval-data", sequence) for sequence in tree.folders("eval-data")]
    tree.folder("other-data")
    return [_pair(tree, "other-data", sequence, "other-gt-flow") for sequence in tree.folders("other-gt-flow")]


def _pair(tree: Tree, pictures: str, sequence: str, truth: str | None = None) -> Pair:
    frames = tree.files(pictures, sequence, prefix="frame", suffix=".png")
    tree.require((_FIRST, _SECOND), frames, f"the pictures of {sequence}")
    flow = None
    if truth:
        flows = tree.files(truth, sequence, prefix="flow", suffix=".flo")
        tree.require((_FIRST,), flows, f"the flow of {sequence}")
        flow = flows[_FIRST]
    return Pair(f"{sequence}/frame{_FIRST}", frames[_FIRST], frames[_SECOND], flow)
