"""What a query that counts and sums must answer, from the records that the filter beside it selects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from conformance.oracle.operators import instant
from conformance.resources import Record

State = tuple[str | None, str | None]
"""The type and the name of a state."""


@dataclass(frozen=True)
class Range:
    """A span of time from `start` up to but without `end`, cut into intervals of `step`."""

    start: datetime
    end: datetime
    step: timedelta

    def intervals(self) -> list[tuple[datetime, datetime]]:
        """The intervals in their order. Together they cover the range; the last one may reach beyond it."""
        number = -((self.start - self.end) // self.step)
        return [(self.start + at * self.step, self.start + (at + 1) * self.step) for at in range(max(0, number))]

    def index(self, moment: datetime) -> int | None:
        """The number of the interval that a moment is in: from its start up to but without its end. None outside."""
        at = (moment - self.start) // self.step
        return at if 0 <= at < len(self.intervals()) else None

    def is_late(self, moment: datetime) -> bool:
        """Whether a moment is in the last millisecond of an interval, or of the time before the first."""
        return (moment - self.start) % self.step > self.step - timedelta(milliseconds=1)


@dataclass(frozen=True)
class Span:
    """A figure that grows with the clock: it lies between what it was before and what it was after."""

    low: float
    high: float

    def holds(self, value: float, tolerance: float) -> bool:
        """Whether a value that was computed in between can be the figure."""
        return self.low - tolerance <= value <= self.high + tolerance


def state(row: Record) -> State:
    """The type and the name of a run's state."""
    return row.get("state_type"), row.get("state_name")


def placed(rows: Iterable[Record], within: Range, keys: Sequence[str]) -> dict[int, list[Record]]:
    """The runs of each interval by its number: by the first of `keys` at which a run has a time."""
    found: dict[int, list[Record]] = {}
    for row in rows:
        moment = next((row[key] for key in keys if row.get(key) is not None), None)
        at = None if moment is None else within.index(instant(moment))
        if at is not None:
            found.setdefault(at, []).append(row)
    return found


def by_state(rows: Iterable[Record]) -> Counter[State]:
    """How many runs there are in each state."""
    return Counter(map(state, rows))


def by_type(rows: Iterable[Record]) -> Counter[str]:
    """How many runs there are in each type of state. Runs without a state are in none."""
    return Counter(row["state_type"] for row in rows if row.get("state_type") is not None)


def total(before: Sequence[Record], after: Sequence[Record], key: str) -> Span:
    """The sum of a field of the runs, between two readings of them."""
    return Span(_sum(before, key), _sum(after, key))


def mean(before: Sequence[Record], after: Sequence[Record], key: str) -> Span | None:
    """The mean of a field of the runs, between two readings of them; None where there are no runs."""
    if not before:
        return None
    return Span(_sum(before, key) / len(before), _sum(after, key) / len(after))


def earliest_scheduled(rows: Iterable[Record], flow: str) -> list[Record]:
    """The scheduled runs of a flow that start next: several where they start at the same time."""
    waiting = [row for row in rows if row["flow_id"] == flow and row.get("state_type") == "SCHEDULED"]
    timed = [
        (instant(row["next_scheduled_start_time"]), row) for row in waiting if row.get("next_scheduled_start_time")
    ]
    first = min((moment for moment, _ in timed), default=None)
    return [row for moment, row in timed if moment == first]


def _sum(rows: Sequence[Record], key: str) -> float:
    # Nothing takes a negative time: the servers count such a figure as none.
    return sum(max(0.0, float(row.get(key) or 0.0)) for row in rows)
