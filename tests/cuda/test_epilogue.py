# SPDX-License-Identifier: Apache-2.0
"""Bias, LeakyReLU, another type and the way into a slice: bit for bit what NumPy does step by step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_host import OnDevice
from cuda_numbers import DTYPES, FILL, NUMBERS, stored, values_of
from flownet2.types import Array

PAIRS = [(a, b) for a in NUMBERS for b in NUMBERS if a == b or "float32" in (a, b)]
# Tails of 8 channels, more than a block's 256, one channel, more pixels than a block has.
SIZES = [(1, 1, 1), (1, 1, 2), (3, 5, 7), (5, 13, 8), (2, 3, 9), (1, 7, 441), (37, 11, 32)]


def expected_of(x: Array, bias: Array | None, slope: float | None) -> Array:
    values = x if bias is None else x + bias
    return values if slope is None else np.where(values > 0, values, values * np.float32(slope))


def inputs(rows: int, columns: int, channels: int) -> tuple[Array, Array]:
    rng = np.random.default_rng((rows, columns, channels))
    x = rng.standard_normal((rows, columns, channels)).astype(np.float32)
    return x, rng.standard_normal(channels).astype(np.float32)


def slice_in(shape: tuple[int, ...], channels: int, before: int, after: int, number: str) -> tuple[Array, Array]:
    """Some channels of a wider array, and that array; at an address of 16 bytes."""
    wide = np.full((*shape, before + channels + after), FILL, DTYPES[number])
    assert wide.ctypes.data % 16 == 0
    return wide[..., before : before + channels], wide


def run(host: ModuleType, x: Array, bias: Array | None, out: Array, **options: Any) -> None:
    given = None if bias is None else OnDevice(bias)
    host.epilogue(OnDevice(x), given, OnDevice(out), launch_stream=1, **options)


@pytest.mark.parametrize("places", [(0, 0), (32, 7), (8, 8), (3, 0)], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("types", PAIRS, ids="-".join)
def test_slices(
    host: ModuleType, schedule: int, types: tuple[str, str], size: tuple[int, ...], places: tuple[int, int]
) -> None:
    x, bias = inputs(*size)
    memory = stored(x, types[0])
    out, wide = slice_in(size[:2], size[2], *places, types[1])
    run(host, memory, bias, out, leaky_slope=0.1)
    assert np.array_equal(out, stored(expected_of(values_of(memory), bias, 0.1), types[1]))
    assert (wide[..., : places[0]] == FILL).all()
    assert (wide[..., places[0] + size[2] :] == FILL).all()


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("slope", [None, 0.0, 0.1])
def test_parts_may_be_left_out(host: ModuleType, slope: float | None, with_bias: bool) -> None:
    x, bias = inputs(3, 5, 20)
    out = np.full(x.shape, FILL, np.float32)
    run(host, x, bias if with_bias else None, out, leaky_slope=slope)
    assert np.array_equal(out, expected_of(x, bias if with_bias else None, slope))


def test_input_may_be_padded(host: ModuleType) -> None:
    """Two channels of a product that has eight."""
    x, _ = inputs(3, 5, 8)
    out = np.full((3, 5, 2), FILL, np.float32)
    run(host, x[..., :2], None, out)
    assert np.array_equal(out, x[..., :2])


def test_not_a_number_stays(host: ModuleType) -> None:
    x, bias = inputs(2, 3, 9)
    x[0, 1, 2], x[1, 2, 8], x[0, 0, 0] = np.nan, np.nan, -np.inf
    out = np.empty_like(x)
    run(host, x, bias, out, leaky_slope=0.1)
    assert np.array_equal(out, expected_of(x, bias, 0.1), equal_nan=True)


@pytest.mark.parametrize(
    ("x", "bias", "out", "message"),
    [
        ((2, 3, 4), (4,), (2, 3, 5), r"out: expected shape \(2, 3, 4\), got \(2, 3, 5\)"),
        ((2, 3, 4), (5,), (2, 3, 4), r"bias: expected shape \(4\), got \(5\)"),
        ((2, 0, 4), (4,), (2, 0, 4), "no axis may be empty"),
    ],
)
def test_refused_shapes(host: ModuleType, x: Any, bias: Any, out: Any, message: str) -> None:
    arrays = [np.zeros(shape, np.float32) for shape in (x, bias, out)]
    with pytest.raises(ValueError, match=message):
        run(host, *arrays)


def test_refused_arguments(host: ModuleType) -> None:
    half, bits = np.zeros((2, 3, 4), np.float16), np.zeros((2, 3, 4), np.uint16)
    with pytest.raises(ValueError, match="must be float32, or both the same"):
        run(host, half, None, bits)
    with pytest.raises(ValueError, match="out: expected an array in C order"):
        run(host, half, None, np.zeros((2, 3, 8), np.float16)[..., ::2])
    with pytest.raises(ValueError, match="bias: expected no gaps"):
        run(host, half, np.zeros(8, np.float32)[::2], half.copy())
