# SPDX-License-Identifier: Apache-2.0
"""Means that are computed from the pictures, the model's own size rule, and PyTorch's resize of floats."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cases.networks import PARITY
from flownet2.errors import GraphError
from flownet2.preprocess import Preprocess
from flownet2.resampling import resize_flow, resize_picture
from flownet2.types import Array

NVIDIA = Preprocess("rgb", mean_rule="pair", size_rule="crop")
PTLFLOW = Preprocess("rgb", mean_rule="picture", resampling="corners")
RNG = np.random.default_rng(11)


def pair(height: int, width: int, dtype: str = "uint8", count: int = 2) -> tuple[Array, Array]:
    shape = (count, height, width, 3)
    if dtype == "float32":
        return RNG.random(shape, np.float32), RNG.random(shape, np.float32) ** 2
    return RNG.integers(0, 256, shape, np.uint8), RNG.integers(0, 99, shape, np.uint8)


def unit(picture: Array) -> Array:
    """0..1 in float64."""
    return picture / 255 if picture.dtype == np.uint8 else picture.astype(np.float64)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mean_of_the_pair(dtype: str) -> None:
    """NVIDIA: cut out the centre, then the mean of each channel and sample over both pictures."""
    first, second = pair(70, 140, dtype)
    fit = NVIDIA.fit(None, 70, 140, 64)
    cut = [unit(picture[:, 3:67, 6:134, ::-1]).transpose(0, 3, 1, 2) for picture in (first, second)]
    mean = np.stack(cut).mean(axis=(0, 3, 4))[..., None, None]
    for got, expected in zip(NVIDIA.inputs(first, second, "bgr", fit), cut, strict=True):
        np.testing.assert_allclose(got, expected - mean, atol=2e-7)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mean_of_each_picture(dtype: str) -> None:
    first, second = pair(64, 64, dtype)
    fit = PTLFLOW.fit(None, 64, 64, 64)
    for got, picture in zip(PTLFLOW.inputs(first, second, "rgb", fit), (first, second), strict=True):
        expected = unit(picture).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(got, expected - expected.mean(axis=(2, 3), keepdims=True), atol=2e-7)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("record", [NVIDIA, PTLFLOW])
def test_a_batch_gives_the_bits_of_single_pairs(record: Preprocess, dtype: str) -> None:
    first, second = pair(75, 90, dtype, 3)
    fit = record.fit(None, 75, 90, 64)
    together = record.inputs(first, second, "rgb", fit)
    for index in range(3):
        alone = record.inputs(first[index : index + 1], second[index : index + 1], "rgb", fit)
        for batch, single in zip(together, alone, strict=True):
            assert np.array_equal(batch[index : index + 1], single)


def test_floats_are_resized_after_the_mean() -> None:
    first, second = pair(50, 100)
    fit = PTLFLOW.fit(None, 50, 100, 64)
    got = PTLFLOW.inputs(first, second, "rgb", fit)[0]
    less = unit(first).transpose(0, 3, 1, 2)
    less = (less - less.mean(axis=(2, 3), keepdims=True)).astype(np.float32)
    assert got.shape == (2, 3, 64, 128)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        np.testing.assert_allclose(got[:, :, corner[0], corner[1]], less[:, :, corner[0], corner[1]], atol=1e-6)
    assert abs(got.mean()) > 1e-5  # the mean of the resized picture is another one


@pytest.mark.parametrize("case", [52, 56, 60])
def test_resizing_of_floats_is_pytorchs(case: int) -> None:
    """Against outputs of torch.nn.functional.interpolate with align_corners=True."""
    with np.load(PARITY / "operators.npz") as arrays:
        rule = next(c for c in json.loads(bytes(arrays["cases"]).decode()) if c["id"] == case)
        x, expected = arrays[f"{case}:x"], arrays[f"{case}:out"]
    assert rule["align_corners"] is True
    got = resize_picture(x.transpose(0, 2, 3, 1), *expected.shape[2:], "corners")
    np.testing.assert_allclose(got, expected.transpose(0, 2, 3, 1), atol=1e-6)


@pytest.mark.parametrize(("size", "target"), [((1, 1), (64, 64)), ((5, 1), (1, 7)), ((9, 13), (9, 64))])
def test_thin_pictures(size: tuple[int, int], target: tuple[int, int]) -> None:
    picture = RNG.random((*size, 2), np.float32)
    resized = resize_picture(picture, *target, "corners")
    assert resized.shape == (*target, 2)
    np.testing.assert_array_equal(resized[0, 0], picture[0, 0])
    scaled = resize_flow(picture, *target, "corners")
    factors = np.array([target[1] / size[1], target[0] / size[0]])
    np.testing.assert_allclose(scaled, resized * factors, rtol=1e-6)


def lmb_resample(picture: Array, height: int, width: int) -> Array:
    """Caffe's Resample layer, LINEAR with antialias, pixel by pixel as its kernel is written."""
    rows, columns, channels = picture.shape
    fy, fx = rows / height, columns / width
    ry, rx = max(fy, 1), max(fx, 1)
    out = np.zeros((height, width, channels))
    for y, x in np.ndindex(height, width):
        y_in, x_in = y * fy + fx / 2 - 0.5, x * fx + fy / 2 - 0.5
        wy = np.maximum(1 - np.abs(np.arange(rows) - y_in) / ry, 0)
        wx = np.maximum(1 - np.abs(np.arange(columns) - x_in) / rx, 0)
        weights = np.outer(wy, wx)
        total = weights.sum()
        if total > 0:
            out[y, x] = np.tensordot(weights, picture.astype(np.float64), axes=2) / total
    return out


@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((15, 21), (19, 26)),
        ((19, 26), (15, 21)),
        ((8, 16), (9, 16)),
        ((16, 16), (5, 13)),
        ((2, 2), (11, 3)),
        ((1, 1), (4, 4)),
    ],
)
def test_resample_of_caffe(size: tuple[int, int], target: tuple[int, int]) -> None:
    picture = RNG.random((*size, 2), np.float32)
    expected = lmb_resample(picture, *target)
    np.testing.assert_allclose(resize_picture(picture, *target, "lmb"), expected, atol=2e-6)
    pixels = (size[0] * 4, size[1] * 4)
    flow = resize_flow(picture, *target, "lmb", pixels_of=pixels)
    np.testing.assert_allclose(flow, expected * [target[1] / pixels[1], target[0] / pixels[0]], atol=2e-6)


def test_each_picture_has_its_mean() -> None:
    """Caffe stores one for either."""
    record = Preprocess("bgr", (0.5, 0.25, 0.125), second_mean=(0.0, 0.0, 1.0))
    black = np.zeros((1, 64, 64, 3), np.uint8)
    fit = record.fit(None, 64, 64, 64)
    first, second = record.inputs(black, black, "rgb", fit)
    assert first[0, :, 0, 0].tolist() == [-0.5, -0.25, -0.125]
    assert second[0, :, 0, 0].tolist() == [0.0, 0.0, -1.0]
    assert not record.is_plain(fit)


def test_the_centre_of_odd_pictures() -> None:
    """As NVIDIA's CenterCrop: a line that is too many is left at the end."""
    rows, columns = np.mgrid[:67, :131].astype(np.uint8)
    picture = np.stack([rows, columns, columns], axis=-1)[None]
    cut = NVIDIA.fit(None, 67, 131, 64).forward(picture)
    assert cut.shape == (1, 64, 128, 3)
    assert cut[0, 0, 0].tolist() == [1, 1, 1]


def test_what_is_plain() -> None:
    plain, floats = Preprocess("bgr", (0.5, 0.25, 0.125)), Preprocess(resampling="corners")
    assert plain.is_plain(plain.fit(None, 50, 50, 64))
    assert floats.is_plain(floats.fit(None, 64, 64, 64))
    assert not floats.is_plain(floats.fit(None, 50, 50, 64))


def test_flow_of_the_right_size_in_other_pixels() -> None:
    flow = np.full((8, 16, 2), (6.0, 4.0), np.float32)
    for rule in ("opencv", "corners", "lmb"):
        half = resize_flow(flow, 8, 16, rule, pixels_of=(32, 32))
        np.testing.assert_allclose(half, np.full((8, 16, 2), (3.0, 1.0)), rtol=1e-6)


def test_flow_comes_back_from_the_value_that_the_record_names() -> None:
    record = Preprocess(resampling="lmb", flow_value="flow_quarter")
    assert record.fit("resize", 50, 50, 64).output == "flow_quarter"
    for rule, size in (("pad", 50), ("resize", 64)):
        assert record.fit(rule, size, size, 64).output == "flow"
    flow = np.ones((1, 16, 16, 2), np.float32)
    np.testing.assert_allclose(record.fit(None, 32, 16, 64).backward(flow)[0, 3, 3], [16 / 64, 32 / 64])


def test_text_leaves_out_what_older_readers_do_not_know() -> None:
    assert json.loads(Preprocess().to_json()).keys() == {"channel_order", "mean"}
    caffe = Preprocess("bgr", (0.5, 0.25, 0.0), size_rule="pad", resampling="lmb", second_mean=(0.5, 0.0, 0.0))
    for record in (NVIDIA, PTLFLOW, caffe, Preprocess(flow_value="flow_quarter")):
        assert Preprocess.from_json(record.to_json()) == record
    assert json.loads(NVIDIA.to_json()).keys() == {"channel_order", "mean", "mean_rule", "size_rule"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mean_rule": "both"}, "mean_rule must be one of 'given', 'pair', 'picture', got 'both'; a newer flownet2"),
        ({"size_rule": "model"}, "size_rule must be one of"),
        ({"resampling": ["corners"]}, "resampling must be one of"),
        ({"mean_rule": "pair", "mean": [0, 0, 0.5]}, "leaves no place for a mean"),
        ({"second_mean": [0, 0]}, "second_mean must be three numbers"),
        ({"mean_rule": "pair", "second_mean": [0, 0, 0]}, "leaves no place for a mean"),
        ({"flow_value": 3}, "flow_value must be the name of a value"),
        ({"std": 1}, "must have the fields channel_order, mean, and may have mean_rule, size_rule, resampling"),
    ],
)
def test_unknown_rules_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Preprocess.from_json(json.dumps({"channel_order": "rgb", "mean": [0, 0, 0], **fields}))
