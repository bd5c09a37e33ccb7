# SPDX-License-Identifier: Apache-2.0
"""mmflow checkpoints: every name of every network, recognition, and one error for all that does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cases.networks import manifest
from flownet2.errors import InputError, WeightsError
from flownet2.networks import build_network
from flownet2.types import Array
from flownet2.weights import import_checkpoint, load_model, mmflow, write_safetensors

SOURCE = Path(__file__)


def zeros(network: str) -> dict[str, Array]:
    """A state dict of the right names and shapes that takes no memory."""
    rows = manifest()["networks"][network]["tensors"]
    return {row["name"]: np.broadcast_to(np.float32(0), row["shape"]) for row in rows}


@pytest.mark.parametrize("network", mmflow.SUBNETWORKS)
def test_names_and_shapes_are_mmflows(network: str) -> None:
    graph = build_network(network)
    names = mmflow.names(graph)
    assert len(set(names.values())) == len(graph.parameters)
    assert {theirs: graph.parameters[ours] for theirs, ours in names.items()} == {
        name: value.shape for name, value in zeros(network).items()
    }


@pytest.mark.parametrize("network", ["flownets", "flownetc", "flownet2sd"])
def test_recognised(network: str) -> None:
    assert import_checkpoint(SOURCE, {"meta": {}, "state_dict": zeros(network)}).graph.name == network


def test_wrappers_are_stripped() -> None:
    wrapped = {f"module.{name}": value for name, value in zeros("flownets").items()}
    assert import_checkpoint(SOURCE, wrapped).graph.name == "flownets"


def test_a_label_that_the_tensors_cannot_tell() -> None:
    small = {"state_dict": zeros("flownet2css-sd")}
    assert import_checkpoint(SOURCE, small).graph.name == "flownet2css"
    assert import_checkpoint(SOURCE, small, "flownet2css-sd").graph.name == "flownet2css-sd"


def test_every_fault_in_one_error() -> None:
    tensors = zeros("flownets")
    names = list(tensors)
    tensors["surprise.weight"] = tensors.pop(names[0])
    tensors[names[1]] = np.zeros(3, np.float32)
    tensors[names[2]] = tensors[names[2]].astype(np.int64)
    broken = np.array(tensors[names[3]])
    broken.flat[0] = np.nan
    tensors[names[3]] = broken
    with pytest.raises(WeightsError) as error:
        import_checkpoint(SOURCE, tensors)
    for text in (
        SOURCE.name,
        "'flownets'",
        "1 missing:\n    flownets.conv1.weight (64, 6, 7, 7)",
        "1 unexpected:\n    surprise.weight (64, 6, 7, 7)",
        "1 misshapen:\n    flownets.conv1.bias: expected (64,), got (3,)",
        "2 unusable",
        "dtype int64, expected a float",
        "holds NaN or infinite values",
    ):
        assert text in str(error.value), text


def test_licence() -> None:
    """Of mmflow's files; one with our own names says nothing of it."""
    assert import_checkpoint(SOURCE, zeros("flownets")).info["license"] == "Apache-2.0 (OpenMMLab)"
    graph = build_network("flownets")
    own = {name: np.broadcast_to(np.float32(0), shape) for name, shape in graph.parameters.items()}
    assert "license" not in import_checkpoint(SOURCE, own).info


def test_long_lists_are_cut() -> None:
    with pytest.raises(WeightsError, match="and 32 more"):
        import_checkpoint(SOURCE, {"a": np.zeros(1, np.float32)}, "flownets")


def test_nothing_known() -> None:
    with pytest.raises(WeightsError, match=r"not those of a known network.*first names: backbone.a.*--network"):
        import_checkpoint(SOURCE, {"backbone.a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match="holds no tensors by name; its top-level keys are 'epoch'"):
        import_checkpoint(SOURCE, {"epoch": 3})
    with pytest.raises(WeightsError, match="'state_dict' is list"):
        import_checkpoint(SOURCE, {"state_dict": [1]})
    with pytest.raises(InputError, match="no network 'raft'"):
        import_checkpoint(SOURCE, zeros("flownets"), "raft")


def test_half_precision_and_double_become_float32() -> None:
    for dtype in (np.float16, np.float64):
        model = import_checkpoint(SOURCE, {name: value.astype(dtype) for name, value in zeros("flownets").items()})
        assert {value.dtype for value in model.parameters.values()} == {np.dtype(np.float32)}


def test_safetensors_with_our_names(tmp_path: Path) -> None:
    """What a user gets from renaming tensors by hand: recognised by the names, any network of the table."""
    graph = build_network("flownet2-lite")
    file = tmp_path / "plain.safetensors"
    write_safetensors(file, {name: np.ones(shape, np.float32) for name, shape in graph.parameters.items()}, {})
    model = load_model(file)
    assert model.graph == graph
    assert model.info["origin"] == "flownet2"
    assert model.info["source"] == "plain.safetensors"
    assert len(model.info["source_sha256"]) == 64
