# SPDX-License-Identifier: Apache-2.0
"""Storages and tensors of torch checkpoints: what a file claims is checked, then viewed in the file's bytes.

All arithmetic on a file's numbers is done in Python's exact integers, so no product or sum can wrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flownet2.bfloat16 import bfloat16_to_float32
from flownet2.types import Array
from flownet2.weights.cursor import Malformed, show

MAX_RANK = 16
MAX_SIZE = 1 << 48
"""Largest size, stride or product of sizes that a tensor may claim."""
FREE_EXPANSION = 1 << 20
"""Elements that a view may have, however few its storage holds; above, at most four for each stored one."""


@dataclass(frozen=True)
class StorageKind:
    """A torch storage class: its name, and the little-endian NumPy dtype of its bytes in the file."""

    name: str
    dtype: str
    bfloat16: bool = False

    @property
    def itemsize(self) -> int:
        """Bytes per element in the file."""
        return int(self.dtype[-1])


STORAGE_KINDS = {
    kind.name: kind
    for kind in (
        StorageKind("DoubleStorage", "<f8"),
        StorageKind("FloatStorage", "<f4"),
        StorageKind("HalfStorage", "<f2"),
        StorageKind("BFloat16Storage", "<u2", bfloat16=True),
        StorageKind("LongStorage", "<i8"),
        StorageKind("IntStorage", "<i4"),
        StorageKind("ShortStorage", "<i2"),
        StorageKind("CharStorage", "|i1"),
        StorageKind("ByteStorage", "|u1"),
        StorageKind("BoolStorage", "|b1"),
    )
}


@dataclass(frozen=True)
class StorageRef:
    """A storage that the pickle names: ``length`` elements from ``start`` of the record ``key``."""

    kind: StorageKind
    key: str
    numel: int
    start: int
    length: int


@dataclass(frozen=True)
class TensorRef:
    """A checked tensor: a strided view on a storage that is read later. ``offset`` counts from the record."""

    storage: StorageRef
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class StorageTable:
    """The storages that one pickle names, each key with one class and one length."""

    def __init__(self, check_size: Callable[[str, int], None]) -> None:
        """``check_size(key, bytes)`` raises :class:`Malformed` when the file cannot hold such a storage."""
        self._check_size = check_size
        self._known: dict[str, tuple[StorageKind, int]] = {}

    def items(self) -> list[tuple[str, StorageKind, int]]:
        """Return key, class and number of elements of every storage, in the order of first use."""
        return [(key, kind, numel) for key, (kind, numel) in self._known.items()]

    def add(self, kind: StorageKind, key: str, numel: int) -> StorageRef:
        """Register a use of a storage and return it; refuse one that contradicts an earlier use."""
        known = self._known.get(key)
        if known is None:
            self._check_size(key, numel * kind.itemsize)
            self._known[key] = (kind, numel)
        elif known != (kind, numel):
            raise Malformed(
                f"storage {show(key)} is named as {known[0].name} of {known[1]} elements"
                f" and as {kind.name} of {show(numel)}"
            )
        return StorageRef(kind, key, numel, 0, numel)


def tensor(storage: StorageRef, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> TensorRef:
    """Check a view of exact integers against its storage and return it."""
    reason = view_fault(storage.length, offset, size, stride)
    if reason:
        raise Malformed(f"a tensor on storage {show(storage.key)} {reason}")
    return TensorRef(storage, storage.start + offset, size, stride)


def view_fault(length: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> str:
    """Say why a view does not fit a storage of ``length`` elements; an empty text when it does."""
    fault = _geometry_fault(size, stride)
    if fault:
        return fault
    if not 0 <= offset <= length:
        return f"begins at element {show(offset)} of {length}"
    if 0 in size:
        return ""
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= length:
        return f"reaches element {last}, but the storage has {length}"
    product = math.prod(size)
    if product > max(4 * length, FREE_EXPANSION):
        return f"shows {product} elements of a storage of {length}"
    return ""


def _geometry_fault(size: tuple[int, ...], stride: tuple[int, ...]) -> str:
    if len(size) != len(stride):
        return f"has {len(size)} sizes but {len(stride)} strides"
    if len(size) > MAX_RANK:
        return f"has {len(size)} dimensions, more than {MAX_RANK}"
    wrong = [number for number in size + stride if not 0 <= number < MAX_SIZE]
    if wrong:
        return f"has a size or stride of {show(wrong[0])}, outside 0..{MAX_SIZE - 1}"
    if math.prod(max(n, 1) for n in size) >= MAX_SIZE:
        return f"has the sizes {show(size)}, whose product is too large"
    return ""


def decode_storage(raw: npt.NDArray[np.uint8], kind: StorageKind, where: str, *, big_endian: bool = False) -> Array:
    """Return the elements of a storage's bytes: an aligned view where possible, else one copy.

    bfloat16 becomes float32 of the same values. ``raw`` has a whole number of elements; ``where`` goes into
    errors.
    """
    dtype = np.dtype(kind.dtype)
    if big_endian:
        values: Array = raw.view(dtype.newbyteorder(">")).astype(dtype)
    else:
        values = raw.view(dtype)
    if not values.flags.aligned:
        values = values.copy()
    if kind.dtype == "|b1":
        check_booleans(raw, where)
    return bfloat16_to_float32(values) if kind.bfloat16 else values


def check_booleans(raw: npt.NDArray[np.uint8], where: str = "") -> None:
    """Refuse truth values stored as something other than 0 or 1, which NumPy does not expect."""
    if raw.size and int(raw.max()) > 1:
        raise Malformed(f"truth values are stored as 0 or 1, found {int(raw.max())}", where)


def strided_view(values: Array, ref: TensorRef) -> Array:
    """Return the read-only array of a checked tensor on the elements of its storage."""
    if 0 in ref.size:
        view: Array = np.empty(ref.size, values.dtype)
    else:
        step = values.dtype.itemsize
        strides = tuple(n * step for n in ref.stride)
        # The constructor checks the bounds once more, on its own.
        view = np.ndarray(ref.size, values.dtype, values, ref.offset * step, strides)
    view.flags.writeable = False
    return view
