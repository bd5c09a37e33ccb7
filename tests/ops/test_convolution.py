# SPDX-License-Identifier: Apache-2.0
"""The engine's convolutions on every instruction set of this machine, against the reference in float64."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.ops import Case, all_cases
from compare import assert_relative
from flownet2 import _core, runtime
from flownet2.errors import InputError
from flownet2.ops import kernels, reference
from flownet2.ops.spec import OPS
from flownet2.types import Array

ISAS = [None, *runtime.list_isas()]
OPERATORS = ("conv2d", "conv_transpose2d")
CASES = [case for case in all_cases() if case.op in OPERATORS]


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def exact(op: str, x: Array, weight: Array, bias: Array | None, **attributes: Any) -> Array:
    parameters = {"weight": weight.astype(float)} | ({} if bias is None else {"bias": bias.astype(float)})
    return getattr(reference, op)(x.astype(float), **parameters, **attributes)


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cases(case: Case, isa: str | None) -> None:
    attributes = {f.name: getattr(case.attributes, f.name) for f in dataclasses.fields(case.attributes)}
    x, weight, bias = case.inputs[0], case.parameters["weight"], case.parameters.get("bias")
    got = getattr(kernels, case.op)(x, weight=weight, bias=bias, **attributes, isa=isa)
    assert got.dtype == np.float32
    assert_relative(got, exact(case.op, x, weight, bias, **attributes), rtol=OPS[case.op].rtol)


small = st.integers(1, 3)


@settings(max_examples=150, deadline=None)
@given(
    op=st.sampled_from(OPERATORS),
    batch=st.integers(1, 2),
    ci=st.integers(1, 40),
    co=st.integers(1, 40),
    size=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.tuples(small, small),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    slope=st.sampled_from([None, 0.1, 0.0, -0.5, 1.5]),
    seed=st.integers(0, 1000),
)
def test_any_shape(op, batch, ci, co, size, kernel, stride, padding, slope, seed) -> None:
    x = normal(batch, ci, *size, seed=seed)
    pair = (ci, co) if op == "conv_transpose2d" else (co, ci)
    weight, bias = normal(*pair, *kernel, seed=seed + 1), normal(co, seed=seed + 2)
    attributes = {"stride": stride, "padding": padding, "leaky_slope": slope}
    spec = OPS[op]
    try:
        spec.infer_shape(spec.attributes(**attributes), [x.shape], {"weight": weight.shape, "bias": bias.shape})
    except InputError:
        with pytest.raises(InputError, match=f"{op}: .*(does not fit|leaves nothing of the output)"):
            getattr(kernels, op)(x, weight=weight, bias=bias, **attributes)
        return
    expected = exact(op, x, weight, bias, **attributes)
    results = {isa: getattr(kernels, op)(x, weight=weight, bias=bias, **attributes, isa=isa) for isa in ISAS}
    for isa, got in results.items():
        assert_relative(got, expected, rtol=1e-5, what=str(isa))
    fused = [results[isa] for isa in ISAS if isa not in {None, "scalar"}]
    for got in fused[1:]:  # one order of summation and FMA on all of them
        np.testing.assert_array_equal(got, fused[0])


# Large enough to be cut into several windows, chunks of input channels and groups of output channels.
LARGE = {
    "3x3": ("conv2d", (3, 70, 33, 300), (40, 70, 3, 3), (1, 1), (1, 1)),
    "5x5 stride 2": ("conv2d", (2, 24, 37, 301), (72, 24, 5, 5), (2, 2), (2, 2)),
    "1x1": ("conv2d", (2, 200, 19, 150), (33, 200, 1, 1), (1, 1), (0, 0)),
    "flow head": ("conv2d", (2, 150, 35, 290), (2, 150, 3, 3), (1, 1), (1, 1)),
    "deep": ("conv2d", (2, 530, 3, 5), (160, 530, 3, 3), (1, 1), (1, 1)),
    "transposed": ("conv_transpose2d", (2, 90, 21, 160), (90, 48, 4, 4), (2, 2), (1, 1)),
    "transposed head": ("conv_transpose2d", (2, 90, 9, 160), (90, 2, 4, 4), (2, 2), (1, 1)),
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", LARGE)
def test_bits_do_not_depend_on_threads_or_batch(name: str, isa: str | None) -> None:
    op, shape, weight_shape, stride, padding = LARGE[name]
    x, weight = normal(*shape), normal(*weight_shape, seed=1)

    def compute(images: Array) -> Array:
        return getattr(kernels, op)(images, weight=weight, stride=stride, padding=padding, leaky_slope=0.1, isa=isa)

    runtime.set_num_threads(1)
    expected = compute(x)
    assert_relative(
        expected, exact(op, x, weight, None, stride=stride, padding=padding, leaky_slope=0.1), rtol=1e-5, what=name
    )
    for threads in (2, 5):
        runtime.set_num_threads(threads)
        np.testing.assert_array_equal(compute(x), expected)
    for i in range(shape[0]):
        np.testing.assert_array_equal(compute(x[i : i + 1]), expected[i : i + 1])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("channels", [(20, 18), (40, 2)], ids=["wide", "narrow"])
def test_values_that_are_not_finite(op: str, channels: tuple[int, int], isa: str | None) -> None:
    ci, co = channels
    x = normal(1, ci, 9, 23)
    x[0, 3, 4, 5], x[0, 7, 0, 20], x[0, 1, 8, 0] = np.nan, np.inf, -np.inf
    weight = normal(*((ci, co) if op == "conv_transpose2d" else (co, ci)), 3, 3, seed=1)
    attributes = {"stride": (2, 2), "padding": (1, 1), "leaky_slope": 0.1}
    expected = exact(op, x, weight, None, **attributes)
    got = getattr(kernels, op)(x, weight=weight, **attributes, isa=isa)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    infinite = np.isinf(expected)
    assert infinite.any()
    np.testing.assert_array_equal(np.where(infinite, got, 0), np.where(infinite, expected, 0))


def test_denormals_count_as_zero_and_only_inside() -> None:
    tiny = np.float32(1e-40)
    x, weight = np.full((1, 16, 8, 8), tiny), np.ones((16, 16, 3, 3), np.float32)
    for threads in (1, 3):
        runtime.set_num_threads(threads)
        assert not kernels.conv2d(x, weight=weight).any()
    assert np.float32(tiny + tiny) > 0  # this thread computes as before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": normal(5, 4, 3, 3)}, "conv2d: the input has 3 channels, the weight wants 4"),
        ({"weight": normal(5, 3, 3)}, r"conv2d: weight must be \(N, C, H, W\)"),
        ({"weight": normal(5, 3, 3, 3).astype(float)}, "conv2d: weight must be float32"),
        ({"bias": normal(4)}, r"conv2d: bias must be"),
        ({"stride": (0, 1)}, "stride"),
        ({"padding": (2**21, 1)}, r"conv2d: padding must be from 0 to 1048576, got \(2097152, 1\)"),
        ({"weight": normal(5, 3, 9, 9)}, "conv2d: a kernel of 9 does not fit into 6 pixels with padding 0"),
        ({"isa": "none"}, "isa must be one of scalar.* on this processor, got 'none'"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    arguments = {"weight": normal(5, 3, 3, 3), **change}
    with pytest.raises(InputError, match=message):
        kernels.conv2d(normal(1, 3, 6, 6), **arguments)


def test_convolve_takes_arrays_only() -> None:
    with pytest.raises(ValueError, match="conv2d: x must be a NumPy array, got list"):
        _core.convolve(
            [1.0], weight=None, bias=None, stride=(1, 1), padding=(0, 0), leaky_slope=None, transposed=False, isa=None
        )
