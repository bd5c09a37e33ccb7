# SPDX-License-Identifier: Apache-2.0
"""`flownet2 check`: prints what flownet2.check finds."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from flownet2.atomic import atomic_write
from flownet2.check import FileReport, Report, SelfTest, check, check_file
from flownet2.cli import _options
from flownet2.cli._files import prepare_folders
from flownet2.cli._terminal import UsageError, describe, is_failure, say, say_table
from flownet2.cuda_check.report import PARTS
from flownet2.weights.source import shown_name

HELP = "what this installation can do, and whether it computes rightly"
DESCRIPTION = """\
Without files: versions, build, CPU, executors, optional packages, and a
self-test (about two seconds). Send its output with a bug report.
With files: what each seems to be, and whether it can be read. A model file that
flownet2 convert wrote carries the flow of a pair of made-up pictures: it is
computed again by every executor, instruction set and precision there is.
With --device cuda: a GPU: every operator and network beside the CPU, times,
memory, PyTorch and compute-sanitizer where they are installed. It takes some
minutes; --quick leaves out the largest network. Send us its file (-o)."""
EXAMPLES = """\
examples:
  flownet2 check
  flownet2 check --json > check.json
  flownet2 check checkpoint.pth flow.flo frame.png
  flownet2 check --device cuda -o report.json
  flownet2 check --device cuda:1 --quick --parts operators,networks

exit code: 0 all well, 1 something failed, a file cannot be read, or the GPU
cannot be used"""

_VERDICTS = {True: "ok", False: "FAILED", None: "not run"}


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="flow files, pictures, models, checkpoints")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("-o", "--output", metavar="FILE", help="also write the JSON to FILE")
    parser.add_argument(
        "--device", type=_options.device, default="cpu", metavar="NAME", help=f"{_options.DEVICE_NAMES} (default: cpu)"
    )
    gpu = parser.add_argument_group("with --device cuda")
    gpu.add_argument("--quick", action="store_true", help="without the largest network, fewer rounds")
    gpu.add_argument(
        "--parts", type=_parts, default=PARTS, metavar="LIST", help=f"some of {','.join(PARTS)} (default: all)"
    )
    gpu.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="show a progress bar (default: on a terminal)"
    )


def run(args: argparse.Namespace) -> int:
    """Prints; 1 if the self-test failed, a file cannot be read, or the GPU cannot be used."""
    if args.device != "cpu":
        return _gpu(args)
    if args.output is not None:
        prepare_folders([Path(args.output)])
    content, code = _files(args) if args.files else _installation(args)
    text = json.dumps(content, indent=2)
    if args.json:
        say(text)
    if args.output is not None:
        with atomic_write(args.output) as file:
            file.write(f"{text}\n".encode())
    return code


def _gpu(args: argparse.Namespace) -> int:
    if args.files:
        raise UsageError("check", "files are read without --device")
    # Imported here, as other commands need not wait for them.
    from flownet2.cli import _cuda_report
    from flownet2.cuda_check.run import settings_for
    from flownet2.executors.cuda import open_device

    index = _options.gpu_index(args.device)
    return _cuda_report.run(args, open_device(index), settings_for(index, quick=args.quick, parts=args.parts))


def _installation(args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    report = check()
    if not args.json:
        _print(report)
    return {**dataclasses.asdict(report), "passed": report.passed}, 0 if report.passed else 1


def _files(args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    reports = {path: _file(path) for path in args.files}
    if not args.json:
        for path, report in reports.items():
            verdict = report.detail if report.readable else f"cannot be read as a {report.kind}: {report.detail}"
            say(f"{shown_name(path)}: {verdict}")
            say_table(((_VERDICTS[test.passed], _test(test)) for test in report.tests), indent="  ")
    content = {path: dataclasses.asdict(report) for path, report in reports.items()}
    return content, 0 if all(report.passed for report in reports.values()) else 1


def _file(path: str) -> FileReport:
    try:
        return check_file(path)
    except Exception as error:
        if not is_failure(error):
            raise
        return FileReport("file", False, describe(error).removeprefix(f"{path}: "))


def _print(report: Report) -> None:
    build = report.build
    say_table(
        [
            ("flownet2", report.version),
            ("build", f"{build['compiler']}, {build['build_type']}{', assertions' * build['assertions']}"),
            ("ISA", f"{report.build['isa']} (of {', '.join(report.build['isas'])}; FLOWNET2_ISA forces one)"),
            ("kernels", ", ".join(report.kernels)),
            ("Python", report.versions["python"]),
            ("NumPy", report.versions["numpy"]),
            ("OpenCV", report.versions["opencv"] or 'missing: pip install "flownet2[cli]"'),
            ("system", report.machine["system"]),
            ("CPU", f"{report.machine['cpu']}, {report.machine['cpus']} CPUs usable"),
            ("threads", report.threads),
            ("executors", ", ".join(report.executors)),
            *report.devices.items(),
            ("precisions", ", ".join(report.precisions)),
        ]
    )
    say("\noptional packages")
    say_table(((extra, _extra(extra, missing)) for extra, missing in report.extras.items()), indent="  ")
    say("\nself-test")
    say_table(((_VERDICTS[test.passed], _test(test)) for test in report.tests), indent="  ")


def _extra(extra: str, missing: tuple[str, ...]) -> str:
    if not missing:
        return "installed"
    return f'{", ".join(missing)} missing: pip install "flownet2[{extra}]"'


def _test(test: SelfTest) -> str:
    return f"{test.name}\n{test.detail}"


def _parts(text: str) -> tuple[str, ...]:
    """ "operators,speed" -> its parts.

    Raises:
        argparse.ArgumentTypeError: it has others.
    """
    parts = tuple(text.split(","))
    if not set(parts) <= set(PARTS):
        raise argparse.ArgumentTypeError(f"must be some of {','.join(PARTS)}, got {text!r}")
    return parts
