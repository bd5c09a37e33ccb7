# SPDX-License-Identifier: Apache-2.0
"""The command `flownet2`: one module per subcommand, each with `add` (its options) and `run` (an exit code).

Exit codes: 0 all well, 1 something failed, 2 the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import flownet2
from flownet2.cli import (
    bench,
    check,
    compare,
    convert,
    demo,
    download,
    eval,
    import_,
    infer,
    info,
    models,
    submit,
    viz,
)
from flownet2.cli._terminal import FAILURES, INTERRUPTED, UsageError, describe, say_error
from flownet2.errors import FlowNet2Error

__all__ = ["build_parser", "command_name", "main"]

COMMANDS = (infer, viz, eval, compare, submit, models, download, import_, convert, info, check, bench, demo)

FAILED = 1
WRONG_USAGE = 2

_EXAMPLES = """\
examples:
  flownet2 demo                                    see it work: writes demo/
  flownet2 infer a.png b.png -o flow.flo --viz     flow of one pair, and a picture of it
  flownet2 infer frames/ -o flow/                  flow between the frames of a video
  flownet2 eval sintel-clean data/Sintel           errors over a data set
  flownet2 models                                  published weights
  flownet2 download flownet2-things
  flownet2 infer a.png b.png -o flow.flo --model flownet2-things

`flownet2 COMMAND --help` tells more of each."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="flownet2",
        description="Optical flow by FlowNet 2.0, without PyTorch.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"flownet2 {flownet2.__version__}")
    parser.add_argument(
        "--cmake-dir",
        action="store_true",
        help="print the folder of flownet2-config.cmake, for C++ programs: cmake -Dflownet2_DIR=FOLDER",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        command = commands.add_parser(
            command_name(module),
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add(command)
        command.set_defaults(run=module.run)
    return parser


def command_name(module: ModuleType) -> str:
    """What people type; a name that Python keeps for itself has a `_` behind it as a module."""
    return module.__name__.rpartition(".")[2].rstrip("_")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; None for that of the process. Returns the exit code and never raises for a user's error."""
    try:
        code = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        say_error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return FAILED
    except UsageError as error:
        say_error(f"{error} (see flownet2 {error.command} --help)")
        return WRONG_USAGE
    except (FlowNet2Error, *FAILURES) as error:
        say_error(describe(error))
        return FAILED


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:  # --help, --version, or options that argparse has complained about
        return stop.code if isinstance(stop.code, int) else WRONG_USAGE
    if args.cmake_dir:
        print(flownet2.get_cmake_dir())
        return 0
    if not hasattr(args, "run"):
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    code: int = args.run(args)
    return code


def _drop_stdout() -> None:
    """The reader of a pipe has gone: let the interpreter's last flush go nowhere instead of raising."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
