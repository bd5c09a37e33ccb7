# SPDX-License-Identifier: Apache-2.0
"""cuBLAS's product of matrices by its C interface: CuPy's own refuses to be captured into a CUDA graph."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from flownet2.errors import UnavailableError

WORKSPACE = 32 << 20
"""Bytes that NVIDIA advises on Hopper, the most of all; given to cuBLAS, so that it allocates nothing in a capture."""

TYPES = {"float32": 0, "tf32": 0, "float16": 2, "bfloat16": 14}
"""cudaDataType_t of the factors."""

_FLOAT32 = 0
_COMPUTE_32F, _COMPUTE_32F_FAST_TF32 = 68, 77
_OP_N, _GEMM_DEFAULT = 0, -1

_ONE, _ZERO = ctypes.c_float(1), ctypes.c_float(0)


def open_library(cuda_major: int) -> Any:
    """The library that CuPy has loaded.

    Raises:
        UnavailableError: there is none of that name.
    """
    name = f"cublas64_{cuda_major}.dll" if sys.platform == "win32" else f"libcublas.so.{cuda_major}"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise UnavailableError(
            f'cuBLAS does not load ({error}): pip install "flownet2[cuda{cuda_major}]", or use engine="cudnn"'
        ) from None


def product(
    library: Any, handle: int, stream: int, workspace: int, a: int, b: int, out: int, m: int, n: int, k: int, kind: str
) -> None:
    """Queues out (m, n) float32 = a (m, k) times b (k, n), rows first and without gaps.

    cuBLAS has columns first: out transposed = b transposed times a transposed.

    Args:
        library: cuBLAS.
        handle: of cuBLAS, on the current device; it keeps the stream and the workspace.
        stream: to queue on.
        workspace: address of WORKSPACE bytes on the device.
        a, b, out: addresses on the device.
        m, n, k: sizes.
        kind: the precision.

    Raises:
        RuntimeError: cuBLAS refuses.
    """
    own, number = ctypes.c_void_p(handle), ctypes.c_int(TYPES[kind])
    compute = _COMPUTE_32F_FAST_TF32 if kind == "tf32" else _COMPUTE_32F
    _call(library, "cublasSetStream_v2", own, ctypes.c_void_p(stream))
    _call(library, "cublasSetWorkspace_v2", own, ctypes.c_void_p(workspace), ctypes.c_size_t(WORKSPACE))
    _call(
        library,
        "cublasGemmEx",
        own,
        ctypes.c_int(_OP_N),
        ctypes.c_int(_OP_N),
        ctypes.c_int(n),
        ctypes.c_int(m),
        ctypes.c_int(k),
        ctypes.byref(_ONE),
        ctypes.c_void_p(b),
        number,
        ctypes.c_int(n),
        ctypes.c_void_p(a),
        number,
        ctypes.c_int(k),
        ctypes.byref(_ZERO),
        ctypes.c_void_p(out),
        ctypes.c_int(_FLOAT32),
        ctypes.c_int(n),
        ctypes.c_int(compute),
        ctypes.c_int(_GEMM_DEFAULT),
    )


def _call(library: Any, function: str, *arguments: Any) -> None:
    status = getattr(library, function)(*arguments)
    if status:
        raise RuntimeError(f"{function} has failed with status {status}")
