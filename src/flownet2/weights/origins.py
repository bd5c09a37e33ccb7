# SPDX-License-Identifier: Apache-2.0
"""The sources of weights, as rows of a table: names, conventions, licence, and how a file tells that it is theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flownet2.errors import InputError
from flownet2.graph import Graph
from flownet2.networks import CAFFE, MMFLOW, NETWORKS, NVIDIA, NVIDIA_03, NVIDIA_PX, PTLFLOW, Conventions
from flownet2.weights import caffe, mmflow, nvidia

_LMB = caffe.LICENSE
_LIGHTNING = ("pytorch-lightning_version", "hyper_parameters")


@dataclass(frozen=True)
class Origin:
    """A source of weights.

    Attributes:
        name: goes into the model's facts.
        networks: those that this origin has, most wanted first where the tensors of two are the same.
        names: graph -> {the origin's tensor name: ours}.
        conventions: its arithmetic.
        license: of the published weights, "" where a file of this kind says nothing of it.
        keys: of the file's outer dict; any of them tells this origin from others with the same names.
        by_name: chosen only where somebody asks for it.
        verified: whether its arithmetic is compared with outputs of the origin's own code.
        when_too_long: the origin to take instead where flow comes out far too long, "" for none.
    """

    name: str
    networks: tuple[str, ...]
    names: Callable[[Graph], dict[str, str]]
    conventions: Conventions
    license: str
    keys: tuple[str, ...] = ()
    by_name: bool = False
    verified: bool = True
    when_too_long: str = ""

    def claims(self, content: Mapping[Any, Any]) -> bool:
        """Whether the file says that it is this origin's."""
        return any(key in content for key in self.keys)


def _own_names(graph: Graph) -> dict[str, str]:
    return {name: name for name in graph.parameters}


_NVIDIAS = tuple(nvidia.SUBNETWORKS)

ORIGINS: dict[str, Origin] = {
    origin.name: origin
    for origin in (
        Origin("mmflow", tuple(mmflow.SUBNETWORKS), mmflow.names, MMFLOW, "Apache-2.0 (OpenMMLab)"),
        Origin("flownet2", tuple(NETWORKS), _own_names, MMFLOW, ""),
        Origin("nvidia", _NVIDIAS, nvidia.names, NVIDIA, _LMB, keys=("best_EPE",), when_too_long="nvidia-px"),
        Origin("nvidia-0.3", _NVIDIAS, nvidia.names, NVIDIA_03, _LMB, by_name=True, verified=False),
        Origin("nvidia-px", _NVIDIAS, nvidia.names, NVIDIA_PX, _LMB, by_name=True, verified=False),
        Origin("ptlflow", _NVIDIAS, nvidia.names, PTLFLOW, _LMB, keys=_LIGHTNING, verified=False),
        # Recognised by the file's kind; each file has its own means and widths (caffe.py).
        Origin("caffe", caffe.FULL + caffe.THIN, lambda graph: caffe.names(graph, {}), CAFFE, _LMB, by_name=True),
    )
}
"""By name, in order of preference; "flownet2" is a file that already uses our names."""


def get_origin(name: str) -> Origin:
    """The row of that name.

    Raises:
        InputError: no such origin.
    """
    if name not in ORIGINS:
        raise InputError(f"there is no origin {name!r}; known: {', '.join(ORIGINS)}")
    return ORIGINS[name]
