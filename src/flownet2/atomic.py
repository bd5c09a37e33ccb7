# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all: written beside the target, then moved over it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Longest part of the target's name kept in the temporary one; 255 bytes is the usual limit of a file name.
_NAME_BYTES = 180
_TRIES = 100

# Of writing alone; anything else without a name may come from what the block reads.
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open `path` for binary writing so that a reader sees the old file or the whole new one.

    The bytes go to `.NAME.PID.RANDOM.tmp` in the same folder, which replaces `path` when the block ends and
    is removed when it raises. As with `open`, a new file gets its mode from the umask, an existing one keeps
    its mode and must be writable, and a symbolic link is followed. A device or a pipe (`/dev/null`) cannot be
    replaced and is written directly. The data is not fsynced: the promise is about crashes of the program.

    Raises:
        OSError: `path` cannot be written (FileNotFoundError, PermissionError, IsADirectoryError ...); the
            error names `path`, not the temporary file.
    """
    target = Path(path)
    mode = _existing_mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with _naming(path), target.open("wb") as device:
            yield device
        return
    target = target.resolve()
    file, temporary = _open_temporary(target, path)
    try:
        with _naming(path), file:
            yield file
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        _replace(temporary, target, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _existing_mode(target: Path) -> int | None:
    """The mode of the file in place, None where there is none; a folder or a read-only file is refused."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return mode


def _open_temporary(target: Path, named: str | os.PathLike[str]) -> tuple[BinaryIO, Path]:
    name = os.fsdecode(os.fsencode(target.name)[:_NAME_BYTES])
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    for _ in range(_TRIES):
        temporary = target.with_name(f".{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
        try:
            descriptor = os.open(temporary, flags, 0o666)
        except FileExistsError:
            continue
        except OSError as error:
            raise _renamed(error, named) from None
        return os.fdopen(descriptor, "wb"), temporary
    raise FileExistsError(errno.EEXIST, f"no free temporary name beside it after {_TRIES} tries", str(named))


def _replace(temporary: Path, target: Path, named: str | os.PathLike[str]) -> None:
    try:
        temporary.replace(target)
    except OSError as error:
        raise _renamed(error, named) from None


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """A full disk is told without a name by the system."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _NO_ROOM:
            raise _renamed(error, path) from None
        raise


def _renamed(error: OSError, named: str | os.PathLike[str]) -> OSError:
    """The same error about the path the caller gave; OSError picks the subclass from the number."""
    return OSError(error.errno, error.strerror or "cannot be written", str(named))
