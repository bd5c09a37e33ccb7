# SPDX-License-Identifier: Apache-2.0
"""Threads of the compiled kernels, and facts of their build."""

from __future__ import annotations

import operator
from typing import TypedDict

from flownet2 import _core
from flownet2.errors import InputError


class BuildInfo(TypedDict):
    """What build_info returns.

    version: of the compiled library. compiler: its name and version. build_type: CMake's, as "Release".
    assertions: whether debugging checks are in.
    """

    version: str
    compiler: str
    build_type: str
    assertions: bool


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
    try:
        return _core.num_threads()
    except ValueError as error:
        raise InputError(str(error)) from None


def build_info() -> BuildInfo:
    """Version, compiler and kind of build of the compiled library."""
    info = _core.build_info()
    return BuildInfo(
        version=info["version"],
        compiler=info["compiler"],
        build_type=info["build_type"],
        assertions=info["assertions"],
    )
