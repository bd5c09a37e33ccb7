# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's and ptlflow's checkpoints: every name, whose they are, and what the flow of FlowNetSD tells."""

from __future__ import annotations

import argparse
import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from cases.networks import NVIDIA, nvidia_manifest, nvidia_state_dict
from flownet2.errors import CheckpointError, InputError, WeightsError
from flownet2.networks import NETWORKS, NVIDIA_03, NVIDIA_PX, PTLFLOW, build_network
from flownet2.networks import NVIDIA as RULES
from flownet2.probe import MOTION_PX, lengths, probe_flow
from flownet2.types import Array
from flownet2.weights import import_checkpoint, importer, load_model, nvidia, read_checkpoint, write_model
from flownet2.weights.origins import ORIGINS
from weights.builders import many, mapping, name, number, state_dict, tensors_of, text, zip_checkpoint

SOURCE = Path(__file__)
PUBLISHED = {"epoch": 1, "best_EPE": 2.0}
LIGHTNING = {"epoch": 1, "pytorch-lightning_version": "1.0", "hyper_parameters": {}}


def zeros(network: str) -> dict[str, Array]:
    """A state dict of the right names and shapes that takes no memory."""
    rows = nvidia_manifest()["networks"][NVIDIA[network]]
    return {row["name"]: np.broadcast_to(np.float32(0), row["shape"]) for row in rows}


@pytest.mark.parametrize("network", NVIDIA)
@pytest.mark.parametrize("rules", [RULES, NVIDIA_03, NVIDIA_PX, PTLFLOW], ids=lambda rules: rules.origin)
def test_names_and_shapes_are_nvidias(network: str, rules: Any) -> None:
    graph = build_network(network, rules)
    names = nvidia.names(graph)
    assert len(set(names.values())) == len(graph.parameters)
    assert {theirs: graph.parameters[ours] for theirs, ours in names.items()} == {
        name: value.shape for name, value in zeros(network).items()
    }


@pytest.mark.parametrize("network", NVIDIA)
@pytest.mark.parametrize(("outer", "origin"), [(PUBLISHED, "nvidia"), (LIGHTNING, "ptlflow")])
def test_recognised(network: str, outer: dict[str, Any], origin: str) -> None:
    model = import_checkpoint(SOURCE, {**outer, "state_dict": zeros(network)})
    assert (model.graph.name, model.info["origin"]) == (network, origin)
    assert model.graph == build_network(network, ORIGINS[origin].conventions)
    assert model.info.get("verified") == (None if origin == "nvidia" else "false")
    assert "research only" in model.info["license"]
    assert model.info["title"] == NETWORKS[network].title
    assert model.info["source_sha256"] == hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    assert "note" not in model.info


@pytest.mark.parametrize("key", ["pytorch-lightning_version", "hyper_parameters"])
def test_either_key_of_lightning_is_enough(key: str) -> None:
    model = import_checkpoint(SOURCE, {key: LIGHTNING[key], "state_dict": zeros("flownets")})
    assert model.info["origin"] == "ptlflow"


@pytest.mark.parametrize("origin", ["nvidia-0.3", "nvidia-px"])
def test_origins_that_are_asked_for(origin: str) -> None:
    """Nothing is there to compare them with, and their names are their rules."""
    for network in ("flownet2cs", "flownet2sd"):
        model = import_checkpoint(SOURCE, {**PUBLISHED, "state_dict": zeros(network)}, origin=origin)
        assert model.info["verified"] == "false"
        assert model.graph == build_network(network, {"nvidia-0.3": NVIDIA_03, "nvidia-px": NVIDIA_PX}[origin])


def test_a_label_that_the_tensors_cannot_tell() -> None:
    content = {**PUBLISHED, "state_dict": zeros("flownet2css")}
    assert import_checkpoint(SOURCE, content, "flownet2css-sd").graph.name == "flownet2css-sd"


@pytest.mark.parametrize("wrapper", ["module.", "model."])
def test_wrappers_are_stripped(wrapper: str) -> None:
    wrapped = {f"{wrapper}{name}": value for name, value in zeros("flownetc").items()}
    assert import_checkpoint(SOURCE, {**LIGHTNING, "state_dict": wrapped}).graph.name == "flownetc"


@pytest.mark.parametrize("outer", [{}, {**PUBLISHED, **LIGHTNING}])
def test_two_origins_fit(outer: dict[str, Any]) -> None:
    content = {**outer, "state_dict": zeros("flownetc")}
    with pytest.raises(WeightsError, match=r"fit the origins nvidia and ptlflow alike.*origin= or --origin"):
        import_checkpoint(SOURCE, content)
    for origin in ("nvidia", "nvidia-0.3", "nvidia-px", "ptlflow"):
        assert import_checkpoint(SOURCE, content, origin=origin).info["origin"] == origin


def test_origins_that_are_not_there() -> None:
    with pytest.raises(InputError, match="no origin 'caffe2'; known: mmflow, flownet2, nvidia"):
        import_checkpoint(SOURCE, zeros("flownetc"), origin="caffe2")
    with pytest.raises(InputError, match="the origin 'nvidia' has no weights for the network 'flownet2-lite'"):
        import_checkpoint(SOURCE, zeros("flownetc"), "flownet2-lite", "nvidia")
    with pytest.raises(WeightsError, match="48 unexpected"):
        import_checkpoint(SOURCE, zeros("flownetc"), "flownetc", "mmflow")


def test_every_fault_in_one_error() -> None:
    tensors = zeros("flownetc")
    tensors["surprise.weight"] = tensors.pop("conv1.0.weight")
    tensors["conv1.0.bias"] = np.zeros(3, np.float32)
    with pytest.raises(WeightsError) as error:
        import_checkpoint(SOURCE, {**PUBLISHED, "state_dict": tensors})
    for part in ("1 missing:\n    flownetc.conv1.weight", "1 unexpected:\n    surprise.weight", "1 misshapen"):
        assert part in str(error.value), part


def scaled(factor: float) -> dict[str, Array]:
    """FlowNetSD's weights whose flow is so many times longer."""
    tensors = nvidia_state_dict("flownet2sd")
    for role in ("weight", "bias"):
        tensors[f"predict_flow2.{role}"] = tensors[f"predict_flow2.{role}"] * np.float32(factor)
    return tensors


def test_flow_of_sd_that_is_400_times_too_long() -> None:
    content = {**PUBLISHED, "state_dict": scaled(400)}
    model = import_checkpoint(SOURCE, content)
    assert model.info["origin"] == "nvidia-px"
    assert model.info["verified"] == "false"
    assert "--origin nvidia keeps them" in model.info["note"]
    assert np.median(lengths(probe_flow(model))) < 10 * MOTION_PX
    plain = import_checkpoint(SOURCE, content, origin="nvidia")
    assert "note" not in plain.info
    assert np.median(lengths(probe_flow(plain))) > 100 * MOTION_PX


def test_flow_that_is_no_number_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "probe_flow", lambda _: np.full((64, 128, 2), np.nan, np.float32))
    model = import_checkpoint(SOURCE, {**PUBLISHED, "state_dict": zeros("flownet2sd")})
    assert (model.info["origin"], "note" in model.info) == ("nvidia", False)


def test_a_network_of_which_nothing_is_there_is_no_matter_of_origins() -> None:
    with pytest.raises(WeightsError, match="do not fit the network 'flownetc'"):
        import_checkpoint(SOURCE, {"a.weight": np.zeros(3, np.float32)}, "flownetc")


def test_flow_of_sd_that_is_right() -> None:
    assert import_checkpoint(SOURCE, {**PUBLISHED, "state_dict": scaled(1)}).info["origin"] == "nvidia"


def test_a_real_file(tmp_path: Path) -> None:
    """A zip of torch's with NVIDIA's outer dict: what load, convert and the command line are given."""
    pairs = zeros("flownetc")
    whole = state_dict({name: np.array(value) for name, value in pairs.items()})
    path = tmp_path / "FlowNet2-C_checkpoint.pth.tar"
    path.write_bytes(whole)
    with pytest.raises(WeightsError, match="nvidia and ptlflow"):
        load_model(path)
    model = flownet2.load(path, origin="nvidia")
    assert (model.network, model.info["origin"], model.info["source"]) == ("flownetc", "nvidia", path.name)
    written = tmp_path / "model.safetensors"
    write_model(written, load_model(path, origin="ptlflow"))
    again = load_model(written, origin="ptlflow")
    assert again.preprocess == load_model(path, origin="ptlflow").preprocess
    with pytest.raises(InputError, match="the origin of this model file is ptlflow"):
        load_model(written, origin="nvidia")


def test_a_file_of_lightning(tmp_path: Path) -> None:
    """As Lightning writes it: the options of the training are an argparse.Namespace, which is read as a dict."""
    options = argparse.Namespace(lr=1e-4, train_crop_size=[384, 448], model="flownets")
    options.again = {"args": options.train_crop_size}
    inner, storages = tensors_of({f"model.{name}": np.array(value) for name, value in zeros("flownets").items()})
    hyper = pickle.dumps({"args": options, "div_flow": 20.0}, protocol=2)[2:-1]
    body = mapping(
        (text("epoch"), number(3)),
        (text("pytorch-lightning_version"), text("1.1.3")),
        (text("hyper_parameters"), hyper),
        (text("state_dict"), inner),
    )
    path = tmp_path / "flownets-things.ckpt"
    path.write_bytes(zip_checkpoint(body, storages))
    content = read_checkpoint(path)
    assert content["hyper_parameters"] == {"args": {**vars(options)}, "div_flow": 20.0}
    model = load_model(path)
    assert (model.graph.name, model.info["origin"]) == ("flownets", "ptlflow")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (name("argparse.Namespace") + many(number(1)) + b"\x81", "NEWOBJ"),
        (name("collections.OrderedDict") + b")\x81", "NEWOBJ, an object of the name collections.OrderedDict"),
        (b"})\x81", "NEWOBJ, an object of a Map"),
        (name("argparse.Namespace") + b")\x81(tb", "a state for a Namespace"),
        (name("argparse.Namespace") + b")\x81}(X\x01\0\0\0aK\x01ubh\0b", "memo slot 0 is read before"),
        (name("argparse.Namespace") + b")R", "which is only a name here"),
    ],
)
def test_other_objects_are_refused(tmp_path: Path, body: bytes, message: str) -> None:
    path = tmp_path / "hostile.ckpt"
    path.write_bytes(zip_checkpoint(mapping((text("hyper_parameters"), body)), {}))
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)


def test_a_namespace_within_itself_is_refused(tmp_path: Path) -> None:
    inside = name("argparse.Namespace") + b")\x81q\0}(" + text("self") + b"h\0ub"
    path = tmp_path / "hostile.ckpt"
    path.write_bytes(zip_checkpoint(mapping((text("hyper_parameters"), inside)), {}))
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_rules_of_ptlflow_are_in_its_graph() -> None:
    graph = build_network("flownet2", PTLFLOW)
    warps = [node.attributes for node in graph.nodes if node.op == "warp"]
    assert len(warps) == 4
    assert all(rule.padding == "zeros" and rule.mask for rule in warps)
    resizes = [node.attributes for node in graph.nodes if node.op == "resize"]
    assert [rule.mode for rule in resizes] == ["bilinear"] * 4
    factors = {node.name: node.attributes.factor for node in graph.nodes if node.op == "elementwise"}
    assert factors["fusion.sd_quarter"] == 1 / 8000
    assert factors["fusion.css_quarter"] == 20
