# SPDX-License-Identifier: Apache-2.0
"""`flownet2 convert` and `flownet2 info`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2.builtin import MODELS
from flownet2.graph.serialize import graph_from_json, graph_to_json
from flownet2.weights import load_model, write_safetensors
from weights.builders import state_dict

LITE = MODELS["flownet2-lite"]


@pytest.fixture
def checkpoint(run: Any) -> str:
    """The built-in weights as a torch checkpoint in the current folder."""
    weights = {name: np.asarray(value) for name, value in load_model(LITE).parameters.items()}
    Path("lite.pth").write_bytes(state_dict(weights))
    return "lite.pth"


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ((), "float32"),
        (("--float16",), "float16"),
        (("--dtype", "float16"), "float16"),
        (("--float16", "--dtype", "float16"), "float16"),
        (("--bfloat16",), "bfloat16"),
        (("--dtype", "bfloat16"), "bfloat16"),
    ],
)
def test_convert(run: Any, checkpoint: str, options: tuple[str, ...], dtype: str) -> None:
    code, out, err = run("convert", checkpoint, "-o", "new/lite.safetensors", *options)
    assert (code, err) == (0, "")
    assert "(flownet2-lite)" in out
    assert "1,210,968 in 60 tensors" in out
    assert f"{dtype}, read back and compared" in out
    model, original = load_model("new/lite.safetensors"), load_model(LITE)
    assert graph_to_json(model.graph) == graph_to_json(original.graph)
    # The built-in weights are float16 themselves: nothing is lost but to bfloat16, half a unit of its 8 bits.
    lost = 2.0**-8 if dtype == "bfloat16" else 0
    for name, value in original.parameters.items():
        np.testing.assert_allclose(model.parameters[name], value, rtol=lost, atol=0)
    assert f"stored as       {dtype}\n" in run("info", "new/lite.safetensors").out
    assert json.loads(run("info", "new/lite.safetensors", "--json").out)["stored_dtype"] == dtype
    assert model.info["source_sha256"] == hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    assert 2.4e6 < Path("new/lite.safetensors").stat().st_size / (2 if dtype == "float32" else 1) < 2.55e6


def test_a_converted_model_computes_the_same(run: Any, checkpoint: str, pair: tuple[Path, Path]) -> None:
    run("convert", checkpoint, "-o", "lite.safetensors")
    for name, model in (("ours", "flownet2-lite"), ("theirs", "lite.safetensors"), ("foreign", checkpoint)):
        assert run("infer", *pair, "-o", f"{name}.flo", "--model", model).code == 0
    assert Path("ours.flo").read_bytes() == Path("theirs.flo").read_bytes() == Path("foreign.flo").read_bytes()


def test_facts_are_stored(run: Any, checkpoint: str) -> None:
    code, out, _ = run(
        "convert", checkpoint, "-o", "a.safetensors", "--license", "CC0", "--training-data", "ours", "--network",
        "flownet2-lite",
    )  # fmt: skip
    assert code == 0
    assert "CC0" in out
    out = run("info", "a.safetensors").out
    assert "CC0" in out
    assert "ours" in out
    assert checkpoint in out


def test_a_file_that_does_not_read_back_is_told(run: Any, checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded(path: Path, model: Any, dtype: str) -> None:
        write(path, model, "float16")

    write = flownet2.weights.write_model
    weights = {name: value * np.float32(1.0001) for name, value in load_model(LITE).parameters.items()}
    Path("other.pth").write_bytes(state_dict(weights))
    monkeypatch.setattr("flownet2.conversion.write_model", rounded)
    code, _, err = run("convert", "other.pth", "-o", "a.safetensors")
    assert code == 1
    assert "differs from what was written" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("lite.pth -o a.pth", "a model file ends in .safetensors"),
        ("lite.pth -o a.safetensors --float16 --dtype float32", "contradict"),
        ("lite.pth -o a.safetensors --float16 --bfloat16", "--float16 and --bfloat16 contradict"),
        ("lite.pth -o a.safetensors --dtype float16 --bfloat16", "--dtype float16 and --bfloat16 contradict"),
        ("lite.pth -o a.safetensors --network flownet9", "there is no network 'flownet9'"),
        ("lite.pth -o a.safetensors --network flownets", "its tensors do not fit the network 'flownets'"),
        ("lite.safetensors -o lite.safetensors", "is an input and would be replaced"),
        ("nowhere.pth -o a.safetensors", "nowhere.pth: No such file or directory"),
        ("half.pth -o a.safetensors", "are not those of a known network"),
        ("cut.pth -o a.safetensors", "cut.pth: "),
        ("lite.pth -o lite.pth/a.safetensors", "lite.pth"),
    ],
)
def test_what_is_not_converted(run: Any, checkpoint: str, words: str, message: str) -> None:
    write_safetensors("lite.safetensors", dict(load_model(LITE).parameters))
    Path("half.pth").write_bytes(state_dict({"conv.weight": np.zeros((1, 1, 3, 3), np.float32)}))
    Path("cut.pth").write_bytes(Path(checkpoint).read_bytes()[:100_000])
    code, out, err = run("convert", *words.split())
    assert code in (1, 2)
    assert message in err
    assert "Traceback" not in err
    assert "written" not in out
    assert not Path("a.safetensors").exists()


def test_info(run: Any) -> None:
    code, out, err = run("info")
    assert (code, err) == (0, "")
    rows = dict(line.split("  ", 1) for line in out.splitlines() if "  " in line)
    rows = {name.strip(): text.strip() for name, text in rows.items()}
    assert rows["name"] == "flownet2-lite"
    assert rows["parameters"] == "1,210,968 in 60 tensors"
    assert rows["stored as"] == "float16"
    assert rows["picture sizes"].endswith("multiples of 32; resized")
    assert rows["takes"] == "BGR, x / 255"
    assert rows["licence"] == "Apache-2.0"
    assert len(rows["source SHA-256"]) == 64


def test_info_of_a_foreign_checkpoint(run: Any, checkpoint: str) -> None:
    code, out, _ = run("info", checkpoint)
    assert code == 0
    assert "flownet2-lite" in out
    assert hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest() in out


def test_info_lists_tensors(run: Any) -> None:
    out = run("info", "flownet2-lite", "--tensors").out
    graph = flownet2.load().graph
    lines = out.partition("\n\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == list(graph.parameters)
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines) == graph.parameter_count


def test_info_prints_the_graph(run: Any) -> None:
    assert graph_from_json(run("info", "--graph").out) == flownet2.load().graph


def test_info_as_json(run: Any) -> None:
    content = json.loads(run("info", "--json").out)
    assert content["name"] == "flownet2-lite"
    assert content["parameters"] == 1210968
    assert content["preprocess"]["channel_order"] == "bgr"
    assert content["bytes"] == LITE.stat().st_size
    assert content["tensors"]["encoder.level1.0.bias"] == [16]
