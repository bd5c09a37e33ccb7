# SPDX-License-Identifier: Apache-2.0
"""What `models`, `download` and `import` share: options, the licence question, progress of a download."""

from __future__ import annotations

import argparse
import sys
import textwrap
from typing import Any

from flownet2 import zoo
from flownet2.cli._terminal import say
from flownet2.weights.model_file import DTYPES

_WIDTH = 88


class Console(zoo.Watcher):
    """Tells on the terminal; a bar only where a person watches and tqdm is installed."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._wanted = sys.stderr is not None and sys.stderr.isatty()

    def note(self, text: str) -> None:
        """A line on stdout."""
        say(text)

    def progress(self, done: int, total: int | None) -> None:
        """Moves the bar, which is made at the first call."""
        if self._bar is None and self._wanted:
            try:
                from tqdm import tqdm
            except ImportError:
                self._wanted = False
                return
            self._bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, file=sys.stderr, dynamic_ncols=True)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def finished(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is the same for a download and for a file fetched by hand."""
    stored = parser.add_mutually_exclusive_group()
    stored.add_argument("--dtype", choices=DTYPES, default="float32", help="of the stored weights (default: float32)")
    for dtype in ("float16", "bfloat16"):
        stored.add_argument(
            f"--{dtype}", dest="dtype", action="store_const", const=dtype, help=f"the same as --dtype {dtype}"
        )
    parser.add_argument(
        "--accept-license", action="store_true", help="agree to the terms of research-only weights without being asked"
    )


def agree(entry: zoo.Entry, without_asking: bool) -> None:
    """Shows terms that were not accepted before, and keeps the answer; what stays unaccepted is refused later.

    Where nobody can answer that refusal shows them.
    """
    asking = not without_asking and _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    if zoo.accepted(entry.license) or not zoo.supported(entry) or not (asking or without_asking):
        return
    terms = entry.license
    say("\n  ".join([f"{entry.name}: {terms.title}", *wrapped(terms.terms), terms.source]))
    if asking and input("Do you agree? Type yes: ").strip().lower() != "yes":
        return
    zoo.accept(entry.license)


def size(entry: zoo.Entry) -> str:
    """Of its model file in float32, which is known beforehand; "" where it is not."""
    count = zoo.parameter_count(entry)
    return f"{4 * count / 1e6:.0f} MB" if count else ""


def state(entry: zoo.Entry) -> str:
    """One word: what can be done with it."""
    if zoo.installed(entry):
        return "installed"
    return "available" if zoo.supported(entry) else "not read yet"


def wrapped(text: str) -> list[str]:
    """Lines of a paragraph; addresses and names stay whole."""
    return textwrap.wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False)


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()
