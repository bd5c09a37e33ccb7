# SPDX-License-Identifier: Apache-2.0
"""Caffe's `.caffemodel`: a NetParameter of protobuf, of which names and blobs of the layers are read.

Field numbers are those of caffe.proto: layers of the present form stand in field 100, of the form before Caffe's
release (V1) in field 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flownet2.types import Array
from flownet2.weights.cursor import Malformed, show
from flownet2.weights.protobuf import BYTES, FIXED32, FIXED64, VARINT, Field, Message, varint
from flownet2.weights.tensors import MAX_RANK, MAX_SIZE, STORAGE_KINDS, decode_storage

MAX_NAME = 256
MAX_PIECES = 64
"""Runs of values that one blob may come in; Caffe writes one."""


@dataclass(frozen=True)
class _Form:
    """Field numbers of a layer's name and blobs."""

    name: int
    blobs: int


_FORMS = {100: _Form(name=1, blobs=7), 2: _Form(name=4, blobs=6)}
_SHAPE, _SIZES = 7, (1, 2, 3, 4)  # of a blob; the sizes (num, channels, height, width) are older than the shape
_DIM = 1
_VALUES = {5: ("FloatStorage", FIXED32), 8: ("DoubleStorage", FIXED64)}


def parse_caffemodel(buffer: npt.NDArray[np.uint8]) -> dict[str, Array]:
    """The blobs of all layers as read-only arrays "LAYER/INDEX", views on the file's bytes where aligned.

    Raises:
        Malformed: the file is cut off, hostile or holds no blob.
    """
    net, blobs = Message(buffer.data, "the network"), dict[str, Array]()
    for found in net.fields():
        form = _FORMS.get(found.number)
        if form is None:
            continue
        net.expect(found, BYTES)
        name, arrays = _layer(net.within(found, f"the layer at {found.at}"), form, buffer)
        if arrays and f"{name}/0" in blobs:
            net.cursor.fail(f"two layers with blobs are named {show(name, 200)}", found.at)
        blobs |= {f"{name}/{index}": array for index, array in enumerate(arrays)}
    if not blobs:
        raise Malformed("no layer holds a blob: it is not a trained model")
    return blobs


def _layer(layer: Message, form: _Form, buffer: npt.NDArray[np.uint8]) -> tuple[str, list[Array]]:
    name, held = "", []
    for found in layer.fields():
        if found.number == form.name:
            layer.expect(found, BYTES)
            name = layer_name(bytes(buffer[found.start : min(found.end, found.start + MAX_NAME + 1)]))
        elif found.number == form.blobs:
            layer.expect(found, BYTES)
            held.append(found)
    shown = show(name, 200) if name else layer.cursor.label
    arrays = [_blob(layer.within(found, f"blob {index} of {shown}"), buffer) for index, found in enumerate(held)]
    if arrays and not name:
        layer.cursor.fail("a layer with blobs has no name")
    return name, arrays


def layer_name(raw: bytes) -> str:
    """The name, if it is a plain one.

    Raises:
        Malformed: it is too long, or not printable ASCII.
    """
    name = raw.decode("latin-1")
    if len(raw) > MAX_NAME or not name.isascii() or not name.isprintable() or "/" in name:
        raise Malformed(f"the layer name {show(raw)} is not printable ASCII of at most {MAX_NAME} characters")
    return name


@dataclass
class _Blob:
    """What was found of a blob so far."""

    shape: tuple[int, ...] | None = None
    sizes: dict[int, int] = field(default_factory=dict)
    kind: str = ""
    pieces: list[npt.NDArray[np.uint8]] = field(default_factory=list)


def _blob(message: Message, buffer: npt.NDArray[np.uint8]) -> Array:
    blob = _Blob()
    for found in message.fields():
        if found.number in _SIZES:
            message.expect(found, VARINT)
            blob.sizes[found.number] = found.value
        elif found.number == _SHAPE:
            message.expect(found, BYTES)
            if blob.shape is not None:
                message.cursor.fail("it has two shapes", found.at)
            blob.shape = _shape(message.within(found, f"the shape of {message.cursor.label}"))
        elif found.number in _VALUES:
            _add_values(message, found, blob, buffer)
    return _array(message, blob)


def _shape(message: Message) -> tuple[int, ...]:
    sizes: list[int] = []
    for found in message.fields():
        if found.number != _DIM:
            continue
        message.expect(found, VARINT, BYTES)
        if found.wire == VARINT:
            sizes.append(found.value)
        else:
            packed = message.within(found, message.cursor.label).cursor
            while packed.remaining and len(sizes) <= MAX_RANK:
                sizes.append(varint(packed, "a size"))
        if len(sizes) > MAX_RANK:
            message.cursor.fail(f"it has more than {MAX_RANK} dimensions", found.at)
    return tuple(sizes)


def _add_values(message: Message, found: Field, blob: _Blob, buffer: npt.NDArray[np.uint8]) -> None:
    """Packed values are one field; others are a field each, of which all that follow are taken at once."""
    kind, fixed = _VALUES[found.number]
    message.expect(found, BYTES, fixed)
    width = STORAGE_KINDS[kind].itemsize
    if blob.kind not in ("", kind) or len(blob.pieces) == MAX_PIECES:
        message.cursor.fail(f"its values are of two kinds, or in more than {MAX_PIECES} pieces", found.at)
    blob.kind = kind
    if found.wire == BYTES:
        if (found.end - found.start) % width:
            message.cursor.fail(f"its {found.end - found.start} bytes are no whole values of {width}", found.at)
        blob.pieces.append(buffer[found.start : found.end])
        return
    step = found.end - found.at  # a tag and a value
    whole = (found.end - found.at + message.cursor.remaining) // step
    rows = buffer[found.at : found.at + whole * step].reshape(whole, step)
    tag = rows[:, : step - width]
    other = np.flatnonzero((tag != tag[0]).any(axis=1))
    count = int(other[0]) if other.size else whole
    message.cursor.take((count - 1) * step, "values")
    blob.pieces.append(rows[:count, step - width :])


def _array(message: Message, blob: _Blob) -> Array:
    """The checked array; several pieces, and values that lie apart, are copied into one."""
    kind = STORAGE_KINDS[blob.kind or "FloatStorage"]
    shape = blob.shape
    if blob.sizes:
        if shape is not None:
            message.cursor.fail("it has a shape and the sizes of older files")
        shape = tuple(blob.sizes.get(number, 0) for number in _SIZES)
    count = sum(piece.size for piece in blob.pieces) // kind.itemsize
    if shape is None or any(size >= MAX_SIZE for size in shape) or math.prod(shape) != count:
        message.cursor.fail(f"it has {count} values, not those of its shape {show(shape)}")
    pieces = [np.ascontiguousarray(piece).reshape(-1) for piece in blob.pieces]
    raw = pieces[0] if len(pieces) == 1 else np.concatenate([np.empty(0, np.uint8), *pieces])
    array = decode_storage(raw, kind, message.cursor.label).reshape(shape)
    array.flags.writeable = False
    return array
