# SPDX-License-Identifier: Apache-2.0
"""`flownet2 submit`: the files that a benchmark's server takes, written and checked."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from flownet2 import FlowEstimator
from flownet2.cli import _options
from flownet2.cli._files import check_outputs, prepare_folders
from flownet2.cli._terminal import Tally, UsageError, is_failure, progress, say, say_error
from flownet2.preprocess import SIZE_RULES
from flownet2.submission import BENCHMARKS, Entry, Report, Submission, open_submission

HELP = "files for the server of a benchmark"
DESCRIPTION = """\
Computes flow for the test split of MPI-Sintel (both passes), KITTI 2012, KITTI
2015 or Spring (both cameras, both directions), and writes the files that the
benchmark's server takes, or the tool which packs them for it. Then it checks
them: each is there and no other, its format, size and values; and says what
to do next.

Files that are there already are kept, so a run that was interrupted goes on
where it stopped. Nothing is ever deleted: a folder that holds other files is
refused. Hidden files are left alone. The 3960 files of Spring take 56 GB."""
EXAMPLES = """\
examples:
  flownet2 submit kitti2015 data/kitti2015 -o results/ --zip
  flownet2 submit sintel data/Sintel -o results/ --model flownet2.safetensors
  flownet2 submit spring data/spring -o results/ --device cuda
  flownet2 submit spring data/spring -o results/ --check-only

exit code: 0 the server can take it, 1 something failed or a fault was found,
2 wrong usage, 130 interrupted (what was finished is kept)."""

COMMAND = "submit"
_SHOWN = 20
_STRANGERS_SHOWN = 4
# Centre crops have another size than the pictures, which no server takes.
_SIZE_RULES = tuple(rule for rule in SIZE_RULES if rule != "crop")

_SINTEL_SITE = "http://sintel.is.tue.mpg.de"
_SPRING_SITE = "https://spring-benchmark.org"
_KITTI_SITES = {
    "kitti2012": "http://www.cvlibs.net/datasets/kitti/eval_stereo_flow.php?benchmark=flow",
    "kitti2015": "http://www.cvlibs.net/datasets/kitti/eval_scene_flow.php?benchmark=flow",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("benchmark", choices=tuple(BENCHMARKS), metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument("root", metavar="ROOT", help="folder of the data set, with its test split")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="folder of the submission")
    parser.add_argument("--check-only", action="store_true", help="check what is there, compute nothing")
    parser.add_argument("--overwrite", action="store_true", help="compute what is there already")
    parser.add_argument(
        "--zip",
        nargs="?",
        const=True,
        metavar="FILE",
        help="KITTI: pack what was found to be right (default: DIR.zip, beside the folder)",
    )
    parser.add_argument(
        "--size-rule",
        choices=_SIZE_RULES,
        default=_SIZE_RULES[0],
        help="for sizes the network does not take: resize as mmflow, or pad at the border (default: %(default)s)",
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show progress bars (default: on a terminal)",
    )
    _options.add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Computes, checks and tells the next step; the exit code tells whether the server can take it."""
    folder = Path(args.output)
    archive = _archive(args, folder)
    submission = open_submission(args.benchmark, args.root)
    if args.check_only:
        if not folder.is_dir():
            raise UsageError(COMMAND, f"-o {folder}: there is no such folder to check")
    else:
        _check_folder(submission, folder)
        code = _compute(submission, folder, args)
        if code:
            return code
    report = _checked(submission, folder, args.progress)
    if report.faults:
        return _tell_faults(report)
    if archive is not None:
        submission.pack(folder, archive)
        say(f"{archive}: {len(submission.entries)} files, {archive.stat().st_size} bytes")
    for line in next_steps(submission, folder, archive):
        say(line)
    return 0


def _archive(args: argparse.Namespace, folder: Path) -> Path | None:
    if args.zip is None:
        return None
    if not BENCHMARKS[args.benchmark].zips:
        raise UsageError(
            COMMAND, f"--zip is for KITTI; files of {args.benchmark} are packed by the benchmark's own tool"
        )
    full = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would leave the user's own path
    # `.` and `..` have no name of their own.
    beside = (folder if folder.name == full.name else full).with_name(f"{full.name}.zip")
    path = beside if args.zip is True else Path(args.zip)
    if path.is_dir() or full == path.absolute() or full in path.absolute().parents:
        raise UsageError(COMMAND, f"--zip {path}: a file outside of {folder} is expected")
    return path


def _check_folder(submission: Submission, folder: Path) -> None:
    """Refuses a folder that is none, that holds other things, or that holds the data set."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(COMMAND, f"-o {folder} is a file; a folder is expected")
    strangers = submission.strangers(folder)
    if strangers:
        shown = ", ".join(map(str, strangers[:_STRANGERS_SHOWN]))
        more = ", ..." if len(strangers) > _STRANGERS_SHOWN else ""
        raise UsageError(
            COMMAND,
            f"-o {folder} holds {len(strangers)} files that are no part of the submission: {shown}{more}; "
            "move them away or choose another folder",
        )
    outputs = ((folder / entry.path, entry.pair.name) for entry in submission.entries)
    inputs = (path for entry in submission.entries for path in (entry.pair.image1, entry.pair.image2))
    check_outputs(COMMAND, outputs, inputs)


def _compute(submission: Submission, folder: Path, args: argparse.Namespace) -> int:
    pending = list(submission.entries) if args.overwrite else submission.missing(folder)
    tally = Tally(skipped=len(submission.entries) - len(pending))
    if pending:
        prepare_folders(folder / entry.path for entry in pending)
        model = _options.open_estimator(args)
        try:
            with progress(len(pending), " pair", args.progress) as bar:
                for entry in pending:
                    _do(submission, folder, entry, model, args, tally)
                    bar.update()
        except KeyboardInterrupt:
            return tally.interrupted(len(pending))
    say(tally.summary())
    return tally.close()


def _do(
    submission: Submission, folder: Path, entry: Entry, model: FlowEstimator, args: argparse.Namespace, tally: Tally
) -> None:
    try:
        submission.write(folder, entry, model(*entry.pair.pictures(), size_rule=args.size_rule))
    except Exception as error:
        if not is_failure(error):
            raise
        tally.fail(entry.path, error)
    else:
        tally.done += 1


def _checked(submission: Submission, folder: Path, bar_wanted: bool | None) -> Report:
    with progress(len(submission.entries), " file checked", bar_wanted) as bar:
        report = submission.check(folder, bar.update)
    count = len(report.faults)
    found = f"{count} {'fault' if count == 1 else 'faults'}" if count else "as the server wants them"
    say(f"checked {report.files} of {len(submission.entries)} files: {found}")
    if submission.benchmark.clips and report.at_limit:
        low, high = submission.benchmark.range_px
        say(
            f"{report.at_limit} of {report.pixels} pixels lie at the end of KITTI's range, {low:g} to {high:.2f} px: "
            "flow beyond it was clipped"
        )
    return report


def _tell_faults(report: Report) -> int:
    for fault in report.faults[:_SHOWN]:
        say_error(fault)
    if len(report.faults) > _SHOWN:
        say_error(f"and {len(report.faults) - _SHOWN} more")
    return 1


def next_steps(submission: Submission, folder: Path, archive: Path | None) -> Sequence[str]:
    """What is left to the user, a line each."""
    place = str(folder)
    if submission.name == "sintel":
        bundler = submission.root / "bundler" / "linux-x64" / "bundler"
        return [
            "next: pack both passes with the bundler of the data set (on macOS bundler/osx/bundler, on",
            "Windows bundler/win/bundler.exe):",
            f"  {_command(bundler, folder / 'clean', folder / 'final', 'sintel.lzma')}",
            f"and upload sintel.lzma at {_SINTEL_SITE}, after logging in.",
        ]
    if submission.name == "spring":
        return [
            f"next: fetch flow_subsampling, to which {_SPRING_SITE}/faq has the link, and run",
            f"  {_command('./flow_subsampling', place)}",
            "It writes flow_submission.hdf5 into the current folder; upload that file, for optical flow,",
            f"at {_SPRING_SITE}/submit, after logging in.",
        ]
    if archive is None:
        again = _command("flownet2", "submit", submission.name, submission.root, "-o", place, "--check-only", "--zip")
        return [
            "next: make the zip file",
            f"  {again}",
            "and upload it, after logging in, at",
            f"  {_KITTI_SITES[submission.name]}",
        ]
    return [f"next: upload {archive}, after logging in, at", f"  {_KITTI_SITES[submission.name]}"]


def _command(*words: object) -> str:
    return shlex.join(map(str, words))
