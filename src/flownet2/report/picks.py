# SPDX-License-Identifier: Apache-2.0
"""Which pictures are worth looking at: the worst, those in the middle, and the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flownet2.evaluation import Record, Run

PICKED_BY = "epe"
_EACH = 3


class Pick(NamedTuple):
    """A picture to show, and why."""

    name: str
    group: str
    """worst, median or best."""


def pictures_shown(runs: Sequence[Run]) -> int:
    """How often `write_report` will call `tick`: once for each picture shown and each run."""
    return len(picks(runs)) * len(runs)


def judge(runs: Sequence[Run]) -> Run | None:
    """The run that pictures are picked by: the first with a measured picture."""
    return next((run for run in runs if _measured(run)), None)


def picks(runs: Sequence[Run]) -> list[Pick]:
    """Up to three worst, median and best pictures by EPE of `judge`; none twice, all of a set of nine or fewer."""
    run = judge(runs)
    if run is None:
        return []
    ranked = [record.name for record in sorted(_measured(run), key=_error, reverse=True)]
    count = min(len(ranked), 3 * _EACH)
    worst, best = (count + 2) // 3, (count + 1) // 3
    middle = ranked[worst : len(ranked) - best]
    median = count - worst - best
    start = (len(middle) - median) // 2
    groups = {
        "worst": ranked[:worst],
        "median": middle[start : start + median],
        "best": ranked[len(ranked) - best :][::-1],
    }
    return [Pick(name, group) for group, names in groups.items() for name in names]


def _measured(run: Run) -> list[Record]:
    return [record for record in run.records if record.scores.value(PICKED_BY) is not None]


def _error(record: Record) -> float:
    return record.scores.value(PICKED_BY) or 0.0
