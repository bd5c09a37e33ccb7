# SPDX-License-Identifier: Apache-2.0
"""The safetensors format, read strictly and written so that tensors are aligned.

A file is a 64-bit length, that many bytes of JSON (a name -> {dtype, shape, data_offsets} object, and texts
under ``__metadata__``), then the tensors' little-endian bytes without holes. Source of the format: the
README of the safetensors project.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.atomic import atomic_write
from flownet2.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from flownet2.errors import InputError
from flownet2.types import Array, PathLike
from flownet2.weights.cursor import Cursor, Malformed, show
from flownet2.weights.json_header import HeaderText
from flownet2.weights.source import Source, naming, shown_name
from flownet2.weights.tensors import (
    MAX_RANK,
    MAX_SIZE,
    check_booleans,
)

MAX_HEADER = 100_000_000
ALIGNMENT = 64
"""The tensors' bytes begin at a multiple of this in files written here."""
_METADATA = "__metadata__"

_DTYPES = {
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
_NAMES = {dtype[1:]: name for name, dtype in _DTYPES.items() if name != "BF16"}


def read_safetensors(path: PathLike) -> tuple[dict[str, Array], dict[str, str]]:
    """Read a safetensors file: its tensors by name, and its metadata.

    Arrays are read-only; bfloat16 becomes float32 of the same values, other dtypes stay.

    Raises:
        CheckpointError: the file breaks a rule of the format; the text names the file and the rule.
        OSError: the file is missing or cannot be read.
    """
    with naming(shown_name(path)), Source(path) as source:
        return parse_safetensors(source.read())


def parse_safetensors(buffer: npt.NDArray[np.uint8]) -> tuple[dict[str, Array], dict[str, str]]:
    """Return tensors and metadata of a file's bytes; the arrays are views on them where aligned.

    Raises:
        Malformed: a rule of the format is broken.
    """
    cursor = Cursor(buffer.data, "safetensors header")
    length = cursor.u64("the header's length")
    if length > MAX_HEADER:
        cursor.fail(f"the header is said to have {length} bytes, more than {MAX_HEADER}", 0)
    header = HeaderText(cursor.take(length, "the header")).parse()
    metadata = _metadata(header.pop(_METADATA, {}))
    data = buffer[cursor.position :]
    spans = sorted((_span(name, entry, data.size) for name, entry in header.items()), key=lambda s: (s[1], s[2]))
    position = 0
    for name, begin, end, _, _ in spans:
        if begin != position:
            raise Malformed(f"tensor {show(name)} begins at byte {begin} of the data, not at {position}")
        position = end
    if position != data.size:
        raise Malformed(f"{data.size - position} bytes belong to no tensor", f"byte {position} of the data")
    found = {name: _decode(name, data[begin:end], dtype, shape) for name, begin, end, dtype, shape in spans}
    return {name: found[name] for name in header}, metadata


def _metadata(entry: Any) -> dict[str, str]:
    if type(entry) is not dict or any(type(value) is not str for value in entry.values()):
        raise Malformed(f"{_METADATA} is not an object of texts", "safetensors header")
    return entry


def _span(name: str, entry: Any, size: int) -> tuple[str, int, int, str, tuple[int, ...]]:
    """Check one tensor's description against ``size`` data bytes; return name, begin, end, dtype, shape."""

    def fail(what: str) -> Malformed:
        return Malformed(f"tensor {show(name)} {what}", "safetensors header")

    if type(entry) is not dict or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise fail("is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in _DTYPES:
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
    needed = math.prod(shape) * int(_DTYPES[dtype][-1])
    if end - begin != needed:
        raise fail(f"has {end - begin} bytes, but its shape and dtype need {show(needed)}")
    return name, begin, end, dtype, tuple(shape)


def _decode(name: str, raw: npt.NDArray[np.uint8], dtype: str, shape: tuple[int, ...]) -> Array:
    values: Array = raw.view(_DTYPES[dtype])
    if not values.flags.aligned:
        values = values.copy()
    if dtype == "BOOL":
        check_booleans(raw, f"tensor {show(name)}")
    if dtype == "BF16":
        values = bfloat16_to_float32(values)
    values = values.reshape(shape)
    values.flags.writeable = False
    return values


def write_safetensors(
    path: PathLike,
    tensors: Mapping[str, npt.ArrayLike],
    metadata: Mapping[str, str] | None = None,
    *,
    bfloat16: Collection[str] = frozenset(),
) -> None:
    """Write tensors and metadata to a safetensors file, which appears whole or not at all.

    Tensors are stored by falling element size, then by name, from a multiple of 64 bytes on, so each is
    aligned to its elements; equal input gives equal bytes.

    Args:
        path: the file to write or replace.
        tensors: arrays by name: float16, float32, float64, integers or bool, of any byte order and strides.
        metadata: texts by name.
        bfloat16: names of float32 tensors to store as bfloat16, rounded to nearest, ties to even.

    Raises:
        InputError: a name, dtype or text cannot be stored.
        OSError: the file cannot be written.
    """
    texts = _checked_metadata({} if metadata is None else metadata)
    unknown = sorted(set(bfloat16) - set(tensors))
    if unknown:
        raise InputError(f"bfloat16 names tensors that are not given: {unknown[:5]}")
    stored = [(name, *_encode(name, value, name in bfloat16)) for name, value in tensors.items()]
    stored.sort(key=lambda item: (-item[2].dtype.itemsize, item[0]))
    header: dict[str, Any] = {_METADATA: texts} if texts else {}
    position = 0
    for name, dtype, array in stored:
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    if len(text) > MAX_HEADER:
        raise InputError(f"names and metadata need a header of {len(text)} bytes, more than {MAX_HEADER}")
    with atomic_write(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for _, _, array in stored:
            file.write(array.reshape(-1).view(np.uint8).data)


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    for key, value in metadata.items():
        _check_text(key, "a metadata key")
        _check_text(value, f"metadata {key!r}")
    return dict(sorted(metadata.items()))


def _check_text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise InputError(f"{what} is a {type(value).__name__}, not a str")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{what} holds characters that UTF-8 cannot store: {value!r:.80}") from None


def _encode(name: str, value: npt.ArrayLike, as_bfloat16: bool) -> tuple[str, Array]:
    """Return the dtype's name and the C-ordered little-endian array to store."""
    _check_text(name, "a tensor's name")
    if name == _METADATA:
        raise InputError(f"a tensor may not be named {_METADATA}")
    array = np.asarray(value)
    code = array.dtype.str[1:]
    if array.dtype.kind not in "fiub" or code not in _NAMES:
        raise InputError(f"tensor {name!r} has dtype {array.dtype}, which safetensors files here do not hold")
    if array.ndim > MAX_RANK:
        raise InputError(f"tensor {name!r} has {array.ndim} dimensions, more than {MAX_RANK}")
    if as_bfloat16:
        if code != "f4":
            raise InputError(f"tensor {name!r} has dtype {array.dtype}; only float32 can be stored as bfloat16")
        return "BF16", float32_to_bfloat16(array)
    return _NAMES[code], np.asarray(array, dtype=_DTYPES[_NAMES[code]], order="C")
