# SPDX-License-Identifier: Apache-2.0
"""What the servers of MPI-Sintel, KITTI and Spring take: names, formats and limits; written, and checked afterwards.

    submission = open_submission("kitti2015", "data/kitti2015")
    for entry in submission.entries:
        submission.write("results", entry, model(*entry.pair.pictures()))
    report = submission.check("results")

KITTI: the development kits' readme.txt and io_flow.h (values beyond the format are clipped, pixels without flow are
filled in by the server). Spring: the site's FAQ, and its tools, which read flow of the pictures' size, although the
training truth is twice as fine, and store float16. MPI-Sintel: its bundler takes a folder for each pass.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.atomic import atomic_write
from flownet2.datasets import Pair, open_dataset
from flownet2.errors import FlowFileError, FlowNet2Error, InputError, UnavailableError
from flownet2.io import read_flow, write_flow
from flownet2.io.arrays import check_flow
from flownet2.io.containers import PNG_SIGNATURE
from flownet2.io.folders import natural_key
from flownet2.types import Array, FloatArray, PathLike

# A zip file has no dates before this; one date for all files makes equal files equal archives.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX_MODE = 0o644 << 16


class Benchmark(NamedTuple):
    """What a server takes."""

    title: str
    parts: tuple[tuple[str, str], ...]
    """Folder in the submission and name of the data set whose test split it holds."""
    suffix: str
    pairs: int
    """Of the published test split, in all parts."""
    range_px: tuple[float, float]
    """The least and the largest value of u and v that the format holds."""
    clips: bool = False
    """Whether what is beyond the range is clipped, as KITTI's own writer does; else it is an error."""
    zips: bool = False
    """Whether the server takes a zip file of the folder."""


_KITTI_PX = (-512.0, (2**16 - 1 - 2**15) / 64)
# A .flo file holds no flow where a value is above 1e9; Spring's tool converts to float16.
_FLO_PX, _FLOAT16_PX = (-1e9, 1e9), (-65504.0, 65504.0)

BENCHMARKS = {
    "sintel": Benchmark("MPI-Sintel", (("clean", "sintel-clean"), ("final", "sintel-final")), ".flo", 1104, _FLO_PX),
    "kitti2012": Benchmark("KITTI 2012", (("", "kitti2012"),), ".png", 195, _KITTI_PX, clips=True, zips=True),
    "kitti2015": Benchmark("KITTI 2015", (("flow", "kitti2015"),), ".png", 200, _KITTI_PX, clips=True, zips=True),
    "spring": Benchmark("Spring", (("", "spring"),), ".flo5", 3960, _FLOAT16_PX),
}
"""The benchmarks by the name that `open_submission` and `flownet2 submit` take."""


class Entry(NamedTuple):
    """One file of a submission."""

    path: str
    """In the submission's folder, with slashes."""
    pair: Pair
    """The pictures that its flow leads between."""


@dataclass(frozen=True)
class Report:
    """What a check has found."""

    faults: tuple[str, ...]
    """A line each; none if the server can take the folder."""
    files: int
    """Of the submission that are there."""
    pixels: int
    """Of the files that could be read."""
    at_limit: int
    """Pixels with a value at the end of the format's range: they were clipped, or are there by chance."""


@dataclass(frozen=True)
class Submission:
    """The files that a benchmark's server wants for a data set's test split."""

    name: str
    root: Path
    entries: tuple[Entry, ...]

    @property
    def benchmark(self) -> Benchmark:
        """What its server takes."""
        return BENCHMARKS[self.name]

    def missing(self, folder: PathLike) -> list[Entry]:
        """The entries whose files are not in `folder` yet."""
        return [entry for entry in self.entries if not Path(folder, entry.path).is_file()]

    def strangers(self, folder: PathLike) -> list[Path]:
        """Files in `folder` that are no part of the submission, hidden ones apart."""
        wanted = {Path(folder, entry.path) for entry in self.entries}
        found = (path for path in _files(Path(folder)) if path not in wanted)
        return sorted(found, key=lambda path: natural_key(str(path)))

    def write(self, folder: PathLike, entry: Entry, flow: ArrayLike) -> Path:
        """Write the file of an entry, whole or not at all; its folder must be there.

        KITTI's values beyond -512 to 511.98 px are clipped, as by the development kit.

        Raises:
            InputError: another shape or dtype.
            FlowFileError: flow that is not finite, or beyond what the format holds.
            UnavailableError: the format needs a package that is not installed.
            OSError: the file cannot be written.
        """
        path = Path(folder, entry.path)
        array = check_flow(flow)
        low, high = self.benchmark.range_px
        if self.benchmark.clips and np.isfinite(array).all():
            array = array.clip(low, high)
        outside = np.count_nonzero(~_inside(array, low, high))
        if outside:
            raise FlowFileError(
                f"{path}: flow of {entry.pair.name} is not finite, or beyond {low:g} to {high:g} px, "
                f"at {outside} of {array.shape[0] * array.shape[1]} pixels; not written"
            )
        write_flow(path, array)
        return path

    def check(self, folder: PathLike, tell: Callable[[], object] = lambda: None) -> Report:
        """Whether `folder` is what the server takes: every file and no other, formats, sizes, finite values, ranges.

        Args:
            folder: of the submission.
            tell: called after each file.

        Raises:
            UnavailableError: the format needs a package that is not installed.
        """
        faults = list(self._split_faults())
        faults += [f"{path}: no part of the submission; move it away" for path in self.strangers(folder)]
        files = pixels = at_limit = 0
        for entry in self.entries:
            path = Path(folder, entry.path)
            if not path.is_file():
                faults.append(f"{path}: missing")
            else:
                files += 1
                try:
                    flow = self._checked(path, entry)
                except UnavailableError:
                    raise
                except (FlowNet2Error, OSError) as error:
                    faults.append(_fault(path, error))
                else:
                    pixels += flow.shape[0] * flow.shape[1]
                    at_limit += np.count_nonzero(np.isin(flow, self.benchmark.range_px).any(axis=-1))
            tell()
        return Report(tuple(faults), files, pixels, int(at_limit))

    def _split_faults(self) -> Iterator[str]:
        if len(self.entries) != self.benchmark.pairs:
            yield (
                f"{self.root}: {len(self.entries)} pairs are there, the test split of {self.benchmark.title} "
                f"has {self.benchmark.pairs}; the server takes all of them only, unpack the data set again"
            )

    def _checked(self, path: Path, entry: Entry) -> FloatArray:
        """The flow of a file.

        Raises:
            FlowFileError: it is not what the server takes.
            OSError: it or the picture cannot be read.
        """
        flow, valid = read_flow(path)
        width, height = _png_size(entry.pair.image1)
        if flow.shape[:2] != (height, width):
            raise FlowFileError(
                f"{path}: {flow.shape[1]}x{flow.shape[0]} pixels, the picture {entry.pair.image1} has {width}x{height}"
            )
        without = np.count_nonzero(~valid)
        if without:
            raise FlowFileError(f"{path}: no flow at {without} of {valid.size} pixels; every pixel counts")
        low, high = self.benchmark.range_px
        outside = np.count_nonzero(~_inside(flow, low, high))
        if outside:
            raise FlowFileError(f"{path}: beyond {low:g} to {high:g} px at {outside} of {valid.size} pixels")
        return flow

    def pack(self, folder: PathLike, archive: PathLike) -> None:
        """Write the zip file of the submission: its entries and nothing else; equal files make equal archives.

        Raises:
            InputError: this server takes no zip file.
            OSError: a file is missing or cannot be read, or the archive cannot be written.
        """
        if not self.benchmark.zips:
            raise InputError(f"{self.benchmark.title} takes no zip file of the folder")
        # PNG is compressed already.
        with atomic_write(archive) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
            for entry in self.entries:
                info = zipfile.ZipInfo(entry.path, _ZIP_DATE)
                info.external_attr = _UNIX_MODE
                info.create_system = 3
                packed.writestr(info, Path(folder, entry.path).read_bytes())


def open_submission(name: str, root: PathLike) -> Submission:
    """Index the test split of a data set; no picture is opened.

    Args:
        name: one of `BENCHMARKS`.
        root: the folder of the data set.

    Raises:
        InputError: an unknown name.
        DatasetError: the test split is not there as it is published.
        OSError: a folder cannot be listed.
    """
    if name not in BENCHMARKS:
        raise InputError(f"unknown benchmark {name!r}; known are {', '.join(BENCHMARKS)}")
    benchmark = BENCHMARKS[name]
    entries = [
        Entry("/".join(filter(None, (part, pair.name + benchmark.suffix))), pair)
        for part, dataset in benchmark.parts
        for pair in open_dataset(dataset, root, split="test").pairs
    ]
    return Submission(name, Path(root), tuple(entries))


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _inside(flow: Array, low: float, high: float) -> NDArray[np.bool_]:
    """bool (H, W); False where a value is not finite."""
    inside: NDArray[np.bool_] = (flow >= low) & (flow <= high)
    return inside[..., 0] & inside[..., 1]


def _png_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, of which no more is read."""
    with path.open("rb") as file:
        head = file.read(24)
    if not head.startswith(PNG_SIGNATURE) or len(head) < 24:
        raise FlowFileError(f"{path}: not a PNG file: it begins with {head[:8]!r}")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _fault(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or path}: {error.strerror or error}"
    return str(error)
