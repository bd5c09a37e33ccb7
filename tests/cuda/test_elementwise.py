# SPDX-License-Identifier: Apache-2.0
"""Sums, products, LeakyReLU, copies between layouts and types: bit for bit what NumPy does step by step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_host import OnDevice
from cuda_layouts import LAYOUTS, empty, placed, untouched
from cuda_numbers import FILL, NUMBERS, stored, values_of
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

KINDS = ("add", "sub", "mul", "scale")
SIZES = [(1, 1, 1, 1), (2, 3, 5, 7), (2, 37, 3, 5), (1, 131, 2, 3), (1, 2, 19, 33)]


def values(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng((*shape, seed)).normal(scale=2, size=shape).astype(np.float32)


def run(host: ModuleType, kind: str, a: Array, b: Array | None, out: Array, **options: Any) -> None:
    host.elementwise(kind, OnDevice(a), None if b is None else OnDevice(b), OnDevice(out), launch_stream=1, **options)


def expected_of(kind: str, a: Array, b: Array | None, factor: float, slope: float | None) -> Array:
    """In float32, by the operators of the library's own reference."""
    inputs = [values_of(a)] if b is None else [values_of(a), values_of(b)]
    result = run_operator("elementwise", at.Elementwise(kind, factor), inputs, {}, reference=True)
    if slope is None:
        return result
    return run_operator("leaky_relu", at.LeakyRelu(slope), [result], {}, reference=True)


def check(
    host: ModuleType,
    kind: str,
    size: tuple[int, ...],
    layouts: tuple[str, str, str],
    types: tuple[str, str, str],
    slope: float | None = None,
) -> None:
    a = placed(values(size), layouts[0], types[0])
    b = None if kind == "scale" else placed(values(size, 1), layouts[1], types[1])
    factor = 0.3 if kind == "scale" else 1.0
    expected = stored(expected_of(kind, a, b, factor, slope), types[2])
    out, memory = empty(layouts[2], size, types[2])
    run(host, kind, a, b, out, factor=factor, leaky_slope=slope)
    assert np.array_equal(out, expected)
    assert untouched(out, memory)


@pytest.mark.parametrize("types", [(a, b, c) for a in NUMBERS for b in NUMBERS for c in NUMBERS], ids="-".join)
@pytest.mark.parametrize("kind", KINDS)
def test_types(host: ModuleType, kind: str, types: tuple[str, str, str]) -> None:
    check(host, kind, (2, 3, 5, 7), ("nhwc", "channels", "channels"), types, 0.1)


@pytest.mark.parametrize("layouts", [(a, b, c) for a in LAYOUTS for b in LAYOUTS for c in LAYOUTS], ids="-".join)
@pytest.mark.parametrize("kind", ["sub", "scale"])
def test_layouts(host: ModuleType, kind: str, layouts: tuple[str, str, str]) -> None:
    check(host, kind, (2, 3, 5, 7), layouts, ("float16", "float32", "bfloat16"))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_sizes(host: ModuleType, schedule: int, kind: str, layout: str, size: tuple[int, ...]) -> None:
    check(host, kind, size, (layout,) * 3, ("float32",) * 3, 0.25)


@pytest.mark.parametrize("slope", [0.0, 0.1, -1.0])
def test_leaky_relu(host: ModuleType, slope: float) -> None:
    x = values((2, 3, 5, 7))
    x[0, 0, 0, :3] = (np.nan, 0.0, -0.0)
    out = np.empty_like(x)
    run(host, "scale", x, None, out, leaky_slope=slope)
    expected = run_operator("leaky_relu", at.LeakyRelu(slope), [x], {}, reference=True)
    assert np.array_equal(out, expected, equal_nan=True)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pieces_of_a_concatenation(host: ModuleType, schedule: int, layout: str, number: str) -> None:
    """Pieces in turn, each beside what the others have written; the rest stays."""
    pieces = [placed(values((2, c, 5, 7), c), layout, number) for c in (1, 4, 3)]
    out, memory = empty("channels", (2, 8, 5, 7), number)
    at_channel = 0
    for piece in pieces:
        run(host, "scale", piece, None, out[:, at_channel : at_channel + piece.shape[1]])
        at_channel += piece.shape[1]
    assert np.array_equal(out, np.concatenate(pieces, axis=1))
    assert untouched(out, memory)


@pytest.mark.parametrize("number", ["float16", "bfloat16"])
def test_every_value_of_16_bits_survives(host: ModuleType, number: str) -> None:
    """To float32 and back."""
    memory = np.arange(2**16, dtype=np.uint16).view(np.float16 if number == "float16" else np.uint16)
    memory = memory.reshape(1, 4, 128, 128)
    wide, back = np.empty(memory.shape, np.float32), np.empty_like(memory)
    run(host, "scale", memory, None, wide)
    assert np.array_equal(wide, values_of(memory), equal_nan=True)
    run(host, "scale", wide, None, back)
    assert np.array_equal(values_of(back), values_of(memory), equal_nan=True)
    known = ~np.isnan(wide)
    assert np.array_equal(back.view(np.uint16)[known], memory.view(np.uint16)[known])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_in_place(host: ModuleType, schedule: int, kind: str, layout: str) -> None:
    a, b = (placed(values((2, 5, 3, 7), seed), layout, "float16") for seed in (0, 1))
    second = None if kind == "scale" else b
    expected = stored(expected_of(kind, a, second, 1.0, 0.1), "float16")
    run(host, kind, a, second, a, leaky_slope=0.1)
    assert np.array_equal(a, expected)


X = np.zeros((1, 2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("kind", "b", "options", "error", "message"),
    [
        ("div", X, {}, ValueError, "kind must be 'add', 'sub', 'mul' or 'scale', got 'div'"),
        ("add", None, {}, TypeError, "b: kind 'add' takes an array"),
        ("scale", X, {}, TypeError, "b: kind 'scale' takes None"),
        ("mul", X, {"factor": 2.0}, ValueError, "factor belongs to kind 'scale'"),
        ("sub", X[:, :1], {}, ValueError, r"b: expected shape \(1, 2, 3, 4\), got \(1, 1, 3, 4\)"),
    ],
)
def test_refused(
    host: ModuleType, kind: str, b: Array | None, options: dict[str, float], error: type[Exception], message: str
) -> None:
    out = np.full_like(X, FILL)
    with pytest.raises(error, match=message):
        run(host, kind, X, b, out, **options)
    assert (out == FILL).all()


def test_refused_out(host: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"out: expected shape \(1, 2, 3, 4\), got \(1, 2, 3, 5\)"):
        run(host, "scale", X, None, np.zeros((1, 2, 3, 5), np.float32))
    with pytest.raises(ValueError, match="out: the array is read-only"):
        run(host, "scale", X, None, np.broadcast_to(X, X.shape))
