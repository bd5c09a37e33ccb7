# SPDX-License-Identifier: Apache-2.0
"""What the compiled operators refuse, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from flownet2 import _core
from flownet2.errors import InputError
from flownet2.ops import kernels

X = np.zeros((1, 3, 64, 96), np.float32)
UNALIGNED = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(X.shape)
REFUSED = [
    (
        lambda: kernels.warp(X, X),
        "warp: flow must be (N, 2, H, W) = (1, 2, 64, 96), got (1, 3, 64, 96)",
    ),
    (
        lambda: kernels.correlation(X, X[:, :2]),
        "correlation: b must have the shape of a, (1, 3, 64, 96), got (1, 2, 64, 96)",
    ),
    (
        lambda: kernels.channel_norm(X[:, :0]),
        "channel_norm: x must be (N, C, H, W) with no empty axis, got (1, 0, 64, 96)",
    ),
    (lambda: kernels.channel_norm(X[0]), "channel_norm: x must be (N, C, H, W), got shape (3, 64, 96)"),
    (
        lambda: kernels.channel_norm(X.astype(np.float64)),
        "channel_norm: x must be float32, got float64; convert it with astype",
    ),
    (lambda: kernels.channel_norm(X.tolist()), "channel_norm: x must be a NumPy array, got list"),
    (
        lambda: kernels.channel_norm(np.ma.masked_array(X)),
        "channel_norm: x is a masked array; fill it first, for example with x.filled(0)",
    ),
    (
        lambda: kernels.correlation(X, X, max_displacement=2**31 - 1, stride=1),
        "correlation: the result would not fit into the address space",
    ),
    (
        lambda: kernels.resize(X, size=(2**31 - 1, 2**31 - 1)),
        "resize: the result would not fit into the address space",
    ),
    (
        lambda: kernels.warp(X, X, padding="reflect"),
        "padding must be one of 'border', 'zeros', 'cut', got 'reflect'",
    ),
    (lambda: kernels.correlation(X, X, stride=0), "stride must be an integer of at least 1, got 0"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_refusals(call: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == message


BARE_REFUSED = [
    (lambda: _core.channel_norm([1.0]), "channel_norm: x must be a NumPy array, got list"),
    (
        lambda: _core.channel_norm(X.astype(">f4")),
        "channel_norm: x must be float32, got >f4 of shape (1, 3, 64, 96)",
    ),
    (
        lambda: _core.channel_norm(X[0]),
        "channel_norm: x must be (N, C, H, W), got float32 of shape (3, 64, 96)",
    ),
    (lambda: _core.channel_norm(X[:, ::2]), "channel_norm: x must be C-contiguous and aligned"),
    (lambda: _core.channel_norm(UNALIGNED), "channel_norm: x must be C-contiguous and aligned"),
    (
        lambda: _core.resize(X, size=(0, 4), mode="bilinear", align_corners=False),
        "resize: size must be at least (1, 1), got (0, 4)",
    ),
    (
        lambda: _core.resize(X, size=(4, 4), mode="nearest", align_corners=True),
        "resize: align_corners has no meaning for mode 'nearest'",
    ),
    (
        lambda: _core.resize(X, size=(4, 4), mode="cubic", align_corners=True),
        "resize: mode must be 'bilinear' or 'nearest', got 'cubic'",
    ),
    (
        lambda: _core.correlation(X, X, max_displacement=-1, stride=1, reduction="sum", leaky_slope=None),
        "correlation: max_displacement must be at least 0, got -1",
    ),
    (
        lambda: _core.correlation(X, X, max_displacement=1, stride=0, reduction="sum", leaky_slope=None),
        "correlation: stride must be at least 1, got 0",
    ),
]


@pytest.mark.parametrize(("call", "message"), BARE_REFUSED)
def test_refusals_of_the_compiled_module(call: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == message
