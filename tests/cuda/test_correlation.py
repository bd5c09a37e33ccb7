# SPDX-License-Identifier: Apache-2.0
"""Correlation: every kernel against the reference, in several orders of the threads."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from cases.ops import Case, all_cases
from compare import assert_relative
from cuda_host import OnDevice, slice_of_channels
from cuda_numbers import DTYPES, HALF_STEP, stored, values_of
from flownet2.ops.reference import REFERENCE
from flownet2.types import Array

CASES = [case for case in all_cases() if case.op == "correlation"]
HALVES = ("float16", "bfloat16")
FLOWNET_C = {"max_displacement": 20, "stride": 2}
# Single pixels, odd sizes, more than one tile in each direction, more rows than a block has, batches.
LARGE = [(2, 5, 35), (1, 12, 33), (1, 3, 67), (1, 17, 4)]
SIZES = [(1, 1, 1), (1, 7, 9), *(pytest.param(size, marks=pytest.mark.large) for size in LARGE)]


def size_id(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def nhwc(array: Array, number: str = "float32") -> Array:
    return stored(array.transpose(0, 2, 3, 1), number)


def reference(a: Array, b: Array, **attributes: object) -> Array:
    """The reference in float64, NHWC in and out."""
    nchw = (values_of(x).astype(np.float64).transpose(0, 3, 1, 2) for x in (a, b))
    return REFERENCE["correlation"](*nchw, **attributes).transpose(0, 2, 3, 1)


def correlate(host: ModuleType, a: Array, b: Array, number: str, kernel: str | None = None, **options: object) -> Array:
    """The kernel's output in float32, written as a slice of a wider array, of which the rest must stay."""
    steps = 2 * (options["max_displacement"] // options["stride"]) + 1
    out, wide = slice_of_channels(np.zeros((*a.shape[:3], steps**2), DTYPES[number]), before=32, after=7)
    wide[...] = wide[0, 0, 0, 0]  # NaN, the slice as well
    used = host.correlate(OnDevice(a), OnDevice(b), OnDevice(out), launch_stream=1, kernel=kernel, **options)
    assert kernel in (None, used)
    assert np.isnan(values_of(wide[..., :32])).all()
    assert np.isnan(values_of(wide[..., -7:])).all()
    return values_of(out)


def inputs(*shape: int, number: str = "float32") -> tuple[Array, Array]:
    values = stored(np.random.default_rng(shape).standard_normal((2, *shape)), number)
    return values[0], values[1]


def assert_rounded(got: Array, expected: Array, number: str, what: str) -> None:
    """Half a unit in the last place of each element, besides what float32 sums may be off."""
    allowed = np.abs(expected) * HALF_STEP[number] + 1e-5 * np.abs(expected).max() + 2.0**-25
    difference = np.abs(got.astype(np.float64) - expected)
    assert (difference <= allowed).all(), f"{what}: {(difference / allowed).max():.3g} times what is allowed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cases_in_float32(host: ModuleType, schedule: int, case: Case) -> None:
    at = case.attributes
    a, b = (nhwc(x) for x in case.inputs)
    scale = 1 / a.shape[3] if at.reduction == "mean" else 1
    options = {"max_displacement": at.max_displacement, "stride": at.stride}
    got = correlate(host, a, b, "float32", scale=scale, leaky_slope=at.leaky_slope, **options)
    expected = reference(a, b, reduction=at.reduction, leaky_slope=at.leaky_slope, **options)
    assert_relative(got, expected, rtol=1e-5, what=case.id)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("number", HALVES)
def test_cases_in_halves(host: ModuleType, number: str, whole: bool, case: Case) -> None:
    at, out = case.attributes, "float32" if whole else number
    a, b = (nhwc(x, number) for x in case.inputs)
    options = {"max_displacement": at.max_displacement, "stride": at.stride}
    got = correlate(host, a, b, out, scale=1 / a.shape[3], leaky_slope=at.leaky_slope, **options)
    expected = reference(a, b, reduction="mean", leaky_slope=at.leaky_slope, **options)
    assert_rounded(got, expected, out, case.id)


@pytest.mark.parametrize("channels", [16, 96, 256])
@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_simt(host: ModuleType, schedule: int, size: tuple[int, ...], channels: int) -> None:
    a, b = inputs(*size, channels)
    got = correlate(host, a, b, "float32", "simt", scale=1 / channels, leaky_slope=0.1, **FLOWNET_C)
    assert_relative(got, reference(a, b, reduction="mean", leaky_slope=0.1, **FLOWNET_C), rtol=1e-5)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("number", HALVES)
@pytest.mark.parametrize("channels", [96, 256])
@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_mma(host: ModuleType, schedule: int, size: tuple[int, ...], channels: int, number: str, whole: bool) -> None:
    out = "float32" if whole else number
    a, b = inputs(*size, channels, number=number)
    got = correlate(host, a, b, out, "mma", scale=1 / channels, leaky_slope=0.1, **FLOWNET_C)
    expected = reference(a, b, reduction="mean", leaky_slope=0.1, **FLOWNET_C)
    assert_rounded(got, expected, out, f"{size}")


@pytest.mark.parametrize(
    ("kernel", "number"),
    [("plain", "float32"), ("plain", "bfloat16"), ("simt", "float32"), ("mma", "float16"), ("mma", "bfloat16")],
)
def test_inputs_may_be_slices(host: ModuleType, kernel: str, number: str) -> None:
    a, b = inputs(2, 6, 11, 96, number=number)
    expected = reference(a, b, **FLOWNET_C)
    wide_a, _ = slice_of_channels(a, before=8, after=16)
    wide_b, _ = slice_of_channels(b, before=16, after=0)
    got = correlate(host, wide_a, wide_b, "float32", kernel, **FLOWNET_C)
    assert_relative(got, expected, rtol=1e-5)


def test_without_activation_negative_sums_stay(host: ModuleType) -> None:
    a = np.ones((1, 2, 2, 16), np.float32)
    got = correlate(host, a, -a, "float32", "simt", **FLOWNET_C)
    assert got[0, 0, 0, 220] == -16


def test_nan_stays_nan(host: ModuleType) -> None:
    a, b = inputs(1, 2, 3, 16)
    a[0, 0, 0, 0] = np.nan
    got = correlate(host, a, b, "float32", "simt", leaky_slope=0.1, **FLOWNET_C)
    assert np.isnan(got[0, 0, 0, 220])
    assert not np.isnan(got[0, 0, 1]).any()


def test_the_fastest_kernel_is_chosen(host: ModuleType) -> None:
    def chosen(channels: int, number: str, shift: int = 0, **options: int) -> str:
        a, b = inputs(1, 2, 3, channels, number=number)
        a, _ = slice_of_channels(a, before=shift, after=8 - shift)
        options = FLOWNET_C | options
        out = np.zeros((1, 2, 3, (2 * (options["max_displacement"] // options["stride"]) + 1) ** 2), np.float32)
        return host.correlate(OnDevice(a), OnDevice(b), OnDevice(out), launch_stream=1, **options)

    assert chosen(256, "float16") == "mma"
    assert chosen(96, "float16") == "mma"
    assert chosen(96, "bfloat16") == "mma"
    assert chosen(128, "bfloat16") == "plain"
    assert chosen(128, "float16") == "plain"
    assert chosen(256, "float16", shift=1) == "plain"  # not aligned
    assert chosen(48, "float32") == "simt"
    assert chosen(48, "float32", shift=1) == "plain"
    assert chosen(24, "float32") == "plain"
    assert chosen(48, "float32", stride=1) == "plain"
    assert chosen(48, "float32", max_displacement=21) == "simt"  # rounds down to the same displacements
    assert chosen(48, "float32", max_displacement=22) == "plain"


def test_work_of_the_tensor_core_kernel(host: ModuleType) -> None:
    """80 products for each row, 16 columns and vertical displacement; no bank conflict in any load of them."""
    a, b = inputs(1, 8, 32, 256, number="float16")
    host.stats()
    correlate(host, a, b, "float16", "mma", **FLOWNET_C)
    facts = host.stats()
    assert facts["mma"] == 8 * 2 * 21 * 80
    assert facts["ldmatrix_phases"] == 4 * facts["ldmatrix"]


def test_no_conflicts_with_few_channels(host: ModuleType) -> None:
    a, b = inputs(1, 4, 32, 96, number="float16")
    host.stats()
    correlate(host, a, b, "float16", "mma", **FLOWNET_C)
    facts = host.stats()
    assert facts["ldmatrix_phases"] == 4 * facts["ldmatrix"] > 0
