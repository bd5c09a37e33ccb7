# SPDX-License-Identifier: Apache-2.0
"""What a convolution is to the executor, and what an engine for convolutions is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from flownet2.types import Array


@dataclass(frozen=True)
class ConvSpec:
    """One convolution on NHWC tensors, as an engine sees it."""

    transposed: bool
    batch: int
    height: int  # of the input
    width: int
    channels_in: int  # of the tensor that is read, zero channels for padding included
    pitch_in: int  # elements from one pixel of it to the next: more than channels_in in a slice of channels
    channels_out: int
    kernel: int
    stride: int
    padding: int
    precision: str  # "float32" (no tensor cores), "tf32", "float16", "bfloat16": of x and weights; float32 for "tf32"

    @property
    def out_size(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        if self.transposed:
            rows, columns = ((n - 1) * self.stride for n in (self.height, self.width))
            return rows - 2 * self.padding + self.kernel, columns - 2 * self.padding + self.kernel
        rows, columns = ((n + 2 * self.padding - self.kernel) // self.stride for n in (self.height, self.width))
        return rows + 1, columns + 1


class Finish(Protocol):
    """Queues bias, LeakyReLU and the way into the output's slice for some rows."""

    def __call__(self, sums: Any, first: int, rows: int, phase: tuple[int, int] | None) -> None: ...


class Convolution(Protocol):
    """A convolution that an engine has planned."""

    scratch: int  # bytes of working memory for a run, 256-aligned pieces inside are the engine's business

    def packed(self, weight: Array) -> Array: ...

    def run(self, x: Any, weights: Any, scratch: Any, finish: Finish) -> None: ...


class Engine(Protocol):
    """A way to compute convolutions."""

    name: str

    def plan(self, spec: ConvSpec) -> Convolution: ...
