# SPDX-License-Identifier: Apache-2.0
"""The files inside the package: the built-in network and the demo pair."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"

MODELS = {"flownet2-lite": DATA / "flownet2-lite.safetensors"}
"""Names that need no path."""

DEMO_FRAME1 = DATA / "demo" / "frame_0001.png"
DEMO_FRAME2 = DATA / "demo" / "frame_0002.png"
DEMO_FLOW = DATA / "demo" / "frame_0001.flo"
