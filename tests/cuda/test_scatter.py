# SPDX-License-Identifier: Apache-2.0
"""The sums of a transposed convolution, on their grid, to their pixels: bit for bit what NumPy does step by step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_host import OnDevice
from cuda_numbers import DTYPES, FILL, NUMBERS, stored, values_of
from flownet2.types import Array

PAIRS = [(a, b) for a in NUMBERS for b in NUMBERS if a == b or "float32" in (a, b)]
# Images, rows and columns of the input, channels: one pixel, tails of 8 channels, more than a warp's, many images.
SIZES = [(1, 1, 1, 1), (2, 1, 3, 8), (3, 2, 1, 5), (1, 5, 7, 17), (2, 4, 3, 16), (5, 3, 4, 2), (1, 2, 2, 264)]


def inputs(size: tuple[int, ...], filled: int | None = None) -> tuple[Array, Array]:
    """Sums (rows of all grids, columns, 4 * C), C filled up to a multiple of 8 if not told; bias (channels,)."""
    n, rows, columns, channels = size
    filled = -(-channels // 8) * 8 if filled is None else filled
    rng = np.random.default_rng(size)
    x = rng.standard_normal((n * (rows + 1), columns + 1, 4 * filled)).astype(np.float32)
    return x, rng.standard_normal(channels).astype(np.float32)


def placed(x: Array, size: tuple[int, ...]) -> Array:
    """The picture (N, 2 * rows, 2 * columns, channels)."""
    n, rows, columns, channels = size
    grid = x.reshape(n, rows + 1, columns + 1, 2, 2, -1)[..., :channels]
    whole = np.empty((n, 2 * rows + 2, 2 * columns + 2, channels), x.dtype)
    for a, b in np.ndindex(2, 2):
        whole[:, a::2, b::2] = grid[:, :, :, a, b]
    return whole[:, 1:-1, 1:-1]


def finished(x: Array, bias: Array | None, slope: float | None) -> Array:
    values = x if bias is None else x + bias
    return values if slope is None else np.where(values > 0, values, values * np.float32(slope))


def slice_in(size: tuple[int, ...], before: int, after: int, number: str) -> tuple[Array, Array]:
    """The picture as some channels of a wider array, and that array; at an address of 16 bytes."""
    n, rows, columns, channels = size
    wide = np.full((n, 2 * rows, 2 * columns, before + channels + after), FILL, DTYPES[number])
    assert wide.ctypes.data % 16 == 0
    return wide[..., before : before + channels], wide


def run(host: ModuleType, x: Array, bias: Array | None, out: Array, **options: Any) -> None:
    given = None if bias is None else OnDevice(bias)
    host.scatter(OnDevice(x), given, OnDevice(out), launch_stream=1, **options)


@pytest.mark.parametrize("places", [(0, 0), (32, 7), (8, 8), (3, 0)], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("types", PAIRS, ids="-".join)
def test_every_sum_finds_its_pixel(
    host: ModuleType, schedule: int, types: tuple[str, str], size: tuple[int, ...], places: tuple[int, int]
) -> None:
    x, bias = inputs(size)
    memory = stored(x, types[0])
    out, wide = slice_in(size, *places, types[1])
    run(host, memory, bias, out, leaky_slope=0.1)
    expected = finished(placed(values_of(memory), size), bias, 0.1)
    assert np.array_equal(out, stored(expected, types[1]))
    assert (wide[..., : places[0]] == FILL).all()
    assert (wide[..., places[0] + size[3] :] == FILL).all()


@pytest.mark.parametrize("filled", [9, 10, 12, 24])
def test_channels_of_a_phase_may_be_more(host: ModuleType, filled: int) -> None:
    """Not only the next multiple of 8, and none: accesses of 16 bytes do not fit then."""
    size = (2, 3, 5, 9)
    x, bias = inputs(size, filled)
    out, _ = slice_in(size, 0, 0, "float32")
    run(host, x, bias, out)
    assert np.array_equal(out, finished(placed(x, size), bias, None))


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("slope", [None, 0.0, 0.1])
def test_parts_may_be_left_out(host: ModuleType, slope: float | None, with_bias: bool) -> None:
    size = (1, 3, 5, 20)
    x, bias = inputs(size)
    out, _ = slice_in(size, 0, 0, "float32")
    run(host, x, bias if with_bias else None, out, leaky_slope=slope)
    assert np.array_equal(out, finished(placed(x, size), bias if with_bias else None, slope))


@pytest.mark.parametrize("slab", [1, 2, 3, 7])
def test_slabs_make_up_the_whole(host: ModuleType, schedule: int, slab: int) -> None:
    """Rows of the grids of three images, in pieces that stop in the midst of one; no piece writes another's."""
    size = (3, 4, 2, 8)
    x, bias = inputs(size)
    out, _ = slice_in(size, 0, 0, "float16")
    owner = placed(np.broadcast_to(np.arange(len(x))[:, None, None] // slab, x.shape), size)
    expected = finished(placed(x, size), bias, 0.1).astype(np.float16)
    for index, first in enumerate(range(0, len(x), slab)):
        run(host, x[first : first + slab], bias, out, first=first, leaky_slope=0.1)
        assert np.array_equal(out, np.where(owner <= index, expected, np.float16(FILL)))


def test_sums_of_a_wider_array(host: ModuleType) -> None:
    size = (1, 3, 5, 8)
    x, bias = inputs(size)
    wide = np.full((*x.shape[:2], 48), np.nan, np.float32)
    wide[..., 8:40] = x
    out, _ = slice_in(size, 0, 0, "float32")
    run(host, wide[..., 8:40], bias, out)
    assert np.array_equal(out, finished(placed(x, size), bias, None))


def test_not_a_number_stays_or_is_dropped(host: ModuleType) -> None:
    size = (2, 3, 2, 5)
    x, bias = inputs(size)
    grid = x.reshape(2, 4, 3, 2, 2, 8)
    for edge in (grid[:, 0, :, 0], grid[:, -1, :, 1], grid[:, :, 0, :, 0], grid[:, :, -1, :, 1], grid[..., 5:]):
        edge[...] = np.nan
    out, _ = slice_in(size, 0, 0, "float32")
    run(host, x, bias, out, leaky_slope=0.1)
    assert np.isfinite(out).all()
    grid[1, 1, 1, 0, 1, 2] = np.nan
    run(host, x, bias, out, leaky_slope=0.1)
    assert np.argwhere(np.isnan(out)).tolist() == [[1, 1, 2, 2]]


@pytest.mark.parametrize(
    ("x", "bias", "out", "message"),
    [
        ((3, 4, 32), (8,), (1, 4, 8, 8), r"x: expected shape \(3, 5, 32\), got \(3, 4, 32\)"),
        ((3, 4, 34), (8,), (1, 4, 6, 8), r"x: expected shape \(3, 4, 32\), got \(3, 4, 34\)"),
        ((3, 4, 28), (8,), (1, 4, 6, 8), r"pitches must hold 8 channels.*; got 7 for a phase, 28 and 8"),
        ((3, 4, 32), (7,), (1, 4, 6, 8), r"bias: expected shape \(8\), got \(7\)"),
        ((3, 4, 32), (8,), (1, 5, 6, 8), "height and width of out must be even, got 5x6"),
        ((3, 4, 32), (8,), (1, 4, 7, 8), "height and width of out must be even, got 4x7"),
        ((4, 4, 32), (8,), (1, 4, 6, 8), r"rows must be some of 0\.\.3, got 0\.\.4"),
        ((3, 0, 32), (8,), (1, 4, 0, 8), "no axis may be empty"),
    ],
)
def test_refused_shapes(host: ModuleType, x: Any, bias: Any, out: Any, message: str) -> None:
    arrays = [np.zeros(shape, np.float32) for shape in (x, bias, out)]
    with pytest.raises(ValueError, match=message):
        run(host, *arrays)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (1, r"rows must be some of 0\.\.3, got 1\.\.4"),
        (-1, "first must be at least 0"),
        (2**62, "rows must be some of|too large"),
        (2**63 - 1, "too large"),
    ],
)
def test_refused_rows(host: ModuleType, first: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(host, np.zeros((3, 4, 32), np.float32), None, np.zeros((1, 4, 6, 8), np.float32), first=first)


def test_refused_arguments(host: ModuleType) -> None:
    half, bits = np.zeros((3, 4, 32), np.float16), np.zeros((1, 4, 6, 8), np.uint16)
    with pytest.raises(ValueError, match="must be float32, or both the same"):
        run(host, half, None, bits)
    wide = np.zeros((1, 4, 6, 16), np.float16)
    with pytest.raises(ValueError, match="out: expected an array in C order"):
        run(host, half, None, wide[..., ::2])
    with pytest.raises(ValueError, match="bias: expected no gaps"):
        run(host, half, np.zeros(16, np.float32)[::2], wide[..., :8])
    far = OnDevice(np.zeros((1, 2, 2, 8), np.float32), strides=(4, 2**34, 2**33, 4))
    with pytest.raises(ValueError, match=r"pitches must hold 8 channels.* 2 \*\* 29 at most"):
        host.scatter(OnDevice(np.zeros((2, 2, 32), np.float32)), None, far, launch_stream=1)
