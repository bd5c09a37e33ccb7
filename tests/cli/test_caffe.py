# SPDX-License-Identifier: Apache-2.0
"""A thin network from the authors' file to a checked model file: `convert`, `info`, `check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cases import caffe
from flownet2.cli.convert import recognised
from flownet2.networks import build_network
from flownet2.preprocess import Preprocess
from flownet2.weights import Model, load_model
from flownet2.zoo import load_catalogue

NAME = "flownet2ss-thin-caffe"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FlowNet2-ss, under the name that it is published by."""
    path = tmp_path_factory.mktemp("authors") / "FlowNet2-ss_weights.caffemodel"
    caffe.write_caffemodel(path, caffe.layers("flownet2ss-thin"))
    return path


def test_from_the_authors_file_to_a_checked_model(run: Any, original: Path) -> None:
    code, out, err = run("convert", original, "-o", "ss.safetensors", "--bfloat16")
    assert (code, err) == (0, "")
    data = load_catalogue()[NAME].training_data
    for text in ("FlowNet2-ss (flownet2ss-thin)", "research only", data, f"{NAME}, by the name of the file"):
        assert text in out
    assert "px on average" in out  # bfloat16 loses something
    content = json.loads(run("info", "ss.safetensors", "--json").out)
    assert content["info"]["training_data"] == data
    assert content["self_check"] is not None
    code, out, _ = run("check", "ss.safetensors")
    assert (code, out.count("FAILED")) == (0, 0), out


def test_what_the_user_says_goes_first(run: Any, original: Path) -> None:
    run("convert", original, "-o", "ss.safetensors", "--training-data", "my own", "--license", "CC0-1.0")
    info = load_model("ss.safetensors").info
    assert (info["training_data"], info["license"]) == ("my own", "CC0-1.0")


def test_what_nobody_has_verified_is_told() -> None:
    model = Model(build_network("flownets"), {}, Preprocess(), {"verified": "false", "note": "taken as another"})
    assert {("verified", "false"), ("note", "taken as another")} <= set(recognised(model))


def test_another_name_says_nothing(run: Any, original: Path) -> None:
    copy = Path("FlowNet2-SS.caffemodel")
    copy.symlink_to(original)
    assert "catalogue" not in run("convert", copy, "-o", "ss.safetensors").out
    assert "training_data" not in load_model("ss.safetensors").info
