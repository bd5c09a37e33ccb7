# SPDX-License-Identifier: Apache-2.0
"""The check that a model file carries, repeated by the C library: what Python stored, it must find again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embed.c_library import INVALID_ARGUMENT, LIB, CallError, CModel, check
from flownet2.builtin import MODELS
from flownet2.executors import get_executor
from flownet2.probe import Probe, lengths, probe_flow
from flownet2.runtime import list_isas
from flownet2.types import Array
from flownet2.weights import load_model, read_safetensors, write_model, write_safetensors

LITE = MODELS["flownet2-lite"]


def changed(folder: Path, tensors: dict[str, Array], **facts: str) -> Path:
    """The built-in network with other tensors and metadata."""
    held, metadata = read_safetensors(LITE)
    path = folder / "changed.safetensors"
    write_safetensors(path, held | tensors, metadata | {name.replace("_", "."): text for name, text in facts.items()})
    return path


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("isa", list_isas())
def test_the_built_in_network(isa: str, precision: str) -> None:
    found = CModel(LITE, isa=isa, precision=precision).self_check()
    assert (found.stored, found.passed) == (1, 1)
    assert found.mean <= found.largest
    assert found.allowed == (1e-3 if precision == "float32" else 0.1)


@pytest.mark.parametrize("size", [(64, 128), (1, 1), (33, 70)])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_the_pictures_are_pythons(tmp_path: Path, size: tuple[int, int], seed: int) -> None:
    model = load_model(LITE)
    flow = probe_flow(model, None, seed, size)
    path = tmp_path / "other.safetensors"
    write_model(path, dataclasses.replace(model, probe=Probe(seed, flow)))
    found = CModel(path).self_check()
    assert (found.stored, found.passed, found.largest) == (1, 1, 0.0)


@pytest.mark.parametrize(("precision", "lost", "allowed"), [("float32", 0.7, 0.007), ("bfloat16", 0.7, 1.4)])
def test_other_flow(tmp_path: Path, precision: str, lost: float, allowed: float) -> None:
    """A step of the flow is told, and a step below what the network may lose passes."""
    model = load_model(LITE)
    flow = probe_flow(model, get_executor(precision=precision))
    for step, passed in ((0.9 * allowed, 1), (1.1 * allowed, 0)):
        probe = {"probe.flow": flow + np.float32([step, 0]), "probe.bfloat16_px": np.float32([lost])}
        found = CModel(changed(tmp_path, probe), precision=precision).self_check()
        assert (found.stored, found.passed) == (1, passed)
        assert found.allowed == pytest.approx(allowed)
        assert found.largest == pytest.approx(step, rel=1e-3)
        assert found.mean == pytest.approx(lengths(probe["probe.flow"] - flow).mean(), rel=1e-3)


@pytest.mark.parametrize(
    ("tensors", "facts"),
    [
        ({"probe.flow": np.zeros((64, 128), np.float32)}, {}),
        ({"probe.flow": np.zeros((64, 128, 3), np.float32)}, {}),
        ({"probe.flow": np.zeros((0, 128, 2), np.float32)}, {}),
        ({"probe.flow": np.zeros((1, 1025, 2), np.float32)}, {}),
        ({"probe.flow": np.zeros((64, 128, 2), np.float16)}, {}),
        ({"probe.bfloat16_px": np.zeros(2, np.float32)}, {}),
        ({"probe.bfloat16_px": np.zeros((), np.float32)}, {}),
        ({}, {"probe_seed": "-1"}),
        ({}, {"probe_seed": "+1"}),
        ({}, {"probe_seed": "4294967296"}),
        ({}, {"probe_seed": "1 "}),
        ({}, {"probe_seed": "00000000001"}),
        ({}, {"probe_seed": ""}),
    ],
    ids=str,
)
def test_forms_that_are_not_known(tmp_path: Path, tensors: dict[str, Array], facts: dict[str, str]) -> None:
    """Both readers leave them alone, and the model works."""
    path = changed(tmp_path, tensors, **facts)
    model = CModel(path)
    found = model.self_check()
    assert (found.stored, found.passed, found.largest, found.mean, found.allowed) == (0, 0, 0, 0, 0)
    assert load_model(path).probe is None
    assert model(*np.zeros((2, 32, 32, 3), np.uint8)).shape == (32, 32, 2)


def test_leading_zeros_of_a_seed(tmp_path: Path) -> None:
    path = changed(tmp_path, {}, probe_seed="0000000020")
    assert CModel(path).self_check().passed == 1
    probe = load_model(path).probe
    assert probe is not None
    assert probe.seed == 20


@pytest.mark.parametrize("name", ["probe.flow", "probe.bfloat16_px"])
def test_no_number_is_refused_by_both_readers(tmp_path: Path, name: str) -> None:
    value = np.array(read_safetensors(LITE)[0][name])
    value.reshape(-1)[0] = np.nan
    path = changed(tmp_path, {name: value})
    for read in (CModel, load_model):
        with pytest.raises(Exception, match=f"{name}.? holds NaN or infinite values"):
            read(path)


def test_arguments() -> None:
    model: Any = CModel(LITE)
    for arguments in ((model.handle, None), (None, None)):
        with pytest.raises(CallError, match=r"NULL|null") as caught:
            check(LIB.flownet2_self_check(*arguments))
        assert caught.value.status == INVALID_ARGUMENT
