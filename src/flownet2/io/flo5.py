# SPDX-License-Identifier: Apache-2.0
"""Spring's `.flo5`: an HDF5 file with one dataset "flow", float32 (H, W, 2), gzip; NaN where unknown.

Through h5py (package extra `hdf5`). Only what lies in the file itself is read: HDF5 can also refer to other
files and load filters, and a file that asks for either is refused.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flownet2.atomic import atomic_write
from flownet2.errors import FlowFileError, UnavailableError
from flownet2.io.arrays import Flow, known, to_float32
from flownet2.io.containers import check_sides
from flownet2.io.files import open_regular
from flownet2.types import FloatArray, PathLike

_DATASET = "flow"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAX_INFLATION = 1032
_GZIP_LEVEL = 5


def read_flo5(path: PathLike) -> Flow:
    """Read a `.flo5` file; its flow is as large as the file's array, for Spring twice the picture's sides.

    Raises:
        FlowFileError: not HDF5, no "flow" in it, another shape or dtype, truncated or damaged.
        UnavailableError: h5py is not installed.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    h5py = _import_h5py()
    with open_regular(path, FlowFileError) as file:
        head = file.read(len(_SIGNATURE))
        if head != _SIGNATURE:
            raise FlowFileError(f"{name}: not a .flo5 file: it begins with {head!r}, HDF5 with {_SIGNATURE!r}")
        try:
            with h5py.File(file, "r") as archive:
                array = _dataset(h5py, archive)[()]
        # h5py reports damage by many types, from KeyError to RuntimeError.
        except Exception as error:
            raise FlowFileError(f"{name}: not a readable .flo5 file: {error}") from error
    flow = np.ascontiguousarray(to_float32(array))
    return Flow(flow, known(flow))


def write_flo5(path: PathLike, flow: FloatArray, valid: NDArray[np.bool_] | None = None) -> None:
    """Write flow (H, W, 2) as Spring's server takes it; pixels that `valid` excludes become NaN."""
    h5py = _import_h5py()
    if valid is not None:
        flow = np.where(valid[..., None], flow, np.float32(np.nan))
    data = io.BytesIO()
    with h5py.File(data, "w") as archive:
        archive.create_dataset(_DATASET, data=flow, compression="gzip", compression_opts=_GZIP_LEVEL)
    with atomic_write(path) as file:
        file.write(data.getbuffer())


def _import_h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise UnavailableError(f'Flow in .flo5 files needs h5py: pip install "flownet2[hdf5]" ({error})') from error
    return h5py


def _dataset(h5py: Any, archive: Any) -> Any:
    """The dataset "flow", checked before anything of it is read; ValueError says what is wrong."""
    link = archive.get(_DATASET, getlink=True)
    if link is None:
        raise ValueError(f"no dataset {_DATASET!r} in it; it holds {sorted(archive)[:8]}")
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{_DATASET!r} is a link to another place, which is not followed")
    dataset = archive[_DATASET]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{_DATASET!r} is a group, not an array")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"the values of {_DATASET!r} lie in other files, which are not read")
    if dataset.dtype.kind != "f" or len(dataset.shape or ()) != 3 or dataset.shape[2] != 2:
        raise ValueError(f"flow is floating point (H, W, 2), this is {dataset.dtype} {dataset.shape}")
    height, width, _ = dataset.shape
    check_sides(width, height)
    stored = dataset.id.get_storage_size()
    inflation = 1 if dataset.compression is None else _MAX_INFLATION
    if dataset.nbytes > stored * inflation:
        raise ValueError(
            f"{width}x{height} pixels need {dataset.nbytes} bytes, the {stored} stored ones cannot hold them"
        )
    return dataset
