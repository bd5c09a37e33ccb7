# SPDX-License-Identifier: Apache-2.0
"""`flownet2 compare`: two files, two folders, the truth, limits, pictures, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flownet2.builtin import DEMO_FLOW
from flownet2.io import read_flow, read_image, write_flow
from flownet2.metrics import epe, fl_all
from flownet2.viz import difference_map, error_map, flow_to_color


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return np.ascontiguousarray(read_flow(DEMO_FLOW).flow[200:300, 500:700])


@pytest.fixture
def files(run: Any, truth: np.ndarray) -> None:
    """a.flo, 1 px off the truth, and b.pfm, 0.5 px off but for one pixel of 40 px; gt.flo."""
    other = truth + np.float32([0, 0.5])
    other[12, 34] = truth[12, 34] + np.float32([40, 0])
    write_flow("a.flo", truth + np.float32([1, 0]))
    write_flow("b.pfm", other)
    write_flow("gt.flo", truth)


@pytest.fixture
def folders(files: None, truth: np.ndarray) -> None:
    """before/ and after/ with deep/frame_2, deep/frame_10 and alike; what belongs to one of them only; gt/."""
    for folder, shift, suffix in (("before", 0, ".flo"), ("after", 2, ".npy"), ("gt", 0.5, ".flo")):
        Path(folder, "deep").mkdir(parents=True)
        write_flow(f"{folder}/deep/frame_2{suffix}", truth + np.float32(shift))
        write_flow(f"{folder}/deep/frame_10{suffix}", truth + np.float32([shift / 2, 0]))
        write_flow(f"{folder}/alike{suffix}", truth)
    # A picture of a flow has its name; it is no flow.
    Path("before/alike.png").write_bytes(b"picture")
    Path("before/.hidden.flo").write_bytes(b"hidden")


@pytest.mark.usefixtures("files")
def test_two_files(run: Any, truth: np.ndarray) -> None:
    code, out, err = run("compare", "a.flo", "b.pfm")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    a, b = read_flow("a.flo").flow, read_flow("b.pfm").flow
    distance = np.linalg.norm(a - b, axis=-1)
    assert lines[:4] == ["A           a.flo", "B           b.pfm", "size        200x100, all known", "equal       no"]
    assert lines[4] == f"difference  mean {distance.mean():.4g} px, largest 39 px"
    assert "50 % within 1.12 px, 90 % within 1.12 px, 99 % within 1.12 px" in lines[5]
    assert "100 % above 1 px, 0.005 % above 3 px" in lines[6]
    vectors = ["({:.4f}, {:.4f})".format(*flow[12, 34]) for flow in (a, b)]
    assert lines[7] == f"largest at  x 34, y 12: A {vectors[0]}, B {vectors[1]} px"
    assert len(lines) == 8


@pytest.mark.usefixtures("files")
def test_a_file_with_itself(run: Any) -> None:
    code, out, _ = run("compare", "a.flo", "a.flo", "--max-diff", "0")
    assert code == 0
    assert "equal       yes, bit for bit\n" in out


@pytest.mark.usefixtures("files")
def test_with_the_truth(run: Any, truth: np.ndarray) -> None:
    code, out, _ = run("compare", "a.flo", "b.pfm", "--gt", "gt.flo")
    assert code == 0
    rows = {line.split("  ")[0]: line.split() for line in out.splitlines()}
    b = read_flow("b.pfm").flow
    assert rows["EPE"] == ["EPE", "1.000", f"{epe(b, truth):.3f}", "*", "px"]
    assert rows["Fl-all"] == ["Fl-all", "0.000", "*", f"{fl_all(b, truth):.3f}", "%"]
    # More is better.
    assert rows["WAUC"][2:] == [rows["WAUC"][2], "*", "%"]
    assert "nearer to the truth: A at 0.0 % of the pixels, B at 100.0 %, equally near at 0.0 %" in out


@pytest.mark.usefixtures("files")
def test_unknown_pixels(run: Any, truth: np.ndarray) -> None:
    valid = np.ones(truth.shape[:2], bool)
    valid[:25] = False
    write_flow("part.png", truth, valid)
    assert "size        200x100, known: A 20000, B 15000, both 15000\n" in run("compare", "gt.flo", "part.png").out
    assert "size        200x100, 15000 known in both (75.0 %)\n" in run("compare", "part.png", "part.png").out
    code, _, err = run("compare", "gt.flo", "part.png", "--max-diff", "9")
    assert code == 1
    assert err == "flownet2: error: part.png: 5000 pixels are known in one of the two only\n"


@pytest.mark.usefixtures("files")
def test_nothing_in_common(run: Any, truth: np.ndarray) -> None:
    write_flow("none.npz", truth, np.zeros(truth.shape[:2], bool))
    code, out, _ = run("compare", "none.npz", "a.flo", "--gt", "gt.flo", "-o", "x.png")
    assert code == 0
    assert "known: A 0, B 20000, both 0" in out
    assert "no pixel is known in both and in the truth" in out
    assert run("compare", "none.npz", "a.flo", "--json").code == 0


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("limit", "code"), [("39.1", 0), ("38.9", 1), ("0", 1)])
def test_limit(run: Any, limit: str, code: int) -> None:
    result = run("compare", "a.flo", "b.pfm", "--max-diff", limit)
    assert result.code == code
    told = f"flownet2: error: b.pfm: 39 px apart, more than --max-diff {limit}\n"
    assert result.err == (told if code else "")


@pytest.mark.usefixtures("files")
def test_picture(run: Any) -> None:
    assert run("compare", "a.flo", "b.pfm", "-o", "deep/page.png", "--max-flow", "9").code == 0
    page = read_image("deep/page.png")
    a, b = read_flow("a.flo").flow, read_flow("b.pfm").flow
    for picture in (flow_to_color(a, 9), flow_to_color(b, 9), difference_map(a, b)):
        assert holds(page, picture[20:60, 20:60])


@pytest.mark.usefixtures("files")
def test_picture_with_the_truth(run: Any, truth: np.ndarray) -> None:
    assert run("compare", "a.flo", "b.pfm", "--gt", "gt.flo", "-o", "pages/").code == 0
    page = read_image("pages/a.png")
    a, b = read_flow("a.flo").flow, read_flow("b.pfm").flow
    for picture in (flow_to_color(truth), error_map(a, truth), error_map(b, truth), difference_map(a, b)):
        assert holds(page, picture[10:60, 20:60])


def holds(page: np.ndarray, part: np.ndarray) -> bool:
    """Whether a picture lies somewhere on a page."""
    rows, columns = part.shape[:2]
    for y, x in np.argwhere((page == part[0, 0]).all(axis=-1)):
        window = page[y : y + rows, x : x + columns]
        if window.shape == part.shape and (window[::7, ::7] == part[::7, ::7]).all() and (window == part).all():
            return True
    return False


@pytest.mark.usefixtures("folders")
def test_folders(run: Any) -> None:
    code, out, err = run("compare", "before", "after/")
    assert (code, err) == (0, "")
    table = [line.split() for line in out.splitlines()]
    assert table[1] == ["alike", "0", "0", "0", "%", "yes"]
    assert table[2] == ["deep/frame_2", "2.83", "2.83", "100", "%", "no"]
    assert table[3] == ["deep/frame_10", "1", "1", "0", "%", "no"]
    assert "pairs       3, 1 of them equal bit for bit" in out
    assert f"difference  mean {(8**0.5 + 1) / 3:.4g} px, largest 2.828 px" in out
    assert "66.7 % above 0.01 px, 33.3 % above 1 px, 0 % above 3 px" in out
    assert "largest in  deep/frame_2 at x " in out


@pytest.mark.usefixtures("folders")
def test_folders_with_the_truth(run: Any) -> None:
    out = run("compare", "before", "after", "--gt", "gt").out
    rows = {line.split("  ")[0]: line.split() for line in out.splitlines() if line}
    assert rows["deep/frame_2"][-2:] == ["0.707", "2.121"]
    assert rows["deep/frame_10"][-2:] == ["0.250", "0.750"]
    assert rows["EPE"] == ["EPE", f"{(0.5**0.5 + 0.25) / 3:.3f}", "*", f"{(4.5**0.5 + 0.75) / 3:.3f}", "px"]


@pytest.mark.usefixtures("folders")
def test_files_without_a_partner_and_damaged_ones(run: Any) -> None:
    Path("after/deep/frame_2.npy").unlink()
    Path("after/alike.npy").write_bytes(b"x")
    code, out, err = run("compare", "before", "after")
    assert code == 1
    lines = err.splitlines()
    assert lines[0] == "flownet2: error: before/deep/frame_2.flo: no partner of this name in after"
    assert lines[1].startswith("flownet2: error: alike: after/alike.npy: ")
    assert "pairs       1, 0 of them equal" in out
    Path("gt/deep/frame_10.flo").unlink()
    assert "deep/frame_10.flo: no truth of this name in gt" in run("compare", "before", "after", "--gt", "gt").err


@pytest.mark.usefixtures("folders")
def test_limit_and_pictures_of_folders(run: Any) -> None:
    code, _, err = run("compare", "before", "after", "--max-diff", "2", "-o", "pages")
    assert code == 1
    assert err == "flownet2: error: deep/frame_2: 2.828 px apart, more than --max-diff 2\n"
    assert sorted(path.as_posix() for path in Path("pages").rglob("*.png")) == [
        "pages/alike.png",
        "pages/deep/frame_10.png",
        "pages/deep/frame_2.png",
    ]


@pytest.mark.usefixtures("folders")
def test_json(run: Any, truth: np.ndarray) -> None:
    code, out, _ = run("compare", "before", "after", "--gt", "gt", "--json")
    assert code == 0
    content = json.loads(out)
    assert [one["name"] for one in content["files"]] == ["alike", "deep/frame_2", "deep/frame_10"]
    second = content["files"][1]
    assert second["largest_px"] == pytest.approx(8**0.5, rel=1e-5)
    assert second["metrics"]["b"]["epe"] == pytest.approx(4.5**0.5, rel=1e-5)
    assert second["better"] == {"a": 100.0, "b": 0.0, "equal": 0.0}
    printed = run("compare", "before", "after", "--gt", "gt", "--json", "deep/er.json")
    assert printed.out.startswith("name")
    assert json.loads(Path("deep/er.json").read_text()) == content


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        ("a.flo before", "not a mixture", 2),
        ("before after --gt gt.flo", "not a mixture", 2),
        ("before pages", "have no flow files of one name", 2),
        ("before after -o page.png", "pictures of several flows need a folder", 2),
        ("a.flo b.pfm -o page.txt", "the suffix tells the format", 2),
        ("a.flo b.pfm -o picture.png --json picture.png", "written twice", 2),
        ("a.flo b.pfm --json a.flo", "a.flo is an input and would be replaced", 2),
        ("a.flo b.pfm --max-diff -1", "must be a number of pixels", 2),
        ("a.flo nowhere.flo", "nowhere.flo: No such file", 1),
        ("a.flo notes.txt", "unknown flow file suffix", 1),
        ("a.flo small.flo", "a.flo has 200x100 pixels, small.flo has 200x10", 1),
        ("a.flo b.pfm --gt small.flo", "a.flo has 200x100 pixels, small.flo has 200x10", 1),
    ],
)
def test_refusals(run: Any, truth: np.ndarray, words: str, message: str, code: int) -> None:
    Path("pages").mkdir()
    Path("notes.txt").touch()
    write_flow("small.flo", truth[:10])
    result = run("compare", *words.split())
    assert result.code == code
    assert result.out == ""
    assert message in result.err


@pytest.mark.usefixtures("folders")
def test_two_flows_of_one_name(run: Any, truth: np.ndarray) -> None:
    write_flow("before/alike.pfm", truth)
    code, _, err = run("compare", "before", "after")
    assert code == 2
    assert "have one name; which is meant?" in err


def test_kitti_folders(run: Any, truth: np.ndarray) -> None:
    for folder in ("one", "two"):
        Path(folder).mkdir()
        write_flow(f"{folder}/000000_10.png", truth)
    assert "pairs       1, 1 of them equal bit for bit" in run("compare", "one", "two").out
