# SPDX-License-Identifier: Apache-2.0
"""A web server on the loopback address that misbehaves as a test tells it to."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """How one request is answered.

    Attributes:
        status: other than 200: no file.
        location: where a redirect leads.
        cut: bytes after which the connection is closed.
        stall: bytes after which nothing more comes until the server ends.
        ranges: whether a request for a part is obeyed.
        etag: the version's name, "" for none.
        kind: Content-Type.
        body: instead of the file.
        length: whether Content-Length is told.
    """

    status: int = 200
    location: str = ""
    cut: int | None = None
    stall: int | None = None
    ranges: bool = True
    etag: str = '"first"'
    kind: str = "application/octet-stream"
    body: bytes | None = None
    length: bool = True


class Server(ThreadingHTTPServer):
    """Files by path; the answers of a path are used up one after the other, the last one stays.

    Attributes:
        files: path -> content.
        answers: path -> how its requests are answered.
        log: (path, Range header) of every request.
        stalled: set when an answer stalls.
        ending: set to let what stalls end.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.log: list[tuple[str, str | None]] = []
        self.stalled = threading.Event()
        self.ending = threading.Event()
        self.lock = threading.Lock()

    def url(self, path: str) -> str:
        """Address of a path."""
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def next_answer(self, path: str, asked: str | None) -> Answer:
        """How this request is to be answered."""
        with self.lock:
            self.log.append((path, asked))
            answers = self.answers[path]
            return (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else Answer()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        """Answers as told."""
        asked = self.headers.get("Range")
        answer = self.server.next_answer(self.path, asked)
        content = self.server.files.get(self.path) if answer.body is None else answer.body
        self.close_connection = True
        if answer.status != 200 or content is None:
            self.send_response(answer.status if answer.status != 200 else 404)
            if answer.location:
                self.send_header("Location", answer.location)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            return
        begin = 0
        same = self.headers.get("If-Range") == answer.etag
        if asked and answer.ranges and same:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        self._head(answer, content, begin)
        self._body(answer, content[begin:])

    def _head(self, answer: Answer, content: bytes, begin: int) -> None:
        self.send_response(206 if begin else 200)
        self.send_header("Content-Type", answer.kind)
        if answer.etag:
            self.send_header("ETag", answer.etag)
        if answer.length:
            self.send_header("Content-Length", str(len(content) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Connection", "close")
        self.end_headers()

    def _body(self, answer: Answer, content: bytes) -> None:
        end = answer.cut if answer.cut is not None else answer.stall
        self.wfile.write(content[:end])
        self.wfile.flush()
        if answer.stall is not None:
            self.server.stalled.set()
            self.server.ending.wait(30)


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs while the block does."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
