# SPDX-License-Identifier: Apache-2.0
"""What a network is to be compared with: no motion at all, and OpenCV's methods without learning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flownet2.errors import InputError
from flownet2.io.opencv import import_cv2
from flownet2.types import Array, FloatArray

_FARNEBACK = {
    "pyr_scale": 0.5,
    "levels": 3,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 5,
    "poly_sigma": 1.2,
    "flags": 0,
}
"""The parameters of OpenCV's tutorial on optical flow."""


class Zero:
    """No pixel moves."""

    facts: Mapping[str, Any] = {"method": "zero flow"}

    def __call__(self, image1: Array, image2: Array, *, size_rule: str = "resize") -> FloatArray:  # noqa: ARG002
        """Float32 zeros (H, W, 2)."""
        return np.zeros((*image1.shape[:2], 2), np.float32)


class OpenCVFlow:
    """A method of OpenCV on grey pictures."""

    def __init__(self, method: str, compute: Callable[[Array, Array], Array], settings: Mapping[str, Any]) -> None:
        self._cv2 = import_cv2(f"the baseline {method}")
        self._compute = compute
        self.facts: Mapping[str, Any] = {
            "method": method,
            "settings": dict(settings),
            "opencv": self._cv2.__version__,
            "threads": self._cv2.getNumThreads(),
        }

    def __call__(self, image1: Array, image2: Array, *, size_rule: str = "resize") -> FloatArray:  # noqa: ARG002
        """Float32 (H, W, 2) of two RGB pictures (H, W, 3), uint8 or uint16; it takes any size, so no rule is needed.

        Raises:
            InputError: OpenCV refuses them; DIS needs some size.
        """
        try:
            flow = self._compute(self._grey(image1), self._grey(image2))
        except self._cv2.error as error:
            size = f"{image1.shape[1]}x{image1.shape[0]}"
            raise InputError(f"OpenCV's {self.facts['method']} refuses pictures of {size}: {error}") from None
        return np.ascontiguousarray(flow, np.float32)

    def _grey(self, image: Array) -> Array:
        eight_bits = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
        grey: Array = self._cv2.cvtColor(eight_bits, self._cv2.COLOR_RGB2GRAY)
        return grey


def dis() -> OpenCVFlow:
    """Dense inverse search (Kroeger et al., 2016), preset "medium".

    Raises:
        UnavailableError: OpenCV is not installed.
    """
    cv2 = import_cv2("the baseline dis")
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return OpenCVFlow("DIS", lambda one, two: method.calc(one, two, None), {"preset": "medium"})


def farneback() -> OpenCVFlow:
    """Farneback's polynomial expansion (2003), parameters of OpenCV's tutorial.

    Raises:
        UnavailableError: OpenCV is not installed.
    """
    cv2 = import_cv2("the baseline farneback")
    return OpenCVFlow(
        "Farneback", lambda one, two: cv2.calcOpticalFlowFarneback(one, two, None, **_FARNEBACK), _FARNEBACK
    )


def set_baseline_threads(count: int) -> None:
    """How many threads OpenCV uses, in the whole process; what is opened afterwards has it among its facts.

    Raises:
        UnavailableError: OpenCV is not installed.
    """
    import_cv2("a baseline").setNumThreads(count)


BASELINES: dict[str, Callable[[], Zero | OpenCVFlow]] = {"zero": Zero, "dis": dis, "farneback": farneback}
"""By the names that `flownet2 eval --model` takes."""
