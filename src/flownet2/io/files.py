# SPDX-License-Identifier: Apache-2.0
"""Reading untrusted files: sizes are compared with the file's own before anything is allocated."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from flownet2.errors import FlowFileError, FlowNet2Error
from flownet2.types import Array, PathLike


def open_regular(path: PathLike, error: type[FlowNet2Error]) -> BufferedReader:
    """Open an ordinary file for reading; a pipe or a device, which may never end, is an `error`."""
    # Looked at before it is opened: opening a named pipe waits for a writer.
    mode = Path(path).stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise error(f"{os.fspath(path)}: not a regular file; pipes and devices are not read")
    return Path(path).open("rb")


def size_of(file: BufferedReader) -> int:
    """The bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def check_size(path: PathLike, what: str, expected: int, actual: int) -> None:
    """Refuse a file whose header `what` asks for `expected` bytes where it has `actual`."""
    if expected != actual:
        fault = "truncated" if actual < expected else "oversized"
        raise FlowFileError(
            f"{os.fspath(path)}: {fault}: {what} needs {expected} bytes, {actual} are there; fetch it again"
        )


def read_array(path: PathLike, file: BufferedReader, count: int, dtype: DTypeLike) -> Array:
    """The next `count` values of `file` as a new writable array; the caller has checked the file's size."""
    array = np.empty(count, dtype)
    got = file.readinto(array.data.cast("B")) if count else 0
    if got != array.nbytes:
        raise FlowFileError(f"{os.fspath(path)}: changed while it was read; {array.nbytes} bytes expected, {got} came")
    return array
