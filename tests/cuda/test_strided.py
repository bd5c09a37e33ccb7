# SPDX-License-Identifier: Apache-2.0
"""channel_norm, resize and warp of tensors of any layout and type, against the reference."""

from __future__ import annotations

from dataclasses import asdict
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_host import OnDevice
from cuda_layouts import LAYOUTS, empty, placed, untouched
from cuda_numbers import NUMBERS, assert_rounded, values_of
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

CALLS = {
    "norm": at.ChannelNorm(),
    "bilinear": at.Resize(None, (11, 6), "bilinear", False),
    "corners": at.Resize(None, (4, 21), "bilinear", True),
    "nearest": at.Resize(None, (9, 5), "nearest", False),
    "border": at.Warp(),
    "zeros": at.Warp(padding="zeros", align_corners=False, mask=True),
    "cut": at.Warp(padding="cut"),
    "cut and masked": at.Warp(padding="cut", align_corners=False, mask=True),
}
# One pixel; a batch of odd sizes; more channels than lie in a warp; more than a block does at once.
SIZES = [(1, 1, 1, 1), (2, 3, 5, 7), (2, 37, 3, 5), (1, 131, 2, 3), (1, 2, 19, 33)]


def operator(attributes: Any) -> str:
    return {at.ChannelNorm: "channel_norm", at.Resize: "resize", at.Warp: "warp"}[type(attributes)]


def values(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng((*shape, seed)).normal(scale=2, size=shape).astype(np.float32)


def run(host: ModuleType, attributes: Any, inputs: list[Array], out: Array) -> None:
    options = {k: v for k, v in asdict(attributes).items() if k not in ("scale", "size")}
    getattr(host, operator(attributes))(*map(OnDevice, inputs), OnDevice(out), launch_stream=1, **options)


def check(host: ModuleType, call: str, size: tuple[int, ...], layouts: tuple[str, str], types: tuple[str, str]) -> None:
    """x of the first layout and type, out of the second; flow is float32 and lies as out does."""
    attributes = CALLS[call]
    inputs = [placed(values(size), layouts[0], types[0])]
    exact = [values_of(inputs[0]).astype(np.float64)]
    if operator(attributes) == "warp":
        inputs.append(placed(values((size[0], 2, *size[2:]), 1) / 2, layouts[1], "float32"))
        exact.append(inputs[1].astype(np.float64))
    expected = run_operator(operator(attributes), attributes, exact, {}, reference=True)
    out, memory = empty(layouts[1], expected.shape, types[1])
    run(host, attributes, inputs, out)
    assert_rounded(values_of(out), expected, types[1], call)
    assert untouched(out, memory)


@pytest.mark.parametrize("types", [(a, b) for a in NUMBERS for b in NUMBERS], ids="-".join)
@pytest.mark.parametrize("layouts", [(a, b) for a in LAYOUTS for b in LAYOUTS], ids="-".join)
@pytest.mark.parametrize("call", CALLS)
def test_layouts_and_types(host: ModuleType, call: str, layouts: tuple[str, str], types: tuple[str, str]) -> None:
    check(host, call, (2, 3, 5, 7), layouts, types)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("call", CALLS)
def test_sizes(host: ModuleType, schedule: int, call: str, layout: str, size: tuple[int, ...]) -> None:
    for number in ("float32", "float16"):
        check(host, call, size, (layout, layout), (number, number))


@pytest.mark.parametrize("call", CALLS)
def test_the_layout_changes_no_bit(host: ModuleType, call: str) -> None:
    size = (2, 5, 6, 7)
    results = {}
    for layout in LAYOUTS:
        inputs = [placed(values(size), layout, "float32")]
        if operator(CALLS[call]) == "warp":
            inputs.append(placed(values((2, 2, 6, 7), 1), layout, "float32"))
        shape = run_operator(operator(CALLS[call]), CALLS[call], inputs, {}, reference=True).shape
        results[layout], _ = empty(layout, shape, "float32")
        run(host, CALLS[call], inputs, results[layout])
    assert all(np.array_equal(result, results["nchw"]) for result in results.values())


def test_an_input_may_repeat_itself(host: ModuleType) -> None:
    """Strides of 0: one picture for a whole batch, one flow for all pixels."""
    x, flow = values((1, 3, 5, 6)), np.float32([1.5, -0.25]).reshape(1, 2, 1, 1)
    x, flow = np.broadcast_to(x, (3, 3, 5, 6)), np.broadcast_to(flow, (3, 2, 5, 6))
    out = np.zeros(x.shape, np.float32)
    run(host, at.Warp(), [x, flow], out)
    whole = [np.ascontiguousarray(x), np.ascontiguousarray(flow)]
    assert_rounded(out, run_operator("warp", at.Warp(), whole, {}, reference=True), "float32")


@pytest.mark.parametrize("number", ["float16", "bfloat16"])
def test_beyond_the_range_of_the_type(host: ModuleType, number: str) -> None:
    """What is too large becomes infinite, NaN stays NaN."""
    x = np.float32([3.4e38, np.nan, 1.0]).reshape(1, 1, 1, 3)
    out, _ = empty("nchw", (1, 1, 1, 3), number)
    run(host, at.Resize(None, (1, 3), "nearest", False), [x], out)
    assert np.array_equal(values_of(out), np.float32([[[[np.inf, np.nan, 1]]]]), equal_nan=True)


X = np.zeros((1, 2, 3, 4), np.float32)
FAR = OnDevice(X, strides=(4, 4, 2**34, 4))


@pytest.mark.parametrize(
    ("x", "out", "error", "message"),
    [
        (OnDevice(X), OnDevice(X, strides=(96, 48, 0, 4)), ValueError, "out has a stride of 0"),
        (FAR, OnDevice(X.copy()), ValueError, "may lie 2 .. 31 - 1 elements apart"),
        (OnDevice(X, strides=(4, 2**62, 16, 4)), OnDevice(X.copy()), ValueError, "address space"),
        (OnDevice(X, strides=(4, 4, -(2**63), 4)), OnDevice(X.copy()), ValueError, "address space"),
        (OnDevice(X, strides=(96, 48, 16, 2)), OnDevice(X.copy()), ValueError, "no multiple of the element's size"),
        (OnDevice(X, data=(X.ctypes.data + 2, False)), OnDevice(X.copy()), ValueError, "x must be aligned to 4"),
        (OnDevice(X.astype(np.int16)), OnDevice(X.copy()), TypeError, "x: expected typestr <f4 <f2 <u2, got '<i2'"),
    ],
)
def test_refused(host: ModuleType, x: OnDevice, out: OnDevice, error: type[Exception], message: str) -> None:
    flow = OnDevice(np.zeros_like(X))
    with pytest.raises(error, match=message):
        host.warp(x, flow, out, padding="border", align_corners=True, mask=False, launch_stream=1)


def test_refused_flow(host: ModuleType) -> None:
    half = OnDevice(X.astype(np.float16))
    with pytest.raises(TypeError, match="flow: expected typestr <f4"):
        host.warp(half, half, half, padding="border", align_corners=True, mask=False, launch_stream=1)


def test_refused_sizes(host: ModuleType) -> None:
    """More pixels than are countable in 32 bits, and an axis that is too long; no such memory is read."""
    for shape, message in (((2**16, 1, 2**15, 1), "take fewer images"), ((1, 1, 2**31, 1), "no axis may have more")):
        array = OnDevice(X, shape=shape)
        with pytest.raises(ValueError, match=message):
            host.channel_norm(array, array, launch_stream=1)
