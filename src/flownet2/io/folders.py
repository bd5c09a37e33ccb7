# SPDX-License-Identifier: Apache-2.0
"""Folders of files: what counts as a picture, and the order people expect."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from flownet2.types import PathLike

WRITTEN_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")
PICTURE_SUFFIXES = (*WRITTEN_PICTURE_SUFFIXES, ".pgm", ".pnm")
"""What is taken from a folder; a file that is named may have any suffix, its content counts."""


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts frame_2 before frame_10."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def file_names(folder: PathLike) -> list[str]:
    """The names of the files in a folder, links to files too, hidden ones apart, in natural order."""
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()]
    return sorted(found, key=natural_key)


def folder_names(folder: PathLike) -> list[str]:
    """The names of the folders in a folder, links to folders too, hidden ones apart, in natural order."""
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    return sorted(found, key=natural_key)


def files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of a folder with one of the suffixes, hidden ones apart, in natural order."""
    return [folder / name for name in file_names(folder) if Path(name).suffix.lower() in suffixes]
