# SPDX-License-Identifier: Apache-2.0
"""flownet2.load and what it returns: pictures of any kind and size in, flow in pixels out."""

from __future__ import annotations

import functools
import threading
from pathlib import Path

import numpy as np
import pytest

import flownet2
from flownet2 import InputError
from flownet2.builtin import DEMO_FLOW, DEMO_FRAME1, DEMO_FRAME2
from flownet2.io import read_flow
from flownet2.io.images import read_image
from flownet2.metrics import epe

EXPECTED = Path(__file__).parent / "data" / "lite" / "expected.npz"
RNG = np.random.default_rng(0)
A = RNG.integers(0, 256, (50, 70, 3), np.uint8)
B = np.roll(A, (1, 2), (0, 1))


@functools.cache
def lite() -> flownet2.FlowEstimator:
    return flownet2.load()


def test_built_in_network_gives_the_stored_outputs() -> None:
    with np.load(EXPECTED) as data:
        names = ["decoder.level5.flow", *(f"decoder.level{level}.refined" for level in (4, 3, 2))]
        got = lite().forward(data["x"], names)
        for level, name in zip((5, 4, 3, 2), names, strict=True):
            np.testing.assert_allclose(got[name], data[f"raw_level{level}"], atol=1e-4)


def test_demo_pair_through_the_whole_path() -> None:
    """EPE as in the network's own report, and every fourth flow vector within 2e-3 px."""
    first, second = read_image(DEMO_FRAME1), read_image(DEMO_FRAME2)
    flow = lite()(first, second)
    with np.load(EXPECTED) as data:
        np.testing.assert_allclose(flow[::4, ::4], data["alley_1_flow_every_4th"], atol=2e-3)
    truth, _ = read_flow(DEMO_FLOW)
    assert epe(flow, truth) == pytest.approx(0.412, abs=1e-3)
    assert epe(lite()(second, first), truth) > 3


def test_identity_of_executors() -> None:
    reference = flownet2.load(executor="reference")
    np.testing.assert_allclose(lite()(A, B), reference(A, B), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (31, 33), (32, 32), (64, 65), (100, 3)])
@pytest.mark.parametrize("rule", ["resize", "pad"])
def test_any_size(size: tuple[int, int], rule: str) -> None:
    picture = RNG.integers(0, 256, (*size, 3), np.uint8)
    flow = lite()(picture, picture, size_rule=rule)
    assert flow.shape == (*size, 2)
    assert flow.dtype == np.float32
    assert np.isfinite(flow).all()


def test_crop_takes_the_centre() -> None:
    flow = lite()(A, B, size_rule="crop")
    assert flow.shape == (32, 64, 2)
    assert np.array_equal(flow, lite()(A[9:41, 3:67], B[9:41, 3:67]))
    with pytest.raises(InputError, match=r"at least 32x32 pixels, got 31x70; use 'resize' or 'pad'"):
        lite()(A[:31], B[:31], size_rule="crop")


def test_pad_repeats_the_border() -> None:
    padded = [np.pad(p, ((0, 14), (0, 26), (0, 0)), mode="edge") for p in (A, B)]
    assert np.array_equal(lite()(A, B, size_rule="pad"), lite()(*padded)[:50, :70])


def test_size_rules_agree_where_the_size_is_right() -> None:
    first, second = A[:32, :64], B[:32, :64]
    flows = [lite()(first, second, size_rule=rule) for rule in ("resize", "pad", "crop")]
    assert np.array_equal(flows[0], flows[1])
    assert np.array_equal(flows[0], flows[2])


def test_kinds_of_pictures_agree() -> None:
    """The float path resizes without rounding, so it may differ by a little from the 8-bit path."""
    first, second = A[:32, :64], B[:32, :64]
    flow = lite()(first, second)
    for convert in (
        lambda p: p / 255,
        lambda p: (p / 255).astype(np.float32),
        lambda p: p.astype(np.uint16) * 257,
    ):
        np.testing.assert_allclose(lite()(convert(first), convert(second)), flow, atol=1e-4)
    grey = A[..., 0], B[..., 0]
    assert np.array_equal(lite()(*grey), lite()(*(np.repeat(g[..., None], 3, -1) for g in grey)))


def test_float_pictures_are_resized_without_rounding() -> None:
    difference = np.abs(lite()(A / 255, B / 255) - lite()(A, B)).max()
    assert 0 < difference < 0.2


def test_layouts() -> None:
    flow = lite()(A, B)
    frozen = A.copy()
    frozen.setflags(write=False)
    assert np.array_equal(lite()(frozen, np.asfortranarray(B)), flow)
    assert np.array_equal(lite()(A[::-1].copy()[::-1], B[:, ::-1].copy()[:, ::-1]), flow)
    assert np.array_equal(lite()(A[..., ::-1], B[..., ::-1], channel_order="bgr"), flow)


def test_batch_gives_the_bits_of_single_calls() -> None:
    first, second = np.stack([A, B, A[::-1]]), np.stack([B, A, B[::-1]])
    together = lite()(first, second)
    assert together.shape == (3, 50, 70, 2)
    for index in range(3):
        assert np.array_equal(together[index], lite()(first[index], second[index]))
    assert lite()(A[None], B[None]).shape == (1, 50, 70, 2)


def test_threads_share_one_model() -> None:
    expected = [lite()(A, B), lite()(B, A)]
    results: dict[int, np.ndarray] = {}

    def work(index: int) -> None:
        pair = (A, B) if index % 2 == 0 else (B, A)
        for _ in range(3):
            results[index] = lite()(*pair)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.array_equal(result, expected[index % 2]) for index, result in results.items())


def test_calc_is_opencvs() -> None:
    flow = lite().calc(A, B)
    assert np.array_equal(flow, lite()(A, B, channel_order="bgr"))
    target = np.empty((50, 70, 2), np.float32)
    assert lite().calc(A, B, target) is target
    assert np.array_equal(target, flow)
    assert lite().calc(A[..., 0], B[..., 0], None).shape == (50, 70, 2)


def test_forward_returns_named_values() -> None:
    x = RNG.random((2, 6, 32, 64), np.float32)
    flow = lite().forward(x)
    assert flow.shape == (2, 2, 32, 64)
    values = lite().forward(x, ["decoder.level5.corr", "flow", "image1"])
    assert values["decoder.level5.corr"].shape == (2, 81, 1, 2)
    assert np.array_equal(values["flow"], flow)
    assert np.array_equal(values["image1"], x[:, :3])


def test_facts() -> None:
    model = lite()
    assert model.network == "flownet2-lite"
    assert model.info["license"] == "Apache-2.0"
    assert model.preprocess.channel_order == "bgr"
    assert "1.2 M parameters" in repr(model)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lite()(A, B[:40]), "must have one shape, got (1, 50, 70) and (1, 40, 70)"),
        (lambda: lite()(A, B / 255), "must have one dtype, got uint8 and float32"),
        (lambda: lite()(A, B, channel_order="RGB"), "channel_order must be 'rgb' or 'bgr', got 'RGB'"),
        (lambda: lite()(A, B, size_rule="stretch"), "size_rule must be one of 'resize', 'pad', 'crop'"),
        (lambda: lite()(A.astype(np.float32), B), "divide by 255"),
        (lambda: lite().calc(A / 255, B), "prev must be a uint8 array"),
        (lambda: lite().calc(A, "b.png"), "next must be a uint8 array (H, W, 3) in BGR or (H, W), got str"),
        (lambda: lite().calc(A, B, np.empty((50, 70, 2))), "flow must be float32 (50, 70, 2)"),
        (
            lambda: lite().forward(np.zeros((1, 6, 33, 64), np.float32)),
            "multiples of 32, got float32 (1, 6, 33, 64)",
        ),
        (lambda: lite().forward(np.zeros((1, 6, 32, 64))), "got float64"),
        (lambda: lite().forward(np.zeros((1, 3, 32, 64), np.float32)), "x must be (N, 6, H, W)"),
        (
            lambda: lite().forward(np.zeros((1, 6, 32, 64), np.float32), ["nothing"]),
            "names of the graph's values",
        ),
        (lambda: lite().forward(np.zeros((1, 6, 32, 64), np.float32), "flow"), "must be a list"),
        (lambda: flownet2.load("flownet2"), "the weights of 'flownet2' are not part of the package"),
        (lambda: flownet2.load(executor="fast"), "no executor 'fast'; known: native, numpy, reference"),
        (lambda: flownet2.load(network="flownet2"), "holds 'flownet2-lite', not 'flownet2'"),
        (lambda: flownet2.load(3), "expected a name or a path, got int"),
    ],
)
def test_mistakes_are_named(call: object, text: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert text in str(error.value)


def test_precisions_of_a_gpu() -> None:
    with pytest.raises(InputError, match="'float16' needs device=\"cuda\""):
        flownet2.load(precision="float16")


def test_missing_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        flownet2.load("nowhere.safetensors")
