# SPDX-License-Identifier: Apache-2.0
"""Reads weights of every kind without torch, without Caffe and without running anything from the files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.types import PathLike
from flownet2.weights.caffemodel import parse_caffemodel
from flownet2.weights.caffemodel_h5 import parse_caffemodel_h5
from flownet2.weights.cursor import Malformed
from flownet2.weights.identify import CAFFE, HDF5, HEAD, LEGACY, TAIL, ZIP, identify
from flownet2.weights.safetensors import parse_safetensors
from flownet2.weights.source import Source, naming, shown_name
from flownet2.weights.torch_legacy import load_legacy
from flownet2.weights.torch_zip import load_zip


def read_checkpoint(path: PathLike) -> dict[Any, Any]:
    """Read a torch checkpoint (zip or legacy format, ``.pth``, ``.pth.tar``), a ``.safetensors`` file or a Caffe model.

    The kind is told by the content, not by the name. Nothing in the file is run: a pickle may use about
    twenty harmless names, which make arrays and plain values; anything else is refused. Every length, offset,
    shape and checksum is checked first, and memory stays within about twice the file's size (three times, if
    all of it is bfloat16).

    Returns:
        Nested plain dicts, lists, tuples and scalars, with NumPy arrays for tensors (and for NumPy arrays).
        bfloat16 becomes float32 of the same values; other dtypes stay. The arrays are read-only, and tensors
        that shared a storage share memory. A safetensors file gives one flat dict of arrays, a Caffe model
        (``.caffemodel``, ``.caffemodel.h5``) one of its blobs: "LAYER/0" (weight), "LAYER/1" (bias).

    Raises:
        CheckpointError: the file is broken, hostile or of another kind; the text names the file, what is
            wrong, where, and what to do.
        UnavailableError: a ``.caffemodel.h5`` without h5py installed.
        OSError: the file is missing or cannot be read.
    """
    name = shown_name(path)
    with naming(name), Source(path) as source:
        return load_content(kind_of(source, name), source.read())


def kind_of(source: Source, name: str) -> str:
    """ZIP, LEGACY, SAFETENSORS, CAFFE or HDF5, for an open file called ``name``.

    Raises:
        Malformed: it is none of them; the error says what it seems to be.
    """
    head = source.peek(0, HEAD)
    tail = source.peek(max(source.size - TAIL, 0), TAIL)
    return identify(head, tail, is_safetensors_name=name.lower().endswith(".safetensors"))


def read_checkpoint_bytes(data: bytes | bytearray | memoryview, name: str = "<bytes>") -> dict[Any, Any]:
    """Read a checkpoint that is already in memory; ``name`` goes into errors.

    As :func:`read_checkpoint` otherwise; the bytes are copied once.

    Raises:
        CheckpointError: as :func:`read_checkpoint`.
    """
    with naming(name):
        buffer = np.array(np.frombuffer(data, np.uint8))
        head, tail = buffer[:HEAD].tobytes(), buffer[-TAIL:].tobytes()
        kind = identify(head, tail, is_safetensors_name=name.lower().endswith(".safetensors"))
        return load_content(kind, buffer)


def load_content(kind: str, buffer: npt.NDArray[np.uint8]) -> dict[Any, Any]:
    """What a file of a known kind holds, as for :func:`read_checkpoint`.

    Raises:
        Malformed: it is broken or hostile.
    """
    readers = {LEGACY: load_legacy, ZIP: load_zip, CAFFE: parse_caffemodel, HDF5: parse_caffemodel_h5}
    if kind in readers:
        return dict(readers[kind](buffer))
    tensors = parse_safetensors(buffer)[0]
    if not tensors:
        raise Malformed("the file holds no tensor: it is not a model")
    return dict(tensors)
