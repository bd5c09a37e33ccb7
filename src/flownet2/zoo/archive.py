# SPDX-License-Identifier: Apache-2.0
"""The one wanted file of a tar or zip archive."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from flownet2.errors import CheckpointError

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError)


def is_archive(path: Path) -> bool:
    """Whether it is a tar archive. A torch checkpoint is a zip file, so that the content of one says nothing."""
    return tarfile.is_tarfile(path) or path.suffix == ".zip"


def extract(archive: Path, member: str, target: Path, room: Callable[[int], None]) -> None:
    """Writes one member of an archive to a file; nothing else of it is touched, no path in it is believed.

    Args:
        archive: tar (with any compression) or zip.
        member: its path from whichever folder on; a last "*" stands for any ending.
        target: file to write; it is not there if this fails.
        room: is called with the member's size, and raises OSError if there is no space.

    Raises:
        CheckpointError: the archive is broken, or has no such member, or several.
        OSError: a file cannot be read or written.
    """
    try:
        with _members(archive) as members:
            found = False
            for name, size, opened in members:
                if not (fnmatchcase(name, member) or fnmatchcase(name, f"*/{member}")):
                    continue
                if found:
                    raise CheckpointError(f"{archive}: more than one file in it is called {member}")
                found = True
                room(size)
                with opened() as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                if target.stat().st_size != size:
                    raise CheckpointError(f"{archive}: it ends within {name}; download it again")
        if not found:
            raise CheckpointError(f"{archive}: no file in it is called {member}; is it the right archive?")
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, _BROKEN):
            raise CheckpointError(f"{archive}: a broken archive ({error}); download it again") from None
        raise


_Members = Iterator[tuple[str, int, Callable[[], IO[bytes]]]]


@contextlib.contextmanager
def _members(archive: Path) -> Iterator[_Members]:
    """Its plain files: name, size, and how to open each before the next is asked for."""
    if not tarfile.is_tarfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield (
                (info.filename, info.file_size, lambda info=info: zipped.open(info))  # type: ignore[misc]
                for info in zipped.infolist()
                if not info.is_dir()
            )
        return
    with tarfile.open(archive) as tarred:
        yield ((info.name, info.size, _opener(tarred, info)) for info in tarred if info.isreg())


def _opener(tarred: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        stream = tarred.extractfile(info)
        assert stream is not None  # it is a plain file
        return stream

    return opened
