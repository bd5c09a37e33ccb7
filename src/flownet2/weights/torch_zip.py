# SPDX-License-Identifier: Apache-2.0
"""torch's zip checkpoints (torch >= 1.6): records of a zip file, a pickle that names them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.types import Array
from flownet2.weights.containers import Containers
from flownet2.weights.cursor import Malformed, show
from flownet2.weights.pickle_machine import run_pickle
from flownet2.weights.plain import to_plain
from flownet2.weights.rebuild import StateDictActions
from flownet2.weights.tensors import StorageTable, TensorRef, decode_storage, strided_view
from flownet2.weights.zip_container import Archive

MAX_VERSION = 10
_log = logging.getLogger(__name__)


def load_zip(buffer: npt.NDArray[np.uint8]) -> dict[Any, Any]:
    """Return the content of a zip checkpoint; arrays are read-only views on ``buffer`` where possible.

    Raises:
        Malformed: the container, the pickle, a tensor or a checksum is wrong.
    """
    archive = Archive(buffer.data)
    if "data.pkl" not in archive.records:
        raise Malformed(
            f"the zip archive has no {show(archive.root + '/data.pkl', 200)}",
            remedy="it is not a torch checkpoint: give the file that torch.save wrote",
        )
    _check_version(archive)
    big_endian = _is_big_endian(archive)
    if not archive.has_checksums:
        _log.info("the checkpoint carries no checksums: damage to its values cannot be seen")
    storages = StorageTable(lambda key, size: _check_record(archive, key, size))
    cursor = archive.cursor("data.pkl")
    actions = StateDictActions(storages, legacy=False, text_budget=2 * cursor.remaining)
    values: dict[str, Array] = {}

    def bind(ref: TensorRef) -> Array:
        key = ref.storage.key
        if key not in values:
            record = archive.find("data/" + key)
            archive.verify("data/" + key)
            raw = buffer[record.start : record.start + record.size]
            values[key] = decode_storage(raw, ref.storage.kind, show(record.name, 200), big_endian=big_endian)
        return strided_view(values[key], ref)

    with Containers() as containers:
        root = run_pickle(cursor, containers, actions)
        cursor.finish("the end of the pickle")
        return to_plain(root, bind)


def _check_record(archive: Archive, key: str, size: int) -> None:
    record = archive.find("data/" + key)
    if record.size != size:
        raise Malformed(f"record data/{key} has {record.size} bytes, the pickle says {show(size)}")


def _check_version(archive: Archive) -> None:
    raw = bytes(archive.verify("version")[:16]).strip()
    if not raw.isdigit() or not 1 <= int(raw) <= MAX_VERSION:
        raise Malformed(f"the archive's version is {show(raw)}, not 1 to {MAX_VERSION}", "record version")


def _is_big_endian(archive: Archive) -> bool:
    if "byteorder" not in archive.records:
        return False
    raw = bytes(archive.verify("byteorder")[:16])
    if raw not in (b"little", b"big"):
        raise Malformed(f"the byte order is {show(raw)}, not little or big", "record byteorder")
    return raw == b"big"
