# SPDX-License-Identifier: Apache-2.0
"""The mirrors of a checkpoint in order, until one gives the right file."""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flownet2.errors import DownloadError, UnavailableError
from flownet2.weights.importer import file_sha256
from flownet2.zoo.catalogue import Entry
from flownet2.zoo.shelf import read_seen, seen_file, switch
from flownet2.zoo.transfer import Resuming, Unreachable, Watcher


def fetch(entry: Entry, folder: Path, further: int, timeout: float, watcher: Watcher) -> tuple[Path, str]:
    """The file of an entry in `folder`, and the address that it came from. One that is there already is not fetched.

    Args:
        entry: what to fetch.
        folder: where to.
        further: bytes that will be needed beside the file.
        timeout: seconds that a server may be silent.
        watcher: is told.

    Raises:
        UnavailableError: pooch is not installed.
        DownloadError: no address gives the file; the message lists them all.
        OSError: it cannot be written, or there is no space.
    """
    if switch("FLOWNET2_OFFLINE"):
        raise _failure(entry, dict.fromkeys(entry.urls, "not asked: FLOWNET2_OFFLINE is set"))
    pooch = _pooch()
    known = None if entry.member else known_sha256(entry)

    def room(coming: int) -> None:
        check_space(folder, coming + further)

    downloader = Resuming(folder / f"{entry.file}.part", timeout, watcher, room)
    tried: dict[str, str] = {}
    for url in entry.urls:
        watcher.note(f"{entry.name} from {url}")
        try:
            with _quiet(pooch):
                pooch.retrieve(url, known and f"sha256:{known}", entry.file, str(folder), downloader=downloader)
        except Unreachable as error:
            tried[url] = str(error)
        except ValueError:  # pooch's word for a wrong checksum; it has deleted the file
            tried[url] = f"its SHA-256 is not {known}, which {_who_says(entry)}"
        else:
            fault = None if entry.member else hash_fault(entry, file_sha256(folder / entry.file))
            if not fault:
                return folder / entry.file, url
            (folder / entry.file).unlink()
            tried[url] = fault
    raise _failure(entry, tried)


def known_sha256(entry: Entry) -> str | None:
    """What the checkpoint's SHA-256 must be: as published, else as it was the first time."""
    seen = None if entry.sha256 else read_seen(entry)
    return entry.sha256 or (seen.sha256 if seen else None)


def hash_fault(entry: Entry, digest: str) -> str | None:
    """What is wrong with a checkpoint of that SHA-256, None if nothing is known to be."""
    known = known_sha256(entry)
    if known and digest != known:
        return f"its SHA-256 is {digest}, not {known}, which {_who_says(entry)}"
    if not digest.startswith(entry.sha256_prefix or ""):
        return f"its SHA-256 is {digest}, and should begin with {entry.sha256_prefix} by its name"
    return None


def check_space(folder: Path, needed: int) -> None:
    """Refuses to begin what cannot end.

    Raises:
        OSError: there is no space for so many bytes.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free; make room, or let FLOWNET2_HOME "
            "name a folder elsewhere",
            str(folder),
        )


def by_hand(entry: Entry) -> str:
    """How to do without a download."""
    inside = f" ({entry.member} is in it)" if entry.member else ""
    return (
        f"A file that was fetched in another way can be used: {entry.file}{inside}, linked at {entry.page}, then "
        f"flownet2 import FILE --as {entry.name}"
    )


def _who_says(entry: Entry) -> str:
    if entry.sha256:
        return "is published"
    return f"the first one had; if you trust the new file, delete {seen_file(entry)}"


def _failure(entry: Entry, tried: dict[str, str]) -> DownloadError:
    lines = "".join(f"\n  {url}: {reason}" for url, reason in tried.items())
    return DownloadError(f"{entry.name} cannot be downloaded:{lines}\n{by_hand(entry)}")


def _pooch() -> Any:
    try:
        import pooch
    except ImportError as error:
        raise UnavailableError(f'Downloads need pooch: pip install "flownet2[zoo]" ({error})') from error
    return pooch


@contextlib.contextmanager
def _quiet(pooch: Any) -> Iterator[None]:
    """Pooch logs to stderr; what it says is told otherwise here."""
    logger: logging.Logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
