# SPDX-License-Identifier: Apache-2.0
"""The journal: what was finished is there again, and nothing that is damaged, foreign or in use is taken."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from flownet2.errors import InputError
from flownet2.evaluate import Journal, JournalError
from flownet2.evaluate.journal import check_names
from flownet2.evaluation import Cell, Record, Scores

HEADER = {"model": "mine", "limit": None}


class Opened(Journal):
    """One that the end of a test closes."""

    all: ClassVar[list[Journal]] = []

    def __init__(self, path: Path, header: dict[str, Any], *, overwrite: bool = False) -> None:
        super().__init__(path, header, overwrite=overwrite)
        self.all.append(self)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while Opened.all:
        Opened.all.pop().close()


def record(name: str) -> Record:
    return Record(name, 8, 12, 0.1, 2.5, Scores({"epe": Cell(1 / 3, 96)}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of two pairs."""
    path = tmp_path / "folder" / "journal.jsonl"
    journal = Opened(path, HEADER)
    journal.add(record("a"))
    journal.add(record("b"))
    journal.close()
    return path


def test_records_come_back(path: Path) -> None:
    journal = Opened(path, HEADER)
    assert journal.records == {"a": record("a"), "b": record("b")}
    journal.add(record("c"))
    journal.close()
    assert list(Opened(path, HEADER).records) == ["a", "b", "c"]
    assert len(path.read_bytes().splitlines()) == 4


def test_a_record_is_in_the_file_at_once(tmp_path: Path) -> None:
    journal = Opened(tmp_path / "journal", HEADER)
    journal.add(record("a"))
    lines = (tmp_path / "journal").read_bytes().splitlines()
    assert Record.from_dict(json.loads(lines[1])) == record("a")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_dropped(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Opened(path, HEADER)
    assert list(journal.records) == ["a"]
    assert path.read_bytes().count(b"\n") == 2
    assert path.read_bytes().endswith(b"}\n")
    journal.add(record("c"))
    journal.close()
    assert list(Opened(path, HEADER).records) == ["a", "c"]


def test_a_torn_header_is_a_beginning(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10])
    journal = Opened(path, HEADER)
    assert journal.records == {}
    journal.add(record("a"))
    journal.close()
    assert list(Opened(path, HEADER).records) == ["a"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b'"mine"', b'"other"', 1),
        (b'{"height"', b'["height"', 2),
        (b'"pixels', b'"', 1),
        (b'"name": "b"', b'"name": "a"', 3),
        (b"[0.3", b"[-0.3", 2),
        (b'"epe"', b'"epo"', 2),
        (b"{", b"\x00", 1),
        (b'{"height"', b"[" * 100_000 + b'{"height"', 2),
    ],
)
def test_what_is_damaged_is_refused(path: Path, old: bytes, new: bytes, line: int) -> None:
    content = path.read_bytes()
    changed = content.replace(old, new, 1) if old in content else b"\xff" + content
    path.write_bytes(changed)
    with pytest.raises(JournalError, match=rf"journal.jsonl, line {line}: .*--overwrite"):
        Opened(path, HEADER)
    assert path.read_bytes() == changed


def test_overwrite_begins_anew(path: Path) -> None:
    path.write_bytes(b"rubbish\n")
    journal = Opened(path, HEADER, overwrite=True)
    assert journal.records == {}
    journal.add(record("z"))
    journal.close()
    assert list(Opened(path, HEADER).records) == ["z"]


def test_headers_have_their_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWNET2_HOME", str(tmp_path))
    one, two = Journal.default_path(HEADER), Journal.default_path({**HEADER, "limit": 3})
    assert one == Journal.default_path(dict(reversed(HEADER.items())))
    assert one != two
    assert one.parent == tmp_path / "evaluations"


def test_one_at_a_time(path: Path) -> None:
    first = Opened(path, HEADER)
    with pytest.raises(JournalError, match=r"journal.jsonl is in use.*another process"):
        Opened(path, HEADER)
    with pytest.raises(JournalError, match="in use"):
        Opened(path, HEADER, overwrite=True)
    first.close()
    assert list(Opened(path, HEADER).records) == ["a", "b"]


def test_a_dead_process_holds_nothing(path: Path) -> None:
    code = f"""
import os, pathlib
from flownet2.evaluate import Journal
journal = Journal(pathlib.Path({str(path)!r}), {HEADER!r})
print("held", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(JournalError, match="in use"):
            Opened(path, HEADER)
        other.kill()
        other.wait(20)
    assert list(Opened(path, HEADER).records) == ["a", "b"]


def test_removed(path: Path) -> None:
    journal = Opened(path, HEADER)
    journal.remove()
    assert not path.exists()
    assert Opened(path, HEADER).records == {}


def test_names_that_the_data_set_lacks(path: Path) -> None:
    journal = Opened(path, HEADER)
    check_names(journal, {"a", "b", "c"})
    with pytest.raises(JournalError, match=r"1 pairs .* 'b'.*--overwrite"):
        check_names(journal, {"a"})


def test_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no NaN"):
        Opened(tmp_path / "journal", {"x": math.nan})
    assert not (tmp_path / "journal").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="FLOWNET2_HOME"):
        Opened(tmp_path / "file" / "journal", HEADER)
