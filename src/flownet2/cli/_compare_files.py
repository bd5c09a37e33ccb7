# SPDX-License-Identifier: Apache-2.0
"""Which files `flownet2 compare` compares: two, or those of one name in two folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from flownet2.cli._files import names_folder
from flownet2.cli._terminal import UsageError
from flownet2.io import FLOW_SUFFIXES
from flownet2.io.folders import WRITTEN_PICTURE_SUFFIXES, natural_key

COMMAND = "compare"


class Item(NamedTuple):
    """Two files, the truth about them and the picture to write."""

    name: str
    a: Path
    b: Path
    truth: Path | None
    picture: Path | None


def make_items(a: str, b: str, gt: str | None, output: str | None) -> tuple[list[Item], list[str]]:
    """The files to compare, in natural order, and a line for each file that has no partner.

    Raises:
        UsageError: the options contradict each other, or there is nothing to compare.
        OSError: a folder cannot be listed.
    """
    first, second, truth = Path(a), Path(b), None if gt is None else Path(gt)
    named = [path for path in (first, second, truth) if path is not None]
    folders = [path for path in named if path.is_dir()]
    if not folders:
        return [Item(str(second), first, second, truth, _picture(output, first))], []
    if len(folders) != len(named):
        raise UsageError(COMMAND, "give flow files or folders of them, not a mixture")
    return _in_folders(first, second, truth, output)


def _picture(output: str | None, flow: Path) -> Path | None:
    if output is None:
        return None
    path = Path(output)
    if names_folder(output):
        return path / f"{flow.stem}.png"
    if path.suffix.lower() not in WRITTEN_PICTURE_SUFFIXES:
        known = ", ".join(WRITTEN_PICTURE_SUFFIXES)
        raise UsageError(COMMAND, f"-o {path}: the suffix tells the format: {known}; a new folder ends with /")
    return path


def _in_folders(a: Path, b: Path, gt: Path | None, output: str | None) -> tuple[list[Item], list[str]]:
    if output is not None and Path(output).suffix.lower() in WRITTEN_PICTURE_SUFFIXES and not names_folder(output):
        raise UsageError(COMMAND, f"-o {output} names a file, but pictures of several flows need a folder")
    here, there = _by_name(a), _by_name(b)
    if not here.keys() & there.keys():
        raise UsageError(COMMAND, f"{a} and {b} have no flow files of one name")
    truths = {} if gt is None else _by_name(gt)
    alone = [
        f"{path}: no partner of this name in {other}"
        for mine, theirs, other in ((here, there, b), (there, here, a))
        for name, path in mine.items()
        if name not in theirs
    ]
    items = []
    for name, path in here.items():
        if name not in there:
            continue
        if gt is not None and name not in truths:
            alone.append(f"{path}: no truth of this name in {gt}")
            continue
        picture = None if output is None else Path(output, f"{name}.png")
        items.append(Item(name, path, there[name], truths.get(name), picture))
    return items, alone


def _by_name(folder: Path) -> Mapping[str, Path]:
    """Flow files by their path in the folder without suffix, hidden ones apart, in natural order."""
    found: dict[str, Path] = {}
    # Of one name .png comes last: the suffixes of all other formats are before it.
    for path in sorted(_files(folder), key=lambda path: natural_key(path.as_posix())):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name not in found:
            found[name] = path
        elif path.suffix.lower() != ".png":
            raise UsageError(COMMAND, f"{found[name]} and {path.name} have one name; which is meant?")
    return found


def _files(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += [path for path in paths if path.suffix.lower() in FLOW_SUFFIXES]
    return found
