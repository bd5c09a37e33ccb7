# SPDX-License-Identifier: Apache-2.0
"""Weights that stay in their file until they are asked for: right in every dtype, refused once the file changes."""

from __future__ import annotations

import gc
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2.bfloat16 import round_to_bfloat16
from flownet2.errors import CheckpointError, WeightsError
from flownet2.executors import get_executor
from flownet2.networks import build_network
from flownet2.preprocess import Preprocess
from flownet2.types import Array
from flownet2.weights import Model, load_model, read_safetensors, source, write_model, write_safetensors
from weights.samples import FOLDER, SAMPLES

ROUNDED = {
    "float32": lambda value: value,
    "float16": lambda value: value.astype(np.float16).astype(np.float32),
    "bfloat16": round_to_bfloat16,
}


def small_model() -> Model:
    graph = build_network("flownets", width=1 / 16)
    rng = np.random.default_rng(0)
    parameters = {name: rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in graph.parameters.items()}
    return Model(graph, parameters, Preprocess("rgb", (0.1, 0.2, 0.3)), {"origin": "test"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    write_model(file, small_model())
    return file


def edit(path: Path, **tensors: Array) -> None:
    """Writes the file again with other tensors of these names ("__" stands for a dot)."""
    before, metadata = read_safetensors(path)
    write_safetensors(path, {**before, **{name.replace("__", "."): value for name, value in tensors.items()}}, metadata)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("dtype", ROUNDED)
def test_every_dtype(dtype: str, path: Path) -> None:
    model = small_model()
    write_model(path, model, dtype)
    again = load_model(path)
    assert again.stored == dtype
    assert list(again.parameters) == list(model.graph.parameters)
    for name, value in again.parameters.items():
        assert value.dtype == np.float32
        assert value.flags.aligned
        assert value.flags.c_contiguous
        assert not value.flags.writeable
        assert np.array_equal(value, ROUNDED[dtype](model.parameters[name]))


def test_float64_and_a_mixture(path: Path) -> None:
    model = small_model()
    bias = model.parameters["flownets.conv1.bias"].astype(np.float64) / 3
    edit(path, flownets__conv1__bias=bias)
    again = load_model(path)
    assert again.stored == "float32 and float64"
    assert np.array_equal(again.parameters["flownets.conv1.bias"], bias.astype(np.float32))


def test_nothing_is_kept(path: Path) -> None:
    parameters = load_model(path).parameters
    name = "flownets.conv3.weight"
    first, second = parameters[name], parameters[name]
    assert np.array_equal(first, second)
    assert not np.shares_memory(first, second)
    assert name in parameters
    assert "flownets.conv9.weight" not in parameters
    with pytest.raises(KeyError):
        parameters["flownets.conv9.weight"]
    assert repr(parameters) == f"<{len(parameters)} tensors of {path}>"


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_dtypes_that_are_no_weights(dtype: str, path: Path) -> None:
    edit(path, flownets__conv1__bias=np.zeros(4, dtype))
    with pytest.raises(WeightsError, match=rf"unusable:\n    flownets.conv1.bias: dtype {dtype}, expected a float"):
        load_model(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, -1])
def test_numbers_that_are_not_finite(value: float, at: int, path: Path) -> None:
    broken = np.ones(load_model(path).graph.parameters["flownets.conv3_1.weight"], np.float32)
    broken.flat[at] = value
    edit(path, flownets__conv3_1__weight=broken)
    model = load_model(path)
    text = rf"{path}: flownets.conv3_1.weight holds NaN or infinite values"
    for read in (
        lambda: model.parameters["flownets.conv3_1.weight"],
        lambda: dict(model.parameters),
        lambda: flownet2.load(path),
        lambda: flownet2.load(path, executor="numpy"),
        lambda: write_model(path.with_name("other"), model),
    ):
        with pytest.raises(WeightsError, match=text):
            read()
    assert not path.with_name("other").exists()


def test_a_double_that_float32_cannot_hold(path: Path) -> None:
    edit(path, flownets__conv1__bias=np.full(4, 1e39))
    with pytest.raises(WeightsError, match=r"conv1\.bias holds NaN or infinite values"):
        flownet2.load(path)


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0" * 64)


def overwrite(path: Path) -> None:
    """The same size, but not what the header was checked for."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"\0" * 64)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize("change", [shrink, grow, overwrite])
@pytest.mark.parametrize("executor", ["native", "numpy"])
def test_a_file_that_changes_before_its_weights_are_read(change: Any, executor: str, path: Path) -> None:
    model = load_model(path)
    change(path)
    with pytest.raises(CheckpointError, match=rf"{path}: the file changed while it was read .* try again"):
        get_executor(executor).compile(model.graph, model.parameters)


def test_a_file_that_shrinks_after_any_tensor(path: Path) -> None:
    content = path.read_bytes()
    for count in range(len(small_model().graph.parameters)):
        path.write_bytes(content)
        model = load_model(path)
        names = iter(model.parameters)
        for _ in range(count):
            model.parameters[next(names)]
        shrink(path)
        with pytest.raises(CheckpointError, match="changed while it was read"):
            model.parameters[next(names)]


def test_a_file_that_is_replaced_or_removed_is_still_the_old_one(path: Path) -> None:
    expected = dict(load_model(path).parameters)
    model = load_model(path)
    write_model(path, small_model(), "float16")
    assert all(np.array_equal(value, expected[name]) for name, value in model.parameters.items())
    path.unlink()
    assert all(np.array_equal(value, expected[name]) for name, value in model.parameters.items())


def test_every_cut_is_refused_when_opened(path: Path) -> None:
    content = path.read_bytes()
    for length in (*range(0, 2000, 37), *range(2000, len(content), 49_999), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"model\.safetensors: "):
            load_model(path)


def test_hostile_samples_are_refused_and_closed() -> None:
    hostile = [entry["file"] for entry in SAMPLES if entry["expect"] == "reject"]
    assert len(hostile) > 150
    before = descriptors()
    for name in hostile:
        with pytest.raises(CheckpointError, match=Path(name).name):
            load_model(FOLDER / name)
    assert descriptors() == before


def test_the_file_is_closed_with_its_last_user(path: Path) -> None:
    before = descriptors()
    model = load_model(path)
    parameters = model.parameters
    assert descriptors() == before + 1
    del model
    assert parameters["flownets.conv1.bias"].shape == (4,)
    del parameters
    gc.collect()
    assert descriptors() == before
    estimators = [flownet2.load(path), flownet2.load(path, executor="numpy")]
    gc.collect()
    assert descriptors() == before
    picture = np.zeros((64, 64, 3), np.uint8)
    np.testing.assert_allclose(*(estimator(picture, picture) for estimator in estimators), atol=1e-3, rtol=1e-3)


def test_reading_from_many_threads(path: Path) -> None:
    expected = small_model().parameters
    parameters = load_model(path).parameters

    def read(start: int) -> bool:
        names = [*parameters][start:] + [*parameters][:start]
        return all(np.array_equal(parameters[name], expected[name]) for name in names)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(32)))


def test_where_files_are_read_at_a_position_that_all_share(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems without preadv."""
    monkeypatch.delattr(source.os, "preadv")
    test_reading_from_many_threads(path)


def test_a_pickle_holds_the_values(path: Path) -> None:
    parameters = load_model(path).parameters
    text = pickle.dumps(parameters)
    path.unlink()
    again = pickle.loads(text)
    assert type(again) is dict
    assert all(np.array_equal(again[name], value) for name, value in parameters.items())


@pytest.mark.parametrize(("dtype", "needed"), [("float32", 800 * 4), ("bfloat16", 800 * (2 + 4))])
def test_no_memory_for_a_tensor(dtype: str, needed: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(path, small_model(), dtype)
    model = load_model(path)

    def exhausted(shape: object, dtype: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(source, "new_array", exhausted)
        with pytest.raises(MemoryError, match=rf"{path}: no memory for the {needed} bytes .* 'flownets.conv2.weight'"):
            model.parameters["flownets.conv2.weight"]
    assert model.parameters["flownets.conv2.weight"].size == 800


def test_a_model_file_becomes_another(path: Path) -> None:
    """Read lazily from one file, written to the next."""
    half = path.with_name("half.safetensors")
    write_model(half, load_model(path), "bfloat16")
    back = path.with_name("back.safetensors")
    write_model(back, load_model(half))
    for name, value in load_model(back).parameters.items():
        assert np.array_equal(value, ROUNDED["bfloat16"](small_model().parameters[name]))
    assert half.stat().st_size < 0.52 * back.stat().st_size
