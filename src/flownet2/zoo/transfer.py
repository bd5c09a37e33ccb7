# SPDX-License-Identifier: Apache-2.0
"""One address -> one file, as a downloader for pooch: goes on where an earlier try was cut, tells how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from flownet2.atomic import atomic_write

TRIES = 3
"""Of one address, as long as each try brings something."""

_BLOCK = 1 << 18
_PAUSE_S = 0.5
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class Watcher:
    """Is told how a download goes; this one keeps it to itself."""

    def note(self, text: str) -> None:
        """Something a person may want to know."""

    def progress(self, done: int, total: int | None) -> None:
        """So many bytes are there, of so many; None where the server does not tell."""

    def finished(self) -> None:
        """No more progress follows for this file."""


class Unreachable(Exception):
    """An address that does not give the file; the message is why, in a few words."""


class Cut(Unreachable):
    """The connection broke off. What has come is kept."""


@dataclass(frozen=True)
class _State:
    """What is known of a file that is partly there.

    Attributes:
        url: where its bytes came from.
        validator: the server's name for this version of it (ETag, or date of change), "" if it has none.
        total: its bytes, None if the server did not tell.
    """

    url: str
    validator: str
    total: int | None


@dataclass(frozen=True)
class Resuming:
    """A downloader for `pooch.retrieve`.

    Attributes:
        part: where bytes are collected; they stay there if it fails.
        timeout: seconds that a server may be silent.
        watcher: is told.
        room: is called with the bytes that are still to come, and raises OSError if there is no space for them.
    """

    part: Path
    timeout: float
    watcher: Watcher
    room: Callable[[int], None]

    def __call__(self, url: str, output_file: Any, pooch: Any = None, check_only: bool | None = False) -> None:  # noqa: ARG002 - pooch calls it so
        """Fetches the file.

        Raises:
            Unreachable: the address does not give it.
            OSError: it cannot be written here.
        """
        for left in reversed(range(TRIES)):
            before = self._size()
            try:
                self._fetch(url)
                break
            except Cut as cut:
                if not left or self._size() <= before:
                    raise
                self.watcher.note(f"{cut}; going on")
                time.sleep(_PAUSE_S)
            finally:
                self.watcher.finished()
        os.replace(self.part, output_file)  # noqa: PTH105 - pooch gives a str
        self._state_file.unlink(missing_ok=True)

    @property
    def _state_file(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _resumable(self, url: str) -> _State | None:
        """What is there of this address, if the server can be asked whether it is still the same file."""
        try:
            state = _State(**json.loads(self._state_file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return state if state.url == url and state.validator and self._size() else None

    def _fetch(self, url: str) -> None:
        state = self._resumable(url)
        if not (state and self._go_on(url, state)):
            with _answer(url, {}, self.timeout) as response:
                total = _length(response)
                self.room(total or 0)
                self._begin(response, url, total)
                self._write(response, 0, total)

    def _go_on(self, url: str, state: _State) -> bool:
        """Fetches what is missing; False if the server does not give just that: then all is to be fetched."""
        begin = self._size()
        if begin == state.total:
            return True
        asked = {"Range": f"bytes={begin}-", "If-Range": state.validator}
        with _answer(url, asked, self.timeout) as response:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if response.status_code == 206 and found and (int(found[1]), int(found[2])) == (begin, state.total):
                self.room(int(found[2]) - begin)
                self._write(response, begin, state.total)
                return True
        return False

    def _begin(self, response: Any, url: str, total: int | None) -> None:
        """Makes an empty partial file; its state is written before its bytes, never after."""
        self.part.unlink(missing_ok=True)
        tag = response.headers.get("ETag", "")
        validator = response.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
        with atomic_write(self._state_file) as file:
            file.write(json.dumps(asdict(_State(url, validator, total))).encode())

    def _write(self, response: Any, begin: int, total: int | None) -> None:
        done = begin
        try:
            with self.part.open("ab") as file:
                for block in _blocks(response):
                    file.write(block)
                    done += len(block)
                    self.watcher.progress(done, total)
        except OSError as error:  # of the disk: the network's are Cut
            text = f"{error.strerror}; what has come is kept, the same command goes on from there"
            raise OSError(error.errno, text, str(self.part)) from None
        if total is not None and done < total:
            raise Cut(f"the connection ended after {done} of {total} bytes")
        if total is not None and done > total:
            self.part.unlink()
            raise Unreachable(f"it sent {done} bytes and had told of {total}")


@contextlib.contextmanager
def _answer(url: str, further: dict[str, str], timeout: float) -> Iterator[Any]:
    """The server's answer, its body not yet read. Proxies are those of the environment."""
    import requests

    headers = {"Accept-Encoding": "identity", "User-Agent": "flownet2", **further}
    with requests.Session() as session:
        try:
            response = session.get(url, headers=headers, stream=True, timeout=timeout)
        except (requests.RequestException, HTTPException) as error:
            raise Unreachable(_reason(error, timeout)) from None
        with response:
            if url.startswith("https:") and not response.url.startswith("https:"):
                raise Unreachable(f"it leads to {response.url}, which is not https")
            yield response


def _length(response: Any) -> int | None:
    """Bytes of the file that the server sends, None if it does not tell."""
    if response.status_code != 200:
        raise Unreachable(f"HTTP {response.status_code} {response.reason or ''}".rstrip())
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise Unreachable("it answers with a web page, not with the file")
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _blocks(response: Any) -> Iterator[bytes]:
    """The body as it is on the server: what calls itself compressed is a compressed file."""
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(_BLOCK, decode_content=False)
    except (RequestException, HTTPError, HTTPException, OSError) as error:
        raise Cut(_reason(error, None)) from None


def _reason(error: BaseException, timeout: float | None) -> str:
    """A network's error in a few words: those of requests hold the whole chain."""
    text = f"{type(error).__name__} {error}"
    if "imed out" in text or "Timeout" in text:
        return f"no answer within {timeout:g} s" if timeout else "the server fell silent"
    for sign, words in (
        ("Name or service not known", "its host is not known"),
        ("NameResolutionError", "its host is not known"),
        ("Connection refused", "connection refused"),
        ("Connection reset", "the connection was reset"),
        ("ProxyError", "the proxy does not answer"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted"),
        ("TooManyRedirects", "too many redirects"),
        ("IncompleteRead", "the connection ended early"),
    ):
        if sign in text:
            return words
    return text[:200]
