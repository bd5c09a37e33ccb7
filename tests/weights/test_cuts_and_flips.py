# SPDX-License-Identifier: Apache-2.0
"""Damage to good files: what is cut off never loads, what has a flipped bit never loads as other values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint_bytes
from weights.samples import FOLDER, GOOD, same_tree

SMALL = [entry["file"] for entry in GOOD if entry["bytes"] < 8192]


def _loads(data: bytes, name: str) -> dict[Any, Any] | None:
    """The content, or None for a file that is refused as it should be."""
    try:
        return read_checkpoint_bytes(data, name)
    except CheckpointError:
        return None


def _check_cuts(name: str, lengths: Iterable[int]) -> None:
    data = (FOLDER / name).read_bytes()
    assert _loads(data, name) is not None
    loaded = [length for length in lengths if _loads(data[:length], name) is not None]
    assert loaded == []


@pytest.mark.parametrize("name", SMALL)
def test_some_cuts(name: str) -> None:
    size = (FOLDER / name).stat().st_size
    _check_cuts(name, {*range(0, size, 41), *range(max(size - 40, 0), size)})


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_every_cut(name: str) -> None:
    _check_cuts(name, range((FOLDER / name).stat().st_size))


def _check_flips(name: str, step: int) -> tuple[int, int]:
    """Flip every `step`-th bit; return how many files were refused and how many were equal."""
    data = bytearray((FOLDER / name).read_bytes())
    original = read_checkpoint_bytes(data, name)
    refused = equal = 0
    for bit in range(0, 8 * len(data), step):
        data[bit >> 3] ^= 1 << (bit & 7)
        content = _loads(bytes(data), name)
        data[bit >> 3] ^= 1 << (bit & 7)
        if content is None:
            refused += 1
        else:
            assert same_tree(content, original), f"bit {bit} changes the content unseen"
            equal += 1
    return refused, equal


def test_some_flipped_bits() -> None:
    refused, _ = _check_flips("zip_fp32.pth", 31)
    assert refused > 1000


@pytest.mark.slow
def test_every_flipped_bit() -> None:
    size = (FOLDER / "zip_fp32.pth").stat().st_size
    refused, equal = _check_flips("zip_fp32.pth", 1)
    assert refused + equal == 8 * size
    assert refused > 40_000


def test_flips_outside_checksums_are_equal_or_refused_structurally() -> None:
    """A file without checksums still never fails in another way than CheckpointError."""
    data = bytearray((FOLDER / "zip_nocrc.pth").read_bytes())
    outcomes = set()
    for bit in range(0, 8 * len(data), 173):
        data[bit >> 3] ^= 1 << (bit & 7)
        outcomes.add(_loads(bytes(data), "zip_nocrc.pth") is None)
        data[bit >> 3] ^= 1 << (bit & 7)
    assert outcomes == {True, False}
