# SPDX-License-Identifier: Apache-2.0
"""NVRTC, a second compiler: it must take every kernel file as it is, though it has no headers of the host.

    python nvrtc_check.py LIBNVRTC CUDA_INCLUDE_FOLDER [ARCHITECTURE ...]

Needs no driver. LIBNVRTC comes from PyPI (nvidia-cuda-nvrtc), the headers from the toolkit.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

CSRC = Path(__file__).parents[2] / "csrc"


def compiles(nvrtc: ctypes.CDLL, source: Path, options: list[str]) -> bool:
    """Compiles one file; prints the log of a failure."""
    program = ctypes.c_void_p()
    text = source.read_bytes()
    if nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, source.name.encode(), 0, None, None) != 0:
        return False
    values = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    status = nvrtc.nvrtcCompileProgram(program, len(options), values)
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value + 1)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    if status != 0 or size.value == 0:
        print(f"FAILED: {source.name} {' '.join(options)}\n{log.value.decode()}")  # noqa: T201
        return False
    print(f"ok   {source.name} {options[0]}: {size.value} bytes")  # noqa: T201
    return True


def main(library: str, headers: str, architectures: list[str]) -> int:
    nvrtc = ctypes.CDLL(library)
    results = [
        compiles(nvrtc, source, [f"-arch=sm_{arch}", "-std=c++17", f"-I{CSRC}", f"-I{headers}"])
        for arch in architectures
        for source in sorted((CSRC / "cuda").glob("*.cu"))
    ]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:] or ["80", "120"]))
