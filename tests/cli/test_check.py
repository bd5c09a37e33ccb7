# SPDX-License-Identifier: Apache-2.0
"""`flownet2 check`, and flownet2.check behind it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2 import check
from flownet2.builtin import DEMO_FLOW, DEMO_FRAME1, MODELS
from flownet2.cuda_check import machine
from flownet2.errors import UnavailableError
from flownet2.executors.numpy import NumpyNetwork
from flownet2.executors.precision import CPU_PRECISIONS
from flownet2.io import write_flow
from flownet2.runtime import list_isas

CHECKPOINTS = Path(__file__).parents[1] / "data" / "checkpoints"


def test_this_installation_is_sound(run: Any) -> None:
    code, out, err = run("check")
    assert (code, err) == (0, "")
    for text in (flownet2.__version__, np.__version__, flownet2.build_info()["compiler"], check.cpu_name()):
        assert text in out
    assert "FAILED" not in out
    assert "not run" not in out
    assert "EPE 0.412" in out
    assert "FLOWNET2_ISA" in out


def test_json(run: Any) -> None:
    content = json.loads(run("check", "--json").out)
    assert content["passed"] is True
    assert {test["passed"] for test in content["tests"]} == {True}
    names = [test["name"] for test in content["tests"]]
    ways = [*(f"native, {isa}" for isa in list_isas()), "numpy"]
    for way in [*(f"{way}, {precision}" for way in ways for precision in CPU_PRECISIONS), "reference, float32"]:
        assert f"built-in network, {way}" in names
    assert content["kernels"] == ["channel_norm", "correlation", "resize", "warp"]
    assert content["versions"]["numpy"] == np.__version__


def test_devices(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU's name or one line why there is none; whatever CuPy does, the check of the CPU goes on."""
    monkeypatch.setattr(machine, "open_device", HostDevice)
    assert " Tester, compute capability 9.0, 3 of 4 MiB free\n" in run("check").out
    content = json.loads(run("check", "--json", "-o", "new/report.json").out)
    assert content["devices"] == {"cpu": "usable", "cuda": "Tester, compute capability 9.0, 3 of 4 MiB free"}
    assert json.loads(Path("new/report.json").read_text()) == content
    for error, line in (
        (UnavailableError("the NVIDIA driver is too old"), "not usable: the NVIDIA driver is too old"),
        (RuntimeError("cudaErrorUnknown: odd\nand more"), "not usable: RuntimeError: cudaErrorUnknown: odd"),
    ):
        monkeypatch.setattr(machine, "open_device", raises(error))
        code, out, err = run("check")
        assert (code, err) == (0, "")
        assert f"cuda        {line}\n" in out


class HostDevice:
    """What `check` asks of a GPU."""

    def scope(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def facts(self) -> dict[str, str]:
        return {"name": "Tester", "compute capability": "9.0", "memory": "3 of 4 MiB free"}


def raises(error: Exception) -> Callable[[], HostDevice]:
    def open_device() -> HostDevice:
        raise error

    return open_device


def test_cupy_is_not_looked_for_in_vain() -> None:
    """Without it the check of the CPU imports nothing of it, and says what to install."""
    line = machine.gpu_line()
    if importlib.util.find_spec("cupy") is None:
        assert "cupy" not in sys.modules
        assert line.startswith("not usable: ")
        assert "pip install" in line


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("check --device gpu", 2, 'device must be "cpu", "cuda" or "cuda:N" with the number of a GPU, got \'gpu\''),
        ("infer a.png b.png -o a.flo --device cuda:-1", 2, "got 'cuda:-1'"),
        ("infer a.png b.png -o a.flo --device cuda:9999", 1, ""),
        ("infer a.png b.png -o a.flo --engine cudnn", 1, "the engine 'cudnn' is one of a GPU"),
        ("infer a.png b.png -o a.flo --precision tf32", 1, "'tf32' needs device=\"cuda\""),
        ("infer a.png b.png -o a.flo --device cuda --executor numpy", 1, "the executor 'numpy' runs on the CPU"),
        ("bench --device cuda:9999", 1, ""),
        ("check --device cuda:9999", 1, ""),
    ],
)
def test_devices_that_are_refused(run: Any, words: str, code: int, message: str) -> None:
    done = run(*words.split())
    assert (done.code, done.out) == (code, "")
    assert "error: " in done.err
    assert message in done.err
    assert "Traceback" not in done.err


def test_extras_are_those_of_the_package() -> None:
    assert set(check.EXTRAS) == set(importlib.metadata.metadata("flownet2").get_all("Provides-Extra"))


def test_a_wrong_result_fails(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compute = NumpyNetwork.run

    def wrong(self: NumpyNetwork, inputs: Any, outputs: Any) -> dict[str, Any]:
        off = 0.0 if self._reference else 0.005
        return {name: value + np.float32(off) for name, value in compute(self, inputs, outputs).items()}

    monkeypatch.setattr(NumpyNetwork, "run", wrong)
    code, out, _ = run("check")
    assert code == 1
    assert out.count("FAILED") == 1  # the native executor, which the other two tests hold, is right


def test_a_broken_installation_fails(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "DEMO_FRAME1", tmp_path / "nowhere.png")
    code, out, _ = run("check")
    assert code == 1
    assert "FileNotFoundError" in out


def test_without_opencv_the_rest_is_checked(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, out, _ = run("check")
    assert code == 0
    assert "not run" in out
    assert 'missing: pip install "flownet2[cli]"' in out


def test_an_extra_that_is_missing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(check.EXTRAS, "zoo", ("no_such_module",))
    assert 'no_such_module missing: pip install "flownet2[zoo]"' in run("check").out


@pytest.mark.parametrize(
    ("source", "kind", "detail"),
    [
        (DEMO_FRAME1, "picture", "picture of 1024x436 pixels, 8 bits"),
        (DEMO_FLOW, "flow", "flow of 1024x436 pixels, 100.0 % known, u "),
        (MODELS["flownet2-lite"], "model", "model flownet2-lite, 1,210,968 parameters"),
    ],
)
def test_files(source: Path, kind: str, detail: str) -> None:
    report = check.check_file(source)
    assert (report.kind, report.readable) == (kind, True)
    assert report.detail.startswith(detail)


@pytest.mark.parametrize("suffix", [".png", ".npz", ".npy", ".pfm"])
def test_flow_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flow{suffix}"
    write_flow(path, np.full((4, 5, 2), 1.5, np.float32))
    report = check.check_file(path)
    assert (report.kind, report.readable) == ("flow", True)
    assert report.detail == "flow of 5x4 pixels, 100.0 % known, u 1.5 to 1.5 px, v 1.5 to 1.5 px"


def test_flow_without_a_known_pixel(tmp_path: Path) -> None:
    write_flow(tmp_path / "none.flo", np.full((4, 5, 2), np.nan, np.float32))
    assert check.check_file(tmp_path / "none.flo").detail == "flow of 5x4 pixels, none of them known"


def test_files_of_the_command(run: Any) -> None:
    shutil.copy(CHECKPOINTS / "bad_file_html.pth", "page.pth")
    shutil.copy(CHECKPOINTS / "zip_mmcv.pth", "other.pth")
    Path("cut.flo").write_bytes(DEMO_FLOW.read_bytes()[:1000])
    code, out, err = run("check", DEMO_FRAME1, "page.pth", "other.pth", "cut.flo", "nowhere", ".")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    for line, text in zip(
        lines,
        (
            ": picture of 1024x436",
            "page.pth: cannot be read as a model: it is an HTML page",
            "other.pth: cannot be read as a model: its 7 tensors are not those of a known network",
            "cut.flo: cannot be read as a flow: truncated",
            "nowhere: cannot be read as a file: No such file or directory",
            ".: cannot be read as a model: it is a folder",
        ),
        strict=True,
    ):
        assert text in line
    assert run("check", DEMO_FRAME1).code == 0
    content = json.loads(run("check", "--json", "page.pth").out)
    assert content["page.pth"]["readable"] is False
