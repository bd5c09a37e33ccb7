# SPDX-License-Identifier: Apache-2.0
"""What the commands say, and how: lines, tables, errors, progress bars, the tally of a batch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from flownet2.errors import FlowNet2Error, UnavailableError

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells report it."""

FAILURES = (OSError, MemoryError)
"""What may go wrong beside FlowNet2Error without being a bug."""


class UsageError(Exception):
    """The command line asks for something contradictory; exit code 2."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(message)
        self.command = command


class Progress(Protocol):
    """What a loop tells of itself."""

    def update(self) -> object:
        """One more is finished."""
        ...

    def set_postfix_str(self, text: str, refresh: bool = True) -> object:
        """A few words behind the bar."""
        ...


class _NoProgress:
    def update(self) -> None:
        """Nobody watches."""

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Nobody reads."""


@dataclass
class Tally:
    """How a batch went."""

    done: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, name: str, error: BaseException) -> None:
        """Notes one that failed, and why."""
        self.failures.append(f"{name}: {describe(error)}")

    def __str__(self) -> str:
        """The summary's line."""
        return f"{self.done} done, {self.skipped} skipped, {len(self.failures)} failed"

    def summary(self) -> str:
        """The line, and how to compute again what was skipped."""
        return f"{self} (there already; --overwrite computes again)" if self.skipped else str(self)

    def interrupted(self, pending: int) -> int:
        """Names what failed and says, after Ctrl-C, how many of `pending` are not finished; returns the exit code."""
        unfinished = pending - self.done - len(self.failures)
        self.close()
        say_error(f"interrupted: {self}, {unfinished} not finished; the same command goes on from here")
        return INTERRUPTED

    def close(self) -> int:
        """Names what failed; returns the exit code."""
        for line in self.failures:
            say_error(line)
        return 1 if self.failures else 0


def describe(error: BaseException) -> str:
    """An error as a user reads it: the file first, no errno."""
    if isinstance(error, OSError) and error.strerror:
        named = error.filename2 or error.filename
        return f"{named}: {error.strerror}" if named is not None else error.strerror
    if isinstance(error, MemoryError):
        return "not enough memory: use smaller pictures or a smaller network, or close other programs"
    return str(error) or type(error).__name__


def say_error(message: str) -> None:
    """An error on stderr."""
    if sys.stderr is None:
        return
    print(f"flownet2: error: {_tame(message)}", file=sys.stderr)


def _tame(text: str) -> str:
    """Control characters, of file names or of facts in a file, are shown, not obeyed."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def say(text: str = "") -> None:
    """A line on stdout; file names that its encoding lacks are escaped."""
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    print(_tame(text).encode(encoding, "backslashreplace").decode(encoding))


def say_table(rows: Iterable[tuple[str, object]], indent: str = "") -> None:
    """Names and values in two columns; a value of several lines keeps to its column."""
    kept = [(name, str(value)) for name, value in rows]
    width = max((len(name) for name, _ in kept), default=0)
    for name, value in kept:
        for index, line in enumerate(value.splitlines() or [""]):
            say(f"{indent}{name if index == 0 else '':<{width}}  {line}".rstrip())


def aligned(rows: Sequence[Sequence[str]], sides: str) -> Iterator[str]:
    """Lines of a table, the first row its titles; sides: of each column "<", from the left, or ">"."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        words = [f"{word:{side}{width}}" for word, side, width in zip(row, sides, widths, strict=True)]
        yield "  ".join(words).rstrip()


@contextmanager
def progress(
    total: int, unit: str, wanted: bool | None, *, title: str | None = None, done: int = 0
) -> Iterator[Progress]:
    """A progress bar on stderr.

    Args:
        total: steps.
        unit: what a step finishes.
        wanted: None for a bar only where a person watches and it is worth it.
        title: in front of it.
        done: steps that were finished before; they do not count for the rate.

    Raises:
        UnavailableError: a bar is wanted, and tqdm is not installed.
    """
    watched = sys.stderr is not None and sys.stderr.isatty()
    if not (watched and total > 1 if wanted is None else wanted):
        yield _NoProgress()
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        if wanted:
            raise UnavailableError(f'A progress bar needs tqdm: pip install "flownet2[cli]" ({error})') from error
        yield _NoProgress()
        return
    with tqdm(total=total, unit=unit, file=sys.stderr, dynamic_ncols=True, desc=title, initial=done) as bar:
        yield bar


def is_failure(error: BaseException) -> bool:
    """Whether a batch goes on after this error."""
    return isinstance(error, (FlowNet2Error, *FAILURES)) and not isinstance(error, UnavailableError)
