# SPDX-License-Identifier: Apache-2.0
"""The only names that a checkpoint's pickle may use, and its dictionaries.

Each allowed name is a tag, never the object of that name: a call of it goes to a constructor in this package
that checks the type and range of every argument.
"""

from __future__ import annotations

import enum
from typing import Any

from flownet2.weights.cursor import Malformed, show

MAX_TUPLE_KEYS = 100
MAX_TUPLE_KEY = 16


class Global(enum.Enum):
    """A name that state dicts use."""

    ORDERED_DICT = "collections.OrderedDict"
    ENCODE = "_codecs.encode"
    TENSOR_V1 = "torch._utils._rebuild_tensor"
    TENSOR_V2 = "torch._utils._rebuild_tensor_v2"
    PARAMETER = "torch._utils._rebuild_parameter"
    PARAMETER_WITH_STATE = "torch._utils._rebuild_parameter_with_state"
    DOUBLE_STORAGE = "torch.DoubleStorage"
    FLOAT_STORAGE = "torch.FloatStorage"
    HALF_STORAGE = "torch.HalfStorage"
    BFLOAT16_STORAGE = "torch.BFloat16Storage"
    LONG_STORAGE = "torch.LongStorage"
    INT_STORAGE = "torch.IntStorage"
    SHORT_STORAGE = "torch.ShortStorage"
    CHAR_STORAGE = "torch.CharStorage"
    BYTE_STORAGE = "torch.ByteStorage"
    BOOL_STORAGE = "torch.BoolStorage"
    NUMPY_SCALAR = "numpy.core.multiarray.scalar"
    NUMPY_RECONSTRUCT = "numpy.core.multiarray._reconstruct"
    NUMPY_DTYPE = "numpy.dtype"
    NUMPY_NDARRAY = "numpy.ndarray"
    NAMESPACE = "argparse.Namespace"


def _split(name: str) -> tuple[str, str]:
    module, _, last = name.rpartition(".")
    return module, last


# NumPy 2 renamed numpy.core; files of both ages are around.
ALLOWED: dict[tuple[str, str], Global] = {_split(tag.value): tag for tag in Global} | {
    ("numpy._core.multiarray", "scalar"): Global.NUMPY_SCALAR,
    ("numpy._core.multiarray", "_reconstruct"): Global.NUMPY_RECONSTRUCT,
}


class Map:
    """A dict or OrderedDict of the pickle; ``repeated`` is a key that was set twice, in a tuple of one."""

    __slots__ = ("_tuple_keys", "data", "repeated")

    def __init__(self) -> None:
        self.data: dict[Any, Any] = {}
        self.repeated: tuple[Any, ...] = ()
        self._tuple_keys = 0

    def clear(self) -> None:
        """Forget all items."""
        self.data.clear()

    def put(self, key: Any, value: Any) -> None:
        """Set an item; the last value of a key wins."""
        if type(key) is tuple:
            self._tuple_keys += 1
            if self._tuple_keys > MAX_TUPLE_KEYS:
                raise Malformed(f"more than {MAX_TUPLE_KEYS} tuples as keys of one dict")
        _check_key(key)
        if key in self.data:
            self.repeated = (key,)
        self.data[key] = value


class Namespace(Map):
    """An argparse.Namespace, in which Lightning keeps the options of a training: a dict that gets its items at once."""

    __slots__ = ()


def _check_key(key: Any) -> None:
    # What is let in here has a hash that needs no recursion and that a file cannot make collide in numbers:
    # Python randomises those of texts, and only a few 64-bit integers share one. Tuples are counted instead.
    parts = key if type(key) is tuple else (key,)
    if len(parts) > MAX_TUPLE_KEY:
        raise Malformed(f"a key of {len(parts)} parts")
    for part in parts:
        if type(part) is int and not -(1 << 63) <= part < 1 << 64:
            raise Malformed(f"the integer {show(part)} as a key")
        if part is not None and type(part) not in (str, bytes, int, bool):
            raise Malformed(f"a {type(part).__name__} as a key")
