# SPDX-License-Identifier: Apache-2.0
"""What the executor wants of an engine for convolutions, and what it tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from flownet2.types import Array


@dataclass(frozen=True)
class ConvSpec:
    """One convolution on tensors (N, H, W, C), as an engine sees it; transposed ones became plain (transposed.py).

    Attributes:
        batch, height, width: of the input.
        channels_in: of the tensor that is read, zeros for padding among them.
        pitch_in: elements from one pixel of it to the next; more than channels_in in a slice of channels.
        channels_out: of the result, padding among them.
        kernel, stride, padding: square.
        precision: of x and the weights, "float32" (no tensor cores), "tf32" (float32 in memory), "float16" or
            "bfloat16".
    """

    batch: int
    height: int
    width: int
    channels_in: int
    pitch_in: int
    channels_out: int
    kernel: int
    stride: int
    padding: int
    precision: str

    @property
    def out_size(self) -> tuple[int, int]:
        """(rows, columns) of the result."""
        less = self.kernel - 2 * self.padding
        return (self.height - less) // self.stride + 1, (self.width - less) // self.stride + 1


class Finish(Protocol):
    """Queues bias, LeakyReLU and the way into the output's channels for some rows of a result."""

    def __call__(self, sums: Any, first: int) -> None:
        """Takes rows of all images, counted as one, of a convolution's result.

        Args:
            sums: (rows, columns, channels_out), float32 or the precision's own type.
            first: number of the first of them.
        """
        ...


class Convolution(Protocol):
    """A convolution that an engine has planned.

    Attributes:
        scratch: bytes of working memory that a run needs.
    """

    scratch: int

    def run(self, x: Any, weights: Any, scratch: Any, finish: Finish) -> None:
        """Queues it.

        Args:
            x: (N, H, W, channels_in), perhaps a slice of channels.
            weights: what `Engine.packed` gave, in the precision's type.
            scratch: uint8, at least so many bytes.
            finish: is called for all rows of the result.
        """
        ...


class Engine(Protocol):
    """Where convolutions come from.

    Attributes:
        name: "cublas" or "cudnn".
    """

    name: str

    def packed(self, weight: Array) -> Array:
        """Weights as the engine reads them: float32, from (Co, Ci, Kh, Kw)."""
        ...

    def plan(self, spec: ConvSpec) -> Convolution:
        """The convolution made ready.

        Raises:
            UnavailableError: the engine cannot compute it.
        """
        ...
