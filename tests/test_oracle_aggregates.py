"""The oracle on aggregates, against hand-written tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conformance.oracle import aggregates
from conformance.oracle.aggregates import Range, Span

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)


def at(seconds: float, micro: int = 0) -> datetime:
    return NOON + timedelta(seconds=seconds, microseconds=micro)


@pytest.mark.parametrize(
    ("end", "step", "intervals"),
    [
        (at(2), 1.0, [(at(0), at(1)), (at(1), at(2))]),
        (at(2, 1), 1.0, [(at(0), at(1)), (at(1), at(2)), (at(2), at(3))]),
        (at(1), 2.5, [(at(0), at(2.5))]),
        (at(0), 1.0, []),
        (at(-1), 1.0, []),
    ],
)
def test_intervals(end: datetime, step: float, intervals: list[Any]) -> None:
    assert Range(NOON, end, timedelta(seconds=step)).intervals() == intervals


@pytest.mark.parametrize(
    ("moment", "index"),
    [(at(0), 0), (at(0, -1), None), (at(1, -1), 0), (at(1), 1), (at(2, -1), 1), (at(2), None), (at(-1), None)],
)
def test_an_interval_has_its_start_and_not_its_end(moment: datetime, index: int | None) -> None:
    assert Range(NOON, at(2), timedelta(seconds=1)).index(moment) == index


@pytest.mark.parametrize(("micro", "late"), [(-1, True), (-999, True), (-1000, False), (0, False), (1, False)])
def test_the_last_millisecond_of_an_interval_is_late(micro: int, late: bool) -> None:
    within = Range(NOON, at(2), timedelta(seconds=1))
    assert [within.is_late(at(seconds, micro)) for seconds in (0, 1, 2)] == [late] * 3


def run(flow: str = "f", state: str | None = "FAILED", **fields: Any) -> dict[str, Any]:
    return {"flow_id": flow, "state_type": state, "state_name": state and state.title(), **fields}


def test_runs_are_placed_by_the_first_time_that_they_have() -> None:
    within = Range(NOON, at(2), timedelta(seconds=1))
    early = run(expected_start_time="2031-05-01T12:00:00Z", start_time="2031-05-01T14:00:01+02:00")
    waiting = run(expected_start_time="2031-05-01T12:00:01.5Z", start_time=None)
    never = run(expected_start_time=None, start_time=None)
    rows = [early, waiting, never]
    assert aggregates.placed(rows, within, ["expected_start_time"]) == {0: [early], 1: [waiting]}
    assert aggregates.placed(rows, within, ["start_time", "expected_start_time"]) == {1: [early, waiting]}


def test_runs_are_counted_by_type_and_by_name() -> None:
    rows = [run(), run(), run(state="RUNNING"), run(state=None)]
    assert aggregates.by_type(rows) == {"FAILED": 2, "RUNNING": 1}
    assert aggregates.by_state(rows) == {("FAILED", "Failed"): 2, ("RUNNING", "Running"): 1, (None, None): 1}


def test_a_figure_lies_between_two_readings() -> None:
    before: list[dict[str, Any]] = [{"late": 1.0}, {"late": -5.0}, {"late": None}]
    after: list[dict[str, Any]] = [{"late": 2.0}, {"late": -5.0}, {"late": 4.0}]
    assert aggregates.total(before, after, "late") == Span(1.0, 6.0)
    assert aggregates.mean(before, after, "late") == Span(1 / 3, 2.0)
    assert aggregates.mean([], [], "late") is None
    assert Span(1.0, 2.0).holds(1.5, 0)
    assert Span(1.0, 2.0).holds(2.4, 0.5)
    assert not Span(1.0, 2.0).holds(2.6, 0.5)
    assert not Span(1.0, 2.0).holds(0.4, 0.5)


def test_the_next_runs_of_a_flow_are_those_that_start_first() -> None:
    first = run(state="SCHEDULED", next_scheduled_start_time="2031-05-01T12:00:00Z")
    tie = run(state="SCHEDULED", next_scheduled_start_time="2031-05-01T14:00:00+02:00")
    later = run(state="SCHEDULED", next_scheduled_start_time="2031-05-01T12:00:00.000001Z")
    running = run(state="RUNNING", next_scheduled_start_time="2001-01-01T00:00:00Z")
    other = run("g", state="SCHEDULED", next_scheduled_start_time="2001-01-01T00:00:00Z")
    assert aggregates.earliest_scheduled([later, first, running, other, tie], "f") == [first, tie]
    assert aggregates.earliest_scheduled([running], "f") == []
