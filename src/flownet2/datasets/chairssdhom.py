# SPDX-License-Identifier: Apache-2.0
"""ChairsSDHom (Ilg et al., 2017), 512x384: ROOT/data/train,test / t0,t1/00001.png and flow/00001.pfm.

As in mmflow 08755 is left out of both splits: its flow holds NaN.
"""

from __future__ import annotations

from flownet2.datasets.base import Pair
from flownet2.datasets.tree import Tree

SPLITS = ("test", "train")
EXCLUDED = frozenset({"08755"})


def chairssdhom(tree: Tree, split: str) -> list[Pair]:
    """Pairs `00001`."""
    flows = tree.files("data", split, "flow", suffix=".pfm")
    first, second = (tree.files("data", split, folder, suffix=".png") for folder in ("t0", "t1"))
    tree.together(flows, first, second)
    return [Pair(key, first[key], second[key], flows[key]) for key in flows if key not in EXCLUDED]
