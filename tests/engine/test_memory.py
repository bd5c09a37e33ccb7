# SPDX-License-Identifier: Apache-2.0
"""What a full-width FlowNetS (155 MB of weights) costs a process: little more than itself, and nothing once deleted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cases.counting import CountingParameters
from cases.networks import PARITY, state_dict
from flownet2.weights import Model, import_checkpoint, load_model, write_model

LARGEST = 4 * 1024 * 1024 * 9
"""Bytes of FlowNetS's largest tensor, conv6_1's weight."""
WEIGHTS = 4 * 38_676_504
MARGIN = 12 << 20
"""What Python and malloc take beside."""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's /proc")


@pytest.fixture(scope="module")
def model() -> Model:
    return import_checkpoint(PARITY / "manifest.json", {"state_dict": state_dict("flownets")}, "flownets")


def child(task: str, file: Path, precision: str) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, *(["-S"] if sys.flags.no_site else [])]
    done = subprocess.run(
        [*command, str(Path(__file__).with_name("memory_child.py")), task, str(file), precision],
        env={**os.environ, "PYTHONPATH": path, "FLOWNET2_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("dtype", "precision"),
    [("float32", "float32"), ("float16", "float32"), ("bfloat16", "float32"), ("bfloat16", "bfloat16")],
)
def test_loading_adds_two_tensors_and_nothing_is_left(dtype: str, precision: str, model: Model, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    write_model(file, model, dtype)
    found = child("measure", file, precision)
    weights = WEIGHTS if precision == "float32" else WEIGHTS // 2
    assert weights <= found["packed"] <= 1.1 * weights
    assert found["loaded"] - found["start"] >= 0.95 * found["packed"]  # it is really there, and not yet shared or lazy
    assert found["peak"] - found["start"] <= found["packed"] + 2 * LARGEST + MARGIN < found["packed"] + WEIGHTS
    assert found["end"] - found["start"] <= 50e6


def test_too_little_address_space(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    write_model(file, model)
    found = child("limit", file, "float32")
    assert len(found["messages"]) >= 3
    for text in found["messages"]:
        assert re.search(r"no memory for (the )?[1-9]\d{3,} bytes", text), text
        assert "flownets." in text
    assert found["same"]


def test_writing_takes_one_tensor_at_a_time(model: Model, tmp_path: Path) -> None:
    for dtype in ("float32", "float16", "bfloat16"):
        counting = CountingParameters(model.parameters)
        write_model(tmp_path / "model.safetensors", Model(model.graph, counting, model.preprocess), dtype)
        assert sorted(counting.asked) == sorted(model.graph.parameters)
        assert counting.most <= 2
        assert load_model(tmp_path / "model.safetensors").stored == dtype
