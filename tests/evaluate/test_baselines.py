# SPDX-License-Identifier: Apache-2.0
"""What networks are compared with, and where files are kept."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from flownet2.baselines import BASELINES, dis, farneback, set_baseline_threads
from flownet2.errors import InputError, UnavailableError
from flownet2.home import home_folder

MOVED_PX = (5, -3)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture, moved 5 px to the right and 3 px up."""
    noise = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    first = cv2.GaussianBlur(noise, (0, 0), 2)
    first = cv2.normalize(first, None, 0, 255, cv2.NORM_MINMAX)
    return first, np.roll(first, MOVED_PX[::-1], axis=(0, 1))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(("name", "expected"), [("zero", (0, 0)), ("dis", MOVED_PX), ("farneback", MOVED_PX)])
def test_flow(name: str, expected: tuple[float, float], depth: type, pair: tuple[np.ndarray, np.ndarray]) -> None:
    pictures = [picture.astype(depth) * (257 if depth is np.uint16 else 1) for picture in pair]
    flow = BASELINES[name]()(*pictures, size_rule="pad")
    assert (flow.shape, flow.dtype) == ((96, 128, 2), np.float32)
    assert flow.flags.c_contiguous
    np.testing.assert_allclose(flow[30:-30, 30:-30].mean(axis=(0, 1)), expected, atol=0.3)


def test_parameters(pair: tuple[np.ndarray, np.ndarray]) -> None:
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pair]
    tutorial = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    np.testing.assert_array_equal(farneback()(*pair), tutorial)
    medium = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*grey, None)
    np.testing.assert_array_equal(dis()(*pair), medium)


def test_facts() -> None:
    set_baseline_threads(1)
    try:
        assert dis().facts == {
            "method": "DIS",
            "settings": {"preset": "medium"},
            "opencv": cv2.__version__,
            "threads": 1,
        }
    finally:
        set_baseline_threads(-1)


def test_what_opencv_refuses() -> None:
    tiny = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match="DIS refuses pictures of 4x4"):
        dis()(tiny, tiny)


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("FLOWNET2_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert home_folder() == tmp_path / "user" / ".cache" / "flownet2"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert home_folder() == tmp_path / "user" / ".cache" / "flownet2"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert home_folder() == tmp_path / "cache" / "flownet2"
    monkeypatch.setenv("FLOWNET2_HOME", str(tmp_path / "own"))
    assert home_folder() == tmp_path / "own"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOWNET2_HOME", "here")
    assert home_folder() == tmp_path / "here"


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWNET2_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def none() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", none)
    with pytest.raises(UnavailableError, match="no home; set FLOWNET2_HOME"):
        home_folder()
