# SPDX-License-Identifier: Apache-2.0
"""A GPU's array library on the CPU: CuPy's names over NumPy's numbers, and CuPy's refusals.

As in CuPy 14, no array becomes NumPy's unless `get` is called, and no NumPy array may stand in an expression with one;
NumPy's scalars may. Stricter than CuPy, which sends NumPy indices to the GPU unasked and lends itself to NumPy's
functions: neither is meant to happen here. Only names that the package needs; test_foreign_arrays.py holds them
against CuPy where it is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

HOST = "Unsupported type <class 'numpy.ndarray'>"


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """Like cupy.ndarray; `made` counts all that were ever made, as a GPU counts its launches."""

    made = 0

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        ndarray.made += 1

    shape = property(lambda self: self._values.shape)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    dtype = property(lambda self: self._values.dtype)
    flags = property(lambda self: self._values.flags)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return dict(self._values.__array_interface__)

    def get(self) -> np.ndarray:
        """A copy in the host's memory."""
        return self._values.copy()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"numpy.{func.__name__} was called with an array of a GPU")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        """All operators come here, and NumPy's where one side is such an array."""
        assert method == "__call__"
        numbers = [_numbers(value) for value in inputs]
        if out is None:
            return _array(ufunc(*numbers, **kwargs))
        ufunc(*numbers, out=tuple(_numbers(value) for value in out), **kwargs)
        return out[0]

    def __getitem__(self, key: Any) -> ndarray:
        return _array(self._values[_index(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[_index(key)] = _numbers(value)

    def __float__(self) -> float:
        return float(self._values)

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True
    ) -> ndarray:
        return self if not copy and dtype == self.dtype else _array(self._values.astype(dtype, order))

    def transpose(self, *axes: int) -> ndarray:
        return _array(self._values.transpose(*axes))

    def take(self, indices: ndarray, axis: int | None = None) -> ndarray:
        return _array(self._values.take(_on_device(indices), axis))

    def repeat(self, repeats: int, axis: int | None = None) -> ndarray:
        return _array(self._values.repeat(_numbers(repeats), axis))

    def sum(self, axis: int | None = None, dtype: Any = None) -> ndarray:
        return _array(self._values.sum(axis, dtype))

    def min(self) -> ndarray:
        return _array(self._values.min())

    def max(self) -> ndarray:
        return _array(self._values.max())


def asarray(a: Any) -> ndarray:
    """The way to the device: an array of it stays itself, foreign ones share its memory, others are copied there."""
    if isinstance(a, ndarray):
        return a
    interface = getattr(a, "__cuda_array_interface__", None)
    if interface is None:
        return _array(np.array(a))
    return _array(np.asarray(type("Memory", (), {"__array_interface__": interface, "owner": a})()))


def ascontiguousarray(a: ndarray, dtype: Any = None) -> ndarray:
    return _array(np.ascontiguousarray(_on_device(a), dtype))


def take(a: ndarray, indices: ndarray, axis: int | None = None) -> ndarray:
    return _array(np.take(_on_device(a), _on_device(indices), axis))


def pad(array: ndarray, pad_width: Any, mode: str = "constant") -> ndarray:
    return _array(np.pad(_on_device(array), pad_width, mode))


def _array(values: Any) -> ndarray:
    return ndarray(np.asarray(values))


def _on_device(value: Any) -> np.ndarray:
    if not isinstance(value, ndarray):
        raise TypeError(f"expected an array of the GPU, got {type(value)}")
    return value._values


def _numbers(value: Any) -> Any:
    """An array's numbers, or a Python or NumPy scalar as it is."""
    if isinstance(value, np.ndarray):
        raise TypeError(HOST)
    return value._values if isinstance(value, ndarray) else value


def _index(key: Any) -> Any:
    return tuple(map(_numbers, key)) if isinstance(key, tuple) else _numbers(key)
