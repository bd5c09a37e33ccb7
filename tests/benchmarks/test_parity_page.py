# SPDX-License-Identifier: Apache-2.0
"""The page of parity: it is made, it has every network, and an output that is wrong stands in it."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from cases import caffe, narrow
from flownet2.types import Array
from flownet2.weights.origins import ORIGINS
from repo.source_tree import ROOT

SMALL = ["--origins", "caffe", "--networks", "flownet2ss-thin", "--executors", "native"]


@pytest.fixture
def parity(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/parity.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import parity

    return parity


def rows(page: str) -> list[list[str]]:
    """Cells of the tables' lines, heads among them."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]


def test_against_stored_outputs(parity: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parity.main([*SMALL, "-o", str(tmp_path / "page.md")]) == 0
    head, _, plain, odd = rows((tmp_path / "page.md").read_text())
    assert head == ["origin", "network", "compared", "length", "native", "native bfloat16, mean"]
    for row, what in ((plain, "pictures, 128x192"), (odd, "pictures, 150x210, resized")):
        assert row[:3] == ["caffe", "flownet2ss-thin", what]
        largest, mean = map(float, row[4].split(" / "))
        assert 0 < mean < largest < 5e-4
        assert 10 * largest < float(row[5]) < 0.1  # bfloat16
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("[1/1] caffe flownet2ss-thin\n  native float32: ")


def test_a_wrong_output_is_seen(
    parity: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One component of one pixel."""
    stored = caffe.golden

    def planted(network: str) -> dict[str, Array]:
        arrays = stored(network)
        arrays["odd_flow"][149, 0, 1] += 3
        return arrays

    monkeypatch.setattr(caffe, "golden", planted)
    assert parity.main([*SMALL, "--precision", "float32"]) == 1
    told = capsys.readouterr()
    _, _, plain, odd = rows(told.out)
    assert float(plain[4].split(" / ")[0]) < 5e-4
    assert odd[4].startswith("3.0e+00 / ")
    assert float(odd[4].split(" / ")[1]) == pytest.approx(3 / (150 * 210), rel=0.3)
    (fault,) = re.findall("too far off: .*", told.err)
    assert (
        fault == "too far off: caffe, flownet2ss-thin, pictures, 150x210, resized, native: 3.0e+00 px, allowed 5.0e-04"
    )


def test_against_the_definitions(
    parity: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And an executor that computes wrongly."""
    words = ["--origins", "caffe", "ptlflow", "--networks", "flownetc", "flownet2cs", "--executors", "numpy", "native"]
    assert parity.main(words) == 0
    head, _, *found = rows(capsys.readouterr().out)
    assert head == ["origin", "network", "`verified`", "graph of", "length", "numpy", "native"]
    assert [row[:4] for row in found] == [
        ["caffe", "flownetc", "`false`", "nvidia flownetc"],
        ["caffe", "flownet2cs", "`false`", "-"],
        ["ptlflow", "flownetc", "`false`", "nvidia flownetc"],
        ["ptlflow", "flownet2cs", "`false`", "-"],
    ]
    right = narrow.Narrow.run
    monkeypatch.setattr(narrow.Narrow, "run", lambda self, name: right(self, name) * (1.01 if name == "native" else 1))
    assert parity.main(words) == 1
    for row in rows(capsys.readouterr().out)[2:]:
        assert float(row[5].split(" / ")[0]) < 1e-4
        assert float(row[6].split(" / ")[0]) == pytest.approx(0.01 * float(row[4]), rel=0.05)


def test_not_a_number_is_far(parity: ModuleType) -> None:
    import numpy as np

    flow = np.zeros((2, 2, 2), np.float32)
    broken = flow.copy()
    broken[0, 0, 0] = np.nan
    assert parity.distance([flow, broken], [flow, flow]) == (np.inf, np.inf)
    row = parity.Row(("a", "b", "c"), [parity.Distance(np.inf, np.inf)], 1.0)
    assert parity.faults([row], [parity.Column("native")]) == ["a, b, c, native: inf px, allowed 1.0e+00"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--networks", "flownet2-lite"], "nothing to compare"),
        (["--origins", "ptlflow", "--precision", "bfloat16"], "nothing to compare"),
        ([*SMALL, "-o", "no/such/folder/page.md"], "there is no folder no/such/folder"),
        (["--origins", "flownet2"], "invalid choice: 'flownet2'"),
    ],
)
def test_what_cannot_be(parity: ModuleType, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        parity.main(words)
    assert message in capsys.readouterr().err


def test_the_page_in_docs_has_every_network_of_every_origin(parity: ModuleType) -> None:
    text = (ROOT / "docs" / "parity.md").read_text("utf-8")
    page = {tuple(row[:2]) for row in rows(text)}
    wanted = {(origin, network) for origin in parity.ORIGIN_NAMES for network in ORIGINS[origin].networks}
    stale = "stale: python benchmarks/parity.py -o docs/parity.md"
    assert wanted - page == set(), stale
    assert parity.STORED_HEAD in text, stale
    assert parity.DEFINED_HEAD in text, stale
