# SPDX-License-Identifier: Apache-2.0
"""`flownet2 eval`: what it prints and writes, what it refuses, and pairs that fail."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
import re
import shlex
import sys
import types
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import flownet2
from datasets import trees
from flownet2.builtin import MODELS
from flownet2.cli import _options, build_parser
from flownet2.cli import eval as command
from flownet2.cli._eval_table import WIDTH, column_titles, table
from flownet2.datasets import open_dataset
from flownet2.evaluation import METRICS, PROTOCOLS, Cell, Record, Run, Scores, get_protocol, score
from flownet2.weights import load_model, write_model

LITE = next(iter(MODELS))
THREE = (LITE, "zero", "farneback")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where journals are."""
    monkeypatch.setenv("FLOWNET2_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "evaluations"


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    return trees.kitti(tmp_path / "kitti", "image_2", True)


@pytest.fixture
def sintel(tmp_path: Path) -> Path:
    return trees.sintel(tmp_path / "sintel")


def journals(home: Path) -> list[Path]:
    return sorted(home.iterdir()) if home.exists() else []


def read_json(path: str) -> Any:
    def refuse(text: str) -> None:
        pytest.fail(f"{text} is not JSON")

    return json.loads(Path(path).read_text(), parse_constant=refuse)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_json(run: Any, kitti: Path, protocol: str, home: Path) -> None:
    words = ("kitti2015", kitti, "--protocol", protocol, "--json", "new/all.json", "--threads", 2, "--model", *THREE)
    done = run("eval", *words)
    assert (done.code, done.err) == (0, "")
    content = read_json("new/all.json")
    assert content["format"] == "flownet2 evaluation 1"
    assert content["flownet2"] == flownet2.__version__
    assert datetime.datetime.fromisoformat(content["created"]).tzinfo is not None
    root = {"name": "kitti2015", "split": "train", "root": str(kitti), "pairs": 3, "pairs_of_split": 3}
    assert content["dataset"] == root
    assert content["partial"] is False
    assert content["protocol"] == get_protocol(protocol).to_dict("kitti2015")
    assert set(content["machine"]) == {"cpu", "cpus", "system", "python", "numpy", "opencv"}
    assert [one["model"] for one in content["runs"]] == list(THREE)
    assert [one["failed"] for one in content["runs"]] == [[], [], []]
    facts = content["runs"][0]
    assert (facts["network"], facts["precision"], facts["executor"], facts["device"]) == (
        LITE,
        "float32",
        "native",
        "cpu",
    )
    assert facts["sha256"] == hashlib.sha256(MODELS[LITE].read_bytes()).hexdigest()
    assert (facts["threads"], facts["isa"]) == (2, flownet2.build_info()["isa"])
    assert facts["origin"]
    assert facts["license"]
    assert facts["parameters"] > 1e6
    assert facts["evaluation_seconds"] > sum(picture["seconds"] for picture in facts["pictures"]) > 0
    assert content["runs"][2]["opencv"] == cv2.__version__
    check_numbers(content, protocol, kitti)
    assert journals(home) == []


def check_numbers(content: Any, protocol: str, root: Path) -> None:
    """Against `score` of the flow that the library gives."""
    model, rules = flownet2.load(), get_protocol(protocol).rules("kitti2015")
    pairs = open_dataset("kitti2015", root).pairs
    for index, flow_of in enumerate([model, lambda one, two, size_rule: np.zeros((*one.shape[:2], 2), np.float32)]):
        pictures = content["runs"][index]["pictures"]
        assert [picture["name"] for picture in pictures] == [pair.name for pair in pairs]
        scored = []
        for pair, picture in zip(pairs, pictures, strict=True):
            truth = pair.truth()
            flow = flow_of(*pair.pictures(), size_rule=get_protocol(protocol).size_rule)
            masks = {"noc_valid": truth.noc_valid, "foreground": truth.foreground, "max_flow": rules.max_flow}
            scored.append(score(flow, truth.flow, truth.valid, **masks))
            assert picture["metrics"] == scored[-1].values()
        mean = np.mean([one.value("epe") for one in scored])
        assert content["runs"][index]["metrics"]["epe"]["value"] == pytest.approx(mean, rel=1e-12)
        assert content["runs"][index]["metrics"]["epe_fg"]["pixels"] == 3


def test_csv(run: Any, kitti: Path) -> None:
    done = run("eval", "kitti2015", kitti, "--csv", "all.csv", "--json", "all.json", "--model", *THREE)
    assert done.code == 0
    text = Path("all.csv").read_bytes().decode()
    assert text.count("\r\n") == text.count("\n") == 10
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["model"], row["picture"]) for row in rows] == [
        (model, f"{number:06d}_10") for model in THREE for number in range(3)
    ]
    pictures = [picture for one in read_json("all.json")["runs"] for picture in one["pictures"]]
    titles = {"px": "px", "%": "percent", "deg": "deg"}
    for row, picture in zip(rows, pictures, strict=True):
        assert (row["height_px"], row["width_px"], row["pixels"]) == ("8", "12", "95")
        assert (float(row["seconds"]), float(row["speed_px"])) == (picture["seconds"], picture["speed"])
        for name, metric in METRICS.items():
            value = picture["metrics"][name]
            assert row[f"{name}_{titles[metric.unit]}"] == ("" if value is None else repr(value))
        assert len(row) == 7 + len(METRICS)
    assert rows[0]["epe_s40_px"] == ""


def test_what_is_printed(run: Any, sintel: Path) -> None:
    done = run("eval", "sintel-clean", sintel, "--protocol", "raft", "--csv", "all.csv", "--model", *THREE)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    described = get_protocol("raft").describe("sintel-clean")
    assert lines[: len(described)] == described
    assert lines[len(described)] == f"data: sintel-clean, split train, 3 pairs, {sintel}"
    assert hashlib.sha256(MODELS[LITE].read_bytes()).hexdigest() in done.out
    assert f"OpenCV {cv2.__version__}" in done.out
    start = next(index for index, line in enumerate(lines) if line.split() == list(THREE))
    shown = [line[:17].rstrip() for line in lines[start:]]
    for title in ("EPE", "Fl-all", "WAUC", "Angle", "EPE matched", "Fl-unmatched", "EPE s0-10", "pairs per second"):
        assert title in shown
    assert not any("bg" in title or "s40+" in title for title in shown)  # no mask, no such pixel
    assert max(map(len, lines[start:])) <= WIDTH
    assert lines[-1] == "written to all.csv"


def some_run(model: str, epe: float, wauc: float, records: int = 1) -> Run:
    cells = {"epe": Cell(epe, 1), "wauc": Cell(wauc, 1), "epe_s40": Cell(0.0, 0)}
    record = Record("a", 8, 12, 0.5, 1.0, Scores(cells))
    return Run(model, {}, get_protocol("mmflow").rules("sintel-clean"), [record] * records)


def test_table() -> None:
    runs = [some_run("first", 2, 0.25), some_run("other/second.safetensors", 1, 0.5), some_run("third", 1, 0.125)]
    assert list(table(runs, "sintel-clean", 1)) == [
        "                        first   second    third",
        "",
        "EPE               px  2.000    1.000 *  1.000 *",
        "WAUC              %   25.00    50.00 *  12.50",
        "",
        "pairs                     1        1        1",
        "pairs per second       2.00     2.00     2.00",
    ]


def test_one_model_has_no_best() -> None:
    assert "*" not in "\n".join(table([some_run("first", 2, 0.25)], "sintel-clean", 1))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_column_titles(count: int) -> None:
    long = [f"runs/flownet2_8x1_{'x' * 60}_{number}.pth" for number in range(count)]
    titles = column_titles(long)
    assert len(set(titles)) == count
    lines = list(table([some_run(model, 1, 1) for model in long], "sintel-clean", 1))
    assert max(map(len, lines)) <= WIDTH
    assert all("flownet2_8x1" in title for title in titles) or count > 2


def test_same_names_in_other_folders() -> None:
    assert column_titles(["a/model.pth", "b/model.pth"]) == ["1: model", "2: model"]


def test_limit(run: Any, kitti: Path) -> None:
    done = run("eval", "kitti2015", kitti, "--limit", 2, "--json", "all.json", "--model", "zero")
    assert done.code == 0
    assert f"PARTIAL: the first 2 of 3 pairs, {kitti}" in done.out
    content = read_json("all.json")
    assert (content["partial"], content["dataset"]["pairs"], content["dataset"]["pairs_of_split"]) == (True, 2, 3)
    assert [picture["name"] for picture in content["runs"][0]["pictures"]] == ["000000_10", "000001_10"]


def test_a_failed_pair(run: Any, kitti: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = kitti / "training" / "image_2" / "000001_11.png"
    whole = picture.read_bytes()
    picture.write_bytes(b"no picture")
    words = ("eval", "kitti2015", kitti, "--json", "all.json", "--model", LITE, "zero")
    done = run(*words)
    assert done.code == 1
    assert done.err.count(f"{picture}") == 2
    assert f"error: {LITE}: 000001_10: {picture}" in done.err
    assert f"INCOMPLETE: {LITE} has no result of 1 of 3 pairs" in done.out
    assert done.out.count("2 of 3 !") == 2
    for one in read_json("all.json")["runs"]:
        assert [failure["name"] for failure in one["failed"]] == ["000001_10"]
        assert str(picture) in one["failed"][0]["error"]
        assert [found["name"] for found in one["pictures"]] == ["000000_10", "000002_10"]
    assert len(journals(home)) == 2
    picture.write_bytes(whole)
    calls = counted_calls(monkeypatch)
    done = run(*words)
    assert (done.code, done.err, len(calls)) == (0, "", 1)
    assert done.out.count("2 of 3 pairs were there already") == 2
    names = [found["name"] for found in read_json("all.json")["runs"][0]["pictures"]]
    assert names == ["000000_10", "000001_10", "000002_10"]
    assert journals(home) == []


def counted_calls(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for every call of a network from now on."""
    calls: list[None] = []
    real = flownet2.FlowEstimator.__call__

    def counting(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(None)
        return real(self, *args, **options)

    monkeypatch.setattr(flownet2.FlowEstimator, "__call__", counting)
    return calls


def test_all_pairs_failed(run: Any, kitti: Path) -> None:
    for picture in (kitti / "training" / "image_2").iterdir():
        picture.write_bytes(b"")
    done = run("eval", "kitti2015", kitti, "--json", "all.json", "--csv", "all.csv", "--model", "zero")
    assert done.code == 1
    assert "0 of 3 !" in done.out
    assert read_json("all.json")["runs"][0]["metrics"] == {}


def test_several_model_files(run: Any, kitti: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(MODELS[LITE])
    write_model(
        tmp_path / "mine.safetensors", replace(model, parameters={k: v / 2 for k, v in model.parameters.items()})
    )
    alive: list[Any] = []
    real = _options.load

    def noting(*args: Any, **options: Any) -> Any:
        assert not any(ref() for ref in alive), "the model before is still in memory"
        model = real(*args, **options)
        alive.append(weakref.ref(model))
        return model

    monkeypatch.setattr(_options, "load", noting)
    words = ("--json", "all.json", "--precision", "bfloat16", "--model", LITE, "mine.safetensors")
    assert run("eval", "kitti2015", kitti, *words).code == 0
    one, two = read_json("all.json")["runs"]
    mine = hashlib.sha256(Path("mine.safetensors").read_bytes()).hexdigest()
    assert one["sha256"] != two["sha256"] == mine
    assert one["precision"] == two["precision"] == "bfloat16"
    assert one["metrics"]["epe"] != two["metrics"]["epe"]
    assert len(alive) == 2


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for every model that is loaded."""
    found: list[None] = []
    real = _options.load

    def noting(*args: Any, **options: Any) -> Any:
        found.append(None)
        return real(*args, **options)

    monkeypatch.setattr(_options, "load", noting)
    return found


def test_report(run: Any, kitti: Path, monkeypatch: pytest.MonkeyPatch, loads: list[None]) -> None:
    told: dict[str, Any] = {}

    def write_report(path: str, **given: Any) -> None:
        pairs = given["dataset"].pairs[1:]
        told.update(given, path=path, flows=[given["flow_of"](index, pair) for pair in pairs for index in (0, 1)])

    stand_in = types.SimpleNamespace(write_report=write_report, pictures_shown=lambda runs: 2 * len(runs))
    shown = types.SimpleNamespace(
        picks=lambda runs: [types.SimpleNamespace(name=record.name) for record in runs[0].records[1:]]
    )
    monkeypatch.setitem(sys.modules, "flownet2.report", stand_in)
    monkeypatch.setitem(sys.modules, "flownet2.report.picks", shown)
    words = ("--report", "out.html", "--json", "all.json", "--progress", "--model", LITE, "zero")
    done = run("eval", "kitti2015", kitti, *words)
    assert done.code == 0
    assert "report: 100%" in done.err
    assert "4/4" in done.err
    assert "written to out.html" in done.out
    assert told["path"] == "out.html"
    assert (told["dataset"].name, told["protocol"].name) == ("kitti2015", "mmflow")
    assert [one.model for one in told["runs"]] == [LITE, "zero"]
    content = read_json("all.json")
    created = datetime.datetime.fromisoformat(content["created"])
    assert told["created"] == f"{created:%Y-%m-%d %H:%M %Z}"
    assert told["machine"] == content["machine"]
    for pair, flow in zip(open_dataset("kitti2015", kitti).pairs[1:], told["flows"][::2], strict=True):
        np.testing.assert_array_equal(flow, flownet2.load()(*pair.pictures(), size_rule="resize"))
    for flow in told["flows"][1::2]:
        assert flow.shape == (trees.HEIGHT, trees.WIDTH, 2)
        assert not flow.any()
    assert len(loads) == 2  # to evaluate, and for all pictures of the report


def test_progress(run: Any, kitti: Path) -> None:
    done = run("eval", "kitti2015", kitti, "--progress", "--json", "all.json", "--model", "zero")
    assert done.code == 0
    value = read_json("all.json")["runs"][0]["metrics"]["epe"]["value"]
    assert "zero: 100%" in done.err
    assert f"EPE {value:.3f} px" in done.err
    assert "3/3" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sintel", "ROOT"), "sintel-clean"),
        (("kitti2015", "ROOT", "--protocol", "mine"), "ptlflow"),
        (("kitti2015", "ROOT", "--split", "val"), "has no split 'val'; it has train, test"),
        (("kitti2015", "ROOT", "--split", "test"), "3 of 3 pairs .* no true flow .* flownet2 submit"),
        (("kitti2015", "ROOT", "--limit", "0"), "whole number from 1"),
        (("kitti2015", "ROOT", "--model", "zero", "zero"), "same model"),
        (("kitti2015", "ROOT", "--model", "m.pth", "./m.pth"), "same model"),
        (("kitti2015", "ROOT", "--csv", "a", "--json", "./a"), "written twice: for --csv and for --json"),
        (("kitti2015", "ROOT", "--model", "m.pth", "--json", "m.pth"), "is an input"),
        (("kitti2015",), "ROOT"),
    ],
)
def test_wrong_usage(run: Any, kitti: Path, words: tuple[str, ...], message: str) -> None:
    Path("m.pth").write_bytes(b"")
    done = run("eval", *(kitti if word == "ROOT" else word for word in words))
    assert (done.code, done.out) == (2, "")
    assert re.search(message, done.err.replace("\n", " "))


def test_a_model_that_is_not_there_is_found_before_any_work(run: Any, kitti: Path, home: Path) -> None:
    done = run("eval", "kitti2015", kitti, "--model", "zero", "absent.pth")
    assert (done.code, done.out) == (1, "")
    assert "absent.pth: No such file" in done.err
    assert journals(home) == []


def test_a_folder_that_is_no_data_set(run: Any, tmp_path: Path) -> None:
    done = run("eval", "kitti2015", tmp_path / "nothing")
    assert (done.code, done.out) == (1, "")
    assert "nothing" in done.err


def test_examples_are_valid() -> None:
    text = command.EXAMPLES.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("flownet2 eval")]
    assert len(lines) == 6
    for line in lines:
        args = build_parser().parse_args(shlex.split(line)[1:])
        assert args.run is command.run
