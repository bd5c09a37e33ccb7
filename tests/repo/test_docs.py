# SPDX-License-Identifier: Apache-2.0
"""The pages that can be checked: the generated one is fresh, links lead somewhere, quoted networks exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from flownet2.networks import NETWORKS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")])


def test_operator_page_is_fresh() -> None:
    path = ROOT / "docs" / "make_operators.py"
    spec = importlib.util.spec_from_file_location("make_operators", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "operators.md").read_text()
    assert page == module.page(), "docs/operators.md is stale: python docs/make_operators.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert not [target for target in local if not (page.parent / target).exists()]


def test_every_network_is_documented() -> None:
    page = (ROOT / "docs" / "conventions.md").read_text()
    assert not [name for name in NETWORKS if f"`{name}`" not in page]
