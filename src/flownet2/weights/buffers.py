# SPDX-License-Identifier: Apache-2.0
"""New memory for tensors that goes back to the system as soon as it is freed.

NumPy takes its memory from malloc, which with glibc keeps blocks of up to 32 MiB for later: tens of megabytes would
stay in the process after a model was loaded.
"""

from __future__ import annotations

import errno
import math
import mmap

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
    count = math.prod(shape)
    if count * kind.itemsize < LARGE:
        return np.empty(shape, kind)
    try:
        block = mmap.mmap(-1, count * kind.itemsize)  # of no file; unmapped with the last array on it
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(f"no memory for {count * kind.itemsize} bytes") from None
        raise
    if hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(block, kind, count).reshape(shape)
