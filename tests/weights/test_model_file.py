# SPDX-License-Identifier: Apache-2.0
"""Our model file: what is written comes back, and a file that does not fit is refused by name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import flownet2
from flownet2.errors import CheckpointError, GraphError, InputError, WeightsError
from flownet2.graph import graph_to_json
from flownet2.networks import build_network
from flownet2.preprocess import Preprocess
from flownet2.probe import Probe
from flownet2.weights import Model, load_model, read_safetensors, write_model, write_safetensors


def small_model() -> Model:
    graph = build_network("flownets", width=1 / 64)
    rng = np.random.default_rng(0)
    parameters = {name: rng.normal(size=shape).astype(np.float32) for name, shape in graph.parameters.items()}
    return Model(graph, parameters, Preprocess("rgb", (0.1, 0.2, 0.3)), {"origin": "test", "license": "none"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_round_trip(path: Path) -> None:
    model = small_model()
    write_model(path, model)
    again = load_model(path)
    assert again.graph == model.graph
    assert again.preprocess == model.preprocess
    assert again.info == model.info
    assert again.parameters.keys() == model.parameters.keys()
    for name, value in model.parameters.items():
        assert np.array_equal(again.parameters[name], value)


def test_float16_is_half_the_size_and_rounded_once(path: Path) -> None:
    model = small_model()
    write_model(path, model, dtype="float16")
    stored, _ = read_safetensors(path)
    assert {value.dtype for value in stored.values()} == {np.dtype(np.float16)}
    for name, value in load_model(path).parameters.items():
        assert value.dtype == np.float32
        assert np.array_equal(value, model.parameters[name].astype(np.float16).astype(np.float32))


def test_model_runs_from_its_file(path: Path) -> None:
    write_model(path, small_model())
    model = flownet2.load(path)
    picture = np.zeros((40, 50, 3), np.uint8)
    assert model(picture, picture).shape == (40, 50, 2)


def test_names_of_the_self_check_are_reserved(path: Path) -> None:
    for key in ("probe.flow", "graph"):
        with pytest.raises(InputError, match="is reserved"):
            write_model(path, dataclasses.replace(small_model(), info={key: "x"}))
    assert not path.exists()


def test_a_stored_self_check_is_skipped(path: Path) -> None:
    model = small_model()
    write_model(path, model)
    tensors, metadata = read_safetensors(path)
    write_safetensors(
        path,
        {**tensors, "probe.flow": np.zeros(3, np.float32), "probe.new": np.zeros(1)},
        {**metadata, "probe.seed": "1"},
    )
    again = load_model(path)
    assert again.info == model.info
    assert again.parameters.keys() == model.parameters.keys()
    assert again.probe is None


def test_a_self_check_is_stored_beside_the_weights(path: Path) -> None:
    model = dataclasses.replace(small_model(), probe=Probe(7, np.arange(24, dtype=np.float32).reshape(3, 4, 2)))
    for dtype in ("float32", "bfloat16"):
        write_model(path, model, dtype)
        again = load_model(path)
        assert again.probe is not None
        assert model.probe is not None
        assert again.probe.seed == 7
        assert np.array_equal(again.probe.flow, model.probe.flow)
        assert again.stored == dtype
        assert again.parameters.keys() == model.parameters.keys()
        assert again.info == model.info


@pytest.mark.parametrize("seed", ["", "-1", "x", "4294967296", "9" * 5000, "\u0661"])
def test_a_self_check_with_a_strange_seed_is_skipped(path: Path, seed: str) -> None:
    write_model(path, dataclasses.replace(small_model(), probe=Probe(7, np.zeros((3, 4, 2), np.float32))))
    tensors, metadata = read_safetensors(path)
    write_safetensors(path, tensors, {**metadata, "probe.seed": seed})
    assert load_model(path).probe is None


@pytest.mark.parametrize("lost", [np.zeros(2, "f4"), np.zeros((), "f4"), np.zeros(1, "f2"), np.zeros(1)], ids=repr)
def test_what_bfloat16_made_is_one_float32(path: Path, lost: np.ndarray) -> None:
    write_model(path, dataclasses.replace(small_model(), probe=Probe(7, np.zeros((3, 4, 2), np.float32), 0.25)))
    probe = load_model(path).probe
    assert probe is not None
    assert probe.bfloat16_px == 0.25
    tensors, metadata = read_safetensors(path)
    write_safetensors(path, {**tensors, "probe.bfloat16_px": lost}, metadata)
    assert load_model(path).probe is None


@pytest.mark.parametrize(
    "flow", [np.zeros((3, 4, 2)), np.zeros((3, 4, 3), "f4"), np.zeros((2000, 1, 2), "f4"), np.zeros((0, 4, 2), "f4")]
)
def test_a_self_check_of_another_form_is_skipped(path: Path, flow: np.ndarray) -> None:
    write_model(path, dataclasses.replace(small_model(), probe=Probe(7, np.zeros((3, 4, 2), np.float32))))
    assert load_model(path).probe is not None
    tensors, metadata = read_safetensors(path)
    write_safetensors(path, {**tensors, "probe.flow": flow}, metadata)
    assert load_model(path).probe is None


def edit(path: Path, **changes: str) -> None:
    write_model(path, small_model())
    tensors, metadata = read_safetensors(path)
    write_safetensors(path, tensors, {**metadata, **changes})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format_version": "2"}, "model file of version '2', this flownet2 reads '1'"),
        ({"graph": "{}"}, "lacks 'schema'"),
        ({"graph": ""}, "not valid JSON"),
        ({"preprocess": "["}, "preprocess text is not JSON"),
        ({"preprocess": "{}"}, "must have the fields"),
        ({"preprocess": '{"channel_order":"gbr","mean":[0,0,0]}'}, "channel_order must be 'rgb' or 'bgr'"),
        ({"preprocess": '{"channel_order":"rgb","mean":[0,0]}'}, "mean must be three numbers"),
        ({"preprocess": '{"channel_order":"rgb","mean":[0,0,NaN]}'}, "mean must be three numbers"),
        ({"preprocess": '{"channel_order":"rgb","mean":[0,0,-2]}'}, "mean must be three numbers"),
        ({"preprocess": '{"channel_order":"rgb","mean":[0,0,true]}'}, "mean must be three numbers"),
        ({"preprocess": '{"channel_order":["rgb"],"mean":5}'}, "channel_order must be"),
        ({"preprocess": '{"channel_order":"rgb","mean":[0,0,0],"flow_value":"flown"}'}, "which the graph lacks"),
    ],
)
def test_broken_metadata(path: Path, changes: dict[str, str], text: str) -> None:
    edit(path, **changes)
    with pytest.raises(CheckpointError) as error:
        load_model(path)
    assert text in str(error.value)
    assert "model.safetensors" in str(error.value)


def test_tensors_that_do_not_fit_the_graph(path: Path) -> None:
    edit(path, graph=graph_to_json(build_network("flownets", width=1 / 32)))
    with pytest.raises(WeightsError, match="misshapen"):
        load_model(path)


def test_another_network_is_refused(path: Path) -> None:
    write_model(path, small_model())
    assert load_model(path, "flownets").graph.name == "flownets"
    with pytest.raises(InputError, match="holds 'flownets', not 'flownetc'"):
        load_model(path, "flownetc")


def test_bfloat16_is_half_the_size_and_rounded_to_nearest_even(path: Path) -> None:
    model = small_model()
    name = "flownets.conv1.bias"
    tie_down, tie_up, low = 1 + 2.0**-8, 1 + 3 * 2.0**-8, -(1 + 2.0**-9)
    values = np.resize(np.array([tie_down, tie_up, low], np.float32), model.graph.parameters[name])
    write_model(path, dataclasses.replace(model, parameters={**model.parameters, name: values}), "bfloat16")
    again = load_model(path)
    expected = np.resize(np.array([1, 1 + 2.0**-6, -1], np.float32), values.shape)
    assert np.array_equal(again.parameters[name], expected)
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert {entry["dtype"] for key, entry in header.items() if key != "__metadata__"} == {"BF16"}
    assert len(raw) == 8 + length + 2 * model.graph.parameter_count


@pytest.mark.parametrize(("dtype", "largest"), [("float16", 65504.0), ("bfloat16", 255 * 2.0**120)])
def test_values_too_large_for_the_dtype(dtype: str, largest: float, path: Path) -> None:
    model = small_model()
    name = "flownets.conv3.weight"
    values = model.parameters[name].copy()
    values.flat[-1] = -largest
    write_model(path, dataclasses.replace(model, parameters={**model.parameters, name: values}), dtype)
    assert load_model(path).parameters[name].flat[-1] == -largest
    before = path.read_bytes()
    values.flat[-1] = np.nextafter(np.float32(-largest), np.float32(-np.inf))
    with pytest.raises(WeightsError, match=f"{name} holds values too large for {dtype}; write float32"):
        write_model(path, dataclasses.replace(model, parameters={**model.parameters, name: values}), dtype)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_parameters_that_do_not_fit_the_graph_are_not_written(path: Path) -> None:
    model = small_model()
    name = "flownets.conv3.weight"
    with pytest.raises(InputError, match=r"shape \(3,\) came for one of"):
        write_model(path, dataclasses.replace(model, parameters={**model.parameters, name: np.zeros(3, np.float32)}))
    assert not path.exists()


def test_unknown_dtype(path: Path) -> None:
    with pytest.raises(InputError, match="dtype must be one of float32, float16, bfloat16"):
        write_model(path, small_model(), dtype="int8")


def test_preprocess_text() -> None:
    record = Preprocess("rgb", (0.25, 0.5, 0.75))
    assert Preprocess.from_json(record.to_json()) == record
    assert json.loads(record.to_json()) == {"channel_order": "rgb", "mean": [0.25, 0.5, 0.75]}
    with pytest.raises(GraphError):
        Preprocess.from_json(json.dumps({"channel_order": "rgb", "mean": [0, 0, 0], "std": 1}))


def test_mean_is_subtracted_in_the_networks_order() -> None:
    picture = np.full((1, 2, 2, 3), (255, 0, 51), np.uint8)
    tensor = Preprocess("bgr", (0.1, 0.2, 0.3)).tensor(picture, "rgb")
    np.testing.assert_allclose(tensor[0, :, 0, 0], [0.2 - 0.1, 0 - 0.2, 1 - 0.3], atol=1e-6)
