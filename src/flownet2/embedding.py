# SPDX-License-Identifier: Apache-2.0
"""Where the package keeps what C++ programs need: headers, library, CMake's files (docs/embedding.md)."""

from __future__ import annotations

from pathlib import Path

from flownet2.errors import UnavailableError


def get_cmake_dir() -> str:
    """The folder of flownet2-config.cmake, from which CMake's find_package(flownet2) takes headers and library.

    `flownet2 --cmake-dir` prints it.

    Raises:
        UnavailableError: this installation has no such files.

    Example:
        >>> import flownet2
        >>> flownet2.get_cmake_dir().endswith("flownet2")
        True
    """
    import flownet2

    # An editable install has two folders: the sources, and what CMake installed.
    folders = [Path(folder, "lib", "cmake", "flownet2") for folder in flownet2.__path__]
    for folder in folders:
        if (folder / "flownet2-config.cmake").is_file():
            return str(folder)
    raise UnavailableError(
        f"this installation has no flownet2-config.cmake in {' or '.join(map(str, folders))}: it was built with "
        "FLOWNET2_INSTALL=OFF. Install flownet2 again without that option"
    )
