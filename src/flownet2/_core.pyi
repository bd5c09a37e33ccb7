# SPDX-License-Identifier: Apache-2.0
# Written by hand; `python -m mypy.stubtest flownet2._core` compares it with the module.
from collections.abc import Callable
from typing import Any, Final, final

from flownet2.types import FloatArray, Shape

MAX_THREADS: Final[int]

class _pybind11_type(type): ...

@final
class Network(metaclass=_pybind11_type):
    def __init__(
        self,
        graph_text: str,
        parameter: Callable[[str], FloatArray],
        *,
        precision: str = ...,
        isa: str | None = ...,
    ) -> None: ...
    def run(
        self,
        inputs: dict[str, FloatArray],
        outputs: list[str],
        *,
        interruptible: bool = ...,
        exact_graph: bool = ...,
    ) -> dict[str, FloatArray]: ...
    def profile(self, inputs: dict[str, FloatArray], outputs: list[str]) -> list[tuple[list[str], str, float]]: ...
    def plan(
        self, shapes: dict[str, Shape], outputs: list[str], *, exact_graph: bool = ...
    ) -> tuple[int, list[tuple[list[str], str, list[tuple[int, int]], list[tuple[int, int, str]]]]]: ...

def correlation(
    a: object,
    b: object,
    *,
    max_displacement: int,
    stride: int,
    reduction: str,
    leaky_slope: float | None,
) -> FloatArray: ...
def warp(x: object, flow: object, *, padding: str, align_corners: bool, mask: bool) -> FloatArray: ...
def resize(x: object, *, size: tuple[int, int], mode: str, align_corners: bool) -> FloatArray: ...
def convolve(
    x: object,
    *,
    weight: object,
    bias: object,
    stride: tuple[int, int],
    padding: tuple[int, int],
    leaky_slope: float | None,
    transposed: bool,
    isa: str | None,
    bfloat16: bool = ...,
) -> FloatArray: ...
def channel_norm(x: object) -> FloatArray: ...
def set_num_threads(count: int) -> None: ...
def num_threads() -> int: ...
def build_info() -> dict[str, Any]: ...
def op_names() -> list[str]: ...
def isa() -> str: ...
def isas() -> list[str]: ...
def measure_peak(kind: str) -> float | None: ...
def aligned_bytes() -> int: ...
def fail_allocation(number: int) -> None: ...
