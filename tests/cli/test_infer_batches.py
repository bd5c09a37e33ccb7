# SPDX-License-Identifier: Apache-2.0
"""`flownet2 infer` on many pairs: resuming, failures of some, errors before any work, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flownet2.cli import _options
from flownet2.io import read_flow, write_image

# A shell without job control starts its children with SIGINT ignored.
INTERRUPTIBLE = """
import signal, sys
from flownet2.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a model has begun to work."""
    monkeypatch.setattr(_options, "load", lambda *args, **options: pytest.fail("a model was loaded"))


def test_finished_outputs_are_skipped(run: Any, frames: Path) -> None:
    Path("flow").mkdir()
    Path("flow/frame_2.flo").write_bytes(b"mine")
    first = run("infer", frames, "-o", "flow")
    assert first.code == 0
    assert first.out.startswith("2 done, 1 skipped, 0 failed")
    assert "--overwrite" in first.out
    assert Path("flow/frame_2.flo").read_bytes() == b"mine"


@pytest.mark.usefixtures("no_model")
def test_nothing_to_do_loads_nothing(run: Any, pair: tuple[Path, Path]) -> None:
    Path("out.flo").write_bytes(b"mine")
    code, out, err = run("infer", *pair, "-o", "out.flo")
    assert (code, err) == (0, "")
    assert out.startswith("0 done, 1 skipped, 0 failed")


def test_overwrite(run: Any, frames: Path) -> None:
    Path("flow").mkdir()
    Path("flow/frame_2.flo").write_bytes(b"mine")
    assert run("infer", frames, "-o", "flow", "--overwrite").out == "3 done, 0 skipped, 0 failed\n"
    assert read_flow("flow/frame_2.flo").flow.shape == (40, 48, 2)


def test_only_what_is_missing_is_written(run: Any, pair: tuple[Path, Path]) -> None:
    Path("out.flo").write_bytes(b"mine")
    assert run("infer", *pair, "-o", "out.flo", "--viz", "--backward").code == 0
    assert Path("out.flo").read_bytes() == b"mine"
    assert all(Path(name).is_file() for name in ("out.png", "out_backward.flo", "out_backward.png"))


def test_the_other_pairs_are_still_done(run: Any, frames: Path, pictures: list[np.ndarray]) -> None:
    write_image(frames / "small.png", pictures[0][:20])
    (frames / "broken.png").write_bytes((frames / "frame_1.png").read_bytes()[:200])
    (frames / "text.png").write_text("no picture")
    write_image(frames / "deep.png", pictures[0].astype(np.uint16))
    good = "frames/frame_1.png"
    seconds = ("frame_2.png", "small.png", "broken.png", "text.png", "deep.png", "missing.png", "frame_10.png")
    Path("pairs.txt").write_text("".join(f"{good} frames/{name} {name}.flo\n" for name in seconds))
    code, out, err = run("infer", "--list", "pairs.txt", "-o", "flow")
    assert (code, out) == (1, "2 done, 0 skipped, 5 failed\n")
    assert sorted(path.name for path in Path("flow").iterdir()) == ["frame_10.png.flo", "frame_2.png.flo"]
    lines = err.splitlines()
    assert len(lines) == 5
    for line, name, reason in zip(
        lines,
        seconds[1:6],
        ("differ in size, 48x40 and 48x20", "", "not a picture", "differ in depth, uint8 and uint16", "No such file"),
        strict=True,
    ):
        assert line.startswith(f"flownet2: error: {good} -> frames/{name}: ")
        assert reason in line


def test_a_resumed_run_does_what_had_failed(run: Any, frames: Path, pictures: list[np.ndarray]) -> None:
    picture = (frames / "frame_2.png").read_bytes()
    (frames / "frame_2.png").write_bytes(picture[:100])
    assert run("infer", frames, "-o", "flow").out == "1 done, 0 skipped, 2 failed\n"
    (frames / "frame_2.png").write_bytes(picture)
    assert run("infer", frames, "-o", "flow").out.startswith("2 done, 1 skipped, 0 failed")


def test_a_failing_single_pair(run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
    code, out, err = run("infer", pair[0], "nowhere.png", "-o", "out.flo")
    assert (code, out) == (1, "")
    assert err == f"flownet2: error: {pair[0]} -> nowhere.png: nowhere.png: No such file or directory\n"
    assert not (tmp_path / "out.flo").exists()


def test_memory_is_a_reason_too(run: Any, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*args: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("flownet2.api.FlowEstimator.__call__", exhausted)
    code, _, err = run("infer", *pair, "-o", "out.flo")
    assert code == 1
    assert "not enough memory" in err


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("output", ["file/out.flo", "file/flow/"])
def test_unwritable_output(run: Any, pair: tuple[Path, Path], output: str) -> None:
    Path("file").write_text("not a folder")
    code, out, err = run("infer", *pair, "-o", output)
    assert (code, out) == (1, "")
    assert err.startswith("flownet2: error: file")
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("no_model")
def test_a_folder_that_takes_no_files(run: Any, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", "a temporary name")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    Path("flow").mkdir()
    code, _, err = run("infer", *pair, "-o", "flow")
    assert (code, err) == (1, "flownet2: error: flow: Permission denied\n")


@pytest.mark.usefixtures("no_model", "frames")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("infer", "flow needs two pictures, got 0"),
        ("infer frames/frame_1.png -o x.flo", "flow needs two pictures, got 1"),
        ("infer empty -o x/", "empty holds 0"),
        ("infer frames frames/frame_1.png -o x", "not a mixture"),
        ("infer frames frames frames -o x", "not a mixture"),
        ("infer frames -o x.flo", "names a file, but several pairs need a folder"),
        ("infer frames -o x --viz x.png", "--viz x.png names a file"),
        ("infer frames", "nothing to write"),
        ("infer frames --viz", "beside the flow"),
        ("infer frames -o frames --viz", "is an input and would be replaced"),
        ("infer frames -o x --viz --format png", "would be written twice"),
        ("infer frames/frame_1.png frames/frame_2.png", "nothing to write"),
        ("infer frames/frame_1.png frames/frame_2.png -o x.jpg", "the suffix tells the format: .flo"),
        ("infer frames/frame_1.png frames/frame_2.png -o x.flo --viz x.flo", "the suffix tells the format: .png"),
        ("infer frames/frame_1.png frames/frame_2.png -o x.flo --format npz", "contradict"),
        ("infer frames/frame_1.png frames/frame_2.png -o frames/frame_2.png", "is an input"),
        ("infer frames empty -o x", "have no partner of the same name in empty: frame_1.png"),
        ("infer empty frames -o x", "have no partner of the same name in empty"),
        ("infer twice frames -o x", "have one name"),
        ("infer same -o x", "would be written twice: for same/a.bmp -> same/a.png and for same/a.png -> same/b.png"),
        ("infer frames --list pairs.txt", "not both"),
        ("infer --list words.txt -o x", "words.txt, line 2: expected 'img1 img2 [out]', got 1 words"),
        ("infer --list quote.txt -o x", "quote.txt, line 1: No closing quotation"),
        ("infer --list comments.txt -o x", "names no pair"),
        ("infer --list binary.txt -o x", "not a text file"),
        ("infer --list dot.txt -o x", "is no file name"),
        ("infer --list blocked.txt", "blocked.flo is a folder"),
    ],
)
def test_wrong_usage_is_told_before_any_work(run: Any, words: str, message: str, tmp_path: Path) -> None:
    Path("empty").mkdir()
    Path("blocked.flo").mkdir()
    for name in ("same/a.png", "same/a.bmp", "same/b.png", "twice/a.png", "twice/a.bmp"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    Path("words.txt").write_text("a.png b.png\nalone.png\n")
    Path("quote.txt").write_text('"a.png b.png\n')
    Path("comments.txt").write_text("# nothing\n")
    Path("binary.txt").write_bytes(b"\xff\xfe\x00")
    Path("dot.txt").write_text("a.png b.png .\n")
    Path("blocked.txt").write_text("a.png b.png blocked.flo\n")
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith("flownet2: error: ")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_missing_list(run: Any) -> None:
    assert run("infer", "--list", "nowhere.txt", "-o", "x").err == (
        "flownet2: error: nowhere.txt: No such file or directory\n"
    )


def test_progress_bar(run: Any, frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("infer", frames, "-o", "quiet").err == ""
    assert "3/3" in run("infer", frames, "-o", "shown", "--progress").err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    code, _, err = run("infer", frames, "-o", "missing", "--progress")
    assert code == 1
    assert 'pip install "flownet2[cli]"' in err


def test_without_opencv(run: Any, frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, out, err = run("infer", frames, "-o", "flow")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert 'pip install "flownet2[cli]"' in err


def test_ctrl_c_keeps_what_is_finished(run: Any, pictures: list[np.ndarray], tmp_path: Path) -> None:
    big = np.tile(pictures[0], (8, 8, 1))
    for number in range(400):
        path = tmp_path / "many" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        if number == 0:
            write_image(path, big)
        else:
            os.link(tmp_path / "many" / "0.png", path)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "infer", "many", "-o", "flow"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "flow" / "1.flo").exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert err.startswith("flownet2: error: interrupted: ")
    assert "Traceback" not in err
    finished = list((tmp_path / "flow").iterdir())
    assert 2 <= len(finished) < 399
    assert all(read_flow(path).flow.shape == (320, 384, 2) for path in finished)
