# SPDX-License-Identifier: Apache-2.0
"""The zip container of torch >= 1.6: read in one strict way, so that no two readers see different files.

Every byte belongs to exactly one thing: local headers with their data (and data descriptor) one after another
from offset 0, the directory, the zip64 end records, the end record. Nothing is extracted or decompressed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from flownet2.weights.cursor import Cursor, Malformed, show

MAX_ENTRIES = 100_000
_MAX_NAME = 1024
_LOCAL = b"PK\x03\x04"
_CENTRAL = b"PK\x01\x02"
_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_DESCRIPTOR = b"PK\x07\x08"
_FULL16 = 0xFFFF
_FULL32 = 0xFFFFFFFF
_FLAG_DESCRIPTOR = 0x0008
_FLAGS = _FLAG_DESCRIPTOR | 0x0800
_ZIP64 = 1


@dataclass(frozen=True)
class Entry:
    """A file of the archive, as the directory describes it."""

    name: str
    flags: int
    method: int
    crc: int
    size: int
    packed_size: int
    header: int


@dataclass(frozen=True)
class Record:
    """The bytes of a stored file: ``data[start:start + size]``."""

    name: str
    start: int
    size: int
    crc: int


class Archive:
    """The checked records of a zip file under their names without the root folder."""

    def __init__(self, data: memoryview) -> None:
        """Check the whole structure.

        Raises:
            Malformed: anything is out of place; the bytes of the records are not looked at.
        """
        self._data = data
        begin, end, count = _find_directory(data)
        entries = _read_directory(data, begin, end, count)
        self.root = _check_names(entries)
        self.records = _place_records(data, entries, begin, len(self.root) + 1)
        #: torch can write without checksums: every field is 0 then.
        self.has_checksums = any(record.crc for record in self.records.values() if record.size)

    def find(self, name: str) -> Record:
        """Return a record by its name."""
        record = self.records.get(name)
        if record is None:
            raise Malformed(f"the archive has no record {show(self.root + '/' + name, 200)}")
        return record

    def verify(self, name: str) -> memoryview:
        """Return the bytes of a record after comparing them with its checksum."""
        record = self.find(name)
        content = self._data[record.start : record.start + record.size]
        if self.has_checksums and zlib.crc32(content) != record.crc:
            raise Malformed("its checksum is wrong: the bytes are damaged", _where(record))
        return content

    def cursor(self, name: str) -> Cursor:
        """Return a cursor over the verified bytes of a record, with positions in the file."""
        self.verify(name)
        record = self.find(name)
        return Cursor(self._data, f"entry {show(record.name, 200)}", record.start, record.start + record.size)


def _where(record: Record) -> str:
    return f"entry {show(record.name, 200)}, offset {record.start}"


def _find_directory(data: memoryview) -> tuple[int, int, int]:
    """Return begin, end and number of entries of the directory from the end records."""
    end = len(data) - 22
    cursor = Cursor(data, "end of the zip archive")
    if end < 0:
        cursor.fail(f"the archive is cut off: {len(data)} bytes")
    cursor.seek(end, "the end record")
    cursor.expect(
        _END,
        "the start of the last 22 bytes",
        "the file is cut off or something was appended: download it again",
    )
    disks = (cursor.u16("disk"), cursor.u16("disk"))
    count, total = cursor.u16("count"), cursor.u16("count")
    size, begin = cursor.u32("directory size"), cursor.u32("directory offset")
    if cursor.u16("comment length") or disks != (0, 0) or count != total:
        cursor.fail("the end record has a comment, several disks or two counts", end)
    if end >= 20 and data[end - 20 : end - 16] == _LOCATOR64:
        wide = _read_end64(data, end - 20)
        for short, full, number in zip((count, size, begin), (_FULL16, _FULL32, _FULL32), wide[:3], strict=True):
            if short not in (full, number):
                cursor.fail(f"the two end records say {short} and {number}", end)
        count, size, begin, end = wide
    if begin + size != end:
        cursor.fail(f"the directory is said to be at {begin}, {size} bytes, but the end records are at {end}", end)
    if not 0 < count <= MAX_ENTRIES:
        cursor.fail(f"the archive has {count} entries; 1 to {MAX_ENTRIES} are read", end)
    return begin, end, count


def _read_end64(data: memoryview, locator: int) -> tuple[int, int, int, int]:
    """Return count, size and begin of the directory, and the offset of the zip64 end record."""
    at = locator - 56
    if at < 0:
        raise Malformed("there is no room for a zip64 end record", f"offset {locator}")
    cursor = Cursor(data, "zip64 end record", at, locator + 20)
    cursor.expect(_END64, "its signature")
    if cursor.u64("its size") != 44:
        cursor.fail("it has an unknown size", at)
    cursor.take(4, "versions")
    disks = (cursor.u32("disk"), cursor.u32("disk"))
    count, total = cursor.u64("count"), cursor.u64("count")
    size, begin = cursor.u64("directory size"), cursor.u64("directory offset")
    cursor.expect(_LOCATOR64, "the locator's signature")
    disk, target, disk_count = cursor.u32("disk"), cursor.u64("target"), cursor.u32("disks")
    if disks != (0, 0) or disk or disk_count != 1 or count != total or target != at:
        cursor.fail("it names several disks, two counts or another place", at)
    return count, size, begin, at


def _read_directory(data: memoryview, begin: int, end: int, count: int) -> list[Entry]:
    cursor = Cursor(data, "zip directory", begin, end)
    if count * 46 > cursor.remaining:
        cursor.fail(f"{count} entries do not fit in its {cursor.remaining} bytes")
    entries = [_read_entry(cursor) for _ in range(count)]
    cursor.finish("its last entry")
    return entries


def _read_entry(cursor: Cursor) -> Entry:
    at = cursor.position
    cursor.expect(_CENTRAL, "the signature of an entry")
    cursor.take(4, "versions")
    flags, method = cursor.u16("flags"), cursor.u16("method")
    cursor.take(4, "time")
    crc, packed, size = cursor.u32("crc"), cursor.u32("size"), cursor.u32("size")
    name_length, extra_length, comment_length = (
        cursor.u16("length"),
        cursor.u16("length"),
        cursor.u16("length"),
    )
    disk = cursor.u16("disk")
    cursor.take(6, "attributes")
    header = cursor.u32("offset")
    name = _decode_name(cursor, bytes(cursor.take(name_length, "a name")), at)
    extra = Cursor(cursor.take(extra_length, "extra fields"), f"extra fields of {show(name, 200)}")
    size, packed, header = _widen(extra, size, packed, header)
    if comment_length or disk:
        cursor.fail(f"entry {show(name, 200)} has a comment or is on another disk", at)
    return Entry(name, flags, method, crc, size, packed, header)


def _widen(extra: Cursor, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Return the 64-bit values of those that do not fit in 32 bits."""
    values = [size, packed, header]
    wide = [index for index, value in enumerate(values) if value == _FULL32]
    found = False
    while extra.remaining:
        kind, length = extra.u16("a field"), extra.u16("a field")
        field = Cursor(extra.take(length, "a field"), extra.label)
        if kind != _ZIP64:
            continue
        if found:
            extra.fail("there are two zip64 fields")
        found = True
        for index in wide:
            values[index] = field.u64("a zip64 field")
        field.finish("the zip64 field")
    if wide and not found:
        extra.fail("a size or offset of 2^32-1 without a zip64 field")
    return values[0], values[1], values[2]


def _decode_name(cursor: Cursor, raw: bytes, at: int) -> str:
    name = raw.decode("latin-1")
    parts = name.split("/")
    if not raw.isascii() or not name.isprintable() or "\\" in name or len(name) > _MAX_NAME:
        cursor.fail(f"the entry name {show(name)} has characters that torch does not write", at)
    if not all(parts) or ".." in parts or "." in parts:
        cursor.fail(f"the entry name {show(name)} is not a plain relative path", at)
    return name


def _check_names(entries: list[Entry]) -> str:
    """Return the one root folder of all names."""
    roots = {entry.name.partition("/")[0] for entry in entries}
    if all(entry.name.endswith(".npy") for entry in entries):
        raise Malformed("it is a NumPy .npz archive", remedy="give a torch checkpoint or a .safetensors file")
    if len(roots) != 1 or any("/" not in entry.name for entry in entries):
        raise Malformed(
            f"its {len(entries)} entries are not in one folder",
            remedy="it is not a torch checkpoint, or it was packed by hand: get the original file",
        )
    root = roots.pop()
    seen: dict[str, str] = {}
    for entry in entries:
        other = seen.setdefault(entry.name.lower(), entry.name)
        if seen[entry.name.lower()] is not entry.name:
            raise Malformed(f"two entries are named {show(other, 200)}, or alike but for case")
    inner = {entry.name[len(root) + 1 :] for entry in entries}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise Malformed(
            "it is a TorchScript archive: a program, not only weights",
            remedy="load it with torch.jit.load and save its state_dict()",
        )
    return root


def _place_records(data: memoryview, entries: list[Entry], limit: int, prefix: int) -> dict[str, Record]:
    """Check that the local headers and data fill the file up to the directory, and return the records."""
    position = 0
    records = {}
    for entry in sorted(entries, key=lambda e: e.header):
        if entry.header != position:
            raise Malformed(
                f"entry {show(entry.name, 200)} begins at offset {entry.header}, not at {position}",
                remedy="entries overlap or hide something between them: get the file again from its source",
            )
        record, position = _read_local(data, entry, limit)
        records[entry.name[prefix:]] = record
    if position != limit:
        raise Malformed(f"{limit - position} bytes before the directory belong to no entry", f"offset {position}")
    return records


def _read_local(data: memoryview, entry: Entry, limit: int) -> tuple[Record, int]:
    """Check one local header against the directory; return the record and the offset behind it."""
    cursor = Cursor(data, f"entry {show(entry.name, 200)}", 0, limit)
    cursor.seek(entry.header, "its header")
    if entry.flags & ~_FLAGS:
        cursor.fail(f"it has flags 0x{entry.flags:04x} (encrypted or patched)")
    if entry.method or entry.packed_size != entry.size:
        cursor.fail(
            f"it is compressed (method {entry.method}, {entry.packed_size} for {entry.size} bytes)",
            remedy="torch never compresses: get the original file, or save the state dict again",
        )
    cursor.expect(_LOCAL, "the signature of its header")
    cursor.take(2, "version")
    flags, method = cursor.u16("flags"), cursor.u16("method")
    cursor.take(4, "time")
    crc, packed, size = cursor.u32("crc"), cursor.u32("size"), cursor.u32("size")
    name_length, extra_length = cursor.u16("length"), cursor.u16("length")
    name = bytes(cursor.take(name_length, "its name"))
    extra = Cursor(cursor.take(extra_length, "its extra fields"), cursor.label)
    if name != entry.name.encode("ascii") or flags != entry.flags or method != entry.method:
        cursor.fail("its header and the directory differ in name, flags or method", entry.header)
    deferred = bool(flags & _FLAG_DESCRIPTOR)
    if not (deferred and packed == size == crc == 0):
        size, packed, _ = _widen(extra, size, packed, 0)
        if (size, packed, crc) != (entry.size, entry.packed_size, entry.crc):
            cursor.fail("its header and the directory differ in size or checksum", entry.header)
    start = cursor.position
    cursor.take(entry.size, "its data")
    if deferred:
        _skip_descriptor(cursor, entry)
    return Record(entry.name, start, entry.size, entry.crc), cursor.position


def _skip_descriptor(cursor: Cursor, entry: Entry) -> None:
    """Step over a data descriptor, of 16 bytes or 24 (zip64), that repeats the directory's values."""
    at = cursor.position
    cursor.expect(_DESCRIPTOR, "the signature of its data descriptor")
    crc = cursor.u32("crc")
    wide = entry.size > 0 and cursor.remaining >= 16 and entry.size == int.from_bytes(cursor.peek(8), "little")
    sizes = (cursor.u64("size"), cursor.u64("size")) if wide else (cursor.u32("size"), cursor.u32("size"))
    if crc != entry.crc or sizes != (entry.size, entry.size):
        cursor.fail("its data descriptor and the directory differ", at)
