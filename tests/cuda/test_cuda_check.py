# SPDX-License-Identifier: Apache-2.0
"""The check of a GPU, on the emulated one: the whole report at small sizes, and that it finds what is wrong."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cuda_device import HostDevice, Launch
from flownet2.api import FlowEstimator
from flownet2.bench import measure
from flownet2.cli import _cuda_report, bench, main
from flownet2.cuda_check import kernels, layers, networks, peer, run, sanitizer
from flownet2.cuda_check.random_model import FLOW_PX, inputs, model
from flownet2.cuda_check.report import CudaReport, Difference, Job, Settings
from flownet2.cuda_check.torch_graph import TorchNetwork
from flownet2.executors import PRECISIONS, get_executor
from flownet2.executors.cuda import CudaExecutor
from flownet2.graph import Graph
from flownet2.networks import NETWORKS, build_network
from flownet2.types import Array
from flownet2.weights import Model

pytestmark = pytest.mark.large

SMALL = Settings(
    parts=("operators", "networks", "speed"),
    precisions=("float32", "float16"),
    networks=("flownet2",),
    timed=("flownet2s-thin",),
    width=1 / 8,
    compared_size=(64, 64),
    timed_size=(64, 64),
    demo_size=(32, 32),
    rounds=2,
)


class Broken(HostDevice):
    """One kernel or product gives something else."""

    def __init__(self, host: ModuleType, wrong: str, change: Callable[..., None]) -> None:
        super().__init__(host)
        self._wrong, self._change = wrong, change

    def _do(self, launch: Launch, work: Callable[[], None]) -> None:
        name, arrays, _ = launch

        def changed() -> None:
            work()
            if name == self._wrong:
                self._change(arrays[-1])

        super()._do(launch, changed)


@pytest.fixture(scope="module")
def report(host: ModuleType) -> CudaReport:
    return run.check_cuda(HostDevice(host), SMALL)


def results(jobs: list[Job[Difference]]) -> dict[tuple[str, str], Difference]:
    found = [job.result() for job in jobs]
    return {(x.name, x.precision): x for x in found}


def test_everything_is_right(report: CudaReport) -> None:
    found = (*report.operators, *report.networks, *report.speed)
    assert [x for x in found if not x.passed] == []
    assert report.failures == 0
    assert report.gpus[0]["name"] == "emulator"
    assert report.notes[:2] == ("torch: not asked for", "sanitizer: not asked for")


def test_every_kernel_and_network_is_compared(report: CudaReport) -> None:
    launched = {
        "correlate",
        "warp",
        "resize",
        "channel_norm",
        "elementwise",
        "flow_head",
        "flow_up",
        "epilogue",
        "scatter",
        "pack",
    }
    names = {x.name.split(",")[0] for x in report.operators}
    assert launched | {"link", "fusion_link", "leaky_relu"} <= names
    assert {x.precision for x in report.operators} >= {"float32", "float16", "bfloat16"}
    compared = {(x.name, x.precision, x.engine) for x in report.networks}
    assert {("flownet2", p, "cublas") for p in SMALL.precisions} <= compared
    assert any("EPE" in x.detail for x in report.networks)


def test_float32_is_near(report: CudaReport) -> None:
    """Not only within what is allowed, which leaves room for other orders of sums."""
    assert max(x.largest for x in report.networks if x.precision == "float32") < 1e-4


def test_times_and_memory(report: CudaReport) -> None:
    captured = {x.captured for x in report.speed if x.precision == "float16"}
    assert captured == {True, False}
    half, full = (next(x for x in report.speed if x.precision == p) for p in ("float16", "float32"))
    assert all(len(x.milliseconds) == 2 and x.median > 0 for x in report.speed)
    assert 0.45 < half.weights_bytes / full.weights_bytes < 0.6
    assert 0 < half.work_bytes < full.work_bytes
    steps = next(x for x in report.speed if not x.captured).steps
    assert len(steps) == 10
    assert [x.milliseconds for x in steps] == sorted((x.milliseconds for x in steps), reverse=True)


def test_text(report: CudaReport) -> None:
    text = "\n".join(_cuda_report.lines(report))
    for part in ("GPU 0", "operators beside", "networks beside", "a pair of 64x64", "slowest steps of flownet2s-thin"):
        assert part in text
    assert text.isascii()
    assert text.endswith("all well")
    wrong = dataclasses.replace(report, operators=(Difference("warp", "float32", error="KernelError: no"),))
    text = "\n".join(_cuda_report.lines(wrong))
    assert "warp, float32: FAILED: KernelError: no" in text
    assert text.endswith("1 FAILED")


def test_command(host: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the device given: the JSON is whole, a bar counts every job."""
    settings = dataclasses.replace(SMALL, parts=("speed",), precisions=("float32",))
    path = tmp_path / "new" / "report.json"
    args = argparse.Namespace(output=str(path), json=False, progress=True)
    assert _cuda_report.run(args, HostDevice(host), settings) == 0
    out, err = capsys.readouterr()
    assert f"written to {path}" in out
    assert "2/2" in err
    content = json.loads(path.read_text())
    assert content["failures"] == 0
    assert content["speed"][0]["network"] == "flownet2s-thin"
    args = argparse.Namespace(output=None, json=True, progress=False)
    assert _cuda_report.run(args, HostDevice(host, memory=1000), settings) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["failures"] == 2
    assert "MemoryError: the GPU has no" in content["speed"][0]["error"]


# ---- it finds what is wrong


def much(out: Array) -> None:
    out[...] *= np.asarray(1.01, out.dtype)


def gone(out: Array) -> None:
    out[..., out.shape[-1] // 2] = 0


def nan(out: Array) -> None:
    out[(-1,) * out.ndim] = np.nan


KERNELS = ["correlate", "warp", "elementwise", "flow_head", "epilogue", "scatter", "pack", "fusion_link"]


@pytest.mark.parametrize("change", [much, gone, nan])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_wrong_kernel(host: ModuleType, kernel: str, change: Callable[..., None]) -> None:
    found = results(
        [job for job in kernels.jobs(Broken(host, kernel, change)) if job.failed("").name.split(",")[0] == kernel]
    )
    wrong = [x for x in found.values() if x.precision != "bfloat16"]
    assert wrong
    assert not any(x.passed for x in wrong)
    assert all(x.error.endswith(" values are NaN or infinite") == (change is nan) for x in wrong)


def test_a_wrong_product(host: ModuleType) -> None:
    found = results(layers.jobs(Broken(host, "matmul", much), ("float32", "tf32"), ("cublas",)))
    wrong = {name for (name, _), x in found.items() if not x.passed}
    assert {name for name, _ in found} - wrong == {
        name
        for name, _ in found
        if name.endswith("to 2 channels")  # which are no products
    }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_layer_that_is_off_is_beyond_the_bounds_of_networks(host: ModuleType, precision: str) -> None:
    """A missing LeakyReLU, bias or channel changes much more than a hundredth."""

    def off(out: Array) -> None:
        out[..., ::8] = 0

    settings = dataclasses.replace(SMALL, networks=("flownetc",), precisions=(precision,))
    right, wrong = (
        networks.jobs(device, settings)[0].result() for device in (HostDevice(host), Broken(host, "matmul", off))
    )
    assert right.passed
    assert not wrong.passed


def test_what_raises_is_told(host: ModuleType) -> None:
    device = HostDevice(host, memory=0)
    failed = results(kernels.jobs(device)) | results(layers.jobs(device, ("float32",), ("cublas",)))
    assert not any(x.passed for x in failed.values())
    assert all(x.error.startswith("MemoryError: ") for x in failed.values())


# ---- random weights, bounds


@pytest.mark.parametrize("name", NETWORKS)
def test_random_networks_have_a_flow(name: str) -> None:
    made = model(name, 1 / 8, (128, 64))
    pictures = inputs(made.graph, (128, 64))
    values = get_executor().compile(made.graph, made.parameters).run(pictures, ["flow"])
    assert np.sqrt(np.square(values["flow"]).mean()) == pytest.approx(
        FLOW_PX, rel=1e-3 if name != "flownet2-lite" else 0.5
    )


def test_bounds() -> None:
    graph = build_network("flownets")
    assert networks.depth(graph) == 10 + 4 * 2 + 1  # encoder, a flow and its upsampling at each level, the last flow
    assert networks.allowed_px(graph, "float32", 3.0) == (5e-4, 5e-4)
    largest, mean = networks.allowed_px(graph, "float16", 3.0)
    assert mean == pytest.approx(2.0**-11 * np.sqrt(38) * 3)
    assert largest == 12 * mean
    assert networks.allowed_px(graph, "bfloat16", 3.0)[1] == pytest.approx(8 * mean)


def test_settings() -> None:
    full, quick = run.settings_for(1), run.settings_for(1, quick=True, parts=["operators"])
    assert (full.index, full.torch_device, full.timed_size) == (1, "cuda:1", (1024, 448))
    assert full.networks == tuple(NETWORKS)
    assert quick.timed == ("flownet2-lite",)
    assert set(full.networks) - set(quick.networks) == {"flownet2"}
    assert quick.rounds < full.rounds


# ---- other programs


def sanitizer_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / sanitizer.PROGRAM
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def test_sanitizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "$@" >> "$0.args"; echo ========= ERROR SUMMARY: 0 errors'
    sanitizer_that(tmp_path, monkeypatch, script)
    assert sanitizer.absent() == ""
    found = [job.result() for job in sanitizer.jobs(Settings(index=2))]
    assert [(x.tool, x.errors, x.passed) for x in found] == [("memcheck", 0, True), ("racecheck", 0, True)]
    first = (tmp_path / f"{sanitizer.PROGRAM}.args").read_text().splitlines()[0]
    assert first.startswith("--tool memcheck ")
    assert first.endswith("-m flownet2 check --device cuda:2 --quick --parts operators")


@pytest.mark.parametrize(
    ("script", "errors", "detail"),
    [
        ("echo '========= RACECHECK SUMMARY: 3 hazards displayed (2 errors, 1 warning)'", 3, "3 hazards"),
        ("echo 'no GPU' >&2; exit 4", None, "it has ended with 4 and no summary:\nno GPU"),
    ],
)
def test_sanitizer_that_complains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, errors: int | None, detail: str
) -> None:
    sanitizer_that(tmp_path, monkeypatch, script)
    found = sanitizer.jobs(Settings())[1].result()
    assert (found.errors, found.passed) == (errors, False)
    assert detail in found.detail


def test_without_the_others(host: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    report = run.check_cuda(HostDevice(host), dataclasses.replace(SMALL, parts=("torch", "sanitizer")))
    assert report.failures == 0
    assert "torch: PyTorch is not installed" in report.notes
    assert any(note.startswith("sanitizer: compute-sanitizer is not on PATH") for note in report.notes)


def test_pytorch(host: ModuleType) -> None:
    """Our graphs by PyTorch's functions are our networks; it is timed, and compared with us."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in ("flownet2", "flownet2-lite"):
        made = model(name, 1 / 8, (128, 64))
        pictures = inputs(made.graph, (128, 64))
        expected = get_executor().compile(made.graph, made.parameters).run(pictures, ["flow"])["flow"]
        for precision in PRECISIONS:
            off = np.abs(TorchNetwork(made.graph, made.parameters, precision, "cpu").flow(pictures) - expected)
            largest, mean = networks.allowed_px(made.graph, precision, FLOW_PX)
            assert off.max() < largest
            assert off.mean() < mean
    settings = dataclasses.replace(SMALL, parts=("torch",), torch_device="cpu")
    report = run.check_cuda(HostDevice(host), settings)
    assert report.failures == 0
    assert report.versions["PyTorch"] == peer.version()
    assert [(x.network, x.precision) for x in report.torch] == [("flownet2s-thin", p) for p in SMALL.precisions]
    assert all(x.theirs > 0 and x.ours > 0 and x.largest < 0.1 for x in report.torch)
    assert "PyTorch: the same weights" in "\n".join(_cuda_report.lines(report))


def test_bench(host: ModuleType) -> None:
    """`flownet2 bench --device cuda`, the model given: no peak of the CPU, every step timed."""
    made = model("flownet2s-thin", 1 / 8, (64, 64))
    device = HostDevice(host)

    def load() -> FlowEstimator:
        return FlowEstimator(made, CudaExecutor(device, precision="float16", engine="cublas").compile(*parts(made)))

    found = measure(load, size=(60, 50), rounds=2, precision="float16", layers=True, gpu="emulator")
    assert (found.gpu, found.peak, found.peak_share, len(found.seconds)) == ("emulator", None, None, 2)
    assert {name for layer in found.layers for name in layer.values} <= made.graph.value_names()
    assert sum(layer.multiply_adds for layer in found.layers) == found.multiply_adds
    text = dict(bench.rows(found, "thin", "cuda"))
    assert text["executor"] == "cuda, float16, emulator"
    assert "peak" not in text
    assert "%" not in text["arithmetic"]
    content = bench.facts(found)
    assert (content["gpu"], content["peak"], content["peak_share"]) == ("emulator", None, None)


def parts(made: Model) -> tuple[Graph, Mapping[str, Array]]:
    return made.graph, made.parameters


def test_a_command_without_a_gpu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["check", "--device", "cuda"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("flownet2: error: ")
    assert main(["check", "--device", "cuda", "--parts", "all"]) == 2
    assert "must be some of operators,networks,speed,torch,sanitizer, got 'all'" in capsys.readouterr().err
    assert main(["check", "--device", "cuda", "file.flo"]) == 2
