# SPDX-License-Identifier: Apache-2.0
"""The work behind `flownet2 eval`: a model over a data set, and a journal so that a killed run goes on.

model = flownet2.load()
dataset = open_dataset("sintel-clean", "data/Sintel")
protocol = get_protocol("mmflow")
results = list(evaluate(model, dataset, protocol))
failures = [result for result in results if isinstance(result, Failure)]
run = Run("flownet2-lite", {}, protocol.rules(dataset.name), [r for r in results if isinstance(r, Record)])
run.means["epe"].value

Nothing is printed here.
"""

from flownet2.evaluate.journal import Journal, JournalError
from flownet2.evaluate.runner import Failure, FlowModel, evaluate

__all__ = ["Failure", "FlowModel", "Journal", "JournalError", "evaluate"]
