# SPDX-License-Identifier: Apache-2.0
"""New memory for tensors that goes back to the system as soon as it is freed.

NumPy takes its memory from malloc, which with glibc keeps blocks of up to 32 MiB for later: tens of megabytes would
stay in the process after a model was loaded.
"""

from __future__ import annotations

import errno
import math
import mmap
import sys

import numpy as np
import numpy.typing as npt

from flownet2.types import Array

LARGE = 1 << 20
"""Bytes from which on a block comes from the system itself."""


def new_array(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """An array in C order whose values are undefined.

    Raises:
        MemoryError: there is no memory for it.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < LARGE:
        return np.empty(shape, kind)
    try:
        block = _block(size)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(f"no memory for {size} bytes") from None
        raise
    return np.frombuffer(block, kind).reshape(shape)


def _block(size: int) -> mmap.mmap:
    """Memory of no file, which is unmapped with the last array on it."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)  # a third of the time to fill it
    return block
