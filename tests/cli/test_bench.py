# SPDX-License-Identifier: Apache-2.0
"""`flownet2 bench`, and flownet2.bench behind it: what is reported, never how fast it was."""

from __future__ import annotations

import datetime
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2 import runtime
from flownet2.bench import Layer, Measurement, Peak, measure
from flownet2.builtin import MODELS
from flownet2.errors import InputError, UnavailableError
from flownet2.executors import PRECISIONS
from flownet2.machine import cpu_name, peak_memory_bytes, usable_cpus
from flownet2.ops.spec import OPS
from weights.builders import state_dict

SMALL = ("--size", "50x40", "--rounds", 3)


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def as_json(run: Any, *words: object) -> dict[str, Any]:
    code, out, err = run("bench", *SMALL, "--json", *words)
    assert (code, err) == (0, "")
    content: dict[str, Any] = json.loads(out)
    return content


def test_table(run: Any) -> None:
    code, out, err = run("bench", *SMALL)
    assert (code, err) == (0, "")
    for text in (
        "flownet2-lite: flownet2-lite, 1.2 M parameters",
        "1 pair of 50x40, the network at 64x64",
        f"native, float32, ISA {runtime.get_isa()}, {runtime.get_num_threads()} threads",
        cpu_name(),
        "in 3 rounds",
        "GFLOP/s before",
    ):
        assert text in out
    assert "layer" not in out


def test_json(run: Any) -> None:
    content = as_json(run)
    assert content["model"] == "flownet2-lite"
    assert content["executor"] == "native"
    assert content["machine"]["cpu"] == cpu_name()
    assert content["versions"]["flownet2"] == flownet2.__version__
    assert content["versions"]["numpy"] == np.__version__
    assert content["isa"] == runtime.get_isa()
    assert (content["size"], content["network_size"], content["batch"]) == ([50, 40], [64, 64], 1)
    written = datetime.datetime.fromisoformat(content["date"])
    assert abs(datetime.datetime.now(datetime.timezone.utc) - written) < datetime.timedelta(hours=1)
    assert content["layers"] == []


def test_figures_follow_from_what_was_measured(run: Any) -> None:
    content = as_json(run, "--batch", 2)
    seconds = content["seconds"]
    assert len(seconds) == 3
    assert min(seconds) > 0
    assert content["median_s"] == statistics.median(seconds)
    assert (content["min_s"], content["max_s"]) == (min(seconds), max(seconds))
    assert content["pairs_per_second"] == pytest.approx(2 / content["median_s"])
    assert content["gflops"] == pytest.approx(2e-9 * content["multiply_adds"] / content["median_s"])
    peak = content["peak"]
    assert peak["kind"] == "fma"
    assert peak["gflops"] == max(peak["before"], peak["after"]) > 0
    assert content["peak_share"] == pytest.approx(content["gflops"] / peak["gflops"])
    assert content["first_result_s"] > 0
    assert content["peak_memory_bytes"] > 1e6


def test_work_grows_with_the_batch(run: Any) -> None:
    one, three = as_json(run), as_json(run, "--batch", 3)
    assert three["multiply_adds"] == 3 * one["multiply_adds"] > 0


def test_layers(run: Any) -> None:
    content = as_json(run, "--layers")
    nodes = {node.name: node.op for node in flownet2.load().graph.nodes}
    timed = [layer for layer in content["layers"] if layer["op"] != "layout"]
    alone = [layer for layer in timed if layer["op"] in OPS]
    assert len(alone) > 20
    assert all(nodes[name] == layer["op"] for layer in alone for name in layer["values"])
    computed = [name for layer in timed for name in layer["values"]]
    assert len(computed) == len(set(computed))
    assert "flow" in computed
    assert 0 < sum(layer["multiply_adds"] for layer in content["layers"]) <= content["multiply_adds"]
    costly = [layer for layer in timed if layer["multiply_adds"]]
    assert {"conv2d", "correlation"} <= {layer["op"] for layer in costly}
    assert all(layer["gflops"] is None for layer in content["layers"] if not layer["multiply_adds"])


def test_layers_as_a_table(run: Any) -> None:
    out = run("bench", *SMALL, "--layers").out.partition("\n\n")[2]
    head, *lines = out.splitlines()
    assert head.split() == ["layer", "operator", "ms", "share", "GFLOP/s"]
    assert len(lines) > 20
    shares = [float(line.split("%")[0].split()[-1]) for line in lines]
    assert lines[-1].startswith("total")
    assert sum(shares[:-1]) == pytest.approx(100, abs=0.05 * len(lines))


def test_table_and_a_file(run: Any) -> None:
    code, out, err = run("bench", *SMALL, "--json", "new/speed.json")
    assert (code, err) == (0, "")
    assert "pairs per second" in out
    assert "written to new/speed.json" in out
    assert len(json.loads(Path("new/speed.json").read_text())["seconds"]) == 3


def test_threads_executor_and_a_model_file(run: Any) -> None:
    content = as_json(run, "--threads", 1, "--executor", "numpy", "--model", MODELS["flownet2-lite"])
    assert (content["threads"], content["executor"]) == (1, "numpy")
    assert content["model"] == str(MODELS["flownet2-lite"])


def test_a_checkpoint(run: Any) -> None:
    parameters = flownet2.weights.load_model(MODELS["flownet2-lite"]).parameters
    Path("lite.pth").write_bytes(state_dict({name: np.asarray(value) for name, value in parameters.items()}))
    assert as_json(run, "--model", "lite.pth", "--network", "flownet2-lite")["network"] == "flownet2-lite"


def test_bfloat16(run: Any) -> None:
    code, out, err = run("bench", *SMALL, "--json", "--precision", "bfloat16")
    if "bfloat16" not in PRECISIONS:
        assert (code, out) == (2, "")
        assert "'bfloat16' (choose from" in err
        return
    assert (code, err) == (0, "")
    kind = "fma" if runtime.measure_peak("bf16") is None else "bf16"
    assert (json.loads(out)["precision"], json.loads(out)["peak"]["kind"]) == ("bfloat16", kind)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--size 10", 2, "must be WIDTHxHEIGHT in pixels, such as 1024x436, got '10'"),
        ("--size 0x10", 1, "size, batch and rounds must be at least 1, got 0x10, 1 and 10"),
        ("--rounds 0", 1, "got 1024x436, 1 and 0"),
        ("--batch -1", 1, "got 1024x436, -1 and 10"),
        ("--model nowhere.pth", 1, "nowhere.pth: No such file or directory"),
        ("--layers --executor numpy --size 50x40", 1, 'load the model with executor="native"'),
    ],
)
def test_what_is_refused(run: Any, words: str, code: int, message: str) -> None:
    done = run("bench", *words.split())
    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_a_bar_counts_every_run(run: Any) -> None:
    err = run("bench", *SMALL, "--layers", "--progress").err
    assert "7/7" in err


def test_ticks_and_the_time_of_loading() -> None:
    ticks, loads = [], []

    def open_model() -> flownet2.FlowEstimator:
        loads.append(len(ticks))
        return flownet2.load()

    found = measure(open_model, size=(33, 40), rounds=2, layers=True, tick=lambda: ticks.append(None))
    assert loads == [0]
    assert len(ticks) == 1 + 2 + 2
    assert found.network_size == (64, 64)


def test_what_the_library_refuses() -> None:
    with pytest.raises(InputError, match="at least 1, got 10x10, 1 and 0"):
        measure(flownet2.load, size=(10, 10), rounds=0)
    with pytest.raises(UnavailableError, match="does not time its steps"):
        flownet2.load(executor="numpy").profile(np.zeros((1, 6, 32, 32), np.float32))


def test_profile_names_the_steps() -> None:
    model = flownet2.load()
    steps = model.profile(np.zeros((1, 6, 32, 32), np.float32))
    assert {name for values, op, _ in steps if op == "correlation" for name in values} == {
        node.name for node in model.graph.nodes if node.op == "correlation"
    }
    with pytest.raises(InputError, match="multiples of 32"):
        model.profile(np.zeros((1, 6, 33, 32), np.float32))


def test_rates() -> None:
    found = Measurement(
        date="", machine={}, versions={}, isa="", threads=1, network="", parameters=0, precision="float32",
        size=(1, 1), network_size=(64, 64), batch=4, seconds=(0.5, 0.25, 2.0), first_result_s=1.0,
        multiply_adds=10**9, peak=Peak("fma", 7.0, 8.0), peak_memory_bytes=None, layers=(),
    )  # fmt: skip
    assert (found.median_s, found.pairs_per_second, found.gflops, found.peak_share) == (0.5, 8.0, 4.0, 0.5)
    assert Layer(("a",), "conv2d", 2.0, 3 * 10**6).gflops == 3.0
    assert Layer(("a",), "warp", 2.0, 0).gflops is None


def test_facts_of_the_machine() -> None:
    assert cpu_name()
    assert usable_cpus() >= 1
    block = np.ones(64 * 2**20, np.uint8)
    peak = peak_memory_bytes()
    assert peak is None or peak >= block.nbytes
