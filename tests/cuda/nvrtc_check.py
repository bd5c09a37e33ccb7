# SPDX-License-Identifier: Apache-2.0
"""NVRTC, a second compiler: it must take the kernel files that say so, though it has no headers of the host.

    python nvrtc_check.py LIBNVRTC [ARCHITECTURE ...]

Needs no driver. LIBNVRTC comes from PyPI (nvidia-cuda-nvrtc); nvcc, on PATH, says where the headers are.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
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


def headers_of_nvcc() -> Path:
    """The folder of cuda_fp16.h."""
    source = "#include <cuda_fp16.h>\n"
    command = ["nvcc", "-M", "-x", "cu", "-"]
    needs = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\S+)/cuda_fp16\.h(\s|$)", needs)
    if not found:
        sys.exit(f"nvcc does not say where cuda_fp16.h is: {needs}")
    return Path(found[1])


def main(library: str, architectures: list[str]) -> int:
    nvrtc, headers = ctypes.CDLL(library), headers_of_nvcc()
    results = [
        compiles(
            nvrtc, source, [f"-arch=sm_{arch}", "-std=c++17", f"-I{CSRC}", f"-I{CSRC / 'include'}", f"-I{headers}"]
        )
        for arch in architectures
        for source in sorted((CSRC / "cuda").glob("*.cu"))
        if "__CUDACC_RTC__" in source.read_text("utf-8")  # the others include the library's headers
    ]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or ["80", "120"]))
