# SPDX-License-Identifier: Apache-2.0
"""NumPy files: `.npy` with flow (H, W, 2), `.npz` with arrays `flow` and, optionally, `valid` (H, W).

Headers are read first and compared with the bytes that are there; pickled objects are never loaded.
"""

from __future__ import annotations

import math
import os
import zipfile
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike, NDArray

from flownet2.atomic import atomic_write
from flownet2.errors import FlowFileError, InputError
from flownet2.io.arrays import Flow, check_flow, check_mask, known, to_float32
from flownet2.io.files import check_size, open_regular, read_array, size_of
from flownet2.types import Array, FloatArray, PathLike

_MAX_INFLATION = 1032
_DEFLATE_OVERHEAD = 1024


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[np.generic]

    @property
    def data_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(path: PathLike) -> Flow:
    """Read flow from a `.npy` file of any floating dtype and either memory order.

    Raises:
        FlowFileError: not a `.npy` file, another shape or dtype, or a length that does not fit the header.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    with open_regular(path, FlowFileError) as file:
        header = _read_header(name, file)
        what = f"a .npy file of shape {header.shape} and dtype {header.dtype}"
        check_size(path, what, file.tell() + header.data_bytes, size_of(file))
        values = read_array(path, file, math.prod(header.shape), header.dtype)
    flow = _as_flow(name, _shaped(values, header))
    return Flow(flow, known(flow))


def write_npy(path: PathLike, flow: FloatArray, valid: NDArray[np.bool_] | None = None) -> None:
    """Write flow (H, W, 2) as float32; pixels that `valid` excludes become NaN."""
    if valid is not None:
        flow = np.where(valid[..., None], flow, np.float32(np.nan))
    with atomic_write(path) as file:
        npy_format.write_array(file, np.ascontiguousarray(flow), allow_pickle=False)


def read_npz(path: PathLike) -> Flow:
    """Read arrays `flow` and, where present, `valid` from a `.npz` file; others in it are left alone.

    Raises:
        FlowFileError: a broken archive, no `flow`, another shape or dtype, or sizes that do not fit.
        OSError: the file is missing or unreadable.
    """
    name = os.fspath(path)
    with open_regular(path, FlowFileError) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                if "flow" not in entries:
                    raise FlowFileError(f"{name}: no array 'flow' in it; it holds {sorted(entries)[:8]}")
                flow = _as_flow(name, _read_entry(name, archive, entries["flow"]))
                mask = _read_entry(name, archive, entries["valid"]) if "valid" in entries else None
        except FlowFileError:
            raise
        # zipfile and zlib report damage by a dozen types, from BadZipFile to NotImplementedError.
        except Exception as error:
            raise FlowFileError(f"{name}: not a readable .npz file: {error}") from error
    valid = known(flow)
    if mask is None:
        return Flow(flow, valid)
    try:
        return Flow(flow, valid & check_mask(mask, valid.shape))
    except InputError as error:
        raise FlowFileError(f"{name}: {error}") from None


def write_npz(path: PathLike, flow: FloatArray, valid: NDArray[np.bool_] | None = None) -> None:
    """Write `flow` float32 (H, W, 2) as it is and `valid` bool (H, W), uncompressed."""
    mask = known(flow) if valid is None else valid
    with atomic_write(path) as file:
        np.savez(file, flow=np.ascontiguousarray(flow), valid=np.ascontiguousarray(mask))


def _read_header(name: str, file: IO[bytes]) -> _Header:
    try:
        version = npy_format.read_magic(file)
        read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}[version]
        shape, fortran_order, dtype = read(file)
    except KeyError:
        raise FlowFileError(f"{name}: unknown .npy version {version}; 1.0 and 2.0 are read") from None
    # The header is a Python literal: a hostile one can make the parser raise nearly anything.
    except Exception as error:
        raise FlowFileError(f"{name}: not a .npy file: {error or type(error).__name__}") from None
    if dtype.kind not in "fbiu" or min(shape, default=0) < 0:
        raise FlowFileError(f"{name}: an array of numbers is needed, got dtype {dtype} and shape {shape}")
    return _Header(shape, fortran_order, dtype)


def _read_entry(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    where = f"{name}: {info.filename}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FlowFileError(f"{where}: compressed by method {info.compress_type}; numpy writes 0 and 8")
    if info.file_size > info.compress_size * _MAX_INFLATION + _DEFLATE_OVERHEAD:
        raise FlowFileError(
            f"{where}: claims {info.file_size} bytes, which {info.compress_size} compressed ones cannot hold"
        )
    with archive.open(info) as entry:
        header = _read_header(where, entry)
        what = f"an array of shape {header.shape} and dtype {header.dtype}"
        check_size(where, what, entry.tell() + header.data_bytes, info.file_size)
        data = entry.read()
    dtype: DTypeLike = header.dtype
    if len(data) != header.data_bytes:
        raise FlowFileError(f"{where}: {header.data_bytes} bytes expected, {len(data)} came out")
    return _shaped(np.frombuffer(data, dtype), header)


def _shaped(values: Array, header: _Header) -> Array:
    shape = header.shape[::-1] if header.fortran_order else header.shape
    shaped: Array = values.reshape(shape)
    return shaped.T if header.fortran_order else shaped


def _as_flow(name: str, array: Array) -> FloatArray:
    try:
        checked = check_flow(array)
    except InputError as error:
        raise FlowFileError(f"{name}: {error}") from None
    flow = np.ascontiguousarray(to_float32(checked))
    return flow if flow.flags.writeable else flow.copy()
