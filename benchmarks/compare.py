# SPDX-License-Identifier: Apache-2.0
"""Two records of one machine: what became slower?

    python benchmarks/compare.py BEFORE.json AFTER.json

Status 0: nothing is slower than the threshold; 1: something is; 2: the records cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from common import markdown

KEYS = ("network", "input", "operator", "case", "competitor")


def regression(before: dict[str, Any], after: dict[str, Any], threshold: float) -> bool:
    """Slower in the median and in the minimum: a busy machine moves the first, seldom both."""
    return all(after[name] > before[name] * (1 + threshold) for name in ("median_s", "min_s"))


def compare(before: dict[str, Any], after: dict[str, Any], threshold: float) -> tuple[str, int]:
    """Table, and how many rows became slower."""
    old = {_key(row): row for row in before["rows"]}
    lines, slower = [], 0
    for row in after["rows"]:
        was = old.get(_key(row))
        if was is None:
            continue
        worse = regression(was, row, threshold)
        slower += worse
        medians = [f"{1e3 * record['median_s']:.2f}" for record in (was, row)]
        ratio = f"{row['median_s'] / was['median_s']:.2f}"
        lines.append([" ".join(_key(row)), *medians, ratio, "slower" if worse else ""])
    return markdown(["what", "before ms", "after ms", "ratio", ""], lines), slower


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEYS if name in row)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--threshold", type=float, default=0.1, help="share that counts as slower (0.1)")
    options = parser.parse_args()
    before, after = (json.loads(path.read_text()) for path in (options.before, options.after))
    differing = [name for name in ("kind", "cpu", "threads") if before[name] != after[name]]
    if differing:
        for name in differing:
            print(f"{name} differs: {before[name]} and {after[name]}", file=sys.stderr)
        return 2
    shared = {_key(row) for row in before["rows"]} & {_key(row) for row in after["rows"]}
    if not shared:
        print("the records have no row in common", file=sys.stderr)
        return 2
    text, slower = compare(before, after, options.threshold)
    print(text)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
