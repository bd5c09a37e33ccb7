# SPDX-License-Identifier: Apache-2.0
"""Whole networks by the GPU's executor, on NumPy and emulated kernels, against the CPU's engine and mmflow."""

from __future__ import annotations

import dataclasses
import functools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import cudnn_double
from cases.narrow import weights
from cases.networks import NAMES, golden, level_values, mmflow_model
from compare import assert_near
from cuda_device import HostDevice
from cudnn_engine.layers import convolutions
from engine.random_graphs import Sample, samples
from flownet2.api import FlowEstimator
from flownet2.errors import GraphError, UnavailableError
from flownet2.executors import get_executor
from flownet2.executors.cuda import CudaExecutor, CudaNetwork
from flownet2.executors.cuda.convolution import Convolution, ConvSpec
from flownet2.executors.cuda.cublas import CublasEngine
from flownet2.executors.cuda.cudnn import CudnnEngine
from flownet2.graph import Builder, Graph, Input, Node
from flownet2.networks import MMFLOW, NETWORKS, build_network
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.preprocess import Preprocess
from flownet2.types import Array
from flownet2.weights import Model

pytestmark = pytest.mark.large

FLOW_PX = 5e-4
# Mean end-point error to float32, as a share of the mean flow: what rounding of every value to 11 (8) bits makes of a
# network of 15 to 60 layers. tf32 rounds the factors of products alone.
ROUNDED = {"tf32": 5e-3, "float16": 5e-3, "bfloat16": 4e-2}
WIDTH = 1 / 8


def compiled(host: ModuleType, network: Graph, parameters: dict[str, Array], **options: Any) -> CudaNetwork:
    return CudaExecutor(HostDevice(host), **{"engine": "cublas", **options}).compile(network, parameters)


@functools.lru_cache(maxsize=2)
def narrow(name: str, **conventions: Any) -> tuple[Graph, dict[str, Array], dict[str, Array], Array]:
    """Graph, weights, pictures and the CPU's flow, which is some pixels."""
    graph = build_network(name, dataclasses.replace(MMFLOW, **conventions), width=WIDTH)
    rng = np.random.default_rng(5)
    parameters = weights(graph, rng)
    inputs = {item.name: rng.random((2, 3, 64, 64), np.float32) for item in graph.inputs}
    flow = get_executor().compile(graph, parameters).run(inputs, ["flow"])["flow"]
    assert 1 < np.abs(flow).max() < 1000
    return graph, parameters, inputs, flow


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flownet2css-sd"])  # whose graph is css
def test_every_network_in_float32(host: ModuleType, name: str) -> None:
    graph, parameters, inputs, expected = narrow(name)
    got = compiled(host, graph, parameters).run(inputs, ["flow"])["flow"]
    assert_near(got, expected, atol=FLOW_PX, what=name)


@pytest.mark.parametrize("precision", ROUNDED)
@pytest.mark.parametrize("name", ["flownet2", "flownet2ss-thin", "flownet2-lite"])
def test_precisions(host: ModuleType, name: str, precision: str) -> None:
    """Near float32, and not float32 itself."""
    graph, parameters, inputs, expected = narrow(name)
    got = compiled(host, graph, parameters, precision=precision).run(inputs, ["flow"])["flow"]
    share = np.abs(got - expected).mean() / np.abs(expected).mean()
    assert 1e-6 < share < ROUNDED[precision]


@pytest.mark.parametrize(
    "conventions",
    [
        {"correlation": "mean", "warp_padding": "zeros"},
        {"warp_padding": "zeros", "warp_mask": True, "fusion_link_mode": "bilinear"},
        {"link_align_corners": True, "s_flow_bias": True, "warp_padding": "cut"},
        {"output_mode": "nearest", "sd_factor": 0.05},
    ],
    ids=str,
)
def test_conventions_are_data(host: ModuleType, conventions: dict[str, Any]) -> None:
    graph, parameters, inputs, expected = narrow("flownet2", **conventions)
    got = compiled(host, graph, parameters).run(inputs, ["flow"])["flow"]
    assert_near(got, expected, atol=FLOW_PX)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_wide_convolutions_of_a_flow(host: ModuleType, precision: str) -> None:
    """The flow is float32, what reads it like features is not."""
    b = Builder("wide", 8)
    first, second = b.input("image1", 3), b.input("image2", 3)
    wide = b.conv2d("wide", b.add("pair", "concat", (first, second), at.Concat()), 16, 3)
    flow = b.conv2d("narrow", wide, 2, 3, leaky_slope=None)
    again = b.conv2d("again", b.conv_transpose2d("up", flow, 16), 2, 3, leaky_slope=None)
    graph = b.build({"flow": again})
    rng = np.random.default_rng(1)
    parameters = {name: rng.normal(size=shape).astype(np.float32) / 4 for name, shape in graph.parameters.items()}
    inputs = {item.name: rng.random((1, 3, 16, 24), np.float32) for item in graph.inputs}
    expected = get_executor().compile(graph, parameters).run(inputs, ["flow"])["flow"]
    got = compiled(host, graph, parameters, precision=precision).run(inputs, ["flow"])["flow"]
    assert 1e-6 < np.abs(got - expected).mean() / np.abs(expected).mean() < ROUNDED[precision]


def test_sums_that_float16_cannot_hold(host: ModuleType) -> None:
    """Correlations of 100,000 and more, which a trained network may well have, cost float16 nothing."""
    graph, parameters, inputs, _ = narrow("flownetc")
    large = {name: 60 * value if ".conv3." in name else value for name, value in parameters.items()}
    names = ["flownetc.corr", "flownetc.concat_corr", "flow"]
    expected = get_executor().compile(graph, large).run(inputs, names)
    assert np.abs(expected["flownetc.corr"]).max() > 1e5
    got = compiled(host, graph, large, precision="float16").run(inputs, names)
    for name in names:
        share = np.abs(got[name] - expected[name]).max() / np.abs(expected[name]).max()
        assert share < 0.01, name
    none = compiled(host, graph, large).run(inputs, names)
    assert_near(none["flownetc.corr"], expected["flownetc.corr"], atol=1e-5 * np.abs(expected["flownetc.corr"]).max())


@pytest.mark.parametrize("name", ["flownet2", "flownet2cs-thin"])
def test_links_as_one_kernel_and_node_by_node(host: ModuleType, name: str) -> None:
    """Every joint of the stack is found, and both ways agree."""
    graph, parameters, inputs, _ = narrow(name)
    device = HostDevice(host)
    executor = CudaExecutor(device, engine="cublas", graph=False)
    one = executor.compile(graph, parameters).run(inputs, ["flow"])["flow"]
    kernels = [kernel for kernel, _, _ in device.launches]
    joints = {"flownet2": (2, 1), "flownet2cs-thin": (1, 0)}[name]
    assert (kernels.count("link"), kernels.count("fusion_link")) == joints
    assert "warp" not in kernels
    assert "channel_norm" not in kernels
    plain = compiled(host, graph, parameters, fused=False, graph=False).run(inputs, ["flow"])["flow"]
    assert_near(one, plain, atol=FLOW_PX)


def test_values_inside_links_are_to_be_had(host: ModuleType) -> None:
    graph, parameters, inputs, _ = narrow("flownet2cs-thin")
    names = [
        "flownets1.flow",
        "flownets1.warped",
        "flownets1.error",
        "flownets1.input",
        "flownetc.corr",
        "image2",
        "flow",
    ]
    got = compiled(host, graph, parameters).run(inputs, names)
    expected = get_executor("numpy").compile(graph, parameters).run(inputs, names)
    for name in names:
        assert_near(got[name], expected[name], atol=1e-4 * max(1, np.abs(expected[name]).max()), what=name)


@pytest.mark.parametrize("precision", ["float32", "tf32", "float16", "bfloat16"])
def test_networks_with_cudnn(host: ModuleType, precision: str) -> None:
    """A double of its module computes what the graphs say; its results are rounded once more, before the bias."""
    graph, parameters, inputs, expected = narrow("flownet2")
    network = compiled(
        host,
        graph,
        parameters,
        precision=precision,
        engine=lambda device: CudnnEngine(device, cudnn=cudnn_double.Cudnn()),
        graph=False,
    )
    assert network.engine == "cudnn"
    got = network.run(inputs, ["flow"])["flow"]
    if precision == "float32":
        assert_near(got, expected, atol=FLOW_PX)
    else:
        assert 1e-6 < np.abs(got - expected).mean() / np.abs(expected).mean() < 2 * ROUNDED[precision]


class Recorder(CublasEngine):
    """Notes what it is asked to plan."""

    def __init__(self, device: Any) -> None:
        super().__init__(device)
        self.specs: set[ConvSpec] = set()

    def plan(self, spec: ConvSpec) -> Convolution:
        self.specs.add(spec)
        return super().plan(spec)


def test_cudnn_is_asked_for_the_plans_that_runs_need(host: ModuleType) -> None:
    """Those that cudnn_engine/plan_check.py asks cuDNN for: of slices as well as of whole tensors."""
    graph, parameters, inputs, _ = narrow("flownet2")
    device = HostDevice(host)
    recorder = Recorder(device)
    CudaExecutor(device, engine=lambda _device: recorder, precision="float16").compile(graph, parameters).run(
        inputs, ["flow"]
    )
    listed = convolutions(graph, (2, 64, 64), "float16")
    assert recorder.specs <= {spec for kind in listed.values() for spec in kind}
    assert len(recorder.specs & {*listed["slices"]}) > 3


@pytest.mark.parametrize(
    "record",
    [
        Preprocess("rgb", mean_rule="pair", size_rule="crop"),
        Preprocess("bgr", mean_rule="picture", resampling="corners"),
        Preprocess("bgr", (0.4, 0.5, 0.45), size_rule="pad"),
        Preprocess("bgr", (0.4, 0.5, 0.45), second_mean=(0.3, 0.5, 0.4), resampling="lmb", flow_value="flow_quarter"),
    ],
)
def test_pictures_of_every_origin(host: ModuleType, record: Preprocess) -> None:
    """A mean that the packing kernel is given, and means and a resize that it is not."""
    graph, parameters, _, _ = narrow("flownets")
    model = Model(graph, parameters, record)
    pair = [np.random.default_rng(seed).integers(0, 256, (2, 70, 130, 3), np.uint8) for seed in (1, 2)]
    expected = FlowEstimator(model, get_executor().compile(graph, parameters))(*pair)
    got = FlowEstimator(model, compiled(host, graph, parameters))(*pair)
    assert_near(got, expected, atol=1e-4 * float(np.abs(expected).max()), what=str(record))


@functools.lru_cache(maxsize=1)
def published(name: str) -> Model:
    return mmflow_model(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_parity_with_mmflow(host: ModuleType, name: str) -> None:
    """Full width: the flow, every level, a batch, and from pictures to flow."""
    model, arrays = published(name), golden(name)
    estimator = FlowEstimator(model, compiled(host, model.graph, dict(model.parameters)))
    levels = level_values(name, arrays)
    got = estimator.forward(arrays["x"], ["flow", *levels])
    assert_near(got["flow"].transpose(0, 2, 3, 1), arrays["flow"], atol=FLOW_PX, what=f"{name} flow")
    for value, expected in levels.items():
        assert_near(got[value], expected, atol=FLOW_PX, what=f"{name} {value}")
    batch = estimator.forward(arrays["batch_x"]).transpose(0, 2, 3, 1)
    assert_near(batch, arrays["batch_flow"], atol=FLOW_PX, what=f"{name} batch")
    flow = estimator(arrays["image1_bgr"], arrays["image2_bgr"], channel_order="bgr")
    assert_near(flow, arrays["image_flow"], atol=1e-3, what=f"{name} image_flow")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ROUNDED)
@pytest.mark.parametrize("name", NAMES)
def test_precisions_of_full_width(host: ModuleType, name: str, precision: str) -> None:
    """The tensor cores' correlation takes part: it wants 256 channels."""
    model, arrays = published(name), golden(name)
    network = compiled(host, model.graph, dict(model.parameters), precision=precision, graph=False)
    flow = FlowEstimator(model, network).forward(arrays["batch_x"]).transpose(0, 2, 3, 1)
    error = np.sqrt(((flow - arrays["batch_flow"]) ** 2).sum(-1)).mean()
    assert error < {"tf32": 0.01, "float16": 0.01, "bfloat16": 0.1}[precision]


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(sample=samples(gpu=True))
def test_random_graphs(host: ModuleType, sample: Sample) -> None:
    """Every node against the reference on the inputs that the executor itself computed; then fewer outputs."""
    network = compiled(host, sample.graph, sample.parameters)
    values = {**sample.inputs, **network.run(sample.inputs, [node.name for node in sample.graph.nodes])}
    for node in sample.graph.nodes:
        parameters = {role: sample.parameters[name] for role, name in node.parameters.items()}
        inputs = [values[name] for name in node.inputs]
        expected = run_operator(node.op, node.attributes, inputs, parameters, reference=True)
        assert_near(values[node.name], expected, atol=1e-4 * max(1, np.abs(expected).max()), what=node.name)
    some = network.run(sample.inputs, sample.outputs)
    assert set(some) == set(sample.outputs)
    for name, array in some.items():
        assert np.array_equal(array, values[sample.graph.outputs.get(name, name)], equal_nan=True), name


def test_a_picture_joined_with_itself(host: ModuleType) -> None:
    """Its channels are read once, by both weights."""
    b = Builder("twice", 8)
    first, _ = b.input("image1", 3), b.input("image2", 3)
    twice = b.add("twice", "concat", (first, first), at.Concat())
    graph = b.build({"flow": b.conv2d("wide", twice, 8, 3)})
    rng = np.random.default_rng(0)
    parameters = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in graph.parameters.items()}
    inputs = {item.name: rng.standard_normal((1, 3, 8, 8)).astype(np.float32) for item in graph.inputs}
    got = compiled(host, graph, parameters).run(inputs, ["flow"])["flow"]
    expected = get_executor("reference").compile(graph, parameters).run(inputs, ["flow"])["flow"]
    assert_near(got, expected, atol=1e-4, what="twice")


def one_layer(op: str, attributes: Any, shape: tuple[int, ...]) -> Graph:
    b = Builder("one", 8)
    first, second = b.input("image1", 3), b.input("image2", 3)
    x = b.add("pair", "concat", (first, second), at.Concat())
    wide = b.conv2d("wide", x, 8, 3)
    node = Node("flow", op, (wide,), attributes, {"weight": "w"})
    graph = b.build({"flow": wide})
    return dataclasses.replace(
        graph, nodes=(*graph.nodes, node), outputs={"flow": "flow"}, parameters={**graph.parameters, "w": shape}
    )


@pytest.mark.parametrize(
    ("op", "attributes", "shape", "error", "message"),
    [
        ("conv2d", at.Conv2d(), (8, 8, 3, 5), GraphError, r"node 'flow': the GPU runs square.*kernel 3x5"),
        ("conv2d", at.Conv2d((1, 2)), (8, 8, 3, 3), GraphError, r"node 'flow'.*stride 1x2"),
        ("conv_transpose2d", at.ConvTranspose2d(), (8, 8, 3, 3), UnavailableError, r"4x4, stride 2 and padding 1"),
    ],
)
def test_layers_that_a_gpu_does_not_run(
    host: ModuleType, op: str, attributes: Any, shape: tuple[int, ...], error: type[Exception], message: str
) -> None:
    graph = one_layer(op, attributes, shape)
    parameters = {name: np.zeros(size, np.float32) for name, size in graph.parameters.items()}
    inputs = {item.name: np.zeros((1, 3, 8, 8), np.float32) for item in graph.inputs}
    with pytest.raises(error, match=message):
        compiled(host, graph, parameters).run(inputs, ["flow"])


def test_networks_of_other_inputs_are_refused(host: ModuleType) -> None:
    graph = Graph("grey", (Input("a", 1), Input("b", 1)), (), {"flow": "a"}, {})
    with pytest.raises(GraphError, match=r"two pictures of 3 channels; graph 'grey' takes a \(1\), b \(1\)"):
        compiled(host, graph, {})
