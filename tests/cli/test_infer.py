# SPDX-License-Identifier: Apache-2.0
"""`flownet2 infer`: what is written, for every kind of input."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2.io import FLOW_SUFFIXES, read_flow, read_image, write_image
from flownet2.viz import flow_to_color


@pytest.fixture(scope="module")
def flows(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """What the library computes for each picture with the next."""
    model = flownet2.load()
    return [model(one, two) for one, two in itertools.pairwise(pictures)]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_pair(run: Any, pair: tuple[Path, Path], flows: list[np.ndarray], tmp_path: Path) -> None:
    code, out, err = run("infer", *pair, "-o", "out.flo", "--viz", "colours.png")
    assert (code, err) == (0, "")
    assert out.startswith("out.flo, colours.png (")
    assert np.array_equal(read_flow("out.flo").flow, flows[0])
    assert np.array_equal(read_image("colours.png"), flow_to_color(flows[0]))
    assert names(tmp_path / "frames") == [".hidden.png", *(f"frame_{n}.png" for n in (1, 10, 11, 2)), "notes.txt"]


def test_picture_beside_the_flow_and_fixed_scale(run: Any, pair: tuple[Path, Path], flows: list[np.ndarray]) -> None:
    assert run("infer", *pair, "-o", "out.flo", "--max-flow", "30", "--viz").code == 0
    assert np.array_equal(read_image("out.png"), flow_to_color(flows[0], 30))


def test_picture_alone(run: Any, pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert run("infer", *pair, "--viz", "only.png").code == 0
    assert Path("only.png").is_file()
    assert not list(tmp_path.glob("*.flo"))


def test_backward_is_the_swapped_pair(run: Any, pair: tuple[Path, Path]) -> None:
    assert run("infer", *pair, "-o", "out.flo", "--backward").code == 0
    assert run("infer", *pair[::-1], "-o", "swapped.flo").code == 0
    assert Path("out_backward.flo").read_bytes() == Path("swapped.flo").read_bytes()
    assert Path("out_backward.flo").read_bytes() != Path("out.flo").read_bytes()


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_formats(run: Any, pair: tuple[Path, Path], flows: list[np.ndarray], suffix: str) -> None:
    assert run("infer", *pair, "-o", f"out{suffix}").code == 0
    tolerance = 1 / 128 if suffix == ".png" else 0
    assert np.abs(read_flow(f"out{suffix}").flow - flows[0]).max() <= tolerance


def test_a_folder_is_a_sequence_in_natural_order(run: Any, frames: Path, flows: list[np.ndarray]) -> None:
    code, out, _ = run("infer", frames, "-o", "flow", "--format", "npz", "--viz", "colours/")
    assert (code, out) == (0, "3 done, 0 skipped, 0 failed\n")
    assert names(Path("flow")) == ["frame_1.npz", "frame_10.npz", "frame_2.npz"]
    assert names(Path("colours")) == ["frame_1.png", "frame_10.png", "frame_2.png"]
    for number, flow in zip((1, 2, 10), flows, strict=False):
        assert np.array_equal(read_flow(f"flow/frame_{number}.npz").flow, flow)


def test_files_are_a_sequence_in_their_order(run: Any, frames: Path, flows: list[np.ndarray]) -> None:
    files = [frames / f"frame_{number}.png" for number in (1, 2, 10)]
    assert run("infer", *files, "-o", "flow/").code == 0
    assert np.array_equal(read_flow("flow/frame_2.flo").flow, flows[1])


def test_two_folders_are_paired_by_name(run: Any, pictures: list[np.ndarray], flows: list[np.ndarray]) -> None:
    for folder, shift, suffix in (("left", 0, ".png"), ("right", 1, ".bmp")):
        Path(folder).mkdir()
        for index in (0, 1):
            write_image(f"{folder}/{index}{suffix}", pictures[index + shift])
    assert run("infer", "left", "right", "-o", "flow").out == "2 done, 0 skipped, 0 failed\n"
    for index in (0, 1):
        assert np.array_equal(read_flow(f"flow/{index}.flo").flow, flows[index])


def test_a_list(run: Any, frames: Path, flows: list[np.ndarray]) -> None:
    (frames / "with blank.png").write_bytes((frames / "frame_2.png").read_bytes())
    Path("pairs.txt").write_text(
        "# a comment\n\n"
        "frames/frame_1.png frames/frame_2.png\n"
        'frames/frame_1.png  "frames/with blank.png"  deeper/named.pfm\n'
        "frames/frame_2.png frames/frame_10.png plain\n"
    )
    assert run("infer", "--list", "pairs.txt", "-o", "flow", "--viz").out == "3 done, 0 skipped, 0 failed\n"
    assert [name for name in names(Path("flow")) if not name.endswith("png")] == [
        "deeper/named.pfm",
        "frame_1.flo",
        "plain.flo",
    ]
    assert Path("flow/deeper/named.png").is_file()
    for name, flow in (("deeper/named.pfm", flows[0]), ("frame_1.flo", flows[0]), ("plain.flo", flows[1])):
        assert np.array_equal(read_flow(f"flow/{name}").flow, flow)


def test_a_list_that_names_its_outputs_needs_no_folder(run: Any, frames: Path) -> None:
    Path("pairs.txt").write_text("frames/frame_1.png frames/frame_2.png here/it.flo\n")
    assert run("infer", "--list", "pairs.txt").code == 0
    assert Path("here/it.flo").is_file()


@pytest.mark.parametrize(("rule", "size"), [("resize", (40, 48)), ("pad", (40, 48)), ("crop", (32, 32))])
def test_size_rules(
    run: Any, pair: tuple[Path, Path], pictures: list[np.ndarray], rule: str, size: tuple[int, int]
) -> None:
    assert run("infer", *pair, "-o", "out.flo", "--size-rule", rule).code == 0
    flow = read_flow("out.flo").flow
    assert flow.shape[:2] == size
    assert np.array_equal(flow, flownet2.load()(*pictures[:2], size_rule=rule))


def test_executor_and_threads(run: Any, pair: tuple[Path, Path], flows: list[np.ndarray]) -> None:
    before = flownet2.get_num_threads()
    try:
        assert run("infer", *pair, "-o", "out.flo", "--executor", "reference", "--threads", 1).code == 0
        assert flownet2.get_num_threads() == 1
    finally:
        flownet2.set_num_threads(before)
    assert np.abs(read_flow("out.flo").flow - flows[0]).max() < 1e-3


def test_sixteen_bits(run: Any, pictures: list[np.ndarray], flows: list[np.ndarray]) -> None:
    for index in (0, 1):
        write_image(f"{index}.png", pictures[index].astype(np.uint16) * 257)
    assert run("infer", "0.png", "1.png", "-o", "out.flo").code == 0
    assert np.abs(read_flow("out.flo").flow - flows[0]).max() < 0.1
