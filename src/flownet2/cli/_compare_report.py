# SPDX-License-Identifier: Apache-2.0
"""What `flownet2 compare` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flownet2.cli._compare_result import Compared
from flownet2.cli._terminal import aligned
from flownet2.comparison import THRESHOLDS_PX, Difference
from flownet2.evaluation import METRICS, Scores, aggregate


def item_lines(result: Compared) -> Iterator[str]:
    """Of two files."""
    item, difference = result.item, result.difference
    rows = [("A", str(item.a)), ("B", str(item.b))]
    if item.truth is not None:
        rows.append(("truth", str(item.truth)))
    rows += [("size", _size(difference)), ("equal", "yes, bit for bit" if difference.equal else "no")]
    where = difference.where
    if where is not None:
        assert difference.percentiles_px is not None
        assert difference.shares_above is not None
        within = (f"{percent} % within {px:.3g} px" for percent, px in difference.percentiles_px.items())
        above = (f"{share:.3g} % above {bound:g} px" for bound, share in difference.shares_above.items())
        rows += [
            ("difference", f"mean {difference.mean_px:.4g} px, largest {difference.largest_px:.4g} px"),
            ("", ", ".join(within)),
            ("", ", ".join(above)),
            ("largest at", f"x {where.x}, y {where.y}: A {_vector(where.a)}, B {_vector(where.b)} px"),
        ]
    yield from aligned(rows, "<<")
    if result.scores is not None:
        yield ""
        first, second = result.scores
        yield from _metrics(first.values(), second.values())
        yield from _better(result)


def folder_lines(results: Sequence[Compared]) -> Iterator[str]:
    """Of two folders: a line for each pair, and all of them together."""
    if not results:
        return
    scored = all(result.scores is not None for result in results)
    heads = ["name", "mean", "largest", "> 1 px", "equal", *(("EPE A", "EPE B") if scored else ())]
    rows = [_row(result) for result in results]
    yield from aligned([heads, *rows], "<" + ">" * 3 + "<" + ">" * (len(heads) - 5))
    yield ""
    yield from aligned(list(_summary(results)), "<<")
    if scored:
        means = [aggregate(result.scores[side] for result in results if result.scores) for side in (0, 1)]
        yield ""
        yield from _metrics(*({name: mean.value for name, mean in side.items()} for side in means))
        yield "means of the files' values"


def to_dict(result: Compared) -> dict[str, Any]:
    """What JSON takes."""
    item = result.item
    content: dict[str, Any] = {"name": item.name, "a": str(item.a), "b": str(item.b), **result.difference.to_dict()}
    if result.scores is not None:
        content["truth"] = str(item.truth)
        content["metrics"] = {
            letter: {name: value for name, value in scores.values().items() if value is not None}
            for letter, scores in zip("ab", result.scores, strict=True)
        }
        content["better"] = None if result.better is None else result.better._asdict()
    return content


def _size(difference: Difference) -> str:
    size = f"{difference.width}x{difference.height}"
    pixels = difference.width * difference.height
    if difference.known_a == difference.known_b == difference.known_both:
        known = difference.known_a
        return (
            f"{size}, all known" if known == pixels else f"{size}, {known} known in both ({100 * known / pixels:.1f} %)"
        )
    return f"{size}, known: A {difference.known_a}, B {difference.known_b}, both {difference.known_both}"


def _vector(vector: tuple[float, float]) -> str:
    return f"({vector[0]:.4f}, {vector[1]:.4f})"


def _metrics(first: dict[str, float | None], second: dict[str, float | None]) -> Iterator[str]:
    """The metrics of both; `*` marks the better one."""
    rows = [("", "A", "", "B", "", "")]
    for name, metric in METRICS.items():
        a, b = first.get(name), second.get(name)
        # Of the bands of speed the EPE will do here; JSON has all.
        if a is None or b is None or (metric.region != "all" and metric.measure != "epe"):
            continue
        sign = 1 if metric.higher_is_better else -1
        marks = [" *" if sign * mine > sign * other else "" for mine, other in ((a, b), (b, a))]
        rows.append((metric.title(), f"{a:.3f}", marks[0], f"{b:.3f}", marks[1], metric.unit))
    yield from aligned(rows, "<><><<")


def _better(result: Compared) -> Iterator[str]:
    better = result.better
    if better is None:
        yield "no pixel is known in both and in the truth"
    else:
        yield ""
        yield (
            f"nearer to the truth: A at {better.a:.1f} % of the pixels, B at {better.b:.1f} %, "
            f"equally near at {better.equal:.1f} %"
        )


def _row(result: Compared) -> list[str]:
    difference = result.difference
    cells = [result.item.name]
    if difference.largest_px is None or difference.shares_above is None:
        cells += ["-", "-", "-"]
    else:
        share = difference.shares_above[1.0]
        cells += [f"{difference.mean_px:.3g}", f"{difference.largest_px:.3g}", f"{share:.3g} %"]
    cells.append("yes" if difference.equal else "no")
    return cells if result.scores is None else [*cells, *map(_epe, result.scores)]


def _epe(scores: Scores) -> str:
    value = scores.value("epe")
    return "-" if value is None else f"{value:.3f}"


def _summary(results: Sequence[Compared]) -> Iterator[tuple[str, str]]:
    found = [(result, result.difference) for result in results if result.difference.largest_px is not None]
    equal = sum(result.difference.equal for result in results)
    yield "pairs", f"{len(results)}, {equal} of them equal bit for bit"
    if not found:
        return
    pixels = sum(difference.known_both for _, difference in found)
    mean = sum((difference.mean_px or 0.0) * difference.known_both for _, difference in found) / pixels
    worst, difference = max(found, key=lambda pair: pair[1].largest_px or 0.0)
    yield "difference", f"mean {mean:.4g} px, largest {difference.largest_px:.4g} px"
    above = []
    for bound in THRESHOLDS_PX:
        count = sum((one.shares_above or {})[bound] * one.known_both for _, one in found) / pixels
        above.append(f"{count:.3g} % above {bound:g} px")
    yield "", ", ".join(above)
    if difference.where is not None:
        where = difference.where
        yield (
            "largest in",
            (f"{worst.item.name} at x {where.x}, y {where.y}: A {_vector(where.a)}, B {_vector(where.b)} px"),
        )
