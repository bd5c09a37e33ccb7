# SPDX-License-Identifier: Apache-2.0
"""The HTML of what the models score over all pairs, and what the models are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from flownet2.evaluation import METRICS, Metric, Run
from flownet2.evaluation.scores import FAST_PX, MEASURES, REGIONS, SLOW_PX

DIGITS = {"px": 3, "%": 2, "deg": 3}
_NOTES = {
    "noc": "seen in the second picture",
    "occ": "hidden or out of view in the second picture",
    "bg": "background",
    "fg": "moving objects",
    "s0_10": f"true flow below {SLOW_PX:g} px",
    "s10_40": f"true flow of {SLOW_PX:g} to {FAST_PX:g} px",
    "s40": f"true flow above {FAST_PX:g} px",
}


def scores_html(runs: Sequence[Run], dataset: str) -> str:
    """A table: a group of rows a region, a row a model, a column a measure."""
    heads = [f'<th scope="col">{escape(title)} <small>{unit}</small></th>' for title, unit, _ in MEASURES.values()]
    bodies = [_region_html(runs, region, dataset) for region in REGIONS if _measured(runs, region)]
    return (
        '<table class="scores"><thead><tr><th scope="col">Model</th>'
        f'{"".join(heads)}<th scope="col">Pairs/s</th></tr></thead>{"".join(bodies)}</table>'
    )


def models_html(runs: Sequence[Run]) -> str:
    """What each model is and how it ran."""
    return "".join(_model_html(index, run) for index, run in enumerate(runs))


def mark_html(index: int) -> str:
    """The mark of a model in the plot, drawn by the page."""
    return f'<i class="mark" data-model="{index}"></i>'


def _measured(runs: Sequence[Run], region: str) -> bool:
    names = [Metric(measure, region).name for measure in MEASURES]
    means = [run.means.get(name) for run in runs for name in names]
    return region == "all" or any(mean is not None and mean.value is not None for mean in means)


def _region_html(runs: Sequence[Run], region: str, dataset: str) -> str:
    names = [Metric(measure, region).name for measure in MEASURES]
    best = {name: _best(runs, name) for name in names}
    best_rate = _extreme([run.pairs_per_second for run in runs], highest=True)
    rows = []
    for index, run in enumerate(runs):
        cells = [_score_cell(run, name, best[name], dataset) for name in names]
        rate = run.pairs_per_second
        shown = "" if region != "all" else _cell(_rate(rate), rate, best_rate, "")
        head = f'<th scope="row">{mark_html(index)}{escape(run.model)}</th>'
        rows.append(f"<tr>{head}{''.join(cells)}{shown or '<td></td>'}</tr>")
    title = _region_title(runs, region, dataset)
    head = f'<tr class="region"><th scope="rowgroup" colspan="{len(names) + 2}">{title}</th></tr>'
    return f"<tbody>{head}{''.join(rows)}</tbody>"


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.{2 if rate < 100 else 0}f}"


def _region_title(runs: Sequence[Run], region: str, dataset: str) -> str:
    if region == "all":
        return "all <small>every pixel that counts</small>"
    word = Metric("epe", region).title(dataset).split(" ", 1)[1]
    means = [(run.means.get(f"epe_{region}"), run.means.get("epe")) for run in runs]
    shares = [part.pixels / whole.pixels for part, whole in means if part and whole and whole.pixels]
    share = f", {100 * shares[0]:.1f} % of the pixels" if shares else ""
    return f"{escape(word)} <small>{_NOTES[region]}{share}</small>"


def _best(runs: Sequence[Run], name: str) -> float | None:
    means = [run.means.get(name) for run in runs]
    return _extreme([mean.value if mean else None for mean in means], highest=METRICS[name].higher_is_better)


def _extreme(values: Sequence[float | None], *, highest: bool) -> float | None:
    """The best of several values; None where none is better than another."""
    found = {value for value in values if value is not None}
    if len(values) < 2 or not found or (len(found) == 1 and None not in values):
        return None
    return max(found) if highest else min(found)


def _score_cell(run: Run, name: str, best: float | None, dataset: str) -> str:
    metric, mean = METRICS[name], run.means.get(name)
    if mean is None or mean.value is None:
        return _cell("-", None, best, metric.title(dataset))
    origin = f"mean per {mean.mean}, {mean.pictures} pictures, {mean.pixels} pixels"
    note = f"{metric.title(dataset)}, {metric.unit}: {origin}"
    return _cell(f"{mean.value:.{DIGITS[metric.unit]}f}", mean.value, best, note)


def _cell(text: str, value: float | None, best: float | None, note: str) -> str:
    title = f' title="{escape(note)}"' if note else ""
    if value is not None and value == best:
        return f'<td class="best"{title}><strong>{text}</strong></td>'
    return f"<td{title}>{text}</td>"


def _model_html(index: int, run: Run) -> str:
    facts = {"pairs": len(run.records), **run.facts}
    rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{escape(_text(value))}</dd>" for key, value in facts.items())
    return f"<section><h3>{mark_html(index)}{escape(run.model)}</h3><dl>{rows}</dl></section>"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
