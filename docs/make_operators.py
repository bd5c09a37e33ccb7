# SPDX-License-Identifier: Apache-2.0
"""Writes docs/operators.md from the operator table; tests/repo/test_docs.py fails when the page is stale.

Run: python docs/make_operators.py
"""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

from flownet2.ops.spec import OPS, OpSpec

PAGE = Path(__file__).with_name("operators.md")

_HEAD = """# Operators

Made by `python docs/make_operators.py` from `src/flownet2/ops/spec.py`; do not edit.

All values are (N, C, H, W). The definition of each operator is `src/flownet2/ops/reference/NAME.py`; the column
"tolerance" is how far any executor may be from it in float32, relative to the largest value of the result.
Attributes are what the graph text of a model file holds (docs/model-format.md) and what `flownet2.ops` takes by
keyword.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(spec) for spec in OPS.values())


def _section(spec: OpSpec) -> str:
    least, most = spec.inputs
    inputs = str(least) if least == most else f"{least} or more" if most is None else f"{least} or {most}"
    parameters = ", ".join(f"`{p}`{' (optional)' if p in spec.optional else ''}" for p in spec.parameters) or "none"
    lines = [
        f"\n## {spec.name}\n",
        f"{inspect.cleandoc(spec.attributes.__doc__ or '')}\n",
        f"Shape: {inspect.cleandoc(spec.infer_shape.__doc__ or '')}\n",
        f"| inputs | parameters | tolerance |\n|---|---|---|\n| {inputs} | {parameters} | {spec.rtol:g} |\n",
    ]
    fields = dataclasses.fields(spec.attributes)
    if fields:
        rows = "".join(f"| `{f.name}` | {_type(f.type)} | `{f.default!r}` |\n" for f in fields)
        lines.append(f"| attribute | type | default |\n|---|---|---|\n{rows}")
    return "\n".join(lines)


def _type(annotation: object) -> str:
    """A type for a table cell, where a bar would end the cell."""
    return str(annotation).replace("Pair", "(rows, columns)").replace(" | ", " or ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="ascii")
