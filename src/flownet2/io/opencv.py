# SPDX-License-Identifier: Apache-2.0
"""OpenCV, imported where used (package extra `cli`), and its log kept off the user's terminal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from flownet2.errors import UnavailableError
from flownet2.types import Array

_SILENT = 0  # LOG_LEVEL_SILENT

_lock = threading.Lock()
_quiet_users = 0
_level_before: Any = None


def import_cv2(purpose: str) -> Any:
    """The module cv2.

    Raises:
        UnavailableError: it is not installed; the message says what it was needed for.
    """
    try:
        import cv2
    except ImportError as error:
        raise UnavailableError(f'{purpose} needs OpenCV: pip install "flownet2[cli]" ({error})') from error
    return cv2


def decode(data: bytes, flags: int, purpose: str) -> Array | None:
    """`cv2.imdecode`; None when OpenCV cannot read `data`, whichever way it says so."""
    cv2 = import_cv2(purpose)
    with _quiet(cv2):
        try:
            image: Array | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            return None
    return image


def encode(suffix: str, image: Array, purpose: str, options: Sequence[int] = ()) -> bytes | None:
    """`cv2.imencode` as bytes; None when OpenCV cannot write this. `options` are pairs: cv2.IMWRITE_..., value."""
    cv2 = import_cv2(purpose)
    with _quiet(cv2):
        try:
            done, data = cv2.imencode(suffix, image, options)
        except cv2.error:
            return None
    return data.tobytes() if done else None


@contextlib.contextmanager
def _quiet(cv2: Any) -> Iterator[None]:
    """Silence OpenCV's log; the level is process-wide, so the last of several threads restores it."""
    global _quiet_users, _level_before  # noqa: PLW0603
    # OpenCV 4.8 has only the first name, 5.0 only the second.
    set_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
    with _lock:
        if _quiet_users == 0:
            _level_before = set_level(_SILENT)
        _quiet_users += 1
    try:
        yield
    finally:
        with _lock:
            _quiet_users -= 1
            if _quiet_users == 0:
                set_level(_level_before)
