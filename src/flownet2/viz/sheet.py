# SPDX-License-Identifier: Apache-2.0
"""Pictures beside each other: panels with captions on a dark page, and scales of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flownet2.io.opencv import import_cv2
from flownet2.viz.colors import Color

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""

_PAGE = (22, 24, 29)
_INK = (236, 238, 242)
_FAINT = (150, 156, 168)
_OVERSAMPLING = 4
_TITLE_PX, _CAPTION_PX = 30, 19
_MARGIN, _GAP = 40, 28
_CAPTION_ROOM = 46
_HEADER_ROOM = 92
_CORNER = 10
_SWATCH_PX, _LEAST_SWATCH_PX = 44, 26


@dataclass(frozen=True)
class Panel:
    """A picture with its caption; `note` follows it in a fainter ink."""

    picture: Picture
    caption: str
    note: str = ""


def make_sheet(title: str, note: str, panels: Sequence[Panel], columns: int = 2) -> Picture:
    """The page.

    Args:
        title: the first line.
        note: follows it in a fainter ink.
        panels: of one size (H, W), row by row.
        columns: number of panels in a row.

    Raises:
        UnavailableError: OpenCV, which draws the text, is not installed.
    """
    height, width = panels[0].picture.shape[:2]
    rows = -(-len(panels) // columns)
    row_height = _CAPTION_ROOM + height
    page = np.empty(
        (
            _HEADER_ROOM + rows * row_height + (rows - 1) * _GAP + _MARGIN,
            2 * _MARGIN + columns * width + (columns - 1) * _GAP,
            3,
        ),
        np.uint8,
    )
    page[...] = _PAGE
    _write(page, _MARGIN, 58, _TITLE_PX, ((title, _INK), (note, _FAINT)))
    for index, panel in enumerate(panels):
        top = _HEADER_ROOM + index // columns * (row_height + _GAP)
        left = _MARGIN + index % columns * (width + _GAP)
        _write(page, left, top + _CAPTION_ROOM - 14, _CAPTION_PX, ((panel.caption, _INK), (panel.note, _FAINT)))
        _paste(page, top + _CAPTION_ROOM, left, panel.picture)
    return page


def with_scale(picture: Picture, steps: Sequence[tuple[Color, str]]) -> Picture:
    """A copy with a scale of colours in the lower right corner: a swatch and its label for each step.

    Args:
        picture: uint8 (H, W, 3) RGB; one too small for the scale comes back as it is.
        steps: RGB and label, from left to right: `error_steps()`, `difference_steps()`.

    Raises:
        UnavailableError: OpenCV, which draws the text, is not installed.
    """
    copy: Picture = picture.copy()
    rows, columns = copy.shape[:2]
    edge, swatch = 12, _SWATCH_PX
    if columns < 2 * (len(steps) * swatch + 2 * edge):
        swatch = (columns - 4 * edge) // len(steps)
    size, height = (12, 16) if swatch >= _SWATCH_PX - 8 else (9, 12)
    room = edge + height + 2 * size
    if rows < 2 * room or swatch < _LEAST_SWATCH_PX:
        return copy
    swatch = min(swatch, _SWATCH_PX)
    panel = np.empty((room, len(steps) * swatch + 2 * edge, 3), np.uint8)
    panel[...] = _PAGE
    for index, (color, label) in enumerate(steps):
        left = edge + index * swatch
        panel[edge : edge + height, left : left + swatch] = color
        start = left + (swatch - _width(label, size)) // 2
        _write(panel, start, edge + height + size + size // 2, size, ((label, _INK),))
    gap = min(14, (columns - panel.shape[1]) // 2)
    _paste(copy, rows - room - gap, columns - panel.shape[1] - gap, panel)
    return copy


def _paste(page: Picture, top: int, left: int, picture: Picture) -> None:
    """Lays a picture with round corners onto the page."""
    rows, columns = picture.shape[:2]
    window = page[top : top + rows, left : left + columns]
    cover = _rounded(rows, columns)
    window[...] = np.rint(window + (picture.astype(np.float64) - window) * cover)


def _rounded(rows: int, columns: int) -> NDArray[np.float64]:
    """Coverage (rows, columns, 1) of a rectangle with round corners."""
    y, x = (np.maximum(np.abs(np.arange(size) - (size - 1) / 2) - (size / 2 - _CORNER), 0) for size in (rows, columns))
    distance = np.hypot(y[:, None], x[None, :])
    cover: NDArray[np.float64] = np.clip(_CORNER + 0.5 - distance, 0, 1)[..., None]
    return cover


def _write(page: Picture, left: int, base: int, size: int, parts: Sequence[tuple[str, tuple[int, int, int]]]) -> None:
    """Text from `left` on, its digits `size` pixels high above the row `base`."""
    for text, ink in parts:
        if text:
            cover = _cover(text, size)
            rows, columns = cover.shape[:2]
            top = base - _ascent(size)
            columns = max(min(columns, page.shape[1] - left), 0)
            window = page[top : top + rows, left : left + columns]
            cover = cover[: window.shape[0], :columns]
            window[...] = np.rint(window + (np.array(ink, np.float64) - window) * cover)
            left += columns + size


def _font(size: int) -> tuple[int, float, int]:
    """Face, scale and thickness at the oversampled size; the face's capitals are 21 units high at scale 1."""
    cv2 = import_cv2("Text in a picture")
    face: int = cv2.FONT_HERSHEY_SIMPLEX
    return face, size * 0.72 * _OVERSAMPLING / 21, max(round(size * 0.1 * _OVERSAMPLING), 1)


def _ascent(size: int) -> int:
    return size


def _width(text: str, size: int) -> int:
    width: int = _cover(text, size).shape[1]
    return width


def _cover(text: str, size: int) -> NDArray[np.float64]:
    """Coverage (h, w, 1) of one line of text, its base line `_ascent` rows down."""
    cv2 = import_cv2("Text in a picture")
    face, scale, thickness = _font(size)
    (width, _), _ = cv2.getTextSize(text, face, scale, thickness)
    rows, columns = size + size // 2, -(-width // _OVERSAMPLING) + 1
    fine = np.zeros((rows * _OVERSAMPLING, columns * _OVERSAMPLING), np.uint8)
    cv2.putText(fine, text, (0, size * _OVERSAMPLING), face, scale, 255, thickness, cv2.LINE_AA)
    blocks = fine.reshape(rows, _OVERSAMPLING, columns, _OVERSAMPLING)
    means: NDArray[np.float64] = blocks.mean(axis=(1, 3), dtype=np.float64)
    return means[..., None] / 255
