# SPDX-License-Identifier: Apache-2.0
"""From pictures to what a network takes, and from its flow back to the picture's size.

Sizes and means are handled here and nowhere else: first the pixels are cropped, padded, or resized as OpenCV does it;
then they become numbers from 0 to 1 and the mean is subtracted; a float resize comes last.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flownet2.arrays import namespace
from flownet2.errors import GraphError, InputError
from flownet2.resampling import RESAMPLINGS, resize_flow, resize_picture
from flownet2.types import Array, FloatArray

CHANNEL_ORDERS = ("rgb", "bgr")
SIZE_RULES = ("resize", "pad", "crop")
MEAN_RULES = ("given", "pair", "picture")

_UINT8_TO_UNIT = (np.arange(256) / 255).astype(np.float32)
"""x / 255 rounded once, as mmcv does it; float32(x) * float32(1 / 255) differs for 126 of the 256 values."""

_FLOAT_STEPS = 2.0**24
"""Float pixels are counted in steps of 1 / this to be summed: the sum of integers is the same in any order."""

_ALWAYS_WRITTEN = ("channel_order", "mean")


@dataclass(frozen=True)
class Preprocess:
    """How the network of a model file takes its pictures.

    Attributes:
        channel_order: "bgr" or "rgb".
        mean: subtracted after the division by 255, in channel_order.
        mean_rule: "given": `mean`; "pair": the mean of each channel over both pictures instead (NVIDIA), "picture": of
            each picture (ptlflow).
        size_rule: what is done where a call names none, see `SizeFit`.
        resampling: how "resize" does it, a name of `flownet2.resampling.RESAMPLINGS`; all but "opencv" work on floats,
            after the mean was subtracted.
        flow_value: of the graph, in pixels of the network's input: what such a float resize is of, on the way back.
            Caffe takes the flow at a quarter of the size straight to that of the pictures.
        second_mean: that of the second picture, None where it is the first's.
    """

    channel_order: str = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mean_rule: str = "given"
    size_rule: str = "resize"
    resampling: str = "opencv"
    flow_value: str = "flow"
    second_mean: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.channel_order not in CHANNEL_ORDERS:
            raise GraphError(f"preprocess: channel_order must be 'rgb' or 'bgr', got {self.channel_order!r}")
        _check_mean("mean", self.mean)
        if self.second_mean is not None:
            _check_mean("second_mean", self.second_mean)
        choices = {"mean_rule": MEAN_RULES, "size_rule": SIZE_RULES, "resampling": tuple(RESAMPLINGS)}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                listed = ", ".join(map(repr, known))
                raise GraphError(
                    f"preprocess: {name} must be one of {listed}, got {getattr(self, name)!r:.60}; "
                    "a newer flownet2 may know it (pip install -U flownet2)"
                )
        if not isinstance(self.flow_value, str):
            raise GraphError(f"preprocess: flow_value must be the name of a value, got {self.flow_value!r:.60}")
        if self.mean_rule != "given" and (any(self.mean) or self.second_mean is not None):
            raise GraphError(f"preprocess: mean_rule {self.mean_rule!r} leaves no place for a mean, got {self.mean!r}")

    def to_json(self) -> str:
        """The record's text in a model file; fields that have their default are left out, as older readers want."""
        default = Preprocess()
        content = {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name in _ALWAYS_WRITTEN or value != getattr(default, name)
        }
        return json.dumps(content, separators=(",", ":"))

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
        known = [field.name for field in dataclasses.fields(Preprocess)]
        if not isinstance(content, dict) or not set(_ALWAYS_WRITTEN) <= set(content) <= set(known):
            raise GraphError(
                f"preprocess text must have the fields {', '.join(_ALWAYS_WRITTEN)}, and may have "
                f"{', '.join(known[len(_ALWAYS_WRITTEN) :])}; got {text!r:.120}"
            )
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        return Preprocess(**values)

    def fit(self, size_rule: str | None, height: int, width: int, multiple: int) -> SizeFit:
        """How pictures of a size meet the network; None for the model's own rule.

        Raises:
            InputError: no such rule, or nothing would be left of the pictures.
        """
        rule = self.size_rule if size_rule is None else size_rule
        return SizeFit(rule, height, width, multiple, self.resampling, self.flow_value)

    @property
    def whole_size_rule(self) -> str:
        """The model's own, but "resize" for "crop": for callers who need flow of the pictures' size."""
        return "resize" if self.size_rule == "crop" else self.size_rule

    def is_plain(self, fit: SizeFit) -> bool:
        """Whether `inputs` is but `fit.forward`, then `tensor` of pictures apart from each other."""
        return self.mean_rule == "given" and self.second_mean is None and not fit.resizes_floats

    def inputs(self, first: Array, second: Array, channel_order: str, fit: SizeFit) -> tuple[FloatArray, FloatArray]:
        """Both pictures (N, H, W, 3), uint8 or float32 0..1 in channel_order -> what the network takes of them.

        (N, 3, h, w) float32 of the network's size.
        """
        pair = [self._ordered(fit.forward(pictures), channel_order) for pictures in (first, second)]
        means = self._means(*pair)
        one, two = (fit.stretch(_tensor(pictures, mean)) for pictures, mean in zip(pair, means, strict=True))
        return one, two

    def tensor(self, pictures: Array, channel_order: str) -> FloatArray:
        """(N, H, W, 3) in channel_order -> (N, 3, H, W), less `mean` whatever the rule is."""
        return _tensor(self._ordered(pictures, channel_order), _given(self.mean, pictures))

    def _ordered(self, pictures: Array, channel_order: str) -> Array:
        return pictures if channel_order == self.channel_order else pictures[..., ::-1]

    def _means(self, first: Array, second: Array) -> tuple[Array | None, Array | None]:
        """What to subtract from either, (3, 1, 1) or (N, 3, 1, 1)."""
        if self.mean_rule == "given":
            second_mean = self.mean if self.second_mean is None else self.second_mean
            return _given(self.mean, first), _given(second_mean, second)
        sums = _channel_sums(first), _channel_sums(second)
        pixels = first.shape[1] * first.shape[2]
        if self.mean_rule == "pair":
            both = _mean(sums[0] + sums[1], 2 * pixels, first.dtype)
            return both, both
        return _mean(sums[0], pixels, first.dtype), _mean(sums[1], pixels, first.dtype)


def _check_mean(name: str, mean: object) -> None:
    numbers = isinstance(mean, tuple) and all(isinstance(m, (int, float)) and not isinstance(m, bool) for m in mean)
    if not (numbers and isinstance(mean, tuple) and len(mean) == 3 and all(abs(m) <= 1 for m in mean)):
        raise GraphError(f"preprocess: {name} must be three numbers in 0..1, got {mean!r:.80}")


def _given(mean: tuple[float, float, float], pictures: Array) -> Array | None:
    """A mean where the pictures lie, (3, 1, 1); None for that of zeros."""
    if not any(mean):
        return None
    there: Array = namespace(pictures).asarray(np.array(mean, np.float32)[:, None, None])
    return there


def _tensor(pictures: Array, mean: Array | None) -> FloatArray:
    """(N, H, W, 3) uint8 or float32 -> (N, 3, H, W) float32 less the mean."""
    xp = namespace(pictures)
    planes = xp.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
    unit = xp.take(xp.asarray(_UINT8_TO_UNIT), planes) if planes.dtype == np.uint8 else planes
    tensor: FloatArray = xp.ascontiguousarray(unit if mean is None else unit - mean, np.float32)
    return tensor


def _channel_sums(pictures: Array) -> Array:
    """(N, 3) integers: in grey levels, or in steps of _FLOAT_STEPS."""
    whole = pictures
    if pictures.dtype != np.uint8:
        whole = np.rint(pictures * np.float32(_FLOAT_STEPS)).astype(np.int64)  # CuPy takes NumPy's functions over
    sums: Array = whole.sum(axis=1, dtype=np.int64).sum(axis=1)
    return sums


def _mean(sums: Array, pixels: int, dtype: np.dtype[Any]) -> Array:
    """(N, 3, 1, 1) float32 in 0..1."""
    steps = 255.0 if dtype == np.uint8 else _FLOAT_STEPS
    mean: Array = (sums / (steps * pixels)).astype(np.float32)[:, :, None, None]
    return mean


@dataclass(frozen=True)
class SizeFit:
    """How pictures of one size meet a network that wants multiples of `multiple`.

    Attributes:
        rule: "resize" (mmflow: to the next multiples, the flow resized and rescaled back), "pad" (repeat the last
            row and column, cut off again) or "crop" (NVIDIA: the centre, down to multiples; the flow has that size).
        height, width: of the pictures.
        multiple: what both sides of the network's input must be multiples of.
        resampling, flow_value: see `Preprocess`.
    """

    rule: str
    height: int
    width: int
    multiple: int
    resampling: str = "opencv"
    flow_value: str = "flow"

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

    @property
    def resizes_floats(self) -> bool:
        """Whether `stretch` does what `forward` leaves."""
        differs = self.network_size != (self.height, self.width)
        return self.rule == "resize" and self.resampling != "opencv" and differs

    @property
    def output(self) -> str:
        """The value of the graph that `backward` takes."""
        return self.flow_value if self.resizes_floats else "flow"

    def forward(self, pictures: Array) -> Array:
        """(N, H, W, 3) at the pictures' size -> at the network's size, unless `resizes_floats`."""
        rows, columns = self.network_size
        if (rows, columns) == (self.height, self.width) or self.resizes_floats:
            return pictures
        if self.rule == "crop":
            top, left = (self.height - rows) // 2, (self.width - columns) // 2
            return pictures[:, top : top + rows, left : left + columns]
        if self.rule == "pad":
            added = ((0, 0), (0, rows - self.height), (0, columns - self.width), (0, 0))
            padded: Array = namespace(pictures).pad(pictures, added, mode="edge")
            return padded
        return _resized(resize_picture, pictures, rows, columns, self.resampling)

    def stretch(self, tensor: FloatArray) -> FloatArray:
        """(N, 3, H, W), the pictures after the mean was subtracted -> at the network's size."""
        if not self.resizes_floats:
            return tensor
        resized: FloatArray = _resized(resize_picture, tensor[..., None], *self.network_size, self.resampling)[..., 0]
        return resized

    def backward(self, flow: FloatArray) -> FloatArray:
        """(N, h, w, 2), `output` in pixels of the network's size -> at the pictures' size; "crop" keeps the cropped."""
        if self.rule == "pad":
            cut: FloatArray = namespace(flow).ascontiguousarray(flow[:, : self.height, : self.width])
            return cut
        size = self.height, self.width
        if self.rule == "resize":
            return _resized(functools.partial(resize_flow, pixels_of=self.network_size), flow, *size, self.resampling)
        return flow

    def _multiple_of(self, size: int, down: bool) -> int:
        return (size if down else size + self.multiple - 1) // self.multiple * self.multiple


def _resized(
    resize: Callable[[Array, int, int, str], Array], batch: Array, height: int, width: int, resampling: str
) -> Array:
    """Every item resized: on the CPU one after the other, each within the cache, elsewhere all at once."""
    if namespace(batch) is np:
        return np.stack([resize(item, height, width, resampling) for item in batch])
    return resize(batch, height, width, resampling)
