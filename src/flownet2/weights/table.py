# SPDX-License-Identifier: Apache-2.0
"""Do these tensors fit this network? Every fault in one error."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flownet2.errors import WeightsError
from flownet2.types import Array, FloatArray

_SHOWN = 10


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
    missing = [f"{name} {shape}" for name, shape in wanted.items() if name not in tensors]
    unexpected = [f"{name} {value.shape}" for name, value in tensors.items() if name not in wanted]
    present = {name: tensors[name] for name in wanted if name in tensors}
    misshapen = [
        f"{name}: expected {wanted[name]}, got {value.shape}"
        for name, value in present.items()
        if value.shape != wanted[name]
    ]
    broken = [f"{name}: {fault}" for name, value in present.items() if (fault := _value_fault(value))]
    faults = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen, "unusable": broken}
    if any(faults.values()):
        listed = "".join(_section(kind, names) for kind, names in faults.items() if names)
        raise WeightsError(f"{source}: its tensors do not fit the network {network!r}:{listed}")
    return {name: np.ascontiguousarray(value, np.float32) for name, value in present.items()}


def _value_fault(value: Array) -> str | None:
    if value.dtype.kind != "f":
        return f"dtype {value.dtype}, expected a float"
    if not np.isfinite(value).all():
        return "holds NaN or infinite values"
    return None


def _section(kind: str, names: list[str]) -> str:
    more = f"\n    and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"\n  {len(names)} {kind}:\n    " + "\n    ".join(names[:_SHOWN]) + more
