# SPDX-License-Identifier: Apache-2.0
"""The emulated CUDA module, and NumPy arrays that pass for arrays on a GPU: its device memory is the host's."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from flownet2.types import Array


def load(path: str) -> ModuleType:
    """The extension module in the file; its name is the file's up to the first dot."""
    spec = importlib.util.spec_from_file_location(Path(path).name.split(".")[0], path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class OnDevice:
    """A NumPy array with __cuda_array_interface__; `changes` replaces entries of it."""

    def __init__(self, array: Array, **changes: Any) -> None:
        self.array = array
        facts = array.__array_interface__
        self.__cuda_array_interface__ = {
            "shape": facts["shape"],
            "typestr": facts["typestr"],
            "data": (facts["data"][0], not array.flags.writeable),
            "strides": facts["strides"],
            "version": 3,
        } | changes


def slice_of_channels(array: Array, before: int, after: int) -> tuple[Array, Array]:
    """`array` as channels of a wider array (n, h, w, before + c + after), which is NaN elsewhere; and that array."""
    nan = 0xFFFF if array.dtype == np.uint16 else np.nan  # of bfloat16
    wide = np.full((*array.shape[:3], before + array.shape[3] + after), nan, array.dtype)
    part = wide[..., before : before + array.shape[3]]
    part[...] = array
    return part, wide
