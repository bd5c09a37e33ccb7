# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' race: it runs and says what it should. How fast anything was is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from repo.source_tree import ROOT

BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/bench_peers.py as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench_peers

    return bench_peers


def runner(bench: ModuleType, text: str, walls: list[float]) -> Any:
    return SimpleNamespace(spec=bench.parse_spec(text), walls=lambda: walls)


def call(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, BENCHMARKS / "bench_peers.py", *words]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)


def test_a_race(tmp_path: Path) -> None:
    words = "--networks flownet2-lite --sizes 60x64 --executors native native::scalar --batch 3 --rounds 2 --threads 1"
    done = call(*words.split(), "--output", tmp_path, "--cache", tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*-networks-60x64.json")
    record = json.loads(path.read_text())
    assert [row["competitor"] for row in record["rows"]] == ["native", "native@3", "native::scalar", "native::scalar@3"]
    assert [row["input"] for row in record["rows"]] == ["1x6x64x64", "3x6x64x64"] * 2
    assert record["rows"][2]["kernels"] == ["scalar"]
    for row in record["rows"]:
        assert 0 < row["min_s"] <= row["median_s"] <= row["max_s"]
        assert row["pairs_per_s"] * row["median_s"] == pytest.approx(int(row["input"][0]))
        assert row["s_per_megapixel"] == pytest.approx(row["median_s"] / (int(row["input"][0]) * 64 * 64e-6))
        assert ("pairs_per_s_to_single" in row) == row["competitor"].endswith("@3")
    assert record["peak_gflops"][0]["before"]["fma"] > 0
    assert record["peak_gflops"][0]["after"]["fma"] > 0
    page = path.with_suffix(".md").read_text()
    assert "native::scalar@3" in page
    assert "x batch 1" in page
    assert "max diff px" not in page  # nobody to differ from
    assert not (tmp_path / "cache").exists()


def test_a_worker_that_cannot_is_told(tmp_path: Path) -> None:
    done = call(
        "--networks", "flownet2-lite", "--sizes", "64x64", "--executors", "native::avx9000", "--output", tmp_path
    )
    assert done.returncode == 1
    assert "FLOWNET2_ISA must be one of" in done.stderr
    assert "native::avx9000: the worker stopped" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fast", "KIND one of native, numpy, reference, torch, ort, openvino"),
        ("native:float32:avx2:x", r"expected KIND\[:PRECISION\[:ISA\]\]"),
        ("native:int8", "the precision must be one of float32, bfloat16"),
        ("ort:bfloat16", "ONNX Runtime has neither"),
        ("openvino::scalar", "must be one of avx2, avx512, avx512_bf16, amx"),
    ],
)
def test_names_that_mean_nobody(bench: ModuleType, text: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        bench.parse_spec(text)


@pytest.mark.parametrize("text", ["native", "native:bfloat16", "native::avx2", "openvino:bfloat16:amx"])
def test_names_are_kept(bench: ModuleType, text: str) -> None:
    assert bench.parse_spec(text).name == text
    assert bench.parse_spec("torch:float32:avx2").name == "torch::avx2"


def test_rivals(bench: ModuleType) -> None:
    times = {
        "native": 1.0, "torch": 4.0, "ort": 3.0, "openvino": 2.0, "openvino:bfloat16": 5.0, "torch:bfloat16": 0.5,
        "openvino::avx2": 6.0, "torch::avx2": 7.0,
    }  # fmt: skip
    field = [runner(bench, text, [seconds] * 3) for text, seconds in times.items()]

    def rival(text: str, among: list[Any] = field) -> str | None:
        found = bench.rival(bench.parse_spec(text), among)
        return None if found is None else found.spec.name

    assert rival("native") == "openvino"
    assert rival("native:bfloat16") == "openvino:bfloat16"
    assert rival("native::avx2") == "openvino::avx2"
    assert rival("native::scalar") == "openvino"
    assert rival("native:bfloat16", [one for one in field if one.spec.kind != "openvino"]) == "ort"
    assert rival("native", field[:1]) is None


def test_ratios_are_taken_within_rounds(bench: ModuleType) -> None:
    one, other = runner(bench, "native", [1.0, 20.0, 3.0]), runner(bench, "torch", [2.0, 10.0, 4.0])
    assert bench.in_round_ratio(one, other) == 0.75  # of 0.5, 2.0, 0.75


def test_wrong_flows_fail(bench: ModuleType) -> None:
    def fault(precision: str, largest: float, mean: float, *, peer: bool = False) -> str | None:
        row = {"network": "n", "competitor": "c", "precision": precision, "peer": peer}
        return bench.too_far({**row, "max_difference_px": largest, "mean_difference_px": mean})

    assert fault("float32", 4e-4, 4e-4) is None
    assert fault("float32", 6e-4, 1e-5) == "n c: 6.0e-04 px from PyTorch's float32"
    assert fault("bfloat16", 3.0, 0.09) is None
    assert fault("bfloat16", 3.0, 0.26) == "n c: mean 2.6e-01 px from PyTorch's float32"
    assert fault("bfloat16", 3.0, 0.26, peer=True) is None
    assert fault("float32", 6e-4, 1e-5, peer=True) is None  # it rounds in its own way
    assert fault("float32", 6e-3, 1e-3, peer=True) == "n c: 6.0e-03 px from PyTorch's float32"
    assert bench.too_far({"network": "n", "competitor": "c", "precision": "float32"}) is None


def test_who_goes_beyond_an_instruction_set(bench: ModuleType) -> None:
    from race import obeys

    kernels = ["Convolution brgconv_avx2_f32", "Interpolate jit_avx512_f32"]
    assert obeys(bench.parse_spec("openvino::avx2"), kernels)
    assert obeys(bench.parse_spec("openvino"), ["Convolution brgconv_avx512_f32"])
    assert not obeys(bench.parse_spec("openvino::avx2"), ["Deconvolution brgconv_avx512_f32"])
    assert not obeys(bench.parse_spec("native::avx2"), ["avx512"])
