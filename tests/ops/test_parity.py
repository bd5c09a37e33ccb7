# SPDX-License-Identifier: Apache-2.0
"""Every case of the table, for every implementation: against the reference, and against PyTorch's outputs."""

from __future__ import annotations

import numpy as np
import pytest

from cases.ops import Case, all_cases, golden_cases
from compare import assert_relative
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.ops.spec import OPS

EXECUTORS = ("reference", "numpy")


def _run(case: Case, executor: str, dtype: type = np.float32) -> np.ndarray:
    inputs = [value.astype(dtype) for value in case.inputs]
    parameters = {name: value.astype(dtype) for name, value in case.parameters.items()}
    return run_operator(case.op, case.attributes, inputs, parameters, reference=executor == "reference")


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case.id)
def test_equals_pytorch(case: Case, executor: str) -> None:
    got = _run(case, executor)
    assert got.dtype == np.float32
    assert_relative(got, case.expected, rtol=1e-5, what=case.id)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_equals_float64_reference(case: Case) -> None:
    """Far flow is left out: one rounding of a coordinate of a million pixels moves the sample point by 0.06."""
    if case.op == "warp" and np.abs(case.inputs[1]).max() > 1e4:
        expected = _run(case, "reference")
    else:
        expected = _run(case, "reference", np.float64)
    assert_relative(_run(case, "numpy"), expected, rtol=OPS[case.op].rtol, what=case.id)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_shape_rule(case: Case) -> None:
    shapes = {name: value.shape for name, value in case.parameters.items()}
    inferred = OPS[case.op].infer_shape(case.attributes, [value.shape for value in case.inputs], shapes)
    assert inferred == _run(case, "numpy").shape


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_batch_gives_the_bits_of_single_calls(case: Case) -> None:
    batch = Case(
        case.id,
        case.op,
        case.attributes,
        tuple(np.concatenate([v, v[::-1]]) for v in case.inputs),
        case.parameters,
    )
    together = _run(batch, "numpy")
    for index in range(together.shape[0]):
        alone = tuple(value[index : index + 1] for value in batch.inputs)
        single = _run(Case(case.id, case.op, case.attributes, alone, case.parameters), "numpy")
        assert np.array_equal(together[index : index + 1], single)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9, -1e9, 3e38])
def test_warp_survives_any_flow(executor: str, value: float) -> None:
    """Beyond the picture: the border, or 0; NaN: NaN at that pixel alone."""
    x = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 4)
    flow = np.zeros((1, 2, 3, 4), np.float32)
    flow[0, 0, 1, 2] = value
    for padding in ("border", "zeros", "cut"):
        got = run_operator(
            "warp", OPS["warp"].attributes(padding=padding), [x, flow], {}, reference=executor == "reference"
        )
        changed = np.zeros((3, 4), bool)
        changed[1, 2] = True
        assert np.array_equal(got[0, 0][~changed], x[0, 0][~changed])
        edge = 8.0 if value > 0 else 5.0
        expected = np.nan if np.isnan(value) else edge if padding == "border" else 0.0
        assert np.array_equal(got[0, 0, 1, 2], np.float32(expected), equal_nan=True)


def test_nothing_outside_the_picture_is_read() -> None:
    """NaN in one picture stays where that pixel takes part: beyond the other picture's edge the answer is 0."""
    a = np.ones((1, 2, 4, 5), np.float32)
    a[0, 0, 0, 0] = np.nan
    flow = np.full((1, 2, 4, 5), -50, np.float32)
    for reference in (True, False):
        volume = run_operator("correlation", at.Correlation(2, 1), [a, np.ones_like(a)], {}, reference=reference)
        assert np.isnan(volume[0, :, 0, 0]).tolist() == [iy >= 2 and ix >= 2 for iy in range(5) for ix in range(5)]
        assert np.array_equal(volume[0, :, 0, 0] == 0, ~np.isnan(volume[0, :, 0, 0]))
        warped = run_operator("warp", at.Warp("zeros"), [a, flow], {}, reference=reference)
        assert np.array_equal(warped, np.zeros_like(a))
