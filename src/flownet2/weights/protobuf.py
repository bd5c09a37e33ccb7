# SPDX-License-Identifier: Apache-2.0
"""The wire format of protobuf, read field by field: no message is built, nothing is allocated for what a file claims.

A message inside another is bytes of a checked length, which is looked into only where a reader asks for it: what is
nested in unknown fields is stepped over, however deep it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flownet2.weights.cursor import Cursor

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_NAMES = {VARINT: "a varint", FIXED64: "64 bits", BYTES: "bytes of a length", FIXED32: "32 bits"}
_VARINT_BYTES = 10
_MAX_FIELD = (1 << 29) - 1

MAX_FIELDS = 1_000_000
"""Fields that are looked at in one file; a network has some thousands."""


class Field(NamedTuple):
    """One field: its number, its wire type and the bytes ``start..end`` of its value; ``value`` of a varint."""

    number: int
    wire: int
    at: int
    start: int
    end: int
    value: int


class Message:
    """The fields of the message in ``data[start:end]``; ``label`` names it in errors."""

    def __init__(self, data: memoryview, label: str, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._cursor = Cursor(data, label, start, end)
        self._left = [MAX_FIELDS]

    @property
    def cursor(self) -> Cursor:
        """Where the message is read, for further reading and for errors."""
        return self._cursor

    def within(self, field: Field, label: str) -> Message:
        """The message that a field of bytes holds; it counts its fields together with this one."""
        message = Message(self._data, label, field.start, field.end)
        message._left = self._left
        return message

    def fields(self) -> Iterator[Field]:
        """Every field in the file's order.

        Raises:
            Malformed: a number too long, a length too large, a field number or type that does not exist.
        """
        cursor = self._cursor
        while cursor.remaining:
            self._left[0] -= 1
            if self._left[0] < 0:
                cursor.fail(f"the file has more than {MAX_FIELDS} fields")
            at = cursor.position
            number, wire = divmod(varint(cursor, "a field"), 8)
            if not 1 <= number <= _MAX_FIELD or wire not in _NAMES:
                cursor.fail(f"there is no field {number} of wire type {wire}", at)
            yield self._value(number, wire, at)

    def _value(self, number: int, wire: int, at: int) -> Field:
        cursor, what = self._cursor, f"field {number}"
        value = varint(cursor, what) if wire in (VARINT, BYTES) else 0
        start = cursor.position
        cursor.take({VARINT: 0, FIXED64: 8, BYTES: value, FIXED32: 4}[wire], what)
        return Field(number, wire, at, start, cursor.position, value)

    def expect(self, field: Field, *wires: int) -> None:
        """Fail unless the field is of one of these wire types."""
        if field.wire not in wires:
            wanted = " or ".join(_NAMES[wire] for wire in wires)
            self._cursor.fail(f"field {field.number} is {_NAMES[field.wire]}, expected {wanted}", field.at)


def varint(cursor: Cursor, what: str) -> int:
    """Read an integer of at most 64 bits, written in as few bytes as it needs."""
    at, value, count = cursor.position, 0, 0
    byte = 0x80
    while byte & 0x80 and count < _VARINT_BYTES:
        byte = cursor.u8(what)
        value |= (byte & 0x7F) << 7 * count
        count += 1
    if byte & 0x80 or value >> 64 or (count > 1 and not byte):
        cursor.fail(f"{what} has an integer of more than 64 bits, or of more bytes than it needs", at)
    return value
