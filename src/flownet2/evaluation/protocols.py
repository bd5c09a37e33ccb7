# SPDX-License-Identifier: Apache-2.0
"""By whose rules numbers are made: `mmflow`, `raft`, `ptlflow`, each from the evaluation code of that project.

Read were open-mmlab/mmflow 9fb1d2f, princeton-vl/RAFT 2888e15 and hmorimitsu/ptlflow e9cf9bc; each record below names
the function that a rule comes from, and its `departures` tell where numbers made here can still differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from flownet2.errors import InputError
from flownet2.evaluation.scores import METRICS, Metric, Scores, score
from flownet2.evaluation.totals import Mean, Totals

_PER = {"image": "mean of the pictures' values", "pixel": "mean over all pixels of all pictures"}


@dataclass(frozen=True)
class Rules:
    """The rules of a protocol for one data set.

    Attributes:
        mean: "image" or "pixel", of every measure but those in `mean_of`.
        mean_of: (measure, mean) where it differs.
        uses_valid: whether the data set's own mask of valid pixels counts; else all pixels of known truth do.
        max_flow: px; pixels count whose true components are both below it in size. None: no limit.
        zero_regions: regions in which a picture without a pixel counts as 0 in a mean over pictures.
    """

    mean: str = "image"
    mean_of: tuple[tuple[str, str], ...] = ()
    uses_valid: bool = True
    max_flow: float | None = None
    zero_regions: tuple[str, ...] = ()

    def mean_kind(self, metric: Metric) -> str:
        """Which mean a metric has: "image" or "pixel"."""
        return dict(self.mean_of).get(metric.measure, self.mean)

    def score(
        self, flow: ArrayLike, gt: ArrayLike, valid: ArrayLike | None = None, **masks: ArrayLike | None
    ) -> Scores:
        """One pair by these rules; `masks`, args and errors as in `scores.score`."""
        return score(flow, gt, valid if self.uses_valid else None, max_flow=self.max_flow, **masks)

    def means(self, totals: Totals) -> dict[str, Mean]:
        """Every metric that a picture has a mask for, each with its own mean."""
        return {name: self._mean(totals, METRICS[name]) for name in totals.by_metric}

    def _mean(self, totals: Totals, metric: Metric) -> Mean:
        empty = "zero" if metric.region in self.zero_regions else "skip"
        return totals.mean(metric.name, self.mean_kind(metric), empty)

    def to_dict(self) -> dict[str, Any]:
        """What JSON takes."""
        return {
            "mean": self.mean,
            "mean_of": dict(self.mean_of),
            "uses_valid": self.uses_valid,
            "max_flow": self.max_flow,
            "zero_regions": list(self.zero_regions),
        }

    def describe(self) -> list[str]:
        """For people, a line each."""
        lines = [f"mean: {_PER[self.mean]}"]
        lines += [f"mean of {Metric(measure, 'all').title()}: {_PER[mean]}" for measure, mean in self.mean_of]
        counted = "the data set marks as valid" if self.uses_valid else "have a known truth, whatever masks say"
        lines.append(f"counted: pixels that {counted}, occluded ones too")
        if self.max_flow is not None:
            lines.append(f"limit: true |u| and |v| below {self.max_flow:g} px")
        if self.zero_regions:
            lines.append(f"a picture without a pixel counts as 0 in: {', '.join(self.zero_regions)}")
        return lines


@dataclass(frozen=True)
class Protocol:
    """How a project evaluates.

    Attributes:
        name: as on the command line.
        source: the code it is taken from.
        size_rule: how pictures meet the network, a rule of `preprocess.SizeFit`.
        default: the rules of data sets that are not in `by_dataset`.
        by_dataset: (name of the data set, its rules).
        departures: where numbers made here can differ from the project's own.
    """

    name: str
    source: str
    size_rule: str
    default: Rules
    by_dataset: tuple[tuple[str, Rules], ...] = ()
    departures: tuple[str, ...] = ()

    def rules(self, dataset: str) -> Rules:
        """The rules for a data set, such as "sintel-clean"; the default ones for a name not listed."""
        return dict(self.by_dataset).get(dataset, self.default)

    def to_dict(self, dataset: str) -> dict[str, Any]:
        """What JSON takes, to store with results: two evaluations are alike if these are equal."""
        return {
            "name": self.name,
            "source": self.source,
            "dataset": dataset,
            "size_rule": self.size_rule,
            **self.rules(dataset).to_dict(),
            "departures": list(self.departures),
        }

    def describe(self, dataset: str) -> list[str]:
        """For people, a line each."""
        return [
            f"protocol {self.name} for {dataset}, after {self.source}",
            f"size: {_SIZES[self.size_rule]}",
            *self.rules(dataset).describe(),
            *(f"differs: {text}" for text in self.departures),
        ]


def get_protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        InputError: no such protocol.
    """
    if name not in PROTOCOLS:
        raise InputError(f"protocol must be one of {', '.join(PROTOCOLS)}; got {name!r}")
    return PROTOCOLS[name]


_SIZES = {
    "resize": "resized up to what the network needs, the flow resized back",
    "pad": "padded by the border's pixels to what the network needs, the flow cut",
    "crop": "cut to the centre",
}
_SINTEL = ("sintel-clean", "sintel-final")
_KITTI = ("kitti2012", "kitti2015", "hd1k")
_THINGS = ("flyingthings3d", "flyingthings3d-subset", "flyingchairs2")
_PX_NOTE = "1, 3 and 5 px: it prints the share of errors below them, here is the percentage above"


def _each(names: tuple[str, ...], rules: Rules) -> tuple[tuple[str, Rules], ...]:
    return tuple((name, rules) for name in names)


_MMFLOW = Protocol(
    name="mmflow",
    source="mmflow/core/evaluation/evaluation.py and metrics.py, configs/_base_/datasets, of mmflow 9fb1d2f",
    # InputResize(exponent=6) in every FlowNet2 test pipeline.
    size_rule="resize",
    # single_gpu_online_evaluation: eval_metrics of each batch, samples_per_gpu=1, then the mean of these.
    default=Rules(mean="image"),
    # The pipelines of dense sets put no `valid` into meta_keys, so ones stand for it; KITTI's valid counts from 0.5.
    by_dataset=_each(_SINTEL, Rules(mean="image", uses_valid=False)),
    departures=("mmflow computes in float32, here sums are float64",),
)

_RAFT_SPARSE = Rules(mean="pixel", mean_of=(("epe", "image"),))

_RAFT = Protocol(
    name="raft",
    source="evaluate.py (validate_chairs, validate_sintel, validate_kitti) of princeton-vl/RAFT 2888e15",
    # InputPadder, mode "replicate".
    size_rule="pad",
    # validate_chairs, validate_sintel: np.mean over the concatenated errors of all pictures, no mask.
    default=Rules(mean="pixel"),
    # validate_kitti: EPE of each picture where valid >= 0.5, then their mean; Fl over all valid pixels together.
    by_dataset=_each(_SINTEL, Rules(mean="pixel", uses_valid=False)) + _each(_KITTI, _RAFT_SPARSE),
    departures=(
        "RAFT pads to multiples of 8, partly left and (not KITTI) above; here right and below, as the network needs",
        "RAFT evaluates FlyingChairs, MPI-Sintel and KITTI 2015 only; other sets are taken alike",
        _PX_NOTE,
    ),
)

# FlowMetrics._compute_total divides by at least 1: without a pixel a picture's value is 0, and it is counted.
_PTLFLOW_ZERO = ("all", "noc", "occ")


def _ptlflow_rules(max_flow: float, *, uses_valid: bool = True) -> Rules:
    return Rules(mean="image", uses_valid=uses_valid, max_flow=max_flow, zero_regions=_PTLFLOW_ZERO)


_PTLFLOW = Protocol(
    name="ptlflow",
    source="validate.py, ptlflow/utils/flow_metrics.py and ptlflow/data/datasets.py of ptlflow e9cf9bc",
    # FlowNet2.forward: preprocess_images(resize_mode="interpolation").
    size_rule="resize",
    # validate_one_dataloader: the metrics of each picture, summed and divided by the number of pictures.
    # BaseFlowDataset: |u| and |v| below max_flow are valid, NaN (KITTI's invalid pixels) is not.
    default=_ptlflow_rules(10000.0),
    by_dataset=(
        # SintelDataset reads no mask of invalid pixels.
        *_each(_SINTEL, _ptlflow_rules(10000.0, uses_valid=False)),
        # Defaults of KittiDataset and Hd1kDataset, which flow_datamodule.py keeps.
        *_each(_KITTI, _ptlflow_rules(512.0)),
        # Defaults of FlyingThings3DDataset, FlyingThings3DSubsetDataset and FlyingChairs2Dataset.
        *_each(_THINGS, _ptlflow_rules(1000.0)),
    ),
    departures=(
        "ptlflow resizes float pictures with aligned corners, here 8-bit ones as OpenCV does",
        "ptlflow takes the best of four true vectors a pixel in Spring, here one truth is given",
        "bands of speed, background and foreground are not in ptlflow; pictures without such a pixel are left out",
        _PX_NOTE,
    ),
)

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (_MMFLOW, _RAFT, _PTLFLOW)}
