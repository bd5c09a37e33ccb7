# SPDX-License-Identifier: Apache-2.0
"""What a path may lead to: only a regular file is read, and one that changes meanwhile is an error."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint
from flownet2.weights.cursor import Malformed
from flownet2.weights.safetensors import read_safetensors
from flownet2.weights.source import MAX_FILE, Source
from weights.samples import FOLDER

GOOD = FOLDER / "zip_cuda_location.pth"
READERS = pytest.mark.parametrize("read", [read_checkpoint, read_safetensors])


@READERS
def test_missing_files_and_folders_on_the_way(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        read(tmp_path / "absent.pth")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(NotADirectoryError, match="inner"):
        read(tmp_path / "file" / "inner.pth")


@READERS
def test_a_loop_of_links(read: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "a.pth").symlink_to("b.pth")
    (tmp_path / "b.pth").symlink_to("a.pth")
    with pytest.raises(OSError, match=r"a\.pth"):
        read(tmp_path / "a.pth")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.pth").symlink_to(GOOD)
    assert list(read_checkpoint(tmp_path / "link.pth")) == ["w"]
    assert list(read_checkpoint(str(tmp_path / "link.pth"))) == ["w"]


@READERS
def test_pipes_folders_and_devices(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "folder.pth").mkdir()
    cases = {tmp_path / "pipe.pth": "a pipe", tmp_path / "folder.pth": "a folder"}
    cases |= {Path("/dev/null"): "a device", Path("/dev/zero"): "a device"}
    for path, kind in cases.items():
        with pytest.raises(CheckpointError, match=f"{path}: it is {kind}, not a file"):
            read(path)


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "locked.pth"
    shutil.copyfile(GOOD, path)
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # permissions do not bind root
        with pytest.raises(PermissionError, match="locked"):
            read_checkpoint(path)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"line\nbreak.pth", r"line\nbreak.pth"),
        (b"\xff\xfe.pth", r"\udcff\udcfe.pth"),
        (b"\x1b[2J", r"\x1b[2J"),
    ],
)
def test_names_that_would_break_a_terminal(name: bytes, shown: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"hello")
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(f"{tmp_path}/{shown}: ")
    assert str(caught.value).isprintable()
    shutil.copyfile(GOOD, path)
    assert list(read_checkpoint(path)) == ["w"]


def test_names_with_spaces_and_letters_of_the_world(tmp_path: Path) -> None:
    path = tmp_path / "mod\u00e8le \u5149.pth"
    path.write_bytes(b"hello")
    with pytest.raises(CheckpointError, match=re.escape(f"{path}: ")):
        read_checkpoint(path)


@pytest.mark.parametrize("size", [0, 5, 700, 783, 5000])
def test_a_file_that_changes_while_it_is_read(size: int, tmp_path: Path) -> None:
    path = tmp_path / "busy.pth"
    shutil.copyfile(GOOD, path)
    with Source(path) as source:
        os.truncate(path, size)
        with pytest.raises(Malformed, match="changed while it was read"):
            source.read()


def test_a_huge_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.pth"
    path.touch()
    os.truncate(path, MAX_FILE + 1)
    with pytest.raises(CheckpointError, match="more than"):
        read_checkpoint(path)
    os.truncate(path, MAX_FILE)
    with pytest.raises(CheckpointError, match="never written"):
        read_checkpoint(path)


def test_memory_that_is_not_there_is_an_error_with_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(source: Source) -> None:
        raise MemoryError

    monkeypatch.setattr(Source, "read", exhausted)
    with pytest.raises(CheckpointError, match=r"location\.pth: not enough memory"):
        read_checkpoint(GOOD)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = _descriptors()
    for name in ["zip_fp32.pth", "bad_zip_cut_50.pth", "bad_file_html.pth"]:
        try:
            read_checkpoint(FOLDER / name)
        except CheckpointError:
            continue
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path)
    assert _descriptors() == before
