# SPDX-License-Identifier: Apache-2.0
"""A picture pair made ready to be shown: of a size that a page can hold, with its masks and one scale of colours."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flownet2.datasets.base import Mask, Pair
from flownet2.errors import InputError
from flownet2.evaluation import Rules
from flownet2.io.arrays import check_flow, known
from flownet2.io.opencv import encode, import_cv2
from flownet2.pixel_errors import pixel_errors
from flownet2.types import Array, FloatArray
from flownet2.viz import error_map, flow_to_color, max_speed

PICTURE_WIDTH = 1280
VALUES_WIDTH = 640
"""Wider pictures are embedded reduced, by a whole number; values are those of every n-th row and column."""

_FRAME_QUALITY = 85
_FLOW_QUALITY = 92
_PURPOSE = "The pictures of a report"


@dataclass(frozen=True)
class Scene:
    """Attributes:
    frames: both pictures, reduced, uint8 (h, w, 3).
    truth: float32 (H, W, 2), NaN where it is unknown.
    counted: bool (H, W), pixels that the scores count.
    occluded: bool (H, W), None if the data set does not tell.
    scale: px of full colour in the pictures of flow.
    """

    frames: tuple[Array, Array]
    truth: FloatArray
    counted: Mask
    occluded: Mask | None
    scale: float

    @staticmethod
    def read(pair: Pair, rules: Rules) -> Scene:
        """Read the files of a pair; errors as `Pair.pictures` and `Pair.truth`."""
        frames = pair.pictures()
        truth = pair.truth()
        valid = truth.valid if rules.uses_valid else None
        still = np.zeros_like(truth.flow)
        counted = pixel_errors(still, truth.flow, valid, max_flow=rules.max_flow).mask
        certain = known(truth.flow) & (truth.valid | counted)
        flow = np.where(certain[..., None], truth.flow, np.float32(np.nan))
        reduced = [reduce_frame(frame) for frame in frames]
        return Scene((reduced[0], reduced[1]), flow, counted, truth.occluded, max_speed(flow))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pair's own pictures."""
        height, width = self.truth.shape[:2]
        return height, width

    @property
    def values_step(self) -> int:
        """Every how many rows and columns the page has values of."""
        return step_for(self.size[1], VALUES_WIDTH)

    def flow_uri(self, flow: FloatArray) -> str:
        """A flow of the pair's size in the colours of the scene."""
        colors = _thinned(flow_to_color(flow, self.scale))
        # JPEG blurs the border of unknown pixels.
        return jpeg_uri(colors, _FLOW_QUALITY) if known(flow).all() else png_uri(colors)

    def error_uri(self, flow: FloatArray) -> str:
        """KITTI's colours of the error at the counted pixels."""
        return png_uri(_thinned(error_map(flow, self.truth, self.counted)))


def result(scene: Scene, compute: Callable[[], FloatArray]) -> FloatArray | str:
    """What a model gives for a scene, or why it gives nothing."""
    try:
        flow = check_flow(compute()).astype(np.float32, copy=False)
        if flow.shape != scene.truth.shape:
            raise InputError(f"the flow has shape {flow.shape}, the truth {scene.truth.shape}")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return flow


def step_for(width: int, limit: int) -> int:
    """The smallest whole number that brings a width to the limit."""
    return -(-width // limit)


def reduce_frame(frame: Array) -> NDArray[np.uint8]:
    """A picture of 8 or 16 bits as one of 8 bits, no wider than the page shows."""
    cv2 = import_cv2(_PURPOSE)
    height, width = frame.shape[:2]
    step = step_for(width, PICTURE_WIDTH)
    if step > 1:
        frame = cv2.resize(frame, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    return (frame >> 8).astype(np.uint8) if frame.dtype == np.uint16 else frame.astype(np.uint8, copy=False)


def jpeg_uri(picture: NDArray[np.uint8], quality: int = _FRAME_QUALITY) -> str:
    """An RGB picture as a data URI."""
    cv2 = import_cv2(_PURPOSE)
    full_color = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if quality > _FRAME_QUALITY else None
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if full_color is not None:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full_color]
    return _uri(".jpg", "jpeg", picture, options)


def png_uri(picture: NDArray[np.uint8]) -> str:
    """An RGB picture as a data URI, exactly."""
    cv2 = import_cv2(_PURPOSE)
    return _uri(".png", "png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _uri(suffix: str, kind: str, picture: NDArray[np.uint8], options: Sequence[int]) -> str:
    data = encode(suffix, np.ascontiguousarray(picture[..., ::-1]), _PURPOSE, options)
    if data is None:
        raise InputError(f"OpenCV cannot write a picture of shape {picture.shape} as {kind}")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _thinned(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = step_for(picture.shape[1], PICTURE_WIDTH)
    return picture[::step, ::step]
