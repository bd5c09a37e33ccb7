# SPDX-License-Identifier: Apache-2.0
"""The HTML of one picture pair: frames, truth, and flow and error of each model, with their values."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np

from flownet2.datasets.base import Pair
from flownet2.evaluation import Run
from flownet2.io.arrays import known
from flownet2.pixel_errors import FL_PX, FL_SHARE
from flownet2.report.picks import Pick
from flownet2.report.scene import PICTURE_WIDTH, Scene, jpeg_uri, png_uri, result, step_for
from flownet2.report.values import pack_flags, pack_flow
from flownet2.types import FloatArray
from flownet2.viz import color_wheel_legend, error_map

_WHEEL_SIDE = 160
_MISSING = "The evaluation has no result for this picture."


def pair_html(
    number: int,
    pick: Pick,
    pair: Pair,
    runs: Sequence[Run],
    flow_of: Callable[[int, Pair], FloatArray],
    tick: Callable[[], object],
) -> str:
    """An <article>; files that cannot be read, and models that fail, are told in their place."""
    try:
        scene = Scene.read(pair, runs[0].rules)
    except Exception as error:
        for _ in runs:
            tick()
        why = f'<p class="failure">{escape(f"{type(error).__name__}: {error}")}</p>'
        return _article(number, pick, "", why)
    flows: list[FloatArray | str] = []
    for index, run in enumerate(runs):
        evaluated = any(record.name == pair.name for record in run.records)
        flows.append(result(scene, partial(flow_of, index, pair)) if evaluated else _MISSING)
        tick()
    panels = [_frames(scene), _truth(scene)]
    for run, flow in zip(runs, flows, strict=True):
        panels += _model(scene, run.model, flow)
    body = (
        f'<div class="panels" data-models="{len(runs)}">{"".join(panels)}</div>{_legend(scene)}{_values(scene, flows)}'
    )
    return _article(number, pick, _facts(scene, pair, runs), body)


def legend_css() -> str:
    """The colours of legends: the wheel as a picture, the steps of errors."""
    margin = _WHEEL_SIDE // 20
    wheel = color_wheel_legend(_WHEEL_SIDE)[margin:-margin, margin:-margin]
    rules = [f'.wheel{{background-image:url("{png_uri(wheel)}")}}']
    for index, (_, color) in enumerate(_error_steps()):
        rules.append(f".step-{index}{{background:rgb{color}}}")
    return "\n".join(rules)


def _error_steps() -> list[tuple[str, tuple[int, ...]]]:
    """Upper bounds in px where the truth is slow, and the colours that `error_map` gives them."""
    bounds = [FL_PX * 2.0**power for power in range(-4, 5)]
    labels = [f"{bound:.2g}" for bound in bounds] + ["more"]
    steps = []
    for label, error in zip(labels, [*(0.97 * bound for bound in bounds), 2 * bounds[-1]], strict=True):
        moved = np.full((1, 1, 2), (error, 0), np.float32)
        steps.append((label, tuple(error_map(moved, np.zeros_like(moved))[0, 0].tolist())))
    return steps


def _article(number: int, pick: Pick, facts: str, body: str) -> str:
    name = escape(pick.name)
    return (
        f'<article class="pair" id="pair-{number}" aria-labelledby="pair-{number}-name">'
        f'<header><h3 id="pair-{number}-name"><span class="group">{pick.group}</span> {name}</h3>'
        f'<p class="facts">{facts}</p><output class="place"></output></header>{body}</article>'
    )


def _facts(scene: Scene, pair: Pair, runs: Sequence[Run]) -> str:
    height, width = scene.size
    found = [f"{width}&times;{height}"]
    for run in runs:
        record = next((record for record in run.records if record.name == pair.name), None)
        value = record.scores.value("epe") if record else None
        found.append(f"EPE {escape(run.model)} <b>{'-' if value is None else f'{value:.3f}'}</b> px")
    step = step_for(width, PICTURE_WIDTH)
    if step > 1:
        found.append(f"shown at 1/{step} of its size")
    if scene.values_step > 1:
        found.append(f"values of every {_ordinal(scene.values_step)} pixel")
    return " &middot; ".join(found)


def _ordinal(number: int) -> str:
    return f"{number}{'nd' if number == 2 else 'rd' if number == 3 else 'th'}"


def _frames(scene: Scene) -> str:
    one, two = (
        _img(jpeg_uri(frame), f"Frame {number}", scene, hidden=number == 2)
        for number, frame in enumerate(scene.frames, start=1)
    )
    buttons = (
        '<span class="tools"><button type="button" class="swap" aria-pressed="false">Frame 2</button>'
        '<button type="button" class="flicker" aria-pressed="false">Flicker</button></span>'
    )
    return _panel("frame", "Frame 1", f"{one}{two}", buttons)


def _truth(scene: Scene) -> str:
    return _panel("truth", "True flow", _img(scene.flow_uri(scene.truth), "True flow", scene), "<output></output>")


def _model(scene: Scene, model: str, flow: FloatArray | str) -> list[str]:
    title = f'<span class="model">{escape(model)}</span>'
    if isinstance(flow, str):
        return [_panel("flow", title, f'<p class="failure">{escape(flow)}</p>'), _panel("error", f"{title} error", "")]
    pictures = {
        "flow": (title, _img(scene.flow_uri(flow), f"Flow of {model}", scene)),
        "error": (f"{title} error", _img(scene.error_uri(flow), f"Error of {model}", scene)),
    }
    return [_panel(kind, caption, picture, "<output></output>") for kind, (caption, picture) in pictures.items()]


def _panel(kind: str, caption: str, view: str, right: str = "") -> str:
    cross = '<i class="cross"></i>' if "<img" in view else ""
    view = f'<div class="view">{view}{cross}</div>'
    return f'<figure class="{kind}"><figcaption><span>{caption}</span>{right}</figcaption>{view}</figure>'


def _img(uri: str, alt: str, scene: Scene, *, hidden: bool = False) -> str:
    height, width = scene.size
    off = " hidden" if hidden else ""
    return f'<img src="{uri}" alt="{escape(alt)}" width="{width}" height="{height}" draggable="false"{off}>'


def _legend(scene: Scene) -> str:
    far = FL_PX / FL_SHARE
    steps = "".join(f'<li><i class="step-{index}"></i>{label}</li>' for index, (label, _) in enumerate(_error_steps()))
    return (
        '<div class="legend"><div class="key"><i class="wheel" role="img" aria-label="Colour wheel: '
        'the hue is the direction"></i><p>Flow: the hue is the direction, full colour is '
        f"<b>{scene.scale:.3g} px</b>, darker is faster; white stands still, black is unknown.</p></div>"
        f'<div class="key"><ol class="steps">{steps}</ol><p>Error: the last px of each colour; where the true flow is '
        f"longer than {far:g} px, parts in {far:g} of it ({FL_PX:g} is {100 * FL_SHARE:g}&nbsp;%). "
        "Yellow to red are outliers.</p></div></div>"
    )


def _values(scene: Scene, flows: Sequence[FloatArray | str]) -> str:
    """What the cursor reads: `pairs.js` unpacks it when a pointer first comes."""
    step = scene.values_step
    truth = scene.truth[::step, ::step]
    occluded = scene.occluded if scene.occluded is not None else np.zeros_like(scene.counted)
    masks = (scene.counted, known(scene.truth), occluded)
    content: dict[str, Any] = {
        "width": truth.shape[1],
        "height": truth.shape[0],
        "step": step,
        "flags": pack_flags(*(mask[::step, ::step] for mask in masks)),
        "truth": pack_flow(truth),
        "flows": [None if isinstance(flow, str) else pack_flow(flow[::step, ::step]) for flow in flows],
    }
    return f'<script type="application/json" class="values">{json.dumps(content)}</script>'
