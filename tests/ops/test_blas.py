# SPDX-License-Identifier: Apache-2.0
"""The matrix forms of the convolutions: every way they take, against the reference, with values that are no numbers."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from compare import assert_relative
from flownet2.ops.blas import BLAS
from flownet2.ops.reference import REFERENCE
from flownet2.types import Array

CONV2D = sys.modules["flownet2.ops.blas.conv2d"]
CONV_TRANSPOSE2D = sys.modules["flownet2.ops.blas.conv_transpose2d"]

# Ci, H, W, Co, kernel, stride, padding: what the shapes of the other tests leave out.
WIDE = [
    (3, 9, 300, 5, (3, 3), (1, 1), (1, 1)),
    (2, 8, 522, 4, (7, 5), (2, 2), (3, 2)),
    (2, 2, 260, 3, (5, 3), (1, 1), (4, 1)),
    (2, 1, 600, 3, (3, 4), (3, 2), (5, 0)),
    (1, 3, 257, 1, (1, 2), (2, 1), (0, 0)),
]
NARROW = [
    (3, 9, 30, 5, (3, 3), (1, 1), (1, 1)),
    (2, 10, 9, 3, (3, 2), (3, 1), (0, 2)),
    (4, 6, 7, 3, (1, 1), (1, 1), (0, 0)),
]
FEW_OUTPUTS = [
    (8, 7, 9, 2, (3, 3), (1, 1), (1, 1)),
    (8, 7, 9, 4, (5, 2), (1, 1), (4, 0)),
    (6, 5, 4, 1, (3, 3), (1, 1), (0, 0)),
]
LAYERS = [*WIDE, *NARROW, *FEW_OUTPUTS]
TRANSPOSED = [
    (3, 9, 11, 5, (4, 4), (2, 2), (1, 1)),
    (2, 5, 6, 3, (3, 2), (3, 4), (0, 0)),
    (2, 6, 5, 3, (5, 4), (2, 3), (2, 1)),
]


def _values(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


def _layer(row: tuple, slope: float | None = 0.1, images: int = 1, *, transposed: bool = False) -> tuple[str, dict]:
    ci, h, w, co, kernel, stride, padding = row
    arguments = {
        "x": _values(images, ci, h, w),
        "weight": _values(*((ci, co) if transposed else (co, ci)), *kernel),
        "bias": _values(co),
        "stride": stride,
        "padding": padding,
        "leaky_slope": slope,
    }
    return "conv_transpose2d" if transposed else "conv2d", arguments


def _assert_same(op: str, arguments: dict) -> None:
    expected = REFERENCE[op](**arguments)
    got = BLAS[op](**arguments)
    finite = np.isfinite(expected)
    assert np.array_equal(got[~finite], expected[~finite], equal_nan=True)
    assert_relative(np.where(finite, got, 0), np.where(finite, expected, 0), rtol=1e-5, what=op)


ALL = [(row, False) for row in LAYERS] + [(row, True) for row in TRANSPOSED]


@pytest.mark.parametrize("strip_bytes", [1, 3000, 4 << 20])
@pytest.mark.parametrize(("row", "transposed"), ALL, ids=str)
def test_any_strip(row: tuple, transposed: bool, strip_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (CONV2D, CONV_TRANSPOSE2D):
        monkeypatch.setattr(module, "STRIP_BYTES", strip_bytes)
    _assert_same(*_layer(row, images=2, transposed=transposed))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("row", "transposed"), ALL, ids=str)
def test_no_numbers_spread_as_in_the_reference(row: tuple, transposed: bool, value: float) -> None:
    op, arguments = _layer(row, transposed=transposed)
    arguments["x"][0, -1, 0, 1] = value
    _assert_same(op, arguments)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("row", LAYERS, ids=str)
def test_weights_that_are_no_numbers_meet_the_padding_too(row: tuple, value: float) -> None:
    op, arguments = _layer(row)
    arguments["weight"][-1, 0, 0, 0] = value
    _assert_same(op, arguments)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("slope", [None, 0.0, 1e-50, 0.1, 1.0, 1.5, -0.5])
@pytest.mark.parametrize(("row", "transposed"), [(NARROW[0], False), (TRANSPOSED[0], True)], ids=str)
def test_any_slope(row: tuple, transposed: bool, slope: float | None) -> None:
    op, arguments = _layer(row, slope, transposed=transposed)
    arguments["bias"][:3] = np.inf, -np.inf, np.nan
    _assert_same(op, arguments)


@pytest.mark.parametrize(("row", "transposed"), ALL, ids=str)
def test_batch_gives_the_bits_of_single_calls(row: tuple, transposed: bool) -> None:
    op, arguments = _layer(row, images=3, transposed=transposed)
    together = BLAS[op](**arguments)
    for index in range(3):
        alone = BLAS[op](**{**arguments, "x": arguments["x"][index : index + 1].copy()})
        assert np.array_equal(together[index : index + 1], alone)


@pytest.mark.parametrize(("row", "transposed"), ALL, ids=str)
def test_read_only_and_strided_input(row: tuple, transposed: bool) -> None:
    op, arguments = _layer(row, transposed=transposed)
    expected = BLAS[op](**arguments)
    spaced = np.zeros((*arguments["x"].shape[:3], 2 * arguments["x"].shape[3]), np.float32)[..., ::2]
    spaced[...] = arguments["x"]
    spaced.flags.writeable = False
    assert_relative(BLAS[op](**{**arguments, "x": spaced}), expected, rtol=1e-6, what=op)
