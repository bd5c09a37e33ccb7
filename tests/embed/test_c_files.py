# SPDX-License-Identifier: Apache-2.0
"""Model files, whole, broken and hostile: the C library takes what the Python package takes, and computes the same."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

import flownet2
from embed.c_library import BAD_MODEL_FILE, UNREADABLE_FILE, CallError, CModel
from embed.models import pass_through
from flownet2.errors import FlowNet2Error
from flownet2.networks import build_network
from flownet2.preprocess import Preprocess
from flownet2.weights import Model, load_model, read_safetensors, write_model, write_safetensors
from flownet2.weights.model_file import is_model_file
from flownet2.weights.source import Source, naming
from flownet2.weights.stored import read_header

SAFETENSORS = sorted((Path(__file__).parents[1] / "data" / "checkpoints" / "safetensors").glob("*.safetensors"))
PICTURES = tuple(np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8) for seed in (0, 1))
TOKENS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"-1", b"1e3", b"99999999999999999999", b"null", b"NaN"]
TOKENS += [b"\\u0000", b"\\ud800", b"\xff", b"\xc3\xa9", b" ", b"\n", b"//", b'"F16"', b'"BF16"', b'"F64"', b"true"]


def python_flow(path: Path) -> bytes | None:
    """The flow of PICTURES from a model file; None where it is none, or refused."""
    try:
        with naming(path.name), Source(path) as source:
            if not is_model_file(read_header(source).metadata):
                return None
        return flownet2.load(path)(*PICTURES).tobytes()
    except FlowNet2Error:
        return None


def c_flow(source: Path | bytes) -> bytes | None:
    """The same from the C library, which must name the file, or the network that is of another kind."""
    try:
        return CModel(source)(*PICTURES).tobytes()
    except CallError as error:
        fault = error
    assert fault.status == BAD_MODEL_FILE, str(fault)
    assert (source.name if isinstance(source, Path) else "memory") in fault.message or "its network" in fault.message
    return None


def agree(path: Path) -> bool:
    """Whether the file is taken; by all or by none."""
    expected = python_flow(path)
    assert c_flow(path) == expected
    assert c_flow(path.read_bytes()) == expected
    return expected is not None


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return pass_through(tmp_path / "good.safetensors", (0, 4), 2, Preprocess("rgb", (0.1, 0.2, 0.3)))


def test_a_good_file(good: Path) -> None:
    assert agree(good)


@pytest.mark.parametrize("path", SAFETENSORS, ids=lambda path: path.stem)
def test_checkpoints_are_refused(path: Path) -> None:
    """Python imports some of them by their tensors' names; C reads our own format alone."""
    assert not agree(path)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_stored_dtypes(tmp_path: Path, dtype: str) -> None:
    graph = build_network("flownets", width=1 / 32)
    rng = np.random.default_rng(0)
    parameters = {name: (rng.normal(size=s) / 8).astype(np.float32) for name, s in graph.parameters.items()}
    path = tmp_path / "flownets.safetensors"
    write_model(path, Model(graph, parameters, Preprocess()), dtype)
    assert agree(path)
    assert CModel(path).info().stored.decode() == load_model(path).stored == dtype


@pytest.mark.parametrize("dtype", ["F64", "I32", "BOOL"])
def test_other_dtypes(good: Path, dtype: str) -> None:
    kinds = {"F64": np.float64, "I32": np.int32, "BOOL": np.bool_}
    tensors, metadata = read_safetensors(good)
    write_safetensors(good, {name: value.astype(kinds[dtype]) for name, value in tensors.items()}, metadata)
    assert agree(good) == (dtype == "F64")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["chosen.weight", "chosen.bias"])
def test_numbers_that_are_not_finite(good: Path, name: str, value: float) -> None:
    tensors, metadata = read_safetensors(good)
    broken = tensors[name].copy()
    broken.flat[-1] = value
    write_safetensors(good, {**tensors, name: broken}, metadata)
    assert not agree(good)
    with pytest.raises(CallError, match=name):
        CModel(good)


def test_a_float64_beyond_float32(good: Path) -> None:
    tensors, metadata = read_safetensors(good)
    write_safetensors(good, {**tensors, "chosen.bias": np.array([0, 1e300])}, metadata)
    assert not agree(good)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "flownet"},
        {"format_version": "2"},
        {"graph": "{}"},
        {"graph": ""},
        {"graph": "[" * 100_000},
        {"preprocess": "["},
        {"preprocess": '{"channel_order":"rgb","mean":[0,0]}'},
        {"preprocess": '{"channel_order":"gbr","mean":[0,0,0]}'},
        {"preprocess": '{"channel_order":"rgb","mean":[0,0,1.0000001]}'},
        {"preprocess": '{"channel_order":"rgb","mean":[0,0,NaN]}'},
        {"preprocess": '{"channel_order":"rgb","mean":[0,0,true]}'},
        {"preprocess": '{"channel_order":"rgb","mean":[0,0,"0"]}'},
        {"preprocess": '{"channel_order":"rgb","mean":[0,0,0],"std":1}'},
        {"preprocess": '{"mean":[-1,1,0.25],"channel_order":"bgr"}'},
        {"preprocess": ' {"mean" : [1e-3, -0.5E0, 0] , "channel_order":"\\u0062gr"}\n'},
        {"probe.seed": "1", "title": "\u00e9 \U0001f600"},
    ],
    ids=lambda change: str(change)[:70],
)
def test_metadata(good: Path, change: dict[str, str]) -> None:
    tensors, metadata = read_safetensors(good)
    write_safetensors(good, tensors, {**metadata, **change})
    agree(good)


def test_tensors_of_another_set(good: Path) -> None:
    tensors, metadata = read_safetensors(good)
    write_safetensors(good, {**tensors, "probe.flow": np.zeros(3, np.float32)}, metadata)
    assert agree(good)
    for other in (
        {"chosen.weight": tensors["chosen.weight"]},
        {**tensors, "more": np.zeros(2, np.float32)},
        {**tensors, "chosen.bias": np.zeros((2, 1), np.float32)},
        {**tensors, "chosen.weight": np.zeros((6, 2, 1, 1), np.float32)},
    ):
        write_safetensors(good, other, metadata)
        assert not agree(good)


def edited(data: bytes, rng: random.Random) -> bytes:
    """A few changes, most of them in the header, whose length is then mostly mended."""
    length = int.from_bytes(data[:8], "little")
    header, rest = bytearray(data[8 : 8 + length]), bytearray(data[8 + length :])
    for _ in range(rng.randint(1, 3)):
        part = header if rng.random() < 0.8 else rest
        at, kind = rng.randrange(len(part)), rng.randrange(6)
        if kind == 0:
            part[at] = rng.randrange(256)
        elif kind == 1:
            part[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del part[at : at + rng.randrange(1, 9)]
        elif kind == 3:
            part[at:at] = rng.choice(TOKENS)
        elif kind == 4:
            token = rng.choice(TOKENS)
            part[at : at + len(token)] = token
        else:
            begin = rng.randrange(len(part))
            part[at:at] = part[begin : begin + rng.randrange(1, 40)]
    if rng.random() < 0.9:
        length = len(header)
    return length.to_bytes(8, "little") + bytes(header) + bytes(rest)


def test_random_edits(good: Path) -> None:
    data, rng, taken = good.read_bytes(), random.Random(20170406), 0
    rounds = 1200
    for _ in range(rounds):
        good.write_bytes(edited(data, rng))
        taken += agree(good)
    assert 20 < taken < rounds - 20


def test_every_length(good: Path) -> None:
    data = good.read_bytes()
    for length in range(len(data)):
        good.write_bytes(data[:length])
        assert not agree(good)
    good.write_bytes(data + b"\0")
    assert not agree(good)


def test_claims_of_much_memory(good: Path) -> None:
    """A size in the header is compared with the file before anything is allocated for it."""
    tensors, metadata = read_safetensors(good)
    graph = json.loads(metadata["graph"])
    for shape in graph["parameters"].values():
        shape[0] = 2**40
    write_safetensors(good, tensors, {**metadata, "graph": json.dumps(graph)})
    assert not agree(good)
    good.write_bytes((10**8).to_bytes(8, "little") + b"{")
    assert not agree(good)


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "pipe"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)  # opening it would wait for a writer
    with pytest.raises(CallError, match=kind) as caught:
        CModel(path)
    assert caught.value.status == (BAD_MODEL_FILE if kind == "empty" else UNREADABLE_FILE)


def test_a_name_of_any_bytes(good: Path) -> None:
    other = Path(os.fsdecode(os.fsencode(good.parent) + b"/\xff\xe9 model"))
    good.rename(other)
    assert c_flow(other) == python_flow(other) is not None


def test_the_memory_of_a_file_may_lie_anywhere_and_go(good: Path) -> None:
    expected = python_flow(good)
    for shift in range(4):
        data = b"\0" * shift + good.read_bytes()
        assert c_flow(data[shift:]) == expected
    assert c_flow(b"\0" * 7) is None
    assert c_flow(b"") is None
