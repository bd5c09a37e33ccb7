# SPDX-License-Identifier: Apache-2.0
"""Caffe's `.caffemodel.h5`: the blobs are the datasets /data/LAYER/INDEX of an HDF5 file.

Through h5py (package extra `hdf5`). Only values that lie in the file itself, as they are, are read: HDF5 can also
refer to other places and files, and load filters; a file that asks for any of it is refused.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.errors import UnavailableError
from flownet2.types import Array
from flownet2.weights.caffemodel import layer_name
from flownet2.weights.cursor import Malformed, show
from flownet2.weights.tensors import MAX_RANK

_ROOT = "data"
_MAX_BLOBS = 16
_MAX_LAYERS = 10_000
_REPACK = "write it again with: h5repack -f NONE -l CONTI"


def parse_caffemodel_h5(buffer: npt.NDArray[np.uint8]) -> dict[str, Array]:
    """The blobs of all layers as read-only arrays "LAYER/INDEX".

    Raises:
        Malformed: the file is damaged or hostile, or holds no blob.
        UnavailableError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise UnavailableError(f'Weights in HDF5 files need h5py: pip install "flownet2[hdf5]" ({error})') from error
    try:
        with h5py.File(io.BytesIO(buffer.data), "r") as file:
            blobs = _Reader(h5py, buffer.size).read(file)
    except (Malformed, MemoryError):
        raise
    # h5py reports damage by many types, from KeyError to RuntimeError.
    except Exception as error:
        raise Malformed(f"it is not a readable HDF5 file: {show(str(error), 200)}") from None
    if not blobs:
        raise Malformed(f"no layer in /{_ROOT} holds a blob: it is not a trained model")
    return blobs


class _Reader:
    """Reads one file; all that it reads together is not more than the file has bytes."""

    def __init__(self, h5py: Any, size: int) -> None:
        self._h5py = h5py
        self._left = size

    def read(self, file: Any) -> dict[str, Array]:
        root = self._entry(file, _ROOT, self._h5py.Group, "/")
        if root is None:
            raise Malformed(
                f"it has no group /{_ROOT}", remedy="give a .caffemodel.h5 file, or another kind of weights"
            )
        if len(root) > _MAX_LAYERS:
            raise Malformed(f"it has {len(root)} layers, more than {_MAX_LAYERS}")
        blobs: dict[str, Array] = {}
        for raw in root:
            # h5py gives names that are no UTF-8 as bytes.
            name = layer_name(raw.encode() if isinstance(raw, str) else raw)
            layer = self._entry(root, raw, self._h5py.Group, f"/{_ROOT}/")
            if len(layer) > _MAX_BLOBS:
                raise Malformed(f"the layer {show(name)} has {len(layer)} blobs, more than {_MAX_BLOBS}")
            for index in range(len(layer)):
                place = f"/{_ROOT}/{name}/"
                dataset = self._entry(layer, str(index), self._h5py.Dataset, place)
                if dataset is None:
                    raise Malformed(f"it lacks {show(place + str(index), 200)}")
                blobs[f"{name}/{index}"] = self._values(dataset, place + str(index))
        return blobs

    def _entry(self, group: Any, name: str, kind: type, place: str) -> Any:
        """What a hard link leads to, None where there is none."""
        link = group.get(name, getlink=True)
        if link is None:
            return None
        where = show(place + name, 200)
        if not isinstance(link, self._h5py.HardLink):
            raise Malformed(f"{where} is a link to another place, which is not followed")
        entry = group[name]
        if not isinstance(entry, kind):
            raise Malformed(f"{where} is a {type(entry).__name__}, expected a {kind.__name__}")
        return entry

    def _values(self, dataset: Any, where: str) -> Array:
        if dataset.external or dataset.is_virtual:
            raise Malformed(f"the values of {show(where, 200)} lie in other files, which are not read")
        known = dataset.dtype.kind == "f" and dataset.dtype.itemsize in (4, 8)
        if not known or dataset.shape is None or len(dataset.shape) > MAX_RANK:
            raise Malformed(f"{show(where, 200)} is {dataset.dtype} {show(dataset.shape)}, expected float32 or float64")
        if dataset.size and (dataset.chunks is not None or dataset.id.get_storage_size() != dataset.nbytes):
            raise Malformed(f"the values of {show(where, 200)} are compressed, in chunks or missing", remedy=_REPACK)
        self._left -= dataset.nbytes
        if self._left < 0:
            raise Malformed(f"{show(where, 200)} shows bytes that belong to another blob")
        array: Array = np.asarray(dataset[()], dataset.dtype.newbyteorder("="))
        array.flags.writeable = False
        return array
