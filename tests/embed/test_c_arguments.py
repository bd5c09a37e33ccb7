# SPDX-License-Identifier: Apache-2.0
"""Arguments of the C interface: structs that grow with the versions, values that are no choice, NULL."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_int32, c_int64, c_void_p
from typing import Any

import numpy as np
import pytest

from embed.c_library import (
    INVALID_ARGUMENT,
    LIB,
    OK,
    CModel,
    FlowOptions,
    Info,
    LoadOptions,
    check,
    image_of,
    sized,
    tensor_of,
)
from flownet2.builtin import MODELS

LITE = MODELS["flownet2-lite"]
PAIR = tuple(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8) for seed in (0, 1))


@pytest.fixture(scope="module")
def model() -> CModel:
    return CModel(LITE)


def message() -> str:
    return LIB.flownet2_last_error().decode()


# Structs that grow


def flow_status(model: CModel, options: Any) -> int:
    out = np.zeros((*PAIR[0].shape[:2], 2), np.float32)
    images = [byref(image_of(picture)) for picture in PAIR]
    return LIB.flownet2_flow(model.handle, *images, options, out.ctypes.data, 0)


@pytest.mark.parametrize("size", range(8))
def test_a_struct_without_its_size(model: CModel, size: int) -> None:
    assert flow_status(model, byref(FlowOptions(struct_size=size))) == INVALID_ARGUMENT
    assert message() == f"flownet2_flow_options: set struct_size = sizeof(flownet2_flow_options), got {size}"
    handle = c_void_p()
    assert LIB.flownet2_load(bytes(LITE), byref(LoadOptions(struct_size=size)), byref(handle)) == INVALID_ARGUMENT
    assert "flownet2_load_options" in message()
    assert LIB.flownet2_model_info(model.handle, byref(Info(struct_size=size))) == INVALID_ARGUMENT
    assert "flownet2_info" in message()


def test_a_struct_of_an_older_version(model: CModel) -> None:
    """Fields behind its end are not read, and not written."""
    assert flow_status(model, byref(FlowOptions(struct_size=8, size_rule=99))) == OK
    assert flow_status(model, byref(FlowOptions(struct_size=12, size_rule=99))) == INVALID_ARGUMENT
    info = Info(struct_size=Info.parameters.offset, parameters=-7)
    check(LIB.flownet2_model_info(model.handle, byref(info)))
    assert (info.network, info.parameters, info.size_multiple) == (b"flownet2-lite", -7, 0)


def test_a_struct_of_a_newer_version(model: CModel) -> None:
    """Taken where what this version does not know is 0."""

    class Newer(ctypes.Structure):
        _fields_ = [("known", FlowOptions), ("unknown", c_int64)]

    newer = Newer(FlowOptions(struct_size=ctypes.sizeof(Newer)))
    pointer = ctypes.cast(byref(newer), ctypes.POINTER(FlowOptions))
    assert flow_status(model, pointer) == OK
    newer.unknown = 1 << 56
    assert flow_status(model, pointer) == INVALID_ARGUMENT
    assert "made for a newer flownet2" in message()


# What is no argument


def test_values_that_are_no_choice(model: CModel) -> None:
    handle = c_void_p()
    for options, text in (
        (sized(LoadOptions, precision=2), "precision"),
        (sized(LoadOptions, threads=-1), "threads"),
        (sized(LoadOptions, threads=1025), "threads"),
        (sized(LoadOptions, isa=b"mmx"), "mmx"),
        (sized(LoadOptions, isa=b""), "isa"),
    ):
        status = LIB.flownet2_load(bytes(LITE), byref(options), byref(handle))
        if options.isa == b"":  # as NULL
            assert status == OK
            LIB.flownet2_free(handle)
            continue
        assert (status, handle.value) == (INVALID_ARGUMENT, None)
        assert text in message()
    for rule in (-1, 4):
        assert flow_status(model, byref(sized(FlowOptions, size_rule=rule))) == INVALID_ARGUMENT
        assert "size_rule" in message()
    for field, value in (("pixel_type", 3), ("channel_order", 2), ("channels", 2), ("height", -1), ("data", None)):
        image = image_of(PAIR[0])
        setattr(image, field, value)
        out = np.zeros((64, 64, 2), np.float32)
        good = image_of(PAIR[1])
        assert LIB.flownet2_flow(model.handle, byref(good), byref(image), None, out.ctypes.data, 0) == INVALID_ARGUMENT
        assert "image2" in message()


@pytest.mark.parametrize(
    ("name", "given", "required"),
    [
        ("num_threads", [c_int32()], [0]),
        ("isa", [c_char_p()], [0]),
        ("load", [bytes(LITE), None, c_void_p()], [0, 2]),
        ("load_memory", [b"123", 3, None, c_void_p()], [0, 3]),
        ("model_info", ["model", sized(Info)], [0, 1]),
        ("flow", ["model", "image", "image", None, "flow", 0], [0, 1, 2, 4]),
        ("flow_batch", ["model", "image", "image", 1, None, c_void_p(), 0], [0, 1, 2, 5]),
        ("working_memory", ["model", 64, 64, 0, 1, c_int64()], [0, 5]),
        ("run", ["model", "x", "x", b"flow", None, "x"], [0, 1, 2, 3, 5]),
        ("flow_size", ["model", 64, 64, 0, c_int64(), c_int64()], [0, 4, 5]),
        ("conv2d", ["x", "x", None, None, "x"], [0, 1, 4]),
        ("conv_transpose2d", ["x", "x", None, None, "x"], [0, 1, 4]),
        ("leaky_relu", ["x", 0.1, "x"], [0, 2]),
        ("correlation", ["x", "x", None, "x"], [0, 1, 3]),
        ("warp", ["x", "x", None, "x"], [0, 1, 3]),
        ("resize", ["x", None, "x"], [0, 2]),
        ("channel_norm", ["x", "x"], [0, 1]),
        ("concat", ["x", 1, "x"], [0, 2]),
        ("elementwise", [0, "x", "x", 1.0, "x"], [1, 2, 4]),
    ],
)
def test_null(model: CModel, name: str, given: list[Any], required: list[int]) -> None:
    flow, x = np.zeros((64, 64, 2), np.float32), np.ones((1, 1, 1, 1), np.float32)
    values = {"model": model.handle, "image": image_of(PAIR[0]), "flow": flow.ctypes.data, "x": tensor_of(x)}
    arguments = [values[one] if isinstance(one, str) else one for one in given]
    arguments = [byref(one) if isinstance(one, ctypes.Structure) else one for one in arguments]
    function = getattr(LIB, f"flownet2_{name}")
    for index in required:
        assert function(*arguments[:index], None, *arguments[index + 1 :]) == INVALID_ARGUMENT, index
        assert "NULL" in message() or (name, index) == ("elementwise", 2), message()
    LIB.flownet2_free(None)
