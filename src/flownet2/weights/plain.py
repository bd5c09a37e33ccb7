# SPDX-License-Identifier: Apache-2.0
"""Turns the value of a checkpoint's pickle into nested plain dicts, lists and tuples with arrays.

Walked without recursion. What comes out is a tree of bounded size however the pickle shared its parts, so
that whoever walks the result needs no guard against cycles or endless expansion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flownet2.types import Array
from flownet2.weights.cursor import Malformed, show
from flownet2.weights.numpy_values import NumpyArray, NumpyDtype
from flownet2.weights.pickle_values import Global, Map
from flownet2.weights.tensors import StorageRef, TensorRef

MAX_DEPTH = 100
MAX_VALUES = 1_000_000


class _Node:
    """A container on the way: its values still to be visited, and those already plain."""

    __slots__ = ("count", "done", "height", "key", "pending", "source")

    def __init__(self, source: Map | list[Any] | tuple[Any, ...], key: object) -> None:
        self.source = source
        self.key = key
        self.pending = iter(source.data.items() if isinstance(source, Map) else enumerate(source))
        self.done: list[Any] = []
        self.count = 1
        self.height = 1


class _Walk:
    def __init__(self, bind: Callable[[TensorRef], Array]) -> None:
        self._bind = bind
        self._path: list[_Node] = []
        self._open: set[int] = set()
        self._finished: dict[int, tuple[Any, int, int]] = {}
        self._arrays: dict[int, Array] = {}

    def run(self, root: Map) -> dict[Any, Any]:
        result: Any = None
        self._enter(root, None)
        while self._path:
            node = self._path[-1]
            for key, value in node.pending:
                if isinstance(value, Map | list | tuple) and id(value) not in self._finished:
                    self._enter(value, key)
                    break
                self._add(node, value, key)
            else:
                result = self._leave(node)
        return dict(result)

    def _enter(self, value: Map | list[Any] | tuple[Any, ...], key: object) -> None:
        if id(value) in self._open:
            self._fail("holds itself", key)
        if len(self._path) >= MAX_DEPTH:
            self._fail(f"is nested deeper than {MAX_DEPTH}", key)
        self._open.add(id(value))
        self._path.append(_Node(value, key))

    def _leave(self, node: _Node) -> Any:
        source = node.source
        plain: Any
        if isinstance(source, Map):
            if source.repeated and any(type(value) is TensorRef for value in source.data.values()):
                self._fail(f"has the key {show(source.repeated[0])} twice")
            plain = dict(zip(source.data, node.done, strict=True))
        else:
            plain = node.done if isinstance(source, list) else tuple(node.done)
        self._path.pop()
        self._open.discard(id(source))
        self._finished[id(source)] = (plain, node.count, node.height)
        if self._path:
            self._add(self._path[-1], source, node.key)
        return plain

    def _add(self, parent: _Node, value: Any, key: object) -> None:
        if isinstance(value, Map | list | tuple):
            plain, count, height = self._finished[id(value)]
            parent.count += count
            parent.height = max(parent.height, height + 1)
        else:
            plain = self._leaf(value, key)
            parent.count += 1
        if parent.count > MAX_VALUES:
            self._fail(f"holds more than {MAX_VALUES} values", key)
        if parent.height > MAX_DEPTH:
            self._fail(f"is nested deeper than {MAX_DEPTH}", key)
        parent.done.append(plain)

    def _leaf(self, value: Any, key: object) -> Any:
        if type(value) is TensorRef:
            array = self._arrays.get(id(value))
            if array is None:
                array = self._arrays[id(value)] = self._bind(value)
            return array
        if type(value) is NumpyArray:
            if value.value is None:
                self._fail("is a NumPy array without data", key)
            return value.value
        if isinstance(value, Global):
            self._fail(f"is the name {value.value}, not a value", key)
        if isinstance(value, NumpyDtype | StorageRef):
            self._fail(f"is a {type(value).__name__} without a tensor", key)
        return value

    def _fail(self, what: str, key: object = None) -> None:
        keys = [node.key for node in self._path[1:]] + ([] if key is None else [key])
        place = "/".join(show(part, 40) for part in keys[:4]) + ("/..." if len(keys) > 4 else "")
        raise Malformed(f"the value at {place or 'the top'} {what}")

    @property
    def has_arrays(self) -> bool:
        return bool(self._arrays)


def to_plain(root: Any, bind: Callable[[TensorRef], Array]) -> dict[Any, Any]:
    """Return the plain form of a pickle's value; ``bind`` gives the array of each tensor.

    Raises:
        Malformed: the value is not a dict, holds no tensor, holds itself, is nested deeper than
            ``MAX_DEPTH``, has more than ``MAX_VALUES`` values, or a dict of tensors has one key twice.
    """
    if type(root) is not Map:
        raise Malformed(f"the file holds a {type(root).__name__}, not a dict with a state dict")
    walk = _Walk(bind)
    result = walk.run(root)
    if not walk.has_arrays:
        raise Malformed("the file holds no tensor: it is not a model")
    return result
