# SPDX-License-Identifier: Apache-2.0
"""The package's C library by ctypes: flownet2/flownet2.h declared once more, and arrays as its structs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

import flownet2
from flownet2.types import Array

OK, INVALID_ARGUMENT, TOO_LARGE, OUT_OF_MEMORY, CANCELLED, UNREADABLE_FILE, BAD_MODEL_FILE = range(7)
PRECISIONS = {"float32": 0, "bfloat16": 1}
PIXEL_TYPES = {"uint8": 0, "uint16": 1, "float32": 2}
CHANNEL_ORDERS = {"rgb": 0, "bgr": 1}
SIZE_RULES = {None: 0, "resize": 1, "pad": 2, "crop": 3}
MEAN_RULES = {"given": 0, "pair": 1, "picture": 2}
ELEMENTWISE_KINDS = {"add": 0, "sub": 1, "mul": 2, "scale": 3}

Progress = ctypes.CFUNCTYPE(c_int32, c_void_p, c_double)


def _struct(name: str, *fields: tuple[str, Any]) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields)})


def _options(name: str, *fields: tuple[str, Any]) -> Any:
    """A struct whose first field is its own size, which `sized` fills in."""
    return _struct(name, ("struct_size", c_size_t), *fields)


_Pair = c_int64 * 2
_CALLBACK = (("progress", Progress), ("user", c_void_p))
_SLOPE = (("leaky_relu", c_int32), ("leaky_slope", c_float))

LoadOptions = _options("LoadOptions", ("precision", c_int32), ("threads", c_int32), ("isa", c_char_p), *_CALLBACK)
Info = _options(
    "Info",
    *((name, c_char_p) for name in ("network", "stored", "isa")),
    *((name, c_int64) for name in ("parameters", "size_multiple")),
    *((name, c_int32) for name in ("precision", "channel_order")),
    ("mean", c_float * 3),
    *((name, c_int32) for name in ("mean_rule", "size_rule")),
    ("second_mean", c_float * 3),
)
SelfCheck = _options(
    "SelfCheck",
    *((name, c_int32) for name in ("stored", "passed")),
    *((name, c_double) for name in ("largest", "mean", "allowed")),
)
Image = _struct(
    "Image",
    ("data", c_void_p),
    *((name, c_int64) for name in ("height", "width", "channels")),
    *((name, c_ssize_t) for name in ("row_stride", "pixel_stride", "channel_stride")),
    *((name, c_int32) for name in ("pixel_type", "channel_order")),
)
FlowOptions = _options("FlowOptions", ("size_rule", c_int32), *_CALLBACK)
Tensor = _struct("Tensor", ("data", c_void_p), *((axis, c_int64) for axis in "nchw"))
ConvolutionOptions = _options("ConvolutionOptions", ("stride", _Pair), ("padding", _Pair), *_SLOPE)
CorrelationOptions = _options(
    "CorrelationOptions", ("max_displacement", c_int64), ("stride", c_int64), ("mean", c_int32), *_SLOPE
)
WarpOptions = _options("WarpOptions", *((name, c_int32) for name in ("zeros", "no_align_corners", "mask")))
ResizeOptions = _options("ResizeOptions", *((name, c_int32) for name in ("nearest", "align_corners")))


def sized(kind: Any, **fields: Any) -> Any:
    """An options struct with its size."""
    return kind(struct_size=ctypes.sizeof(kind), **fields)


_MODEL, _OUT_MODEL = c_void_p, POINTER(c_void_p)
_TENSOR = POINTER(Tensor)
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "flownet2_last_error": (c_char_p, []),
    "flownet2_version": (c_char_p, []),
    "flownet2_set_num_threads": (c_int32, [c_int32]),
    "flownet2_num_threads": (c_int32, [POINTER(c_int32)]),
    "flownet2_isa": (c_int32, [POINTER(c_char_p)]),
    "flownet2_isa_name": (c_char_p, [c_int32]),
    "flownet2_load": (c_int32, [c_char_p, POINTER(LoadOptions), _OUT_MODEL]),
    "flownet2_load_memory": (c_int32, [c_void_p, c_size_t, POINTER(LoadOptions), _OUT_MODEL]),
    "flownet2_free": (None, [_MODEL]),
    "flownet2_model_info": (c_int32, [_MODEL, POINTER(Info)]),
    "flownet2_model_fact": (c_char_p, [_MODEL, c_char_p]),
    "flownet2_self_check": (c_int32, [_MODEL, POINTER(SelfCheck)]),
    "flownet2_flow": (c_int32, [_MODEL, POINTER(Image), POINTER(Image), POINTER(FlowOptions), c_void_p, c_ssize_t]),
    "flownet2_flow_batch": (
        c_int32,
        [_MODEL, POINTER(Image), POINTER(Image), c_size_t, POINTER(FlowOptions), POINTER(c_void_p), c_ssize_t],
    ),
    "flownet2_working_memory": (c_int32, [_MODEL, c_int64, c_int64, c_int32, c_int64, POINTER(c_int64)]),
    "flownet2_run": (c_int32, [_MODEL, _TENSOR, _TENSOR, c_char_p, POINTER(FlowOptions), _TENSOR]),
    "flownet2_flow_size": (c_int32, [_MODEL, c_int64, c_int64, c_int32, POINTER(c_int64), POINTER(c_int64)]),
    "flownet2_conv2d": (c_int32, [_TENSOR, _TENSOR, _TENSOR, POINTER(ConvolutionOptions), _TENSOR]),
    "flownet2_conv_transpose2d": (c_int32, [_TENSOR, _TENSOR, _TENSOR, POINTER(ConvolutionOptions), _TENSOR]),
    "flownet2_leaky_relu": (c_int32, [_TENSOR, c_float, _TENSOR]),
    "flownet2_correlation": (c_int32, [_TENSOR, _TENSOR, POINTER(CorrelationOptions), _TENSOR]),
    "flownet2_warp": (c_int32, [_TENSOR, _TENSOR, POINTER(WarpOptions), _TENSOR]),
    "flownet2_resize": (c_int32, [_TENSOR, POINTER(ResizeOptions), _TENSOR]),
    "flownet2_channel_norm": (c_int32, [_TENSOR, _TENSOR]),
    "flownet2_concat": (c_int32, [_TENSOR, c_size_t, _TENSOR]),
    "flownet2_elementwise": (c_int32, [c_int32, _TENSOR, _TENSOR, c_float, _TENSOR]),
}
"""Name -> result, arguments."""


def _open() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(flownet2.get_cmake_dir()).parents[1] / "libflownet2.so"))
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


LIB = _open()


class CallError(Exception):
    """A status that is not OK, and the library's message."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.message = LIB.flownet2_last_error().decode()
        super().__init__(f"status {status}: {self.message}")


def check(status: int) -> None:
    """Raises CallError for any status but OK."""
    if status != OK:
        raise CallError(status)


def callback(progress: Callable[[float], int] | None) -> Any:
    """A function that is told the share that is done, as the library calls it; None is NULL."""
    return Progress() if progress is None else Progress(lambda user, done: progress(done))


class CModel:
    """A loaded model; freed with the object."""

    def __init__(
        self,
        source: Path | bytes,
        *,
        precision: str = "float32",
        threads: int = 0,
        isa: str | None = None,
        progress: Callable[[float], int] | None = None,
    ) -> None:
        self.handle = c_void_p()
        name = None if isa is None else isa.encode()
        options = sized(LoadOptions, precision=PRECISIONS[precision], threads=threads, isa=name)
        options.progress = callback(progress)
        if isinstance(source, bytes):
            check(LIB.flownet2_load_memory(source, len(source), byref(options), byref(self.handle)))
        else:
            check(LIB.flownet2_load(bytes(source), byref(options), byref(self.handle)))

    def __del__(self) -> None:
        LIB.flownet2_free(self.handle)

    def info(self) -> Any:
        """The struct of facts."""
        info = sized(Info)
        info.model = self  # its texts live as long as the model
        check(LIB.flownet2_model_info(self.handle, byref(info)))
        return info

    def self_check(self) -> Any:
        """The struct of what was found."""
        result = sized(SelfCheck)
        check(LIB.flownet2_self_check(self.handle, byref(result)))
        return result

    def flow_size(self, height: int, width: int, size_rule: str | None = None) -> tuple[int, int]:
        """Size of the flow of such pictures."""
        rows, columns = c_int64(), c_int64()
        check(LIB.flownet2_flow_size(self.handle, height, width, SIZE_RULES[size_rule], byref(rows), byref(columns)))
        return rows.value, columns.value

    def __call__(
        self,
        image1: Array,
        image2: Array,
        *,
        channel_order: str = "rgb",
        size_rule: str | None = None,
        progress: Callable[[float], int] | None = None,
    ) -> Array:
        """Flow of (H, W, 3) or (H, W) arrays, which the library reads where they are, whatever their strides."""
        options = sized(FlowOptions, size_rule=SIZE_RULES[size_rule])
        options.progress = callback(progress)
        out = np.full((*self.flow_size(*image1.shape[:2], size_rule), 2), np.nan, np.float32)
        images = [byref(image_of(array, channel_order)) for array in (image1, image2)]
        check(LIB.flownet2_flow(self.handle, *images, byref(options), out.ctypes.data, 0))
        return out


def image_of(array: Array, channel_order: str = "rgb") -> Any:
    """An (H, W, C) or (H, W) array as the struct, without a copy."""
    view = array[..., None] if array.ndim == 2 else array
    kind, order = PIXEL_TYPES[array.dtype.name], CHANNEL_ORDERS[channel_order]
    return Image(array.ctypes.data, *view.shape, *view.strides, kind, order)


def tensor_of(array: Array) -> Any:
    """A (N, C, H, W) float32 array without gaps as the struct."""
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    return Tensor(array.ctypes.data, *array.shape)
