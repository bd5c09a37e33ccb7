# SPDX-License-Identifier: Apache-2.0
"""Flow of the built-in model from the C library: the bits of the Python package, whatever the pictures' memory."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flownet2
from embed.c_library import LIB, CModel, FlowOptions, check, image_of, sized
from flownet2.builtin import MODELS
from flownet2.runtime import list_isas
from flownet2.types import Array

LITE = MODELS["flownet2-lite"]
SIZES = [(1, 1), (1, 200), (63, 65), (64, 64), (100, 37), (31, 96)]
SIZES_AND_RULES = [
    (size, rule) for size in SIZES for rule in ("resize", "pad", "crop") if rule != "crop" or min(size) > 31
]


@functools.cache
def c_model(**options: Any) -> CModel:
    return CModel(LITE, **options)


@functools.cache
def python_model(precision: str = "float32") -> flownet2.FlowEstimator:
    return flownet2.load(precision=precision)


def pictures(height: int, width: int, dtype: str = "uint8", channels: int = 3) -> tuple[Array, Array]:
    """Blocks of random colours, the second picture moved by some pixels: flow that is not all noise."""
    rng = np.random.default_rng(height * 1000 + width)
    blocks = rng.random((height // 8 + 3, width // 8 + 3, channels))
    large = np.kron(blocks, np.ones((8, 8, 1)))
    both = large[:height, :width], large[3 : 3 + height, 2 : 2 + width]
    largest = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    return tuple((picture * largest).astype(dtype) for picture in both)  # type: ignore[return-value]


def same_bits(got: Array, expected: Array) -> bool:
    return got.shape == expected.shape and got.dtype == expected.dtype and got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(("size", "rule"), SIZES_AND_RULES, ids=str)
def test_sizes_pixel_types_and_rules(size: tuple[int, int], dtype: str, rule: str) -> None:
    pair = pictures(*size, dtype)
    got = c_model()(*pair, size_rule=rule)
    expected = python_model()(*pair, size_rule=rule)
    assert same_bits(got, expected)
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_sintel_size(order: str) -> None:
    pair = pictures(436, 1024)
    assert same_bits(c_model()(*pair, channel_order=order), python_model()(*pair, channel_order=order))


def unaligned(array: Array) -> Array:
    """The same values, one byte behind where they should begin."""
    raw = np.empty(array.nbytes + 1, np.uint8)
    view = np.ndarray(array.shape, array.dtype, raw.data, 1)
    view[...] = array
    return view


def with_gaps(array: Array) -> Array:
    """Rows and pixels of a larger array: every second pixel of rows that are longer than needed."""
    height, width, channels = array.shape
    large = np.zeros((height, 2 * width + 5, channels), array.dtype)
    large[:, 3 : 3 + 2 * width : 2] = array
    return large[:, 3 : 3 + 2 * width : 2]


def rgba(array: Array) -> Array:
    alpha = np.full((*array.shape[:2], 1), array.max(), array.dtype)
    return np.concatenate([array, alpha], axis=2)[..., :3]


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "interleaved": np.ascontiguousarray,
    "planar": lambda array: np.ascontiguousarray(array.transpose(2, 0, 1)).transpose(1, 2, 0),
    "columns first": np.asfortranarray,
    "flipped": lambda array: np.ascontiguousarray(array[::-1])[::-1],
    "mirrored": lambda array: np.ascontiguousarray(array[:, ::-1])[:, ::-1],
    "channels reversed": lambda array: np.ascontiguousarray(array[..., ::-1])[..., ::-1],
    "with gaps": with_gaps,
    "rgba": rgba,
    "unaligned": unaligned,
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, dtype: str) -> None:
    """Each is read where it lies; a layout of a picture has its values, so the flow is that of the plain ones."""
    first, second = pictures(45, 70, dtype)
    views = [LAYOUTS[layout](first), LAYOUTS["flipped"](second)]
    assert all(np.array_equal(*two) for two in zip(views, (first, second), strict=True))
    assert same_bits(c_model()(*views), python_model()(first, second))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("dims", [2, 3])
def test_grey(dtype: str, dims: int) -> None:
    pair = [picture[..., 0] if dims == 2 else picture for picture in pictures(40, 50, dtype, channels=1)]
    assert same_bits(c_model()(*pair), python_model()(*pair))


def test_rows_of_the_flow_with_gaps() -> None:
    first, second = pictures(33, 40)
    expected = c_model()(first, second)
    marked = np.full((33, 47, 2), -7.0, np.float32)
    images = [ctypes.byref(image_of(picture)) for picture in (first, second)]
    check(LIB.flownet2_flow(c_model().handle, *images, None, marked.ctypes.data, marked.strides[0]))
    assert same_bits(marked[:, :40].copy(), expected)
    assert (marked[:, 40:] == -7).all()


def test_rows_of_the_flow_from_the_last_to_the_first() -> None:
    first, second = pictures(33, 40)
    flow = np.zeros((33, 40, 2), np.float32)
    upwards = flow[::-1]
    images = [ctypes.byref(image_of(picture)) for picture in (first, second)]
    check(LIB.flownet2_flow(c_model().handle, *images, None, upwards.ctypes.data, upwards.strides[0]))
    assert same_bits(upwards.copy(), c_model()(first, second))


@pytest.mark.parametrize("row_stride", [1, 40 * 8 - 4, 40 * 8 + 2])
def test_rows_of_the_flow_that_do_not_fit(row_stride: int) -> None:
    first, second = pictures(33, 40)
    flow = np.full((33, 50, 2), -7.0, np.float32)
    images = [ctypes.byref(image_of(picture)) for picture in (first, second)]
    options = ctypes.byref(sized(FlowOptions))
    status = LIB.flownet2_flow(c_model().handle, *images, options, flow.ctypes.data, row_stride)
    assert status == 1
    assert b"row_stride" in LIB.flownet2_last_error()
    assert (flow == -7).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads(threads: int) -> None:
    pair = pictures(100, 130)
    assert same_bits(c_model(threads=threads)(*pair), python_model()(*pair))


@pytest.mark.parametrize("rule", ["resize", "pad"])
def test_bfloat16(rule: str) -> None:
    pair = pictures(70, 100)
    got = c_model(precision="bfloat16")(*pair, size_rule=rule)
    assert same_bits(got, python_model("bfloat16")(*pair, size_rule=rule))
    assert not np.array_equal(got, python_model()(*pair, size_rule=rule))


IN_ANOTHER_PROCESS = """
import sys
import numpy as np
import flownet2
with np.load(sys.argv[1]) as data:
    np.save(sys.argv[2], flownet2.load()(data["first"], data["second"]))
"""


@pytest.mark.parametrize("isa", list_isas())
def test_instruction_sets(isa: str, tmp_path: Any) -> None:
    """One process of C uses several; Python one for each process."""
    first, second = pictures(64, 96)
    model = CModel(LITE, isa=isa)
    assert model.info().isa.decode() == isa
    got = model(first, second)
    np.savez(tmp_path / "pair.npz", first=first, second=second)
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, tmp_path / "pair.npz", tmp_path / "flow.npy"]
    subprocess.run(command, env={**os.environ, "FLOWNET2_ISA": isa}, check=True)
    assert same_bits(got, np.load(tmp_path / "flow.npy"))
    assert np.abs(got - python_model()(first, second)).max() < 1e-3


def test_flow_size() -> None:
    assert c_model().flow_size(100, 37) == c_model().flow_size(100, 37, "pad") == (100, 37)
    assert c_model().flow_size(100, 37, "crop") == (96, 32)
