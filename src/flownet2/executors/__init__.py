# SPDX-License-Identifier: Apache-2.0
"""The executors by name."""

from __future__ import annotations

from collections.abc import Callable

from flownet2.errors import InputError
from flownet2.executors.base import CompiledNetwork, Executor
from flownet2.executors.native import NativeExecutor
from flownet2.executors.numpy import NumpyExecutor
from flownet2.executors.precision import CPU_PRECISIONS, PRECISIONS

__all__ = [
    "DEVICES",
    "ENGINES",
    "EXECUTORS",
    "PRECISIONS",
    "CompiledNetwork",
    "Executor",
    "get_executor",
    "parse_device",
]

EXECUTORS: dict[str, Callable[[str], Executor]] = {
    "native": NativeExecutor,
    "numpy": lambda precision: NumpyExecutor(precision=precision),
    "reference": lambda precision: NumpyExecutor(reference=True, precision=precision),
}
"""name -> maker, which takes a precision. All on the CPU.

"native" runs the whole network in the compiled engine, "numpy" node by node with BLAS and compiled kernels,
"reference" the definitions alone (slow, for comparison).
"""

DEFAULT = "native"
DEVICES = ("cpu", "cuda")
ENGINES = ("auto", "cudnn", "cublas")


def get_executor(
    name: str | None = None,
    *,
    device: str = "cpu",
    precision: str = "float32",
    engine: str = "auto",
    graph: bool = True,
) -> Executor:
    """The executor for a device and precision.

    Args:
        name: one of EXECUTORS, on the CPU; None for the fastest.
        device: "cpu", "cuda", or "cuda:1" for the second GPU.
        precision: one of PRECISIONS; a CPU has "float32" and "bfloat16".
        engine, graph: of a GPU, see flownet2.load.

    Raises:
        InputError: unknown executor, device, precision or engine, or one of the other device.
        UnavailableError: there is no such GPU, or something that it needs is missing.
    """
    if precision not in PRECISIONS:
        raise InputError(f"there is no precision {precision!r}; known: {', '.join(PRECISIONS)}")
    if engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}; known: {', '.join(ENGINES)}")
    if name is not None and name not in EXECUTORS:
        raise InputError(f"there is no executor {name!r}; known: {', '.join(EXECUTORS)}")
    kind, index = parse_device(device)
    if kind == "cuda":
        if name is not None:
            raise InputError(f'the executor {name!r} runs on the CPU; leave it out, or use device="cpu"')
        return _cuda(index, precision, engine, graph)
    if precision not in CPU_PRECISIONS:
        raise InputError(f'a CPU has the precisions {", ".join(CPU_PRECISIONS)}; {precision!r} needs device="cuda"')
    if engine != "auto":
        raise InputError(f'the engine {engine!r} is one of a GPU; leave it out, or use device="cuda"')
    return EXECUTORS[name or DEFAULT](precision)


def _cuda(index: int, precision: str, engine: str, graph: bool) -> Executor:
    """Imported only here: most users have no GPU."""
    from flownet2.executors.cuda import CudaExecutor, open_device

    return CudaExecutor(open_device(index), precision=precision, engine=engine, graph=graph)


def parse_device(text: str) -> tuple[str, int]:
    """Kind and number of a device: ("cuda", 1) of "cuda:1".

    Raises:
        InputError: it is no name of a device.
    """
    kind, colon, index = text.partition(":")
    number = index if colon else "0"
    if kind not in DEVICES or not number.isdecimal() or (kind == "cpu" and colon):
        raise InputError(f'device must be "cpu", "cuda" or "cuda:N" with the number of a GPU, got {text!r}')
    return kind, int(number)
