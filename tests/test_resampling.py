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


def caffe_f64(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """The layer read word for word: every pixel of the array is weighed for every pixel of the result."""
    rows, columns = array.shape[:2]
    fx, fy = columns / width, rows / height
    ax, ay = (1 / fx, 1 / fy) if fx > 1 or fy > 1 else (1.0, 1.0)
    out = np.zeros((height, width, array.shape[2]))
    for y, x in np.ndindex(height, width):
        x_in, y_in = x * fx + fy / 2 - 0.5, y * fy + fx / 2 - 0.5
        weight_x = [max(0.0, 1 - abs(ax * (x_in - column))) for column in range(columns)]
        weight_y = [max(0.0, 1 - abs(ay * (y_in - row))) for row in range(rows)]
        weights = np.outer(weight_y, weight_x)
        if weights.sum() > 0:
            out[y, x] = np.tensordot(weights, array.astype(float), 2) / weights.sum()
    return out


CAFFE_SIZES = [
    ((5, 7), (5, 7)),
    ((5, 7), (20, 28)),
    ((6, 10), (8, 16)),
    ((16, 12), (10, 9)),
    ((16, 12), (5, 4)),
    ((13, 4), (5, 9)),
    ((12, 3), (3, 11)),
    ((9, 9), (9, 20)),
    ((1, 1), (6, 4)),
    ((7, 9), (1, 1)),
]


def caffe_resample(array: np.ndarray, height: int, width: int) -> np.ndarray:
    return resize_picture(array, height, width, "lmb")


@pytest.mark.parametrize(("size", "target"), CAFFE_SIZES, ids=str)
def test_caffes_layer(size: tuple[int, int], target: tuple[int, int]) -> None:
    array = np.random.default_rng(4).normal(size=(*size, 3)).astype(np.float32)
    got = caffe_resample(array, *target)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, caffe_f64(array, *target), atol=2e-6)


def test_caffes_layer_leaves_equal_sizes_and_takes_batches() -> None:
    batch = np.random.default_rng(5).normal(size=(2, 6, 5, 2)).astype(np.float32)
    assert np.array_equal(caffe_resample(batch, 6, 5), batch)
    single = [caffe_resample(array, 9, 4) for array in batch]
    assert np.array_equal(caffe_resample(batch, 9, 4), np.stack(single))


def test_caffes_layer_swaps_the_offsets() -> None:
    """Twice as wide and no higher: columns begin at half a pixel of the rows' ratio, rows at a quarter above."""
    ramp = np.tile(np.arange(4, dtype=np.float32), (3, 1))[..., None]
    np.testing.assert_allclose(caffe_resample(ramp, 3, 8)[1, :7, 0], np.arange(7) / 2)
    np.testing.assert_allclose(caffe_resample(ramp.transpose(1, 0, 2), 4, 6)[1:, 0, 0], np.arange(1, 4) - 0.25)


def test_caffes_layer_gives_nothing_where_nothing_is_near() -> None:
    """Shorter on one axis and much longer on the other: the filter is narrower than a pixel there."""
    got = caffe_resample(np.ones((8, 2, 1), np.float32), 4, 12)
    assert set(np.unique(np.round(got, 5))) == {0, 1}
