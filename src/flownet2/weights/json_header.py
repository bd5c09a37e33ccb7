# SPDX-License-Identifier: Apache-2.0
"""The JSON of a safetensors header, read without recursion: objects and lists of integers, three levels deep.

General JSON readers take NaN, repeated names, fractions and any depth; this grammar has none of them.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

from flownet2.weights.cursor import Malformed, show

_SPACE = re.compile(r"[ \t\r\n]*")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)(?![0-9.eE])")
_MAX_DIGITS = 25
_MAX_DEPTH = 3
# Only ever asked for one text, which takes no recursion.
_DECODER = JSONDecoder()


class HeaderText:
    """The text of a header and the place that is being read."""

    def __init__(self, raw: memoryview) -> None:
        """Decode the bytes.

        Raises:
            Malformed: they are not UTF-8.
        """
        try:
            self._text = str(raw, "utf-8")
        except UnicodeDecodeError as fault:
            raise Malformed("the header is not UTF-8", f"safetensors header, byte {fault.start}") from None
        self._at = 0

    def parse(self) -> dict[str, Any]:
        """Return the header's object: texts, integers, lists of integers and objects by name.

        Raises:
            Malformed: it is not such an object from the first character on, or more than spaces follow it.
        """
        if self._text[:1] != "{":
            self._fail(f"it begins with {show(self._text[:1])}, not with '{{'")
        header = self._object(1)
        self._skip()
        if self._at != len(self._text):
            self._fail("something follows the JSON object")
        return header

    def _fail(self, what: str) -> NoReturn:
        raise Malformed(f"the header is not valid: {what}", f"safetensors header, character {self._at}")

    def _skip(self) -> str:
        """Step over white space and return the next character, empty at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _object(self, depth: int) -> dict[str, Any]:
        if depth > _MAX_DEPTH:
            self._fail("objects are nested too deep")
        result: dict[str, Any] = {}
        self._at += 1
        if self._skip() == "}":
            self._at += 1
            return result
        while True:
            if self._skip() != '"':
                self._fail("a name in double quotes is missing")
            name = self._string()
            if name in result:
                self._fail(f"the name {show(name)} comes twice")
            if self._skip() != ":":
                self._fail("a colon is missing")
            self._at += 1
            result[name] = self._value(depth)
            if not self._more("}"):
                return result

    def _value(self, depth: int) -> Any:
        first = self._skip()
        if first == "{":
            return self._object(depth + 1)
        if first == "[":
            return self._integers()
        if first == '"':
            return self._string()
        return self._integer()

    def _integers(self) -> list[int]:
        self._at += 1
        if self._skip() == "]":
            self._at += 1
            return []
        result = []
        while True:
            self._skip()
            result.append(self._integer())
            if not self._more("]"):
                return result

    def _more(self, end: str) -> bool:
        """Step over a comma and return true, or over the given end and return false."""
        found = self._skip()
        if found not in (",", end):
            self._fail(f"a comma or {end} is missing")
        self._at += 1
        return found == ","

    def _integer(self) -> int:
        match = _INTEGER.match(self._text, self._at)
        if match is None or match.end() - self._at > _MAX_DIGITS:
            self._fail("an integer is missing")
        self._at = match.end()
        return int(match.group())

    def _string(self) -> str:
        try:
            text, end = _DECODER.raw_decode(self._text, self._at)
        except JSONDecodeError as fault:
            self._fail(f"a text is broken ({fault.msg})")
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            self._fail("a text has half a surrogate pair")
        self._at = end
        return str(text)
