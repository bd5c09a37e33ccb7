# SPDX-License-Identifier: Apache-2.0
"""The tensors of an open safetensors file, each read when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from flownet2.errors import CheckpointError, WeightsError
from flownet2.types import FloatArray
from flownet2.weights.cursor import Malformed
from flownet2.weights.safetensors_header import LENGTH_BYTES, Entry, Header, header_length, parse_header
from flownet2.weights.source import Source
from flownet2.weights.table import as_float32, value_fault


def read_header(source: Source) -> Header:
    """The checked header of an open file.

    Raises:
        Malformed: a rule of the format is broken.
    """
    length = header_length(memoryview(source.peek(0, LENGTH_BYTES)), source.size)
    return parse_header(source.read_at(LENGTH_BYTES, length).data, source.size)


class StoredParameters(Mapping[str, FloatArray]):
    """Float tensors of an open file by name, as read-only float32 arrays in new memory at every access.

    Nothing is kept in memory but where they are, so take each once. The file is closed with the last user. Any number
    of threads may read.

    Access raises:
        KeyError: no such tensor.
        CheckpointError: the file was changed since it was opened.
        WeightsError: the tensor holds NaN or infinite values.
        MemoryError: there is no memory for the tensor; the message says how much was needed.
        OSError: the file cannot be read.
    """

    def __init__(self, name: str, source: Source, data: int, entries: Mapping[str, Entry]) -> None:
        """``name`` of the file, for messages; its data begin at byte ``data``."""
        self._name = name
        self._source = source
        self._data = data
        self._entries = dict(entries)

    @property
    def dtypes(self) -> str:
        """Of the tensors in the file, such as "bfloat16", or "float16 and float32"."""
        names = {"bfloat16" if entry.stored == "BF16" else entry.dtype.name for entry in self._entries.values()}
        return " and ".join(sorted(names))

    def __getitem__(self, key: str) -> FloatArray:
        """Read one tensor."""
        entry = self._entries[key]
        try:
            value = self._read(key, entry)
        except Malformed as fault:
            raise CheckpointError(fault.describe(self._name)) from None
        except MemoryError:
            converted = 0 if entry.stored == "F32" else 4 * math.prod(entry.shape)
            needed = entry.nbytes + converted
            raise MemoryError(f"{self._name}: no memory for the {needed} bytes that reading {key!r} takes") from None
        what = value_fault(value)
        if what:
            raise WeightsError(f"{self._name}: {key} {what}; get the file again, or write it again from finite weights")
        return value

    def _read(self, key: str, entry: Entry) -> FloatArray:
        raw = self._source.read_at(self._data + entry.begin, entry.nbytes)
        with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinite, which is told of
            value = as_float32(entry.decode(key, raw))
        value.flags.writeable = False
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __repr__(self) -> str:
        """File and number of tensors; no value is read for it."""
        return f"<{len(self)} tensors of {self._name}>"

    def __reduce__(self) -> tuple[type[dict[str, FloatArray]], tuple[dict[str, FloatArray]]]:
        """A pickle holds the values, not an open file."""
        return dict, (dict(self),)
