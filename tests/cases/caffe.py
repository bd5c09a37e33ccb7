# SPDX-License-Identifier: Apache-2.0
"""Caffe's networks with weights that NumPy makes again from the manifest's rule, their stored outputs, and writers of
both of Caffe's files."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.types import Array
from flownet2.weights import Model, import_checkpoint

PARITY = Path(__file__).parents[1] / "data" / "parity"

NETWORKS = {"flownets": "FlowNet2-S", "flownet2ss-thin": "FlowNet2-ss", "flownet2": "FlowNet2"}
"""Ours -> the published name, of those with stored outputs."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Layer = tuple[str, str, list[Array]]
"""Name, type, blobs."""


@functools.cache
def manifest() -> dict[str, Any]:
    """tests/data/parity/caffe_manifest.json."""
    content: dict[str, Any] = json.loads((PARITY / "caffe_manifest.json").read_text())
    return content


def golden(network: str) -> dict[str, Array]:
    """All arrays of the stored outputs of one of NETWORKS."""
    with np.load(PARITY / f"caffe_{NETWORKS[network].lower()}.npz") as data:
        return {name: data[name] for name in data.files}


def layers(network: str, *, values: bool = True) -> Iterator[Layer]:
    """The layers of one of NETWORKS; without values all weights are one zero in memory."""
    for row in manifest()["networks"][NETWORKS[network]]["layers"]:
        if row["type"] == "DataAugmentation":
            mean = np.array(row["mean_bgr"], np.float32).reshape(1, 3, 1, 1)
            blobs = [np.array([1001], np.float32), np.zeros((1, 3, 64, 64), np.float32), mean]
        else:
            names = [f"{row['layer']}/{index}" for index in range(len(row["blobs"]))]
            blobs = [_values(name, **blob, empty=not values) for name, blob in zip(names, row["blobs"], strict=True)]
        yield row["layer"], row["type"], blobs


def _values(name: str, shape: list[int], bound: float, *, empty: bool) -> Array:
    if empty:
        return np.broadcast_to(np.float32(0), shape)
    random = np.random.RandomState((zlib.crc32(name.encode()) + manifest()["seed"]) % 2**32)
    values = (random.random_sample(int(np.prod(shape))) * 2 - 1) * bound
    return values.astype(np.float32).reshape(shape)


def blobs(made: Iterable[Layer]) -> dict[str, Array]:
    """What `read_checkpoint` makes of layers."""
    return {f"{name}/{index}": blob for name, _, held in made for index, blob in enumerate(held)}


def model(network: str) -> Model:
    """Of one of NETWORKS, without a file."""
    return import_checkpoint(__file__, blobs(layers(network)))


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def field(number: int, content: bytes) -> bytes:
    return tag(number, BYTES) + varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    return tag(number, VARINT) + varint(value)


def shape_field(shape: Iterable[int]) -> bytes:
    return field(7, field(1, b"".join(map(varint, shape))))


def blob_message(array: Array, *, old_shape: bool = False, packed: bool = True) -> bytes:
    """A BlobProto; float64 as double_data."""
    wide = array.dtype == np.float64
    content = array.astype("<f8" if wide else "<f4").tobytes()
    if old_shape:
        four = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(number_field(index, size) for index, size in enumerate(four, start=1))
    else:
        shape = shape_field(array.shape)
    if packed:
        return shape + field(8 if wide else 5, content)
    width, mark = (8, tag(8, FIXED64)) if wide else (4, tag(5, FIXED32))
    return shape + b"".join(mark + content[at : at + width] for at in range(0, len(content), width))


def layer_message(layer: Layer, *, old: bool = False, **form: bool) -> bytes:
    """A layer's field of the network; `old`: as Caffe wrote it before its release (V1)."""
    name, kind, held = layer
    if old:
        body = b"".join(field(6, blob_message(blob, **form)) for blob in held)
        return field(2, field(2, b"bottom") + field(4, name.encode()) + number_field(5, 4) + body)
    body = b"".join(field(7, blob_message(blob, **form)) for blob in held)
    return field(100, field(1, name.encode()) + field(2, kind.encode()) + field(3, b"bottom") + body)


def caffemodel(made: Iterable[Layer], *, name: str = "FlowNet2", **form: bool) -> bytes:
    """The whole file."""
    return b"".join([field(1, name.encode()) if name else b"", *(layer_message(layer, **form) for layer in made)])


def write_caffemodel(path: Path, made: Iterable[Layer]) -> None:
    """Layer by layer: FlowNet2 has 650 MB."""
    with path.open("wb") as file:
        file.write(field(1, b"FlowNet2"))
        for layer in made:
            file.write(layer_message(layer))


def write_caffemodel_h5(path: Path, made: Iterable[Layer]) -> None:
    """The same blobs as Caffe writes them to HDF5; a layer without blobs is an empty group."""
    import h5py

    with h5py.File(path, "w") as file:
        root = file.create_group("data")
        root.create_group("input")
        for name, _, held in made:
            group = root.create_group(name)
            for index, blob in enumerate(held):
                group.create_dataset(str(index), data=blob)


def small() -> list[Layer]:
    """Two layers with weights and one without."""
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(2, 3, 1, 2)).astype(np.float32), np.array([0.5, -2], np.float32)
    return [("data", "Input", []), ("conv1", "Convolution", [weight, bias]), ("mean", "Scale", [bias[:1]])]


def same(one: Mapping[str, Array], two: Mapping[str, Array]) -> bool:
    """Whether names, shapes, dtypes and bits are equal."""
    return list(one) == list(two) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(one.values(), two.values(), strict=True)
    )
