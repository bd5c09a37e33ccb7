# SPDX-License-Identifier: Apache-2.0
"""Pictures on their way into the first convolutions: bit for bit what the CPU's preprocessing makes of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_host import OnDevice
from cuda_numbers import DTYPES, FILL, NUMBERS, stored
from flownet2.preprocess import Preprocess
from flownet2.types import Array

MEAN = (0.45, 0.432, 0.411)


def pictures(shape: tuple[int, ...], kind: type) -> tuple[Array, Array]:
    rng = np.random.default_rng(shape)
    if kind is np.uint8:
        return tuple(rng.integers(0, 256, (2, *shape, 3), np.uint8))
    return tuple(rng.random((2, *shape, 3), np.float32))


def expected_of(pair: tuple[Array, Array], number: str, mean: tuple[float, ...], order: str) -> Array:
    out = np.zeros((*pair[0].shape[:3], 8), np.float32)
    for first, picture in zip((0, 4), pair, strict=True):
        out[..., first : first + 3] = Preprocess(order, mean).tensor(picture, "rgb").transpose(0, 2, 3, 1)
    return stored(out, number)


def packed(host: ModuleType, pair: Any, number: str, mean: tuple[float, ...], order: str = "bgr") -> Array:
    out = np.full((*pair[0].shape[:3], 8), FILL, DTYPES[number])
    arrays = (*map(OnDevice, pair), OnDevice(out))
    host.pack(*arrays, reversed=order == "bgr", mean=mean, launch_stream=1)
    return out


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 9, 35), (1, 8, 64)], ids=str)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("mean", "order"), [((0.0, 0.0, 0.0), "bgr"), (MEAN, "rgb"), (MEAN, "bgr")])
def test_equals_the_cpu(
    host: ModuleType,
    schedule: int,
    number: str,
    kind: type,
    shape: tuple[int, ...],
    mean: tuple[float, ...],
    order: str,
) -> None:
    pair = pictures(shape, kind)
    assert np.array_equal(packed(host, pair, number, mean, order), expected_of(pair, number, mean, order))


def test_all_bytes(host: ModuleType) -> None:
    """x / 255 rounded once."""
    ramp = np.arange(256, dtype=np.uint8)[None, None, :, None].repeat(3, axis=3)
    got = packed(host, (ramp, ramp), "float32", (0.0,) * 3)
    assert np.array_equal(got[0, 0, :, 0], (np.arange(256) / 255).astype(np.float32))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_any_strides(host: ModuleType, kind: type) -> None:
    """NCHW, a crop, upside down, and every second column: nothing is copied before."""
    pair = pictures((2, 9, 35), kind)
    planar = [np.ascontiguousarray(p.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1) for p in pair]
    for views in (planar, [p[:, 1:8, 3:30] for p in pair], [p[:, ::-1] for p in pair], [p[:, :, ::2] for p in pair]):
        assert np.array_equal(packed(host, views, "float32", MEAN), expected_of(views, "float32", MEAN, "bgr"))


def test_refused(host: ModuleType) -> None:
    a, b = pictures((1, 4, 5), np.uint8)
    with pytest.raises(TypeError, match="second: expected the dtype of first"):
        packed(host, (a, b.astype(np.float32)), "float32", MEAN)
    with pytest.raises(ValueError, match="second: expected the strides of first"):
        packed(host, (a, b[:, ::-1]), "float32", MEAN)
    with pytest.raises(ValueError, match="expected 3 channels"):
        packed(host, (a[..., :2], b[..., :2]), "float32", MEAN)
    with pytest.raises(ValueError, match=r"second: expected shape \(1, 4, 5, 3\)"):
        packed(host, (a, b[:, :3]), "float32", MEAN)
    memory = np.zeros((1, 4, 5, 9), np.float32)
    with pytest.raises(ValueError, match="out: expected C order"):
        host.pack(OnDevice(a), OnDevice(b), OnDevice(memory[..., :8]), reversed=False, mean=MEAN, launch_stream=1)
    shifted = np.zeros(1 * 4 * 5 * 8 + 1, np.float32)[1:].reshape(1, 4, 5, 8)
    with pytest.raises(ValueError, match="out must be aligned to 16 bytes"):
        host.pack(OnDevice(a), OnDevice(b), OnDevice(shifted), reversed=False, mean=MEAN, launch_stream=1)
