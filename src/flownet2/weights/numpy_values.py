# SPDX-License-Identifier: Apache-2.0
"""NumPy scalars and arrays inside a checkpoint's pickle: numeric ones only, built from checked bytes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flownet2.types import Array
from flownet2.weights.cursor import Malformed, show
from flownet2.weights.tensors import MAX_RANK, MAX_SIZE, check_booleans

_CODES = frozenset(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])


class NumpyDtype:
    """A dtype of the pickle: its code, and its byte order once the pickle has given it."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = ""

    def resolve(self) -> np.dtype[Any]:
        """Return NumPy's dtype."""
        if not self.order:
            raise Malformed(f"the NumPy dtype {self.code} has no byte order")
        return np.dtype(self.order + self.code)


class NumpyArray:
    """An array of the pickle, empty until the pickle has given its state."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Array | None = None


def make_dtype(args: tuple[Any, ...]) -> NumpyDtype:
    """Return the value of ``numpy.dtype(code, align, copy)``."""
    code = args[0] if args else None
    if type(code) is not str or code not in _CODES or len(args) != 3:
        raise Malformed(f"the NumPy dtype {show(code)}; only numbers and truth values are read")
    if any(type(flag) not in (bool, int) for flag in args[1:]):
        raise Malformed("a NumPy dtype with unknown arguments")
    return NumpyDtype(code)


def set_dtype(target: NumpyDtype, state: Any) -> None:
    """Take the state that NumPy writes for a plain number's dtype."""
    order = state[1] if type(state) is tuple and len(state) == 8 else None
    wanted = "|" if target.code[1] == "1" else "<"
    if order != wanted or state[0] != 3 or state[2:] != (None, None, None, -1, -1, 0):
        raise Malformed(f"a NumPy dtype {target.code} that is not a plain little-endian number")
    target.order = wanted


def scalar(args: tuple[Any, ...]) -> bool | int | float:
    """Return the value of ``numpy.core.multiarray.scalar(dtype, bytes)`` as a plain number."""
    if len(args) != 2 or type(args[0]) is not NumpyDtype:
        raise Malformed("a NumPy scalar that is not a dtype and its bytes")
    value = _from_bytes(args[0], args[1], (1,), fortran=False).item()
    if not isinstance(value, bool | int | float):
        raise Malformed("a NumPy scalar that is not a number")
    return value


def set_array(target: NumpyArray, state: Any) -> None:
    """Take the state ``(version, shape, dtype, is_fortran, bytes)`` that NumPy writes for an array."""
    if type(state) is not tuple or len(state) != 5 or state[0] != 1 or type(state[2]) is not NumpyDtype:
        raise Malformed("a NumPy array whose state is not (1, shape, dtype, order, bytes)")
    _, shape, dtype, fortran, raw = state
    if type(shape) is not tuple or len(shape) > MAX_RANK:
        raise Malformed(f"a NumPy array of shape {show(shape)}")
    if any(type(n) is not int or not 0 <= n < MAX_SIZE for n in shape):
        raise Malformed(f"a NumPy array of shape {show(shape)}")
    if type(fortran) not in (bool, int):
        raise Malformed("a NumPy array of unknown order")
    target.value = _from_bytes(dtype, raw, shape, fortran=bool(fortran))


def _from_bytes(dtype: NumpyDtype, raw: Any, shape: tuple[int, ...], *, fortran: bool) -> Array:
    if type(raw) is str and raw.isascii():
        raw = raw.encode("ascii")  # Python 2 wrote these bytes as a string
    if type(raw) is not bytes:
        raise Malformed(f"NumPy data that is a {type(raw).__name__}, not bytes")
    resolved = dtype.resolve()
    if math.prod(shape) * resolved.itemsize != len(raw) or math.prod(max(n, 1) for n in shape) >= MAX_SIZE:
        raise Malformed(f"NumPy data of {len(raw)} bytes for shape {show(shape)} of {dtype.code}")
    flat = np.frombuffer(raw, resolved)
    if resolved.kind == "b":
        check_booleans(flat.view(np.uint8))
    return flat.reshape(shape, order="F" if fortran else "C")
