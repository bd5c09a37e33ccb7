# SPDX-License-Identifier: Apache-2.0
"""Calls of the C library from the outside: progress, cancelling, threads, messages, facts."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref, c_int32, c_void_p
from pathlib import Path

import numpy as np
import pytest

import flownet2
from embed.c_library import (
    CANCELLED,
    FUNCTIONS,
    INVALID_ARGUMENT,
    LIB,
    MEAN_RULES,
    SIZE_RULES,
    CallError,
    CModel,
    LoadOptions,
    callback,
    check,
    sized,
)
from embed.models import heavy, pass_through
from flownet2.builtin import MODELS
from flownet2.preprocess import Preprocess
from flownet2.runtime import get_isa, list_isas
from flownet2.weights import load_model
from repo.public_headers import c_functions

LITE = MODELS["flownet2-lite"]
PAIR = tuple(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8) for seed in (0, 1))
SOON = 0.5  # seconds


@pytest.fixture(scope="module")
def model() -> CModel:
    return CModel(LITE)


def message() -> str:
    return LIB.flownet2_last_error().decode()


def test_every_function_is_tested_here() -> None:
    assert set(FUNCTIONS) == c_functions()


# Progress


def test_progress_rises_to_one(model: CModel) -> None:
    seen: list[tuple[float, int]] = []

    def progress(done: float) -> int:
        seen.append((done, threading.get_ident()))
        return 0

    expected = model(*PAIR)
    assert np.array_equal(model(*PAIR, progress=progress), expected)
    shares = [done for done, _ in seen]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5
    assert shares[-1] == 1
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_progress_of_loading() -> None:
    shares: list[float] = []
    CModel(LITE, progress=lambda done: shares.append(done) or 0)
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("at", [0, 1, 5])
@pytest.mark.parametrize("answer", [1, -1])
def test_an_answer_of_the_callback_ends_the_call(model: CModel, at: int, answer: int) -> None:
    calls = 0

    def progress(done: float) -> int:
        nonlocal calls
        calls += 1
        return answer if calls > at else 0

    expected = model(*PAIR)
    with pytest.raises(CallError) as caught:
        model(*PAIR, progress=progress)
    assert caught.value.status == CANCELLED
    assert calls == at + 1
    assert np.array_equal(model(*PAIR), expected)


def test_an_answer_of_the_callback_ends_loading() -> None:
    handle = c_void_p(1)
    options = sized(LoadOptions)
    options.progress = callback(lambda done: 1)
    assert LIB.flownet2_load(bytes(LITE), byref(options), byref(handle)) == CANCELLED
    assert handle.value is None


def test_another_thread_stops_a_long_call(tmp_path: Path) -> None:
    """The flag that the callback looks at is set after a while; the best of three, other work may slow one down."""
    model = CModel(heavy(tmp_path / "heavy.safetensors"), threads=1)
    large = np.zeros((1024, 1024, 3), np.uint8)
    expected = model(*PAIR)
    delays = []
    for _ in range(3):
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(model, large, large, progress=lambda done, stop=stop: int(stop.is_set()))
            time.sleep(0.3)
            assert not call.done()
            start = time.perf_counter()
            stop.set()
            with pytest.raises(CallError) as caught:
                call.result(60)
            delays.append(time.perf_counter() - start)
        assert caught.value.status == CANCELLED
    assert min(delays) < SOON, delays
    assert np.array_equal(model(*PAIR), expected)


# Threads


def test_many_threads_on_one_model(model: CModel) -> None:
    rng = np.random.default_rng(3)
    shapes = [(64, 64, 3), (50, 70, 3), (33, 100, 3), (1, 5, 3)]
    pairs = [tuple(rng.integers(0, 256, shape, np.uint8) for _ in range(2)) for shape in shapes for _ in range(6)]
    expected = [model(*pair) for pair in pairs]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda pair: model(*pair), pairs))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(got, expected, strict=True))


def test_messages_belong_to_their_thread() -> None:
    assert LIB.flownet2_set_num_threads(0) == INVALID_ARGUMENT
    before = message()
    assert "from 1 to 1024" in before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(message).result() == ""
        assert pool.submit(LIB.flownet2_model_info, None, None).result() == INVALID_ARGUMENT
        assert pool.submit(message).result() == "model must not be NULL"
    assert message() == before


@pytest.fixture
def _restore_threads() -> Iterator[None]:
    count = c_int32()
    check(LIB.flownet2_num_threads(byref(count)))
    yield
    check(LIB.flownet2_set_num_threads(count))


@pytest.mark.usefixtures("_restore_threads")
def test_number_of_threads(model: CModel) -> None:
    expected = model(*PAIR)
    for wanted in (1, 3, 1024):
        check(LIB.flownet2_set_num_threads(wanted))
        count = c_int32()
        check(LIB.flownet2_num_threads(byref(count)))
        assert count.value == wanted
    check(LIB.flownet2_set_num_threads(2))
    assert np.array_equal(model(*PAIR), expected)
    for refused in (0, -1, 1025):
        assert LIB.flownet2_set_num_threads(refused) == INVALID_ARGUMENT
        assert str(refused) in message()


# Facts


def test_version_and_instruction_sets() -> None:
    assert LIB.flownet2_version().decode() == flownet2.__version__
    names = [LIB.flownet2_isa_name(index) for index in range(len(list_isas()))]
    assert [name.decode() for name in names] == list_isas()
    for past in (len(names), len(names) + 1, 2**31 - 1, -1, -(2**31)):
        assert LIB.flownet2_isa_name(past) is None
    name = ctypes.c_char_p()
    check(LIB.flownet2_isa(byref(name)))
    assert name.value is not None
    assert name.value.decode() == get_isa()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_info_of_the_built_in_model(precision: str) -> None:
    c_model, python_model, stored = CModel(LITE, precision=precision), flownet2.load(), load_model(LITE)
    info = c_model.info()
    assert info.network.decode() == python_model.network
    assert info.parameters == python_model.graph.parameter_count
    assert info.size_multiple == python_model.graph.size_multiple
    assert info.stored.decode() == stored.stored
    assert info.isa.decode() == get_isa()
    assert info.precision == ["float32", "bfloat16"].index(precision)
    assert ["rgb", "bgr"][info.channel_order] == python_model.preprocess.channel_order
    assert tuple(info.mean) == python_model.preprocess.mean
    assert len(stored.info) > 2
    for key, value in stored.info.items():
        assert LIB.flownet2_model_fact(c_model.handle, key.encode()).decode() == value


def test_facts_that_are_not_there(model: CModel) -> None:
    for key in (b"", b"graph", b"format", b"unknown"):
        assert LIB.flownet2_model_fact(model.handle, key) is None
    assert LIB.flownet2_model_fact(None, b"origin") is None
    assert LIB.flownet2_model_fact(model.handle, None) is None


def test_info_of_conventions(tmp_path: Path) -> None:
    record = Preprocess("rgb", (0.41, -0.25, 0.0))
    info = CModel(pass_through(tmp_path / "model.safetensors", (0, 3), 24, record)).info()
    assert (info.network, info.parameters, info.size_multiple, info.channel_order) == (b"pass_through", 14, 24, 0)
    assert list(info.mean) == np.array(record.mean, np.float32).tolist()
    assert (info.mean_rule, info.size_rule) == (MEAN_RULES["given"], SIZE_RULES["resize"])
    assert list(info.second_mean) == list(info.mean)


@pytest.mark.parametrize("size_rule", ["resize", "pad", "crop"])
@pytest.mark.parametrize("mean_rule", ["given", "pair", "picture"])
def test_info_of_rules(tmp_path: Path, mean_rule: str, size_rule: str) -> None:
    record = Preprocess("rgb", mean_rule=mean_rule, size_rule=size_rule)
    model = CModel(pass_through(tmp_path / "model.safetensors", (0, 3), 24, record))
    info = model.info()
    assert (info.mean_rule, info.size_rule) == (MEAN_RULES[mean_rule], SIZE_RULES[size_rule])
    assert model.flow_size(30, 50) == model.flow_size(30, 50, size_rule)
    assert model.flow_size(30, 50) == ((24, 48) if size_rule == "crop" else (30, 50))
