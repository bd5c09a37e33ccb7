# SPDX-License-Identifier: Apache-2.0
"""The page in headless Chromium: what a person sees and does."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from report.browser import CHROMIUM, Browser
from report.samples import EMPTY, HOSTILE, LARGE, MODELS, Evaluation, evaluation, repeated

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and "FLOWNET2_BROWSER_TESTS" not in os.environ,
    reason="Chromium is not installed; .ci/steps/report.sh installs it",
)
NAMES = "[...document.querySelectorAll('#list tbody .name')].map(one => one.textContent)"
NUMBER = r"-?\d+\.\d+"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluation(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def path(sample: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.write(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser, path: Path) -> Iterator[Browser]:
    """The page as just opened; nothing may have gone wrong in it by the end of the test."""
    chromium.resize(1400)
    chromium.prefer("light")
    chromium.open(path)
    chromium.wait("plot.marks.length > 0")  # drawn when the page is first laid out
    yield chromium
    assert chromium.problems() == []
    assert chromium.requests() == [path.as_uri()]


def names(sample: Evaluation) -> list[str]:
    return [pair.name for pair in sample.dataset.pairs]


def test_it_renders(browser: Browser, sample: Evaluation) -> None:
    assert browser.run("document.querySelector('h1').textContent") == "sintel-clean training"
    assert sorted(browser.run(NAMES)) == sorted(names(sample))
    assert browser.run("document.querySelectorAll('.pair').length") == 9
    assert browser.run("[...document.querySelectorAll('.pair img')].every(one => one.complete && one.naturalWidth > 0)")
    # The plot is drawn: the middle of a mark of each model has its colour.
    colors = browser.run(
        "(() => { const canvas = byId('plot');"
        "const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        "return [0, 1].map(model => { const { left, top } = plot.marks.find(one => one.model === model);"
        "const at = 4 * (Math.round(top) * canvas.width + Math.round(left));"
        "return [[...data.slice(at, at + 3)], colorOf(model)]; }); })()"
    )
    for found, wanted in colors:
        assert found == pytest.approx(list(bytes.fromhex(wanted[1:])), abs=24)


def test_the_policy_blocks_the_network(chromium: Browser, path: Path) -> None:
    chromium.open(path)
    blocked = "new Promise(done => addEventListener('securitypolicyviolation', event => done(event.violatedDirective)))"
    assert (
        chromium.run(
            f"(() => {{ const seen = {blocked}; fetch('https://localhost:9/').catch(() => 0); return seen; }})()"
        )
        == "connect-src"
    )
    assert (
        chromium.run(
            f"(() => {{ const seen = {blocked}; new Image().src = 'https://localhost:9/a.png'; return seen; }})()"
        )
        == "img-src"
    )


def expected_order(sample: Evaluation, key: str, descending: bool) -> list[str]:
    """By Python, from the records: missing values last, equal ones in the data set's order."""
    columns: dict[str, list[object]] = {"name": list(names(sample)), "number": list(range(len(names(sample))))}
    columns["speed"] = [one.speed for one in sample.runs[0].records]
    for index, run in enumerate(sample.runs):
        columns[f"{index}:seconds"] = [one.seconds for one in run.records]
        for metric in ("epe", "fl", "px1", "px3", "px5", "wauc", "angle"):
            columns[f"{index}:{metric}"] = [one.scores.value(metric) for one in run.records]
    values = dict(zip(names(sample), columns[key], strict=True))
    present = [name for name in names(sample) if values[name] is not None]
    absent = [name for name in names(sample) if values[name] is None]
    return sorted(present, key=lambda name: values[name], reverse=descending) + absent  # type: ignore[arg-type,return-value]


def test_every_column_sorts_both_ways(browser: Browser, sample: Evaluation) -> None:
    browser.click_on("#all-metrics")
    keys = browser.run("[...document.querySelectorAll('#list thead button')].map(one => one.dataset.key)")
    assert len(keys) == 3 + 2 * 8
    for key in [*keys[2:], *keys[:2]]:
        button = f'#list thead button[data-key="{key}"]'
        directions = set()
        for _ in range(2):
            browser.run(f"document.querySelector({json.dumps(button)}).click()")
            direction = browser.run(f"document.querySelector({json.dumps(button)}).closest('th').ariaSort")
            directions.add(direction)
            assert browser.run(NAMES) == expected_order(sample, key, direction == "descending")
            assert browser.run("document.querySelectorAll('#list [aria-sort]').length") == 1
        assert directions == {"ascending", "descending"}


def test_the_keyboard_sorts(browser: Browser, sample: Evaluation) -> None:
    browser.run("document.querySelector('#list button[data-key=\"0:epe\"]').focus()")
    browser.press("Enter")
    assert browser.run(NAMES) == expected_order(sample, "0:epe", True)
    browser.press("Enter")
    assert browser.run(NAMES) == expected_order(sample, "0:epe", False)
    assert browser.run("document.activeElement.dataset.key") == "0:epe"


def test_cells_show_the_values(browser: Browser, sample: Evaluation) -> None:
    rows = browser.run(
        "[...document.querySelectorAll('#list tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    for row, *records in zip(rows, *(run.records for run in sample.runs), strict=True):
        wanted = [f"{records[0].speed:.2f}"]
        for one in records:
            epe, fl = one.scores.value("epe"), one.scores.value("fl")
            wanted += ["-" if epe is None else f"{epe:.3f}", "-" if fl is None else f"{fl:.2f}", f"{one.seconds:.3f}"]
        assert row[0] == records[0].name
        for shown, value in zip(row[2:], wanted, strict=True):
            assert shown == value or float(shown) == pytest.approx(float(value), abs=0.0101)


@pytest.mark.parametrize("wanted", ["SCENE_7", "</script><b>", "nowhere"])
def test_the_filter(browser: Browser, sample: Evaluation, wanted: str) -> None:
    browser.click_on("#filter")
    browser.write(wanted)
    found = [name for name in names(sample) if wanted.lower() in name.lower()]
    assert browser.run(NAMES) == found
    assert browser.run("document.getElementById('count').textContent") == f"{len(found)} of 12 pictures"


@pytest.mark.parametrize("shown", [0, 4, 8])
def test_values_under_the_cursor(browser: Browser, sample: Evaluation, shown: int) -> None:
    article = f"#pair-{shown}"
    name = names(sample)[browser.run(f"report.shown[{shown}]")]
    truth = sample.pair(name).truth()
    height, width = truth.valid.shape
    panels = ["frame", "truth", "flow", "error"]
    for at, (x, y) in enumerate(
        [(0, 0), (width - 1, 0), (width // 2, height // 2), (3, height - 1), (width - 1, height - 1)]
    ):
        left, top, across, down = browser.box(f"{article} .{panels[at % 4]} .view")
        browser.move(left + (x + 0.5) * across / width, top + (y + 0.5) * down / height)
        here = f"document.querySelector('{article} .place').textContent"
        browser.wait(rf"/^x {x}  y {y}(,|$)/.test({here})")
        place = browser.run(here)
        outputs = browser.run(
            f"[...document.querySelectorAll('{article} figcaption output')].map(one => one.textContent)"
        )
        valid, occluded = truth.valid[y, x], truth.occluded is not None and truth.occluded[y, x]
        assert place.endswith("no truth" if not valid else "occluded" if occluded else str(y))
        unit = 900 / 32767 if name == LARGE else 1 / 64
        tolerance = 2 * unit + 0.005
        if valid:
            assert numbers(outputs[0]) == pytest.approx(truth.flow[y, x].tolist(), abs=tolerance)
        else:
            assert outputs[0] == "unknown"
        for model in (0, 1):
            flow = sample.flows[model, name][y, x]
            assert numbers(outputs[1 + 2 * model]) == pytest.approx(flow.tolist(), abs=tolerance)
            error = outputs[2 + 2 * model]
            if valid:
                assert numbers(error) == pytest.approx([float(np.hypot(*(flow - truth.flow[y, x])))], abs=2 * tolerance)
            else:
                assert error == "not counted"
        lines = browser.run(
            f"[...document.querySelectorAll('{article} .cross')].map(one => [getComputedStyle(one).display,"
            "parseFloat(getComputedStyle(one, '::before').left) / one.clientWidth])"
        )
        assert lines == [["block", pytest.approx((x + 0.5) / width, abs=0.003)]] * 6


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(NUMBER, text)]


def test_the_arrow_keys_move_the_mark(browser: Browser) -> None:
    browser.box("#pair-0")
    browser.run("document.querySelector('#pair-0 .flicker').focus()")
    browser.run("document.querySelector('#pair-0 .panels').focus({ focusVisible: true })")
    place = "document.querySelector('#pair-0 .place').textContent"
    browser.wait(f"{place}.startsWith('x')")
    x, y = (int(number) for number in re.findall(r"\d+", browser.run(place))[:2])
    browser.press("ArrowRight")
    browser.press("ArrowDown")
    browser.press("ArrowDown")
    assert [int(number) for number in re.findall(r"\d+", browser.run(place))[:2]] == [x + 1, y + 2]


def test_the_frames_swap_and_flicker(browser: Browser) -> None:
    hidden = "[...document.querySelectorAll('#pair-1 .frame img')].map(one => one.hidden)"
    assert browser.run(hidden) == [False, True]
    browser.click_on("#pair-1 .swap")
    assert browser.run(hidden) == [True, False]
    assert browser.run("document.querySelector('#pair-1 .frame figcaption span').textContent") == "Frame 2"
    browser.click_on("#pair-1 .flicker")
    browser.wait(f"{hidden}[1]")
    browser.wait(f"{hidden}[0]")
    browser.click_on("#pair-1 .flicker")
    assert browser.run("document.querySelector('#pair-1 .flicker').ariaPressed") == "false"


def mark_place(browser: Browser, model: int, index: int) -> tuple[float, float]:
    left, top, *_ = browser.box("#plot")
    mark = browser.run(
        f"(({{ left, top }}) => [left, top])(plot.marks.find(one => one.model === {model} && one.index === {index}))"
    )
    return left + mark[0], top + mark[1]


@pytest.mark.parametrize("log", [True, False])
def test_the_plot_tells_and_selects(browser: Browser, sample: Evaluation, log: bool) -> None:
    if not log:
        browser.click_on("#log")
    index = names(sample).index(HOSTILE)
    x, y = mark_place(browser, 0, index)
    browser.move(x, y)
    tip = browser.run("document.getElementById('tip').innerText")
    record = sample.runs[0].records[index]
    assert HOSTILE in tip
    for run in sample.runs:
        assert f"{run.model}: {run.records[index].scores.value('epe'):.3f} px" in tip
    assert f"{record.speed:.2f} px" in tip
    browser.click(x, y)
    assert browser.run(
        "[...document.querySelectorAll('#list [aria-selected=true] .name')].map(one => one.textContent)"
    ) == [HOSTILE]


def test_places_in_the_plot_follow_the_values(browser: Browser, sample: Evaluation) -> None:
    marks = browser.run("plot.marks.map(({ model, index, left, top }) => [model, index, left, top])")
    assert len(marks) == 2 * 11
    records = [sample.runs[model].records[index] for model, index, *_ in marks]
    for values, places in [
        ([one.speed for one in records], [left for *_, left, _ in marks]),
        ([one.scores.value("epe") for one in records], [top for *_, top in marks]),
    ]:
        slope = np.corrcoef(np.log(values), places)[0, 1]
        assert abs(slope) > 0.999999


def test_the_plot_scrolls_to_pictures(browser: Browser, sample: Evaluation) -> None:
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    shown = browser.run("report.shown[4]")
    browser.click(*mark_place(browser, 0, shown))
    top = browser.run("document.querySelector('#pair-4').getBoundingClientRect().top")
    assert 0 <= top < 60
    assert browser.run("document.querySelector('.pair.selected').id") == "pair-4"


def test_another_metric_and_hidden_models(browser: Browser, sample: Evaluation) -> None:
    browser.run(
        "(box => { box.value = 'fl'; box.dispatchEvent(new Event('change')); })(document.getElementById('metric'))"
    )
    index = names(sample).index("scene_3/frame_0003")
    browser.move(*mark_place(browser, 1, index))
    assert f"{sample.runs[1].records[index].scores.value('fl'):.2f} %" in browser.run(
        "document.getElementById('tip').innerText"
    )
    browser.click_on("#legend button")
    assert browser.run("[...new Set(plot.marks.map(one => one.model))]") == [1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1400])
def test_nothing_is_wider_than_the_window(browser: Browser, width: int, scheme: str) -> None:
    browser.resize(width, mobile=width < 500)
    browser.prefer(scheme)
    assert browser.run("document.documentElement.scrollWidth") == width
    panels = browser.run("[...document.querySelectorAll('.pair figure')].map(one => one.clientWidth)")
    assert min(panels) > (300 if width != 768 else 250)
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background))) < 300) == (scheme == "dark")
    size = struct.unpack(">II", browser.screenshot()[16:24])
    assert size[0] == width


def test_a_browser_that_cannot_unpack_says_so(chromium: Browser, path: Path) -> None:
    script = chromium.run_first("delete window.DecompressionStream")
    try:
        chromium.open(path)
        left, top, width, height = chromium.box("#pair-0 .truth .view")
        chromium.move(left + width / 2, top + height / 2)
        assert "lacks DecompressionStream" in chromium.wait(
            "(document.querySelector('#pair-0 .failure') || {}).textContent"
        )
        assert chromium.problems() == []
    finally:
        chromium.forget(script)


@pytest.mark.parametrize(("count", "models"), [(1041, 3), (22000, 2)])
def test_many_pictures(chromium: Browser, sample: Evaluation, tmp_path: Path, count: int, models: int) -> None:
    many = repeated(sample, count, models)
    chromium.resize(1400)
    chromium.open(many.write(tmp_path / "many.html"))
    assert chromium.run("document.querySelectorAll('#list tbody tr').length") == 200
    for key in ("1:epe", "name"):
        chromium.run(f"document.querySelector('#list button[data-key=\"{key}\"]').click()")
        column = dict(zip(names(many), [one.scores.value("epe") or 0 for one in many.runs[1].records], strict=True))
        wanted = sorted(names(many), key=column.__getitem__, reverse=True) if key != "name" else sorted(names(many))
        assert chromium.run(NAMES) == wanted[:200]
    chromium.click_on("#more")
    assert chromium.run(NAMES) == sorted(names(many))[:600]
    last = sorted(names(many))[-1]
    chromium.run(f"select(report.names.indexOf({json.dumps(last)}), 'plot')")
    assert chromium.run(NAMES)[-1] == last
    chromium.wait(f"plot.marks.length === {count * models}")
    x, y = mark_place(chromium, 0, 0)
    chromium.move(x, y)
    assert not chromium.run("document.getElementById('tip').hidden")
    assert chromium.problems() == []


def test_models_and_empty_pictures_are_named(browser: Browser) -> None:
    heads = browser.run("[...document.querySelectorAll('#list th[scope=colgroup]')].map(one => one.textContent)")
    assert heads == list(MODELS)
    assert EMPTY in browser.run(NAMES)
