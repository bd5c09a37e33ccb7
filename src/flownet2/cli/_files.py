# SPDX-License-Identifier: Apache-2.0
"""Whether outputs can be written, asked before hours of work rather than after."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from flownet2.cli._terminal import UsageError


def names_folder(text: str) -> bool:
    """Whether an option's value means a folder: it is one, or it ends like one."""
    return Path(text).is_dir() or text.endswith(tuple(filter(None, (os.sep, os.altsep))))


def check_outputs(command: str, outputs: Iterable[tuple[Path, str]], inputs: Iterable[Path]) -> None:
    """Refuses outputs that would replace each other, an input or a folder.

    Args:
        command: for the message.
        outputs: each path with the name of what is written there.
        inputs: files that are read.

    Raises:
        UsageError: they would.
    """
    read = {_identity(path) for path in inputs}
    written: dict[str, str] = {}
    for path, name in outputs:
        key = _identity(path)
        if key in written:
            raise UsageError(command, f"{path} would be written twice: for {written[key]} and for {name}")
        if key in read:
            raise UsageError(command, f"{path} is an input and would be replaced by {name}; choose another output")
        if path.is_dir():
            raise UsageError(command, f"{path} is a folder, but {name} is to be written there as a file")
        written[key] = name


def prepare_folders(outputs: Iterable[Path]) -> None:
    """Makes the folders of the outputs, and tries to write into each.

    Raises:
        OSError: one cannot be made or written.
    """
    for folder in dict.fromkeys(path.parent for path in outputs):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from None


def _identity(path: Path) -> str:
    """One text for one file, whichever way it is named."""
    return os.path.normcase(path.resolve())
