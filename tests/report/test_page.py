# SPDX-License-Identifier: Apache-2.0
"""The page as a file: what is in it, and that nothing in it is taken for something else."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flownet2.datasets.base import Dataset, Pair
from flownet2.evaluation import Run
from flownet2.report import pictures_shown
from flownet2.report.picks import picks
from flownet2.report.values import UNKNOWN, pack_flags, pack_flow
from flownet2.types import Array, FloatArray
from flownet2.viz import error_map, flow_to_color, max_speed
from report.samples import EMPTY, HOSTILE, LARGE, MODELS, Evaluation, evaluation, make_pair, record

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """Elements with attributes and text, in order; refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._parts: list[Page] = []
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.elements[index][2].append(data)

    def all(self, tag: str, **wanted: str) -> list[tuple[dict[str, str], str]]:
        """Attributes and text of the elements of a tag that have some attributes (`class_` for `class`)."""
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [
            (attributes, "".join(text))
            for found, attributes, text in self.elements
            if found == tag and all(attributes.get(name) == value for name, value in wanted.items())
        ]

    def articles(self) -> list[tuple[str, Page]]:
        """Name and content of each pair."""
        return [(re.sub(r"^\w+ ", "", page.all("h3")[0][1]), page) for page in self._parts]


def read(path: Path) -> Page:
    text = path.read_text("utf-8")
    page = Page(text)
    page._parts = [Page(part) for part in re.findall(r"<article.*?</article>", text, re.DOTALL)]
    return page


def unpack(packed: dict[str, object], height: int, width: int) -> FloatArray:
    """What `pack_flow` packed; NaN where unknown."""
    parts = np.frombuffer(zlib.decompress(base64.b64decode(str(packed["data"]))), np.uint8).reshape(2, -1)
    planes = parts.T.copy().view("<i2").reshape(2, height, width)
    steps = planes.cumsum(axis=1, dtype=np.int16).cumsum(axis=2, dtype=np.int16).transpose(1, 2, 0)
    flow = steps * np.float64(packed["unit"])
    flow[steps[..., 0] == UNKNOWN] = np.nan
    return flow


def picture(uri: str) -> Array:
    data = base64.b64decode(uri.partition(",")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def data_of(page: Page) -> dict:
    return json.loads(page.all("script", id="data")[0][1])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluation(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def page(sample: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return read(sample.write(tmp_path_factory.mktemp("page") / "report.html"))


def test_nothing_is_loaded(page: Page) -> None:
    for _, attributes, _ in page.elements:
        for name in ("src", "href"):
            assert re.match(r"data:|#pair-\d+$", attributes.get(name, "data:"))
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    style = page.all("style")[0][1]
    assert all(url.startswith('url("data:') for url in re.findall(r"url\([^)]{6}", style))
    assert "@import" not in style


def test_the_policy_names_this_style_and_this_program_alone(page: Page) -> None:
    policy = next(attributes["content"] for attributes, _ in page.all("meta") if "http-equiv" in attributes)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    program = [text for attributes, text in page.all("script") if "type" not in attributes]
    assert len(program) == len(page.all("style")) == 1
    for rule, text in {"style-src": page.all("style")[0][1], "script-src": program[0]}.items():
        assert rules.pop(rule) == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert rules == {"default-src": "'none'", "img-src": "data:"}


def test_names_are_text(page: Page, sample: Evaluation) -> None:
    assert data_of(page)["names"] == [pair.name for pair in sample.dataset.pairs]
    assert [model["name"] for model in data_of(page)["models"]] == list(MODELS)
    names = [name for name, _ in page.articles()]
    assert HOSTILE in names
    _, article = page.articles()[names.index(HOSTILE)]
    assert [text for _, text in article.all("span", class_="model")] == [MODELS[0], MODELS[0], MODELS[1], MODELS[1]]
    assert len(page.all("script")) == 2 + len(names)
    assert "a <CPU>" in page.all("header", class_="top")[0][1]


def test_the_table_has_every_mean_and_marks_the_best(page: Page, sample: Evaluation) -> None:
    rows = [text for attributes, text in page.all("td") if "title" in attributes]
    titles = [attributes["title"].split(",")[0] for attributes, _ in page.all("td") if "title" in attributes]
    shown = list(zip(titles, rows, strict=True))
    for metric, title, digits in [
        ("epe", "EPE", 3),
        ("fl", "Fl-all", 2),
        ("epe_occ", "EPE unmatched", 3),
        ("wauc_s0_10", "WAUC s0-10", 2),
    ]:
        values = [run.means[metric].value for run in sample.runs]
        assert [text for found, text in shown if found == title] == [f"{value:.{digits}f}" for value in values]
        better = max if metric.startswith("wauc") else min
        best = [
            text
            for attributes, text in page.all("td", class_="best")
            if attributes.get("title", "").startswith(f"{title},")
        ]
        assert best == [f"{better(values):.{digits}f}"]


def test_one_model_is_not_the_best_of_one(sample: Evaluation, tmp_path: Path) -> None:
    page = read(sample.write(tmp_path / "one.html", runs=sample.runs[:1]))
    assert page.all("td", class_="best") == []


def test_the_list_has_every_picture(page: Page, sample: Evaluation) -> None:
    data = data_of(page)
    for run, model in zip(sample.runs, data["models"], strict=True):
        assert model["columns"]["seconds"] == pytest.approx([one.seconds for one in run.records])
        for metric in ("epe", "fl", "angle"):
            wanted = [one.scores.value(metric) for one in run.records]
            missing = [value is None for value in wanted]
            assert (
                missing
                == [value is None for value in model["columns"][metric]]
                == [one.name == EMPTY for one in run.records]
            )
            pairs = zip(wanted, model["columns"][metric], strict=True)
            assert [stored for value, stored in pairs if value is not None] == [
                pytest.approx(value, rel=1e-5) for value in wanted if value is not None
            ]


def test_values_are_the_flows(page: Page, sample: Evaluation) -> None:
    articles = page.articles()
    assert len(articles) == 9
    for name, article in articles:
        truth = sample.pair(name).truth()
        height, width = truth.valid.shape
        values = json.loads(article.all("script", class_="values")[0][1])
        assert (values["width"], values["height"], values["step"]) == (width, height, 1)
        unit = values["truth"]["unit"]
        assert unit == 1 / 64 if name != LARGE else unit > 1 / 64
        known = np.where(truth.valid[..., None], truth.flow, np.nan)
        np.testing.assert_allclose(unpack(values["truth"], height, width), known, rtol=0, atol=unit / 2)
        for index in (0, 1):
            flow, packed = sample.flows[index, name], values["flows"][index]
            np.testing.assert_allclose(unpack(packed, height, width), flow, rtol=0, atol=packed["unit"] / 2)
        flags = np.frombuffer(zlib.decompress(base64.b64decode(values["flags"])), np.uint8).reshape(height, width)
        np.testing.assert_array_equal(flags & 1 > 0, truth.valid)
        np.testing.assert_array_equal(flags & 2 > 0, truth.valid)
        occluded = truth.occluded if truth.occluded is not None else np.zeros_like(truth.valid)
        np.testing.assert_array_equal(flags & 4 > 0, occluded)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.floats(0, 1e9, width=32),
    st.floats(0, 1),
)
def test_any_flow_comes_back(seed: int, size: tuple[int, int], largest: float, unknown: float) -> None:
    random = np.random.default_rng(seed)
    flow = random.uniform(-largest, largest, (*size, 2)).astype(np.float32)
    hidden = random.random(size) < unknown
    flow[hidden] = random.choice(np.array([np.nan, np.inf, 2e9], np.float32), (hidden.sum(), 2))
    packed = pack_flow(flow)
    back = unpack(packed, *size)
    np.testing.assert_array_equal(np.isnan(back[..., 0]), hidden)
    np.testing.assert_allclose(back[~hidden], flow[~hidden], rtol=0, atol=packed["unit"] * 0.5001)
    assert packed["unit"] == max(1 / 64, np.abs(flow[~hidden]).max(initial=0) / 32767)


def test_flags_are_bits() -> None:
    masks = [np.array([[True, False, True]]), np.array([[True, True, False]])]
    assert zlib.decompress(base64.b64decode(pack_flags(*masks))) == bytes([3, 2, 1])


def test_pictures_are_those_of_viz(page: Page, sample: Evaluation) -> None:
    for name, article in page.articles():
        truth = sample.pair(name).truth()
        images = {attributes["alt"]: picture(attributes["src"]) for attributes, _ in article.all("img")}
        assert list(images) == [
            "Frame 1",
            "Frame 2",
            "True flow",
            *(f"{kind} of {model}" for model in MODELS for kind in ("Flow", "Error")),
        ]
        scale = max_speed(truth.flow, truth.valid)
        np.testing.assert_array_equal(images["True flow"], flow_to_color(truth.flow, scale, truth.valid))
        assert f"{scale:.3g} px" in article.all("div", class_="legend")[0][1]
        for index, model in enumerate(MODELS):
            flow = sample.flows[index, name]
            np.testing.assert_array_equal(images[f"Error of {model}"], error_map(flow, truth.flow, truth.valid))
            assert np.abs(images[f"Flow of {model}"].astype(int) - flow_to_color(flow, scale)).mean() < 4
        for number, frame in enumerate(sample.pair(name).pictures(), start=1):
            eight = frame if frame.dtype == np.uint8 else frame // 257
            assert np.abs(images[f"Frame {number}"].astype(int) - eight).mean() < 3


@pytest.mark.parametrize("count", range(13))
def test_picks(sample: Evaluation, count: int) -> None:
    measured = [one for one in sample.runs[0].records if one.name != EMPTY]
    empty = [one for one in sample.runs[0].records if one.name == EMPTY]
    run = dataclasses.replace(sample.runs[0], records=[*empty, *measured[:count]])
    chosen = picks([run])
    ranked = sorted(measured[:count], key=lambda one: -(one.scores.value("epe") or 0))
    order = [one.name for one in ranked]
    groups = {group: [pick.name for pick in chosen if pick.group == group] for group in ("worst", "median", "best")}
    assert len({pick.name for pick in chosen}) == len(chosen) == min(len(order), 9)
    assert groups["worst"] == order[: len(groups["worst"])]
    assert groups["best"] == order[::-1][: len(groups["best"])]
    if len(order) >= 9:
        assert [len(names) for names in groups.values()] == [3, 3, 3]
        assert abs(order.index(groups["median"][1]) - (len(order) - 1) / 2) <= 0.5
    assert max(map(len, groups.values())) - min(map(len, groups.values())) <= 1
    assert pictures_shown([run, run]) == 2 * len(chosen)


def test_progress_is_told_once_a_flow(sample: Evaluation, tmp_path: Path) -> None:
    asked, ticks = [], []

    def flow_of(index: int, pair: Pair) -> FloatArray:
        asked.append((index, pair.name))
        return sample.flow_of(index, pair)

    sample.write(tmp_path / "report.html", flow_of=flow_of, tick=lambda: ticks.append(len(asked)))
    assert ticks == list(range(1, pictures_shown(sample.runs) + 1))
    assert asked == [(index, pick.name) for pick in picks(sample.runs) for index in (0, 1)]


def test_a_model_that_fails_says_so_in_its_panel(sample: Evaluation, tmp_path: Path) -> None:
    worst = picks(sample.runs)[0].name
    second = picks(sample.runs)[1].name

    def flow_of(index: int, pair: Pair) -> FloatArray:
        if (index, pair.name) == (1, worst):
            raise ValueError("out of <memory>")
        return sample.flow_of(index, pair)[:-1] if (index, pair.name) == (0, second) else sample.flow_of(index, pair)

    articles = dict(read(sample.write(tmp_path / "report.html", flow_of=flow_of)).articles())
    failures = {name: [text for _, text in article.all("p", class_="failure")] for name, article in articles.items()}
    assert failures.pop(worst) == ["ValueError: out of <memory>"]
    assert "shape" in failures.pop(second)[0]
    assert set(map(len, failures.values())) == {0}
    values = json.loads(articles[worst].all("script", class_="values")[0][1])
    assert [flow is None for flow in values["flows"]] == [False, True]


def test_runs_may_lack_pictures(sample: Evaluation, tmp_path: Path) -> None:
    worst = picks(sample.runs)[0].name
    fewer = dataclasses.replace(sample.runs[1], records=[one for one in sample.runs[1].records if one.name != worst])
    page = read(sample.write(tmp_path / "report.html", runs=[sample.runs[0], fewer]))
    at = data_of(page)["names"].index(worst)
    assert data_of(page)["models"][1]["columns"]["epe"][at] is None
    assert data_of(page)["models"][0]["columns"]["epe"][at] is not None
    assert "no result for this picture" in dict(page.articles())[worst].all("p", class_="failure")[0][1]


def test_files_that_are_gone_are_told(sample: Evaluation, tmp_path: Path) -> None:
    worst, ticks = picks(sample.runs)[0].name, []
    pairs = [
        dataclasses.replace(pair, image2=tmp_path / "gone.png") if pair.name == worst else pair
        for pair in sample.dataset.pairs
    ]
    dataset = dataclasses.replace(sample.dataset, pairs=pairs)
    page = read(sample.write(tmp_path / "report.html", dataset=dataset, tick=lambda: ticks.append(1)))
    assert "gone.png" in dict(page.articles())[worst].all("p", class_="failure")[0][1]
    assert len(ticks) == pictures_shown(sample.runs)


@pytest.mark.parametrize("records", [0, 1])
def test_hardly_any_picture(sample: Evaluation, tmp_path: Path, records: int) -> None:
    empty = [one for one in sample.runs[0].records if one.name == EMPTY][:records]
    runs = [dataclasses.replace(run, records=empty) for run in sample.runs]
    page = read(sample.write(tmp_path / "report.html", runs=runs))
    assert page.articles() == []
    assert data_of(page)["names"] == [EMPTY][:records]
    assert "No picture has a pixel that counts" in page.all("section")[-1][1]


def test_large_pictures_are_reduced(sample: Evaluation, tmp_path: Path) -> None:
    truth = np.tile(np.arange(1923, dtype=np.float32)[None, :, None] / 8, (20, 1, 2))
    pair = make_pair(tmp_path, 0, "wide", truth, np.ones((20, 1923), bool))
    run = Run("model", {}, sample.runs[0].rules, [record(pair, truth, 1.0)])
    dataset = Dataset("folder", "all", tmp_path, [pair])
    page = read(sample.write(tmp_path / "report.html", dataset=dataset, runs=[run], flow_of=lambda *_: truth))
    ((_, article),) = page.articles()
    assert "shown at 1/2 of its size" in article.all("p", class_="facts")[0][1]
    assert "values of every 4th pixel" in article.all("p", class_="facts")[0][1]
    assert {picture(attributes["src"]).shape for attributes, _ in article.all("img")} == {(10, 962, 3)}
    values = json.loads(article.all("script", class_="values")[0][1])
    assert (values["width"], values["height"], values["step"]) == (481, 5, 4)
    np.testing.assert_array_equal(unpack(values["truth"], 5, 481), truth[::4, ::4])
