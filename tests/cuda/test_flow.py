# SPDX-License-Identifier: Apache-2.0
"""Convolutions into and from a flow: against the reference in float64, from every type, in slices of wider arrays."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cases.ops import Case, all_cases
from compare import assert_relative
from cuda_host import OnDevice, slice_of_channels
from cuda_numbers import DTYPES, NUMBERS, assert_rounded, stored, values_of
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

MOST = 4


def square(case: Case) -> bool:
    kernel = case.parameters["weight"].shape[2:]
    return all(pair[0] == pair[1] for pair in (kernel, case.attributes.stride, case.attributes.padding))


def layer(op: str, size: tuple[int, ...], co: int, kernel: int, stride: int, padding: int) -> Case:
    """size: N, Ci, H, W."""
    rng = np.random.default_rng((*size, co, kernel))
    between = (co, size[1]) if op == "conv2d" else (size[1], co)
    weight = rng.standard_normal((*between, kernel, kernel)).astype(np.float32)
    parameters = {"weight": weight, "bias": rng.standard_normal(co).astype(np.float32)}
    attributes = {"conv2d": at.Conv2d, "conv_transpose2d": at.ConvTranspose2d}[op]((stride,) * 2, (padding,) * 2, 0.1)
    name = f"{op}-{size}-{co}-{kernel}-{stride}-{padding}".replace(" ", "")
    return Case(name, op, attributes, (rng.standard_normal(size).astype(np.float32),), parameters)


# Few channels are shared by 8 lanes, more by 32, many channels of few pixels by a block.
HEADS = [
    *(case for case in all_cases() if case.op == "conv2d" and case.parameters["weight"].shape[0] <= MOST),
    layer("conv2d", (2, 1, 5, 7), 2, 3, 1, 1),
    layer("conv2d", (1, 2, 1, 1), 1, 3, 1, 1),
    layer("conv2d", (2, 3, 9, 11), 3, 5, 2, 2),
    layer("conv2d", (1, 16, 6, 13), 2, 3, 1, 1),
    layer("conv2d", (2, 82, 5, 6), 2, 3, 1, 1),
    layer("conv2d", (1, 82, 6, 5), 4, 4, 3, 0),
    layer("conv2d", (2, 1026, 3, 5), 2, 3, 1, 1),
    layer("conv2d", (1, 1032, 1, 2), 4, 3, 1, 1),
]
HEADS = [case for case in HEADS if square(case)]
UPS = [
    *(case for case in all_cases() if case.op == "conv_transpose2d" and max(case.parameters["weight"].shape[:2]) <= 4),
    layer("conv_transpose2d", (2, 2, 5, 7), 2, 4, 2, 1),
    layer("conv_transpose2d", (1, 1, 1, 1), 4, 4, 2, 1),
    layer("conv_transpose2d", (1, 4, 3, 40), 1, 5, 3, 2),
    layer("conv_transpose2d", (2, 3, 6, 4), 3, 2, 3, 0),
    layer("conv_transpose2d", (1, 2, 9, 8), 2, 3, 1, 1),
]
UPS = [case for case in UPS if square(case)]
PLACES = [(0, 0), (8, 16), (3, 2)]  # channels before and after a slice


def head_weight(weight: Array) -> Array:
    """(Co, Ci, K, K) as flow_head takes it."""
    channels = -weight.shape[1] % 8
    return np.ascontiguousarray(np.pad(weight.transpose(0, 2, 3, 1), ((0, 0),) * 3 + ((0, channels),)))


def run(host: ModuleType, case: Case, x: Array, out: Array) -> None:
    weight, bias = case.parameters["weight"], case.parameters.get("bias")
    kernel, weight = (host.flow_head, head_weight(weight)) if case.op == "conv2d" else (host.flow_up, weight)
    kernel(
        OnDevice(x),
        OnDevice(weight),
        None if bias is None else OnDevice(bias.reshape(-1)),
        OnDevice(out),
        stride=case.attributes.stride[0],
        padding=case.attributes.padding[0],
        leaky_slope=case.attributes.leaky_slope,
        launch_stream=1,
    )


def check(host: ModuleType, case: Case, types: tuple[str, str], places: tuple[int, int]) -> None:
    memory = stored(case.inputs[0].transpose(0, 2, 3, 1), types[0])
    double = {name: value.astype(np.float64) for name, value in case.parameters.items()}
    planar = values_of(memory).transpose(0, 3, 1, 2).astype(np.float64)
    expected = run_operator(case.op, case.attributes, [planar], double, reference=True).transpose(0, 2, 3, 1)
    x, _ = slice_of_channels(memory, *places)
    out, wide = slice_of_channels(np.zeros(expected.shape, DTYPES[types[1]]), *places)
    run(host, case, x, out)
    if types[1] == "float32":
        assert_relative(out, expected, rtol=2e-6, what=case.id)
    else:
        assert_rounded(values_of(out), expected, types[1], case.id)
    assert np.isnan(values_of(wide[..., : places[0]])).all()
    assert np.isnan(values_of(wide[..., places[0] + out.shape[-1] :])).all()


@pytest.mark.parametrize("case", HEADS, ids=lambda case: case.id)
@pytest.mark.parametrize("number", NUMBERS)
def test_heads(host: ModuleType, schedule: int, number: str, case: Case) -> None:
    check(host, case, (number, "float32"), (0, 0))


@pytest.mark.parametrize("case", HEADS[-6:], ids=lambda case: case.id)
@pytest.mark.parametrize("places", PLACES, ids=str)
@pytest.mark.parametrize("types", [(a, b) for a in NUMBERS for b in NUMBERS], ids="-".join)
def test_heads_in_slices(host: ModuleType, types: tuple[str, str], places: tuple[int, int], case: Case) -> None:
    check(host, case, types, places)


@pytest.mark.parametrize("case", UPS, ids=lambda case: case.id)
@pytest.mark.parametrize("places", PLACES, ids=str)
@pytest.mark.parametrize("number", NUMBERS)
def test_ups(host: ModuleType, schedule: int, number: str, places: tuple[int, int], case: Case) -> None:
    check(host, case, ("float32", number), places)


def test_there_are_cases() -> None:
    assert len(HEADS) > 10
    assert len(UPS) > 6


def test_not_a_number_stays_where_it_is_seen(host: ModuleType) -> None:
    """In the tail of a piece too; and no further than the kernel reaches."""
    case = layer("conv2d", (1, 19, 5, 6), 2, 3, 1, 1)
    x = np.ascontiguousarray(case.inputs[0].transpose(0, 2, 3, 1))
    x[0, 2, 4, 18] = np.nan
    out = np.zeros((1, 5, 6, 2), np.float32)
    run(host, case, x, out)
    expected = np.zeros((5, 6), bool)
    expected[1:4, 3:6] = True
    assert np.array_equal(np.isnan(out[0]).all(axis=-1), expected)
    assert np.array_equal(np.isnan(out[0]).any(axis=-1), expected)


def call(host: ModuleType, op: str, **changes: Any) -> None:
    up = op == "flow_up"
    arrays = {
        "x": np.zeros((1, 5, 6, 2), np.float32),
        "weight": np.zeros((2, 2, 4, 4) if up else (2, 3, 3, 8), np.float32),
        "bias": np.zeros(2, np.float32),
        "out": np.zeros((1, 10, 12, 2) if up else (1, 5, 6, 2), np.float32),
    }
    options = {"stride": 2 if up else 1, "padding": 1}
    for name, value in changes.items():
        (arrays if name in arrays else options)[name] = value
    getattr(host, op)(*(OnDevice(array) for array in arrays.values()), **options, launch_stream=1)


@pytest.mark.parametrize("op", ["flow_head", "flow_up"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out": np.zeros((1, 5, 5, 2), np.float32)}, r"out must be \(N, C, H, W\) = \(1, 2, .*, got \(1, 2, 5, 5\)"),
        ({"out": np.zeros((2, 5, 6, 2), np.float32)}, "out must be"),
        ({"stride": 0}, r"kernel and stride must be in 1\.\.64"),
        ({"stride": 3}, "out must be"),
        ({"padding": -1}, r"padding in 0\.\.64"),
        ({"padding": 2**62}, r"padding in 0\.\.64"),
        ({"padding": 7}, "out must be"),
        ({"bias": np.zeros(3, np.float32)}, r"bias: expected shape \(2\)"),
        ({"bias": np.zeros(4, np.float32)[::2]}, "bias: expected no gaps"),
        ({"x": np.zeros((1, 5, 6, 4), np.float32)[..., ::2]}, "x: expected an array in C order"),
        ({"x": np.zeros((1, 5, 6, 9), np.float32)}, "weight: expected shape"),
        ({"weight": np.zeros((2, 3, 4, 8), np.float32)}, "weight: expected shape"),
        ({"weight": np.zeros((2, 3, 3, 16), np.float32)[..., :8]}, "weight: expected"),
    ],
)
def test_refused(host: ModuleType, op: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(host, op, **changes)


def test_refused_channels(host: ModuleType) -> None:
    with pytest.raises(ValueError, match="out may have 4 channels at most"):
        call(
            host,
            "flow_head",
            weight=np.zeros((5, 3, 3, 8), np.float32),
            bias=np.zeros(5, np.float32),
            out=np.zeros((1, 5, 6, 5), np.float32),
        )
    with pytest.raises(ValueError, match="x and out may have 4 channels at most"):
        call(host, "flow_up", x=np.zeros((1, 5, 6, 5), np.float32), weight=np.zeros((5, 2, 4, 4), np.float32))
    with pytest.raises(TypeError, match="x: expected typestr <f4"):
        call(host, "flow_up", x=np.zeros((1, 5, 6, 2), np.float16))


def test_refused_weights_that_are_not_aligned(host: ModuleType) -> None:
    memory = np.zeros(2 * 3 * 3 * 8 + 1, np.float32)
    shifted = memory[1:] if memory.ctypes.data % 16 == 0 else memory[:-1]
    with pytest.raises(ValueError, match="weight must be aligned to 16 bytes"):
        call(host, "flow_head", weight=shifted.reshape(2, 3, 3, 8))
