# SPDX-License-Identifier: Apache-2.0
"""The folders of a data set as they should be and as they are; the difference is what a DatasetError tells."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flownet2.errors import DatasetError
from flownet2.io.folders import file_names, folder_names, natural_key

_SHOWN = 8
_NAMED = 3
_SEARCHED = 64


class Files(Mapping[str, Path]):
    """Files of one folder whose names differ in one part, by that part: {"0001": Path("frame_0001.png")}."""

    def __init__(self, folder: Path, prefix: str, suffix: str, keys: Iterable[str]) -> None:
        self.folder = folder
        self.prefix = prefix
        self.suffix = suffix
        self._keys = dict.fromkeys(keys)

    def path(self, key: str) -> Path:
        """Where the file of `key` is, or should be."""
        return self.folder / f"{self.prefix}{key}{self.suffix}"

    def __getitem__(self, key: str) -> Path:
        if key not in self:
            raise KeyError(key)
        return self.path(key)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@dataclass(frozen=True)
class Tree:
    """The root of a data set. Parts of paths are relative to it; every folder is listed once."""

    name: str
    root: Path
    _listed: dict[Path, list[str]] = field(default_factory=dict, repr=False)

    def has(self, *parts: str) -> bool:
        """Whether this folder is there."""
        return self.root.joinpath(*parts).is_dir()

    def folder(self, *parts: str) -> Path:
        """The path of a folder that must be there.

        Raises:
            DatasetError: it is not; with what is there instead.
        """
        path = self.root.joinpath(*parts)
        if not path.is_dir():
            raise self.no_folder(parts)
        return path

    def no_folder(self, *alternatives: tuple[str, ...]) -> DatasetError:
        """The error for a folder that is not there, or for several of which one is expected."""
        paths = [self.root.joinpath(*parts) for parts in alternatives]
        wanted = " or ".join(map(str, paths))
        cure = next(filter(None, map(self._cure, alternatives)), "")
        return self.error(f"there is no folder {wanted}; {_found(paths[0])}{cure}")

    def folders(self, *parts: str) -> list[str]:
        """Names of the folders in a folder that must be there and hold some, in natural order."""
        path = self.folder(*parts)
        names = folder_names(path)
        if not names:
            raise self.error(f"there is no folder in {path}; {_found(path)}")
        return names

    def files(self, *parts: str, prefix: str = "", suffix: str) -> Files:
        """The files PREFIX*SUFFIX of a folder that must be there, in natural order; there may be none."""
        path = self.folder(*parts)
        if path not in self._listed:
            self._listed[path] = file_names(path)
        longest = len(prefix) + len(suffix)
        keys = [
            name[len(prefix) : len(name) - len(suffix)]
            for name in self._listed[path]
            if name.startswith(prefix) and name.endswith(suffix) and len(name) > longest
        ]
        return Files(path, prefix, suffix, sorted(keys, key=natural_key))

    def some(self, files: Files) -> Files:
        """`files`; an error if there are none."""
        if not files:
            wanted = files.path("*")
            raise self.error(f"there is no file {wanted}; {_found(files.folder)}")
        return files

    def numbered(self, files: Files) -> Files:
        """`files`; an error where what varies in a name is no number."""
        for key in files:
            if not (key.isascii() and key.isdigit()):
                wanted = f"{files.prefix}NUMBER{files.suffix}"
                raise self.error(f"{files.path(key)}: {wanted} is expected; move away what is not of the data set")
        return files

    def require(self, keys: Iterable[str], files: Files, reason: str) -> None:
        """An error if `files` lack one of `keys`; it counts them and names the first."""
        missing = [files.path(key) for key in keys if key not in files]
        if missing:
            more = "" if len(missing) <= _NAMED else f" and {len(missing) - _NAMED} more"
            named = ", ".join(str(path) for path in missing[:_NAMED])
            count = "1 file is" if len(missing) == 1 else f"{len(missing)} files are"
            raise self.error(f"{count} missing, {reason}: {named}{more}; {len(files)} of this kind are there")

    def together(self, truth: Files, *others: Files) -> None:
        """An error unless `truth` has some files and each of the `others` has just their keys."""
        self.some(truth)
        for files in others:
            self.require(truth, files, f"which belong to {truth.path('*').name}")
            self.require(files, truth, f"which belong to {files.path('*').name}")

    def one_each(self, firsts: Sequence[str], flows: Files, frames: Files) -> None:
        """An error unless `flows` has just the first frames of the pairs in a folder of frames."""
        self.require(firsts, flows, f"which belong to the {len(frames)} frames in {frames.folder}")
        extra = next((key for key in flows if key not in firsts), None)
        if extra is not None:
            raise self.error(
                f"{flows.path(extra)} has no pair of pictures: {frames.folder} has {len(frames)} frames, "
                f"{len(flows)} flow files need {len(flows) + 1}"
            )

    def masks(self, keys: Iterable[str], *parts: str, prefix: str = "", suffix: str) -> Mapping[str, Path]:
        """Files of a folder that may be absent as a whole; where it is there, it has one for each key."""
        if not self.has(*parts):
            return {}
        files = self.files(*parts, prefix=prefix, suffix=suffix)
        self.require(keys, files, f"of which folder {files.folder} must have all or not exist")
        return files

    def neighbours(self, frames: Files) -> list[tuple[str, str]]:
        """Each frame with the next; an error unless they are numbered without a gap and at least two."""
        keys = list(self.numbered(frames))
        if len(keys) < 2:
            wanted = frames.path("*")
            raise self.error(f"{len(keys)} frames {wanted}, at least 2 are expected; {_found(frames.folder)}")
        pairs = list(itertools.pairwise(keys))
        for before, after in pairs:
            if int(after) != int(before) + 1:
                raise self.error(
                    f"{frames.folder}: {frames.path(before).name} is followed by {frames.path(after).name}; "
                    "frames are numbered without a gap, unpack the data set again"
                )
        return pairs

    def error(self, text: str) -> DatasetError:
        """An error of this data set, to be raised."""
        return DatasetError(f"{self.name}: {text}")

    def _cure(self, parts: tuple[str, ...]) -> str:
        """Where the root may be meant to be: a level up, two, or one of the folders in it."""
        wanted = Path(*parts) if parts else Path()
        root = Path(os.path.abspath(self.root))  # noqa: PTH100 - resolve() would leave the user's own path
        near = [root.parent, root.parent.parent]
        if root.is_dir():
            near += [root / name for name in folder_names(root)[:_SEARCHED]]
        for place in near if parts else ():
            if place != root and (place / wanted).is_dir():
                return f"; perhaps {place} is meant, it has {wanted}{os.sep}"
        return ""


def _found(missing: Path) -> str:
    """What the nearest folder above a missing one holds."""
    place = next((path for path in (missing, *missing.parents) if path.exists()), Path())
    if not place.is_dir():
        return f"{place} is a file; unpack an archive, and give the folder"
    entries = sorted([f"{name}{os.sep}" for name in folder_names(place)], key=natural_key)
    entries += file_names(place)
    if not entries:
        return f"{place} is empty"
    more = "" if len(entries) <= _SHOWN else f" and {len(entries) - _SHOWN} more"
    return f"{place} holds {', '.join(entries[:_SHOWN])}{more}"
