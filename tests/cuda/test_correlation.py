# SPDX-License-Identifier: Apache-2.0
"""Correlation: every kernel against the reference, in several orders of the threads."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from cases.ops import Case, all_cases
from compare import assert_relative
from cuda_host import OnDevice, slice_of_channels
from flownet2.ops.reference import REFERENCE
from flownet2.types import Array

CASES = [case for case in all_cases() if case.op == "correlation"]
FLOWNET_C = {"max_displacement": 20, "stride": 2}
# Single pixels, odd sizes, more than one tile in each direction, more rows than a block has, batches.
LARGE = [(2, 5, 35), (1, 12, 33), (1, 3, 67), (1, 17, 4)]
SIZES = [(1, 1, 1), (1, 7, 9), *(pytest.param(size, marks=pytest.mark.large) for size in LARGE)]


def size_id(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def nhwc(array: Array, dtype: type = np.float32) -> Array:
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1), dtype)


def reference(a: Array, b: Array, **attributes: object) -> Array:
    """The reference in float64, NHWC in and out."""
    nchw = (np.asarray(x, np.float64).transpose(0, 3, 1, 2) for x in (a, b))
    return REFERENCE["correlation"](*nchw, **attributes).transpose(0, 2, 3, 1)


def correlate(host: ModuleType, a: Array, b: Array, dtype: type, kernel: str | None = None, **options: object) -> Array:
    """The kernel's output, written as a slice of a wider array, of which the rest must stay."""
    steps = 2 * (options["max_displacement"] // options["stride"]) + 1
    out, wide = slice_of_channels(np.full((*a.shape[:3], steps**2), np.nan, dtype), before=32, after=7)
    used = host.correlate(OnDevice(a), OnDevice(b), OnDevice(out), launch_stream=1, kernel=kernel, **options)
    assert kernel in (None, used)
    assert np.isnan(wide[..., :32]).all()
    assert np.isnan(wide[..., -7:]).all()
    return out


def inputs(*shape: int, dtype: type = np.float32) -> tuple[Array, Array]:
    values = np.random.default_rng(shape).standard_normal((2, *shape)).astype(dtype)
    return values[0], values[1]


def assert_rounded(got: Array, expected: Array, what: str) -> None:
    """float16: half a unit in the last place of each element, besides what float32 sums may be off."""
    allowed = np.abs(expected) * 2.0**-11 + 1e-5 * np.abs(expected).max() + 2.0**-25
    difference = np.abs(got.astype(np.float64) - expected)
    assert (difference <= allowed).all(), f"{what}: {(difference / allowed).max():.3g} times what is allowed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cases_in_float32(host: ModuleType, schedule: int, case: Case) -> None:
    at = case.attributes
    a, b = (nhwc(x) for x in case.inputs)
    scale = 1 / a.shape[3] if at.reduction == "mean" else 1
    options = {"max_displacement": at.max_displacement, "stride": at.stride}
    got = correlate(host, a, b, np.float32, scale=scale, leaky_slope=at.leaky_slope, **options)
    expected = reference(a, b, reduction=at.reduction, leaky_slope=at.leaky_slope, **options)
    assert_relative(got, expected, rtol=1e-5, what=case.id)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("out", [np.float16, np.float32])
def test_cases_in_float16(host: ModuleType, case: Case, out: type) -> None:
    at = case.attributes
    a, b = (nhwc(x, np.float16) for x in case.inputs)
    options = {"max_displacement": at.max_displacement, "stride": at.stride}
    got = correlate(host, a, b, out, scale=1 / a.shape[3], leaky_slope=at.leaky_slope, **options)
    expected = reference(a, b, reduction="mean", leaky_slope=at.leaky_slope, **options)
    if out is np.float16:
        assert_rounded(got, expected, case.id)
    else:
        assert_relative(got, expected, rtol=1e-5, what=case.id)


@pytest.mark.parametrize("channels", [16, 96, 256])
@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_simt(host: ModuleType, schedule: int, size: tuple[int, ...], channels: int) -> None:
    a, b = inputs(*size, channels)
    got = correlate(host, a, b, np.float32, "simt", scale=1 / channels, leaky_slope=0.1, **FLOWNET_C)
    assert_relative(got, reference(a, b, reduction="mean", leaky_slope=0.1, **FLOWNET_C), rtol=1e-5)


@pytest.mark.parametrize("out", [np.float16, np.float32])
@pytest.mark.parametrize("channels", [96, 256])
@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_mma(host: ModuleType, schedule: int, size: tuple[int, ...], channels: int, out: type) -> None:
    a, b = inputs(*size, channels, dtype=np.float16)
    got = correlate(host, a, b, out, "mma", scale=1 / channels, leaky_slope=0.1, **FLOWNET_C)
    expected = reference(a, b, reduction="mean", leaky_slope=0.1, **FLOWNET_C)
    if out is np.float16:
        assert_rounded(got, expected, f"{size}")
    else:
        assert_relative(got, expected, rtol=1e-5)


@pytest.mark.parametrize(("kernel", "dtype"), [("plain", np.float32), ("simt", np.float32), ("mma", np.float16)])
def test_inputs_may_be_slices(host: ModuleType, kernel: str, dtype: type) -> None:
    a, b = inputs(2, 6, 11, 96, dtype=dtype)
    expected = reference(a, b, **FLOWNET_C)
    wide_a, _ = slice_of_channels(a, before=8, after=16)
    wide_b, _ = slice_of_channels(b, before=16, after=0)
    got = correlate(host, wide_a, wide_b, np.float32, kernel, **FLOWNET_C)
    assert_relative(got, expected, rtol=1e-5)


def test_without_activation_negative_sums_stay(host: ModuleType) -> None:
    a = np.ones((1, 2, 2, 16), np.float32)
    got = correlate(host, a, -a, np.float32, "simt", **FLOWNET_C)
    assert got[0, 0, 0, 220] == -16


def test_nan_stays_nan(host: ModuleType) -> None:
    a, b = inputs(1, 2, 3, 16)
    a[0, 0, 0, 0] = np.nan
    got = correlate(host, a, b, np.float32, "simt", leaky_slope=0.1, **FLOWNET_C)
    assert np.isnan(got[0, 0, 0, 220])
    assert not np.isnan(got[0, 0, 1]).any()


def test_the_fastest_kernel_is_chosen(host: ModuleType) -> None:
    def chosen(channels: int, dtype: type, shift: int = 0, **options: int) -> str:
        a, b = inputs(1, 2, 3, channels, dtype=dtype)
        a, _ = slice_of_channels(a, before=shift, after=8 - shift)
        options = FLOWNET_C | options
        out = np.zeros((1, 2, 3, (2 * (options["max_displacement"] // options["stride"]) + 1) ** 2), np.float32)
        return host.correlate(OnDevice(a), OnDevice(b), OnDevice(out), launch_stream=1, **options)

    assert chosen(256, np.float16) == "mma"
    assert chosen(96, np.float16) == "mma"
    assert chosen(128, np.float16) == "plain"
    assert chosen(256, np.float16, shift=1) == "plain"  # not aligned
    assert chosen(48, np.float32) == "simt"
    assert chosen(48, np.float32, shift=1) == "plain"
    assert chosen(24, np.float32) == "plain"
    assert chosen(48, np.float32, stride=1) == "plain"
    assert chosen(48, np.float32, max_displacement=21) == "simt"  # rounds down to the same displacements
    assert chosen(48, np.float32, max_displacement=22) == "plain"


def test_work_of_the_tensor_core_kernel(host: ModuleType) -> None:
    """80 products for each row, 16 columns and vertical displacement; no bank conflict in any load of them."""
    a, b = inputs(1, 8, 32, 256, dtype=np.float16)
    host.stats()
    correlate(host, a, b, np.float16, "mma", **FLOWNET_C)
    facts = host.stats()
    assert facts["mma"] == 8 * 2 * 21 * 80
    assert facts["ldmatrix_phases"] == 4 * facts["ldmatrix"]


def test_no_conflicts_with_few_channels(host: ModuleType) -> None:
    a, b = inputs(1, 4, 32, 96, dtype=np.float16)
    host.stats()
    correlate(host, a, b, np.float16, "mma", **FLOWNET_C)
    facts = host.stats()
    assert facts["ldmatrix_phases"] == 4 * facts["ldmatrix"] > 0


def test_empty_pictures(host: ModuleType) -> None:
    a = np.zeros((0, 3, 4, 16), np.float32)
    assert correlate(host, a, a, np.float32, **FLOWNET_C).size == 0


def test_no_channels(host: ModuleType) -> None:
    a = np.zeros((1, 2, 3, 0), np.float32)
    assert not correlate(host, a, a, np.float32, **FLOWNET_C).any()
