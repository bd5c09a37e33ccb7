# SPDX-License-Identifier: Apache-2.0
"""Rows of a catalogue, and what a download must have left behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from flownet2 import zoo
from flownet2.builtin import MODELS
from flownet2.probe import probe_flow
from flownet2.weights import load_model

FREE = {"title": "Free", "research_only": False, "terms": "Do as you like.", "source": "https://example.org/free"}
RESEARCH = {"title": "Research", "research_only": True, "terms": "No business.", "source": "https://example.org/terms"}


def row(**fields: Any) -> dict[str, Any]:
    """One model of a catalogue: the small checkpoint, with other values for some fields."""
    standard = {
        "name": "tiny",
        "title": "Tiny",
        "network": "flownet2-lite",
        "origin": "flownet2",
        "training_data": "nothing",
        "license": "free",
        "file": "tiny.pth",
        "member": None,
        "urls": ["http://127.0.0.1:1/tiny.pth"],
        "page": "https://example.org/page",
        "sha256": None,
        "sha256_prefix": None,
        "megabytes": None,
        "published": {},
        "published_source": None,
        "note": None,
    }
    return standard | fields


def left_over(home: Path) -> list[str]:
    """Names of the files in the downloads folder."""
    return sorted(path.name for path in (home / "downloads").iterdir())


def assert_installed(home: Path, checkpoint: bytes) -> None:
    path = home / "models" / "tiny.safetensors"
    model, original = load_model(path), load_model(MODELS["flownet2-lite"])
    assert all(np.array_equal(model.parameters[name], value) for name, value in original.parameters.items())
    assert model.probe is not None
    assert np.array_equal(probe_flow(model), model.probe.flow)
    digest = hashlib.sha256(checkpoint).hexdigest()
    assert model.info["source_sha256"] == digest
    assert json.loads((home / "models" / "tiny.json").read_text())["sha256"] == digest
    assert left_over(home) == []


class Notes(zoo.Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.done: list[tuple[int, int | None]] = []

    def note(self, text: str) -> None:
        self.texts.append(text)

    def progress(self, done: int, total: int | None) -> None:
        self.done.append((done, total))
