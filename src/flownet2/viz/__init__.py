# SPDX-License-Identifier: Apache-2.0
"""Pictures of flow: Middlebury's colour wheel, its legend, arrows, KITTI's steps for errors, pictures side by side.

Hue is the direction, saturation the speed; white stands still, black is unknown. NumPy only, text and arrows apart:
they are drawn by OpenCV (package extra `cli`).
"""

from flownet2.viz.arrows import arrow_scale, draw_arrows
from flownet2.viz.colors import (
    MIN_SCALE_PX,
    difference_map,
    difference_steps,
    error_map,
    error_steps,
    flow_to_color,
    max_speed,
)
from flownet2.viz.compose import side_by_side
from flownet2.viz.legend import color_wheel_legend, with_legend
from flownet2.viz.sheet import Panel, make_sheet, with_scale

__all__ = [
    "MIN_SCALE_PX",
    "Panel",
    "arrow_scale",
    "color_wheel_legend",
    "difference_map",
    "difference_steps",
    "draw_arrows",
    "error_map",
    "error_steps",
    "flow_to_color",
    "make_sheet",
    "max_speed",
    "side_by_side",
    "with_legend",
    "with_scale",
]
