# SPDX-License-Identifier: Apache-2.0
"""A file that one process holds: the lock ends with the process, however it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl

    CAN_LOCK = True
except ImportError:  # Windows: an open file cannot be deleted there, and a second writer is the user's to avoid
    CAN_LOCK = False


def open_alone(path: Path, *, wait: bool = False) -> BinaryIO:
    """The file at `path` for reading and writing, locked; it and its folder are made if they are not there.

    The owner may delete the file while it holds it: the next one gets a new file.

    Args:
        path: the file.
        wait: until another process lets go of it.

    Raises:
        BlockingIOError: another process has it, and `wait` is False.
        OSError: it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")
        try:
            if not CAN_LOCK or _locked(file, path, wait):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # its last owner deleted it in the meantime


def remove_held(path: Path, file: BinaryIO) -> None:
    """Closes a file of `open_alone` and deletes it."""
    if CAN_LOCK:  # deleted while held, so that nobody finds it between
        path.unlink(missing_ok=True)
        file.close()
    else:
        file.close()
        path.unlink(missing_ok=True)


def _locked(file: BinaryIO, path: Path, wait: bool) -> bool:
    """Locks the file; False if it is no longer the one at `path`."""
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
