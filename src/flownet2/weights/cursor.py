# SPDX-License-Identifier: Apache-2.0
"""One bounds-checked cursor over bytes, used by every parser of this package.

No parser indexes file bytes on its own: a length that a file claims is compared with what is left before it
is used, as ``n > end - position``, so no claim can reach outside the bytes or cause an allocation.
"""

from __future__ import annotations

import struct
from typing import NoReturn

_BIG_DOUBLE = struct.Struct(">d")


class Malformed(Exception):
    """What is wrong with some bytes, where, and what to do; entry points turn it into CheckpointError."""

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def describe(self, name: str) -> str:
        """Return the text of the public error for the file called ``name``."""
        where = f" ({self.where})" if self.where else ""
        remedy = self.remedy or "the file is damaged or made to mislead: get it again from its source"
        return f"{name}: {self.what}{where}; {remedy}"


def show(value: object, limit: int = 60) -> str:
    """Return a value from a file as printable ASCII of bounded length, for an error message.

    Containers are named by their type only, a short tuple apart: a file's containers may be nested endlessly.
    """
    if type(value) is tuple and len(value) <= 16:
        return "(" + ", ".join("..." if isinstance(part, tuple) else show(part, 20) for part in value) + ")"
    if type(value) is int and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str | bytes):
        shown = ascii(value[:limit])
        return shown if len(value) <= limit and len(shown) <= 2 * limit else shown[: limit - 3] + "..."
    return ascii(value) if value is None or isinstance(value, bool | int | float) else f"a {type(value).__name__}"


class Cursor:
    """Reads little-endian values from ``data[start:end]`` and never leaves that range.

    Positions, in errors too, are offsets in the whole of ``data``; ``label`` names the range in errors.
    """

    __slots__ = ("_data", "_end", "_position", "_start", "label")

    def __init__(self, data: memoryview, label: str, start: int = 0, end: int | None = None) -> None:
        size = len(data)
        stop = size if end is None else end
        if not 0 <= start <= stop <= size:
            raise Malformed(f"range {start}..{stop} is outside its {size} bytes", label)
        self._data = data
        self._start = start
        self._position = start
        self._end = stop
        self.label = label

    @property
    def position(self) -> int:
        """Offset of the next byte in the whole data."""
        return self._position

    @property
    def remaining(self) -> int:
        """Number of bytes left."""
        return self._end - self._position

    def fail(self, what: str, at: int | None = None, remedy: str = "") -> NoReturn:
        """Raise :class:`Malformed` for the given (or the present) offset."""
        offset = self._position if at is None else at
        raise Malformed(what, f"{self.label}, offset {offset}", remedy)

    def need(self, count: int, what: str) -> None:
        """Fail unless ``count`` bytes are left."""
        if count < 0 or count > self._end - self._position:
            self.fail(f"{what} needs {count} bytes, {self.remaining} are left")

    def seek(self, offset: int, what: str) -> None:
        """Move to an absolute offset inside the range."""
        if not self._start <= offset <= self._end:
            self.fail(f"{what} points to offset {offset}, outside {self._start}..{self._end}")
        self._position = offset

    def take(self, count: int, what: str) -> memoryview:
        """Return the next ``count`` bytes as a view, without copying them."""
        self.need(count, what)
        begin = self._position
        self._position = begin + count
        return self._data[begin : begin + count]

    def peek(self, count: int) -> memoryview:
        """Return the next ``count`` bytes, fewer at the end, and stay in place."""
        return self._data[self._position : min(self._end, self._position + count)]

    def u8(self, what: str) -> int:
        """Read one unsigned byte."""
        at = self._position
        if at >= self._end:
            self.fail(f"{what} needs 1 byte, 0 are left")
        self._position = at + 1
        return self._data[at]

    def u16(self, what: str) -> int:
        """Read an unsigned 16-bit integer."""
        return int.from_bytes(self.take(2, what), "little")

    def u32(self, what: str) -> int:
        """Read an unsigned 32-bit integer."""
        return int.from_bytes(self.take(4, what), "little")

    def i32(self, what: str) -> int:
        """Read a signed 32-bit integer."""
        return int.from_bytes(self.take(4, what), "little", signed=True)

    def u64(self, what: str) -> int:
        """Read an unsigned 64-bit integer."""
        return int.from_bytes(self.take(8, what), "little")

    def i64(self, what: str) -> int:
        """Read a signed 64-bit integer."""
        return int.from_bytes(self.take(8, what), "little", signed=True)

    def big_endian_f64(self, what: str) -> float:
        """Read a big-endian double, the form in which pickles hold floats."""
        value: float = _BIG_DOUBLE.unpack(self.take(8, what))[0]
        return value

    def line(self, limit: int, what: str) -> bytes:
        """Read up to a newline, which is consumed and not returned; at most ``limit`` bytes."""
        begin = self._position
        window = bytes(self._data[begin : min(self._end, begin + limit + 1)])
        length = window.find(b"\n")
        if length < 0:
            self.fail(f"{what} has no end within {limit} bytes")
        self._position = begin + length + 1
        return window[:length]

    def expect(self, wanted: bytes, what: str, remedy: str = "") -> None:
        """Fail unless the next bytes are ``wanted``."""
        at = self._position
        got = bytes(self.take(len(wanted), what))
        if got != wanted:
            self.fail(f"{what} is {show(got)}, not {show(wanted)}", at, remedy)

    def finish(self, what: str) -> None:
        """Fail if any byte is left."""
        if self._position != self._end:
            self.fail(f"{self.remaining} bytes after {what}")
