# SPDX-License-Identifier: Apache-2.0
"""From pictures to what a network takes, and from its flow back to the picture's size."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flownet2.arrays import namespace
from flownet2.errors import GraphError, InputError
from flownet2.resampling import resize_flow, resize_picture
from flownet2.types import Array, FloatArray

CHANNEL_ORDERS = ("rgb", "bgr")
SIZE_RULES = ("resize", "pad", "crop")

_UINT8_TO_UNIT = (np.arange(256) / 255).astype(np.float32)
"""x / 255 rounded once, as mmcv does it; float32(x) * float32(1 / 255) differs for 126 of the 256 values."""


@dataclass(frozen=True)
class Preprocess:
    """How the network of a model file takes its pictures.

    Attributes:
        channel_order: "bgr" or "rgb".
        mean: subtracted after the division by 255, in channel_order.
    """

    channel_order: str = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.channel_order not in CHANNEL_ORDERS:
            raise GraphError(f"preprocess: channel_order must be 'rgb' or 'bgr', got {self.channel_order!r}")
        numbers = isinstance(self.mean, tuple) and all(
            isinstance(m, (int, float)) and not isinstance(m, bool) for m in self.mean
        )
        if not numbers or len(self.mean) != 3 or not all(abs(m) <= 1 for m in self.mean):
            raise GraphError(f"preprocess: mean must be three numbers in 0..1, got {self.mean!r}")

    def to_json(self) -> str:
        """The record's text in a model file."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Preprocess:
        """The record of a text.

        Raises:
            GraphError: not JSON, or fields unknown or wrong.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GraphError(f"preprocess text is not JSON: {error}") from None
        known = {field.name for field in dataclasses.fields(Preprocess)}
        if not isinstance(content, dict) or set(content) != known:
            raise GraphError(f"preprocess text must have the fields {', '.join(sorted(known))}; got {text!r:.120}")
        mean = content["mean"]
        return Preprocess(content["channel_order"], tuple(mean) if isinstance(mean, list) else mean)

    def tensor(self, pictures: Array, channel_order: str) -> FloatArray:
        """(N, H, W, 3) uint8 or float32 0..1 in channel_order -> (N, 3, H, W) float32 as the network takes it."""
        xp = namespace(pictures)
        if channel_order != self.channel_order:
            pictures = pictures[..., ::-1]
        planes = xp.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        unit = xp.take(xp.asarray(_UINT8_TO_UNIT), planes) if planes.dtype == np.uint8 else planes
        if any(self.mean):
            unit = unit - xp.asarray(np.array(self.mean, np.float32)[:, None, None])
        tensor: FloatArray = xp.ascontiguousarray(unit, np.float32)
        return tensor


@dataclass(frozen=True)
class SizeFit:
    """How pictures of one size meet a network that wants multiples of `multiple`.

    Attributes:
        rule: "resize" (mmflow: to the next multiples, the flow resized and rescaled back), "pad" (repeat the last
            row and column, cut off again) or "crop" (NVIDIA: the centre, down to multiples; the flow has that size).
        height, width: of the pictures.
        multiple: what both sides of the network's input must be multiples of.
    """

    rule: str
    height: int
    width: int
    multiple: int

    def __post_init__(self) -> None:
        if self.rule not in SIZE_RULES:
            raise InputError(f"size_rule must be one of {', '.join(map(repr, SIZE_RULES))}, got {self.rule!r}")
        if self.rule == "crop" and min(self.height, self.width) < self.multiple:
            raise InputError(
                f"size_rule 'crop' needs pictures of at least {self.multiple}x{self.multiple} pixels, "
                f"got {self.height}x{self.width}; use 'resize' or 'pad'"
            )

    @property
    def network_size(self) -> tuple[int, int]:
        """(rows, columns) of the network's input."""
        down = self.rule == "crop"
        return self._multiple_of(self.height, down), self._multiple_of(self.width, down)

    def forward(self, pictures: Array) -> Array:
        """(N, H, W, 3) at the pictures' size -> at the network's size."""
        rows, columns = self.network_size
        if (rows, columns) == (self.height, self.width):
            return pictures
        if self.rule == "crop":
            top, left = (self.height - rows) // 2, (self.width - columns) // 2
            return pictures[:, top : top + rows, left : left + columns]
        if self.rule == "pad":
            added = ((0, 0), (0, rows - self.height), (0, columns - self.width), (0, 0))
            padded: Array = namespace(pictures).pad(pictures, added, mode="edge")
            return padded
        return _resized(resize_picture, pictures, rows, columns)

    def backward(self, flow: FloatArray) -> FloatArray:
        """(N, H, W, 2) pixels at the network's size -> at the pictures' size; "crop" keeps the cropped size."""
        if self.rule == "pad":
            cut: FloatArray = namespace(flow).ascontiguousarray(flow[:, : self.height, : self.width])
            return cut
        if self.rule == "resize":
            return _resized(resize_flow, flow, self.height, self.width)
        return flow

    def _multiple_of(self, size: int, down: bool) -> int:
        return (size if down else size + self.multiple - 1) // self.multiple * self.multiple


def _resized(resize: Callable[[Array, int, int], Array], batch: Array, height: int, width: int) -> Array:
    """Every item resized: on the CPU one after the other, each within the cache, elsewhere all at once."""
    if namespace(batch) is np:
        return np.stack([resize(item, height, width) for item in batch])
    return resize(batch, height, width)
