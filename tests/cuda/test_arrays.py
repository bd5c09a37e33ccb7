# SPDX-License-Identifier: Apache-2.0
"""What the module takes for an array on the GPU, what it refuses, and which streams it orders."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_host import OnDevice
from flownet2.types import Array

A = np.ones((1, 3, 5, 16), np.float32)
OUT = (1, 3, 5, 441)


def call(host: ModuleType, a: Any, b: Any = None, out: Any = None, **options: Any) -> str:
    b = OnDevice(A) if b is None else b
    out = OnDevice(np.zeros(OUT, np.float32)) if out is None else out
    return host.correlate(a, b, out, **({"max_displacement": 20, "stride": 2, "launch_stream": 1} | options))


def changed(**changes: Any) -> OnDevice:
    return OnDevice(A, **changes)


def read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


def test_a_whole_call(host: ModuleType) -> None:
    out = np.zeros(OUT, np.float32)
    assert call(host, OnDevice(A), out=OnDevice(out)) == "simt"
    assert out[0, 1, 2, 220] == 16


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (A, TypeError, "a: expected an array on the GPU .*got ndarray"),
        (None, TypeError, "a: expected an array on the GPU"),
        (changed(version=2), TypeError, "version 2, expected 3"),
        (changed(mask=A), TypeError, "masked"),
        (changed(typestr="<f8"), TypeError, "expected typestr <f4 <f2 <u2, got '<f8'"),
        (changed(typestr=">f4"), TypeError, "'>f4'"),
        (changed(typestr="<i4"), TypeError, "'<i4'"),
        (changed(typestr=""), TypeError, "expected typestr"),
        (changed(typestr="f4 "), TypeError, "expected typestr"),
        (changed(typestr="<f4 <f2"), TypeError, "expected typestr"),
        (changed(shape=(3, 5, 16)), ValueError, r"expected 4 dimensions, got shape \(3, 5, 16\)"),
        (changed(shape=(1, 3, 5, -16)), ValueError, "no axis may be empty"),
        (changed(shape=(0, 3, 5, 16)), ValueError, "no axis may be empty"),
        (changed(shape=(2**31 - 1,) * 4, strides=None), ValueError, "too large"),
        (changed(strides=(4, 4, 4)), ValueError, "differ in length"),
        (changed(strides=(960, 320, 64, 8)), ValueError, "in C order"),
        (changed(strides=(960, 320, 60, 4)), ValueError, "in C order"),
        (changed(strides=(960, 320, 66, 4)), ValueError, "no multiple of the element"),
        (changed(strides=(960, 640, 64, 4)), ValueError, "in C order"),
        (changed(strides=(960, -320, 64, 4)), ValueError, "in C order"),
        (changed(strides=(0, 0, 0, 0)), ValueError, "in C order"),
        (changed(data=(0, False)), ValueError, "a has no data"),
        (changed(data=(A.ctypes.data + 2, False)), ValueError, "a must be aligned to 4 bytes"),
        (changed(data=(A.ctypes.data,)), TypeError, "no pair"),
        (changed(stream=0), ValueError, "stream 0"),
    ],
)
def test_what_is_refused(host: ModuleType, array: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(host, array)


@pytest.mark.parametrize("key", ["shape", "typestr", "data", "version"])
def test_missing_entries(host: ModuleType, key: str) -> None:
    array = OnDevice(A)
    del array.__cuda_array_interface__[key]
    with pytest.raises(TypeError, match=f"lacks '{key}'"):
        call(host, array)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"out": OnDevice(read_only(np.zeros(OUT, np.float32)))}, ValueError, "out: the array is read-only"),
        ({"out": OnDevice(np.zeros((1, 3, 5, 440), np.float32))}, ValueError, r"out: expected shape \(1, 3, 5, 441\)"),
        ({"out": OnDevice(np.zeros((1, 5, 3, 441), np.float32))}, ValueError, r"out: expected shape \(1, 3, 5, 441\)"),
        ({"out": OnDevice(np.zeros(OUT, np.float16))}, TypeError, "out: expected float32 or the dtype of a"),
        ({"b": OnDevice(np.ones((1, 3, 5, 17), np.float32))}, ValueError, r"b: expected shape \(1, 3, 5, 16\)"),
        ({"b": OnDevice(A.astype(np.float16))}, TypeError, "b: expected the dtype of a"),
        ({"stride": 0}, ValueError, "stride >= 1"),
        ({"max_displacement": -1}, ValueError, "0 <= max_displacement"),
        ({"max_displacement": 2**40}, ValueError, r"<= 2\*\*24"),
        ({"kernel": "mma"}, ValueError, "kernel 'mma' does not compute this call"),
        ({"kernel": "fast"}, ValueError, "expected 'plain', 'simt' or 'mma', got 'fast'"),
    ],
)
def test_calls_that_do_not_fit(
    host: ModuleType, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(host, OnDevice(A), **arguments)


def test_pictures_that_no_kernel_counts(host: ModuleType) -> None:
    # Refused before any memory is touched: the arrays are not as large as they say.
    tall = {"shape": (1, 2**30, 1, 1), "strides": None}
    one = OnDevice(A, **tall)
    with pytest.raises(ValueError, match="kernel 'plain' does not compute this call"):
        call(host, one, one, OnDevice(np.zeros(OUT, np.float32), **tall), max_displacement=0)


def test_sizes_that_kernels_do_not_count(host: ModuleType) -> None:
    long = {"shape": (2**31, 1, 1, 1), "strides": None}
    one = OnDevice(A, **long)
    with pytest.raises(ValueError, match=r"a: no size .* may have more than 2 \*\* 31 - 1"):
        call(host, one, one, OnDevice(np.zeros(OUT, np.float32), **long), max_displacement=0)


def test_inputs_may_be_read_only(host: ModuleType) -> None:
    assert call(host, OnDevice(read_only(A.copy()))) == "simt"


def test_strides_of_single_elements_say_nothing(host: ModuleType) -> None:
    assert call(host, changed(strides=(4, 320, 64, 4))) == "simt"


def test_the_stream_is_asked_for(host: ModuleType) -> None:
    with pytest.raises(TypeError, match="launch_stream"):
        host.correlate(OnDevice(A), OnDevice(A), OnDevice(np.zeros(OUT, np.float32)), max_displacement=20, stride=2)


@pytest.mark.parametrize(
    ("producer", "launch", "waits"),
    [(None, 7, 0), (7, 7, 0), (1, 1, 0), (1, 0, 0), (2, 1, 1), (1, 2, 1), (7, 1, 1), (1, 7, 1), (8, 7, 1)],
)
def test_the_launch_waits_for_other_streams(host: ModuleType, producer: int | None, launch: int, waits: int) -> None:
    host.stats()
    call(host, changed(stream=producer), launch_stream=launch)
    assert host.stats()["stream_waits"] == waits


def test_errors_of_the_emulator_are_exceptions(host: ModuleType) -> None:
    assert issubclass(host.KernelError, RuntimeError)
    assert host.emulated
