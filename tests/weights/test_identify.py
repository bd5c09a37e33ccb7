# SPDX-License-Identifier: Apache-2.0
"""A file that is not a checkpoint is told what it seems to be and what to do."""

from __future__ import annotations

import gzip
import io
import tarfile

import numpy as np
import pytest

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint, read_checkpoint_bytes
from weights.samples import FOLDER


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pth"))
    return out.getvalue()


def _npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    return out.getvalue()


def _npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, weight=np.zeros(3))
    return out.getvalue()


KINDS = {
    "empty": (b"", "is empty", "download"),
    "html": (b"\n<!DOCTYPE html><html>404</html>", "HTML page", "download"),
    "html with BOM": (b"\xef\xbb\xbf<html lang=en>", "HTML page", "download"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "server's error", "download"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer", "git lfs pull"),
    "gzip": (gzip.compress(b"x"), "gzip", "gunzip"),
    "bzip2": (b"BZh91AY&SY", "bzip2", "unpack"),
    "xz": (b"\xfd7zXZ\x00\x00", "xz", "unpack"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04", "zstd", "unpack"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "7z", "unpack"),
    "rar": (b"Rar!\x1a\x07\0", "RAR", "unpack"),
    "tar": (_tar(), "tar archive", "newer torch"),
    "npy": (_npy(), ".npy", "safetensors"),
    "npz": (_npz(), ".npz", "safetensors"),
    "gguf": (b"GGUF\3\0\0\0", "GGUF", "safetensors"),
    "tflite": (b"\x1c\0\0\0TFL3", "TensorFlow Lite", "safetensors"),
    "flo": (b"PIEH\1\0\0\0\1\0\0\0", "flow file", "safetensors"),
    "png": (b"\x89PNG\r\n\x1a\n", "PNG", "safetensors"),
    "jpeg": (b"\xff\xd8\xff\xe0", "JPEG", "safetensors"),
    "pdf": (b"%PDF-1.7", "PDF", "safetensors"),
    "elf": (b"\x7fELF\2", "program", "safetensors"),
    "onnx": (b"\x08\x07\x12\x07pytorch", "ONNX", "safetensors"),
    "prototxt": (b'name: "FlowNet2"\nlayer {', "text file that begins with 'name: ", "caffemodel"),
    "text after a newline": (b"\n hello", "text file", "caffemodel"),
    "pickle": (b"\x80\x04\x95\0\0", "bare Python pickle", "torch.save"),
    "zeros": (bytes(4096), "never written", "download"),
    "text": (b"hello world\n", "text file that begins with 'hello", "safetensors"),
    "cut at the front": (bytes([1, 2]) * 9 + b"PK\5\6" + bytes(18), "ends like a zip archive", "download"),
    "random": (b"\x01\xc3\xf0\x9e\x11", "no known kind: it begins with bytes 01 c3 f0", "safetensors"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_file_seems_to_be(kind: str) -> None:
    data, what, remedy = KINDS[kind]
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint_bytes(data, "model.pth")
    message = str(caught.value)
    assert message.startswith("model.pth: ")
    assert what in message
    assert remedy in message.partition("; ")[2]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bad_unsupported_torchscript.pt", ["TorchScript", "state_dict()"]),
        ("bad_unsupported_sparse.pth", ["torch._utils._rebuild_sparse_tensor", "state dict"]),
        ("bad_unsupported_module.pth", ["torch.nn.modules.conv.Conv2d", "torch.save(model.state_dict()"]),
        ("bad_leg_module_source.pth", ["torch.nn.modules.conv.Conv2d", "torch.save(model.state_dict()"]),
        ("bad_exec_os_system.pth", ["'posix.system'", "nothing was run", "archive/data.pkl", "offset"]),
        ("bad_exec_legacy_object.pth", ["'posix.system'", "pickle of the object"]),
        ("bad_exec_stack_global.pth", ["protocol 4", "pickle_protocol=2"]),
        ("bad_exec_inst.pth", ["INST", "builds an object"]),
        ("bad_exec_legacy_tar.pth.tar", ["tar archive", "torch 0.1"]),
        ("bad_zip_bitflip_tensor.pth", ["checksum is wrong", "data/0", "offset"]),
        ("bad_zip_deflate_tensor.pth", ["compressed (method 8", "original file"]),
        ("bad_zip_encrypted.pth", ["encrypted"]),
        ("bad_zip_cut_50.pth", ["cut off", "download"]),
        ("bad_zip_two_roots.pth", ["not in one folder"]),
        ("bad_leg_cut_95.pth", ["storage '7'", "bytes", "left"]),
        ("bad_leg_bigendian.pth", ["little-endian machine"]),
        ("bad_leg_key_missing.pth", ["lists 0 storages", "use 1"]),
        ("bad_t_record_missing.pth", ["no record 'archive/data/9'"]),
        ("bad_t_numel_4g.pth", ["record data/0 has 16 bytes", "4294967296"]),
        ("bad_t_stride_past_end.pth", ["reaches element 4", "has 4"]),
        ("bad_t_expand_bomb.pth", ["shows 1099511627776 elements"]),
        ("safetensors/bad_dup_key.safetensors", ["'w' comes twice"]),
        ("safetensors/bad_hole.safetensors", ["begins at byte 4 of the data, not at 0"]),
        ("safetensors/bad_n_huge.safetensors", ["18446744073709551615 bytes"]),
    ],
)
def test_messages_say_what_where_and_what_to_do(name: str, words: list[str]) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(FOLDER / name)
    message = str(caught.value)
    assert message.startswith(f"{FOLDER / name}: ")
    assert [word for word in words if word not in message] == [], message
    assert message.rpartition("; ")[2], "no remedy"
