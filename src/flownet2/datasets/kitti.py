# SPDX-License-Identifier: Apache-2.0
"""KITTI flow 2012 (Geiger et al.) and 2015 (Menze and Geiger), about 1242x375.

ROOT/training/colored_0 (2012) or image_2 (2015) hold 000000_10.png and _11.png; training/flow_occ and flow_noc hold
000000_10.png, 16 bits, valid in the third channel; training/obj_map (2015) numbers the moving objects. ROOT/testing
has the pictures alone. Other frames of the multi-view extension (_09, _12) are left alone. A pixel is occluded where
flow_occ is valid and flow_noc is not.
"""

from __future__ import annotations

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree

SPLITS = ("train", "test")
_FOLDERS = {"train": "training", "test": "testing"}
_FIRST, _SECOND = "_10.png", "_11.png"


def kitti2012(tree: Tree, split: str) -> list[Pair]:
    """Pairs `000000_10`; flow_noc may be absent."""
    return _kitti(tree, split, "colored_0")


def kitti2015(tree: Tree, split: str) -> list[Pair]:
    """Pairs `000000_10`; flow_noc and obj_map may be absent."""
    return _kitti(tree, split, "image_2", objects="obj_map")


def _kitti(tree: Tree, split: str, pictures: str, objects: str | None = None) -> list[Pair]:
    top = _FOLDERS[split]
    first = tree.some(tree.files(top, pictures, suffix=_FIRST))
    second = tree.files(top, pictures, suffix=_SECOND)
    tree.require(first, second, "the second pictures of pairs")
    if split == "test":
        return [Pair(f"{key}_10", first[key], second[key]) for key in first]
    flows = tree.files(top, "flow_occ", suffix=_FIRST)
    tree.together(flows, first)
    noc = tree.masks(flows, top, "flow_noc", suffix=_FIRST)
    maps = tree.masks(flows, top, objects, suffix=_FIRST) if objects else {}
    return [
        Pair(f"{key}_10", first[key], second[key], flows[key], noc_flow=noc.get(key), objects=maps.get(key))
        for key in flows
    ]
