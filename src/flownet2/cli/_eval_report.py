# SPDX-License-Identifier: Apache-2.0
"""What `flownet2 eval --report` shows: the flow of a few pictures is computed again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from flownet2.cli._eval_models import open_model
from flownet2.cli._eval_work import Task
from flownet2.cli._terminal import is_failure, progress
from flownet2.datasets import Pair
from flownet2.evaluation import Run
from flownet2.types import FloatArray


def write(task: Task, runs: Sequence[Run], created: str, machine: dict[str, str]) -> None:
    """Writes the page that --report names.

    Raises:
        What `flownet2.report.write_report` raises.
    """
    # Imported here: it is large, and only this option needs it.
    from flownet2.report import pictures_shown, write_report
    from flownet2.report.picks import picks

    with TemporaryDirectory(prefix="flownet2-") as folder:
        flows = Flows(Path(folder))
        with progress(pictures_shown(runs), " picture", task.args.progress, title="report") as bar:
            flows.compute(task, runs, {pick.name for pick in picks(runs)}, bar.update)
        write_report(
            task.args.report,
            dataset=task.dataset,
            protocol=task.protocol,
            runs=runs,
            flow_of=flows.of,
            created=datetime.fromisoformat(created).strftime("%Y-%m-%d %H:%M %Z"),
            machine=machine,
        )


class Flows:
    """Flows in files: the page wants all models of one picture, memory may have room for one model at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[int, str], Path] = {}
        self._errors: dict[tuple[int, str], Exception] = {}

    def compute(self, task: Task, runs: Sequence[Run], names: Collection[str], tick: Callable[[], object]) -> None:
        """Of the pairs of these names, one model after the other; a pair that fails is told when it is asked for."""
        pairs = [pair for pair in task.pairs if pair.name in names]
        for index, run in enumerate(runs):
            model, _ = open_model(run.model, task.args)
            for pair in pairs:
                key = index, pair.name
                try:
                    flow = model(*pair.pictures(), size_rule=task.protocol.size_rule)
                except Exception as error:
                    if not is_failure(error):
                        raise
                    self._errors[key] = error
                else:
                    self._files[key] = self._folder / f"{len(self._files)}.npy"
                    np.save(self._files[key], flow)
                tick()
            del model  # before the next is loaded

    def of(self, index: int, pair: Pair) -> FloatArray:
        """The flow of run `index`.

        Raises:
            The error that kept it from being computed.
        """
        key = index, pair.name
        if key in self._errors:
            raise self._errors[key]
        flow: FloatArray = np.load(self._files[key])
        return flow
