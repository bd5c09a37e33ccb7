# SPDX-License-Identifier: Apache-2.0
"""`flownet2 submit`, on tiny trees in each data set's layout."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from datasets import trees
from flownet2.cli import _options
from flownet2.io import read_flow
from flownet2.submission import BENCHMARKS, open_submission

COUNTS = {"sintel": 6, "kitti2012": 3, "kitti2015": 3, "spring": 16}


def build(name: str) -> Path:
    root = Path("data")
    if name == "sintel":
        return trees.sintel(root)
    if name == "spring":
        return trees.spring(root)
    return trees.kitti(root, "colored_0" if name == "kitti2012" else "image_2", objects=False)


@pytest.fixture
def data(run: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Builds a tree in the current folder, and lets its test split count as the whole one."""
    for name, count in COUNTS.items():
        monkeypatch.setitem(BENCHMARKS, name, BENCHMARKS[name]._replace(pairs=count))
    return build


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a model has begun to work."""
    monkeypatch.setattr(_options, "load", lambda *args, **options: pytest.fail("a model was loaded"))


def files_of(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_whole_submission(run: Any, data: Any, name: str) -> None:
    root = data(name)
    code, out, err = run("submit", name, root, "-o", "out/put")
    assert (code, err) == (0, "")
    count = COUNTS[name]
    assert out.startswith(
        f"{count} done, 0 skipped, 0 failed\nchecked {count} of {count} files: as the server wants them\n"
    )
    submission = open_submission(name, root)
    assert files_of("out/put") == sorted(entry.path for entry in submission.entries)
    # The last entry: Sintel's final pass, Spring's backward flow of the right camera.
    entry = submission.entries[-1]
    expected = flownet2.load()(*entry.pair.pictures())
    step = 1 / 128 if name.startswith("kitti") else 0.0
    assert np.abs(read_flow(Path("out/put", entry.path)).flow - expected).max() <= step


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("sintel", ["  data/bundler/linux-x64/bundler 'o t/clean' 'o t/final' sintel.lzma", "sintel.is.tue.mpg.de"]),
        (
            "kitti2012",
            ["  flownet2 submit kitti2012 data -o 'o t' --check-only --zip", "eval_stereo_flow.php?benchmark=flow"],
        ),
        (
            "kitti2015",
            ["  flownet2 submit kitti2015 data -o 'o t' --check-only --zip", "eval_scene_flow.php?benchmark=flow"],
        ),
        ("spring", ["  ./flow_subsampling 'o t'", "flow_submission.hdf5", "https://spring-benchmark.org/submit"]),
    ],
)
def test_the_next_step(run: Any, data: Any, name: str, lines: list[str]) -> None:
    out = run("submit", name, data(name), "-o", "o t").out
    assert lines[0] in out.splitlines()
    assert all(line in out for line in lines[1:])


@pytest.mark.parametrize("words", [["--zip"], ["--zip", "deep/er/my.zip"]])
def test_zip(run: Any, data: Any, words: list[str]) -> None:
    Path("deep/er").mkdir(parents=True)
    code, out, _ = run("submit", "kitti2015", data("kitti2015"), "-o", "res/out/", *words)
    archive = Path(words[-1] if len(words) > 1 else "res/out.zip")
    assert code == 0
    assert f"next: upload {archive}," in out
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == [f"flow/00000{number}_10.png" for number in range(3)]


def test_zip_of_the_current_folder(run: Any, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = data("kitti2012").resolve()
    Path("here").mkdir()
    monkeypatch.chdir("here")
    assert run("submit", "kitti2012", root, "-o", ".", "--zip").code == 0
    with zipfile.ZipFile("../here.zip") as packed:
        assert packed.namelist() == [f"00000{number}_10.png" for number in range(3)]


@pytest.mark.usefixtures("no_model")
def test_check_only(run: Any, data: Any) -> None:
    root = data("kitti2012")
    for number in range(3):
        trees.flow(Path(f"out/00000{number}_10.png"), number)
    assert run("submit", "kitti2012", root, "-o", "out", "--check-only").code == 0
    trees.flow(Path("out/000001_10.png"), unknown=[(0, 0)])
    trees.empty(Path("out/notes.txt"))
    code, out, err = run("submit", "kitti2012", root, "-o", "out", "--check-only", "--zip")
    assert (code, out) == (1, "checked 3 of 3 files: 2 faults\n")
    assert err.splitlines() == [
        "flownet2: error: out/notes.txt: no part of the submission; move it away",
        "flownet2: error: out/000001_10.png: no flow at 1 of 96 pixels; every pixel counts",
    ]
    assert not Path("out.zip").exists()


@pytest.mark.usefixtures("no_model")
def test_a_part_of_the_data_set_is_told(run: Any) -> None:
    root = build("kitti2012")
    for number in range(3):
        trees.flow(Path(f"out/00000{number}_10.png"), number)
    code, out, err = run("submit", "kitti2012", root, "-o", "out", "--zip")
    assert code == 1
    assert "3 pairs are there, the test split of KITTI 2012 has 195" in err
    assert "next" not in out
    assert not Path("out.zip").exists()


@pytest.mark.usefixtures("no_model")
def test_many_faults_are_cut_short(run: Any, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flownet2.cli.submit._SHOWN", 2)
    Path("out").mkdir()
    code, out, err = run("submit", "kitti2012", data("kitti2012"), "-o", "out", "--check-only")
    assert (code, out) == (1, "checked 0 of 3 files: 3 faults\n")
    assert err.splitlines()[1:] == ["flownet2: error: out/000001_10.png: missing", "flownet2: error: and 1 more"]


def test_finished_files_are_kept(run: Any, data: Any) -> None:
    root = data("sintel")
    mine = trees.flow(Path("out/clean/alley_1/frame_0002.flo"), 7).read_bytes()
    code, out, _ = run("submit", "sintel", root, "-o", "out")
    assert code == 0
    assert out.startswith("5 done, 1 skipped, 0 failed (there already; --overwrite computes again)\n")
    assert Path("out/clean/alley_1/frame_0002.flo").read_bytes() == mine
    assert run("submit", "sintel", root, "-o", "out", "--overwrite").out.startswith("6 done, 0 skipped, 0 failed\n")
    assert Path("out/clean/alley_1/frame_0002.flo").read_bytes() != mine


@pytest.mark.usefixtures("no_model")
def test_nothing_left_to_do_loads_nothing(run: Any, data: Any) -> None:
    root = data("kitti2015")
    for number in range(3):
        trees.flow(Path(f"out/flow/00000{number}_10.png"), number)
    code, out, _ = run("submit", "kitti2015", root, "-o", "out")
    assert code == 0
    assert out.startswith("0 done, 3 skipped, 0 failed")


def test_a_kept_file_that_is_damaged_is_found(run: Any, data: Any) -> None:
    root = data("sintel")
    trees.empty(Path("out/final/bamboo_2/frame_0001.flo"))
    code, out, err = run("submit", "sintel", root, "-o", "out")
    assert code == 1
    assert "checked 6 of 6 files: 1 fault\n" in out
    assert err.startswith("flownet2: error: out/final/bamboo_2/frame_0001.flo: ")


def test_the_other_pairs_are_still_done(run: Any, data: Any) -> None:
    root = data("kitti2012")
    broken = root / "testing/colored_0/000001_11.png"
    broken.write_bytes(broken.read_bytes()[:30])
    code, out, err = run("submit", "kitti2012", root, "-o", "out", "--zip")
    assert (code, out) == (1, "2 done, 0 skipped, 1 failed\n")
    assert err.startswith("flownet2: error: 000001_10.png: data/testing/colored_0/000001_11.png: truncated")
    assert files_of("out") == ["000000_10.png", "000002_10.png"]
    assert not Path("out.zip").exists()


def test_clipped_pixels_are_told(run: Any, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fast(self: Any, one: np.ndarray, *args: Any, **options: Any) -> np.ndarray:
        flow = np.zeros((*one.shape[:2], 2), np.float32)
        flow[0, :5, 0] = 1000
        return flow

    monkeypatch.setattr("flownet2.api.FlowEstimator.__call__", fast)
    root = data("kitti2012")
    code, out, _ = run("submit", "kitti2012", root, "-o", "out")
    assert code == 0
    told = "15 of 288 pixels lie at the end of KITTI's range, -512 to 511.98 px: flow beyond it was clipped"
    assert told in out.splitlines()
    # A resumed run knows it too: it is read off the files.
    assert told in run("submit", "kitti2012", root, "-o", "out").out


def test_flow_that_is_not_finite_is_a_failure(run: Any, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = np.full((trees.HEIGHT, trees.WIDTH, 2), np.nan, np.float32)
    monkeypatch.setattr("flownet2.api.FlowEstimator.__call__", lambda *args, **options: nowhere)
    code, out, err = run("submit", "kitti2012", data("kitti2012"), "-o", "out")
    assert (code, out) == (1, "0 done, 0 skipped, 3 failed\n")
    assert "not finite" in err
    assert files_of("out") == []


def test_ctrl_c_keeps_what_is_finished(run: Any, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = flownet2.FlowEstimator.__call__
    calls: list[int] = []

    def interrupted(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args, **options)

    root = data("spring")
    monkeypatch.setattr("flownet2.api.FlowEstimator.__call__", interrupted)
    code, out, err = run("submit", "spring", root, "-o", "out")
    assert (code, out) == (130, "")
    assert "interrupted: 1 done, 0 skipped, 0 failed, 15 not finished" in err
    assert len(files_of("out")) == 1
    assert run("submit", "spring", root, "-o", "out").out.startswith("15 done, 1 skipped, 0 failed")


def test_the_size_rule_is_obeyed(run: Any, data: Any) -> None:
    root = data("kitti2012")
    for shade, name in ((3, "000000_10"), (90, "000000_11")):
        picture = np.random.RandomState(shade).randint(0, 255, (trees.HEIGHT, trees.WIDTH, 3)).astype(np.uint8)
        flownet2.io.write_image(root / f"testing/colored_0/{name}.png", picture)
    assert run("submit", "kitti2012", root, "-o", "out", "--size-rule", "pad").code == 0
    pictures = open_submission("kitti2012", root).entries[0].pair.pictures()
    padded, resized = (flownet2.load()(*pictures, size_rule=rule) for rule in ("pad", "resize"))
    found = read_flow("out/000000_10.png").flow
    assert np.abs(found - padded).max() <= 1 / 128
    assert np.abs(found - resized).max() > 1 / 64


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("hd1k data -o out", "invalid choice"),
        ("kitti2015 data -o out --size-rule crop", "invalid choice"),
        ("sintel data -o out --zip", "--zip is for KITTI"),
        ("kitti2015 data -o file", "file is a file"),
        ("kitti2015 data -o full", "full holds 1 files that are no part of the submission: full/mine.txt"),
        ("kitti2015 data -o data", "no part of the submission"),
        ("kitti2015 data -o data/testing/image_2", "no part of the submission"),
        ("kitti2015 data -o out --zip out/x.zip", "a file outside of out"),
        ("kitti2015 data -o out --zip full", "a file outside of out"),
        ("kitti2015 data -o nowhere --check-only", "no such folder"),
    ],
)
def test_wrong_usage(run: Any, data: Any, words: str, message: str) -> None:
    data("kitti2015")
    Path("file").touch()
    trees.empty(Path("full/mine.txt"))
    before = files_of(".")
    code, out, err = run("submit", *words.split())
    assert (code, out) == (2, "")
    assert message in err
    assert files_of(".") == before


@pytest.mark.usefixtures("no_model")
def test_the_pictures_are_never_replaced(run: Any, data: Any) -> None:
    """A link leads the files of KITTI 2015 to pictures of the same names."""
    root = data("kitti2015")
    Path("out").mkdir()
    Path("out/flow").symlink_to((root / "testing/image_2").resolve(), target_is_directory=True)
    code, _, err = run("submit", "kitti2015", root, "-o", "out", "--overwrite")
    assert code == 2
    assert "out/flow/000000_10.png is an input and would be replaced" in err


@pytest.mark.usefixtures("no_model")
def test_a_missing_data_set(run: Any) -> None:
    code, out, err = run("submit", "spring", "nowhere", "-o", "out")
    assert (code, out) == (1, "")
    assert "spring: " in err
    assert not Path("out").exists()


def test_spring_without_its_package(run: Any, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = data("spring")
    monkeypatch.setitem(sys.modules, "h5py", None)
    code, _, err = run("submit", "spring", root, "-o", "out")
    assert code == 1
    assert 'pip install "flownet2[hdf5]"' in err
    assert len(err.splitlines()) == 1


def test_another_model(run: Any, data: Any) -> None:
    code, _, err = run("submit", "kitti2012", data("kitti2012"), "-o", "out", "--model", "nowhere.safetensors")
    assert code == 1
    assert "nowhere.safetensors" in err
    assert files_of("out") == []
