# SPDX-License-Identifier: Apache-2.0
"""Opens a weights file once, and reads it whole into memory of its own.

Only regular files are read, with sizes taken from the open handle; the bytes are read rather than mapped, so
that a file that is cut meanwhile is an error and not a signal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

import numpy as np
import numpy.typing as npt

from flownet2.errors import CheckpointError
from flownet2.types import PathLike
from flownet2.weights.cursor import Malformed

MAX_FILE = 8 << 30

# A FIFO must not be waited for, and a terminal not taken over.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def shown_name(path: PathLike) -> str:
    """Return the path for an error message, with characters that would break a line or a terminal escaped."""
    text = os.fsdecode(path)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Turn what parsers raise into :class:`CheckpointError` with the file's name in its text."""
    try:
        yield
    except Malformed as fault:
        raise CheckpointError(fault.describe(name)) from None
    except MemoryError:
        raise CheckpointError(f"{name}: not enough memory to read it; close other programs") from None


def _checked_size(status: os.stat_result) -> int:
    remedy = "give the path of a weights file"
    if not stat.S_ISREG(status.st_mode):
        what = next((text for test, text in _KINDS if test(status.st_mode)), "something else")
        raise Malformed(f"it is {what}, not a file", remedy=remedy)
    if status.st_size > MAX_FILE:
        raise Malformed(f"it has {status.st_size} bytes, more than {MAX_FILE}", remedy=remedy)
    return status.st_size


class Source:
    """An open regular file."""

    def __init__(self, path: PathLike) -> None:
        """Open the file.

        Raises:
            OSError: it is missing or cannot be opened.
            Malformed: it is not a regular file, or larger than ``MAX_FILE``.
        """
        descriptor = os.open(path, _FLAGS)
        try:
            self.size = _checked_size(os.fstat(descriptor))
            self._file = FileIO(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *args: object) -> None:
        self._file.close()

    def peek(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset``."""
        self._file.seek(offset)
        return self._file.read(count) or b""

    def read(self) -> npt.NDArray[np.uint8]:
        """Return all bytes in new memory.

        Raises:
            Malformed: the file grew or shrank since it was opened.
        """
        buffer = np.empty(self.size, np.uint8)
        content = buffer.data
        self._file.seek(0)
        done = 0
        while done < self.size:
            count = self._file.readinto(content[done:])
            if not count:
                break
            done += count
        if done < self.size or self._file.read(1):
            raise Malformed(
                f"the file changed while it was read ({self.size} bytes at first)",
                remedy="wait until it is written, then try again",
            )
        return buffer
