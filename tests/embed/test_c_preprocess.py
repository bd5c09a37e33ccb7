# SPDX-License-Identifier: Apache-2.0
"""What the C library makes of pictures before the network sees them, and which it refuses: as the Python package."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flownet2
from embed.c_library import INVALID_ARGUMENT, CallError, CModel
from embed.models import pass_through
from flownet2.errors import InputError
from flownet2.preprocess import Preprocess
from flownet2.types import Array

PREPROCESS = {
    "plain": Preprocess("bgr"),
    "rgb": Preprocess("rgb"),
    "mean": Preprocess("bgr", (0.41, 0.4325, 0.45)),
    "one mean": Preprocess("rgb", (0.0, -0.75, 0.0)),
    "nvidia": Preprocess("rgb", mean_rule="pair", size_rule="crop"),
    "ptlflow": Preprocess("rgb", mean_rule="picture", resampling="corners"),
    "floats less a mean": Preprocess("bgr", (0.41, 0.4325, 0.45), size_rule="pad", resampling="corners"),
    "caffe": Preprocess("bgr", (0.37, 0.4, 0.43), second_mean=(0.36, 0.39, 0.44), resampling="lmb"),
}
CHANNELS = [(0, 3), (1, 4), (2, 5)]
MULTIPLES = [1, 2, 8, 24]
SPECIAL = [0.0, -0.0, 1.0, -0.5, 2.0, 1e-40, np.nextafter(np.float32(2), np.float32(3)), -0.51, np.nan, np.inf, -np.inf]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(conventions, channels, multiple) -> the same file as a model of C and of Python."""
    folder = tmp_path_factory.mktemp("models")

    @functools.cache
    def both(conventions: str, channels: tuple[int, int], multiple: int) -> tuple[CModel, flownet2.FlowEstimator]:
        name = f"{conventions}-{channels[0]}-{multiple}.safetensors"
        path: Path = pass_through(folder / name, channels, multiple, PREPROCESS[conventions])
        return CModel(path), flownet2.load(path)

    return both


@pytest.mark.parametrize("conventions", PREPROCESS)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_units_and_channel_orders(models: Any, conventions: str, channels: tuple[int, int], order: str) -> None:
    """All 256 values of 8-bit pictures in each channel of each picture, against the record itself."""
    record = PREPROCESS[conventions]
    values = np.arange(256 * 3, dtype=np.uint16).reshape(16, 16, 3)
    pair = [(values % 256).astype(np.uint8), (values * 7 % 256).astype(np.uint8)]
    got = models(conventions, channels, 1)[0](*pair, channel_order=order)
    tensors = record.inputs(pair[0][None], pair[1][None], order, record.fit(None, 16, 16, 1))
    planes = np.concatenate([tensor[0] for tensor in tensors])
    assert got.tobytes() == np.ascontiguousarray(planes[list(channels)].transpose(1, 2, 0)).tobytes()


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Array, Array]:
    """Two pictures of one size and type, each with strides of its own."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    channels, dtype = draw(st.sampled_from([1, 3])), draw(st.sampled_from(["uint8", "uint16", "float32"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    specials = draw(st.lists(st.sampled_from(SPECIAL), max_size=2)) if dtype == "float32" else []

    def one() -> Array:
        gaps = [draw(st.integers(0, 2)) for _ in range(3)]
        axes = draw(st.permutations(range(3)))
        shape = np.array([height, width, channels])
        memory = np.zeros([shape[axis] + gaps[axis] for axis in axes], dtype)
        view = memory.transpose(np.argsort(axes))[:height, :width, :channels]
        view = view[:: draw(st.sampled_from([1, -1])), :: draw(st.sampled_from([1, -1]))]
        largest = {"uint8": 256, "uint16": 65536, "float32": 1}[dtype]
        view[...] = (rng.random(tuple(shape)) * largest).astype(dtype)
        for special in specials:
            view[tuple(rng.integers(shape))] = special
        return view

    return one(), one()


@settings(max_examples=300)
@given(
    pair=pictures(),
    conventions=st.sampled_from(list(PREPROCESS)),
    channels=st.sampled_from(CHANNELS),
    multiple=st.sampled_from(MULTIPLES),
    order=st.sampled_from(["rgb", "bgr"]),
    rule=st.sampled_from([None, "resize", "pad", "crop"]),
)
def test_any_pictures(
    models: Any,
    pair: tuple[Array, Array],
    conventions: str,
    channels: tuple[int, int],
    multiple: int,
    order: str,
    rule: str | None,
) -> None:
    c_model, python_model = models(conventions, channels, multiple)
    try:
        expected = python_model(*pair, channel_order=order, size_rule=rule)
    except InputError:
        with pytest.raises(CallError) as caught:
            c_model(*pair, channel_order=order, size_rule=rule)
        assert caught.value.status == INVALID_ARGUMENT
    else:
        assert c_model(*pair, channel_order=order, size_rule=rule).tobytes() == expected.tobytes()


BYTES, FLOATS = np.zeros((10, 12, 3), np.uint8), np.zeros((10, 12, 3), np.float32)


def changed(value: float) -> Array:
    picture = FLOATS.copy()
    picture[9, 11, 2] = value
    return picture


@pytest.mark.parametrize(
    ("first", "second", "rule", "text"),
    [
        (changed(np.nan), FLOATS, "resize", "image1 holds NaN"),
        (FLOATS, changed(np.inf), "resize", "image2 holds NaN or infinite"),
        (
            FLOATS,
            changed(2.001),
            "resize",
            "image2: float pictures lie in 0..1, but the maximum is 2.001; divide by 255",
        ),
        (changed(-0.501), FLOATS, "resize", "image1: float pictures lie in 0..1, but the minimum is -0.501"),
        (changed(np.nan), FLOATS, "crop", "image1 holds NaN"),
        (BYTES, BYTES[:, :11], "resize", "image2"),
        (BYTES[:9], BYTES, "pad", "image2"),
        (BYTES, FLOATS, "resize", "image2"),
        (BYTES[:0], BYTES[:0], "resize", "0x12"),
        (BYTES[:, :0], BYTES[:, :0], "pad", "10x0"),
        (np.zeros((10, 12, 4), np.uint8), BYTES, "resize", "image1 must have three channels"),
        (BYTES, np.zeros((10, 12, 2), np.uint8), "resize", "image2 must have three channels"),
        (BYTES, np.zeros((10, 12, 0), np.uint8), "resize", "image2 must have three channels"),
        (BYTES[:7], BYTES[:7], "crop", "size_rule crop needs pictures of at least 8x8 pixels, got 7x12"),
    ],
)
def test_pictures_that_are_refused(models: Any, first: Array, second: Array, rule: str, text: str) -> None:
    c_model, python_model = models("plain", CHANNELS[0], 8)
    with pytest.raises(InputError):
        python_model(first, second, size_rule=rule)
    with pytest.raises(CallError) as caught:
        c_model(first, second, size_rule=rule)
    assert caught.value.status == INVALID_ARGUMENT
    assert text in caught.value.message


def test_limits_of_float_pictures(models: Any) -> None:
    c_model, python_model = models("mean", CHANNELS[2], 8)
    pair = changed(2.0), changed(-0.5)
    assert c_model(*pair).tobytes() == python_model(*pair).tobytes()
