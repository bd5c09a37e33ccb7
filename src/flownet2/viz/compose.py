# SPDX-License-Identifier: Apache-2.0
"""A frame, its flow, the truth and the error on one page."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.arrays import check_flow, check_mask, known
from flownet2.metrics import epe, fl_all
from flownet2.types import Array
from flownet2.viz.arrows import arrow_scale, draw_arrows
from flownet2.viz.colors import error_map, error_steps, flow_to_color, max_speed
from flownet2.viz.legend import with_legend
from flownet2.viz.sheet import Panel, Picture, make_sheet, with_scale

# Panels narrower than this leave no room for their captions.
_MIN_PANEL_PX = 440
_PAGE_ASPECT = 2.0


def side_by_side(
    flow: ArrayLike,
    *,
    image: ArrayLike | None = None,
    truth: ArrayLike | None = None,
    valid: ArrayLike | None = None,
    truth_valid: ArrayLike | None = None,
    max_flow: float | None = None,
    title: str = "",
    arrows: int | None = None,
    arrow_size: float | None = None,
) -> NDArray[np.uint8]:
    """One page of the frame, the flow, the truth and the error, those that there are, with captions.

    Flow and truth have one scale of colours. Pictures narrower than 440 pixels are shown larger.

    Args:
        flow: (H, W, 2), px.
        image: uint8 (H, W, 3) RGB, the frame that the flow begins at.
        truth: the true flow, the same shape as `flow`.
        valid: (H, W), bool or numeric, where `flow` is known; without it where it is finite.
        truth_valid: the same of `truth`.
        max_flow: px in full colour; by default the fastest pixel of the truth, or of the flow without one.
        title: the first line of the page.
        arrows: step of arrows, px, on the frame or, without one, on the flow; 0 for the step of `draw_arrows`.
        arrow_size: scale of the arrows, as in `draw_arrows`.

    Raises:
        InputError: wrong or different shapes or dtypes, `max_flow` not a positive number.
        UnavailableError: OpenCV, which draws text and arrows, is not installed.
    """
    array = check_flow(flow)
    mask = _mask(array, valid)
    frame = None if image is None else _check_image(image, array.shape[:2])
    if truth is None:
        scale = max_flow or max_speed(array, mask)
    else:
        true = check_flow(truth, "truth")
        if true.shape != array.shape:
            raise InputError(f"truth must have the flow's shape {array.shape}, got {true.shape}")
        true_mask = _mask(true, truth_valid)
        scale = max_flow or max_speed(true, true_mask)
    factor = max(math.ceil(_MIN_PANEL_PX / array.shape[1]), 1)
    panels = _drawn(frame, array, mask, scale, factor, arrows, arrow_size)
    if truth is not None:
        panels += [
            _colored("Truth", "", true, true_mask, scale, factor),
            _error(array, true, mask & true_mask, factor),
        ]
    return make_sheet(title, f"full colour is {scale:.3g} px", panels, _columns(panels))


def _drawn(
    frame: Picture | None,
    flow: Array,
    mask: NDArray[np.bool_],
    scale: float,
    factor: int,
    arrows: int | None,
    arrow_size: float | None,
) -> list[Panel]:
    """The frame, if there is one, and the flow, the first of them with the arrows."""
    panels = []
    if frame is not None:
        panels.append(Panel(_enlarged(frame, factor), "Image"))
    panels.append(_colored("Flow", "", flow, mask, scale, factor))
    if arrows is not None:
        large, large_mask = _enlarged(flow, factor), _enlarged(mask, factor)
        step = arrows * factor or None
        # Of the enlarged picture, in which the motion is as much longer.
        size = arrow_scale(large * factor, large_mask, step=step) if arrow_size is None else arrow_size
        under = _enlarged(flow_to_color(flow, scale, mask) if frame is None else frame, factor)
        drawn = draw_arrows(under, large * factor, large_mask, step=step, scale=size)
        note = f"arrows are {size:g} times the motion"
        panels[0] = Panel(with_legend(drawn, scale) if frame is None else drawn, panels[0].caption, note)
    return panels


def _colored(caption: str, note: str, flow: Array, mask: NDArray[np.bool_], scale: float, factor: int) -> Panel:
    return Panel(with_legend(_enlarged(flow_to_color(flow, scale, mask), factor), scale), caption, note)


def _error(flow: Array, truth: Array, counted: NDArray[np.bool_], factor: int) -> Panel:
    picture = with_scale(_enlarged(error_map(flow, truth, counted), factor), error_steps())
    if not counted.any():
        return Panel(picture, "Error", "no pixel is known in both")
    share = "" if counted.all() else f", {100 * counted.mean():.0f} % known"
    note = f"EPE {epe(flow, truth, counted):.3g} px, Fl {fl_all(flow, truth, counted):.3g} %{share}"
    return Panel(picture, "Error", note)


def _mask(flow: Array, valid: ArrayLike | None) -> NDArray[np.bool_]:
    return known(flow) if valid is None else known(flow) & check_mask(valid, flow.shape[:2])


def _check_image(image: ArrayLike, size: tuple[int, ...]) -> Picture:
    array = np.asarray(image)
    if array.shape != (*size, 3) or array.dtype != np.uint8:
        raise InputError(f"image must be uint8 {(*size, 3)}, as the flow, got {array.dtype} {array.shape}")
    return array


def _enlarged(picture: Array, factor: int) -> Array:
    return picture if factor == 1 else picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _columns(panels: list[Panel]) -> int:
    """Full rows only, the page as near to a screen's shape as they allow."""
    height, width = panels[0].picture.shape[:2]
    count = len(panels)
    possible = [columns for columns in range(1, count + 1) if count % columns == 0]
    return min(possible, key=lambda columns: abs(math.log(columns * width / (count / columns * height) / _PAGE_ASPECT)))
