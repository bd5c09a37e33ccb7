# SPDX-License-Identifier: Apache-2.0
"""Do these tensors fit this network? Every fault in one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from flownet2.buffers import new_array
from flownet2.errors import WeightsError
from flownet2.types import Array, FloatArray
from flownet2.weights.source import shown_name

_SHOWN = 10
_PART = 1 << 16  # elements looked at in one go: they and the answers stay in the cache
_T = TypeVar("_T", bound="Described")


class Described(Protocol):
    """An array, or what is known of one before it is read."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...


def fit(
    source: str, network: str, wanted: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Array]
) -> dict[str, FloatArray]:
    """The tensors of a network as float32 arrays, in the order of the table.

    Args:
        source: file the tensors come from, for the message.
        network: name of the network, for the message.
        wanted: parameter name -> shape.
        tensors: what the file holds, by the same names.

    Raises:
        WeightsError: tensors missing, unexpected, misshapen, not of a float dtype or not finite; all listed.
    """
    check_fit(source, network, wanted, tensors, lambda value: dtype_fault(value) or value_fault(value))
    return {name: as_float32(tensors[name]) for name in wanted}


def check_fit(
    source: str,
    network: str,
    wanted: Mapping[str, tuple[int, ...]],
    tensors: Mapping[str, _T],
    fault_of: Callable[[_T], str | None],
) -> None:
    """Refuse tensors that do not fit; arguments as for :func:`fit`, ``fault_of`` says what else may be wrong.

    Raises:
        WeightsError: tensors missing, unexpected, misshapen or faulty; all listed.
    """
    missing = [f"{name} {shape}" for name, shape in wanted.items() if name not in tensors]
    unexpected = [f"{name} {value.shape}" for name, value in tensors.items() if name not in wanted]
    present = {name: tensors[name] for name in wanted if name in tensors}
    misshapen = [
        f"{name}: expected {wanted[name]}, got {value.shape}"
        for name, value in present.items()
        if value.shape != wanted[name]
    ]
    broken = [f"{name}: {fault}" for name, value in present.items() if (fault := fault_of(value))]
    faults = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen, "unusable": broken}
    if any(faults.values()):
        listed = "".join(_section(kind, names) for kind, names in faults.items() if names)
        raise WeightsError(f"{source}: its tensors do not fit the network {network!r}:{listed}")


def agreement(
    names: Mapping[str, str], wanted: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Described]
) -> float:
    """Share of tensors with the right name and shape, among all that the file or the network has.

    Args:
        names: the file's tensor name -> parameter, for every parameter.
        wanted: parameter -> shape.
        tensors: what the file holds.
    """
    right = sum(theirs in tensors and tensors[theirs].shape == wanted[ours] for theirs, ours in names.items())
    return right / len(names.keys() | tensors.keys())


def as_float32(value: Array) -> FloatArray:
    """The array in C order, copied only if it is not so already."""
    if value.dtype == np.float32 and value.flags.c_contiguous:
        return value
    result = new_array(value.shape, np.float32)
    result[...] = value
    return result


def dtype_fault(value: Described) -> str | None:
    """What is wrong with the dtype of a weight, None if nothing is."""
    return None if value.dtype.kind == "f" else f"dtype {value.dtype}, expected a float"


def value_fault(value: Array) -> str | None:
    """What is wrong with the numbers of a weight, None if nothing is."""
    flat = value.reshape(-1)
    parts = (flat[start : start + _PART] for start in range(0, flat.size, _PART))
    return None if all(np.isfinite(part).all() for part in parts) else "holds NaN or infinite values"


def _section(kind: str, names: list[str]) -> str:
    more = f"\n    and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"\n  {len(names)} {kind}:\n    " + "\n    ".join(map(shown_name, names[:_SHOWN])) + more
