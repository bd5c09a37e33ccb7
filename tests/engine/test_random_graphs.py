# SPDX-License-Identifier: Apache-2.0
"""The engine on random graphs: every node equals the reference, whatever is asked for, wherever it is kept."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

from compare import assert_relative
from engine.plan_check import check_plan
from engine.random_graphs import Sample, samples
from flownet2.executors import get_executor
from flownet2.executors.numpy import RoundedNetwork
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

MARGIN = 3
"""Times the operator's tolerance: convolutions may use other algorithms than the reference, and float32 is all."""

ROUNDED = 2.0**-8 + 1e-3
"""Of the largest value: features may be stored rounded, and float sums may tip over to a neighbour."""

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
    some = network.run(sample.inputs, sample.outputs, exact_graph=True)
    assert set(some) == set(sample.outputs)
    for name, array in some.items():
        assert np.array_equal(array, values[sample.graph.outputs.get(name, name)], equal_nan=True), name


@settings(max_examples=200, suppress_health_check=SLOW)
@given(sample=samples())
def test_steps_of_several_nodes_equal_the_reference(sample: Sample) -> None:
    """What two convolutions as one give, and what follows from it; all else has the bits of single steps."""
    graph, network = sample.graph, get_executor("native").compile(sample.graph, sample.parameters)
    used = {name for node in graph.nodes for name in node.inputs}
    ends = [node.name for node in graph.nodes if node.name not in used]
    inner = {names[1]: names[0] for names, op, _ in network.profile(sample.inputs, ends) if op == "composed"}
    wanted = [node.name for node in graph.nodes if node.name not in inner.values()]
    values = {**sample.inputs, **network.run(sample.inputs, wanted)}
    nodes = {node.name: node for node in graph.nodes}

    def compute(name: str, inputs: list[Array]) -> Array:
        node = nodes[name]
        parameters = {role: sample.parameters[parameter] for role, parameter in node.parameters.items()}
        return run_operator(node.op, node.attributes, inputs, parameters, reference=True)

    for name, between in inner.items():
        expected = compute(name, [compute(between, [values[nodes[between].inputs[0]]])])
        assert_relative(values[name], expected, rtol=2 * rtol("conv2d"), what=f"{between} and {name}")
    if not inner:
        exact = network.run(sample.inputs, wanted, exact_graph=True)
        assert all(np.array_equal(values[name], exact[name], equal_nan=True) for name in wanted)
    # Less is wanted: links keep more to themselves, and the compositions stay.
    for name, array in network.run(sample.inputs, ends).items():
        assert np.array_equal(array, values[name], equal_nan=True), name


@settings(max_examples=100, suppress_health_check=SLOW)
@given(sample=samples())
def test_plans_keep_what_is_needed(sample: Sample) -> None:
    shapes = {name: array.shape for name, array in sample.inputs.items()}
    check_plan(sample.graph, sample.parameters, shapes, sample.outputs)
    check_plan(sample.graph, sample.parameters, shapes, sample.outputs, exact_graph=True)


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


@settings(max_examples=100, suppress_health_check=SLOW)
@given(sample=samples())
def test_bfloat16_follows_its_definition(sample: Sample) -> None:
    """Each node against NumPy on rounded operands, from the inputs that the engine computed for it."""
    network = get_executor("native", precision="bfloat16").compile(sample.graph, sample.parameters)
    definition = get_executor("reference", precision="bfloat16").compile(sample.graph, sample.parameters)
    assert isinstance(definition, RoundedNetwork)
    names = [node.name for node in sample.graph.nodes]
    values = {**sample.inputs, **network.run(sample.inputs, names)}
    for node in sample.graph.nodes:
        expected = definition.compute(node, values)
        assert_relative(values[node.name], expected, rtol=ROUNDED, what=f"{node.name} {node.op}")
    # Asking for less keeps other values in the rounded form that convolutions read; the same twice all the same.
    some, again = (network.run(sample.inputs, sample.outputs) for _ in range(2))
    for name, array in some.items():
        assert array.shape == values[sample.graph.outputs.get(name, name)].shape
        assert np.array_equal(array, again[name], equal_nan=True), name
