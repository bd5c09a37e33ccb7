# SPDX-License-Identifier: Apache-2.0
"""Which pictures are a pair: two files, a sequence, folders, or a list."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flownet2.cli._terminal import UsageError
from flownet2.io.folders import PICTURE_SUFFIXES, files_in

COMMAND = "infer"
_SHOWN = 4


@dataclass(frozen=True)
class Pair:
    """Two pictures; `output` is the name that a list gives, "" where it gives none."""

    first: Path
    second: Path
    output: str = ""

    def __str__(self) -> str:
        """How messages call it."""
        return f"{self.first} -> {self.second}"


def find_pairs(inputs: Sequence[str], list_file: str | None) -> list[Pair]:
    """The pairs that the command line asks for.

    Args:
        inputs: two or more files (each with the next), one folder (each frame with the next), or two folders
            (files of one name).
        list_file: path of a text file with a pair a line, instead of inputs.

    Raises:
        UsageError: no pair, or inputs that do not go together.
        OSError: a folder or the list cannot be read.
    """
    if list_file is not None:
        if inputs:
            raise UsageError(COMMAND, "give either pictures or --list, not both")
        return _from_list(Path(list_file))
    paths = [Path(text) for text in inputs]
    folders = [path for path in paths if path.is_dir()]
    if folders and (len(folders) != len(paths) or len(folders) > 2):
        raise UsageError(COMMAND, "give picture files, one folder or two folders, not a mixture")
    if len(folders) == 2:
        return _by_name(*folders)
    frames = files_in(folders[0], PICTURE_SUFFIXES) if folders else paths
    if len(frames) < 2:
        where = f"{folders[0]} holds {len(frames)}" if folders else f"got {len(frames)}"
        raise UsageError(COMMAND, f"flow needs two pictures, {where}")
    return [Pair(first, second) for first, second in itertools.pairwise(frames)]


def _by_name(folder1: Path, folder2: Path) -> list[Pair]:
    """Files of one name, whatever the suffix."""
    side1, side2 = _by_stem(folder1), _by_stem(folder2)
    for here, there, folder, other in (
        (side1, side2, folder1, folder2),
        (side2, side1, folder2, folder1),
    ):
        alone = [path.name for stem, path in here.items() if stem not in there]
        if alone:
            shown = ", ".join(alone[:_SHOWN]) + (", ..." if len(alone) > _SHOWN else "")
            raise UsageError(
                COMMAND,
                f"{len(alone)} of {len(here)} pictures in {folder} have no partner of the same name in {other}: "
                f"{shown}; name the pairs with --list",
            )
    if not side1:
        raise UsageError(COMMAND, f"{folder1} and {folder2} hold no pictures")
    return [Pair(path, side2[stem]) for stem, path in side1.items()]


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files_in(folder, PICTURE_SUFFIXES):
        if path.stem in found:
            raise UsageError(COMMAND, f"{found[path.stem]} and {path.name} have one name; which is meant? Use --list")
        found[path.stem] = path
    return found


def _from_list(path: Path) -> list[Pair]:
    """Lines `img1 img2 [out]`; quotes around names with blanks, # begins a line of comment."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(COMMAND, f"{path}: not a text file in UTF-8 ({error.reason} at {error.start})") from None
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            words = _words(line)
        except ValueError as error:
            raise UsageError(COMMAND, f"{path}, line {number}: {error}") from None
        if len(words) not in (2, 3):
            raise UsageError(
                COMMAND,
                f"{path}, line {number}: expected 'img1 img2 [out]', got {len(words)} words; "
                "put names with blanks in quotes",
            )
        pairs.append(Pair(Path(words[0]), Path(words[1]), *words[2:]))
    if not pairs:
        raise UsageError(COMMAND, f"{path}: the list names no pair")
    return pairs


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # a backslash is part of a Windows path
    return list(lexer)
