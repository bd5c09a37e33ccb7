# SPDX-License-Identifier: Apache-2.0
"""The page: a template, its style and program, and the data they show."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

import flownet2
from flownet2.atomic import atomic_write
from flownet2.datasets.base import Dataset, Pair
from flownet2.evaluation import METRICS, Protocol, Record, Run
from flownet2.evaluation.scores import MEASURES
from flownet2.report.pairs import legend_css, pair_html
from flownet2.report.picks import judge, picks
from flownet2.report.tables import DIGITS, models_html, scores_html
from flownet2.types import FloatArray, PathLike

_SCRIPTS = ("page.js", "plot.js", "list.js", "pairs.js", "start.js")
_SIGNIFICANT = 6


def write_report(
    path: PathLike,
    *,
    dataset: Dataset,
    protocol: Protocol,
    runs: Sequence[Run],
    flow_of: Callable[[int, Pair], FloatArray],
    created: str,
    machine: Mapping[str, Any],
    tick: Callable[[], object] = lambda: None,
) -> None:
    """Write a page that shows an evaluation; the file appears whole or not at all.

    Args:
        path: of the page, `.html`.
        dataset: that was evaluated.
        protocol: by which.
        runs: the models, at least one, in the order to be shown; the first decides which pictures are worst and best.
        flow_of: the flow of run `index` for a pair, computed again or read; where it raises, its panel says why.
        created: when, for people.
        machine: facts of the machine, "cpu" among them.
        tick: called `pictures_shown(runs)` times: once for each picture shown and each run.

    Raises:
        UnavailableError: OpenCV, which encodes the pictures, is not installed.
        OSError: the file cannot be written.
    """
    shown = picks(runs)
    by_name = {pair.name: pair for pair in dataset.pairs}
    articles = [pair_html(number, pick, by_name[pick.name], runs, flow_of, tick) for number, pick in enumerate(shown)]
    evaluated = {record.name for run in runs for record in run.records}
    names = [pair.name for pair in dataset.pairs if pair.name in evaluated]
    style = "\n".join((_static("page.css"), legend_css()))
    script = "\n".join(_static(name) for name in _SCRIPTS)
    first = judge(runs)
    text = Template(_static("page.html")).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=escape(f"{dataset.name} {dataset.split}"),
        dataset=escape(dataset.name),
        split=escape(dataset.split),
        facts=_facts(dataset, len(names), created, machine),
        protocol="".join(f"<li>{escape(line)}</li>" for line in protocol.describe(dataset.name)),
        machine="".join(f"<dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd>" for key, value in machine.items()),
        models=models_html(runs),
        scores=scores_html(runs, dataset.name),
        judge=escape(first.model) if first else "",
        contents=_contents(shown),
        pairs="".join(articles) or '<p class="failure">No picture has a pixel that counts.</p>',
        data=_json(_data(runs, names, [pick.name for pick in shown], dataset.name)),
    )
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "replace"))


def _static(name: str) -> str:
    return (resources.files("flownet2.report") / "static" / name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy: nothing is loaded, only this style and this program run."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'"


def _facts(dataset: Dataset, count: int, created: str, machine: Mapping[str, Any]) -> str:
    pairs = f"{count} pairs" if count != 1 else "1 pair"
    if count != len(dataset.pairs):
        pairs = f"{count} of {len(dataset.pairs)} pairs"
    facts = [pairs, created, f"flownet2 {flownet2.__version__}", str(machine.get("cpu", ""))]
    return " &middot; ".join(f"<span>{escape(fact)}</span>" for fact in facts if fact)


def _contents(shown: Sequence[Any]) -> str:
    """Links to the pairs, by group."""
    items = []
    for group in dict.fromkeys(pick.group for pick in shown):
        links = [
            f'<a href="#pair-{number}">{escape(pick.name)}</a>'
            for number, pick in enumerate(shown)
            if pick.group == group
        ]
        items.append(f"<li><b>{group}</b> {', '.join(links)}</li>")
    return "".join(items)


def _data(runs: Sequence[Run], names: Sequence[str], shown: Sequence[str], dataset: str) -> dict[str, Any]:
    """What the plot and the list show: a column a metric, null where a picture has no value."""
    tables = [{record.name: record for record in run.records} for run in runs]
    metrics = [METRICS[measure] for measure in MEASURES]
    return {
        "names": list(names),
        "speed": [_number(next(table[name].speed for table in tables if name in table)) for name in names],
        "shown": [names.index(name) for name in shown],
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title(dataset),
                "unit": metric.unit,
                "digits": DIGITS[metric.unit],
                "higher": metric.higher_is_better,
            }
            for metric in metrics
        ],
        "models": [
            {"name": run.model, "columns": _columns([table.get(name) for name in names])}
            for run, table in zip(runs, tables, strict=True)
        ],
    }


def _columns(records: Sequence[Record | None]) -> dict[str, list[float | None]]:
    columns = {
        measure: [_number(record.scores.value(measure)) if record else None for record in records]
        for measure in MEASURES
    }
    columns["seconds"] = [_number(record.seconds) if record else None for record in records]
    return columns


def _number(value: float | None) -> float | None:
    """Short, and what JSON has."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_SIGNIFICANT}g}")


def _json(content: Any) -> str:
    """JSON that may stand in a <script>."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
