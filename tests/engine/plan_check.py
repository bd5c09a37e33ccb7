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


def check_plan(graph: Graph, parameters: dict[str, Array], shapes: dict[str, Shape], outputs: Sequence[str]) -> int:
    """Plays the plan on an arena of names: each float holds the name of the value that was last written there.

    Returns the bytes of the arena. Every value is written once in each memory layout, so the name tells whether a
    reader still finds what it wants; that it lies at the right place is what the results of runs show.
    """
    size, steps = _core.Network(graph_to_json(graph), parameters.__getitem__).plan(shapes, list(outputs))
    nodes = {node.name: node for node in graph.nodes}
    arena = np.full(size // 4, NOBODY, dtype=object)
    for name, op, reads, writes in steps:
        expected = contents(name, graph) if op == "layout" else set()
        if op != "layout":
            expected = set().union(*(contents(value, graph) for value in nodes[name].inputs))
        for begin, end in reads:
            assert 0 <= begin < end <= arena.size, name
            assert set(arena[begin:end]) <= expected, f"{name} reads what is not its input"
        for begin, end in writes:
            assert 0 <= begin < end <= arena.size, name
            overlap = [r for r in reads if r[0] < end and begin < r[1]]
            assert not overlap, f"{name} writes what it reads"
            arena[begin:end] = name + (" converted" if op == "layout" else "")
        assert all(begin % FLOATS_PER_LINE == 0 for begin, _ in writes[:1]), f"{name} is not aligned"
    return size


def contents(value: str, graph: Graph) -> set[str]:
    """What may stand where a value is read: itself in either layout, or the parts of a join."""
    found = {value, f"{value} converted"}
    for node in graph.nodes:
        if node.name == value and node.op == "concat":
            found.update(*(contents(part, graph) for part in node.inputs))
    return found
