# SPDX-License-Identifier: Apache-2.0
"""The engine on random graphs: every node equals the reference, whatever is asked for, wherever it is kept."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

from compare import assert_relative
from engine.plan_check import check_plan
from engine.random_graphs import Sample, samples
from flownet2.executors import get_executor
from flownet2.ops.dispatch import run_operator

MARGIN = 3
"""Times the operator's tolerance: convolutions may use other algorithms than the reference, and float32 is all."""

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def rtol(op: str) -> float:
    from flownet2.ops.spec import OPS

    return MARGIN * OPS[op].rtol


@settings(max_examples=200, suppress_health_check=SLOW)
@given(sample=samples())
def test_every_node_equals_the_reference(sample: Sample) -> None:
    """Each node is held against the reference on the inputs that the engine itself computed for it."""
    network = get_executor("native").compile(sample.graph, sample.parameters)
    values = {**sample.inputs, **network.run(sample.inputs, [node.name for node in sample.graph.nodes])}
    for node in sample.graph.nodes:
        parameters = {role: sample.parameters[name] for role, name in node.parameters.items()}
        inputs = [values[name] for name in node.inputs]
        expected = run_operator(node.op, node.attributes, inputs, parameters, reference=True)
        assert_relative(values[node.name], expected, rtol=rtol(node.op), what=f"{node.name} {node.op}")
    # Asking for less leaves values in other places, and the arena in another order: the bits stay.
    some = network.run(sample.inputs, sample.outputs)
    assert set(some) == set(sample.outputs)
    for name, array in some.items():
        assert np.array_equal(array, values[sample.graph.outputs.get(name, name)], equal_nan=True), name


@settings(max_examples=100, suppress_health_check=SLOW)
@given(sample=samples())
def test_plans_keep_what_is_needed(sample: Sample) -> None:
    shapes = {name: array.shape for name, array in sample.inputs.items()}
    check_plan(sample.graph, sample.parameters, shapes, sample.outputs)


@settings(max_examples=50, suppress_health_check=SLOW)
@given(sample=samples())
def test_a_batch_gives_the_bits_of_single_runs(sample: Sample) -> None:
    network = get_executor("native").compile(sample.graph, sample.parameters)
    together = network.run(sample.inputs, sample.outputs)
    batch = next(iter(sample.inputs.values())).shape[0]
    for n in range(batch):
        single = network.run({name: array[n : n + 1] for name, array in sample.inputs.items()}, sample.outputs)
        for name, array in together.items():
            assert np.array_equal(array[n : n + 1], single[name], equal_nan=True), name
