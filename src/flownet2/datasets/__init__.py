# SPDX-License-Identifier: Apache-2.0
"""Data sets of optical flow as they are published, indexed by their folders; a pixel is read when it is asked for.

dataset = open_dataset("sintel-clean", "data/Sintel")
for pair in dataset.pairs:
    image1, image2 = pair.pictures()     # uint8 (H, W, 3), RGB
    truth = pair.truth()                 # flow (H, W, 2) in pixels, valid, masks

One module a data set, whose docstring gives the layout.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from flownet2.datasets import (
    chairssdhom,
    flyingchairs,
    flyingchairs2,
    flyingthings3d,
    folder,
    hd1k,
    kitti,
    middlebury,
    sintel,
    spring,
)
from flownet2.datasets.base import Dataset, Pair, Truth
from flownet2.datasets.tree import Tree
from flownet2.errors import InputError
from flownet2.types import PathLike

__all__ = ["DATASETS", "Dataset", "Pair", "Truth", "open_dataset"]


class Source(NamedTuple):
    """How a data set is opened."""

    pairs: Callable[[Tree, str], list[Pair]]
    splits: tuple[str, ...]
    """The first is the default: the one that results are published for and that has truth."""


DATASETS = {
    "flyingchairs": Source(flyingchairs.flyingchairs, flyingchairs.SPLITS),
    "flyingchairs2": Source(flyingchairs2.flyingchairs2, flyingchairs2.SPLITS),
    "flyingchairsocc": Source(flyingchairs.flyingchairsocc, flyingchairs.SPLITS),
    "sintel-clean": Source(partial(sintel.sintel, render="clean"), sintel.SPLITS),
    "sintel-final": Source(partial(sintel.sintel, render="final"), sintel.SPLITS),
    "kitti2012": Source(kitti.kitti2012, kitti.SPLITS),
    "kitti2015": Source(kitti.kitti2015, kitti.SPLITS),
    "chairssdhom": Source(chairssdhom.chairssdhom, chairssdhom.SPLITS),
    "flyingthings3d": Source(partial(flyingthings3d.flyingthings3d, render="clean"), flyingthings3d.SPLITS),
    "flyingthings3d-final": Source(partial(flyingthings3d.flyingthings3d, render="final"), flyingthings3d.SPLITS),
    "hd1k": Source(hd1k.hd1k, hd1k.SPLITS),
    "middlebury": Source(middlebury.middlebury, middlebury.SPLITS),
    "spring": Source(spring.spring, spring.SPLITS),
    "folder": Source(folder.folder, folder.SPLITS),
}
"""The data sets by the name that `open_dataset` and `flownet2 eval` take."""


def open_dataset(name: str, root: PathLike, *, split: str | None = None) -> Dataset:
    """Index a data set: folders are listed, no picture and no flow is opened.

    Args:
        name: one of `DATASETS`.
        root: the folder that the archive unpacks to; the modules of `flownet2.datasets` say what is in it.
        split: part of the data set; without it the first of `DATASETS[name].splits`.

    Raises:
        InputError: an unknown name or split.
        DatasetError: a folder or file is missing, or one is there that has no counterpart.
        OSError: a folder cannot be listed.
    """
    if name not in DATASETS:
        raise InputError(f"unknown data set {name!r}; known are {', '.join(DATASETS)}")
    source = DATASETS[name]
    if split is None:
        split = source.splits[0]
    if split not in source.splits:
        raise InputError(f"{name} has no split {split!r}; it has {', '.join(source.splits)}")
    tree = Tree(name, Path(root))
    return Dataset(name, split, tree.root, tuple(source.pairs(tree, split)))
