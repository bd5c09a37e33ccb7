# SPDX-License-Identifier: Apache-2.0
"""What may be passed as a picture, and what the message says of what may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import foreign_arrays
from flownet2.errors import InputError
from flownet2.pictures import as_pictures

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


class ArrayLike:
    """Like a tensor: only __array__."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return RGB


class DlpackOnly:
    """Only __dlpack__."""

    def __dlpack__(self, **options: object) -> object:
        return RGB.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return RGB.__dlpack_device__()


class NoArray:
    """As a tensor that needs a gradient, or lies on a GPU."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise RuntimeError("can't call numpy() on a tensor that requires grad")


class OnGpu:
    """Like a tensor on a GPU: only __cuda_array_interface__, and no way to NumPy."""

    __cuda_array_interface__ = RGB.__array_interface__
    __array__ = NoArray.__array__


class NeedsGradient:
    """As torch has it."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad.")


@pytest.mark.parametrize("value", [RGB, RGB.tolist(), ArrayLike(), DlpackOnly(), RGB[::-1].copy()[::-1]])
def test_array_likes(value: object) -> None:
    if isinstance(value, list):
        value = np.asarray(value, np.uint8)
    pictures, batched = as_pictures("image1", value)
    assert np.array_equal(pictures, RGB[None])
    assert not batched


def test_grey_is_repeated() -> None:
    for grey in (RGB[..., 0], RGB[..., :1]):
        pictures, batched = as_pictures("image1", grey)
        assert np.array_equal(pictures[0], np.repeat(RGB[..., :1], 3, -1))
        assert not batched
    assert as_pictures("image1", RGB[None, ..., :1])[0].shape == (1, 5, 7, 3)


def test_number_ranges() -> None:
    unit = RGB / 255
    for value in (unit, unit.astype(np.float16), (RGB.astype(np.uint16) * 257)):
        pictures, _ = as_pictures("image1", value)
        assert pictures.dtype == np.float32
        np.testing.assert_allclose(pictures[0], unit, atol=5e-4)


def test_overshoot_of_float_pictures_is_fine() -> None:
    as_pictures("image1", np.float32([[[-0.2, 1.3, 0.5]]]))


def test_arrays_of_a_gpu_stay_there() -> None:
    for value in (foreign_arrays.asarray(RGB), OnGpu()):
        pictures, batched = as_pictures("image1", value, foreign_arrays)
        assert type(pictures) is foreign_arrays.ndarray
        assert np.array_equal(pictures.get(), RGB[None])
        assert not batched
    shared, _ = as_pictures("image1", OnGpu(), foreign_arrays)
    assert shared.__cuda_array_interface__["data"] == RGB.__array_interface__["data"]


def test_arrays_of_the_cpu_stay_there_too() -> None:
    pictures, _ = as_pictures("image1", RGB, foreign_arrays)
    assert type(pictures) is np.ndarray


@pytest.mark.parametrize(
    ("value", "device", "text"),
    [
        (
            foreign_arrays.asarray(RGB),
            None,
            "image1 is on the GPU (foreign_arrays.ndarray); "
            'load the model with device="cuda", or copy it to the CPU: .get()',
        ),
        (OnGpu(), None, 'test_pictures.OnGpu); load the model with device="cuda", or copy it to the CPU: .cpu()'),
        (NeedsGradient(), None, ".detach() it first"),
        (NeedsGradient(), foreign_arrays, ".detach() it first"),
    ],
)
def test_gpu_arrays_refused(value: object, device: Any, text: str) -> None:
    with pytest.raises(InputError) as error:
        as_pictures("image1", value, device)
    assert text in str(error.value)


def test_an_interface_that_says_nonsense() -> None:
    class Nonsense(OnGpu):
        __cuda_array_interface__ = RGB.__array_interface__ | {"typestr": "<q9"}

    with pytest.raises(InputError, match="image1: this Nonsense gives no array on the GPU"):
        as_pictures("image1", Nonsense(), foreign_arrays)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a.png", "read it with flownet2.io.read_image"),
        (None, "must be"),
        (NoArray(), ".detach().cpu().numpy()"),
        (RGB[0, 0], "must be (H, W, 3) or (H, W), or a batch (N, H, W, 3), got shape (3,)"),
        (RGB[:0], "image1 is empty, shape (0, 7, 3)"),
        (np.moveaxis(RGB, -1, 0), "np.moveaxis(picture, -3, -1)"),
        (np.moveaxis(RGB, -1, 0)[None], "np.moveaxis(picture, -3, -1)"),
        (np.zeros((5, 7, 4), np.uint8), "drop the alpha channel: picture[..., :3]"),
        (np.zeros((2, 5, 7), np.uint8), "a batch of grey pictures needs a last axis of 1"),
        (np.zeros((2, 5, 7, 2), np.uint8), "there must be three channels"),
        (RGB.astype(np.int64), "got int64"),
        (RGB.astype(bool), "got bool"),
        (RGB.astype(complex), "got complex128"),
        (RGB.astype(object), "got object"),
        (RGB.astype(np.float32), "divide by 255"),
        (RGB / 127.5 - 1, "from -1..1: (x + 1) / 2"),
        (np.full((2, 2, 3), np.nan), "NaN or infinite"),
        (np.full((2, 2, 3), np.inf), "NaN or infinite"),
    ],
)
def test_refused(value: object, text: str) -> None:
    with pytest.raises(InputError) as error:
        as_pictures("image1", value)
    assert text in str(error.value)
    assert "image1" in str(error.value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        with pytest.raises(InputError) as elsewhere:
            as_pictures("image1", foreign_arrays.asarray(value), foreign_arrays)
        assert str(elsewhere.value) == str(error.value)
