"""Bookkeeping: what a run keeps of the states that it was in, and counts and times."""

from __future__ import annotations

from itertools import pairwise

from conformance.oracle.operators import instant
from conformance.resources import Record
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.runs import RESULT, Kind, begin, history, read, shown, state, walk
from conformance.target import Client
from conformance.world import World

_ACCURATE = 0.001
"""Seconds by which a sum of durations may be off: some servers keep less than microseconds."""


def require_current(subject: Kind, client: Client, world: World) -> None:
    """The run's own fields, and the state that it shows, are those of the state that it entered last."""
    run = begin(subject, world, state("PENDING"))
    for proposed in (state("RUNNING") | {"name": "Counting"}, state("FAILED"), state("SCHEDULED")):
        (entered,) = walk(subject, client, run["id"], proposed)
        now = read(subject, world, run["id"])
        expected = {"state_id": entered["id"], "state_type": entered["type"], "state_name": entered["name"]}
        require_equal("the run's own fields", expected, {key: now.get(key) for key in expected})
        require_equal("the run's state", shown(entered), shown(now["state"]))


def require_kept(subject: Kind, client: Client, world: World) -> None:
    """A state reads with the name, the message and the data that were sent."""
    run = begin(subject, world, state("PENDING"))
    sent = {"name": "Counting", "message": "7 of 9 — ☃", "data": RESULT}
    (entered,) = walk(subject, client, run["id"], state("RUNNING") | sent)
    found = client.request("GET", f"{subject.states}{entered['id']}")
    if not found.is_success:
        raise Violation("a state can't be read", expected="2xx", observed=found.status_code)
    require_equal("the state as it reads", sent, {key: found.json().get(key) for key in sent})


def require_history(subject: Kind, client: Client, world: World) -> None:
    """Every state that a run entered is listed once, none before the one that it follows."""
    run, entered = _storied(subject, client, world)
    listed = history(subject, client, run["id"])
    found = {one["id"]: one for one in listed}
    require_equal("the states of the run", sorted(one["id"] for one in entered), sorted(one["id"] for one in listed))
    ordered = [found[one["id"]] for one in entered]
    require_equal("the states of the run", [shown(one) for one in entered], [shown(one) for one in ordered])
    for earlier, later in pairwise(ordered):
        if instant(later["timestamp"]) < instant(earlier["timestamp"]):
            raise Violation(
                "a state has an earlier timestamp than the one before it",
                expected=f"{earlier['timestamp']} or later",
                observed=later["timestamp"],
            )
    require_equal("the last state", shown(ordered[-1]), shown(read(subject, world, run["id"])["state"]))


def require_entry_by_id(subject: Kind, client: Client, world: World) -> None:
    """Each state that is listed reads by its id as it is listed."""
    run, entered = _storied(subject, client, world)
    listed = history(subject, client, run["id"])
    if len(listed) != len(entered):
        raise CouldNotRun(f"{len(listed)} states are listed of {len(entered)}")
    for one in listed:
        found = client.request("GET", f"{subject.states}{one['id']}")
        if not found.is_success:
            raise Violation("a state that is listed can't be read by its id", expected="2xx", observed=found.text[:300])
        require_equal("the state as it is listed, and as it reads", one, found.json())


def _storied(kind: Kind, client: Client, world: World) -> tuple[Record, list[Record]]:
    """A run that was pending, ran, was scheduled once more, ran and completed; and its states."""
    run = begin(kind, world, state("PENDING"))
    later = (state(type_) for type_ in ("RUNNING", "SCHEDULED", "RUNNING", "COMPLETED"))
    return run, [run["state"], *walk(kind, client, run["id"], *later)]


def require_run_count(subject: Kind, client: Client, world: World) -> None:
    """`run_count` goes up when a run starts, and then only."""
    run = begin(subject, world, state("PENDING"))
    counts = {"PENDING": run.get("run_count")}
    for type_, step in (("RUNNING", "run"), ("SCHEDULED", "scheduled again"), ("RUNNING", "run again")):
        walk(subject, client, run["id"], state(type_))
        counts[step] = read(subject, world, run["id"]).get("run_count")
    require_equal("run_count", {"PENDING": 0, "run": 1, "scheduled again": 1, "run again": 2}, counts)


def require_start_time(subject: Kind, client: Client, world: World) -> None:
    """`start_time` is when the run entered RUNNING for the first time."""
    run = begin(subject, world, state("PENDING"))
    require_equal("start_time of a run that has not started", None, run.get("start_time"))
    (running,) = walk(subject, client, run["id"], state("RUNNING"))
    _require_time("start_time of a run that has started", running, read(subject, world, run["id"]), "start_time")
    walk(subject, client, run["id"], state("SCHEDULED"), state("RUNNING"))
    _require_time("start_time of a run that has started twice", running, read(subject, world, run["id"]), "start_time")


def require_end_time(subject: Kind, client: Client, world: World) -> None:
    """`end_time` is when the run entered a terminal state, and null while it is in none."""
    run = begin(subject, world, state("RUNNING"))
    require_equal("end_time of a running run", None, run.get("end_time"))
    for type_ in ("COMPLETED", "FAILED"):
        (ended,) = walk(subject, client, run["id"], state(type_))
        _require_time(f"end_time of a {type_.lower()} run", ended, read(subject, world, run["id"]), "end_time")
        walk(subject, client, run["id"], state("RUNNING"))
        now = read(subject, world, run["id"])
        require_equal("end_time of a run that runs again", None, now.get("end_time"))


def require_expected_start_time(subject: Kind, client: Client, world: World) -> None:
    """A scheduled run is expected to start when it is scheduled for, another one when it was created."""
    due = "2039-05-06T07:08:09.123456+00:00"
    run = begin(subject, world, state("SCHEDULED", scheduled_time=due))
    times = ("expected_start_time", "next_scheduled_start_time")
    scheduled = read(subject, world, run["id"])
    require_equal("a scheduled run", dict.fromkeys(times, due), {name: scheduled.get(name) for name in times})
    walk(subject, client, run["id"], state("PENDING"))
    left = read(subject, world, run["id"])
    require_equal("a run that is scheduled no more", dict(zip(times, (due, None), strict=True)), _only(left, times))
    other = begin(subject, world, state("PENDING"))
    _require_time("expected_start_time of an unscheduled run", other["state"], other, "expected_start_time")


def require_run_time(subject: Kind, client: Client, world: World) -> None:
    """`total_run_time` is the sum of the times between entering RUNNING and leaving it."""
    run, entered = _storied(subject, client, world)
    expected = sum(
        (instant(later["timestamp"]) - instant(earlier["timestamp"])).total_seconds()
        for earlier, later in pairwise(entered)
        if earlier["type"] == "RUNNING"
    )
    total = read(subject, world, run["id"]).get("total_run_time")
    if not isinstance(total, int | float) or abs(total - expected) > _ACCURATE:
        raise Violation("total_run_time is not the sum of the times in RUNNING", expected=expected, observed=total)


def _require_time(summary: str, entered: Record, run: Record, field: str) -> None:
    require_equal(summary, {field: entered["timestamp"]}, {field: run.get(field)})


def _only(record: Record, names: tuple[str, ...]) -> Record:
    return {name: record.get(name) for name in names}
