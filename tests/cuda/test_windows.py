# SPDX-License-Identifier: Apache-2.0
"""Windows of convolutions: against NumPy's, and as the left factor of whole convolutions."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cases.ops import Case, all_cases
from compare import assert_relative
from cuda_host import OnDevice
from cuda_numbers import DTYPES, FILL, NUMBERS
from flownet2.executors.cuda.transposed import plain_weight
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array


def square(case: Case) -> bool:
    kernel = case.parameters["weight"].shape[2:]
    return all(pair[0] == pair[1] for pair in (kernel, case.attributes.stride, case.attributes.padding))


CONVOLUTIONS = [case for case in all_cases() if case.op == "conv2d" and square(case)]
TRANSPOSED = [
    case
    for case in all_cases()
    if case.attributes == at.ConvTranspose2d((2, 2), (1, 1), getattr(case.attributes, "leaky_slope", None))
    and case.parameters["weight"].shape[2:] == (4, 4)
]


def gather(host: ModuleType, x: Array, out_size: tuple[int, int], kernel: int, **options: Any) -> Array:
    """All rows of the matrix, (N * rows, columns, kernel * kernel * C)."""
    out = np.full((x.shape[0] * out_size[0], out_size[1], kernel * kernel * x.shape[3]), FILL, x.dtype)
    host.gather(OnDevice(x), OnDevice(out), kernel=kernel, launch_stream=1, **options)
    return out


def windows(x: Array, kernel: int, stride: int, padding: int) -> Array:
    """The same in NumPy."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]
    n, rows, columns, channels = view.shape[:4]
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(n * rows, columns, kernel * kernel * channels)


def picture(shape: tuple[int, ...], number: str) -> Array:
    """Any bits at all: types do not matter to a copy."""
    rng = np.random.default_rng(shape)
    size = np.dtype(DTYPES[number]).itemsize
    return rng.integers(0, 256, (*shape[:-1], shape[-1] * size), np.uint8).view(DTYPES[number])


def bits(x: Array) -> Array:
    return x.view(f"u{x.dtype.itemsize}")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8, 24])
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 7), (1, 13, 35)], ids=str)
@pytest.mark.parametrize(
    "layer", [(7, 2, 3), (5, 2, 2), (3, 1, 1), (3, 2, 1), (2, 1, 1), (1, 1, 0), (4, 3, 5)], ids=str
)
def test_equals_numpy(
    host: ModuleType, layer: tuple[int, int, int], shape: tuple[int, ...], number: str, channels: int
) -> None:
    kernel, stride, padding = layer
    x = picture((*shape, channels), number)
    expected = windows(x, kernel, stride, padding)
    size = (expected.shape[0] // shape[0], expected.shape[1])
    got = gather(host, x, size, kernel, stride=stride, padding=padding)
    assert np.array_equal(bits(got), bits(expected))


# Channels before and after those that are gathered: 16 bytes fit, 4 do, neither the address nor the pitch, one of them.
WIDER = [(8, 8), (2, 6), (1, 2), (0, 1), (1, 7)]


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("wider", WIDER, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("number", NUMBERS)
def test_channels_of_a_wider_buffer(
    host: ModuleType, schedule: int, number: str, channels: int, wider: tuple[int, int], kernel: int
) -> None:
    before, after = wider
    memory = picture((2, 5, 7, before + channels + after), number)
    x = memory[..., before : before + channels]
    expected = windows(x, kernel, 2, 1)
    assert np.array_equal(bits(gather(host, x, (3, 4), kernel, stride=2, padding=1)), bits(expected))


def test_refused_gaps(host: ModuleType) -> None:
    memory, out = picture((1, 10, 12, 16), "float32"), np.zeros((6, 7, 32), np.float32)
    for x in (memory[:, ::2, ::2, :8], memory[:, :5, :6, ::2]):
        with pytest.raises(ValueError, match="x: expected an array in C order, or channels of one"):
            host.gather(OnDevice(x), OnDevice(out), kernel=2, stride=1, padding=1, launch_stream=1)
    far = OnDevice(np.zeros((1, 1, 2, 8), np.float32), strides=(4, 4, 2**33, 4))
    with pytest.raises(ValueError, match="the pitch must be from 8 channels to 2"):
        host.gather(far, OnDevice(np.zeros((2, 3, 32), np.float32)), kernel=2, stride=1, padding=1, launch_stream=1)


@pytest.mark.parametrize("slab", [1, 2, 3, 7])
def test_slabs_make_up_the_whole(host: ModuleType, schedule: int, slab: int) -> None:
    """Rows of both images, in pieces that stop in the midst of one."""
    x = picture((2, 9, 6, 8), "float32")
    expected = windows(x, 3, 2, 1)
    for first in range(0, len(expected), slab):
        rows = expected[first : first + slab]
        out = np.full((len(rows) + 1, *rows.shape[1:]), FILL, np.float32)
        host.gather(OnDevice(x), OnDevice(out[:-1]), kernel=3, stride=2, padding=1, first=first, launch_stream=1)
        assert np.array_equal(bits(out[:-1]), bits(rows))
        assert (out[-1] == FILL).all()


def finish(kernel: Any, product: Array, case: Case, out: Array) -> None:
    """By one of the two kernels that may follow a product."""
    bias = case.parameters.get("bias")
    given = None if bias is None else OnDevice(np.ascontiguousarray(bias.reshape(-1)))
    kernel(OnDevice(product), given, OnDevice(out), leaky_slope=case.attributes.leaky_slope, launch_stream=1)


def nhwc(x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def reference(case: Case) -> Array:
    double = {name: value.astype(np.float64) for name, value in case.parameters.items()}
    return run_operator(case.op, case.attributes, [case.inputs[0].astype(np.float64)], double, reference=True)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=lambda case: case.id)
def test_whole_convolutions(host: ModuleType, case: Case) -> None:
    weight = case.parameters["weight"]
    expected = reference(case)
    n, outputs, rows, columns = expected.shape
    kernel, stride, padding = weight.shape[2], case.attributes.stride[0], case.attributes.padding[0]
    matrix = gather(host, nhwc(case.inputs[0]), (rows, columns), kernel, stride=stride, padding=padding)
    product = matrix @ weight.transpose(2, 3, 1, 0).reshape(-1, outputs)
    out = np.full((n * rows, columns, outputs), FILL, np.float32)
    finish(host.epilogue, product, case, out)
    assert_relative(out.reshape(n, rows, columns, outputs).transpose(0, 3, 1, 2), expected, rtol=1e-5, what=case.id)


@pytest.mark.parametrize("case", TRANSPOSED, ids=lambda case: case.id)
def test_whole_transposed_convolutions(host: ModuleType, case: Case) -> None:
    weight = plain_weight(case.parameters["weight"].swapaxes(0, 1))
    expected = reference(case)
    n, outputs, rows, columns = expected.shape
    matrix = gather(host, nhwc(case.inputs[0]), (rows // 2 + 1, columns // 2 + 1), 2, stride=1, padding=1)
    product = matrix @ weight.transpose(2, 3, 1, 0).reshape(-1, 4 * outputs)
    out = np.full((n, rows, columns, outputs), FILL, np.float32)
    finish(host.scatter, product, case, out)
    assert_relative(out.transpose(0, 3, 1, 2), expected, rtol=1e-5, what=case.id)


def test_there_are_cases() -> None:
    assert len(CONVOLUTIONS) > 10
    assert len(TRANSPOSED) > 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": 0}, "kernel and stride must be in 1"),
        ({"kernel": 9}, "out: expected shape"),
        ({"stride": 0}, "kernel and stride must be in 1"),
        ({"padding": -1}, "padding in 0"),
        ({"padding": 2**62}, "padding in 0"),
        ({"first": 1}, r"rows must be some of 0\.\.5, got 1\.\.6"),
        ({"first": -1}, "first must be at least 0"),
        ({"first": 2**62}, "rows must be some of|too large"),
        ({"first": 2**63 - 1}, "too large"),
    ],
)
def test_refused(host: ModuleType, changes: dict[str, int], message: str) -> None:
    x, out = picture((1, 5, 6, 8), "float32"), np.zeros((5, 6, 72), np.float32)
    options = {"kernel": 3, "stride": 1, "padding": 1, "first": 0} | changes
    with pytest.raises(ValueError, match=message):
        host.gather(OnDevice(x), OnDevice(out), launch_stream=1, **options)


def test_refused_type(host: ModuleType) -> None:
    x, out = picture((1, 5, 6, 8), "float32"), np.zeros((5, 6, 72), np.float16)
    with pytest.raises(TypeError, match="out: expected the dtype of x"):
        host.gather(OnDevice(x), OnDevice(out), kernel=3, stride=1, padding=1, launch_stream=1)
