# SPDX-License-Identifier: Apache-2.0
"""What calls and persistent ids in a state dict's pickle make: checked tensor references, plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flownet2.weights.cursor import Malformed, show
from flownet2.weights.numpy_values import NumpyArray, NumpyDtype, make_dtype, scalar, set_array, set_dtype
from flownet2.weights.pickle_values import ALLOWED, Global, Map, Namespace
from flownet2.weights.tensors import STORAGE_KINDS, StorageRef, StorageTable, TensorRef, tensor

_SAVE_STATE_DICT = "save only the state dict again: torch.save(model.state_dict(), path)"
_ZIP_KEY = re.compile(r"[0-9]{1,10}")
_LEGACY_KEY = re.compile(r"[0-9]{1,20}")


class StateDictActions:
    """The constructors behind the allow-list, for one pickle.

    ``legacy`` tells the form of persistent ids; ``text_budget`` bounds the bytes that calls may make out of
    texts, so that one text cannot be turned into bytes again and again.
    """

    globals: Mapping[tuple[str, str], Global] = ALLOWED

    def __init__(self, storages: StorageTable, *, legacy: bool, text_budget: int) -> None:
        self._storages = storages
        self._legacy = legacy
        self._text_budget = text_budget

    def reduce(self, function: Global, args: tuple[Any, ...], charge: Callable[[int], None]) -> Any:
        """Return the value of an allowed call."""
        if function is Global.ORDERED_DICT:
            return _ordered_dict(args, charge)
        if function is Global.ENCODE:
            return self._encode(args)
        maker = _MAKERS.get(function)
        if maker is None:
            raise Malformed(f"a call of {function.value}, which is only a name here")
        return maker(args)

    def build(self, target: Any, state: Any) -> None:
        """Give a NumPy value or a Namespace its state; of an OrderedDict's, only torch's version numbers pass."""
        if type(target) is NumpyDtype:
            set_dtype(target, state)
        elif type(target) is NumpyArray:
            set_array(target, state)
        elif type(target) is Namespace:
            if target.data or type(state) is not Map:
                raise Malformed("a state for a Namespace that is not one dict")
            target.data = state.data  # shared, not copied: a file may give one state to many
        elif type(target) is not Map:
            raise Malformed(f"a state for a {type(target).__name__}", remedy=_SAVE_STATE_DICT)
        elif type(state) is not Map or set(state.data) != {"_metadata"}:
            raise Malformed("attributes on a dict, other than _metadata", remedy=_SAVE_STATE_DICT)

    def persistent(self, identifier: Any) -> StorageRef:
        """Return the storage of a persistent id."""
        wanted = 6 if self._legacy else 5
        if type(identifier) is not tuple or not identifier:
            raise Malformed("a persistent id that is not a tuple")
        if identifier[0] == "module":
            raise Malformed("it holds a whole module with its source text", remedy=_SAVE_STATE_DICT)
        if identifier[0] != "storage" or len(identifier) != wanted:
            raise Malformed(f"a persistent id that is not a storage of {wanted} parts")
        _, kind, key, location, numel = identifier[:5]
        name = kind.value.removeprefix("torch.") if isinstance(kind, Global) else ""
        if name not in STORAGE_KINDS:
            raise Malformed(f"a storage whose class is {show(name or type(kind).__name__)}")
        pattern = _LEGACY_KEY if self._legacy else _ZIP_KEY
        if type(key) is not str or not pattern.fullmatch(key):
            raise Malformed(f"a storage key {show(key)}, not a decimal number as text")
        if type(location) is not str or location == "meta":
            raise Malformed(f"a storage on {show(location)}: its values are not in the file")
        if type(numel) is not int or numel < 0:
            raise Malformed(f"a storage of {show(numel)} elements")
        storage = self._storages.add(STORAGE_KINDS[name], key, numel)
        return _storage_view(storage, identifier[5]) if self._legacy else storage

    def _encode(self, args: tuple[Any, ...]) -> bytes:
        if len(args) != 2 or type(args[0]) is not str or args[1] != "latin1":
            raise Malformed("_codecs.encode of something other than text as latin1")
        self._text_budget -= len(args[0])
        if self._text_budget < 0:
            raise Malformed("the pickle makes more bytes than it holds")
        try:
            return args[0].encode("latin-1")
        except UnicodeEncodeError:
            raise Malformed("_codecs.encode of text that is not latin1") from None


def _storage_view(storage: StorageRef, view: Any) -> StorageRef:
    """Return the part of a storage that a legacy view (key, offset, size) or None names."""
    if view is None:
        return storage
    if type(view) is not tuple or len(view) != 3 or type(view[0]) is not str:
        raise Malformed("a storage view that is not (key, offset, size)")
    start, length = _integer(view[1], "offset"), _integer(view[2], "size")
    if start > storage.numel or length > storage.numel - start:
        raise Malformed(f"a storage view {show(view[1:])} outside its {storage.numel} elements")
    return StorageRef(storage.kind, storage.key, storage.numel, start, length)


def _ordered_dict(args: tuple[Any, ...], charge: Callable[[int], None]) -> Map:
    result = Map()
    if not args:
        return result
    if len(args) != 1 or type(args[0]) is not list:
        raise Malformed("OrderedDict of something other than one list of pairs")
    charge(len(args[0]))
    for pair in args[0]:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            raise Malformed("OrderedDict of something other than pairs")
        result.put(pair[0], pair[1])
    return result


def _rebuild_tensor(args: tuple[Any, ...]) -> TensorRef:
    if len(args) != 4:
        raise Malformed(f"a tensor of {len(args)} arguments, not 4")
    storage, offset, size, stride = args
    if type(storage) is not StorageRef:
        raise Malformed("a tensor without a storage")
    if type(size) is not tuple or type(stride) is not tuple:
        raise Malformed("a tensor whose size and stride are not tuples")
    sizes = tuple(_integer(n, "size") for n in size)
    strides = tuple(_integer(n, "stride") for n in stride)
    return tensor(storage, _integer(offset, "offset"), sizes, strides)


def _rebuild_tensor_v2(args: tuple[Any, ...]) -> TensorRef:
    if len(args) not in (6, 7):
        raise Malformed(f"a tensor of {len(args)} arguments, not 6 or 7")
    if type(args[4]) is not bool or type(args[5]) is not Map:
        raise Malformed("a tensor whose requires_grad or hooks have the wrong type")
    # The seventh says "conjugate" or "negative", which would change the values.
    if len(args) == 7 and args[6] is not None and not (type(args[6]) is Map and not args[6].data):
        raise Malformed("a tensor with lazy operations on it", remedy="save it as tensor.clone()")
    return _rebuild_tensor(args[:4])


def _parameter(args: tuple[Any, ...]) -> TensorRef:
    if len(args) not in (3, 4) or type(args[0]) is not TensorRef or type(args[1]) is not bool:
        raise Malformed("a Parameter of something other than a tensor")
    return args[0]


def _reconstruct(args: tuple[Any, ...]) -> NumpyArray:
    if len(args) != 3 or args[0] is not Global.NUMPY_NDARRAY or args[1] != (0,):
        raise Malformed("a NumPy object that is not a plain array")
    if type(args[2]) not in (str, bytes) or len(args[2]) != 1:
        raise Malformed("a NumPy object of unknown type code")
    return NumpyArray()


def _integer(value: Any, what: str) -> int:
    if type(value) is not int:
        raise Malformed(f"a tensor whose {what} is a {type(value).__name__}, not an integer")
    if not 0 <= value < 1 << 63:
        raise Malformed(f"a tensor whose {what} is {show(value)}")
    return value


_MAKERS: dict[Global, Callable[[tuple[Any, ...]], Any]] = {
    Global.TENSOR_V1: _rebuild_tensor,
    Global.TENSOR_V2: _rebuild_tensor_v2,
    Global.PARAMETER: _parameter,
    Global.PARAMETER_WITH_STATE: _parameter,
    Global.NUMPY_SCALAR: scalar,
    Global.NUMPY_RECONSTRUCT: _reconstruct,
    Global.NUMPY_DTYPE: make_dtype,
}
