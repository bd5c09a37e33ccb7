# SPDX-License-Identifier: Apache-2.0
"""Where flownet2 keeps files of its own between runs."""

from __future__ import annotations

import os
from pathlib import Path

from flownet2.errors import UnavailableError


def home_folder() -> Path:
    """$FLOWNET2_HOME, else $XDG_CACHE_HOME/flownet2, else ~/.cache/flownet2; it may not be there yet.

    Raises:
        UnavailableError: none of the variables is set and the user has no home folder.
    """
    chosen = os.environ.get("FLOWNET2_HOME")
    if chosen:
        return Path(chosen).absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if cache.is_absolute():  # the XDG specification: a relative path is to be ignored
        return cache / "flownet2"
    try:
        return Path.home() / ".cache" / "flownet2"
    except RuntimeError as error:
        raise UnavailableError(f"{error}; set FLOWNET2_HOME to a folder that can be written") from None
