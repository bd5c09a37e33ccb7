# SPDX-License-Identifier: Apache-2.0
"""Parameters that know how many of their arrays are in use."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from flownet2.types import Array, FloatArray


class CountingParameters(Mapping[str, FloatArray]):
    """Makes an array at every access.

    Attributes:
        asked: names in the order of the accesses.
        most: arrays that were alive at once.
    """

    def __init__(self, parameters: Mapping[str, Array], before: Callable[[str], None] = lambda name: None) -> None:
        """``before`` is called with the name at every access; what it raises, the access raises."""
        self._parameters = parameters
        self._before = before
        self._alive: list[weakref.ref[Array]] = []
        self.asked: list[str] = []
        self.most = 0

    def __getitem__(self, name: str) -> FloatArray:
        self._before(name)
        self.asked.append(name)
        array = np.array(self._parameters[name])
        self._alive = [*(ref for ref in self._alive if ref() is not None), weakref.ref(array)]
        self.most = max(self.most, len(self._alive))
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)
