# SPDX-License-Identifier: Apache-2.0
"""The pairs that an evaluation has finished, on disk as they finish, so that a killed run loses nothing of them.

A text file: a line of JSON that tells what was evaluated and how, then a line for each finished pair. Its name is a
hash of the first line, so evaluations that differ in anything have different journals.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from flownet2.errors import FlowNet2Error, InputError
from flownet2.evaluation import Record
from flownet2.home import home_folder
from flownet2.locks import open_alone, remove_held

FORMAT = "flownet2 evaluation journal 1"


class JournalError(FlowNet2Error, ValueError):
    """A journal is damaged, belongs to another evaluation, or is in use."""


class Journal:
    """A journal, held alone by this process until it is closed.

    Attributes:
        path: of the file.
        records: by name of the pair, those that were there and those added.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Opens it, or begins one.

        Args:
            path: the file; its folder is made.
            header: all that must be equal for records to go together, as JSON takes it.
            overwrite: begin anew, whatever is there.

        Raises:
            JournalError: another process has it; it is damaged; it belongs to another header.
            OSError: it cannot be written.
        """
        self.path = path
        self.records: dict[str, Record] = {}
        self._header = _line({"format": FORMAT, **header})
        self._file = _open_alone(path)
        try:
            if overwrite:
                self._file.truncate(0)
            self._restore()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def default_path(header: Mapping[str, Any]) -> Path:
        """Its place in the user's cache folder.

        Raises:
            UnavailableError: there is no such folder.
        """
        name = hashlib.sha256(_line({"format": FORMAT, **header})).hexdigest()[:32]
        return home_folder() / "evaluations" / f"{name}.jsonl"

    def add(self, record: Record) -> None:
        """Appends a finished pair; the operating system has it when this returns."""
        self._file.write(_line(record.to_dict()))
        self._file.flush()
        self.records[record.name] = record

    def close(self) -> None:
        """Lets others have it; the file stays."""
        self._file.close()

    def remove(self) -> None:
        """Closes it and deletes the file: its records are elsewhere now."""
        remove_held(self.path, self._file)

    def _restore(self) -> None:
        """Reads what is there; a last line that was cut short as its writer died is dropped."""
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._file.truncate(len(whole))
        self._file.seek(len(whole))
        if not whole:
            self._file.write(self._header)
            self._file.flush()
            return
        lines = whole.split(b"\n")[:-1]
        if lines[0] + b"\n" != self._header:
            raise self._fault(1, "it belongs to another evaluation, or is damaged")
        for number, line in enumerate(lines[1:], start=2):
            self._take(number, line)

    def _take(self, number: int, line: bytes) -> None:
        try:
            record = Record.from_dict(json.loads(line))
        except (ValueError, RecursionError) as error:  # InputError is a ValueError
            raise self._fault(number, f"{error}"[:200]) from None
        if record.name in self.records:
            raise self._fault(number, f"{record.name} is there twice")
        self.records[record.name] = record

    def _fault(self, number: int, problem: str) -> JournalError:
        return JournalError(
            f"{self.path}, line {number}: {problem}. This is what an evaluation that was stopped had finished; "
            "delete the file, or evaluate with --overwrite, to start anew"
        )


def check_names(journal: Journal, names: set[str]) -> None:
    """Refuses records of pairs that the data set does not have.

    Raises:
        JournalError: there is one.
    """
    strange = [name for name in journal.records if name not in names]
    if strange:
        raise JournalError(
            f"{journal.path} has results of {len(strange)} pairs that are not in the data set, the first is "
            f"{strange[0]!r}; if the data set was changed, evaluate with --overwrite to start anew"
        )


def _line(content: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(content, sort_keys=True, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise InputError(f"a journal holds what JSON takes, and no NaN: {error}") from None


def _open_alone(path: Path) -> BinaryIO:
    """The file at `path`, held by this process."""
    try:
        return open_alone(path)
    except BlockingIOError:
        raise JournalError(
            f"{path} is in use: the same evaluation runs in another process; wait for it, or stop it"
        ) from None
    except OSError as error:
        advice = f"{error.strerror}; FLOWNET2_HOME names another folder for what eval has finished"
        raise OSError(error.errno or errno.EIO, advice, str(path)) from None
