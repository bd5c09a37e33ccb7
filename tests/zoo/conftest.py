# SPDX-License-Identifier: Apache-2.0
"""A small checkpoint, a server that has it, a catalogue that lists it, and an empty home folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flownet2 import zoo
from flownet2.builtin import MODELS
from flownet2.cli import main
from flownet2.weights import load_model
from weights.builders import state_dict
from zoo.samples import FREE, RESEARCH, row
from zoo.server import Server, serving


@pytest.fixture(scope="session")
def checkpoint() -> bytes:
    """The built-in network's weights as a torch checkpoint: 5 MB."""
    weights = load_model(MODELS["flownet2-lite"]).parameters
    return state_dict({name: np.asarray(value) for name, value in weights.items()})


@pytest.fixture
def server(checkpoint: bytes) -> Iterator[Server]:
    """Serves it as /tiny.pth."""
    with serving() as running:
        running.files["/tiny.pth"] = checkpoint
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder, not there yet; no pause between tries."""
    for name in (
        "FLOWNET2_CATALOGUE",
        "FLOWNET2_OFFLINE",
        "FLOWNET2_AUTO_DOWNLOAD",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLOWNET2_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("flownet2.zoo.transfer._PAUSE_S", 0)
    return tmp_path / "home"


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., Path]:
    """Writes the catalogue of these rows, which is then the one in use."""

    def write(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "catalogue.json"
        content = {"format": "flownet2 catalogue 1", "licenses": {"free": FREE, "research": RESEARCH}}
        path.write_text(json.dumps(content | {"models": list(rows)}))
        monkeypatch.setenv("FLOWNET2_CATALOGUE", str(path))
        return path

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """A command line in this process: its exit code, what it printed, what it complained of."""

    def run_command(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return (code, *capsys.readouterr())

    return run_command


@pytest.fixture
def tiny(server: Server, catalogue: Callable[..., Path]) -> Callable[..., zoo.Entry]:
    """The entry of the small checkpoint on the server, with other values for some fields."""

    def entry(**fields: Any) -> zoo.Entry:
        fields["urls"] = [
            server.url(path) if path.startswith("/") else path for path in fields.get("urls", ["/tiny.pth"])
        ]
        catalogue(row(**fields))
        return zoo.load_catalogue()["tiny"]

    return entry
