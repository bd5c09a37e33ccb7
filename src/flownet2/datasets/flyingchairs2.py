# SPDX-License-Identifier: Apache-2.0
"""FlyingChairs2 (Ilg et al., 2018), 512x384.

ROOT/train and ROOT/val hold 0000000-img_0.png, -img_1.png, -flow_01.flo, -flow_10.flo, -occ_01.png and -occ_10.png
(not black where occluded), -oids_0.png (object numbers, 0 is the background) and more that is not read. Only the
forward flow, 01, makes a pair.
"""

from __future__ import annotations

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree

SPLITS = ("val", "train")


def flyingchairs2(tree: Tree, split: str) -> list[Pair]:
    """Pairs `0000000`; masks where the folder has files of their kind."""
    flows = tree.files(split, suffix="-flow_01.flo")
    first, second, occluded, objects = (
        tree.files(split, suffix=suffix) for suffix in ("-img_0.png", "-img_1.png", "-occ_01.png", "-oids_0.png")
    )
    tree.together(flows, first, second, *(masks for masks in (occluded, objects) if masks))
    return [
        Pair(key, first[key], second[key], flows[key], occluded.get(key), objects=objects.get(key)) for key in flows
    ]
