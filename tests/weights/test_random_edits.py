# SPDX-License-Identifier: Apache-2.0
"""Random edits of good files: whatever comes out, nothing but CheckpointError is raised."""

from __future__ import annotations

import random
import zipfile

import pytest

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint_bytes
from weights.builders import zip_file
from weights.samples import FOLDER, GOOD

TOKENS = [
    b"(",
    b"}",
    b"]",
    b")",
    b"t",
    b"R",
    b"b",
    b"Q",
    b"u",
    b"e",
    b"s",
    b"a",
    b"0",
    b"q\x00",
    b"h\x00",
    b"N",
]
TOKENS += [
    b"K\xff",
    b"J\xff\xff\xff\xff",
    b"\x8a\x09" + b"\xff" * 8 + b"\x01",
    b"U\x01w",
    b"\x88",
    b"G" + b"\x7f" * 8,
]
TOKENS += [
    b"cnumpy\ndtype\n",
    b"ctorch\nFloatStorage\n",
    b"X\x00\x00\x00\x00",
    b"X\xff\xff\xff\xff",
    b"PK\x05\x06",
]


def _edit(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif kind == 1:
            out[at : at + rng.randrange(9)] = b""
        elif kind == 2:
            out[at:at] = rng.choice(TOKENS)
        elif kind == 3:
            begin = rng.randrange(len(out) + 1)
            out[at:at] = out[begin : begin + rng.randrange(1, 40)]
        else:
            token = rng.choice(TOKENS)
            out[at : at + len(token)] = token
    return bytes(out)


def _seeds() -> list[tuple[str, dict[str, bytes]]]:
    """The records of every good zip, whose pickles are edited below right checksums, and the other files."""
    seeds = []
    for entry in GOOD:
        path = FOLDER / entry["file"]
        if zipfile.is_zipfile(path) and "nocrc" not in path.name:
            with zipfile.ZipFile(path) as archive:
                records = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        else:
            records = {"": path.read_bytes()}
        seeds.append((path.name, records))
    return seeds


def _run(rounds: int) -> tuple[int, int]:
    rng = random.Random(20170406)
    loaded = refused = 0
    seeds = _seeds()
    for _ in range(rounds):
        name, records = rng.choice(seeds)
        if "" in records:
            data = _edit(records[""], rng)
        else:
            data = zip_file(records | {"data.pkl": _edit(records["data.pkl"], rng)})
            data = _edit(data, rng) if rng.random() < 0.2 else data
        try:
            read_checkpoint_bytes(data, name)
            loaded += 1
        except CheckpointError:
            refused += 1
    return loaded, refused


def test_a_thousand_random_edits() -> None:
    loaded, refused = _run(1_500)
    assert min(loaded, refused) > 20


@pytest.mark.slow
def test_many_random_edits() -> None:
    loaded, refused = _run(100_000)
    assert min(loaded, refused) > 1_000
