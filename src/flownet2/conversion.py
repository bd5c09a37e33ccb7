# SPDX-License-Identifier: Apache-2.0
"""A model becomes a model file that carries a check of itself, and that was read back and compared."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from flownet2.bfloat16 import round_to_bfloat16
from flownet2.errors import CheckpointError, WeightsError
from flownet2.probe import Probe, lengths, make_probe, median_speed, probe_flow
from flownet2.types import FloatArray, PathLike
from flownet2.weights import Model, load_model, write_model


@dataclasses.dataclass(frozen=True)
class Change:
    """What the flow of the probe's pictures lost because weights are stored in another dtype; pixels.

    Attributes:
        largest, mean: length of the difference from the model that was given.
        median_speed: of that model's flow there.
        size: (rows, columns) of the pictures.
    """

    largest: float
    mean: float
    median_speed: float
    size: tuple[int, int]


def convert(path: PathLike, model: Model, dtype: str = "float32") -> Change:
    """Writes a model file with a self-check, reads it back and runs it.

    Args:
        path: file to write, replaced if it exists.
        model: what to write; `flownet2.weights.load_model` reads a checkpoint.
        dtype: of the stored weights, "float32", "float16" or "bfloat16".

    Raises:
        CheckpointError: the file does not hold or compute what was written.
        WeightsError: weights too large for the dtype, or flow that is no number.
        InputError: another dtype, or facts under a reserved name.
        OSError: the file cannot be written.
    """
    path = Path(path)
    source = probe_flow(model)
    if not np.isfinite(source).all():
        raise WeightsError(f"{path.name}: not written, as the flow of these weights is not finite; are they trained?")
    stored = _as_stored(model, dtype)
    probe = make_probe(stored, source if stored is model else None)
    meant = dataclasses.replace(model, probe=probe)
    write_model(path, meant, dtype)
    _compare(path, meant, dtype, probe)
    change = lengths(probe.flow - source)
    return Change(float(change.max()), float(change.mean()), median_speed(source), (change.shape[0], change.shape[1]))


def _compare(path: Path, meant: Model, dtype: str, probe: Probe) -> None:
    back = load_model(path)
    same = (back.graph, back.preprocess, back.info) == (meant.graph, meant.preprocess, meant.info)
    weights = all(
        np.array_equal(value, _rounded(meant.parameters[name], dtype)) for name, value in back.parameters.items()
    )
    if not (same and weights and _repeats(back, probe)):
        raise CheckpointError(f"{path}: read back, the file differs from what was written; is the disk sound?")


def _repeats(model: Model, meant: Probe) -> bool:
    """Whether its probe is that one, and it computes that flow, to the bit: this very program did before."""
    kept = model.probe
    return (
        kept is not None
        and (kept.seed, kept.bfloat16_px) == (meant.seed, meant.bfloat16_px)
        and all(np.array_equal(flow, meant.flow) for flow in (kept.flow, probe_flow(model)))
    )


def _as_stored(model: Model, dtype: str) -> Model:
    """The model with its weights as they will be stored."""
    if dtype == "float32":
        return model
    stored = {name: _rounded(value, dtype) for name, value in model.parameters.items()}
    return dataclasses.replace(model, parameters=stored)


def _rounded(value: FloatArray, dtype: str) -> FloatArray:
    """What a weight is after it was stored as `dtype`."""
    if dtype == "bfloat16":
        return round_to_bfloat16(value)
    with np.errstate(over="ignore"):  # write_model refuses what is too large
        return value.astype(dtype).astype(np.float32)
