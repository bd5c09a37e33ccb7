# SPDX-License-Identifier: Apache-2.0
"""Archives, and files that were fetched by hand."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from flownet2 import zoo
from flownet2.builtin import MODELS
from flownet2.errors import CheckpointError, InputError, LicenseError
from flownet2.weights import load_model
from zoo.samples import assert_installed, left_over
from zoo.server import Server


def archive(kind: str, members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as zipped:
            for name, content in members.items():
                zipped.writestr(name, content)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tarred:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tarred.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", ["Tiny/tiny_weights.pth", "./Tiny/tiny_weights.pth", "models/Tiny/tiny_weights.pth"])
def test_a_checkpoint_in_an_archive(
    tiny: Any, home: Path, server: Server, checkpoint: bytes, kind: str, name: str
) -> None:
    server.files["/all"] = archive(kind, {"readme": b"read me", "tiny/tiny_weights.pth": b"", name: checkpoint})
    entry = tiny(urls=["/all"], file=f"all.{kind}", member="Tiny/tiny_weights*")
    zoo.download(entry)
    assert_installed(home, checkpoint)
    assert load_model(zoo.model_file(entry)).info["source"] == "tiny_weights"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive("tar.gz", {"readme": b"read me"}), "no file in it is called Tiny/w"),
        (archive("tar.gz", {"Tiny/w": b"1", "a/Tiny/w": b"2"}), "more than one file in it is called Tiny/w"),
        (archive("tar.gz", {"Tiny/w": os.urandom(100_000)})[:50_000], "broken archive|ends within"),
        (archive("tar.gz", {"Tiny/w": b"no weights"}), "text file"),
    ],
)
def test_archives_that_are_refused(tiny: Any, home: Path, server: Server, content: bytes, message: str) -> None:
    server.files["/all"] = content
    with pytest.raises(CheckpointError, match=message):
        zoo.download(tiny(urls=["/all"], file="all.tar.gz", member="Tiny/w"))
    assert left_over(home) == []


def test_import_of_a_file(tiny: Any, home: Path, tmp_path: Path, checkpoint: bytes) -> None:
    path = tmp_path / "from a friend.pth"
    path.write_bytes(checkpoint)
    assert zoo.import_file(tiny(), path) == zoo.model_file(tiny())
    assert path.exists()
    assert_installed(home, checkpoint)
    info = load_model(zoo.model_file(tiny())).info
    assert info["source"] == "from a friend.pth"
    assert "source_url" not in info


def test_imports_that_are_refused(tiny: Any, tmp_path: Path, checkpoint: bytes) -> None:
    path = tmp_path / "file.pth"
    with pytest.raises(FileNotFoundError):
        zoo.import_file(tiny(), path)
    path.write_bytes(checkpoint)
    with pytest.raises(CheckpointError, match=r"file\.pth: its SHA-256 is .*, which is published"):
        zoo.import_file(tiny(sha256="0" * 64), path)
    with pytest.raises(InputError, match="is a model file already"):
        zoo.import_file(tiny(), MODELS["flownet2-lite"])
    with pytest.raises(LicenseError):
        zoo.import_file(tiny(license="research"), path)
    assert not zoo.installed(tiny())
