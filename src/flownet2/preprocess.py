# SPDX-License-Identifier: Apache-2.0
"""From pictures to what a network takes, and from its flow back to the picture's size."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import numpy as np

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
        if channel_order != self.channel_order:
            pictures = pictures[..., ::-1]
        planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        unit = np.take(_UINT8_TO_UNIT, planes) if planes.dtype == np.uint8 else planes
        if any(self.mean):
            unit = unit - np.asarray(self.mean, np.float32)[:, None, None]
        return np.ascontiguousarray(unit, np.float32)


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
            bottom, right = rows - self.height, columns - self.width
            return np.pad(pictures, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")
        return np.stack([resize_picture(picture, rows, columns) for picture in pictures])

    def backward(self, flow: FloatArray) -> FloatArray:
        """(N, H, W, 2) pixels at the network's size -> at the pictures' size; "crop" keeps the cropped size."""
        if self.rule == "pad":
            return np.ascontiguousarray(flow[:, : self.height, : self.width])
        if self.rule == "resize":
            return np.stack([resize_flow(item, self.height, self.width) for item in flow])
        return flow

    def _multiple_of(self, size: int, down: bool) -> int:
        return (size if down else size + self.multiple - 1) // self.multiple * self.multiple
