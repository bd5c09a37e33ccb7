# SPDX-License-Identifier: Apache-2.0
"""flownet2._cuda on a real GPU as if its memory were NumPy's, so that the emulated module's tests run there too.

Arrays are copied to the GPU with all of the memory that they are views of, and back after the call: what a kernel
writes beside its part is seen.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from cuda_host import OnDevice
from flownet2.types import Array


class GpuModule:
    """Looks like the emulated module; threads run in the GPU's own order."""

    def __init__(self, module: ModuleType, cupy: Any) -> None:
        self._module = module
        self._cupy = cupy

    def seed(self, number: int) -> None:
        """Nothing to choose."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        return self._on_copies(found) if callable(found) and not isinstance(found, type) else found

    def _on_copies(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            copies: dict[int, tuple[Array, Any]] = {}
            given = [self._there(value, copies) for value in arguments]
            named = {name: self._there(value, copies) for name, value in options.items()}
            self._cupy.cuda.Device().synchronize()
            result = function(*given, **named)
            self._cupy.cuda.Device().synchronize()
            for memory, copy in copies.values():
                if memory.flags.writeable:
                    memory[...] = copy.get()
            return result

        return call

    def _there(self, value: Any, copies: dict[int, tuple[Array, Any]]) -> Any:
        """An array as one on the GPU; others, and those that tell an address of their own, as they are."""
        if not isinstance(value, OnDevice):
            return value
        facts = value.__cuda_array_interface__
        address = value.array.ctypes.data
        if facts.get("data") not in ((address, False), (address, True)):
            return value
        memory = owned(value.array)
        start = memory.ctypes.data
        if start not in copies:
            copies[start] = memory, self._cupy.asarray(memory)
        there = copies[start][1].data.ptr + address - start
        moved = OnDevice(value.array)
        moved.__cuda_array_interface__ = facts | {"data": (there, facts["data"][1])}
        return moved


def owned(array: Array) -> Array:
    """The bytes of the array that owns the memory."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    assert owner.flags.forc  # no gaps
    content: Array = np.ctypeslib.as_array((ctypes.c_uint8 * owner.nbytes).from_address(owner.ctypes.data))
    content.flags.writeable = owner.flags.writeable
    return content


def load_gpu() -> GpuModule:
    """The module of the installed package, on the GPU that is current."""
    import cupy

    from flownet2 import _cuda

    return GpuModule(_cuda, cupy)
