# SPDX-License-Identifier: Apache-2.0
"""The grids that launches ask for: every pixel once, no block for nothing, limits respected."""

from __future__ import annotations

from collections import Counter
from types import ModuleType

import pytest

SIZES = [1, 2, 3, 15, 16, 31, 32, 33, 63, 64, 65, 66, 127, 128]
TILES = {"simt": (32, 4, 7), "mma": (16, 4, 3)}  # columns and rows of one parity, blocks per place


def grid(host: ModuleType, kernel: str, n: int, h: int, w: int) -> tuple[int, int, int]:
    facts = host.correlation_launch(kernel, n, h, w, 256)
    assert facts["fits"]
    return facts["grid"]


def covered(blocks: int, tile: int, size: int) -> Counter[int]:
    """How many blocks own each position of an axis: block b has positions 2 * (b // 2 * tile + i) + b % 2."""
    positions = (2 * (block // 2 * tile + i) + block % 2 for block in range(blocks) for i in range(tile))
    return Counter(position for position in positions if position < size)


@pytest.mark.parametrize("kernel", TILES)
@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_once(host: ModuleType, kernel: str, size: int) -> None:
    columns, rows, splits = TILES[kernel]
    x, _, z = grid(host, kernel, 3, 5, size)
    assert covered(x, columns, size) == Counter(range(size))
    _, y, _ = grid(host, kernel, 3, size, 5)
    assert covered(y, rows, size) == Counter(range(size))
    assert z == 3 * splits


@pytest.mark.parametrize("kernel", TILES)
@pytest.mark.parametrize("size", SIZES)
def test_no_tile_is_empty(host: ModuleType, kernel: str, size: int) -> None:
    columns, rows, _ = TILES[kernel]
    x, _, _ = grid(host, kernel, 1, 5, size)
    assert (x // 2 - 1) * columns * 2 < size
    _, y, _ = grid(host, kernel, 1, size, 5)
    assert (y // 2 - 1) * rows * 2 < size


def test_shared_memory_fits_every_architecture(host: ModuleType) -> None:
    for kernel, channels in (("simt", 256), ("mma", 256), ("mma", 96)):
        facts = host.correlation_launch(kernel, 1, 56, 128, channels)
        assert 0 < facts["shared"] <= 99 * 1024
        assert facts["threads"] % 32 == 0
        assert facts["threads"] <= 1024


def test_plain_has_a_thread_for_each_output_up_to_a_limit(host: ModuleType) -> None:
    assert host.correlation_launch("plain", 1, 1, 1, 1)["grid"] == (1, 1, 1)
    assert host.correlation_launch("plain", 1, 1, 256, 1)["grid"] == (1, 1, 1)
    assert host.correlation_launch("plain", 1, 1, 257, 1)["grid"] == (2, 1, 1)
    assert host.correlation_launch("plain", 64, 2048, 2048, 441)["grid"] == (1 << 20, 1, 1)


def test_batches_beyond_the_grid_do_not_fit(host: ModuleType) -> None:
    assert host.correlation_launch("simt", 65535 // 7, 8, 8, 16)["fits"]
    assert not host.correlation_launch("simt", 65535 // 7 + 1, 8, 8, 16)["fits"]
    assert not host.correlation_launch("mma", 1, 8 * 65536, 8, 256)["fits"]


def test_unknown_kernel(host: ModuleType) -> None:
    with pytest.raises(ValueError, match="expected 'plain', 'simt' or 'mma', got 'cudnn'"):
        host.correlation_launch("cudnn", 1, 1, 1, 1)
