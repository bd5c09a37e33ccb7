# SPDX-License-Identifier: Apache-2.0
"""Every sample checkpoint, good or hostile, has the outcome that the manifest asks for."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint
from weights.samples import FOLDER, MANIFEST, SAMPLES, differences

SECONDS = 5.0
TARGET = "flownet2.weights.checkpoint:read_checkpoint"


def test_the_copies_are_complete_and_unchanged() -> None:
    assert len(SAMPLES) == 232
    for entry in SAMPLES:
        data = (FOLDER / entry["file"]).read_bytes()
        assert len(data) == entry["bytes"], entry["file"]
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["file"]
    present = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    about = {"README.md", "manifest.json", "make_checkpoints.py", "check_reader.py"}
    assert present == {entry["file"] for entry in SAMPLES} | about


@pytest.mark.parametrize("entry", SAMPLES, ids=lambda entry: entry["file"])
def test_sample(entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = FOLDER / entry["file"]
    begin = time.perf_counter()
    content, refusal = None, ""
    try:
        content = read_checkpoint(path)
    except CheckpointError as fault:
        refusal = str(fault)
    if content is None:
        assert entry["expect"] != "ok", refusal
        assert path.name in refusal
        assert len(refusal) < 2000
    else:
        assert entry["expect"] != "reject"
        assert differences(content, entry) == []
    assert time.perf_counter() - begin < SECONDS
    assert list(tmp_path.iterdir()) == [], "code from the file has run"


def _check_reader(pattern: str, folder: Path) -> str:
    command = [sys.executable, str(FOLDER / "check_reader.py"), TARGET, "--only", pattern]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("pattern", ["bound_*", "*_4g.pth", "bad_zip_bomb.pth", "*deep_json*"])
def test_expensive_samples_stay_within_limits(pattern: str, tmp_path: Path) -> None:
    """In a process of its own with 256 MiB above what it had, and 5 s."""
    report = _check_reader(pattern, tmp_path)
    assert report.endswith(" 0 failed\n"), report
    assert not report.startswith("0 passed")


@pytest.mark.slow
def test_all_samples_stay_within_limits(tmp_path: Path) -> None:
    assert _check_reader("*", tmp_path).splitlines() == [f"{len(SAMPLES)} passed, 0 failed"]


def test_the_marker_would_be_seen() -> None:
    """The payloads write their marker into the current folder, which test_sample looks at."""
    payload = (FOLDER / "bad_exec_os_system.pth").read_bytes()
    assert b"echo x > " + MANIFEST["marker"].encode() in payload
