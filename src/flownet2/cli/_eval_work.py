# SPDX-License-Identifier: Apache-2.0
"""One model of `flownet2 eval` after the other: its journal, its progress bar, its results."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import flownet2
from flownet2.cli._eval_models import identity, open_model, summary
from flownet2.cli._terminal import describe, progress, say, say_error, say_table
from flownet2.datasets import Dataset, Pair
from flownet2.evaluate import Failure, Journal, evaluate
from flownet2.evaluate.journal import check_names
from flownet2.evaluation import Protocol, Record, Rules, Run, Totals
from flownet2.evaluation.totals import Total

_SHOWN_FAILURES = 20


@dataclass(frozen=True)
class Task:
    """What all models of a command have in common.

    Attributes:
        dataset, protocol: as opened.
        pairs: those to evaluate.
        limit: of --limit.
        args: of the command line.
    """

    dataset: Dataset
    protocol: Protocol
    pairs: Sequence[Pair]
    limit: int | None
    args: argparse.Namespace

    @property
    def rules(self) -> Rules:
        """By which means are made."""
        return self.protocol.rules(self.dataset.name)

    def header(self, model: str, facts: dict[str, Any]) -> dict[str, Any]:
        """All that two runs must have in common for one to go on where the other stopped."""
        dataset = {"name": self.dataset.name, "split": self.dataset.split, "root": str(self.dataset.root.resolve())}
        return {
            "flownet2": flownet2.__version__,
            "model": identity(model),
            "facts": facts,
            "protocol": self.protocol.to_dict(self.dataset.name),
            "dataset": dataset,
            "limit": self.limit,
        }


@dataclass(frozen=True)
class Evaluated:
    """One model's results.

    Attributes:
        run: of the pairs that succeeded.
        failures: the others.
        journal: which may be removed when all is written elsewhere.
    """

    run: Run
    failures: tuple[Failure, ...]
    journal: Journal

    def tell_failures(self) -> None:
        """Names them on stderr."""
        for failure in self.failures[:_SHOWN_FAILURES]:
            say_error(f"{self.run.model}: {failure.name}: {describe(failure.error)}")
        more = len(self.failures) - _SHOWN_FAILURES
        if more > 0:
            say_error(f"{self.run.model}: {more} more pairs failed; --json names them all")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, and what is kept."""


def evaluate_model(name: str, task: Task) -> Evaluated:
    """Loads a model, evaluates the pairs that its journal does not have, and lets the model go.

    Raises:
        Interrupted: by the user; the journal keeps what is finished.
        What loading a model, opening a journal and `evaluate` raise.
    """
    model, facts = open_model(name, task.args)
    header = task.header(name, facts)
    journal = Journal(Journal.default_path(header), header, overwrite=task.args.overwrite)
    failures: list[Failure] = []
    try:
        check_names(journal, {pair.name for pair in task.pairs})
        _tell_model(name, facts, journal, len(task.pairs))
        start = time.perf_counter()
        _evaluate_rest(model, name, task, journal, failures)
        seconds = time.perf_counter() - start
    except KeyboardInterrupt:
        kept = f"{len(journal.records)} of {len(task.pairs)} pairs of {name} are kept"
        journal.close()
        raise Interrupted(f"interrupted: {kept}; the same command goes on from here") from None
    except BaseException:
        journal.close()
        raise
    records = [journal.records[pair.name] for pair in task.pairs if pair.name in journal.records]
    told = {**facts, "evaluation_seconds": seconds}
    return Evaluated(Run(name, told, task.rules, records), tuple(failures), journal)


def _tell_model(name: str, facts: dict[str, Any], journal: Journal, count: int) -> None:
    say()
    say_table([(name, summary(facts))])
    if journal.records:
        say(f"{len(journal.records)} of {count} pairs were there already; --overwrite computes them again")


def _evaluate_rest(model: Any, name: str, task: Task, journal: Journal, failures: list[Failure]) -> None:
    """Adds to the journal and the failures, pair by pair."""
    rest = [pair for pair in task.pairs if pair.name not in journal.records]
    mean = RunningEpe(task.rules)
    for record in journal.records.values():
        mean.add(record)
    total, done = len(task.pairs), len(journal.records)
    with (
        progress(total, " pair", task.args.progress, title=name, done=done) as bar,
        closing(evaluate(model, task.dataset, task.protocol, rest)) as results,
    ):
        for result in results:
            if isinstance(result, Failure):
                failures.append(result)
            else:
                journal.add(result)
                mean.add(result)
            bar.set_postfix_str(str(mean), refresh=False)
            bar.update()


class RunningEpe:
    """The end-point error of the pairs so far, by the rules of the protocol."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._total = Total()

    def add(self, record: Record) -> None:
        """One more."""
        self._total += Total.of(record.scores.cells["epe"], record.scores.value("epe"))

    def __str__(self) -> str:
        """For the progress bar."""
        value = self._rules.means(Totals({"epe": self._total}))["epe"].value
        return "" if value is None else f"EPE {value:.3f} px"
