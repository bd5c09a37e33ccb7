# SPDX-License-Identifier: Apache-2.0
"""The operators that users call: channel_norm, resize and warp, planar and without gaps, against the reference."""

from __future__ import annotations

from dataclasses import asdict
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cases.ops import Case, all_cases
from compare import assert_near, assert_relative
from cuda_host import OnDevice
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

OPERATORS = ("channel_norm", "resize", "warp")
CASES = [case for case in all_cases() if case.op in OPERATORS]


def reference(case: Case, dtype: type) -> Array:
    inputs = [value.astype(dtype) for value in case.inputs]
    return run_operator(case.op, case.attributes, inputs, {}, reference=True)


def computed(host: ModuleType, op: str, attributes: Any, inputs: tuple[Array, ...], shape: tuple[int, ...]) -> Array:
    out = np.full(shape, 77, np.float32)
    options = {k: v for k, v in asdict(attributes).items() if k not in ("scale", "size")}
    arrays = (OnDevice(np.ascontiguousarray(x)) for x in inputs)
    getattr(host, op)(*arrays, OnDevice(out), launch_stream=1, **options)
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cases(host: ModuleType, schedule: int, case: Case) -> None:
    """Against float64, but for far flow: one rounding of a coordinate of a million pixels moves the point by 0.06."""
    far = case.op == "warp" and np.abs(case.inputs[1]).max() > 1e4
    expected = reference(case, np.float32 if far else np.float64)
    got = computed(host, case.op, case.attributes, case.inputs, expected.shape)
    assert_relative(got, expected, rtol=1e-5, what=case.id)
    if case.expected is not None:
        assert_relative(got, case.expected, rtol=1e-5, what=f"{case.id}, PyTorch")


@pytest.mark.parametrize("padding", ["border", "zeros", "cut"])
@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9, -1e9, 3e38])
def test_warp_survives_any_flow(host: ModuleType, padding: str, align: bool, value: float) -> None:
    """Beyond the picture: the border, or 0; NaN: NaN at that pixel alone."""
    x = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4)
    flow = np.zeros((1, 2, 3, 4), np.float32)
    attributes = at.Warp(padding=padding, align_corners=align)
    calm = run_operator("warp", attributes, [x, flow], {}, reference=True)
    flow[0, 0, 1, 2] = value
    got = computed(host, "warp", attributes, (x, flow), x.shape)
    changed = np.zeros(x.shape, bool)
    changed[0, 0, 1, 2] = True
    assert_near(got[~changed], calm[~changed], atol=1e-5)
    if np.isnan(value):
        assert np.isnan(got[changed])
    elif padding != "border":
        assert got[changed] == 0
    else:
        side = x[0, 0, :, 3 if value > 0 else 0]
        assert side.min() <= got[changed] <= side.max()


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("padding", ["border", "zeros", "cut"])
def test_warp_of_a_batch_with_one_nan(host: ModuleType, padding: str, mask: bool) -> None:
    """A NaN in x spreads to the pixels that read it, and to no others; the batch's images do not mix."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 3, 9, 35)).astype(np.float32)
    x[1, 2, 4, 17] = np.nan
    flow = rng.normal(scale=3, size=(2, 2, 9, 35)).astype(np.float32)
    attributes = at.Warp(padding=padding, mask=mask)
    expected = run_operator("warp", attributes, [x, flow], {}, reference=True)
    got = computed(host, "warp", attributes, (x, flow), x.shape)
    assert 0 < np.isnan(got).sum() < 30
    assert_relative(got, expected, rtol=1e-5)


@pytest.mark.parametrize("padding", ["border", "zeros", "cut"])
@pytest.mark.parametrize("far", [0.0, 0.5, 2.0, 1e9])
def test_warp_of_infinite_edges(host: ModuleType, padding: str, far: float) -> None:
    """A weight of 0 makes NaN of infinity, and only where the reference reads such a pixel at all."""
    x = np.full((1, 1, 5, 6), np.inf, np.float32)
    x[..., 1:-1, 1:-1] = 1
    for sign in (1, -1):
        flow = np.full((1, 2, 5, 6), sign * far, np.float32)
        attributes = at.Warp(padding=padding)
        with np.errstate(invalid="ignore"):
            expected = run_operator("warp", attributes, [x, flow], {}, reference=True)
        got = computed(host, "warp", attributes, (x, flow), x.shape)
        assert np.array_equal(got, expected, equal_nan=True)


def test_resize_with_divisions_of_64_bits(host: ModuleType) -> None:
    """2 * width of both sides does not fit into 32 bits."""
    x = np.random.default_rng(6).standard_normal((1, 1, 1, 70_001)).astype(np.float32)
    for mode, align in (("bilinear", False), ("bilinear", True), ("nearest", False)):
        attributes = at.Resize(None, (1, 40_003), mode, align)
        expected = run_operator("resize", attributes, [x.astype(np.float64)], {}, reference=True)
        got = computed(host, "resize", attributes, (x,), expected.shape)
        assert_relative(got, expected, rtol=1e-5, what=f"{mode} {align}")


def test_resize_to_the_own_size_changes_no_bit(host: ModuleType) -> None:
    x = np.random.default_rng(7).standard_normal((2, 1, 5, 33)).astype(np.float32)
    for mode, align in (("bilinear", False), ("bilinear", True), ("nearest", False)):
        assert np.array_equal(computed(host, "resize", at.Resize(None, (5, 33), mode, align), (x,), x.shape), x)


@pytest.mark.large
def test_more_images_than_a_grid_is_deep(host: ModuleType) -> None:
    """65535 blocks are the limit along two axes."""
    x = np.random.default_rng(8).standard_normal((65_537, 1, 1, 1)).astype(np.float32)
    got = computed(host, "channel_norm", at.ChannelNorm(), (x,), x.shape)
    assert np.array_equal(got, np.abs(x))


X = np.zeros((1, 2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("inputs", "out", "message"),
    [
        ((X, X), (1, 2, 3, 5), r"out: expected shape \(1, 2, 3, 4\)"),
        ((X, X[:, :1]), X.shape, r"flow: expected shape \(1, 2, 3, 4\), got \(1, 1, 3, 4\)"),
        ((X[0], X), X.shape, r"x: expected 4 dimensions"),
        ((np.zeros((1, 0, 3, 4), np.float32), X), (1, 0, 3, 4), "no axis may be empty"),
    ],
)
def test_refused_shapes(host: ModuleType, inputs: tuple[Array, ...], out: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        host.warp(
            *map(OnDevice, inputs),
            OnDevice(np.zeros(out, np.float32)),
            padding="border",
            align_corners=True,
            mask=False,
            launch_stream=1,
        )


def test_refused_arguments(host: ModuleType) -> None:
    a = OnDevice(X)
    with pytest.raises(TypeError, match="x: expected typestr <f4 <f2 <u2, got '<f8'"):
        host.channel_norm(OnDevice(X.astype(np.float64)), a, launch_stream=1)
    with pytest.raises(TypeError, match="x: expected an array on the GPU"):
        host.channel_norm(X, a, launch_stream=1)
    with pytest.raises(ValueError, match="mode must be 'bilinear' or 'nearest', got 'area'"):
        host.resize(a, a, mode="area", align_corners=False, launch_stream=1)
    with pytest.raises(ValueError, match="align_corners has no meaning"):
        host.resize(a, a, mode="nearest", align_corners=True, launch_stream=1)
    with pytest.raises(ValueError, match="padding must be"):
        host.warp(a, a, a, padding="wrap", align_corners=True, mask=False, launch_stream=1)
    fixed = X[:, :1].copy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="out: the array is read-only"):
        host.channel_norm(a, OnDevice(fixed), launch_stream=1)


@pytest.mark.parametrize("shape", [(65_537, 1, 1, 1), (1, 1, 524_281, 1)], ids=str)
def test_more_pictures_or_rows_than_a_grid_is_deep(host: ModuleType, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(9).standard_normal(shape).astype(np.float32)
    flow = np.zeros((shape[0], 2, *shape[2:]), np.float32)
    assert np.array_equal(computed(host, "warp", at.Warp(), (x, flow), shape), x)
