# SPDX-License-Identifier: Apache-2.0
"""Torch checkpoints written byte by byte: cases that the samples do not have."""

from __future__ import annotations

import struct
import threading
from typing import Any

import numpy as np
import pytest

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint_bytes
from weights.builders import (
    call,
    legacy_checkpoint,
    many,
    mapping,
    name,
    number,
    pickle,
    state_dict,
    storage,
    tensor,
    text,
    wide_zip_file,
    zip_checkpoint,
    zip_file,
)
from weights.samples import FOLDER

FOUR = np.arange(4, dtype="<f4")
W = (text("w"), tensor(storage("0", 4), [4], [1]))


def _read(body: bytes) -> dict[Any, Any]:
    return read_checkpoint_bytes(zip_checkpoint(body, {"0": FOUR.tobytes()}), "some.pth")


def _with(value: bytes) -> bytes:
    """A state dict with one more value, under "x"."""
    return mapping(W, (text("x"), value))


def _numpy(code: str, order: str, data: bytes) -> bytes:
    """The pickle of a NumPy scalar."""
    state = many(number(3), text(order), b"N", b"N", b"N", number(-1), number(-1), number(0))
    dtype = call("numpy.dtype", text(code), b"\x89", b"\x88") + state + b"b"
    raw = call("_codecs.encode", text(data.decode("latin-1")), text("latin1"))
    return call("numpy.core.multiarray.scalar", dtype, raw)


@pytest.mark.parametrize("legacy", [False, True])
def test_arrays_of_every_alignment_come_back(legacy: bool) -> None:
    """In a legacy file each storage stands at any offset; the arrays are aligned nonetheless."""
    rng = np.random.default_rng(3)
    arrays = {
        f"t{n}": rng.integers(0, 2, n).astype(dtype)
        for n, dtype in enumerate(["f4", "b1", "f8", "b1", "f2", "i8", "b1", "f4", "f8"], start=1)
    }
    content = read_checkpoint_bytes(state_dict(arrays, legacy=legacy))
    assert list(content) == list(arrays)
    for key, array in arrays.items():
        assert content[key].dtype == array.dtype
        assert content[key].tolist() == array.tolist()
        assert content[key].flags.aligned
        assert not content[key].flags.writeable


def test_tensors_of_one_storage_share_memory() -> None:
    content = _read(mapping(W, (text("tail"), tensor(storage("0", 4), [2], [1], 2))))
    assert np.shares_memory(content["w"], content["tail"])
    assert content["tail"].tolist() == [2, 3]


def test_zip64_sizes_and_data_descriptors() -> None:
    records = {"data.pkl": pickle(mapping(W)), "data/0": FOUR.tobytes(), "version": b"3\n"}
    assert read_checkpoint_bytes(wide_zip_file(records))["w"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("lie", [b"PK\x07\x08", b"PK\x06\x06", b"PK\x06\x07"])
def test_zip64_records_that_lie(lie: bytes) -> None:
    data = wide_zip_file({"data.pkl": pickle(mapping(W)), "data/0": FOUR.tobytes(), "version": b"3\n"})
    at = data.index(lie)
    for offset in (*range(4, 24), *range(32, 56)) if lie == b"PK\x06\x06" else range(4, 20):
        if lie == b"PK\x06\x06" and 12 <= offset < 16:
            continue  # the versions of the program that wrote it
        broken = bytearray(data)
        broken[at + offset] ^= 0x41
        with pytest.raises(CheckpointError):
            read_checkpoint_bytes(bytes(broken))


def test_bytes_hidden_between_entries_are_refused() -> None:
    data = zip_checkpoint(mapping(W), {"0": FOUR.tobytes()})
    begin = data.index(b"PK\1\2")
    hidden = data[:begin] + b"hidden!!" + data[begin:-6] + struct.pack("<IH", begin + 8, 0)
    with pytest.raises(CheckpointError, match="8 bytes before the directory"):
        read_checkpoint_bytes(hidden)


def test_a_key_twice_is_refused_among_tensors_and_the_last_wins_elsewhere() -> None:
    meta = mapping((text("a"), number(1)), (text("a"), number(2)))
    assert _read(_with(meta))["x"] == {"a": 2}
    with pytest.raises(CheckpointError, match="'w' twice"):
        _read(mapping(W, W))
    with pytest.raises(CheckpointError, match="'a' twice"):
        _read(mapping((text("a"), number(1)), (text("a"), W[1])))


@pytest.mark.parametrize(
    ("code", "order", "value"), [("f8", "<", 1.75), ("i4", "<", -3), ("b1", "|", True), ("u1", "|", 9)]
)
def test_numpy_scalars_become_plain_numbers(code: str, order: str, value: float) -> None:
    got = _read(_with(_numpy(code, order, np.array(value, code).tobytes())))["x"]
    assert (type(got), got) == (type(value), value)


def test_byte_strings_are_text_if_ascii() -> None:
    content = _read(_with(b"(U\x03abcU\x02\xff\x00t"))
    assert content["x"] == ("abc", b"\xff\x00")


def test_numpy_array_in_fortran_order() -> None:
    state = many(number(3), text("<"), b"N", b"N", b"N", number(-1), number(-1), number(0))
    dtype = call("numpy.dtype", text("i2"), b"\x89", b"\x88") + state + b"b"
    raw = call("_codecs.encode", text("\0\0\1\0\2\0\3\0\4\0\5\0"), text("latin1"))
    empty = call("numpy._core.multiarray._reconstruct", name("numpy.ndarray"), many(number(0)), text("b"))
    array = empty + many(number(1), many(number(2), number(3)), dtype, b"\x88", raw) + b"b"
    assert _read(_with(array))["x"].tolist() == [[0, 2, 4], [1, 3, 5]]


FALSE_CONJ = mapping((text("conj"), b"\x88"))
REFUSED = {
    "conjugate bit": (tensor(storage("0", 4), [4], [1], rest=(FALSE_CONJ,)), "lazy operations"),
    "big integer as key": (mapping((number(1 << 90), b"N")), "91 bits as a key"),
    "float as key": (mapping((b"G" + bytes(8), b"N")), "a float as a key"),
    "nested tuple as key": (mapping((many(many()), b"N")), "a tuple as a key"),
    "long tuple as key": (mapping((many(*[b"N"] * 17), b"N")), "a key of 17 parts"),
    "tuples as keys": (mapping(*[(many(number(n)), b"N") for n in range(101)]), "more than 100 tuples"),
    "duplicated top": (b"N2", "opcode 0x32 is not one"),
    "attribute on a dict": (mapping() + mapping((text("__class__"), b"N")) + b"b", "other than _metadata"),
    "state of a list": (b"]" + mapping() + b"b", "a state for a list"),
    "call of a text": (text("os") + b")R", "a call of a str"),
    "call of a storage class": (name("torch.FloatStorage") + b")R", "which is only a name"),
    "call with a list": (name("collections.OrderedDict") + b"]R", "not a tuple"),
    "class as a value": (name("numpy.dtype"), "is the name numpy.dtype"),
    "storage as a value": (storage("0", 4), "StorageRef without a tensor"),
    "dtype without order": (call("numpy.dtype", text("f8"), b"\x89", b"\x88"), "NumpyDtype without"),
    "object dtype": (call("numpy.dtype", text("O8"), b"\x89", b"\x88"), "only numbers"),
    "dtype too long": (_numpy("f8", "<", bytes(7)), "7 bytes for shape"),
    "big-endian scalar": (_numpy("f8", ">", bytes(8)), "not a plain little-endian number"),
    "truth of 2": (_numpy("b1", "|", b"\2"), "0 or 1, found 2"),
    "array without data": (
        call("numpy.core.multiarray._reconstruct", name("numpy.ndarray"), many(number(0)), text("b")),
        "NumPy array without data",
    ),
    "not latin1": (call("_codecs.encode", text("\u4e2d"), text("latin1")), "not latin1"),
    "other codec": (call("_codecs.encode", text("a"), text("rot13")), "as latin1"),
    "pickle in a pickle": (b"\x80\x02N", "a second pickle inside"),
    "torch sparse": (name("torch._utils._rebuild_sparse_tensor"), "no state dict needs"),
    "name with a long line": (b"c" + b"a" * 300 + b"\n", "no end within 256 bytes"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_a_reason(what: str) -> None:
    value, reason = REFUSED[what]
    with pytest.raises(CheckpointError) as caught:
        _read(_with(value))
    message = str(caught.value)
    assert reason in message
    assert message.startswith("some.pth: ")
    assert message.isprintable()


def test_one_text_cannot_be_made_into_bytes_again_and_again() -> None:
    again = call("_codecs.encode", b"h\x00", text("latin1"))
    body = mapping(W, (text("a" * 100_000) + b"q\x00", b"N"), (text("x"), many(*[again] * 5)))
    with pytest.raises(CheckpointError, match="more bytes than it holds"):
        _read(body)


def test_one_list_cannot_be_copied_again_and_again() -> None:
    pairs = b"](" + (b"](" + text("k") + b"Ne") * 5_000 + b"eq\x00"
    again = name("collections.OrderedDict") + b"(h\x00tR"
    with pytest.raises(CheckpointError, match="steps of work"):
        _read(mapping(W, (text("x"), many(pairs, *[again] * 500))))


def test_shared_lists_are_counted_as_often_as_they_appear() -> None:
    body = b"]q\x00"
    for level in range(25):
        body += b"](" + b"h" + bytes([level]) + b"h" + bytes([level]) + b"eq" + bytes([level + 1])
    with pytest.raises(CheckpointError, match="more than 1000000 values"):
        _read(_with(b"(" + body + b"t"))


@pytest.mark.parametrize(("depth", "fits"), [(95, True), (120, False)])
def test_nesting(depth: int, fits: bool) -> None:
    body = _with(b"]" * depth + b"a" * (depth - 1))
    if fits:
        assert _read(body)["x"] is not None
    else:
        with pytest.raises(CheckpointError, match="deeper than 100"):
            _read(body)


def test_nesting_does_not_use_the_stack() -> None:
    """All of it in a thread with a stack of 256 KiB."""
    deep = [
        (FOLDER / "bound_deep_nest.pth").read_bytes(),
        (FOLDER / "safetensors" / "bad_deep_json.safetensors").read_bytes(),
        zip_checkpoint(_with(b"]" * 50_000 + b"a" * 49_999), {"0": FOUR.tobytes()}),
        zip_checkpoint(_with(b")" + b"\x85" * 90_000), {"0": FOUR.tobytes()}),
        zip_checkpoint(mapping((b")" + b"\x85" * 90_000, b"N")), {"0": FOUR.tobytes()}),
        legacy_checkpoint(_with(b"}" + text("k") + b"]" * 50_000 + b"a" * 49_999 + b"s"), {"0": (4, FOUR.tobytes())}),
    ]
    outcomes: list[str] = []

    def read_all() -> None:
        for data in deep:
            try:
                read_checkpoint_bytes(data)
            except CheckpointError as fault:
                outcomes.append(str(fault))

    before = threading.stack_size(256 << 10)
    try:
        thread = threading.Thread(target=read_all)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(outcomes) == len(deep)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ({"data.pkl": pickle(mapping(W)), "data/0": FOUR.tobytes()}, "no record 'archive/version'"),
        ({"a.npy": b"x"}, "NumPy .npz archive"),
        ({"data.pkl": pickle(number(1)), "version": b"3"}, "a int, not a dict"),
        ({"data.pkl": pickle(mapping()), "version": b"3"}, "no tensor"),
        ({"other": b"", "version": b"3"}, "has no 'archive/data.pkl'"),
    ],
)
def test_archives_without_a_state_dict(records: dict[str, bytes], reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint_bytes(zip_file(records))
