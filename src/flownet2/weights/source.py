# SPDX-License-Identifier: Apache-2.0
"""Opens a weights file once, and reads it, whole or in parts, into memory of its own.

Only regular files are read, with sizes taken from the open handle; the bytes are read rather than mapped, so
that a file that is cut meanwhile is an error and not a signal.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

import numpy as np
import numpy.typing as npt

from flownet2.buffers import new_array
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
    """An open regular file; any number of threads and forked processes may read it. Closed with its last user."""

    def __init__(self, path: PathLike) -> None:
        """Open the file.

        Raises:
            OSError: it is missing or cannot be opened.
            Malformed: it is not a regular file, or larger than ``MAX_FILE``.
        """
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            self.size = _checked_size(status)
            self._file = FileIO(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
        self._modified = status.st_mtime_ns
        self._lock = threading.Lock()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):  # not where opening failed
            self.close()

    def close(self) -> None:
        """Close the file; it cannot be read any more."""
        self._file.close()

    def peek(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset``."""
        content = bytearray(max(min(count, self.size - offset), 0))
        return bytes(content[: self._fill(offset, memoryview(content))])

    def read(self) -> npt.NDArray[np.uint8]:
        """Return all bytes in new memory.

        Raises:
            Malformed: the file changed since it was opened.
        """
        return self.read_at(0, self.size)

    def read_at(self, offset: int, count: int) -> npt.NDArray[np.uint8]:
        """Return ``count`` bytes from ``offset`` in new memory.

        Raises:
            Malformed: the file changed since it was opened.
        """
        buffer = new_array((count,), np.uint8)
        done = self._fill(offset, buffer.data)
        status = os.fstat(self._file.fileno())
        if done < count or (status.st_size, status.st_mtime_ns) != (self.size, self._modified):
            raise Malformed(
                f"the file changed while it was read ({self.size} bytes at first, now {status.st_size})",
                remedy="wait until it is written, then try again",
            )
        return buffer

    def _fill(self, offset: int, target: memoryview) -> int:
        """Read into the target until it is full or the file ends; return the number of bytes."""
        done = 0
        while done < len(target):
            count = self._read_once(offset + done, target[done:])
            if not count:
                break
            done += count
        return done

    def _read_once(self, offset: int, target: memoryview) -> int:
        if hasattr(os, "preadv"):  # leaves the position alone, which a forked process shares
            return os.preadv(self._file.fileno(), [target], offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(target) or 0
