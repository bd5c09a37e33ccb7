# SPDX-License-Identifier: Apache-2.0
"""Array aliases and the layouts that every module keeps to.

Axes: N batch, C channels, H rows, W columns; Ci, Co, Kh, Kw for convolution weights.
Pictures are (H, W, 3) or (N, H, W, 3); tensors inside a network are (N, C, H, W); flow handed to a user is
(H, W, 2) or (N, H, W, 2), u (to the right) then v (down), in pixels of the array it sits in.
"""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""Any NumPy array; the docstring of its function gives shape and dtype."""

FloatArray: TypeAlias = NDArray[np.float32]
"""A float32 array."""

PathLike: TypeAlias = "str | os.PathLike[str]"
"""A path as the standard library takes it."""

Shape: TypeAlias = tuple[int, int, int, int]
"""(N, C, H, W)."""
