# SPDX-License-Identifier: Apache-2.0
"""`flownet2 check`: prints what flownet2.check finds."""

from __future__ import annotations

import argparse
import dataclasses
import json

from flownet2.check import FileReport, Report, SelfTest, check, check_file
from flownet2.cli._terminal import describe, is_failure, say, say_table

HELP = "what this installation can do, and whether it computes rightly"
DESCRIPTION = """\
Without files: versions, build, CPU, executors, optional packages, and a
self-test (about two seconds). Send its output with a bug report.
With files: what each seems to be, and whether it can be read."""
EXAMPLES = """\
examples:
  flownet2 check
  flownet2 check --json > check.json
  flownet2 check checkpoint.pth flow.flo frame.png

exit code: 0 all well, 1 the self-test failed or a file cannot be read"""

_VERDICTS = {True: "ok", False: "FAILED", None: "not run"}


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="flow files, pictures, models, checkpoints")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Prints; 1 if the self-test failed, or a file cannot be read."""
    if args.files:
        return _files(args.files, args.json)
    report = check()
    if args.json:
        say(json.dumps({**dataclasses.asdict(report), "passed": report.passed}, indent=2))
    else:
        _print(report)
    return 0 if report.passed else 1


def _files(paths: list[str], as_json: bool) -> int:
    reports = {path: _file(path) for path in paths}
    if as_json:
        say(json.dumps({path: dataclasses.asdict(report) for path, report in reports.items()}, indent=2))
    else:
        for path, report in reports.items():
            verdict = report.detail if report.readable else f"cannot be read as a {report.kind}: {report.detail}"
            say(f"{path}: {verdict}")
    return 0 if all(report.readable for report in reports.values()) else 1


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
            ("devices", ", ".join(report.devices)),
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
