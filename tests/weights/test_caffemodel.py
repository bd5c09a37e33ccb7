# SPDX-License-Identifier: Apache-2.0
"""`.caffemodel`: what Caffe writes is read, in all of its forms; what is broken or made to mislead is one error."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import caffe as made
from cases.caffe import blob_message, caffemodel, field, number_field, shape_field, tag, varint
from flownet2.errors import CheckpointError
from flownet2.types import Array
from flownet2.weights import protobuf
from flownet2.weights.checkpoint import read_checkpoint_bytes

SMALL = made.small()
EXPECTED = made.blobs(SMALL)
FILE = caffemodel(SMALL)


def read(data: bytes) -> dict[str, Array]:
    return read_checkpoint_bytes(data, "net.caffemodel")


def loads(data: bytes) -> dict[str, Array] | None:
    """The blobs, or None for a file that is refused as it should be."""
    try:
        return read(data)
    except CheckpointError:
        return None


def net(blob: bytes) -> bytes:
    """A file of one layer with one blob."""
    return field(1, b"net") + field(100, field(1, b"conv") + field(7, blob))


# What is read


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_forms_of_files(old: bool, packed: bool) -> None:
    assert made.same(read(caffemodel(SMALL, old=old, packed=packed)), EXPECTED)


def test_a_network_without_a_name() -> None:
    assert made.same(read(caffemodel(SMALL, name="")), EXPECTED)


def test_four_axes_of_older_files() -> None:
    got = read(caffemodel(SMALL, old_shape=True))
    assert {name: value.shape for name, value in got.items()} == {
        "conv1/0": (2, 3, 1, 2),
        "conv1/1": (1, 1, 1, 2),
        "mean/0": (1, 1, 1, 1),
    }
    assert np.array_equal(got["conv1/1"].reshape(-1), EXPECTED["conv1/1"])


@pytest.mark.parametrize("packed", [False, True])
def test_doubles_stay_doubles(packed: bool) -> None:
    values = np.array([[1.5, np.pi]])
    got = read(net(blob_message(values, packed=packed)))["conv/0"]
    assert got.dtype == np.float64
    assert np.array_equal(got, values)


def test_sizes_one_by_one_and_values_in_pieces() -> None:
    values = np.arange(6, dtype="<f4")
    shape = field(7, number_field(1, 2) + number_field(1, 3))
    pieces = field(5, values[:2].tobytes()) + b"".join(tag(5, 5) + v.tobytes() for v in values[2:5])
    got = read(net(pieces + shape + field(5, values[5:].tobytes())))["conv/0"]
    assert np.array_equal(got, values.reshape(2, 3))


def test_values_that_look_like_tags() -> None:
    """Unpacked values whose bytes repeat the tag's, and a field of the same wire type behind them."""
    value = np.frombuffer(bytes([0x2D] * 4), "<f4")
    blob = shape_field([7]) + (tag(5, 5) + value.tobytes()) * 7 + tag(90, 5) + bytes(4)
    assert np.array_equal(read(net(blob))["conv/0"], value.repeat(7))


def test_no_dimension_is_one_value_and_a_size_of_zero_none() -> None:
    assert read(net(field(7, b"") + field(5, np.float32(3).tobytes())))["conv/0"].shape == ()
    assert read(net(shape_field([0, 3])))["conv/0"].shape == (0, 3)


def test_unknown_fields_are_stepped_over() -> None:
    """Gradients, parameters of the layer, and what a later Caffe may add, of every wire type."""
    more = field(900, b"x" * 300) + number_field(901, 2**64 - 1) + tag(902, 1) + bytes(8) + tag(903, 5) + bytes(4)
    blob = more + blob_message(np.float32([1, 2])) + field(6, bytes(8)) + more
    data = field(1, b"net") + field(100, more + field(1, b"conv") + field(106, b"\xff" * 9) + field(7, blob)) + more
    assert np.array_equal(read(data)["conv/0"], np.float32([1, 2]))


def test_unknown_messages_may_be_nested_without_end() -> None:
    """Nothing follows them: no depth costs anything."""
    inner = b""
    for _ in range(20_000):
        inner = field(100, inner) if len(inner) < 1000 else inner
    deep = b"".join(tag(n, 2) + varint(0) for n in range(200, 900)) + inner
    assert made.same(read(FILE + field(55, deep)), EXPECTED)


def test_arrays_are_views_on_the_file_where_aligned() -> None:
    values = np.arange(250_000, dtype=np.float32)
    pads = [caffemodel([("input", "Input", []), ("conv", "Convolution", [values])], name="n" * n) for n in range(5, 9)]
    tracemalloc.start()
    try:
        peaks = []
        for data in pads:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert np.array_equal(read(data)["conv/0"], values)
            peaks.append((tracemalloc.get_traced_memory()[1] - before) / values.nbytes)
    finally:
        tracemalloc.stop()
    assert min(peaks) < 1.5  # the file's bytes alone, and what the comparison takes
    assert max(peaks) < 3


def test_arrays_are_read_only() -> None:
    assert not any(value.flags.writeable for value in read(FILE).values())


# What is refused

VALUES = field(5, np.float32([1, 2]).tobytes())
REFUSED: dict[str, tuple[bytes, str]] = {
    "no blob": (caffemodel(SMALL[:1]), "no layer holds a blob"),
    "a length of 2 ** 63": (
        field(1, b"net") + tag(100, 2) + varint(2**63),
        "needs 9223372036854775808 bytes, 0 are left",
    ),
    "a length of 4 GiB": (net(shape_field([2]) + tag(5, 2) + varint(2**32)), "needs 4294967296 bytes, 0 are left"),
    "a layer one byte short": (FILE[:-1], "bytes, .* are left"),
    "a varint without an end": (FILE + b"\xff" * 20, "more than 64 bits"),
    "a varint of 65 bits": (FILE + tag(9, 0) + b"\xff" * 9 + b"\x02", "more than 64 bits"),
    "a varint that is cut off": (FILE + b"\xa2", "needs 1 byte, 0 are left"),
    "a varint of needless bytes": (FILE + tag(9, 0) + b"\x81\x80\x00", "more bytes than it needs"),
    "a layer that is a number": (FILE + number_field(100, 1), "field 100 is a varint, expected bytes of a length"),
    "an old layer that is a number": (FILE + number_field(2, 1), "field 2 is a varint"),
    "a name that is a number": (FILE + field(100, number_field(1, 5)), "field 1 is a varint"),
    "a blob of 32 bits": (FILE + field(100, tag(7, 5) + bytes(4)), "field 7 is 32 bits"),
    "values as a number": (net(shape_field([1]) + number_field(5, 1)), "expected bytes of a length or 32 bits"),
    "floats of 64 bits": (net(shape_field([1]) + tag(5, 1) + bytes(8)), "field 5 is 64 bits"),
    "doubles of 32 bits": (net(shape_field([1]) + tag(8, 5) + bytes(4)), "field 8 is 32 bits"),
    "a shape that is a number": (net(number_field(7, 2) + VALUES), "field 7 is a varint"),
    "a size of 32 bits": (net(field(7, tag(1, 5) + bytes(4)) + VALUES), "expected a varint or bytes"),
    "an old size of bytes": (net(field(1, b"\x02") + VALUES), "field 1 is bytes of a length, expected a varint"),
    "a group": (FILE + tag(9, 3) + tag(9, 4), "no field 9 of wire type 3"),
    "wire type 7": (FILE + tag(9, 7), "no field 9 of wire type 7"),
    "field 0": (FILE + number_field(0, 1), "no field 0"),
    "field 2 ** 29": (FILE + number_field(1 << 29, 1), "no field 536870912"),
    "bytes that are no whole floats": (net(shape_field([1]) + field(5, bytes(5))), "5 bytes are no whole values of 4"),
    "fewer values than the shape": (net(shape_field([3]) + VALUES), r"2 values, not those of its shape \(3\)"),
    "more values than the shape": (net(shape_field([1]) + VALUES), "2 values, not those"),
    "a shape whose product wraps": (net(shape_field([2**32, 2**32, 2]) + VALUES), "2 values, not those"),
    "a negative size": (net(shape_field([2**64 - 2, 2**64 - 1]) + VALUES), "2 values, not those"),
    "a huge size beside none": (net(shape_field([0, 2**63])), "0 values, not those"),
    "values without a shape": (net(VALUES), "not those of its shape None"),
    "a blob of nothing": (net(b""), "0 values, not those of its shape None"),
    "17 dimensions": (net(shape_field([1] * 17) + field(5, bytes(4))), "more than 16 dimensions"),
    "a million dimensions": (net(shape_field([1] * 10**6) + field(5, bytes(4))), "more than 16 dimensions"),
    "two shapes": (net(shape_field([2]) * 2 + VALUES), "two shapes"),
    "a shape and old sizes": (net(shape_field([2]) + number_field(1, 2) + VALUES), "the sizes of older files"),
    "old sizes that lack one": (net(number_field(1, 2) + number_field(2, 1) + VALUES), r"shape \(2, 1, 0, 0\)"),
    "floats and doubles": (net(shape_field([3]) + VALUES + field(8, bytes(8))), "two kinds"),
    "many pieces": (net(shape_field([100]) + field(5, bytes(4)) * 100), "more than 64 pieces"),
    "a layer without a name": (FILE + field(100, field(7, blob_message(np.float32([1])))), "has no name"),
    "two layers of one name": (FILE + FILE, "two layers with blobs are named 'conv1'"),
    "a name of 300 characters": (FILE + field(100, field(1, b"n" * 300)), "at most 256 characters"),
    "a name with an escape": (FILE + field(100, field(1, b"\x1b[2J")), r"'\\x1b\[2J' is not printable"),
    "a name with a slash": (FILE + field(100, field(1, b"conv1/0")), "is not printable ASCII"),
    "a name of other letters": (FILE + field(100, field(1, "\u00e4".encode())), "is not printable ASCII"),
    "over a million fields": (FILE + number_field(9, 1) * 1_000_001, "more than 1000000 fields"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    data, message = REFUSED[case]
    with pytest.raises(CheckpointError, match=message) as caught:
        read(data)
    text = str(caught.value)
    assert text.startswith("net.caffemodel: ")
    assert text.isascii()
    assert text.isprintable()
    assert text.rpartition("; ")[2], "no remedy"


@pytest.mark.parametrize("case", ["a length of 4 GiB", "a shape whose product wraps", "a layer one byte short"])
def test_where_is_told(case: str) -> None:
    with pytest.raises(CheckpointError, match=r"\(.*offset \d+\)"):
        read(REFUSED[case][0])


@pytest.mark.parametrize("case", [case for case in REFUSED if len(REFUSED[case][0]) < 4000])
def test_nothing_is_allocated_for_a_claim(case: str) -> None:
    tracemalloc.start()
    try:
        loads(REFUSED[case][0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    "blob",
    [
        (tag(5, 5) + bytes(4)) * 400_000 + field(90, b""),
        (tag(5, 5) + bytes(4) + field(90, b"")) * 200_000,
        field(7, field(1, b"\x01" * 2_000_000)),
        field(90, b"") * 1_500_000,
    ],
    ids=["unpacked", "unpacked one by one", "dimensions", "fields"],
)
def test_time_is_bounded(blob: bytes) -> None:
    start = time.process_time()
    loads(net(shape_field([400_000]) + blob))
    assert time.process_time() - start < 20


def pieces(count: int) -> bytes:
    """A file of so many values, each in a field of its own."""
    return net(shape_field([count]) + field(5, bytes(4)) * count)


@pytest.mark.parametrize(
    ("allowed", "refused", "message"),
    [
        (net(shape_field([1] * 16) + field(5, bytes(4))), REFUSED["17 dimensions"][0], "more than 16 dimensions"),
        (
            net(shape_field([64]) + field(5, bytes(4)) * 64),
            net(shape_field([65]) + field(5, bytes(4)) * 65),
            "64 pieces",
        ),
        (FILE + field(100, field(1, b"n" * 256)), FILE + field(100, field(1, b"n" * 257)), "at most 256 characters"),
    ],
    ids=["dimensions", "pieces", "name"],
)
def test_limits_are_inclusive(allowed: bytes, refused: bytes, message: str) -> None:
    assert loads(allowed) is not None
    with pytest.raises(CheckpointError, match=message):
        read(refused)


def fewest_fields(data: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """The smallest limit with which a file is read."""
    for limit in range(200):
        monkeypatch.setattr(protobuf, "MAX_FIELDS", limit)
        if loads(data) is not None:
            return limit
    raise AssertionError("more than 200 fields")


def test_fields_are_counted_over_all_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    one = net(shape_field([1]) + field(5, bytes(4)))
    assert fewest_fields(one, monkeypatch) == 7  # two of the network, of the layer, of the blob, one of the shape
    assert fewest_fields(one + field(100, number_field(900, 1) * 20) * 3, monkeypatch) == 7 + 3 * 21


# Damage


def test_every_truncation() -> None:
    """A network has no length of its own: cut between two layers it is a shorter one, else it is refused."""
    whole = {len(caffemodel(SMALL[:count])) for count in range(2, len(SMALL) + 1)}
    for length in range(len(FILE) + 1):
        content = loads(FILE[:length])
        assert (content is not None) == (length in whole), length
        assert content is None or made.same(content, {name: EXPECTED[name] for name in content})


def check_content(content: dict[str, Array], size: int) -> None:
    """Arrays of what the file has, under plain names."""
    assert content
    assert sum(value.nbytes for value in content.values()) <= size
    for name, value in content.items():
        layer, _, index = name.rpartition("/")
        assert layer.isprintable()
        assert index.isdigit()
        assert value.dtype in (np.float32, np.float64)


@pytest.mark.parametrize("form", [{}, {"old": True, "old_shape": True}, {"packed": False}], ids=str)
def test_every_flipped_bit(form: dict[str, bool]) -> None:
    """There are no checksums: a flip in a value or a name is another value or name, anywhere else an error or equal."""
    data = bytearray(caffemodel(SMALL, **form))
    expected, outcomes = read(bytes(data)), {"refused": 0, "equal": 0, "other": 0}
    for bit in range(8 * len(data)):
        data[bit >> 3] ^= 1 << (bit & 7)
        content = loads(bytes(data))
        data[bit >> 3] ^= 1 << (bit & 7)
        if content is None:
            outcomes["refused"] += 1
            continue
        check_content(content, len(data))
        outcomes["equal" if made.same(content, expected) else "other"] += 1
    assert min(outcomes.values()) > 50, outcomes


def _edited(draw: Callable[[st.SearchStrategy], object], data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted((draw(st.integers(0, len(out))), draw(st.integers(0, len(out)))))
        piece = draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from([varint(2**k) for k in (7, 31, 32, 35, 63)]),
                st.sampled_from([tag(n, w) for n in (1, 2, 5, 7, 8, 100) for w in range(8)]),
                st.just(bytes(out[at:end])),
            )
        )
        cut = draw(st.integers(0, 4))
        out[at : at + cut] = piece
    return bytes(out)


@given(st.data(), st.sampled_from([{}, {"old": True}, {"packed": False}, {"old_shape": True}]))
def test_edits(data: st.DataObject, form: dict[str, bool]) -> None:
    """Whatever comes out, nothing but CheckpointError is raised."""
    file = _edited(data.draw, caffemodel(SMALL, **form))
    content = loads(file)
    if content is not None:
        check_content(content, len(file))


@pytest.mark.slow
def test_many_random_edits() -> None:
    rng = random.Random(20170406)
    loaded = refused = 0
    for _ in range(50_000):
        out = bytearray(caffemodel(SMALL, packed=rng.random() < 0.5, old=rng.random() < 0.5))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(out))
            out[at : at + rng.randrange(5)] = rng.randbytes(rng.randrange(5))
        content = loads(bytes(out))
        loaded, refused = loaded + (content is not None), refused + (content is None)
    assert min(loaded, refused) > 1000
