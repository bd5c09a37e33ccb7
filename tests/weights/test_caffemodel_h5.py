# SPDX-License-Identifier: Apache-2.0
"""`.caffemodel.h5`: the blobs of a plain file are read; links, other files and filters are refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import caffe as made
from flownet2.errors import CheckpointError, UnavailableError
from flownet2.types import Array
from flownet2.weights import caffemodel_h5, read_checkpoint
from flownet2.weights.checkpoint import read_checkpoint_bytes

h5py = pytest.importorskip("h5py")

SMALL = made.small()
EXPECTED = made.blobs(SMALL)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.caffemodel.h5"
    made.write_caffemodel_h5(path, SMALL)
    return path


def test_blobs(file: Path) -> None:
    got = read_checkpoint(file)
    assert made.same({name: got[name] for name in EXPECTED}, EXPECTED)
    assert got.keys() == EXPECTED.keys()
    assert not any(value.flags.writeable for value in got.values())


def test_doubles_and_big_endian(file: Path) -> None:
    with h5py.File(file, "a") as archive:
        archive["data/wide/0"] = np.array([1.5, np.pi])
        archive["data/turned/0"] = np.array([1.5, 2.5], ">f4")
    got = read_checkpoint(file)
    assert got["wide/0"].tolist() == [1.5, np.pi]
    assert got["turned/0"].tolist() == [1.5, 2.5]
    assert got["turned/0"].dtype == np.float32
    assert got["turned/0"].dtype.isnative


def _soft_blob(archive: Any, _folder: Path) -> None:
    archive["data/evil/0"] = h5py.SoftLink("/data/conv1/0")


def _soft_layer(archive: Any, _folder: Path) -> None:
    archive["data/evil"] = h5py.SoftLink("/data/conv1")


def _soft_root(archive: Any, _folder: Path) -> None:
    archive.move("data", "elsewhere")
    archive["data"] = h5py.SoftLink("/elsewhere")


def _other_file(archive: Any, folder: Path) -> None:
    made.write_caffemodel_h5(folder / "other.h5", SMALL)
    archive["data/evil/0"] = h5py.ExternalLink(str(folder / "other.h5"), "/data/conv1/0")


def _other_storage(archive: Any, folder: Path) -> None:
    (folder / "raw").write_bytes(bytes(8))
    archive.create_dataset("data/evil/0", (2,), "f4", external=[(str(folder / "raw"), 0, 8)])


def _virtual(archive: Any, folder: Path) -> None:
    made.write_caffemodel_h5(folder / "other.h5", SMALL)
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "data/conv1/1", (2,))
    archive.create_virtual_dataset("data/evil/0", layout)


def _compressed(archive: Any, _folder: Path) -> None:
    archive.create_dataset("data/evil/0", data=np.zeros(100_000, "f4"), compression="gzip")


def _never_written(archive: Any, _folder: Path) -> None:
    archive.create_dataset("data/evil/0", (1 << 40,), "f4")


def _integers(archive: Any, _folder: Path) -> None:
    archive["data/evil/0"] = np.arange(3)


def _text(archive: Any, _folder: Path) -> None:
    archive["data/evil/0"] = "text"


def _half(archive: Any, _folder: Path) -> None:
    archive["data/evil/0"] = np.zeros(3, "f2")


def _layer_is_an_array(archive: Any, _folder: Path) -> None:
    archive["data/evil"] = np.zeros(3, "f4")


def _blob_is_a_group(archive: Any, _folder: Path) -> None:
    archive.create_group("data/evil/0")


def _gap(archive: Any, _folder: Path) -> None:
    archive["data/evil/1"] = np.zeros(3, "f4")


def _one_array_many_times(archive: Any, _folder: Path) -> None:
    archive["data/large/0"] = np.zeros(50_000, "f4")
    for index in range(10):
        archive[f"data/again{index}/0"] = archive["data/large/0"]


def _loop(archive: Any, _folder: Path) -> None:
    archive["data/evil"] = archive["data"]


def _many_blobs(archive: Any, _folder: Path) -> None:
    for index in range(17):
        archive[f"data/evil/{index}"] = np.float32([index])


def _shuffled(archive: Any, _folder: Path) -> None:
    """As many bytes as without the filter."""
    archive.create_dataset("data/evil/0", data=np.arange(8, dtype="f4"), chunks=(8,), shuffle=True)


def _axes(archive: Any, _folder: Path) -> None:
    archive["data/evil/0"] = np.zeros((1,) * 17, "f4")


def _no_values(archive: Any, _folder: Path) -> None:
    archive["data/evil/0"] = h5py.Empty("f4")


def _no_utf8(archive: Any, _folder: Path) -> None:
    archive["data"].create_group(b"\xff\xfe")


def _escape(archive: Any, _folder: Path) -> None:
    archive["data/\x1b[2J/0"] = np.float32([0])


def _empty(archive: Any, _folder: Path) -> None:
    del archive["data/conv1"], archive["data/mean"]


def _no_root(archive: Any, _folder: Path) -> None:
    archive.move("data", "weights")


REFUSED: list[tuple[Callable[[Any, Path], None], str]] = [
    (_soft_blob, "'/data/evil/0' is a link to another place"),
    (_soft_layer, "'/data/evil' is a link to another place"),
    (_soft_root, "'/data' is a link to another place"),
    (_other_file, "'/data/evil/0' is a link to another place"),
    (_other_storage, "lie in other files"),
    (_virtual, "lie in other files"),
    (_compressed, "compressed, in chunks or missing.*h5repack -f NONE"),
    (_never_written, "compressed, in chunks or missing"),
    (_shuffled, "compressed, in chunks or missing"),
    (_axes, "expected float32 or float64"),
    (_no_values, "is float32 None, expected float32 or float64"),
    (_no_utf8, r"the layer name b'.*' is not printable ASCII"),
    (_integers, r"'/data/evil/0' is int64 \(3\), expected float32 or float64"),
    (_text, "expected float32 or float64"),
    (_half, "is float16"),
    (_layer_is_an_array, "'/data/evil' is a Dataset, expected a Group"),
    (_blob_is_a_group, "'/data/evil/0' is a Group, expected a Dataset"),
    (_gap, "lacks '/data/evil/0'"),
    (_one_array_many_times, "bytes that belong to another blob"),
    (_loop, "lacks '/data/evil/0'|is a Group|more than 16"),
    (_many_blobs, "'evil' has 17 blobs, more than 16"),
    (_escape, "is not printable ASCII"),
    (_empty, "no layer in /data holds a blob"),
    (_no_root, "no group /data"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_refused(file: Path, change: Callable[[Any, Path], None], message: str) -> None:
    with h5py.File(file, "a") as archive:
        change(archive, file.parent)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_checkpoint(file)
    text = str(caught.value)
    assert text.startswith(f"{file}: ")
    assert text.isprintable()
    assert text.rpartition("; ")[2], "no remedy"


def test_layers_are_counted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those without blobs, too: "data" and "input" beside the two with weights."""
    monkeypatch.setattr(caffemodel_h5, "_MAX_LAYERS", 4)
    assert read_checkpoint(file).keys() == EXPECTED.keys()
    monkeypatch.setattr(caffemodel_h5, "_MAX_LAYERS", 3)
    with pytest.raises(CheckpointError, match="it has 4 layers, more than 3"):
        read_checkpoint(file)


def _loads(data: bytes) -> dict[str, Array] | None:
    try:
        return read_checkpoint_bytes(data, "net.caffemodel.h5")
    except CheckpointError:
        return None


def test_truncations(file: Path) -> None:
    data = file.read_bytes()
    assert _loads(data) is not None
    assert [length for length in {*range(0, len(data), 61), len(data) - 1} if _loads(data[:length]) is not None] == []


def test_flipped_bits(file: Path) -> None:
    """There are no checksums here: a flip may give another value or name, but no other error and no more data."""
    data = bytearray(file.read_bytes())
    refused = 0
    for bit in range(0, 8 * len(data), 47):
        data[bit >> 3] ^= 1 << (bit & 7)
        content = _loads(bytes(data))
        data[bit >> 3] ^= 1 << (bit & 7)
        refused += content is None
        assert content is None or sum(value.nbytes for value in content.values()) <= len(data)
    assert refused > 10


def test_without_h5py(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UnavailableError, match=r'pip install "flownet2\[hdf5\]"'):
        read_checkpoint(file)
