# SPDX-License-Identifier: Apache-2.0
"""An independent look at a plan: whoever reads a float of the arena finds there what the right node wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flownet2 import _core
from flownet2.graph import Graph, graph_to_json
from flownet2.types import Array, Shape

FLOATS_PER_LINE = 16
NOBODY = "nobody"


def check_plan(
    graph: Graph,
    parameters: dict[str, Array],
    shapes: dict[str, Shape],
    outputs: Sequence[str],
    *,
    exact_graph: bool = False,
) -> int:
    """Plays the plan on an arena of names: each float holds the name of the value that was last written there.

    Returns the bytes of the arena. Every value is written once in each memory layout, so the name tells whether a
    reader still finds what it wants; that it lies at the right place is what the results of runs show.
    """
    network = _core.Network(graph_to_json(graph), parameters.__getitem__)
    size, steps = network.plan(shapes, list(outputs), exact_graph=exact_graph)
    nodes = {node.name: node for node in graph.nodes}
    arena = np.full(size // 4, NOBODY, dtype=object)
    computed: list[str] = []
    for names, op, reads, writes in steps:
        title = f"{op} {names}"
        expected: set[str] = set()
        for name in names:
            expected.update(*(contents(value, graph) for value in ([name] if op == "layout" else nodes[name].inputs)))
        for begin, end in reads:
            assert 0 <= begin < end <= arena.size, title
            assert set(arena[begin:end]) <= expected, f"{title} reads what is not its input"
        written: list[tuple[int, int, str]] = []
        for begin, end, name in writes:
            assert 0 <= begin < end <= arena.size, title
            assert name in names, title
            others = [r[:2] for r in written if r[2] != name]
            assert not [r for r in [*reads, *others] if r[0] < end and begin < r[1]], f"{title} overwrites its own"
            arena[begin:end] = name + (" converted" if op == "layout" else "")
            written.append((begin, end, name))
        assert all(begin % FLOATS_PER_LINE == 0 for begin, *_ in written[:1]), f"{title} is not aligned"
        computed += [] if op == "layout" else names
    assert len(set(computed)) == len(computed), "a value is computed twice"
    if exact_graph:
        assert all(len(names) == 1 for names, *_ in steps)
    return size


def contents(value: str, graph: Graph) -> set[str]:
    """What may stand where a value is read: itself in either layout, or the parts of a join."""
    found = {value, f"{value} converted"}
    for node in graph.nodes:
        if node.name == value and node.op == "concat":
            found.update(*(contents(part, graph) for part in node.inputs))
    return found
