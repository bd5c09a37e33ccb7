# SPDX-License-Identifier: Apache-2.0
"""Arrays of NumPy and of CuPy in the same code: what works on pictures takes both and gives what it took.

CuPy refuses NumPy arrays in its expressions, so tables made with NumPy go to the pictures with `xp.asarray`. The
device that the pictures lie on must be CuPy's current one.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def namespace(array: Any) -> Any:
    """The library that works on an array: `numpy`, or the loaded module that the array's type comes from: `cupy`."""
    return np if isinstance(array, np.ndarray) else sys.modules[type(array).__module__.partition(".")[0]]
