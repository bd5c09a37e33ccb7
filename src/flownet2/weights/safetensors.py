# SPDX-License-Identifier: Apache-2.0
"""Safetensors files, read strictly (safetensors_header.py has the rules) and written so that tensors are aligned."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.atomic import atomic_write
from flownet2.bfloat16 import float32_to_bfloat16
from flownet2.errors import InputError
from flownet2.types import Array, PathLike
from flownet2.weights.safetensors_header import DTYPES, LENGTH_BYTES, MAX_HEADER, METADATA, header_length, parse_header
from flownet2.weights.source import Source, naming, shown_name
from flownet2.weights.tensors import MAX_RANK

ALIGNMENT = 64
"""The tensors' bytes begin at a multiple of this in files written here."""

_NAMES = {dtype[1:]: name for name, dtype in DTYPES.items() if name != "BF16"}


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
    length = header_length(buffer[:LENGTH_BYTES].data, buffer.size)
    header = parse_header(buffer[LENGTH_BYTES : LENGTH_BYTES + length].data, buffer.size)
    data = buffer[header.data :]
    tensors = {name: entry.decode(name, data[entry.begin : entry.end]) for name, entry in header.entries.items()}
    return tensors, header.metadata


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
    unknown = sorted(set(bfloat16) - set(tensors))
    if unknown:
        raise InputError(f"bfloat16 names tensors that are not given: {unknown[:5]}")
    arrays = {name: _storable(name, value, name in bfloat16) for name, value in tensors.items()}
    kinds = {name: "BF16" if name in bfloat16 else _NAMES[array.dtype.str[1:]] for name, array in arrays.items()}
    table = {name: (kinds[name], array.shape) for name, array in arrays.items()}
    write_tensors(path, table, {} if metadata is None else metadata, lambda name: arrays[name])


def write_tensors(
    path: PathLike,
    table: Mapping[str, tuple[str, tuple[int, ...]]],
    metadata: Mapping[str, str],
    tensor: Callable[[str], Array],
) -> None:
    """As :func:`write_safetensors`, but each tensor is asked for when it is written, and then let go of.

    Args:
        path: the file to write or replace; left as it was if ``tensor`` raises.
        table: name -> dtype as files name it ("F32", "BF16"), shape.
        metadata: texts by name.
        tensor: the array of a name, of that shape and of a dtype that converts to that one; float32 for "BF16".

    Raises:
        InputError: a text cannot be stored.
        OSError: the file cannot be written.
    """
    order = sorted(table, key=lambda name: (-np.dtype(DTYPES[table[name][0]]).itemsize, name))
    text = _header_text([(name, *table[name]) for name in order], _checked_metadata(metadata))
    with atomic_write(path) as file:
        file.write(len(text).to_bytes(LENGTH_BYTES, "little"))
        file.write(text)
        for name in order:
            stored, shape = table[name]
            file.write(_encode(tensor(name), stored, shape).data)


def _header_text(rows: list[tuple[str, str, tuple[int, ...]]], metadata: dict[str, str]) -> bytes:
    """The JSON text, with spaces that bring the data to a multiple of ALIGNMENT."""
    header: dict[str, Any] = {METADATA: metadata} if metadata else {}
    position = 0
    for name, stored, shape in rows:
        end = position + math.prod(shape) * np.dtype(DTYPES[stored]).itemsize
        header[name] = {"dtype": stored, "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-(LENGTH_BYTES + len(text)) % ALIGNMENT)
    if len(text) > MAX_HEADER:
        raise InputError(f"names and metadata need a header of {len(text)} bytes, more than {MAX_HEADER}")
    return text


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


def _storable(name: str, value: npt.ArrayLike, as_bfloat16: bool) -> Array:
    """The value as an array of a dtype that can be stored."""
    _check_text(name, "a tensor's name")
    if name == METADATA:
        raise InputError(f"a tensor may not be named {METADATA}")
    array = np.asarray(value)
    code = array.dtype.str[1:]
    if array.dtype.kind not in "fiub" or code not in _NAMES:
        raise InputError(f"tensor {name!r} has dtype {array.dtype}, which safetensors files here do not hold")
    if array.ndim > MAX_RANK:
        raise InputError(f"tensor {name!r} has {array.ndim} dimensions, more than {MAX_RANK}")
    if as_bfloat16 and code != "f4":
        raise InputError(f"tensor {name!r} has dtype {array.dtype}; only float32 can be stored as bfloat16")
    return array


def _encode(array: Array, stored: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The bytes to store: C order, little-endian."""
    if array.shape != shape:
        raise InputError(f"a tensor of shape {array.shape} came for one of {shape}")
    values = float32_to_bfloat16(array) if stored == "BF16" else np.asarray(array, DTYPES[stored], order="C")
    return values.reshape(-1).view(np.uint8)
