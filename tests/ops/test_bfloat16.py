# SPDX-License-Identifier: Apache-2.0
"""Convolutions of bfloat16 on every instruction set: the reference on rounded operands, rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import assert_relative
from flownet2 import _core, runtime
from flownet2.bfloat16 import round_to_bfloat16
from flownet2.errors import InputError
from flownet2.ops import reference
from flownet2.ops.spec import OPS
from flownet2.types import Array

ISAS = [None, *runtime.list_isas()]
VECTORS = [isa for isa in runtime.list_isas() if isa != "amx"]
"""Their sums have one order, and products of bfloat16 are exact in float32: the same bits."""
HALF_STEP = 2.0**-8
"""Largest relative error of rounding to bfloat16."""


def normal(*shape: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def convolve(x: Array, weight: Array, bias: Array, isa: str | None, transposed: bool, **attributes: Any) -> Array:
    planes = bias.reshape(1, -1, 1, 1)
    return _core.convolve(x, weight=weight, bias=planes, transposed=transposed, isa=isa, bfloat16=True, **attributes)


def exact(x: Array, weight: Array, bias: Array, transposed: bool, **attributes: Any) -> Array:
    op = reference.conv_transpose2d if transposed else reference.conv2d
    x, weight = (round_to_bfloat16(value).astype(float) for value in (x, weight))
    return op(x, weight=weight, bias=bias.astype(float), **attributes)


def assert_rounded(got: Array, expected: Array) -> None:
    """`got` are values of bfloat16, `expected` rounded; float sums may tip it over to a neighbour."""
    assert np.array_equal(got, round_to_bfloat16(got))
    largest = np.abs(expected).max(initial=1e-30)
    # 1e-4 of the largest value: what float32 sums, Winograd's transforms included, may be off.
    allowed = HALF_STEP * np.abs(expected) + 2e-4 * largest
    assert (np.abs(got - expected) <= allowed).all()


LAYERS = [
    # ci, co, kernel, stride, padding, transposed, rows, columns
    (3, 64, 7, 2, 3, False, 20, 33),
    (12, 64, 7, 2, 3, False, 20, 33),
    (64, 96, 5, 2, 2, False, 24, 40),
    (64, 128, 3, 1, 1, False, 24, 40),
    (473, 32, 3, 1, 1, False, 9, 17),
    (64, 70, 3, 2, 1, False, 15, 31),
    (256, 32, 1, 1, 0, False, 7, 16),
    (82, 16, 4, 2, 1, True, 9, 21),
    (130, 40, 4, 2, 1, True, 8, 16),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: "-".join(map(str, layer[:4])))
def test_layers(layer: tuple[Any, ...]) -> None:
    ci, co, kernel, stride, padding, transposed, rows, columns = layer
    x = normal(2, ci, rows, columns, seed=1)
    weight = normal(*((ci, co) if transposed else (co, ci)), kernel, kernel, seed=2)
    bias = normal(co, seed=3)
    attributes = {"stride": (stride, stride), "padding": (padding, padding), "leaky_slope": 0.1}
    expected = exact(x, weight, bias, transposed, **attributes)
    results = {isa: convolve(x, weight, bias, isa, transposed, **attributes) for isa in ISAS}
    for result in results.values():
        assert_rounded(result, expected)
    for isa in VECTORS:
        assert np.array_equal(results[isa], results["scalar"]), isa


@settings(max_examples=100, deadline=None)
@given(
    transposed=st.booleans(),
    batch=st.integers(1, 2),
    ci=st.integers(1, 70),
    co=st.integers(5, 40),
    size=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    slope=st.sampled_from([None, 0.1, -0.5]),
    isa=st.sampled_from(ISAS),
    seed=st.integers(0, 1000),
)
def test_any_shape(transposed, batch, ci, co, size, kernel, stride, padding, slope, isa, seed) -> None:
    x = normal(batch, ci, *size, seed=seed)
    weight = normal(*((ci, co) if transposed else (co, ci)), *kernel, seed=seed + 1)
    bias = normal(co, seed=seed + 2)
    attributes = {"stride": stride, "padding": padding, "leaky_slope": slope}
    spec = OPS["conv_transpose2d" if transposed else "conv2d"]
    try:
        spec.infer_shape(spec.attributes(**attributes), [x.shape], {"weight": weight.shape, "bias": bias.shape})
    except InputError:
        return
    got = convolve(x, weight, bias, isa, transposed, **attributes)
    assert_rounded(got, exact(x, weight, bias, transposed, **attributes))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("transposed", [False, True])
def test_flow_heads_keep_float32(transposed: bool, isa: str | None) -> None:
    """At most four channels: only what is read is rounded."""
    x, bias = normal(2, 40, 9, 21, seed=7), normal(2, seed=8)
    kernel = (40, 2, 4, 4) if transposed else (2, 40, 3, 3)
    weight = normal(*kernel, seed=9)
    attributes = {"stride": (2, 2) if transposed else (1, 1), "padding": (1, 1), "leaky_slope": None}
    op = reference.conv_transpose2d if transposed else reference.conv2d
    x_read = round_to_bfloat16(x).astype(float)
    expected = op(x_read, weight=weight.astype(float), bias=bias.astype(float), **attributes)
    got = convolve(x, weight, bias, isa, transposed, **attributes)
    assert_relative(got, expected, rtol=1e-5)
    assert not np.array_equal(got, round_to_bfloat16(got))


@pytest.mark.parametrize("isa", ISAS)
def test_threads_and_places_in_a_batch_do_not_matter(isa: str | None) -> None:
    x, weight, bias = normal(3, 40, 21, 50, seed=4), normal(48, 40, 3, 3, seed=5), normal(48, seed=6)
    attributes = {"stride": (1, 1), "padding": (1, 1), "leaky_slope": None}
    before = runtime.get_num_threads()
    try:
        runtime.set_num_threads(1)
        expected = convolve(x, weight, bias, isa, False, **attributes)
        for threads in (2, 3, 8):
            runtime.set_num_threads(threads)
            assert np.array_equal(convolve(x, weight, bias, isa, False, **attributes), expected)
        for i in range(3):
            alone = convolve(x[i : i + 1], weight, bias, isa, False, **attributes)
            assert np.array_equal(alone[0], expected[i])
    finally:
        runtime.set_num_threads(before)


@pytest.mark.parametrize("isa", ISAS)
def test_special_values(isa: str | None) -> None:
    """NaN and infinity pass, overflow becomes infinity; nothing else is touched."""
    x = np.array([1.0, np.nan, np.inf, -np.inf, 3.0e38, -2.0], np.float32).reshape(1, 1, 1, 6)
    weight = np.array([1.0, 2.0, 0.0, 0.0, 0.0], np.float32).reshape(5, 1, 1, 1)
    got = convolve(x, weight, np.zeros(5, np.float32), isa, False, stride=(1, 1), padding=(0, 0), leaky_slope=None)
    rounded = float(round_to_bfloat16(np.float32(3.0e38)))
    assert np.array_equal(got[0, 0, 0], [1, np.nan, np.inf, -np.inf, rounded, -2], equal_nan=True)
    assert np.array_equal(got[0, 1, 0], [2, np.nan, np.inf, -np.inf, np.inf, -4], equal_nan=True)
