# SPDX-License-Identifier: Apache-2.0
"""The header of a safetensors file: which tensors it has and where, checked against the file's size.

A file is a 64-bit length, that many bytes of JSON (a name -> {dtype, shape, data_offsets} object, and texts
under ``__metadata__``), then the tensors' little-endian bytes without holes. Source of the format: the
README of the safetensors project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.bfloat16 import bfloat16_to_float32
from flownet2.types import Array
from flownet2.weights.cursor import Cursor, Malformed, show
from flownet2.weights.json_header import HeaderText
from flownet2.weights.tensors import MAX_RANK, MAX_SIZE, check_booleans

LENGTH_BYTES = 8
MAX_HEADER = 100_000_000
METADATA = "__metadata__"
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
"""A dtype's name in files -> NumPy's code of its bytes."""
_LABEL = "safetensors header"


@dataclass(frozen=True)
class Entry:
    """One tensor of a file: bytes ``begin`` to ``end`` of the data, which begin behind the header."""

    stored: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array that it is read as: bfloat16 becomes float32, other dtypes stay."""
        return np.dtype("f4" if self.stored == "BF16" else DTYPES[self.stored])

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return self.end - self.begin

    def decode(self, name: str, raw: npt.NDArray[np.uint8]) -> Array:
        """The read-only array of the tensor's bytes: a view where aligned and not bfloat16, else one copy."""
        values: Array = raw.view(DTYPES[self.stored])
        if not values.flags.aligned:
            values = values.copy()
        if self.stored == "BOOL":
            check_booleans(raw, f"tensor {show(name)}")
        if self.stored == "BF16":
            values = bfloat16_to_float32(values)
        values = values.reshape(self.shape)
        values.flags.writeable = False
        return values


@dataclass(frozen=True)
class Header:
    """What a file holds, in the file's order; its data begin at byte ``data``."""

    entries: dict[str, Entry]
    metadata: dict[str, str]
    data: int


def header_length(first: memoryview, size: int) -> int:
    """Bytes of the header of a file of ``size`` bytes, told by its first eight.

    Raises:
        Malformed: the file cannot have such a header.
    """
    cursor = Cursor(first, _LABEL)
    length = cursor.u64("the header's length")
    if length > MAX_HEADER:
        cursor.fail(f"the header is said to have {length} bytes, more than {MAX_HEADER}", 0)
    if length > size - LENGTH_BYTES:
        cursor.fail(f"the header needs {length} bytes, {size - LENGTH_BYTES} are left")
    return length


def parse_header(text: memoryview, size: int) -> Header:
    """The header's text, in a file of ``size`` bytes.

    Raises:
        Malformed: a rule of the format is broken.
    """
    fields = HeaderText(text).parse()
    metadata = _metadata(fields.pop(METADATA, {}))
    data = LENGTH_BYTES + len(text)
    entries = {name: _entry(name, field, size - data) for name, field in fields.items()}
    _check_gapless(entries, size - data)
    return Header(entries, metadata, data)


def _metadata(entry: Any) -> dict[str, str]:
    if type(entry) is not dict or any(type(value) is not str for value in entry.values()):
        raise Malformed(f"{METADATA} is not an object of texts", _LABEL)
    return entry


def _entry(name: str, field: Any, size: int) -> Entry:
    """Check one tensor's description against ``size`` data bytes."""

    def fail(what: str) -> Malformed:
        return Malformed(f"tensor {show(name)} {what}", _LABEL)

    if type(field) is not dict or set(field) != {"dtype", "shape", "data_offsets"}:
        raise fail("is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
    if type(dtype) is not str or dtype not in DTYPES:
        raise fail(f"has the dtype {show(dtype)}, which is not read")
    if type(shape) is not list or len(shape) > MAX_RANK or any(type(n) is not int for n in shape):
        raise fail(f"has a shape that is not a list of at most {MAX_RANK} integers")
    if any(not 0 <= n < MAX_SIZE for n in shape) or math.prod(max(n, 1) for n in shape) >= MAX_SIZE:
        raise fail(f"has the shape {show(tuple(shape))}")
    if type(offsets) is not list or len(offsets) != 2 or any(type(n) is not int for n in offsets):
        raise fail("has data_offsets that are not two integers")
    begin, end = offsets
    if not 0 <= begin <= end <= size:
        raise fail(f"is at bytes {show(begin)} to {show(end)}, outside the {size} bytes of data")
    needed = math.prod(shape) * int(DTYPES[dtype][-1])
    if end - begin != needed:
        raise fail(f"has {end - begin} bytes, but its shape and dtype need {show(needed)}")
    return Entry(dtype, tuple(shape), begin, end)


def _check_gapless(entries: dict[str, Entry], size: int) -> None:
    position = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            raise Malformed(f"tensor {show(name)} begins at byte {entry.begin} of the data, not at {position}")
        position = entry.end
    if position != size:
        raise Malformed(f"{size - position} bytes belong to no tensor", f"byte {position} of the data")
