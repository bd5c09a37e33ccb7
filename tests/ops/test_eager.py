# SPDX-License-Identifier: Apache-2.0
"""flownet2.ops as a user calls it: by keyword, with plain numbers for pairs, and with mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from flownet2 import ops
from flownet2.errors import InputError

X = np.random.default_rng(0).normal(size=(1, 4, 6, 8)).astype(np.float32)


def test_hand_computed_values() -> None:
    one = np.ones((1, 1, 2, 2), np.float32)
    assert ops.conv2d(one, np.full((1, 1, 3, 3), 2, np.float32), padding=1)[0, 0].tolist() == [[8, 8], [8, 8]]
    assert ops.conv_transpose2d(one, np.ones((1, 1, 4, 4), np.float32), stride=2, padding=1)[0, 0, 1].tolist() == [
        2,
        4,
        4,
        2,
    ]
    assert ops.channel_norm(np.array([3, 4], np.float32).reshape(1, 2, 1, 1)).item() == 5
    assert ops.leaky_relu(np.float32([[[[-2, 3]]]])).tolist() == [[[[np.float32(-0.2), 3]]]]
    assert ops.resize(np.float32([[[[0, 4]]]]), scale=(1, 2)).tolist() == [[[[0, 1, 3, 4]]]]
    assert ops.resize(np.float32([[[[0, 3]]]]), size=(1, 4), align_corners=True).tolist() == [[[[0, 1, 2, 3]]]]
    assert ops.resize(np.float32([[[[0, 3]]]]), scale=(1, 2), mode="nearest").tolist() == [[[[0, 0, 3, 3]]]]
    assert ops.elementwise(one, kind="scale", factor=3).tolist() == (one * 3).tolist()
    assert ops.concat(one, one * 2).shape == (1, 2, 2, 2)
    shifted = ops.warp(np.float32([[[[1, 2, 3]]]]), np.float32([[[[1, 1, 1]], [[0, 0, 0]]]]), padding="zeros")
    assert shifted.tolist() == [[[[2, 3, 0]]]]


def test_correlation_finds_a_shift() -> None:
    """Channel iy * D + ix of the strongest answer is the displacement of b against a."""
    a = np.random.default_rng(1).normal(size=(1, 64, 12, 12)).astype(np.float32)
    b = np.roll(a, (2, -4), (2, 3))
    volume = ops.correlation(a, b, max_displacement=4, stride=2)[0, :, 6, 6]
    assert divmod(int(volume.argmax()), 5) == (2 // 2 + 2, -4 // 2 + 2)


def test_float64_stays_float64() -> None:
    assert ops.channel_norm(X.astype(np.float64)).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: ops.channel_norm(X[0]),
            "channel_norm: x must be (N, C, H, W) with no empty axis, got shape (4, 6, 8)",
        ),
        (lambda: ops.channel_norm(X[:, :0]), "no empty axis"),
        (lambda: ops.channel_norm(X.astype(np.int32)), "use .astype(np.float32)"),
        (lambda: ops.warp(X, X), "warp: flow must be (N, 2, H, W) = (1, 2, 6, 8), got (1, 4, 6, 8)"),
        (
            lambda: ops.warp(X, X[:, :2], padding="wrap"),
            "padding must be one of 'border', 'zeros', 'cut', got 'wrap'",
        ),
        (lambda: ops.correlation(X, X[..., :5]), "correlation: b must have the shape of a"),
        (lambda: ops.correlation(X, X, stride=0), "stride must be an integer of at least 1, got 0"),
        (lambda: ops.correlation(X, X, reduction="max"), "reduction must be one of 'sum', 'mean'"),
        (
            lambda: ops.conv2d(X, np.ones((2, 3, 3, 3), np.float32)),
            "the input has 4 channels, weight.shape[1] says 3",
        ),
        (lambda: ops.conv2d(X, np.ones((2, 4, 9, 9), np.float32)), "kernel does not fit into the input"),
        (lambda: ops.conv2d(X, np.ones((2, 4, 3, 3))), "got x float32, weight float64"),
        (lambda: ops.conv2d(X, X[0], stride=1), "weight must be (Co, Ci, Kh, Kw)"),
        (
            lambda: ops.conv2d(X, np.ones((2, 4, 3, 3), np.float32), np.ones(3, np.float32)),
            "bias must be (2,)",
        ),
        (lambda: ops.conv_transpose2d(X, np.ones((4, 2, 2, 2), np.float32), padding=9), "leaves nothing"),
        (lambda: ops.resize(X), "give either scale or size"),
        (lambda: ops.resize(X, size=(0, 3)), "size must be an integer of at least 1"),
        (lambda: ops.resize(X, scale=2, mode="nearest", align_corners=True), "align_corners has no meaning"),
        (ops.concat, "give at least one array"),
        (lambda: ops.concat(X, X[:, :, 1:]), "concat: all inputs must share N, H, W"),
        (lambda: ops.elementwise(X, kind="add"), 'kind "add" takes 2 input(s), got 1'),
        (lambda: ops.elementwise(X, X[:, 1:], kind="add"), "both inputs must have one shape"),
        (lambda: ops.elementwise(X, X, kind="mul", factor=2), "factor belongs to"),
        (lambda: ops.leaky_relu(X, slope=float("nan")), "slope must be a finite number"),
    ],
)
def test_mistakes_are_named(call: object, text: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert text in str(error.value)
