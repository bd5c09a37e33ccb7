# SPDX-License-Identifier: Apache-2.0
"""Tensor views against an oracle that lists every element's index."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint_bytes
from flownet2.weights.cursor import Malformed
from flownet2.weights.tensors import (
    FREE_EXPANSION,
    STORAGE_KINDS,
    StorageRef,
    strided_view,
    tensor,
    view_fault,
)
from weights.builders import mapping, storage, text, zip_checkpoint
from weights.builders import tensor as built_tensor

# Sizes of a few elements, and numbers around the powers of two where products and sums would wrap.
SIZES = st.one_of(st.integers(-1, 4), st.sampled_from([2**31, 2**32, 2**48, 2**62 + 1, 2**63, 2**64]))
STRIDES = st.one_of(st.integers(-2, 9), st.sampled_from([2**31, 2**32, 2**48, 2**62, 2**63 - 1]))
OFFSETS = st.one_of(st.integers(-1, 26), st.sampled_from([2**32, 2**62, 2**64]))
LENGTH = 24


def _indices(offset: int, size: list[int], stride: list[int]) -> list[int]:
    """The storage index of every element, in C order."""
    if 0 in size:
        return []  # product() would list the other sizes first
    return [
        offset + sum(i * step for i, step in zip(index, stride, strict=True))
        for index in itertools.product(*map(range, size))
    ]


def _oracle_allows(offset: int, size: list[int], stride: list[int]) -> bool:
    if not 0 <= offset <= LENGTH or min([*size, *stride], default=0) < 0:
        return False
    if max([*size, *stride], default=0) >= 2**48 or math.prod(max(n, 1) for n in size) >= 2**48:
        return False
    if 0 in size:
        return True
    if math.prod(size) > FREE_EXPANSION:
        return False
    return all(0 <= index < LENGTH for index in _indices(offset, size, stride))


@settings(max_examples=500)
@given(OFFSETS, st.lists(st.tuples(SIZES, STRIDES), max_size=4))
def test_view_against_the_oracle(offset: int, axes: list[tuple[int, int]]) -> None:
    size, stride = [n for n, _ in axes], [step for _, step in axes]
    fault = view_fault(LENGTH, offset, tuple(size), tuple(stride))
    assert (fault == "") == _oracle_allows(offset, size, stride), fault
    ref = StorageRef(STORAGE_KINDS["IntStorage"], "0", LENGTH, 0, LENGTH)
    if fault:
        with pytest.raises(Malformed):
            tensor(ref, offset, tuple(size), tuple(stride))
        return
    values = np.arange(LENGTH, dtype="<i4")
    view = strided_view(values, tensor(ref, offset, tuple(size), tuple(stride)))
    assert view.shape == tuple(size)
    assert not view.flags.writeable
    assert view.ravel().tolist() == _indices(offset, size, stride)


@settings(max_examples=100)
@given(OFFSETS, st.lists(st.tuples(SIZES, STRIDES), max_size=3))
def test_view_of_a_file_against_the_oracle(offset: int, axes: list[tuple[int, int]]) -> None:
    size, stride = [n for n, _ in axes], [step for _, step in axes]
    body = mapping((text("w"), built_tensor(storage("0", LENGTH), size, stride, offset)))
    values = np.arange(LENGTH, dtype="<f4")
    data = zip_checkpoint(body, {"0": values.tobytes()})
    if _oracle_allows(offset, size, stride):
        got = read_checkpoint_bytes(data)["w"]
        assert got.shape == tuple(size)
        assert got.ravel().tolist() == _indices(offset, size, stride)
    else:
        with pytest.raises(CheckpointError, match="tensor"):
            read_checkpoint_bytes(data)


@pytest.mark.parametrize(("count", "fits"), [(FREE_EXPANSION, True), (FREE_EXPANSION + 1, False)])
def test_stride_zero_expands_a_little_only(count: int, fits: bool) -> None:
    assert (view_fault(1, 0, (count,), (0,)) == "") == fits


def test_sixteen_dimensions_at_most() -> None:
    assert view_fault(1, 0, (1,) * 16, (1,) * 16) == ""
    assert "17 dimensions" in view_fault(1, 0, (1,) * 17, (1,) * 17)
