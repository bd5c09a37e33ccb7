# SPDX-License-Identifier: Apache-2.0
"""The table that `flownet2 eval` prints: metrics in rows, models in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flownet2.cli._terminal import aligned
from flownet2.evaluation import METRICS, Metric, Run
from flownet2.evaluation.scores import MEASURES

WIDTH = 100

_GROUPS = (("all",), ("noc", "occ"), ("s0_10", "s10_40", "s40"), ("bg", "fg"))
_IN_REGIONS = ("epe", "fl")
"""Shown of a part of the picture; the files have all."""
_DECIMALS = {"px": 3, "%": 2, "deg": 2}
_LABEL_WIDTH = 24
_SHORTEST_TITLE = 12


def table(runs: Sequence[Run], dataset: str, pairs: int) -> Iterator[str]:
    """The lines; the best of a row is marked with `*`.

    Args:
        runs: one a model, over the same pairs.
        dataset: its name, which decides on words.
        pairs: that were to be evaluated; a run with fewer is marked.
    """
    known = {name for run in runs for name, mean in run.means.items() if mean.value is not None}
    groups = [_metrics(regions) for regions in _GROUPS]
    shown = [[metric for metric in group if metric.name in known] for group in groups]
    rows = [["", "", *column_titles([run.model for run in runs])]]
    breaks = []
    for group in filter(None, shown):
        breaks.append(len(rows))
        rows += [_row(metric, runs, dataset) for metric in group]
    breaks.append(len(rows))
    rows.append(["pairs", "", *(_pairs(run, pairs) for run in runs)])
    rows.append(["pairs per second", "", *(_rate(run) for run in runs)])
    for index, line in enumerate(aligned(rows, "<<" + ">" * len(runs))):
        if index in breaks:
            yield ""
        yield line


def notes(runs: Sequence[Run], pairs: int) -> Iterator[str]:
    """What is to be said of the table."""
    if len(runs) > 1:
        yield "* the best of a row"
    yield "pairs per second: of the network's calls alone"
    if any(metric.region != "all" for run in runs for metric in map(METRICS.__getitem__, run.means)):
        yield "all metrics of the parts, and of each picture: --json, --csv; --report shows the pictures"
    for run in runs:
        if len(run.records) < pairs:
            yield f"INCOMPLETE: {run.model} has no result of {pairs - len(run.records)} of {pairs} pairs"


def column_titles(models: Sequence[str]) -> list[str]:
    """Names short enough for a line of `WIDTH` with up to four models, and different from each other."""
    room = max(_SHORTEST_TITLE, (WIDTH - _LABEL_WIDTH) // len(models) - 2)
    names = [Path(model).name if Path(model).name else model for model in models]
    names = [name.removesuffix(".safetensors").removesuffix(".pth") for name in names]
    cut = [name if len(name) <= room else f"{name[: (room - 3) // 2]}...{name[-(room - 2) // 2 :]}" for name in names]
    if len(set(cut)) == len(cut):
        return cut
    return [f"{number}: {name[-(room - 4) :]}" for number, name in enumerate(names, start=1)]


def _metrics(regions: Sequence[str]) -> list[Metric]:
    measures = MEASURES if regions == ("all",) else _IN_REGIONS
    return [METRICS[Metric(measure, region).name] for measure in measures for region in regions]


def _row(metric: Metric, runs: Sequence[Run], dataset: str) -> list[str]:
    values = [run.means[metric.name].value if metric.name in run.means else None for run in runs]
    found = [value for value in values if value is not None]
    best = (max if metric.higher_is_better else min)(found) if len(runs) > 1 and found else None
    cells = [
        "-  " if value is None else f"{value:.{_DECIMALS[metric.unit]}f} {'*' if value == best else ' '}"
        for value in values
    ]
    return [metric.title(dataset), metric.unit, *cells]


def _pairs(run: Run, pairs: int) -> str:
    done = len(run.records)
    return f"{done}  " if done == pairs else f"{done} of {pairs} !"


def _rate(run: Run) -> str:
    rate = run.pairs_per_second
    return "-  " if rate is None else f"{rate:.2f}  "
