# SPDX-License-Identifier: Apache-2.0
"""Threads and instruction sets of the compiled kernels, and facts of their build."""

from __future__ import annotations

import operator
from typing import TypedDict

from flownet2 import _core
from flownet2.errors import InputError, compiled_errors


class BuildInfo(TypedDict):
    """What build_info returns.

    version: of the compiled library. compiler: its name and version. build_type: CMake's, as "Release".
    assertions: whether debugging checks are in. isa: what get_isa returns. isas: what list_isas returns.
    """

    version: str
    compiler: str
    build_type: str
    assertions: bool
    isa: str
    isas: list[str]


def set_num_threads(count: int) -> None:
    """Set how many threads one operator call uses, in the whole process. Results do not depend on it.

    Args:
        count: from 1 to 1024.

    Raises:
        InputError: count is no such integer.
    """
    try:
        number = operator.index(count)
    except TypeError:
        number = 0
    if isinstance(count, bool) or not 1 <= number <= _core.MAX_THREADS:
        raise InputError(f"count must be an integer from 1 to {_core.MAX_THREADS}, got {count!r}")
    _core.set_num_threads(number)


def get_num_threads() -> int:
    """Threads of one operator call.

    What set_num_threads set, else the environment variable FLOWNET2_NUM_THREADS, else the number of CPUs that
    this process may use (the scheduler's affinity mask and the cgroup's CPU quota). It is found out once.

    Raises:
        InputError: FLOWNET2_NUM_THREADS is not a number from 1 to 1024.
    """
    with compiled_errors():
        return _core.num_threads()


def list_isas() -> list[str]:
    """Instruction sets that the compiled kernels have and this processor runs, the preferred one last.

    Names: "scalar" (what every processor of the kind has), "avx2" (AVX2 with FMA), "avx512" (AVX-512 F, BW, VL, DQ),
    "avx512_bf16" (those and AVX512-BF16), "amx" (those and AMX tiles of bfloat16).
    """
    return _core.isas()


def get_isa() -> str:
    """The instruction set of the compiled kernels in use, for the whole process.

    The environment variable FLOWNET2_ISA chooses one of list_isas(); without it, it is the last one. It is found out
    once. Results of two instruction sets differ by rounding.

    Raises:
        InputError: FLOWNET2_ISA is none of list_isas().
    """
    with compiled_errors():
        return _core.isa()


def measure_peak(kind: str = "fma") -> float | None:
    """What the processor computes at best, to compare speeds with: arithmetic in registers alone, on all threads.

    Takes 0.2 s. Other work on the machine lowers it, and some processors change their pace within seconds: measure it
    in the same minute as what is compared with it.

    Args:
        kind: "fma", float32 multiply-adds; or "bf16", products of bfloat16 summed in float32.

    Returns:
        GFLOP/s, multiplications and additions, of get_num_threads() threads with get_isa(); None where that
        instruction set has no such arithmetic.

    Raises:
        InputError: another kind; FLOWNET2_ISA or FLOWNET2_NUM_THREADS is not valid.
    """
    with compiled_errors():
        return _core.measure_peak(kind)


def build_info() -> BuildInfo:
    """Version, compiler and kind of build of the compiled library, and the instruction sets it uses here.

    Raises:
        InputError: FLOWNET2_ISA is none of list_isas().
    """
    isa = get_isa()
    info = _core.build_info()
    return BuildInfo(
        version=info["version"],
        compiler=info["compiler"],
        build_type=info["build_type"],
        assertions=info["assertions"],
        isa=isa,
        isas=info["isas"],
    )
