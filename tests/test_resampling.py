# SPDX-License-Identifier: Apache-2.0
"""Resizing against OpenCV itself, to the bit: mmflow resizes 8-bit pictures and float flow with it."""

from __future__ import annotations

import numpy as np
import pytest

from flownet2.resampling import resize_flow, resize_picture

cv2 = pytest.importorskip("cv2")

SIZES = [
    ((1, 1), (64, 64)),
    ((63, 65), (64, 128)),
    ((100, 30), (128, 64)),
    ((375, 1242), (384, 1280)),
    ((388, 584), (448, 640)),
    ((436, 1024), (448, 1024)),
    ((540, 960), (576, 960)),
    ((1, 130), (64, 192)),
    ((200, 7), (64, 64)),
    ((33, 47), (31, 90)),
]


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_uint8_pictures(size: tuple[int, int], target: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    expected = cv2.resize(picture, target[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(resize_picture(picture, *target), expected)


@pytest.mark.parametrize(("size", "target"), SIZES)
@pytest.mark.parametrize("back", [False, True])
def test_float_flow(size: tuple[int, int], target: tuple[int, int], back: bool) -> None:
    size, target = (target, size) if back else (size, target)
    array = np.random.default_rng(2).normal(size=(*size, 2)).astype(np.float32)
    expected = cv2.resize(array, target[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(resize_picture(array, *target), expected)


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_float_pictures(size: tuple[int, int], target: tuple[int, int]) -> None:
    """With three channels OpenCV 5 takes coarser weights; mmflow never resizes such pictures."""
    array = np.random.default_rng(3).random((*size, 3), np.float32)
    expected = cv2.resize(array, target[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize_picture(array, *target), expected, atol=5e-4)


def test_flow_is_rescaled_with_its_size() -> None:
    flow = np.full((64, 128, 2), (6.0, 4.0), np.float32)
    resized = resize_flow(flow, 32, 32)
    np.testing.assert_allclose(resized, np.full((32, 32, 2), (1.5, 2.0)), rtol=1e-6)
    assert resize_flow(flow, 64, 128) is flow
