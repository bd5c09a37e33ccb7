# SPDX-License-Identifier: Apache-2.0
"""The command in this process, and small pictures for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from flownet2.builtin import DEMO_FRAME1, DEMO_FRAME2
from flownet2.cli import main
from flownet2.io import read_image, write_image


class Result(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def run_command(*words: object) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return run_command


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Five pictures (40, 48, 3) of one scene."""
    frame1, frame2 = read_image(DEMO_FRAME1), read_image(DEMO_FRAME2)
    return [
        np.ascontiguousarray(frame[200 : 200 + 40, 480 + shift : 480 + shift + 48])
        for shift, frame in ((0, frame1), (0, frame2), (3, frame2), (5, frame1), (6, frame2))
    ]


@pytest.fixture
def frames(pictures: list[np.ndarray], tmp_path: Path) -> Path:
    """A folder with frame_1, frame_2, frame_10 and frame_11, and a file that is no picture."""
    for number, picture in zip((1, 2, 10, 11), pictures, strict=False):
        path = tmp_path / "frames" / f"frame_{number}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, picture)
    (tmp_path / "frames" / "notes.txt").write_text("not a picture")
    (tmp_path / "frames" / ".hidden.png").write_text("left by some program")
    return tmp_path / "frames"


@pytest.fixture
def pair(frames: Path) -> tuple[Path, Path]:
    """Two picture files."""
    return frames / "frame_1.png", frames / "frame_2.png"
