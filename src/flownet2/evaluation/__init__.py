# SPDX-License-Identifier: Apache-2.0
"""Evaluation: what one pair scores, how many pairs add up, and by whose rules.

Example:
    >>> import numpy as np
    >>> from flownet2.evaluation import Totals, get_protocol, score
    >>> truth = np.ones((4, 5, 2), np.float32)
    >>> rules = get_protocol("mmflow").rules("kitti2015")
    >>> totals = Totals.of([score(truth + 3, truth, max_flow=rules.max_flow)])
    >>> round(rules.means(totals)["epe"].value, 3)
    4.243
"""

from flownet2.evaluation.protocols import PROTOCOLS, Protocol, Rules, get_protocol
from flownet2.evaluation.results import Record, Run
from flownet2.evaluation.scores import METRICS, Cell, Metric, Scores, score
from flownet2.evaluation.totals import Mean, Total, Totals, aggregate

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "Cell",
    "Mean",
    "Metric",
    "Protocol",
    "Record",
    "Rules",
    "Run",
    "Scores",
    "Total",
    "Totals",
    "aggregate",
    "get_protocol",
    "score",
]
