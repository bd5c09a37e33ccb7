# SPDX-License-Identifier: Apache-2.0
"""How far this package is from the code that its weights come from: the page docs/parity.md.

    python benchmarks/parity.py                                        everything, to the terminal
    python benchmarks/parity.py -o docs/parity.md                      the page
    python benchmarks/parity.py --origins mmflow --networks flownets   one network, in seconds

The first table holds the networks of which outputs of the origin's own code are stored (mmflow, NVIDIA's
flownet2-pytorch, Caffe's deploy files) against these outputs: full width, with weights that a rule makes again, so that
nothing is downloaded. The second holds the other networks against the definitions of the same rules in float64: that
finds an executor that computes wrongly, not a rule that was read wrongly.

Distances are in pixels, "largest / mean": the largest difference of a component, and the mean end-point difference.
Status 1 if a float32 flow is farther off than is allowed, 5e-4 px from a stored output. All of it takes a minute or
two on an idle machine; --executors native numpy leaves out the slow one.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import facts, markdown  # makes the tests' folder known, which the next two come from

from cases.narrow import THIN, WIDTH, graph_of, narrow
from cases.stored import STORED
from flownet2.api import FlowEstimator
from flownet2.executors import EXECUTORS, get_executor
from flownet2.networks import NETWORKS
from flownet2.runtime import get_num_threads
from flownet2.types import Array
from flownet2.weights.caffe import VERIFIED
from flownet2.weights.origins import ORIGINS

FLOW_PX = 5e-4
"""Largest float32 difference from a stored output."""

PRECISIONS = ("float32", "bfloat16")
ORIGIN_NAMES = [name for name in ORIGINS if name != "flownet2"]
"""The origin flownet2 is files that have our names already; its rules are mmflow's."""

HEAD = """# Parity

How far this package is from the code that its weights come from. `benchmarks/parity.py` writes this page; anyone can
repeat it from a checkout, in a minute or two on an idle machine, without a download:

    pip install . && python benchmarks/parity.py -o docs/parity.md

{facts}

Distances are in pixels, `largest / mean`: the largest difference of a component of the flow (u or v), and the mean
end-point difference. `native` is the compiled engine, the default; `numpy` runs node by node with BLAS and compiled
kernels; `reference` is the definitions in plain NumPy. All three compute in float32, as the origins' code did; float32
sums of another order differ by as much. Of `bfloat16`, which rounds on purpose, the mean alone is told. What the
origins do differently: [conventions](conventions.md).
"""

STORED_HEAD = """## Against stored outputs of the origins

The networks at full width, with weights that a rule makes, ran on a CPU; the outputs are stored in
[tests/data/parity](../tests/data/parity/README.md), which tells the rule and the versions.

- `mmflow`: mmflow 0.5.2.
- `nvidia`: NVIDIA/flownet2-pytorch bce69c8.
- `caffe`: the authors' deploy files, run by OpenCV's DNN with three layers replaced where it departs from Caffe, and
  checked by a second reading of Caffe's layers in float64. Caffe itself was not run.

Rows "pictures" begin with 8-bit pictures, so that means, sizes and channel order are in them; "flow" is the bare
network. "raw decoder levels" are all levels of all sub-networks together, in the network's own unit: 20 px, and 1 px
in FlowNet2's fusion. `length` is the mean length of the stored vectors. `tests/networks` holds every row to 5e-4 px,
mmflow's pictures to 1e-3.
"""

DEFINED_HEAD = f"""## Where no output is stored

Here float32 is held against the definitions in float64, of the origin's rules *as we read them*: random weights and
inputs, 64x64. Networks have {Fraction(WIDTH)} of the full channels; thin ones {Fraction(THIN)}, half of their own.

- It shows that the executors compute what the rules say, in each network of each origin. (The column `reference` is
  the same definitions, so that it is rounding alone.)
- It does not show that the origin's code has these rules: they were read from its source, nobody ran it. Nor has this
  table the names of tensors and the treatment of pictures. Models of such weights say `verified: false`
  (`flownet2 info`).

`graph of` names a row of the first table with the same graph, node for node: there it has run at full width beside an
output from elsewhere. That this origin has that graph is still our reading, but for `nvidia-px`, which is NVIDIA's code
in all networks but `flownet2sd`, and `flownet2css-sd`, which is `flownet2css` with other training. `length` is the
largest component of the flow.
"""


class Distance(NamedTuple):
    """Between two flows, px."""

    largest: float
    mean: float


class Column(NamedTuple):
    """A way to compute."""

    executor: str
    precision: str = "float32"

    def __str__(self) -> str:
        return self.executor if self.precision == "float32" else f"{self.executor} {self.precision}, mean"

    def cell(self, distance: Distance) -> str:
        """What rounds on purpose is told by the mean alone."""
        largest, mean = (f"{px:.1e}".replace("e-0", "e-") for px in distance)
        return f"{largest} / {mean}" if self.precision == "float32" else mean


class Row(NamedTuple):
    """A line of a table, and what a float32 distance must not exceed."""

    facts: tuple[str, ...]
    distances: list[Distance]
    allowed: float


def say(text: str) -> None:
    """Progress is no part of the page."""
    print(text, file=sys.stderr, flush=True)


def distance(got: Sequence[Array], expected: Sequence[Array]) -> Distance:
    """Over all arrays (..., 2) together; what is not finite is infinitely far."""
    differences = [a.astype(np.float64) - b for a, b in zip(got, expected, strict=True)]
    if not all(np.isfinite(one).all() for one in differences):
        return Distance(np.inf, np.inf)
    lengths = np.concatenate([np.hypot(one[..., 0], one[..., 1]).ravel() for one in differences])
    return Distance(max(float(np.abs(one).max()) for one in differences), float(lengths.mean()))


def mean_length(flows: Sequence[Array]) -> float:
    """Of all vectors together."""
    return distance(flows, [np.zeros_like(flow) for flow in flows]).mean


def stored_rows(origin: str, network: str, columns: Sequence[Column]) -> list[Row]:
    """A row for each kind of output."""
    stored = STORED[origin]
    model = stored.model(network)
    rows: dict[str, Row] = {}
    for column in columns:
        start = time.perf_counter()
        executor = get_executor(column.executor, precision=column.precision)
        outputs = list(stored.outputs(network, FlowEstimator(model, executor.compile(model.graph, model.parameters))))
        for what in dict.fromkeys(output.what for output in outputs):
            got, expected = zip(*((one.got, one.expected) for one in outputs if one.what == what), strict=True)
            if what not in rows:
                rows[what] = Row((origin, network, what, f"{mean_length(expected):.2f}"), [], FLOW_PX)
            rows[what].distances.append(distance(got, expected))
        say(f"  {column.executor} {column.precision}: {time.perf_counter() - start:.1f} s")
    return list(rows.values())


def defined_row(origin: str, network: str, columns: Sequence[Column]) -> Row:
    """Executors beside the definitions in float64."""
    case = narrow(network, ORIGINS[origin].conventions)
    expected = case.flow.transpose(0, 2, 3, 1)
    found = [distance([case.run(column.executor).transpose(0, 2, 3, 1)], [expected]) for column in columns]
    verified = ORIGINS[origin].verified and (origin != "caffe" or network in VERIFIED)
    words = (origin, network, "" if verified else "`false`", same_graph(origin, network), f"{case.length:.3g}")
    return Row(words, found, case.allowed)


def same_graph(origin: str, network: str) -> str:
    """The network with a stored output that has the same graph but for its name, of the own code if possible."""
    graph = graph_of(network, ORIGINS[origin].conventions)
    for other in sorted(STORED, key=lambda name: not origin.startswith(name)):  # nvidia-px is NVIDIA's code
        for name in STORED[other].networks:
            if NETWORKS[name].width != NETWORKS[network].width:
                continue
            if dataclasses.replace(graph_of(name, ORIGINS[other].conventions), name=graph.name) == graph:
                return f"{other} {name}"
    return "-"


def chosen(origins: Sequence[str], networks: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """Origin and network, in the package's order."""
    for origin in origins:
        for network in NETWORKS:
            if network in ORIGINS[origin].networks and (networks is None or network in networks):
                yield origin, network


def has_output(origin: str, network: str) -> bool:
    """Whether one of the origin's own code is stored."""
    return origin in STORED and network in STORED[origin].networks


def faults(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    """What is too far off."""
    return [
        f"{', '.join(filter(None, row.facts[:3]))}, {column}: {found.largest:.1e} px, allowed {row.allowed:.1e}"
        for row in rows
        for column, found in zip(columns, row.distances, strict=True)
        if column.precision == "float32" and not found.largest <= row.allowed
    ]


def table(header: list[str], rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Of Markdown."""
    lines = [
        [*row.facts, *(column.cell(one) for column, one in zip(columns, row.distances, strict=True))] for row in rows
    ]
    return markdown([*header, *map(str, columns)], lines)


def measured_on() -> str:
    """Date, machine and versions."""
    record = facts(get_num_threads())
    versions = ", ".join(f"{name} {record['versions'][name]}" for name in ("python", "flownet2", "numpy"))
    return (
        f"Measured {record['date'][:10]} on {record['cpu']}, kernels for {record['isa']}; "
        f"commit {record['commit']}, {versions}."
    )


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--origins",
        nargs="+",
        choices=ORIGIN_NAMES,
        default=ORIGIN_NAMES,
        metavar="NAME",
        help=f"whose weights, of {', '.join(ORIGIN_NAMES)} (default: all)",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=NETWORKS,
        metavar="NAME",
        help=f"of {', '.join(name for name in NETWORKS if name != 'flownet2-lite')} (default: all of the origins)",
    )
    parser.add_argument(
        "--executors",
        nargs="+",
        choices=EXECUTORS,
        default=list(EXECUTORS),
        help="a float32 column each (default: all)",
    )
    parser.add_argument(
        "--precision",
        nargs="+",
        choices=PRECISIONS,
        default=PRECISIONS,
        help="float32: the executors' columns; bfloat16: one of the native engine in the first table (default: both)",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.md", help="the page (default: to the terminal)")
    return parser


def measured(
    cases: Sequence[tuple[str, str]], exact: Sequence[Column], columns: Sequence[Column]
) -> tuple[list[Row], list[Row]]:
    """The rows of both tables."""
    stored: list[Row] = []
    defined: list[Row] = []
    for index, (origin, network) in enumerate(cases, start=1):
        say(f"[{index}/{len(cases)}] {origin} {network}")
        if has_output(origin, network):
            stored += stored_rows(origin, network, columns)
        else:
            defined.append(defined_row(origin, network, exact))
    return stored, defined


def main(words: Sequence[str] | None = None) -> int:
    """Measures and writes; the exit status."""
    parser = arguments()
    args = parser.parse_args(words)
    exact = [Column(executor) for executor in args.executors if "float32" in args.precision]
    columns = [*exact, *([Column("native", "bfloat16")] if "bfloat16" in args.precision else [])]
    cases = [case for case in chosen(args.origins, args.networks) if exact or has_output(*case)]
    if not cases:
        parser.error("nothing to compare: no such network of these origins, or none with a stored output for bfloat16")
    if args.output and not args.output.parent.is_dir():
        parser.error(f"there is no folder {args.output.parent}")
    stored, defined = measured(cases, exact, columns)
    page = [HEAD.format(facts=measured_on())]
    if stored:
        page += [STORED_HEAD, table(["origin", "network", "compared", "length"], stored, columns) + "\n"]
    if defined:
        header = ["origin", "network", "`verified`", "graph of", "length"]
        page += [DEFINED_HEAD, table(header, defined, exact) + "\n"]
    text = "\n".join(page)
    if args.output:
        args.output.write_text(text)
    else:
        print(text, end="")
    wrong = faults(stored, columns) + faults(defined, exact)
    for line in wrong:
        say(f"too far off: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
