# SPDX-License-Identifier: Apache-2.0
"""The sample checkpoints under tests/data/checkpoints, and comparison with what their manifest says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[1] / "data" / "checkpoints"
MANIFEST: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
SAMPLES: list[dict[str, Any]] = MANIFEST["files"]
GOOD = [entry for entry in SAMPLES if entry["expect"] == "ok"]


def find(content: Any, path: list[Any]) -> Any:
    """The value at a manifest's path; JSON has no tuples, so a list as a key stands for one."""
    for key in path:
        content = content[tuple(key) if isinstance(key, list) else key]
    return content


def tensor_difference(array: np.ndarray, wanted: dict[str, Any]) -> str:
    """How an array differs from the manifest's tensor; an empty text if it does not."""
    dtype = "float32" if wanted["dtype"] == "bfloat16" else wanted["dtype"]
    if (str(array.dtype), list(array.shape)) != (dtype, wanted["shape"]):
        return f"{array.dtype} {array.shape}, not {dtype} {wanted['shape']}"
    raw = np.ascontiguousarray(array)
    if wanted["dtype"] == "bfloat16":
        bits = raw.view("<u4")
        if (bits & 0xFFFF).any():
            return "more than the bits of bfloat16 are set"
        raw = (bits >> 16).astype("<u2")
    return "" if hashlib.sha256(raw.tobytes()).hexdigest() == wanted["sha256"] else "other bytes"


def differences(content: Any, entry: dict[str, Any]) -> list[str]:
    """How a loaded file differs from its entry in the manifest."""
    found = []
    for wanted in entry.get("tensors", []):
        difference = tensor_difference(find(content, wanted["path"]), wanted)
        if difference:
            found.append(f"{wanted['path']}: {difference}")
    for wanted in entry.get("values", []):
        value = find(content, wanted["path"])
        value = list(value) if isinstance(value, tuple) else value
        if value != wanted["value"]:
            found.append(f"{wanted['path']}: {value!r}, not {wanted['value']!r}")
    return found


def same_tree(one: Any, two: Any) -> bool:
    """Whether two loaded files are equal: types, keys in order, dtypes, shapes and bits."""
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, dict):
        return list(one) == list(two) and all(same_tree(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same_tree, one, two))
    return one == two or (one != one and two != two)
