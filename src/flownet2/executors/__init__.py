# SPDX-License-Identifier: Apache-2.0
"""The executors by name."""

from __future__ import annotations

from collections.abc import Callable

from flownet2.errors import InputError, UnavailableError
from flownet2.executors.base import CompiledNetwork, Executor
from flownet2.executors.native import NativeExecutor
from flownet2.executors.numpy import NumpyExecutor
from flownet2.executors.precision import PRECISIONS

__all__ = ["EXECUTORS", "PRECISIONS", "CompiledNetwork", "Executor", "get_executor"]

EXECUTORS: dict[str, Callable[[str], Executor]] = {
    "native": NativeExecutor,
    "numpy": lambda precision: NumpyExecutor(precision=precision),
    "reference": lambda precision: NumpyExecutor(reference=True, precision=precision),
}
"""name -> maker, which takes a precision.

"native" runs the whole network in the compiled engine, "numpy" node by node with BLAS and compiled kernels,
"reference" the definitions alone (slow, for comparison).
"""

DEFAULT = "native"
DEVICES = ("cpu",)


def get_executor(name: str | None = None, *, device: str = "cpu", precision: str = "float32") -> Executor:
    """The executor for a device and precision.

    Args:
        name: one of EXECUTORS, or None for the fastest.
        device: "cpu".
        precision: "float32" or "bfloat16".

    Raises:
        InputError: unknown executor or precision.
        UnavailableError: this version has no such device.
    """
    if device not in DEVICES:
        raise UnavailableError(f'device {device!r} is not available in this version; use device="cpu"')
    if precision not in PRECISIONS:
        raise InputError(f"there is no precision {precision!r}; known: {', '.join(PRECISIONS)}")
    if name is not None and name not in EXECUTORS:
        raise InputError(f"there is no executor {name!r}; known: {', '.join(EXECUTORS)}")
    return EXECUTORS[name or DEFAULT](precision)
