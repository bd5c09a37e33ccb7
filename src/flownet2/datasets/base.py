# SPDX-License-Identifier: Apache-2.0
"""What every data set is: a list of pairs of paths; pixels are read when one is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from flownet2.errors import DatasetError
from flownet2.io import read_flow, read_image
from flownet2.types import Array, FloatArray

Mask: TypeAlias = NDArray[np.bool_]
"""bool (H, W)."""


@dataclass(frozen=True)
class Truth:
    """True flow of a pair and what is known of its pixels; all arrays are as high and wide as the pictures.

    A mask is None where the data set does not have it. No mask is applied to another: `valid` alone says
    where there is flow (mmflow counts Sintel's occluded and invalid pixels too).
    """

    flow: FloatArray
    """float32 (H, W, 2), u (right) then v (down), in pixels of the pictures."""
    valid: Mask
    """True where the flow is known."""
    occluded: Mask | None = None
    """True where the point of the first picture is hidden, or out of view, in the second."""
    invalid: Mask | None = None
    """True where the data set's makers do not vouch for the flow (Sintel)."""
    noc_valid: Mask | None = None
    """True where the flow is known and the point is seen in the second picture (KITTI's flow_noc)."""
    foreground: Mask | None = None
    """True on moving objects (KITTI 2015's obj_map, FlyingChairs2's oids), False on the background."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures and the files that tell the truth about them. Paths only; a method reads what it returns."""

    name: str
    """Told apart from the others of its data set and the same on every machine: `alley_1/frame_0001`."""
    image1: Path
    image2: Path
    flow: Path | None = None
    """From the first picture to the second; None in test splits."""
    occlusion: Path | None = None
    """A picture, not black where occluded."""
    invalid: Path | None = None
    """A picture, not black where invalid."""
    noc_flow: Path | None = None
    """A flow file that is valid at non-occluded pixels only."""
    objects: Path | None = None
    """A picture of object numbers, 0 is the background."""
    truth_step: int = 1
    """Rows and columns of the truth per row and column of the pictures: 2 for Spring."""

    def pictures(self, read: Callable[[Path], Array] = read_image) -> tuple[Array, Array]:
        """Read both pictures: RGB (H, W, 3), uint8, or uint16 from 16-bit files.

        Args:
            read: instead of `flownet2.io.read_image`, for one that remembers the frame that the next pair begins with.

        Raises:
            DatasetError: they differ in size.
            ImageError, UnavailableError, OSError: as `flownet2.io.read_image`.
        """
        one, two = read(self.image1), read(self.image2)
        if one.shape != two.shape:
            raise DatasetError(
                f"{self.image1} has {_size(one)} pixels, {self.image2} has {_size(two)}; both must be of one size"
            )
        return one, two

    def truth(self) -> Truth:
        """Read the true flow and every mask that the pair has.

        Of a truth that is finer than the pictures the first of every `truth_step` rows and columns is
        taken, as ptlflow does for Spring; flow is in pixels of the pictures there, so it is not scaled.

        Raises:
            DatasetError: the pair has no truth, or its files differ in size.
            FlowFileError, ImageError, UnavailableError, OSError: as `flownet2.io.read_flow` and `read_image`.
        """
        if self.flow is None:
            raise DatasetError(f"{self.name}: this pair has no true flow; Dataset.has_truth tells")
        flow, valid = read_flow(self.flow)
        step = self.truth_step
        masks = {
            "occluded": self._mask(self.occlusion, valid, _not_black),
            "invalid": self._mask(self.invalid, valid, _not_black),
            "noc_valid": self._mask(self.noc_flow, valid, _known),
            "foreground": self._mask(self.objects, valid, _not_black),
        }
        noc_valid = masks["noc_valid"]
        if masks["occluded"] is None and noc_valid is not None:
            masks["occluded"] = valid & ~noc_valid
        thinned = {name: None if mask is None else _thinned(mask, step) for name, mask in masks.items()}
        return Truth(_thinned(flow, step), _thinned(valid, step), **thinned)

    def _mask(self, path: Path | None, valid: Mask, read: Callable[[Path], Mask]) -> Mask | None:
        if path is None:
            return None
        mask = read(path)
        if self.truth_step > 1 and tuple(side * self.truth_step for side in mask.shape) == valid.shape:
            mask = mask.repeat(self.truth_step, axis=0).repeat(self.truth_step, axis=1)
        if mask.shape != valid.shape:
            raise DatasetError(
                f"{path} has {_size(mask)} pixels, the flow {self.flow} has {_size(valid)}; both must be of one size"
            )
        return mask


@dataclass(frozen=True)
class Dataset:
    """An opened data set: an index, nothing is read yet."""

    name: str
    """As given to `open_dataset`."""
    split: str
    root: Path
    pairs: Sequence[Pair]
    """In the order of the data set's names, numbers by their value."""

    @property
    def has_truth(self) -> bool:
        """Whether every pair has a true flow."""
        return all(pair.flow is not None for pair in self.pairs)


def _not_black(path: Path) -> Mask:
    red, green, blue = np.moveaxis(read_image(path), -1, 0)
    mask: Mask = (red | green | blue) != 0  # ten times as fast as `any` over the last axis
    return mask


def _known(path: Path) -> Mask:
    return read_flow(path).valid


def _thinned(array: Array, step: int) -> Array:
    return array if step == 1 else np.ascontiguousarray(array[::step, ::step])


def _size(array: Array) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
