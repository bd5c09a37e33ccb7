# SPDX-License-Identifier: Apache-2.0
"""The operators of the C library on every case of the table, against the Python package."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Callable
from ctypes import byref
from typing import Any

import numpy as np
import pytest

from cases.ops import Case, all_cases
from compare import assert_relative
from embed.c_library import (
    ELEMENTWISE_KINDS,
    INVALID_ARGUMENT,
    LIB,
    TOO_LARGE,
    CallError,
    ConvolutionOptions,
    CorrelationOptions,
    ResizeOptions,
    Tensor,
    WarpOptions,
    check,
    sized,
    tensor_of,
)
from flownet2.ops import kernels
from flownet2.ops.dispatch import run_operator
from flownet2.ops.spec import OPS
from flownet2.types import Array


def slope(value: float | None) -> dict[str, Any]:
    return {} if value is None else {"leaky_relu": 1, "leaky_slope": value}


def convolution(name: str) -> Callable[[Case, Any], int]:
    def call(case: Case, out: Any) -> int:
        at = case.attributes
        options = sized(ConvolutionOptions, stride=at.stride, padding=at.padding, **slope(at.leaky_slope))
        bias = case.parameters.get("bias")
        given = None if bias is None else byref(tensor_of(bias.reshape(1, -1, 1, 1)))
        x, weight = byref(tensor_of(case.inputs[0])), byref(tensor_of(case.parameters["weight"]))
        return getattr(LIB, f"flownet2_{name}")(x, weight, given, byref(options), out)

    return call


def correlation(case: Case, out: Any) -> int:
    at = case.attributes
    options = sized(CorrelationOptions, mean=at.reduction == "mean", **slope(at.leaky_slope))
    options.max_displacement, options.stride = at.max_displacement, at.stride
    return LIB.flownet2_correlation(*map(byref, map(tensor_of, case.inputs)), byref(options), out)


def warp(case: Case, out: Any) -> int:
    at = case.attributes
    zeros = ("border", "zeros", "cut").index(at.padding)
    options = sized(WarpOptions, zeros=zeros, no_align_corners=not at.align_corners, mask=at.mask)
    return LIB.flownet2_warp(*map(byref, map(tensor_of, case.inputs)), byref(options), out)


def resize(case: Case, out: Any) -> int:
    at = case.attributes
    rows, columns = case.inputs[0].shape[2:]
    out._obj.h, out._obj.w = at.size or (rows * at.scale[0], columns * at.scale[1])
    options = sized(ResizeOptions, nearest=at.mode == "nearest", align_corners=at.align_corners)
    return LIB.flownet2_resize(byref(tensor_of(case.inputs[0])), byref(options), out)


def elementwise(case: Case, out: Any) -> int:
    inputs = [byref(tensor_of(value)) for value in case.inputs] + [None] * (2 - len(case.inputs))
    return LIB.flownet2_elementwise(ELEMENTWISE_KINDS[case.attributes.kind], *inputs, case.attributes.factor, out)


def concat(case: Case, out: Any) -> int:
    return LIB.flownet2_concat((Tensor * len(case.inputs))(*map(tensor_of, case.inputs)), len(case.inputs), out)


CALLS: dict[str, Callable[[Case, Any], int]] = {
    "channel_norm": lambda case, out: LIB.flownet2_channel_norm(byref(tensor_of(case.inputs[0])), out),
    "concat": concat,
    "conv2d": convolution("conv2d"),
    "conv_transpose2d": convolution("conv_transpose2d"),
    "correlation": correlation,
    "elementwise": elementwise,
    "leaky_relu": lambda case, out: LIB.flownet2_leaky_relu(
        byref(tensor_of(case.inputs[0])), case.attributes.slope, out
    ),
    "resize": resize,
    "warp": warp,
}


def plain(case: Case) -> Case:
    """The case with arrays that have no gaps, which a flownet2_tensor cannot have."""
    inputs = tuple(map(np.ascontiguousarray, case.inputs))
    parameters = {name: np.ascontiguousarray(value) for name, value in case.parameters.items()}
    return dataclasses.replace(case, inputs=inputs, parameters=parameters)


def run(case: Case) -> Array:
    """Asked for the shape first, as a C program does."""
    case, out = plain(case), Tensor()
    check(CALLS[case.op](case, byref(out)))
    result = np.full((out.n, out.c, out.h, out.w), np.nan, np.float32)
    check(CALLS[case.op](case, byref(tensor_of(result))))
    return result


def expected_bits(case: Case) -> Array:
    """Of the package's compiled kernels, the engine's convolution among them; of the definition where there is none."""
    if case.op in ("conv2d", "conv_transpose2d"):
        values = {field.name: getattr(case.attributes, field.name) for field in dataclasses.fields(case.attributes)}
        return getattr(kernels, case.op)(*case.inputs, **case.parameters, **values)
    return run_operator(case.op, case.attributes, case.inputs, case.parameters)


def test_every_operator_is_here() -> None:
    assert set(CALLS) == set(OPS)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_bits_of_the_package(case: Case) -> None:
    got = run(case)
    assert np.array_equal(got.view(np.uint32), expected_bits(case).view(np.uint32))
    reference = run_operator(case.op, case.attributes, case.inputs, case.parameters, reference=True)
    assert_relative(got, reference, rtol=OPS[case.op].rtol, what=case.id)


@pytest.mark.parametrize("case", {case.op: case for case in all_cases()}.values(), ids=lambda case: case.op)
def test_an_output_of_another_shape_is_left_alone(case: Case) -> None:
    case, out = plain(case), Tensor()
    check(CALLS[case.op](case, byref(out)))
    result = np.full((out.n, out.c + 1, out.h, out.w), -7, np.float32)
    with pytest.raises(CallError) as caught:
        check(CALLS[case.op](case, byref(tensor_of(result))))
    assert caught.value.status == INVALID_ARGUMENT
    assert "out must be" in caught.value.message
    assert (result == -7).all()


def refused(status: int) -> str:
    """The message of a call that must not go well."""
    assert status == INVALID_ARGUMENT
    return LIB.flownet2_last_error().decode()


def test_attributes_that_are_refused() -> None:
    x, one = (byref(tensor_of(np.ones(shape, np.float32))) for shape in ((1, 2, 4, 4), (1, 1, 1, 1)))
    backwards = byref(sized(ConvolutionOptions, stride=(ctypes.c_int64 * 2)(-1, 1)))
    huge, out = byref(Tensor(None, 2**40, 2**40, 1, 1)), byref(Tensor())
    assert "the input has 2 channels" in refused(LIB.flownet2_conv2d(x, one, None, None, out))
    assert "stride" in refused(LIB.flownet2_conv2d(one, one, None, backwards, out))
    assert "warp: flow" in refused(LIB.flownet2_warp(x, one, None, out))
    assert "correlation: " in refused(LIB.flownet2_correlation(x, one, None, out))
    assert "elementwise: kind" in refused(LIB.flownet2_elementwise(4, x, x, 1, out))
    assert "elementwise: " in refused(LIB.flownet2_elementwise(0, x, one, 1, out))
    assert "resize: " in refused(LIB.flownet2_resize(x, None, byref(Tensor(None, 0, 0, 0, 4))))
    assert "concat: " in refused(LIB.flownet2_concat(x, 0, out))
    assert LIB.flownet2_leaky_relu(huge, 0.1, out) == TOO_LARGE
