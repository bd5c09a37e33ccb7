# SPDX-License-Identifier: Apache-2.0
"""Arrows on pictures, differences in steps of ten, scales of colours, pages."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from flownet2.errors import InputError, UnavailableError
from flownet2.viz import (
    arrow_scale,
    difference_map,
    difference_steps,
    draw_arrows,
    error_map,
    error_steps,
    flow_to_color,
    side_by_side,
    with_legend,
    with_scale,
)

GREY = (90, 100, 110)


def canvas(height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def uniform(u: float, v: float, height: int = 60, width: int = 80) -> np.ndarray:
    return np.broadcast_to(np.float32([u, v]), (height, width, 2)).copy()


def drawn(picture: np.ndarray) -> np.ndarray:
    """Where it is another one than the canvas, faint edges apart."""
    return (np.abs(picture.astype(int) - GREY) > 30).any(axis=-1)


def one_arrow(u: float, v: float, **options: float) -> np.ndarray:
    """An arrow that begins at x 40, y 30 of 60x80 pixels."""
    valid = np.zeros((60, 80), bool)
    valid[30, 40] = True
    return draw_arrows(canvas(), uniform(u, v), valid, step=20, **options)  # type: ignore[arg-type]


@pytest.fixture
def at_30_40(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flownet2.viz.arrows._axis", lambda size, step: np.array([size // 2]))


@pytest.mark.usefixtures("at_30_40")
@pytest.mark.parametrize(("u", "v"), [(10, 0), (-10, 0), (0, 10), (0, -10), (6, -8)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_an_arrow_leads_from_its_pixel_to_where_it_goes(u: float, v: float, scale: float) -> None:
    picture = one_arrow(u, v, scale=scale)
    y, x = np.nonzero(drawn(picture))
    along = ((x - 40) * u + (y - 30) * v) / 10
    across = ((x - 40) * -v + (y - 30) * u) / 10
    # The edge around an arrow is about a pixel wide.
    assert -2.5 <= along.min() <= 0
    assert 10 * scale - 0.5 <= along.max() <= 10 * scale + 2.5
    assert np.abs(across).max() <= 5
    # The head is at the far end: it is the wider one.
    widths = [np.ptp(across[np.abs(along - place) < 1]) for place in (2, 10 * scale - 4)]
    assert widths[0] < widths[1]
    # Light inside, dark around.
    assert tuple(picture[round(30 + v * scale * 0.7), round(40 + u * scale * 0.7)]) == (255, 255, 255)
    assert picture.min() < 60


@pytest.mark.usefixtures("at_30_40")
def test_an_arrow_has_two_barbs() -> None:
    picture = one_arrow(24, 0, scale=1).astype(int)
    # OpenCV's soft edges are not quite the same above and below.
    assert np.abs(picture[22:30][::-1] - picture[31:39]).max() <= 60


@pytest.mark.usefixtures("at_30_40")
def test_what_is_at_rest_is_a_dot() -> None:
    y, x = np.nonzero(drawn(one_arrow(0, 0, scale=1)))
    assert (np.hypot(x - 40, y - 30) <= 4).all()
    assert len(x) > 3


def test_arrows_are_as_many_as_fit() -> None:
    flow = uniform(0, 0)
    picture = draw_arrows(canvas(), flow, step=20, scale=1)
    inked = [(y, x) for y in range(60) for x in range(80) if tuple(picture[y, x]) == (255, 255, 255)]
    cells = {(y // 20, x // 20) for y, x in inked}
    assert cells == {(row, column) for row in range(3) for column in range(4)}
    # Centred: as far from one border as from the other.
    rows = [y for y, _ in inked]
    assert abs(min(rows) - (59 - max(rows))) <= 2


def test_unknown_pixels_have_no_arrow() -> None:
    flow = uniform(8, 0)
    flow[:, :40] = np.nan
    valid = np.ones((60, 80), bool)
    valid[:30] = False
    marks = drawn(draw_arrows(canvas(), flow, valid, step=10, scale=1))
    assert not marks[:, :40].any()
    assert not marks[:28].any()
    assert marks[30:, 40:].any()
    nothing = draw_arrows(canvas(), flow, np.zeros((60, 80), bool))
    assert not drawn(nothing).any()


def test_arrows_leave_their_arguments_alone() -> None:
    picture, flow = canvas(), uniform(5, 5)
    draw_arrows(picture, flow, step=10)
    assert not drawn(picture).any()
    assert (flow == 5).all()


def test_arrows_can_be_read_on_any_picture() -> None:
    for shade in (0, 128, 255):
        picture = draw_arrows(np.full((60, 80, 3), shade, np.uint8), uniform(12, 0), step=20, scale=1)
        assert picture.max() - int(picture.min()) > 180


@pytest.mark.parametrize(("speed", "scale"), [(18, 1), (17, 1), (9, 2), (1.8, 10), (180, 0.1), (0.01, 30), (0, 30)])
def test_the_automatic_scale(speed: float, scale: float) -> None:
    flow = uniform(0, -speed)
    assert arrow_scale(flow, step=20) == pytest.approx(scale)
    assert (draw_arrows(canvas(), flow, step=20) == draw_arrows(canvas(), flow, step=20, scale=scale)).all()


def test_a_few_wild_vectors_do_not_set_the_scale() -> None:
    flow = uniform(1.8, 0, 400, 400)
    flow[200:220, 200:220] = 1e8
    assert arrow_scale(flow, step=20) == pytest.approx(10)
    assert draw_arrows(np.zeros((400, 400, 3), np.uint8), flow, step=20).max() == 255


def test_steps() -> None:
    flow = uniform(1, 0, 300, 400)
    assert arrow_scale(flow) == arrow_scale(flow, step=20)
    assert drawn(draw_arrows(canvas(1, 1), uniform(0, 0, 1, 1))).all()


def test_wrong_arrows() -> None:
    with pytest.raises(InputError, match=r"picture must be uint8 \(60, 80, 3\), as the flow, got uint8 \(50, 80, 3\)"):
        draw_arrows(canvas(50), uniform(1, 1))
    with pytest.raises(InputError, match="step must be at least 2 pixels, got 1"):
        draw_arrows(canvas(), uniform(1, 1), step=1)
    with pytest.raises(InputError, match="scale must be a positive number, got 0"):
        draw_arrows(canvas(), uniform(1, 1), scale=0)
    with pytest.raises(InputError, match=r"valid must have shape \(60, 80\)"):
        draw_arrows(canvas(), uniform(1, 1), np.ones((80, 60)))


def test_arrows_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UnavailableError, match="Drawing arrows needs OpenCV"):
        draw_arrows(canvas(), uniform(1, 1))


@pytest.mark.parametrize(
    ("apart", "step"),
    [(0, 0), (9e-6, 1), (9e-5, 2), (9e-4, 3), (9e-3, 4), (0.09, 5), (0.9, 6), (2.9, 7), (9, 8), (11, 9)],
)
def test_difference_steps(apart: float, step: int) -> None:
    color, _ = difference_steps()[step]
    one, two = np.zeros((1, 1, 2)), np.array([[[0.0, apart]]])
    assert difference_map(one, two)[0, 0].tolist() == list(color)
    assert difference_map(two, one)[0, 0].tolist() == list(color)


def test_differences_are_black_where_one_is_unknown() -> None:
    one, two = uniform(1, 1, 1, 4), uniform(1, 1, 1, 4)
    one[0, 0], two[0, 1] = np.nan, 1e10
    picture = difference_map(one, two, [[1, 1, 0, 1]])
    assert picture.any(axis=-1).tolist() == [[False, False, False, True]]


@pytest.mark.parametrize("index", range(10))
def test_labels_of_errors_are_upper_bounds(index: int) -> None:
    color, label = error_steps()[index]
    px = {8: 47.0, 9: 60.0}.get(index) or float(label) * 0.97
    assert error_map(uniform(0, px, 1, 1), uniform(0, 0, 1, 1))[0, 0].tolist() == list(color)


@pytest.mark.parametrize(
    ("size", "fits"), [((100, 300), False), ((200, 308), True), ((436, 1024), True), ((40, 900), False)]
)
def test_scale_where_it_fits(size: tuple[int, int], fits: bool) -> None:
    picture = np.full((*size, 3), 77, np.uint8)
    result = with_scale(picture, error_steps())
    assert (picture == 77).all()
    assert (result != 77).any() == fits
    if fits:
        assert all((result == color).all(axis=-1).sum() > 100 for color, _ in error_steps())
        assert (result[:, 0] == 77).all()


def shown(page: np.ndarray, part: np.ndarray) -> bool:
    """Whether a picture lies somewhere on a page."""
    rows, columns = part.shape[:2]
    for y, x in np.argwhere((page == part[0, 0]).all(axis=-1)):
        window = page[y : y + rows, x : x + columns]
        if window.shape == part.shape and (window == part).all():
            return True
    return False


@pytest.fixture(scope="module")
def scene() -> dict[str, np.ndarray]:
    """A frame, a flow and the truth of 450x120 pixels."""
    rng = np.random.RandomState(2)
    y, x = np.mgrid[:120, :450].astype(np.float32)
    truth = np.stack([x / 30, y / 20], axis=-1)
    image = rng.randint(0, 255, (120, 450, 3)).astype(np.uint8)
    return {"image": image, "truth": truth, "flow": truth + rng.normal(0, 2, truth.shape).astype(np.float32)}


PARTS = (slice(15, 50), slice(20, 200))


def test_a_page_of_everything(scene: dict[str, np.ndarray]) -> None:
    page = side_by_side(**scene, title="title")
    scale = float(np.hypot(*scene["truth"].reshape(-1, 2).T).max())
    for picture in (
        scene["image"],
        flow_to_color(scene["flow"], scale),
        flow_to_color(scene["truth"], scale),
        error_map(scene["flow"], scene["truth"]),
    ):
        assert shown(page, picture[PARTS])


def test_a_page_of_the_flow_alone(scene: dict[str, np.ndarray]) -> None:
    page = side_by_side(scene["flow"], max_flow=7)
    assert shown(page, with_legend(flow_to_color(scene["flow"], 7), 7)[15:-15, 15:-15])
    assert page.shape[1] < 2 * 450


def test_arrows_of_a_page_lie_on_the_frame(scene: dict[str, np.ndarray]) -> None:
    page = side_by_side(scene["flow"], image=scene["image"], arrows=15, arrow_size=2)
    assert shown(page, draw_arrows(scene["image"], scene["flow"], step=15, scale=2)[PARTS])
    assert not shown(page, scene["image"][PARTS])
    alone = side_by_side(scene["flow"], max_flow=9, arrows=0)
    assert shown(alone, draw_arrows(flow_to_color(scene["flow"], 9), scene["flow"])[PARTS])


def test_unknown_pixels_of_a_page(scene: dict[str, np.ndarray]) -> None:
    valid, truth_valid = np.ones((120, 450), bool), np.ones((120, 450), bool)
    valid[:30], truth_valid[:, :60] = False, False
    page = side_by_side(scene["flow"], truth=scene["truth"], valid=valid, truth_valid=truth_valid, max_flow=5)
    assert shown(page, flow_to_color(scene["flow"], 5, valid)[PARTS])
    assert shown(page, flow_to_color(scene["truth"], 5, truth_valid)[PARTS])
    assert shown(page, error_map(scene["flow"], scene["truth"], valid & truth_valid)[PARTS])
    nothing = side_by_side(scene["flow"], truth=scene["truth"], valid=np.zeros((120, 450)), max_flow=5)
    assert nothing.dtype == np.uint8


def test_small_pictures_are_enlarged(scene: dict[str, np.ndarray]) -> None:
    small = side_by_side(scene["flow"][:50, :50], image=scene["image"][:50, :50], arrows=5)
    assert small.shape[1] > 440
    frame, flow = (scene[name][:50, :50].repeat(9, axis=0).repeat(9, axis=1) for name in ("image", "flow"))
    assert shown(small, draw_arrows(frame, flow * 9, step=45)[20:-20, 20:-20])
    page = side_by_side(scene["flow"][:50, :50], max_flow=5)
    assert shown(page, flow_to_color(scene["flow"][:50, :50], 5)[5:20, 5:20].repeat(9, axis=0).repeat(9, axis=1))


def test_wrong_pages(scene: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"image must be uint8 \(120, 450, 3\), as the flow, got float64"):
        side_by_side(scene["flow"], image=scene["image"] / 255)
    with pytest.raises(InputError, match=r"truth must have the flow's shape \(120, 450, 2\), got \(119, 450, 2\)"):
        side_by_side(scene["flow"], truth=scene["truth"][1:])
    with pytest.raises(InputError, match="max_flow must be a positive number"):
        side_by_side(scene["flow"], max_flow=-1)
