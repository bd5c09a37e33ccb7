# SPDX-License-Identifier: Apache-2.0
"""`flownet2 infer`: flow of one pair of pictures or of many."""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from flownet2 import FlowEstimator
from flownet2.cli import _options
from flownet2.cli._files import check_outputs, prepare_folders
from flownet2.cli._jobs import Job, Output, make_jobs
from flownet2.cli._pairs import find_pairs
from flownet2.cli._terminal import Tally, is_failure, progress, say
from flownet2.errors import ImageError
from flownet2.io import FLOW_SUFFIXES, read_image, write_flow, write_image
from flownet2.preprocess import SIZE_RULES
from flownet2.types import Array, FloatArray
from flownet2.viz import flow_to_color

HELP = "flow of a pair of pictures, or of many"
DESCRIPTION = """\
Computes optical flow from the first picture to the second: for two files, for
the frames of a folder (each with the next, in natural order: 2 before 10), for
two folders (files of one name), or for the pairs of a list.

Files that are there already are not computed again, so a run that was
interrupted goes on where it stopped; --overwrite starts anew."""
EXAMPLES = """\
examples:
  flownet2 infer a.png b.png -o flow.flo
  flownet2 infer a.png b.png -o flow.flo --viz flow.png --backward
  flownet2 infer a.png b.png --viz flow.png --max-flow 20
  flownet2 infer frames/ -o flow/                     N frames, N - 1 files
  flownet2 infer left/ right/ -o flow/ --format png   KITTI's 16-bit PNG
  flownet2 infer --list pairs.txt -o flow/ --viz colours/

a list has a line `img1 img2 [out]` for every pair; paths are relative to the
current folder, `out` to that of -o; # begins a comment.

exit code: 0 all done, 1 some failed (the others are written), 2 wrong usage,
130 interrupted (what was finished is kept)."""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("inputs", nargs="*", metavar="PICTURE", help="two or more files, a folder or two folders")
    parser.add_argument("-o", "--output", metavar="PATH", help="flow file, its suffix the format; or a folder")
    parser.add_argument("--list", metavar="FILE", help="text file with a pair a line, instead of pictures")
    parser.add_argument(
        "--viz",
        nargs="?",
        const=True,
        metavar="PATH",
        help="write a colour picture too: this file, or into this folder (default: beside the flow)",
    )
    parser.add_argument(
        "--format", choices=[suffix[1:] for suffix in FLOW_SUFFIXES], help="of files in a folder (default: flo)"
    )
    parser.add_argument("--backward", action="store_true", help="write the flow back as well: NAME_backward")
    parser.add_argument("--overwrite", action="store_true", help="compute what is there already")
    parser.add_argument(
        "--size-rule",
        choices=SIZE_RULES,
        help="for sizes the network does not take: resize as mmflow, pad at the border, or crop to the centre "
        "as NVIDIA, the flow having the cropped size (default: the model's own, which flownet2 info tells)",
    )
    parser.add_argument(
        "--max-flow",
        type=_options.positive,
        metavar="PX",
        help="speed that the picture shows in full colour (default: each frame's fastest)",
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a progress bar (default: for several pairs on a terminal)",
    )
    _options.add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Computes; the exit code tells whether all went well."""
    jobs = make_jobs(find_pairs(args.inputs, args.list), args)
    _check(jobs)
    pending = jobs if args.overwrite else [job for job in jobs if job.missing()]
    tally = Tally(skipped=len(jobs) - len(pending))
    if pending:
        prepare_folders(output.path for job in pending for output in _wanted(job, args.overwrite))
        work = _Work(_options.open_estimator(args), args)
        try:
            _run_all(pending, work, tally, args.progress)
        except KeyboardInterrupt:
            return tally.interrupted(len(pending))
    if len(jobs) > 1 or tally.skipped:
        say(tally.summary())
    return tally.close()


def _check(jobs: Sequence[Job]) -> None:
    outputs = ((output.path, str(job.pair)) for job in jobs for output in job.outputs)
    check_outputs("infer", outputs, (path for job in jobs for path in (job.pair.first, job.pair.second)))


def _wanted(job: Job, overwrite: bool) -> tuple[Output, ...]:
    return job.outputs if overwrite else job.missing()


def _run_all(jobs: Sequence[Job], work: _Work, tally: Tally, bar_wanted: bool | None) -> None:
    with progress(len(jobs), " pair", bar_wanted) as bar:
        for job in jobs:
            start = time.perf_counter()
            try:
                written = work.do(job)
            except Exception as error:
                if not is_failure(error):
                    raise
                tally.fail(str(job.pair), error)
            else:
                tally.done += 1
                if len(jobs) == 1:
                    say(f"{', '.join(map(str, written))} ({time.perf_counter() - start:.2f} s)")
            bar.update()


class _Work:
    """A network at work on one pair after another."""

    def __init__(self, model: FlowEstimator, args: argparse.Namespace) -> None:
        self._model = model
        self._args = args
        # Frames of a sequence are the second of one pair and the first of the next.
        self._read: Callable[[Path], Array] = functools.lru_cache(maxsize=2)(read_image)

    def do(self, job: Job) -> list[Path]:
        """Writes the files of a job; returns their paths."""
        wanted = _wanted(job, self._args.overwrite)
        pictures = self._read(job.pair.first), self._read(job.pair.second)
        _check_pictures(*pictures)
        for way in (False, True):
            outputs = [output for output in wanted if output.backward is way]
            if outputs:
                one, two = pictures[::-1] if way else pictures
                flow = self._model(one, two, size_rule=self._args.size_rule)
                for output in outputs:
                    self._write(output, flow)
        return [output.path for output in wanted]

    def _write(self, output: Output, flow: FloatArray) -> None:
        if output.picture:
            write_image(output.path, flow_to_color(flow, self._args.max_flow))
        else:
            write_flow(output.path, flow)


def _check_pictures(one: Array, two: Array) -> None:
    for what, first, second in (
        ("size", "{}x{}".format(*one.shape[1::-1]), "{}x{}".format(*two.shape[1::-1])),
        ("depth", str(one.dtype), str(two.dtype)),
    ):
        if first != second:
            raise ImageError(
                f"the pictures differ in {what}, {first} and {second}; resize, crop or convert one of them"
            )
