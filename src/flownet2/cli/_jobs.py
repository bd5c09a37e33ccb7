# SPDX-License-Identifier: Apache-2.0
"""What `flownet2 infer` has to write for each pair."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flownet2.cli._files import names_folder
from flownet2.cli._pairs import COMMAND, Pair
from flownet2.cli._terminal import UsageError
from flownet2.io import FLOW_SUFFIXES
from flownet2.io.folders import WRITTEN_PICTURE_SUFFIXES

BACKWARD = "_backward"
VIZ_SUFFIX = ".png"


@dataclass(frozen=True)
class Output:
    """A file to write: a flow or the picture of one, forward or backward."""

    path: Path
    backward: bool
    picture: bool


@dataclass(frozen=True)
class Job:
    """A pair and its files."""

    pair: Pair
    outputs: tuple[Output, ...]

    def missing(self) -> tuple[Output, ...]:
        """The files that are not there yet; those there are whole, as every file is written at once."""
        return tuple(output for output in self.outputs if not output.path.is_file())


def make_jobs(pairs: Sequence[Pair], args: argparse.Namespace) -> list[Job]:
    """The files of every pair, by the options -o, --viz, --format and --backward.

    Raises:
        UsageError: the options contradict each other or the pairs.
    """
    several = args.list is not None or len(args.inputs) != 2 or Path(args.inputs[0]).is_dir()
    jobs = []
    for pair in pairs:
        flow = _flow_path(pair, args, several)
        viz = _viz_path(pair, flow, args, several)
        if flow is None and viz is None:
            raise UsageError(COMMAND, f"{pair}: nothing to write; give -o for the flow, or --viz for a picture")
        jobs.append(Job(pair, _outputs(flow, viz, args.backward)))
    return jobs


def _flow_path(pair: Pair, args: argparse.Namespace, several: bool) -> Path | None:
    """As the list says, or named after the first picture, or as -o says."""
    suffix = "." + (args.format or "flo")
    folder = Path(args.output or "")
    if pair.output:
        path = folder / pair.output
        if not Path(pair.output).name:
            raise UsageError(COMMAND, f"{pair}: {pair.output!r} is no file name for its output")
        return path if path.suffix.lower() in FLOW_SUFFIXES else path.with_name(path.name + suffix)
    if args.output is None:
        return None
    looks_like_file = folder.suffix.lower() in FLOW_SUFFIXES
    if names_folder(args.output) or (several and not looks_like_file):
        return folder / (pair.first.stem + suffix)
    if several:
        raise UsageError(
            COMMAND, f"-o {folder} names a file, but several pairs need a folder; one that is new may end with /"
        )
    if not looks_like_file:
        known = ", ".join(FLOW_SUFFIXES)
        raise UsageError(COMMAND, f"-o {folder}: the suffix tells the format: {known}; a new folder ends with /")
    if args.format is not None and folder.suffix.lower() != suffix:
        raise UsageError(COMMAND, f"-o {folder} and --format {args.format} contradict each other")
    return folder


def _viz_path(pair: Pair, flow: Path | None, args: argparse.Namespace, several: bool) -> Path | None:
    if args.viz is None:
        return None
    if args.viz is True:
        if flow is None:
            raise UsageError(COMMAND, "--viz alone puts the picture beside the flow: give -o, or a path to --viz")
        return flow.with_suffix(VIZ_SUFFIX)
    path = Path(args.viz)
    in_folder = path / ((flow or pair.first).stem + VIZ_SUFFIX)
    if names_folder(args.viz):
        return in_folder
    looks_like_file = path.suffix.lower() in WRITTEN_PICTURE_SUFFIXES
    if several and looks_like_file:
        raise UsageError(COMMAND, f"--viz {path} names a file, but several pairs need a folder")
    if several:
        return in_folder
    if not looks_like_file:
        known = ", ".join(WRITTEN_PICTURE_SUFFIXES)
        raise UsageError(COMMAND, f"--viz {path}: the suffix tells the format: {known}; a new folder ends with /")
    return path


def _outputs(flow: Path | None, viz: Path | None, backward: bool) -> tuple[Output, ...]:
    outputs = []
    for way in (False, True) if backward else (False,):
        for path, picture in ((flow, False), (viz, True)):
            if path is not None:
                named = path.with_stem(path.stem + BACKWARD) if way else path
                outputs.append(Output(named, way, picture))
    return tuple(outputs)
