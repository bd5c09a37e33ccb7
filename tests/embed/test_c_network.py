# SPDX-License-Identifier: Apache-2.0
"""Batches, the bare network and its memory from the C library, against the Python package to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref, c_int64, c_void_p

import numpy as np
import pytest

import flownet2
from embed.c_library import (
    CANCELLED,
    INVALID_ARGUMENT,
    LIB,
    SIZE_RULES,
    CallError,
    CModel,
    FlowOptions,
    Image,
    Tensor,
    callback,
    check,
    image_of,
    sized,
    tensor_of,
)
from flownet2.builtin import MODELS
from flownet2.types import Array


@pytest.fixture(scope="module")
def model() -> CModel:
    return CModel(MODELS["flownet2-lite"])


@pytest.fixture(scope="module")
def python() -> flownet2.FlowEstimator:
    return flownet2.load()


def run_batch(model: CModel, images1: Sequence[Array], images2: Sequence[Array], row_stride: int = 0) -> list[Array]:
    count = len(images1)
    flows = [np.full((*image.shape[:2], 2), np.nan, np.float32) for image in images1]
    arrays = [(Image * count)(*map(image_of, images)) for images in (images1, images2)]
    pointers = (c_void_p * count)(*(flow.ctypes.data for flow in flows))
    check(LIB.flownet2_flow_batch(model.handle, *arrays, count, None, pointers, row_stride))
    return flows


def run(model: CModel, images: Sequence[Array], name: str, options: FlowOptions | None = None) -> Array:
    out = Tensor()
    given = None if options is None else byref(options)
    arguments = [model.handle, *(byref(tensor_of(image)) for image in images), name.encode()]
    check(LIB.flownet2_run(*arguments, given, byref(out)))
    result = np.full((out.n, out.c, out.h, out.w), np.nan, np.float32)
    check(LIB.flownet2_run(*arguments, given, byref(tensor_of(result))))
    return result


def test_a_batch_is_its_pairs(model: CModel, python: flownet2.FlowEstimator) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 3, 40, 70, 3), np.uint8)
    for flow, image1, image2 in zip(run_batch(model, *images), *images, strict=True):
        assert flow.tobytes() == python(image1, image2).tobytes()


def test_a_batch_of_several_sizes_is_refused(model: CModel) -> None:
    images = [np.zeros((40, 70, 3), np.uint8), np.zeros((40, 71, 3), np.uint8)]
    with pytest.raises(CallError, match="image1 of pair 1") as caught:
        run_batch(model, images, images)
    assert caught.value.status == INVALID_ARGUMENT
    with pytest.raises(CallError, match="no pictures"):
        run_batch(model, [], [])


@pytest.mark.parametrize("count", [1, 2])
def test_values_of_the_network(model: CModel, python: flownet2.FlowEstimator, count: int) -> None:
    x = np.random.default_rng(count).random((count, 6, 64, 96), np.float32)
    names = ["flow", *(node.name for node in python.graph.nodes[::7])]
    expected = python.forward(x, names)
    for name in names:
        got = run(model, [x[:, :3].copy(), x[:, 3:].copy()], name)
        assert got.shape == expected[name].shape
        # A value that is asked for beside others may be computed apart from what uses it.
        assert np.abs(got - expected[name]).max() <= 1e-4 * max(1.0, np.abs(expected[name]).max())
    alone = python.forward(x)
    assert run(model, [x[:, :3].copy(), x[:, 3:].copy()], "flow").tobytes() == alone.tobytes()


def test_what_is_no_value_or_size_of_the_network(model: CModel) -> None:
    fits, odd = np.zeros((1, 3, 32, 32), np.float32), np.zeros((1, 3, 33, 32), np.float32)
    for images, name, text in (
        ([fits, fits], "nothing", "no value 'nothing'"),
        ([odd, odd], "flow", "multiples of 32"),
        ([fits, fits[:, :2].copy()], "flow", "image2"),
    ):
        wrong = byref(tensor_of(np.zeros((1, 2, 32, 32), np.float32)))
        arguments = [byref(tensor_of(image)) for image in images]
        status = LIB.flownet2_run(model.handle, *arguments, name.encode(), None, wrong)
        assert status == INVALID_ARGUMENT
        assert text in LIB.flownet2_last_error().decode()
    with pytest.raises(CallError, match="stopped") as caught:
        run(model, [fits, fits], "flow", sized(FlowOptions, progress=callback(lambda _: 1)))
    assert caught.value.status == CANCELLED


def memory(model: CModel, height: int, width: int, pairs: int = 1, rule: int = 0) -> int:
    found = c_int64()
    check(LIB.flownet2_working_memory(model.handle, height, width, rule, pairs, byref(found)))
    return found.value


def test_working_memory(model: CModel) -> None:
    small = memory(model, 64, 96)
    # The network's inputs and its flow are a part of it.
    assert small > 8 * 64 * 96 * 4
    assert memory(model, 33, 65) == small
    assert memory(model, 95, 127, rule=SIZE_RULES["crop"]) == small
    assert memory(model, 640, 960) > 50 * small
    assert memory(model, 64, 96, pairs=4) > 2 * small
    for size in ((0, 96), (64, 2**40)):
        with pytest.raises(CallError, match="rows and columns"):
            memory(model, *size)
    with pytest.raises(CallError, match="empty axis"):
        memory(model, 64, 96, pairs=0)
