# SPDX-License-Identifier: Apache-2.0
"""Pictures of flow against flow_vis's stored ones, and what it gets wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from flownet2.errors import InputError, UnavailableError
from flownet2.metrics import fl_all
from flownet2.viz import color_wheel_legend, error_map, flow_to_color, max_speed, with_legend

# flow and color of flow_vis 0.1, computed with NumPy 2.
FLOW_VIS = Path(__file__).parent / "data" / "flow_vis.npz"


@pytest.fixture(scope="module")
def flow_vis() -> dict[str, np.ndarray]:
    with np.load(FLOW_VIS) as file:
        return dict(file)


def row(*vectors: tuple[float, float]) -> np.ndarray:
    return np.array([vectors], np.float32)


def test_equal_to_flow_vis(flow_vis: dict[str, np.ndarray]) -> None:
    color = flow_to_color(flow_vis["flow"])
    assert color.dtype == np.uint8
    assert (color == flow_vis["color"]).all()


def test_fixed_scale_at_the_maximum_changes_nothing(flow_vis: dict[str, np.ndarray]) -> None:
    flow = flow_vis["flow"]
    assert (flow_to_color(flow, max_speed(flow)) == flow_vis["color"]).all()


@pytest.mark.parametrize(
    ("vector", "color"),
    [((1, 0), (255, 0, 0)), ((-1, 0), (0, 209, 255)), ((0, 1), (255, 229, 0)), ((0, -1), (88, 0, 255))],
    ids=["right", "left", "down", "up"],
)
def test_directions_on_the_rim(vector: tuple[float, float], color: tuple[int, int, int]) -> None:
    got = flow_to_color(row(vector), 1.0)[0, 0].astype(int)
    assert np.abs(got - color).max() <= 1


def test_standing_still_is_white_and_speed_saturates() -> None:
    color = flow_to_color(row((0, 0), (2, 0), (4, 0)), 4.0)[0].astype(int)
    assert color[0].tolist() == [255, 255, 255]
    assert np.abs(color[1] - [255, 127, 127]).max() <= 1
    assert np.abs(color[2] - [255, 0, 0]).max() <= 1


def test_beyond_the_scale_hue_stays_and_darkens() -> None:
    flow = row((3, 3), (6, 6), (60, 60), (-6, -6), (-60, -60))
    inside, *beyond = flow_to_color(flow, float(np.hypot(3, 3)))[0].astype(int)
    assert np.abs(beyond[0] - 0.75 * inside).max() <= 1
    assert (beyond[0] == beyond[1]).all()
    # Negative components keep their direction (flow_vis clips them to 0).
    assert (beyond[2] == beyond[3]).all()
    assert np.abs(beyond[0] - beyond[2]).max() > 100


def test_noise_of_a_scene_at_rest_stays_pale() -> None:
    noise = np.random.RandomState(0).uniform(-1e-3, 1e-3, (8, 8, 2)).astype(np.float32)
    assert flow_to_color(noise).min() >= 254
    assert flow_to_color(np.zeros((3, 3, 2), np.float32)).min() == 255


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf, 2e9])
def test_unknown_pixels_are_black_and_do_not_set_the_scale(unknown: float) -> None:
    flow = row((4, 0), (0, unknown), (unknown, 0), (2, 0))
    color = flow_to_color(flow)
    assert color[0, 1:3].max() == 0
    assert (color[:, [0, 3]] == flow_to_color(flow[:, [0, 3]])).all()
    assert flow_to_color(flow[:, 1:3]).max() == 0


def test_mask() -> None:
    flow = row((4, 0), (2, 0))
    color = flow_to_color(flow, valid=[[False, True]])
    assert color[0, 0].tolist() == [0, 0, 0]
    assert (color[:, 1:] == flow_to_color(flow[:, 1:])).all()
    assert max_speed(flow, [[0, 1]]) == 2.0
    assert max_speed(flow) == 4.0


def test_max_speed_has_a_floor() -> None:
    assert max_speed(np.zeros((2, 2, 2), np.float32)) == 0.5
    assert max_speed(np.full((2, 2, 2), np.nan, np.float32)) == 0.5


def test_memory_layout_does_not_matter(flow_vis: dict[str, np.ndarray]) -> None:
    flow, color = flow_vis["flow"], flow_vis["color"]
    assert (flow_to_color(np.asfortranarray(flow)) == color).all()
    assert (flow_to_color(flow[::-1, ::-1]) == color[::-1, ::-1]).all()
    assert (flow_to_color(flow.astype(np.float64)) == color).all()


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_wrong_scale(scale: float) -> None:
    message = "max_flow must be a positive number of pixels"
    with pytest.raises(InputError, match=message):
        flow_to_color(row((1, 1)), scale)
    with pytest.raises(InputError, match=message):
        color_wheel_legend(64, scale)
    with pytest.raises(InputError, match=message):
        with_legend(np.zeros((8, 8, 3), np.uint8), scale)


def test_wrong_arrays() -> None:
    with pytest.raises(InputError, match=r"flow must have shape \(H, W, 2\), got \(1, 4, 5, 2\)"):
        flow_to_color(np.zeros((1, 4, 5, 2), np.float32))
    with pytest.raises(InputError, match=r"valid must have shape \(4, 5\)"):
        flow_to_color(np.zeros((4, 5, 2), np.float32), valid=np.ones((5, 4), bool))
    with pytest.raises(InputError, match=r"picture must be uint8 \(H, W, 3\), got float64 \(4, 5, 3\)"):
        with_legend(np.zeros((4, 5, 3)), 1.0)
    with pytest.raises(InputError, match="size must be at least 32 pixels, got 31"):
        color_wheel_legend(31)


@pytest.mark.parametrize("size", [32, 45, 64, 200])
def test_legend_shows_the_colours_of_flow_to_color(size: int) -> None:
    wheel = color_wheel_legend(size)
    assert wheel.shape == (size, size, 3)
    assert (wheel[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    radius = (size - 2 * round(size * 0.04)) / 2
    axis = (np.arange(size) + 0.5 - size / 2) / radius
    flow = np.stack(np.meshgrid(axis, axis), axis=-1)
    # Away from the white centre and the soft edge, where neighbours differ by more than a pixel's mean.
    length = np.hypot(flow[..., 0], flow[..., 1])
    ring = (length > 0.4) & (length < 0.85)
    difference = np.abs(wheel.astype(int) - flow_to_color(flow, 1.0))[ring]
    assert difference.mean() < 3


@pytest.mark.parametrize("size", [32, 45, 64, 200])
@pytest.mark.parametrize("max_flow", [0.5, 8.4213, 123456.0])
def test_legend_with_a_scale_has_rings_and_a_caption(size: int, max_flow: float) -> None:
    legend = color_wheel_legend(size, max_flow)
    assert legend.shape == (size, size, 3)
    caption = legend[-max(size // 8, 2) :]
    assert caption.min() < 120
    assert legend[:, 0].min() == 255
    assert legend[:, -1].min() == 255


def test_legend_over_a_picture() -> None:
    picture = np.full((240, 320, 3), 9, np.uint8)
    result = with_legend(picture, 5.0)
    assert picture.max() == 9
    changed = (result != 9).any(axis=2)
    rows, columns = np.nonzero(changed)
    side = round(240 * 0.32)
    assert rows.min() >= 240 - side - 8
    assert columns.min() >= 320 - side - 8
    assert changed.mean() > 0.05
    # The corner itself keeps the picture: the panel is round there and stands off the edge.
    assert result[-1, -1].tolist() == [9, 9, 9]


@pytest.mark.parametrize("shape", [(63, 200, 3), (1, 1, 3)])
def test_picture_too_small_for_a_legend_comes_back(shape: tuple[int, ...]) -> None:
    picture = np.full(shape, 9, np.uint8)
    result = with_legend(picture, 5.0)
    assert (result == picture).all()
    assert result is not picture


def test_smallest_picture_with_a_legend() -> None:
    assert with_legend(np.zeros((64, 64, 3), np.uint8), 5.0).max() == 255


def test_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert color_wheel_legend(32).shape == (32, 32, 3)
    with pytest.raises(UnavailableError, match=r'A legend with numbers needs OpenCV: pip install "flownet2\[cli\]"'):
        color_wheel_legend(32, 5.0)


@pytest.mark.parametrize(
    ("error_px", "color"),
    [
        (0.0, (49, 54, 149)),
        (0.1875, (49, 54, 149)),
        (0.19, (69, 117, 180)),
        (0.5, (116, 173, 209)),
        (1.0, (171, 217, 233)),
        (3.0, (224, 243, 248)),
        (3.01, (254, 224, 144)),
        (7.0, (253, 174, 97)),
        (13.0, (244, 109, 67)),
        (25.0, (215, 48, 39)),
        (49.0, (165, 0, 38)),
        (np.nan, (165, 0, 38)),
        (np.inf, (165, 0, 38)),
    ],
)
def test_error_steps(error_px: float, color: tuple[int, int, int]) -> None:
    assert error_map(row((1, error_px)), row((1, 0)))[0, 0].tolist() == list(color)


def test_error_is_relative_to_long_vectors() -> None:
    # 4 px of 1000 are 0.4 %, 0.08 of the threshold of 5 %.
    assert error_map(row((1004, 0)), row((1000, 0)))[0, 0].tolist() == [69, 117, 180]
    assert error_map(row((0, 0)), row((0, 0)))[0, 0].tolist() == [49, 54, 149]


def test_warm_colours_are_the_outliers_of_fl() -> None:
    rng = np.random.RandomState(6)
    gt = rng.uniform(-90, 90, (40, 50, 2)).astype(np.float32)
    noisy = gt + rng.normal(0, 4, gt.shape).astype(np.float32)
    picture = error_map(noisy, gt).astype(int)
    warm = picture[..., 0] > picture[..., 2]
    assert 100 * warm.mean() == pytest.approx(fl_all(noisy, gt))
    assert 5 < fl_all(noisy, gt) < 95


@pytest.mark.parametrize("unknown", [np.nan, 1e10])
def test_error_map_is_black_where_unknown(unknown: float) -> None:
    picture = error_map(row((1, 0), (1, 0), (1, 0)), row((1, 0), (unknown, 0), (1, 0)), [[True, True, False]])
    assert picture[0].tolist() == [[49, 54, 149], [0, 0, 0], [0, 0, 0]]


def test_error_map_wrong_arrays() -> None:
    with pytest.raises(InputError, match="flow and gt must have one shape"):
        error_map(np.zeros((2, 3, 2), np.float32), np.zeros((3, 2, 2), np.float32))
    with pytest.raises(InputError, match="gt must have shape"):
        error_map(np.zeros((2, 3, 2), np.float32), np.zeros((2, 3), np.float32))
