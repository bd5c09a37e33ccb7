# SPDX-License-Identifier: Apache-2.0
"""Says what a file seems to be, from its first and last bytes, to choose a reader or to explain a refusal."""

from __future__ import annotations

from dataclasses import dataclass

from flownet2.weights.cursor import Malformed, show
from flownet2.weights.torch_legacy import MAGIC

HEAD = 4096
"""Number of first bytes that are looked at."""
TAIL = 22
"""Number of last bytes that are looked at."""

ZIP = "zip"
LEGACY = "legacy"
SAFETENSORS = "safetensors"
CAFFE = "caffe"
HDF5 = "hdf5"

_DOWNLOAD = "download the checkpoint again, from its direct address"
_UNPACK = "unpack it and give the checkpoint inside"
_OTHER = "give a torch checkpoint (.pth, .pth.tar), a .safetensors file or a Caffe model (.caffemodel, .caffemodel.h5)"


@dataclass(frozen=True)
class _Sign:
    prefix: bytes
    what: str
    remedy: str
    offset: int = 0


_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CAFFE_LAYER = b"\xa2\x06"  # the tag of field 100

_SIGNS = (
    _Sign(
        b"version https://git-lfs",
        "it is a Git LFS pointer, not the file itself",
        "fetch the file with: git lfs pull",
    ),
    _Sign(b"\x1f\x8b", "it is compressed with gzip", _UNPACK + " (gunzip)"),
    _Sign(b"BZh", "it is compressed with bzip2", _UNPACK + " (bunzip2)"),
    _Sign(b"\xfd7zXZ\x00", "it is compressed with xz", _UNPACK + " (unxz)"),
    _Sign(b"\x28\xb5\x2f\xfd", "it is compressed with zstd", _UNPACK + " (unzstd)"),
    _Sign(b"7z\xbc\xaf\x27\x1c", "it is a 7z archive", _UNPACK),
    _Sign(b"Rar!", "it is a RAR archive", _UNPACK),
    _Sign(
        b"ustar",
        "it is a tar archive (perhaps of torch 0.1, whose format is not read)",
        _UNPACK + ", or save it again with a newer torch",
        offset=257,
    ),
    _Sign(b"\x93NUMPY", "it is a NumPy .npy array", _OTHER),
    _Sign(b"GGUF", "it is a GGUF file", _OTHER),
    _Sign(b"TFL3", "it is a TensorFlow Lite model", _OTHER, offset=4),
    _Sign(b"PIEH", "it is a .flo flow file, not a model", _OTHER),
    _Sign(b"\x89PNG", "it is a PNG picture", _OTHER),
    _Sign(b"\xff\xd8\xff", "it is a JPEG picture", _OTHER),
    _Sign(b"%PDF", "it is a PDF document", _OTHER),
    _Sign(b"\x7fELF", "it is a program", _OTHER),
)


def identify(head: bytes, tail: bytes, *, is_safetensors_name: bool) -> str:
    """Return ``ZIP``, ``LEGACY``, ``SAFETENSORS``, ``CAFFE`` or ``HDF5`` for a file of the given first and last bytes.

    Raises:
        Malformed: it is none of them; the error says what it seems to be.
    """
    if not head:
        raise Malformed("the file is empty", remedy=_DOWNLOAD)
    if head.startswith(b"PK"):
        return ZIP
    if head.startswith(MAGIC):
        return LEGACY
    if head[8:9] == b"{":
        return SAFETENSORS
    if head.startswith(_HDF5_SIGNATURE):
        return HDF5
    if _is_caffemodel(head):
        return CAFFE
    _refuse_known(head)
    if is_safetensors_name:
        return SAFETENSORS
    if tail.startswith(b"PK\x05\x06"):
        raise Malformed("it ends like a zip archive but does not begin like one", "offset 0", _DOWNLOAD)
    raise _unknown(head)


def _refuse_known(head: bytes) -> None:
    for sign in _SIGNS:
        if head[sign.offset :].startswith(sign.prefix):
            raise Malformed(sign.what, f"offset {sign.offset}", sign.remedy)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        raise Malformed("it is an HTML page, such as a download page or an error message", "offset 0", _DOWNLOAD)
    if text.startswith((b"<?xml", b"<error")):
        raise Malformed("it is an XML document, such as a server's error message", "offset 0", _DOWNLOAD)
    if len(head) > 8 and not any(head):
        raise Malformed(f"its first {len(head)} bytes are zero: a download that was never written", "", _DOWNLOAD)
    if _is_onnx(head):
        raise Malformed("it seems to be an ONNX model", "offset 0", _OTHER)


def _unknown(head: bytes) -> Malformed:
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return Malformed(
            "it is a bare Python pickle, which may hold a program; it was not run",
            "offset 0",
            "save the state dict with torch.save and give that file",
        )
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        begin = show(head.decode("ascii"), 40)
        return Malformed(f"it is a text file that begins with {begin}", "offset 0", _OTHER)
    return Malformed(f"it is of no known kind: it begins with bytes {head[:8].hex(' ')}", "offset 0", _OTHER)


def _is_onnx(head: bytes) -> bool:
    # A ModelProto begins with ir_version (field 1, a small number), then producer_name (field 2) or the like.
    return len(head) > 4 and head[0] == 0x08 and 1 <= head[1] <= 32 and head[2] in (0x12, 0x3A, 0x42)


def _is_caffemodel(head: bytes) -> bool:
    # A NetParameter begins with its name (field 1), then an input (3), a layer (100) or an old layer (2). Without a
    # name it begins with a layer, whose name comes first.
    if head.startswith(_CAFFE_LAYER):
        return True
    if len(head) < 4 or head[0] != 0x0A or head[1] > 127:
        return False
    behind = 2 + head[1]
    name, rest = head[2:behind], head[behind : behind + 2]
    layer = rest == _CAFFE_LAYER or rest[:1] in (b"\x12", b"\x1a")
    return layer and name.isascii() and name.decode("latin-1").isprintable()
