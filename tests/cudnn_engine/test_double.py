# SPDX-License-Identifier: Apache-2.0
"""The double of cuDNN finds what it is there to find: wrong order, wrong names, wrong shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cuda_numbers import rounded_to_tf32
from cudnn_double import Cudnn, Graph, data_type


def graph(module: Cudnn, **changes: Any) -> Graph:
    """A convolution of 4x5 pixels, 16 channels to 8, by 3x3, before any step."""
    handle = module.create_handle()
    made = module.pygraph(data_type.FLOAT, data_type.FLOAT, data_type.FLOAT, handle)
    facts: dict[str, Any] = {
        "x": [1, 16, 4, 5],
        "weights": [8, 16, 3, 3],
        "y": [1, 8, 4, 5],
        "stride": [160, 1, 40, 8],
        "padding": [1, 1],
    } | changes
    x = made.tensor(dim=facts["x"], stride=[320, 1, 80, 16], data_type=data_type.FLOAT, name="x", uid=1)
    weights = made.tensor(
        dim=facts["weights"], stride=[144, 1, 48, 16], data_type=data_type.FLOAT, name="weights", uid=2
    )
    y = made.conv_fprop(image=x, weight=weights, padding=facts["padding"], stride=[1, 1], dilation=[1, 1])
    y.set_output(True).set_data_type(data_type.FLOAT).set_uid(3).set_dim(facts["y"]).set_stride(facts["stride"])
    return made


def test_a_graph_is_valid() -> None:
    graph(Cudnn()).validate()


@pytest.mark.parametrize(
    "changes",
    [
        {"padding": [0, 0]},
        {"y": [1, 8, 2, 3]},
        {"y": [2, 8, 4, 5]},
        {"stride": [160, 1, 32, 8]},
        {"weights": [16, 8, 3, 3]},
        {"x": [1, 24, 4, 5]},
    ],
    ids=str,
)
def test_shapes_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        graph(Cudnn(), **changes).validate()


STEPS = ["validate", "build_operation_graph", "create_execution_plans", "check_support", "build_plans"]


def in_steps(made: Graph, steps: list[str]) -> None:
    """Takes the steps, then executes."""
    for step in steps:
        getattr(made, step)(*([[]] if step == "create_execution_plans" else []))
    made.execute({}, 0, made.handle)


@pytest.mark.parametrize("skipped", STEPS)
def test_a_step_left_out_is_refused(skipped: str) -> None:
    with pytest.raises(AssertionError, match=r" after |before it was built"):
        in_steps(graph(Cudnn()), [step for step in STEPS if step != skipped])


def test_all_steps_are_enough_but_for_the_stream() -> None:
    with pytest.raises(AssertionError, match="no stream was set"):
        in_steps(graph(Cudnn()), STEPS)


def test_an_unknown_argument_is_refused() -> None:
    module = Cudnn()
    with pytest.raises(TypeError, match="sm_count"):
        module.pygraph(data_type.FLOAT, data_type.FLOAT, data_type.FLOAT, handle=module.create_handle(), sm_count=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        module.pygraph(data_type.FLOAT, data_type.FLOAT, data_type.FLOAT, module.create_handle()).relu()  # type: ignore[attr-defined]


def test_tf32_has_ten_bits() -> None:
    values = np.float32([1 + 2**-10, 1 + 2**-11, 1 + 3 * 2**-11, -1 - 2**-12])
    assert rounded_to_tf32(values).tolist() == [1 + 2**-10, 1, 1 + 2**-9, -1]
