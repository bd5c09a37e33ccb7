# SPDX-License-Identifier: Apache-2.0
"""NVRTC, a second compiler: it must take all kernel files, though it has no headers of the host.

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
# Of the standard library what the kernels and the headers of their launchers need: types whose functions nobody calls.
HEADERS = {
    "cstdint": """namespace std {
        using int64_t = long long;
        using uint64_t = unsigned long long;
        using int32_t = int;
        using uint32_t = unsigned;
        using uint16_t = unsigned short;
    }""",
    "type_traits": """namespace std {
        template <bool, class T = void> struct enable_if {};
        template <class T> struct enable_if<true, T> { using type = T; };
        template <bool B, class T = void> using enable_if_t = typename enable_if<B, T>::type;
        template <bool, class T, class> struct conditional { using type = T; };
        template <class T, class F> struct conditional<false, T, F> { using type = F; };
        template <bool B, class T, class F> using conditional_t = typename conditional<B, T, F>::type;
        template <class, class> inline constexpr bool is_same_v = false;
        template <class T> inline constexpr bool is_same_v<T, T> = true;
    }""",
    "optional": "namespace std { template <class T> struct optional { T value; bool has; }; }",
    "vector": "namespace std { template <class T> struct vector { T* data; }; }",
}


def compiles(nvrtc: ctypes.CDLL, source: Path, options: list[str]) -> bool:
    """Compiles one file; prints the log of a failure."""
    program = ctypes.c_void_p()
    names, texts = (
        (ctypes.c_char_p * len(HEADERS))(*(part.encode() for part in parts))
        for parts in (HEADERS, [f"#pragma once\n{text}" for text in HEADERS.values()])
    )
    given = source.read_bytes(), source.name.encode(), len(HEADERS), texts, names
    if nvrtc.nvrtcCreateProgram(ctypes.byref(program), *given) != 0:
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
    nvrtc, folders = ctypes.CDLL(library), [CSRC, CSRC / "include", headers_of_nvcc()]
    results = [
        compiles(nvrtc, source, [f"-arch=sm_{arch}", "-std=c++17", "-default-device", *(f"-I{one}" for one in folders)])
        for arch in architectures
        for source in sorted((CSRC / "cuda").glob("*.cu"))
    ]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or ["80", "120"]))
