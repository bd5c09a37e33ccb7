# SPDX-License-Identifier: Apache-2.0
"""The lists, dicts and tuples of a pickle, freed without using the stack.

A small file can nest a hundred thousand lists. CPython 3.13 frees one inside another by recursion and overflows the
stack of a thread (256 KiB are too little for plain lists, 512 KiB for objects), so whoever drops such values must
take them apart first.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from flownet2.weights.cursor import Malformed
from flownet2.weights.pickle_values import Map

MAX_TUPLE_DEPTH = 100


class Containers:
    """Knows every container that a pickle machine makes; leaving the `with` block empties them all."""

    def __init__(self) -> None:
        self._made: list[list[Any] | Map] = []
        self._depths: dict[int, tuple[tuple[Any, ...], int]] = {}

    def __enter__(self) -> Containers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for container in self._made:
            container.clear()

    def add(self, container: list[Any] | Map) -> None:
        """A list or dict that was made."""
        self._made.append(container)

    def tuple(self, items: list[Any]) -> tuple[Any, ...]:
        """A tuple of the items. Tuples cannot be emptied, so their depth is limited as they are made.

        Raises:
            Malformed: tuples within tuples, too deep.
        """
        depth = 1 + max((self._depth(item) for item in items), default=0)
        if depth > MAX_TUPLE_DEPTH:
            raise Malformed(f"tuples are nested deeper than {MAX_TUPLE_DEPTH}")
        made = tuple(items)
        self._depths[id(made)] = made, depth  # kept alive with its id
        return made

    def _depth(self, value: Any) -> int:
        return self._depths[id(value)][1] if type(value) is tuple and id(value) in self._depths else 0
