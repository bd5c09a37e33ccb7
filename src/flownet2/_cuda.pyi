# SPDX-License-Identifier: Apache-2.0
# Written by hand; tests/cuda/test_device_module.py compares it with the module.
#
# Arrays are on the GPU: float32, float16, or bfloat16 as its bits in uint16. Results are written into `out`. All is
# queued on the launch stream, a CUDA handle, behind what the arrays' own streams hold; nothing is waited for.
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias, type_check_only

emulated: Final[bool]
cuda_version: Final[int]

@type_check_only
class CudaArray(Protocol):
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...

_Triple: TypeAlias = tuple[int, int, int]
_Launch: TypeAlias = tuple[_Triple, tuple[int, int]]

# Axes N, H, W, C; the arrays may be channels of wider ones.

def correlate(
    a: CudaArray,
    b: CudaArray,
    out: CudaArray,
    *,
    max_displacement: int,
    stride: int,
    scale: float = ...,
    leaky_slope: float | None = None,
    launch_stream: int,
    kernel: str | None = None,
) -> str: ...
def flow_head(
    x: CudaArray,
    weight: CudaArray,
    bias: CudaArray | None,
    out: CudaArray,
    *,
    stride: int,
    padding: int,
    leaky_slope: float | None = None,
    launch_stream: int,
) -> None: ...
def flow_up(
    x: CudaArray,
    weight: CudaArray,
    bias: CudaArray | None,
    out: CudaArray,
    *,
    stride: int,
    padding: int,
    leaky_slope: float | None = None,
    launch_stream: int,
) -> None: ...
def gather(
    x: CudaArray, out: CudaArray, *, kernel: int, stride: int, padding: int, first: int = 0, launch_stream: int
) -> None: ...
def epilogue(
    x: CudaArray, bias: CudaArray | None, out: CudaArray, *, leaky_slope: float | None = None, launch_stream: int
) -> None: ...
def scatter(
    x: CudaArray,
    bias: CudaArray | None,
    out: CudaArray,
    *,
    first: int = 0,
    leaky_slope: float | None = None,
    launch_stream: int,
) -> None: ...
def pack(
    first: CudaArray, second: CudaArray, out: CudaArray, *, reversed: bool, mean: Sequence[float], launch_stream: int
) -> None: ...
def link(
    pair: CudaArray,
    flow: CudaArray,
    out: CudaArray,
    *,
    factor: float,
    padding: str,
    align_corners: bool,
    launch_stream: int,
) -> None: ...
def fusion_link(
    pair: CudaArray,
    small: CudaArray,
    stacked: CudaArray,
    out: CudaArray,
    *,
    factors: tuple[float, float],
    padding: str,
    launch_stream: int,
) -> None: ...

# Axes N, C, H, W, of any strides.

def channel_norm(x: CudaArray, out: CudaArray, *, launch_stream: int) -> None: ...
def resize(x: CudaArray, out: CudaArray, *, mode: str, align_corners: bool, launch_stream: int) -> None: ...
def warp(
    x: CudaArray,
    flow: CudaArray,
    out: CudaArray,
    *,
    padding: str,
    align_corners: bool,
    mask: bool,
    launch_stream: int,
) -> None: ...
def elementwise(
    kind: str,
    a: CudaArray,
    b: CudaArray | None,
    out: CudaArray,
    *,
    factor: float = ...,
    leaky_slope: float | None = None,
    launch_stream: int,
) -> None: ...

# Grids: blocks, threads of a block. These need no GPU.

def correlation_launch(kernel: str, n: int, h: int, w: int, channels: int) -> dict[str, Any]: ...
def launch_over_image(h: int, w: int, batch: int, /) -> _Launch: ...
def launch_over_channels(pixels: int, channels: int, together: bool, /) -> _Launch: ...
def launch_over_pieces(pixels: int, pieces: int, /) -> _Launch: ...
