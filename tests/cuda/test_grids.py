# SPDX-License-Identifier: Apache-2.0
"""The grids of the pointwise kernels: all is covered, little for nothing, the device's limits respected."""

from __future__ import annotations

from types import ModuleType

import pytest

MOST_X, MOST_YZ = 2**31 - 1, 65535


@pytest.mark.parametrize("h", [1, 7, 8, 9, MOST_YZ * 8, MOST_YZ * 8 + 1, 2**30])
@pytest.mark.parametrize("w", [1, 31, 32, 33, 2**30])
@pytest.mark.parametrize("batch", [1, 3, MOST_YZ + 1, 2**40])
def test_over_image(host: ModuleType, h: int, w: int, batch: int) -> None:
    blocks, threads = host.launch_over_image(h, w, batch)
    assert threads == (32, 8)
    assert blocks == ((w + 31) // 32, min((h + 7) // 8, MOST_YZ), min(batch, MOST_YZ))


@pytest.mark.parametrize("size", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1), (2**30 + 1, 1, 1), (1, 2**62, 1)])
def test_over_image_refuses(host: ModuleType, size: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1, no side more than"):
        host.launch_over_image(*size)


@pytest.mark.parametrize("pixels", [1, 2, 7, 8, 9, 255, 256, 257, MOST_X])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 31, 33, 128, 129, 473, 2**30])
@pytest.mark.parametrize("together", [True, False])
def test_over_channels(host: ModuleType, pixels: int, channels: int, together: bool) -> None:
    (x, y, z), (across, down) = host.launch_over_channels(pixels, channels, together)
    assert z == 1
    assert across * down == 256
    assert (x - 1) * down < pixels <= x * down
    assert x * down < 2**32  # a thread counts its pixel in 32 bits
    assert across < 2 * channels if together else across == 1
    assert (y - 1) * across * 4 < channels
    assert channels <= y * across * 4 or y == MOST_YZ
    assert y <= MOST_YZ


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-1, 1), (1, -1), (MOST_X + 1, 1)])
def test_over_channels_refuses(host: ModuleType, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="none or too many"):
        host.launch_over_channels(*size, True)


@pytest.mark.parametrize("pixels", [1, 2, 7, 8, 9, 255, 256, 257, MOST_X])
@pytest.mark.parametrize("pieces", [1, 2, 3, 4, 5, 31, 32, 33, 129, 32 * MOST_YZ])
def test_over_pieces(host: ModuleType, pixels: int, pieces: int) -> None:
    (x, y, z), (across, down) = host.launch_over_pieces(pixels, pieces)
    assert z == 1
    assert across * down == 256
    assert (x - 1) * down < pixels <= x * down
    assert (y - 1) * across < pieces <= y * across
    assert across < 2 * pieces
    assert x <= MOST_X
    assert y <= MOST_YZ


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-1, 1), (1, -1), (MOST_X + 1, 1), (1, 32 * MOST_YZ + 1)])
def test_over_pieces_refuses(host: ModuleType, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="none or too many"):
        host.launch_over_pieces(*size)
