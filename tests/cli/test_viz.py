# SPDX-License-Identifier: Apache-2.0
"""`flownet2 viz`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flownet2.builtin import DEMO_FLOW
from flownet2.io import read_flow, read_image, write_flow, write_image
from flownet2.metrics import epe, fl_all
from flownet2.viz import (
    arrow_scale,
    draw_arrows,
    error_map,
    error_steps,
    flow_to_color,
    max_speed,
    side_by_side,
    with_legend,
    with_scale,
)


@pytest.fixture(scope="module")
def flow() -> np.ndarray:
    return np.ascontiguousarray(read_flow(DEMO_FLOW).flow[:200, :200])


@pytest.fixture
def files(run: Any, flow: np.ndarray) -> Path:
    """one.flo and two.flo in the current folder, and their truth in truth/."""
    for name, array in (("one.flo", flow), ("two.flo", flow * 2), ("truth/one.pfm", flow + 1), ("truth/two.flo", flow)):
        Path(name).parent.mkdir(exist_ok=True)
        write_flow(name, array)
    return Path("truth")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "scale"), [((), None), (("--max-flow", "frame"), None), (("--max-flow", "12.5"), 12.5)]
)
def test_colours(run: Any, flow: np.ndarray, words: tuple[str, ...], scale: float | None) -> None:
    code, out, err = run("viz", "one.flo", "-o", "one.png", *words)
    assert (code, err) == (0, "")
    assert out == f"one.png: 200x200, full colour is {scale or max_speed(flow):.4g} px\n"
    assert np.array_equal(read_image("one.png"), flow_to_color(flow, scale))


@pytest.mark.usefixtures("files")
def test_legend(run: Any, flow: np.ndarray) -> None:
    assert run("viz", "one.flo", "-o", "one.png", "--legend", "--max-flow", "9").code == 0
    assert np.array_equal(read_image("one.png"), with_legend(flow_to_color(flow, 9), 9))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("folder", ["colours", "colours/"])
def test_several(run: Any, flow: np.ndarray, folder: str) -> None:
    code, out, _ = run("viz", "one.flo", "two.flo", "-o", folder)
    assert code == 0
    assert out.endswith("2 done, 0 skipped, 0 failed\n")
    assert np.array_equal(read_image("colours/two.png"), flow_to_color(flow * 2))


def test_errors_against_a_folder(run: Any, files: Path, flow: np.ndarray) -> None:
    code, out, _ = run("viz", "one.flo", "two.flo", "-o", "errors", "--gt", files)
    assert code == 0
    for line, array, truth in zip(out.splitlines(), (flow, flow * 2), (flow + 1, flow), strict=False):
        assert f"EPE {epe(array, truth):.3f} px, Fl {fl_all(array, truth):.2f} %, 100.0 %" in line
    assert np.array_equal(read_image("errors/one.png"), error_map(flow, flow + 1))


def test_unknown_pixels_do_not_count(run: Any, files: Path, flow: np.ndarray) -> None:
    valid = np.ones(flow.shape[:2], bool)
    valid[:50] = False
    write_flow("truth.png", flow + 1, valid)
    code, out, _ = run("viz", "one.flo", "-o", "error.png", "--gt", "truth.png")
    assert code == 0
    assert "EPE 1.414 px" in out
    assert "75.0 % of the pixels known" in out
    assert not read_image("error.png")[:50].any()


def test_the_other_flows_are_still_drawn(run: Any, files: Path) -> None:
    Path("cut.flo").write_bytes(Path("one.flo").read_bytes()[:-1])
    code, out, err = run("viz", "cut.flo", "nowhere.flo", "one.flo", "-o", "colours")
    assert code == 1
    assert out.endswith("1 done, 0 skipped, 2 failed\n")
    assert Path("colours/one.png").is_file()
    first, second = err.splitlines()
    assert "truncated" in first
    assert second.endswith("nowhere.flo: No such file or directory")


def test_another_size_of_truth(run: Any, files: Path, flow: np.ndarray) -> None:
    write_flow("small.flo", flow[:10])
    code, _, err = run("viz", "one.flo", "-o", "x.png", "--gt", "small.flo")
    assert code == 1
    assert "one.flo has 200x200 pixels, small.flo has 200x10" in err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("one.flo -o one.txt", "the suffix tells the format"),
        ("one.flo two.flo -o x.png", "several flows need a folder"),
        ("one.flo truth/one.pfm -o x", "would be written twice"),
        ("one.flo two.flo -o x --gt truth/one.pfm", "is one file for 2 flows"),
        ("one.flo -o x.png --gt nowhere.flo", "No such file"),
        ("three.flo -o x.png --gt truth", "has no file of the name of three.flo"),
        ("same.png -o same.png", "is an input and would be replaced"),
        ("one.flo -o one.flo/x.png", "one.flo"),
    ],
)
def test_refusals(run: Any, words: str, message: str) -> None:
    code, out, err = run("viz", *words.split())
    assert code in (1, 2)
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.fixture
def frame(files: Path, flow: np.ndarray) -> np.ndarray:
    """frames/one.png, frames/two.png, of 16 bits, and deep.txt in the current folder."""
    picture = np.random.RandomState(4).randint(0, 255, (*flow.shape[:2], 3)).astype(np.uint8)
    Path("frames").mkdir()
    write_image("frames/one.png", picture)
    write_image("frames/two.png", picture.astype(np.uint16) * 256 + 7)
    return picture


@pytest.mark.usefixtures("files")
def test_arrows_on_the_colours(run: Any, flow: np.ndarray) -> None:
    code, out, err = run("viz", "one.flo", "-o", "one.png", "--arrows", "25", "--arrow-scale", "3", "--max-flow", "9")
    assert (code, err) == (0, "")
    assert out == "one.png: 200x200, full colour is 9 px, arrows are 3 times the motion\n"
    assert np.array_equal(read_image("one.png"), draw_arrows(flow_to_color(flow, 9), flow, step=25, scale=3))
    run("viz", "one.flo", "-o", "one.png", "--arrows", "--legend", "--max-flow", "9")
    assert np.array_equal(read_image("one.png"), with_legend(draw_arrows(flow_to_color(flow, 9), flow), 9))


def test_arrows_on_frames(run: Any, frame: np.ndarray, flow: np.ndarray) -> None:
    code, out, _ = run("viz", "one.flo", "two.flo", "-o", "out", "--arrows", "--image", "frames")
    assert code == 0
    assert out.splitlines()[0] == f"out/one.png: 200x200, arrows are {arrow_scale(flow):g} times the motion"
    assert np.array_equal(read_image("out/one.png"), draw_arrows(frame, flow))
    assert np.array_equal(read_image("out/two.png"), draw_arrows(frame, flow * 2))
    # A wheel would explain colours that are not there.
    run("viz", "one.flo", "-o", "one.png", "--arrows", "--image", "frames/one.png", "--legend")
    assert np.array_equal(read_image("one.png"), draw_arrows(frame, flow))


@pytest.mark.usefixtures("files")
def test_legend_of_errors(run: Any, flow: np.ndarray) -> None:
    big = np.tile(flow, (2, 2, 1))
    write_flow("big.flo", big)
    write_flow("truth.flo", big + 1)
    assert run("viz", "big.flo", "-o", "big.png", "--gt", "truth.flo", "--legend").code == 0
    expected = error_map(big, big + 1)
    assert np.array_equal(read_image("big.png"), with_scale(expected, error_steps()))
    assert not np.array_equal(read_image("big.png"), expected)


def test_side_by_side(run: Any, files: Path, frame: np.ndarray, flow: np.ndarray) -> None:
    words = ("viz", "two.flo", "-o", "page.png", "--side-by-side", "--image", "frames/two.png", "--arrows", "30")
    code, out, _ = run(*words, "--gt", "truth/two.flo", "--max-flow", "7")
    assert code == 0
    assert out.startswith(f"page.png: 200x200, EPE {epe(flow * 2, flow):.3f} px, Fl ")
    expected = side_by_side(flow * 2, image=frame, truth=flow, max_flow=7, title="two", arrows=30)
    assert np.array_equal(read_image("page.png"), expected)
    assert run("viz", "two.flo", "-o", "page.png", "--side-by-side").out == "page.png: 200x200\n"
    assert np.array_equal(read_image("page.png"), side_by_side(flow * 2, title="two"))


def test_a_frame_of_another_size(run: Any, frame: np.ndarray) -> None:
    write_image("small.png", frame[:50])
    code, _, err = run("viz", "one.flo", "-o", "x.png", "--arrows", "--image", "small.png")
    assert code == 1
    assert "one.flo has 200x200 pixels, small.png has 200x50" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--arrow-scale 2", "--arrow-scale is for --arrows"),
        ("--image frames/one.png", "--image is for --arrows or --side-by-side"),
        ("--arrows --gt truth", "--gt draws the error, which has no arrows"),
        ("--arrows 1", "must be a whole number of pixels, at least 2"),
        ("--arrows x", "must be a whole number of pixels, at least 2"),
        ("--arrows --arrow-scale 0", "must be a positive number"),
        ("--arrows --image truth", "has no file of the name of one.flo"),
    ],
)
def test_options_that_do_not_go_together(run: Any, frame: np.ndarray, words: str, message: str) -> None:
    code, out, err = run("viz", "one.flo", "-o", "x.png", *words.split())
    assert (code, out) == (2, "")
    assert message in err
