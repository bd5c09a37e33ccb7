# SPDX-License-Identifier: Apache-2.0
"""torch's legacy checkpoints (torch < 1.6, and NVIDIA's ``.pth.tar``): pickles, then raw storages."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flownet2.types import Array
from flownet2.weights.containers import Containers
from flownet2.weights.cursor import Cursor, Malformed, show
from flownet2.weights.pickle_machine import run_pickle
from flownet2.weights.pickle_values import Map
from flownet2.weights.plain import to_plain
from flownet2.weights.rebuild import StateDictActions
from flownet2.weights.tensors import (
    StorageKind,
    StorageTable,
    TensorRef,
    decode_storage,
    strided_view,
)

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
PROTOCOL = 1001


def load_legacy(buffer: npt.NDArray[np.uint8]) -> dict[Any, Any]:
    """Return the content of a legacy checkpoint; arrays are read-only views on ``buffer`` where possible.

    ``buffer`` is writable and owned by the call: storages are moved inside it by a few bytes so that their
    elements are aligned, which spares a copy of a file whose storages stand at any offset.

    Raises:
        Malformed: the stream, its pickles, a tensor or a storage is wrong.
    """
    cursor = Cursor(buffer.data, "legacy stream")
    cursor.expect(MAGIC, "the magic number")
    with Containers() as containers:
        _check_header(cursor, containers)
        return _load_object(cursor, buffer, containers)


def _load_object(cursor: Cursor, buffer: npt.NDArray[np.uint8], containers: Containers) -> dict[Any, Any]:
    def check_size(key: str, size: int) -> None:
        if size > cursor.remaining:
            raise Malformed(f"storage {show(key)} is said to have {show(size)} bytes, {cursor.remaining} are left")

    storages = StorageTable(check_size)
    cursor.label = "pickle of the object"
    actions = StateDictActions(storages, legacy=True, text_budget=2 * cursor.remaining)
    root = run_pickle(cursor, containers, actions)
    cursor.label = "list of storage keys"
    keys = _check_keys(run_pickle(cursor, containers), storages)
    known = {key: (kind, numel) for key, kind, numel in storages.items()}
    values = {key: _read_storage(cursor, buffer, key, *known[key]) for key in keys}
    cursor.label = "end of the stream"
    cursor.finish("the last storage")

    def bind(ref: TensorRef) -> Array:
        return strided_view(values[ref.storage.key], ref)

    return to_plain(root, bind)


def _check_header(cursor: Cursor, containers: Containers) -> None:
    cursor.label = "protocol of the legacy stream"
    protocol = run_pickle(cursor, containers)
    if type(protocol) is not int or protocol != PROTOCOL:
        cursor.fail(f"the protocol is {show(protocol)}, not {PROTOCOL}")
    cursor.label = "system information"
    info = run_pickle(cursor, containers)
    if type(info) is not Map or info.data.get("little_endian") is not True:
        cursor.fail(
            "it was not saved on a little-endian machine",
            remedy="load and save it again on a common PC (x86 or ARM)",
        )
    if info.data.get("protocol_version", PROTOCOL) != PROTOCOL:
        cursor.fail("the protocol version is not the stream's")


def _check_keys(keys: Any, storages: StorageTable) -> list[str]:
    if type(keys) is not list or any(type(key) is not str for key in keys):
        raise Malformed("the list of storage keys is not a list of texts")
    named = {key for key, _, _ in storages.items()}
    if len(keys) != len(named) or set(keys) != named:
        raise Malformed(
            f"the stream lists {len(keys)} storages and its tensors use {len(named)}, but not the same ones"
        )
    return keys


def _read_storage(cursor: Cursor, buffer: npt.NDArray[np.uint8], key: str, kind: StorageKind, numel: int) -> Array:
    cursor.label = f"storage {show(key)}"
    stored = cursor.i64("its number of elements")
    if stored != numel:
        cursor.fail(f"it has {stored} elements, the object says {numel}")
    start = cursor.position
    size = numel * kind.itemsize
    cursor.take(size, "its data")
    # The eight bytes before the data held the number just read: room to move to an aligned offset.
    shift = start % kind.itemsize
    if shift:
        content = buffer.data
        content[start - shift : start - shift + size] = content[start : start + size]
    return decode_storage(buffer[start - shift : start - shift + size], kind, f"{cursor.label}, offset {start}")
