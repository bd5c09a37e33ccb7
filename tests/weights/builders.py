# SPDX-License-Identifier: Apache-2.0
"""Writes torch checkpoints byte by byte, without torch: what torch.save would write, or a chosen lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
KINDS = {
    "f4": "FloatStorage",
    "f8": "DoubleStorage",
    "f2": "HalfStorage",
    "i8": "LongStorage",
    "b1": "BoolStorage",
}


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def name(dotted: str) -> bytes:
    module, _, last = dotted.rpartition(".")
    return b"c" + module.encode() + b"\n" + last.encode() + b"\n"


def many(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def call(dotted: str, *args: bytes) -> bytes:
    return name(dotted) + many(*args) + b"R"


def mapping(*pairs: tuple[bytes, bytes]) -> bytes:
    return b"}(" + b"".join(key + value for key, value in pairs) + b"u"


def pickle(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


def storage(key: str, numel: int, kind: str = "FloatStorage", *, legacy: bool = False) -> bytes:
    parts = [text("storage"), name("torch." + kind), text(key), text("cpu"), number(numel)]
    return many(*parts, *([b"N"] if legacy else [])) + b"Q"


def tensor(
    stored: bytes,
    size: Iterable[int],
    stride: Iterable[int],
    offset: int = 0,
    *,
    rest: tuple[bytes, ...] = (),
) -> bytes:
    hooks = name("collections.OrderedDict") + b")R"
    sizes, strides = many(*map(number, size)), many(*map(number, stride))
    return call("torch._utils._rebuild_tensor_v2", stored, number(offset), sizes, strides, b"\x89", hooks, *rest)


def zip_file(records: Mapping[str, bytes | memoryview], *, root: str = "archive") -> bytes:
    """A zip in torch's layout of the given records."""
    parts: list[bytes | memoryview] = []
    central, position = b"", 0
    for short, content in records.items():
        entry = f"{root}/{short}".encode()
        padding = -(position + 30 + len(entry) + 4) % 64
        extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
        crc, size = zlib.crc32(content), len(content)
        fields = (0, 0x800, 0, 0, 0, crc, size, size, len(entry), len(extra))
        parts += [b"PK\3\4" + struct.pack("<HHHHHIIIHH", *fields) + entry + extra, content]
        fields = (0, 0, 0x800, 0, 0, 0, crc, size, size, len(entry), 0, 0, 0, 0, 0, position)
        central += b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", *fields) + entry
        position += len(parts[-2]) + size
    end = struct.pack("<HHHHIIH", 0, 0, len(records), len(records), len(central), position, 0)
    return b"".join([*parts, central, b"PK\5\6" + end])


def wide_zip_file(records: Mapping[str, bytes]) -> bytes:
    """The same with zip64 sizes, deferred to 24-byte data descriptors, and zip64 end records."""
    out, central = bytearray(), b""
    for short, content in records.items():
        entry, position = f"archive/{short}".encode(), len(out)
        crc, size = zlib.crc32(content), len(content)
        fields = (0, 0x808, 0, 0, 0, 0, 0, 0, len(entry), 0)
        out += b"PK\3\4" + struct.pack("<HHHHHIIIHH", *fields) + entry + content
        out += b"PK\7\10" + struct.pack("<IQQ", crc, size, size)
        full, extra = 0xFFFFFFFF, struct.pack("<HHQQQ", 1, 24, size, size, position)
        fields = (0, 0, 0x808, 0, 0, 0, crc, full, full, len(entry), len(extra), 0, 0, 0, 0, full)
        central += b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", *fields) + entry + extra
    begin, end, count = len(out), len(out) + len(central), len(records)
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 0, 0, 0, 0, count, count, len(central), begin)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
    last = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return bytes(out) + central + end64 + locator + last


def zip_checkpoint(body: bytes, storages: Mapping[str, bytes | memoryview], **extra: bytes) -> bytes:
    """A zip checkpoint of one pickle body."""
    records: dict[str, bytes | memoryview] = {"data.pkl": pickle(body), "byteorder": b"little", **extra}
    records |= {f"data/{key}": content for key, content in storages.items()}
    return zip_file(records | {"version": b"3\n"})


def legacy_checkpoint(body: bytes, storages: Mapping[str, tuple[int, bytes | memoryview]]) -> bytes:
    """A legacy stream of one pickle body; each storage is its number of elements and its bytes."""
    info = mapping((text("protocol_version"), number(1001)), (text("little_endian"), b"\x88"))
    keys = b"](" + b"".join(map(text, storages)) + b"e"
    head = MAGIC + pickle(number(1001)) + pickle(info) + pickle(body) + pickle(keys)
    tail = [part for numel, content in storages.values() for part in (struct.pack("<q", numel), content)]
    return b"".join([head, *tail])


def tensors_of(arrays: Mapping[str, np.ndarray], *, legacy: bool = False) -> tuple[bytes, dict[str, memoryview]]:
    """The pickle of a dict of C-ordered arrays, and their storages, one each."""
    pairs, storages = [], {}
    for index, (key, array) in enumerate(arrays.items()):
        array = np.ascontiguousarray(array)
        stored = storage(str(index), array.size, KINDS[array.dtype.str[1:]], legacy=legacy)
        strides = [step // array.itemsize for step in array.strides]
        pairs.append((text(key), tensor(stored, array.shape, strides)))
        storages[str(index)] = array.reshape(-1).view(np.uint8).data
    return mapping(*pairs), storages


def state_dict(arrays: Mapping[str, np.ndarray], *, legacy: bool = False) -> bytes:
    """A checkpoint file of such a dict."""
    body, storages = tensors_of(arrays, legacy=legacy)
    if not legacy:
        return zip_checkpoint(body, storages)
    counts = {str(index): array.size for index, array in enumerate(arrays.values())}
    return legacy_checkpoint(body, {key: (counts[key], content) for key, content in storages.items()})
