# SPDX-License-Identifier: Apache-2.0
"""The flow that a model file expects of itself: written by convert, repeated by check."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flownet2 import conversion
from flownet2.builtin import MODELS
from flownet2.check import check_file
from flownet2.conversion import convert
from flownet2.errors import CheckpointError, WeightsError
from flownet2.executors import get_executor
from flownet2.probe import MOTION_PX, SEED, SIZE, Probe, lengths, make_probe, probe_flow, probe_pictures
from flownet2.runtime import list_isas
from flownet2.weights import Model, load_model, read_safetensors, write_model, write_safetensors
from weights.builders import state_dict

LITE = MODELS["flownet2-lite"]


@pytest.fixture
def converted(run: Any) -> Path:
    """A model file with a self-check in the current folder."""
    weights = {name: np.asarray(value) for name, value in load_model(LITE).parameters.items()}
    Path("lite.pth").write_bytes(state_dict(weights))
    code, out, err = run("convert", "lite.pth", "-o", "lite.safetensors")
    assert (code, err) == (0, "")
    assert "equals the checkpoint's" in out
    return Path("lite.safetensors")


def test_the_pictures_never_change() -> None:
    """Files in the world carry the flow of these very pixels."""
    first, second = probe_pictures()
    assert first.shape == (*SIZE, 3)
    assert (
        hashlib.sha256(first.tobytes()).hexdigest()
        == "fade99ae85f671ee745b28d363a8ff84a6f8e5c21575db7e7ce63e754e66ea83"
    )
    assert np.array_equal(np.roll(first, (2, 3), axis=(0, 1)), second)
    assert not np.array_equal(probe_pictures(SEED + 1)[0], first)


def test_the_built_in_network_finds_the_motion() -> None:
    flow = probe_flow(load_model(LITE))
    assert abs(np.median(np.hypot(flow[..., 0], flow[..., 1])) - MOTION_PX) < 0.5


def test_every_way_to_compute_is_compared(run: Any, converted: Path) -> None:
    code, out, err = run("check", converted)
    assert (code, err) == (0, "")
    assert "FAILED" not in out
    names = {test.name for test in check_file(converted).tests if test.passed}
    cpu = {f"{way}, {p}" for p in ("float32", "bfloat16") for way in ("numpy", *(f"native, {i}" for i in list_isas()))}
    assert names >= cpu | {"reference, float32"}
    content = json.loads(run("check", converted, "--json").out)[str(converted)]
    assert {test["name"] for test in content["tests"] if test["passed"]} == names


@pytest.mark.parametrize(("change", "failed"), [(0.01, "float32"), (0.5, "bfloat16")])
def test_other_flow_is_told(run: Any, converted: Path, change: float, failed: str) -> None:
    tensors, metadata = read_safetensors(converted)
    tensors["probe.flow"] = tensors["probe.flow"] + np.float32(change)
    write_safetensors(converted, tensors, metadata)
    code, out, _ = run("check", converted)
    assert code == 1
    verdicts = {test.name: test.passed for test in check_file(converted).tests}
    assert verdicts[f"numpy, {failed}"] is False
    assert verdicts["numpy, bfloat16"] is (change < 0.1)
    assert "FAILED" in out


def test_rounded_weights_have_a_flow_of_their_own(run: Any, converted: Path) -> None:
    out = run("convert", "lite.pth", "-o", "half.safetensors", "--bfloat16").out
    largest = float(out.split("by at most ")[1].split(" px")[0])
    assert 1e-4 < largest < 1
    assert run("check", "half.safetensors").code == 0


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A model file without a self-check."""
    path = tmp_path / "plain.safetensors"
    write_model(path, dataclasses.replace(load_model(LITE), probe=None))
    return path


def test_a_model_without_one(run: Any, plain: Path) -> None:
    code, out, _ = run("check", plain)
    assert code == 0
    assert "without a check of its flow, which flownet2 convert stores" in out


def test_names_of_models(run: Any) -> None:
    """Of the built-in network, and of the catalogue: none of those is here."""
    code, out, _ = run("check", "flownet2-lite")
    assert code == 0
    assert out.startswith("flownet2-lite: model flownet2-lite, 1,210,968 parameters")
    code, out, _ = run("check", "flownet2-things")
    assert code == 1
    assert "get them with: flownet2 download flownet2-things" in out


@pytest.mark.parametrize(
    ("lost", "differs", "passed"), [(0, 0.11, False), (0.06, 0.11, True), (0.06, 0.13, False), (-1, 0.11, False)]
)
def test_what_bfloat16_may_lose_is_the_networks_own(converted: Path, lost: float, differs: float, passed: bool) -> None:
    tensors, metadata = read_safetensors(converted)
    assert 0 < tensors["probe.bfloat16_px"] < 0.05
    tensors["probe.flow"] = probe_flow(load_model(converted), get_executor("numpy", precision="bfloat16"))
    tensors["probe.flow"][..., 0] += np.float32(differs)
    tensors["probe.bfloat16_px"] = np.float32([lost])
    write_safetensors(converted, tensors, metadata)
    verdicts = {test.name: test.passed for test in check_file(converted).tests}
    assert verdicts["numpy, bfloat16"] is passed
    assert verdicts["numpy, float32"] is False


def test_flow_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    model = load_model(LITE)
    huge = {name: np.full_like(value, 3e38) for name, value in model.parameters.items()}
    with pytest.raises(WeightsError, match="not finite"):
        convert(tmp_path / "huge.safetensors", dataclasses.replace(model, parameters=huge))
    assert not list(tmp_path.iterdir())


def test_the_check_is_of_its_own_seed_and_size(run: Any, tmp_path: Path) -> None:
    model = load_model(LITE)
    probe = Probe(7, probe_flow(model, seed=7, size=(40, 70)))
    for seed, code in ((7, 0), (8, 1)):
        write_model(
            tmp_path / "other.safetensors", dataclasses.replace(model, probe=dataclasses.replace(probe, seed=seed))
        )
        assert run("check", tmp_path / "other.safetensors").code == code


def test_what_bfloat16_made_is_the_mean() -> None:
    model = load_model(LITE)
    probe = make_probe(model)
    rounded = probe_flow(model, get_executor(precision="bfloat16"))
    assert probe.seed == SEED
    assert np.array_equal(probe.flow, probe_flow(model))
    assert probe.bfloat16_px == pytest.approx(float(lengths(rounded - probe.flow).mean()), rel=1e-3)


def _other_weight(model: Model) -> Model:
    name = next(iter(model.parameters))
    return dataclasses.replace(model, parameters={**model.parameters, name: model.parameters[name] + np.float32(1e-6)})


def _other_check(model: Model) -> Model:
    assert model.probe is not None
    flow = np.nextafter(model.probe.flow, np.float32(np.inf))
    return dataclasses.replace(model, probe=dataclasses.replace(model.probe, flow=flow))


def _other_loss(model: Model) -> Model:
    assert model.probe is not None
    return dataclasses.replace(model, probe=dataclasses.replace(model.probe, bfloat16_px=1.0))


def _other_fact(model: Model) -> Model:
    return dataclasses.replace(model, info={**model.info, "license": "another"})


def _other_mean(model: Model) -> Model:
    return dataclasses.replace(model, preprocess=dataclasses.replace(model.preprocess, mean=(0.5, 0.5, 0.5)))


@pytest.mark.parametrize("spoil", [_other_weight, _other_check, _other_loss, _other_fact, _other_mean])
def test_a_file_that_holds_something_else_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Model], Model]
) -> None:
    """As if the disk had changed it on its way."""
    monkeypatch.setattr(conversion, "write_model", lambda path, model, dtype: write_model(path, spoil(model), dtype))
    with pytest.raises(CheckpointError, match="differs from what was written; is the disk sound"):
        convert(tmp_path / "model.safetensors", load_model(LITE))


def test_info_tells(run: Any, converted: Path, plain: Path) -> None:
    assert "self-check      128x64 px" in run("info", converted).out
    content = json.loads(run("info", converted, "--json").out)
    assert content["self_check"] == {"seed": SEED, "size": "128x64"}
    assert json.loads(run("info", plain, "--json").out)["self_check"] is None
