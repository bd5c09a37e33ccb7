# SPDX-License-Identifier: Apache-2.0
"""What an evaluation knows: each picture pair of each model, and how the pairs add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flownet2.errors import InputError
from flownet2.evaluation.protocols import Rules
from flownet2.evaluation.scores import Scores
from flownet2.evaluation.totals import Mean, Totals


@dataclass(frozen=True)
class Record:
    """One pair by one model."""

    name: str
    """Of the pair in its data set."""
    height: int
    width: int
    """Of the pictures, px."""
    seconds: float
    """That the model's call took."""
    speed: float
    """Mean length of the true flow over the counted pixels, px; 0 where none counts."""
    scores: Scores

    def to_dict(self) -> dict[str, Any]:
        """What JSON takes, exactly."""
        return {
            "name": self.name,
            "height": self.height,
            "width": self.width,
            "seconds": self.seconds,
            "speed": self.speed,
            "scores": self.scores.to_dict(),
        }

    @staticmethod
    def from_dict(content: Any) -> Record:
        """The record of `to_dict`.

        Raises:
            InputError: anything else.
        """
        if not isinstance(content, dict):
            raise InputError(f"a picture's record must be a JSON object, got {content!r:.80}")
        fields = {"name": str, "height": int, "width": int, "seconds": float, "speed": float}
        for name, kind in fields.items():
            if type(content.get(name)) is not kind:
                raise InputError(f"a picture's {name} must be {kind.__name__}, got {content.get(name)!r:.80}")
        return Record(**{name: content[name] for name in fields}, scores=Scores.from_dict(content.get("scores")))


@dataclass(frozen=True)
class Run:
    """One model over a data set.

    Attributes:
        model: as the user names it.
        facts: what it is and how it ran: "network", "sha256", "precision", "executor", "threads", ...
        rules: by which the means are made.
        records: in the order of the data set.
    """

    model: str
    facts: Mapping[str, Any]
    rules: Rules
    records: Sequence[Record]

    @cached_property
    def totals(self) -> Totals:
        """All pairs added up, exactly."""
        return Totals.of(record.scores for record in self.records)

    @cached_property
    def means(self) -> dict[str, Mean]:
        """Every metric over all pairs, by name."""
        return self.rules.means(self.totals)

    @property
    def pairs_per_second(self) -> float | None:
        """Of the model's calls alone; None where there was none, or none that takes time."""
        seconds = sum(record.seconds for record in self.records)
        return len(self.records) / seconds if seconds > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """What JSON takes: facts, means, exact totals, and each picture with its own values."""
        return {
            "model": self.model,
            **self.facts,
            "pairs_per_second": self.pairs_per_second,
            "metrics": {name: mean._asdict() for name, mean in self.means.items()},
            "totals": self.totals.to_dict(),
            "pictures": [{**record.to_dict(), "metrics": record.scores.values()} for record in self.records],
        }
