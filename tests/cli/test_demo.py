# SPDX-License-Identifier: Apache-2.0
"""`flownet2 demo` and examples/quickstart.py, on the pair inside the package."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2.builtin import DEMO_FLOW, DEMO_FRAME1, DEMO_FRAME2
from flownet2.io import read_flow, read_image
from flownet2.metrics import epe
from flownet2.viz import Panel, make_sheet, with_scale

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.py"


def test_demo(run: Any) -> None:
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    assert re.search(r"^EPE +0\.412 px \(zero flow: 2\.803 px\)$", out, re.MULTILINE)
    flow = read_flow("demo/flow.flo").flow
    assert epe(flow, read_flow(DEMO_FLOW).flow) == pytest.approx(0.4124, abs=5e-4)
    assert np.array_equal(read_image("demo/flow.png"), flownet2.viz.flow_to_color(flow))
    sheet = read_image("demo/demo.png")
    frame = read_image(DEMO_FRAME1)
    assert sheet.shape[0] > 2 * frame.shape[0]
    assert sheet.shape[1] > 2 * frame.shape[1]
    assert (sheet[150:500, 50:1000].reshape(-1, 3).std(axis=0) > 20).all()


def test_swapped_pictures_give_another_error(run: Any) -> None:
    code, out, _ = run("demo", "--swap", "-o", "there")
    assert code == 0
    flow = read_flow("there/flow_swapped.flo").flow
    error = epe(flow, read_flow(DEMO_FLOW).flow)
    assert error > 5
    assert f"{error:.3f} px (zero flow: 2.803 px)" in out
    assert Path("there/demo_swapped.png").is_file()


def test_demo_into_a_file(run: Any) -> None:
    Path("file").touch()
    code, out, err = run("demo", "-o", "file")
    assert (code, out) == (1, "")
    assert err.startswith("flownet2: error: file: ")


def test_panels_lie_where_they_belong() -> None:
    colors = (250, 20, 20), (20, 250, 20), (20, 20, 250)
    panels = [Panel(np.full((60, 80, 3), color, np.uint8), "caption", "note") for color in colors]
    page = make_sheet("title", "note", panels)
    found = [np.argwhere((page == color).all(axis=-1)) for color in colors]
    # Round corners are blended, all the rest of a panel is as it was.
    assert all(60 * 80 - 200 < len(place) <= 60 * 80 for place in found)
    (top1, left1), (top2, left2), (top3, left3) = (place.min(axis=0) for place in found)
    assert top1 == top2 < top3
    assert left1 == left3 < left2


def test_a_scale_shows_its_colours() -> None:
    picture = np.full((300, 400, 3), 255, np.uint8)
    colors = [(200, 10, 10), (10, 200, 10)]
    with_colors = with_scale(picture, [(color, "1") for color in colors])
    assert all((with_colors == color).all(axis=-1).sum() > 500 for color in colors)
    assert (picture == 255).all()
    assert np.array_equal(with_scale(picture[:20], [(colors[0], "1")]), picture[:20])


@pytest.mark.parametrize("files", [[], [str(DEMO_FRAME2), str(DEMO_FRAME1)]], ids=["built-in", "own"])
def test_quickstart(tmp_path: Path, files: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(QUICKSTART), *files], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    u, v = read_flow(tmp_path / "flow.flo").flow.mean(axis=(0, 1))
    assert done.stdout == f"wrote flow.flo and flow.png; mean flow {u:.3f}, {v:.3f} px\n"
    assert (u > 0) == bool(files)
    assert read_image(tmp_path / "flow.png").shape == (436, 1024, 3)
