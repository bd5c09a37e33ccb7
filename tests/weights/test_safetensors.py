# SPDX-License-Identifier: Apache-2.0
"""safetensors files: what is written is read back, is laid out as promised, and is refused where it lies."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from flownet2.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from flownet2.errors import CheckpointError, InputError
from flownet2.weights.checkpoint import read_checkpoint, read_checkpoint_bytes
from flownet2.weights.safetensors import ALIGNMENT, read_safetensors, write_safetensors

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4", ">i8"]
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = TEXTS.filter(lambda name: name != "__metadata__")


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    return length, json.loads(raw[8 : 8 + length])


@settings(max_examples=150)
@given(st.dictionaries(NAMES, ARRAYS, max_size=5), st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, np.ndarray], metadata: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.safetensors"
    write_safetensors(path, tensors, metadata)
    got, texts = read_safetensors(path)
    assert texts == metadata
    assert set(got) == set(tensors)
    for name, array in tensors.items():
        assert got[name].dtype == array.dtype.newbyteorder("=")
        assert got[name].shape == array.shape
        assert got[name].tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
        assert got[name].flags.aligned
        assert not got[name].flags.writeable


def test_layout(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors = {
        "flag": np.array([True, False, True]),
        "half": np.arange(3, dtype="f2"),
        "b": np.arange(6, dtype="f4").reshape(2, 3),
        "a": np.float32(1),
        "wide": np.arange(2, dtype="f8"),
    }
    write_safetensors(path, tensors, {"z": "1", "a": "2"})
    length, header = _header(path)
    assert (8 + length) % ALIGNMENT == 0
    assert list(header) == ["__metadata__", "wide", "a", "b", "half", "flag"]
    position = 0
    for name in list(header)[1:]:
        begin, end = header[name]["data_offsets"]
        assert begin == position
        assert begin % tensors[name].dtype.itemsize == 0
        position = end
    assert path.stat().st_size == 8 + length + position
    again = tmp_path / "again.safetensors"
    write_safetensors(again, dict(reversed(tensors.items())), {"a": "2", "z": "1"})
    assert again.read_bytes() == path.read_bytes()
    assert sorted(read_checkpoint(path)) == sorted(tensors)


def test_views_are_written_as_their_values(tmp_path: Path) -> None:
    base = np.arange(24, dtype="f4").reshape(4, 6)
    tensors = {"t": base.T, "step": base[::-2, ::3], "wide": np.broadcast_to(base[0], (3, 6))}
    write_safetensors(tmp_path / "v.safetensors", tensors)
    got, metadata = read_safetensors(tmp_path / "v.safetensors")
    assert metadata == {}
    for name, array in tensors.items():
        np.testing.assert_array_equal(got[name], array)


def _nearest_bfloat16(value: float) -> set[float]:
    """The float32 values with 16 low zero bits that are nearest to value, by comparing neighbours."""
    low = np.array(value, "<f4").view("<u4") & 0xFFFF0000
    neighbours = [float(np.array(low + step, "<u4").view("<f4")) for step in (0, 0x10000)]
    distances = [abs(n - value) for n in neighbours]
    return {n for n, d in zip(neighbours, distances, strict=True) if d == min(distances)}


@given(st.floats(width=32, allow_nan=False, min_value=-(2.0**126), max_value=2.0**126))
def test_bfloat16_rounds_to_the_nearest_and_ties_to_even(value: float) -> None:
    bits = float32_to_bfloat16(np.array([value], "f4"))
    got = float(bfloat16_to_float32(bits)[0])
    nearest = _nearest_bfloat16(value)
    assert got in nearest
    if len(nearest) == 2:
        assert int(bits[0]) % 2 == 0


def test_bfloat16_special_values() -> None:
    bits = np.array([0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x80000000, 0x7F800001, 0xFFFFFFFF, 1], "<u4")
    got = bfloat16_to_float32(float32_to_bfloat16(bits.view("<f4")))
    assert got[:4].tolist() == [math.inf, -math.inf, math.inf, 0.0]
    assert np.signbit(got[3])
    assert np.isnan(got[4:6]).all()
    assert got[6] == 0


def test_every_bfloat16_comes_back(tmp_path: Path) -> None:
    values = bfloat16_to_float32(np.arange(1 << 16, dtype="<u2"))
    path = tmp_path / "b.safetensors"
    write_safetensors(path, {"w": values.reshape(256, 256), "x": np.float32([1.5])}, bfloat16={"w"})
    _, header = _header(path)
    assert (header["w"]["dtype"], header["x"]["dtype"]) == ("BF16", "F32")
    got, _ = read_safetensors(path)
    assert got["w"].dtype == np.float32
    finite = ~np.isnan(values)
    assert got["w"].ravel()[finite].tobytes() == values[finite].tobytes()
    assert np.isnan(got["w"].ravel()[~finite]).all()


@pytest.mark.parametrize(
    ("tensors", "metadata", "bfloat16", "message"),
    [
        ({"w": np.array(["a"])}, {}, (), "dtype <U1"),
        ({"w": np.array([None])}, {}, (), "dtype object"),
        ({"w": np.zeros(2, "c8")}, {}, (), "dtype complex64"),
        ({"w": np.zeros((1,) * 17, "f4")}, {}, (), "17 dimensions"),
        ({"__metadata__": np.zeros(1)}, {}, (), "may not be named __metadata__"),
        ({1: np.zeros(1)}, {}, (), "is a int, not a str"),
        ({"\ud800": np.zeros(1)}, {}, (), "UTF-8"),
        ({"w": np.zeros(1)}, {"a": 1}, (), "metadata 'a' is a int"),
        ({"w": np.zeros(1)}, {}, ["w"], "only float32"),
        ({"w": np.zeros(1, "f4")}, {}, ["v"], "not given: ['v']"),
    ],
)
def test_what_cannot_be_written(tensors: Any, metadata: Any, bfloat16: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"as before")
    with pytest.raises(InputError) as caught:
        write_safetensors(path, tensors, metadata, bfloat16=bfloat16)
    assert message in str(caught.value)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(path.name, b"as before")]


def _file(header: str | bytes, data: bytes = b"") -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    return len(raw).to_bytes(8, "little") + raw + data


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}', "not described by"),
        ('{"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "'dtype' comes twice"),
        ('{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', "dtype 'F8_E4M3'"),
        ('{"w":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', "an integer is missing"),
        ('{"w":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', "an integer is missing"),
        ('{"w":{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}}', "an integer is missing"),
        ('{"w":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}', "an integer is missing"),
        ('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}', "a name in double quotes"),
        ('{"w" {"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "a colon is missing"),
        ('{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "half a surrogate pair"),
        ('{"a\nb":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "a text is broken"),
        ('{"w":{"a":{"b":{"c":1}}}}', "nested too deep"),
        ('{"w":{"dtype":"F32","shape":[' + "1," * 17 + '1],"data_offsets":[0,4]}}', "at most 16 integers"),
        ('{"w":{"dtype":"F32","shape":[0,999999999999999],"data_offsets":[0,0]}}', "has the shape"),
        ('{"__metadata__":[],"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "object of texts"),
        ('{"w":' + "9" * 5000 + "}", "an integer is missing"),
        ('{"w":{"dtype":"F32","shape":[1 1],"data_offsets":[0,4]}}', "comma or ] is missing"),
        ('{"w":5}', "not described by"),
        ('{"w":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}', "0 or 1, found 9"),
    ],
)
def test_headers_that_are_refused(header: str, reason: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint_bytes(_file(header, b"\1\0\0\x09"), "m.safetensors")
    assert str(caught.value).startswith("m.safetensors: ")
    assert reason in str(caught.value)


def test_white_space_and_escapes_in_the_header() -> None:
    header = '{ "a\\u00e9\\n" :\t{"shape": [ ] ,"dtype" : "F32", "data_offsets":[0,\n4]\r} }  '
    content = read_checkpoint_bytes(_file(header, np.float32(2.5).tobytes()))
    assert list(content) == ["a\u00e9\n"]
    assert content["a\u00e9\n"] == 2.5


def test_a_file_without_tensors_is_valid_but_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    write_safetensors(path, {}, {"note": "x"})
    assert read_safetensors(path) == ({}, {"note": "x"})
    with pytest.raises(CheckpointError, match=r"none\.safetensors: .* no tensor"):
        read_checkpoint(path)


def test_metadata_of_a_megabyte_is_read_quickly(tmp_path: Path) -> None:
    text = '{"nodes": ["\\ \u00e9"]}' * 50_000
    write_safetensors(tmp_path / "big.safetensors", {"w": np.zeros(1)}, {"graph": text})
    assert read_safetensors(tmp_path / "big.safetensors")[1] == {"graph": text}
