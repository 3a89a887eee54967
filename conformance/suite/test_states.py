"""States: what a run that is asked to change its state does, and what it keeps of the states that it was in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import httpx

from conformance.contract import Contract, Operation
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record
from conformance.suite.calls import without
from conformance.suite.check import Subjects, check
from conformance.suite.operands import NOBODY
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.runs import (
    FLOW_RUNS,
    KINDS,
    TASK_RUNS,
    Answer,
    Kind,
    answer_of,
    begin,
    begin_able,
    history,
    parse,
    propose,
    read,
    require_true,
    shown,
    state,
    walk,
)
from conformance.suite.state_machine import ABORT, ACCEPT, REJECT, WAIT, Era, Promise
from conformance.target import Client
from conformance.world import World

_RESUME: Final = "POST /flow_runs/{id}/resume"
_BULK_SET: Final = "POST /flow_runs/bulk_set_state"
_BULK_DELETE: Final = "POST /flow_runs/bulk_delete"

_RETRIES: Final = frozenset({"retries", "max_retries"})
"""How many times a failed run is retried: the first generations have the second name."""

_RESULT: Final[Record] = {"encoding": "json", "blob": "[7, 9]"}
"""The data of a state: the first generations take a document of this form, the later ones anything."""

_ACCURATE = 0.001
"""Seconds by which a sum of durations may be off: some servers keep less than microseconds."""

_SKEW = 600
"""Seconds by which the clock of a server and the suite's may differ."""


@dataclass(frozen=True)
class Transition:
    """From one type of state to another, and what that is promised to do."""

    kind: Kind
    initial: str
    proposed: str
    promised: Promise

    def begin(self, world: World) -> Record:
        """A new run in the initial state, and able to run where it is to run."""
        able = self.proposed == "RUNNING"
        return (begin_able if able else begin)(self.kind, world, state(self.initial))

    def propose(self, client: Client, run: Record, *, force: bool = False) -> Answer:
        """Ask for it."""
        return propose(self.kind, client, run["id"], state(self.proposed), force=force)


@dataclass(frozen=True)
class Typed:
    """A type of state of one kind of run."""

    kind: Kind
    type: str


# What the rules are judged on


def transitions(contract: Contract) -> Mapping[str, Transition]:
    """Every pair of types of state, on flow runs and on task runs."""
    return {
        f"{kind.collection} {initial}->{proposed}": Transition(
            kind, initial, proposed, kind.promise(contract, initial, proposed)
        )
        for kind in KINDS
        for initial in kind.types(contract)
        for proposed in kind.types(contract)
    }


def prevented(contract: Contract) -> Mapping[str, Transition]:
    """For each proposed type, and for each type that the run ends in instead, a pair that is promised to fail."""
    found: dict[tuple[str, str, str | None], tuple[str, Transition]] = {}
    for name, one in transitions(contract).items():
        if one.promised.refuses:
            found.setdefault((one.kind.collection, one.proposed, one.promised.ends), (name, one))
    return dict(found.values())


def answered(contract: Contract) -> Mapping[str, Transition]:
    """A pair for each answer that some pair is promised."""
    found: dict[str, Transition] = {}
    for one in transitions(contract).values():
        if len(one.promised.statuses) == 1:
            (status,) = one.promised.statuses
            found.setdefault(f"{one.kind.collection} {status}", one)
    return found


def refused(contract: Contract) -> Mapping[str, Transition]:
    """For each proposed type a pair that leaves the run where it was."""
    found: dict[str, Transition] = {}
    for one in prevented(contract).values():
        if one.promised.ends is None:
            found[f"{one.kind.collection} ->{one.proposed}"] = one
    return found


def kinds(contract: Contract) -> Mapping[str, Kind]:
    """Flow runs and task runs."""
    return {kind.collection: kind for kind in KINDS if {kind.creates, kind.sets_state} <= contract.operations.keys()}


@dataclass(frozen=True)
class Beginning:
    """What a run is created with: a state, or None."""

    kind: Kind
    state: Record | None


def beginnings(contract: Contract) -> Mapping[str, Beginning]:
    """Every type of state that a run may be created in, and none."""
    found: dict[str, Beginning] = {}
    for name, kind in kinds(contract).items():
        found[f"{name} without a state"] = Beginning(kind, None)
        found |= {f"{name} {type_}": Beginning(kind, state(type_)) for type_ in kind.types(contract)}
    return found


def flow_states(contract: Contract) -> Mapping[str, str]:
    """Every type of state that a flow run may be in."""
    return {f"flow_runs {type_}": type_ for type_ in FLOW_RUNS.types(contract)}


def running_flows(contract: Contract) -> Mapping[str, str]:
    """Every type of state that a flow run may be in, where that decides whether its tasks run."""
    return {} if FLOW_RUNS.era(contract) is Era.FIRST else flow_states(contract)


def early(contract: Contract) -> Mapping[str, Typed]:
    """The types of state that keep a scheduled time which a run may not start before."""
    return {
        f"{kind.collection} {type_}": Typed(kind, type_)
        for kind in kinds(contract).values()
        for type_ in (("SCHEDULED",) if kind.era(contract) is Era.FIRST else ("SCHEDULED", "PENDING"))
    }


def where(operation: str, *subjects: Subjects) -> Subjects:
    """`subjects`, or the collection of flow runs alone, of the contracts that have `operation`."""

    def there(contract: Contract) -> Mapping[str, Any]:
        if operation not in contract.operations:
            return {}
        return {name: one for part in subjects or (_flow_runs,) for name, one in part(contract).items()}

    return there


def _flow_runs(contract: Contract) -> Mapping[str, Kind]:
    return {"flow_runs": FLOW_RUNS}


# The machine


@check("states.initial", on=beginnings)
def test_run_begins_in_the_state_that_was_sent(subject: Beginning, client: Client, world: World) -> None:
    kind = subject.kind
    body = RESOURCES[kind.collection].body(world.workshop)
    body.pop("state", None)
    response = client.request(
        "POST", f"/{kind.collection}/", body if subject.state is None else body | {"state": subject.state}
    )
    if not response.is_success:
        raise Violation(
            "a legal POST is refused",
            expected="2xx",
            observed={"status": response.status_code, "body": response.text[:300]},
        )
    run = response.json()
    expected = "PENDING" if subject.state is None else subject.state["type"]
    for summary, record in (
        ("the run as creating it answers", run),
        ("the run as it reads", read(kind, world, run["id"])),
    ):
        observed = {"state_type": record.get("state_type"), "state": (record.get("state") or {}).get("type")}
        require_equal(summary, {"state_type": expected, "state": expected}, observed)


@check("states.transitions", on=transitions)
def test_transition_does_what_is_promised(subject: Transition, client: Client, world: World) -> None:
    run = subject.begin(world)
    answer = subject.propose(client, run)
    after = read(subject.kind, world, run["id"])
    promised = subject.promised
    if answer.status not in promised.statuses:
        raise Violation(
            f"a run that is {subject.initial} and is to be {subject.proposed} is answered {answer.status}",
            expected=sorted(promised.statuses),
            observed={"status": answer.status, "details": answer.details},
        )
    require_true(run, subject.proposed, answer, after)
    if promised.open:
        return
    if promised.ends is None:
        require_equal("the state of the run that was not to change", run["state_id"], after["state_id"])
    else:
        require_equal("the type of state that the run is in", promised.ends, after["state_type"])


@check("states.force", on=prevented)
def test_force_is_accepted(subject: Transition, client: Client, world: World) -> None:
    run = begin(subject.kind, world, state(subject.initial))
    answer = subject.propose(client, run, force=True)
    if answer.status != ACCEPT:
        raise Violation(
            f"orchestration answers {answer.status} to a forced transition", expected=ACCEPT, observed=answer.details
        )
    require_true(run, subject.proposed, answer, read(subject.kind, world, run["id"]))


@check("states.answer", on=answered)
def test_answer_is_of_one_piece(subject: Transition, client: Client, world: World) -> None:
    run = subject.begin(world)
    answer = subject.propose(client, run)
    if answer.status not in subject.promised.statuses:
        raise CouldNotRun(f"the server answers {answer.status} where {subject.promised.statuses} is promised")
    require_equal("the type of the details", f"{answer.status.lower()}_details", answer.details.get("type"))
    if answer.status == ACCEPT and answer.state is None:
        raise Violation("an accepted transition shows no state", expected={"type": subject.proposed}, observed=None)
    if answer.state is not None:
        found = client.request("GET", f"{subject.kind.states}{answer.state.get('id')}")
        if not found.is_success:
            raise Violation("the state that the answer shows can't be read", expected="2xx", observed=found.status_code)
        require_equal("the state in the answer", shown(found.json()), shown(answer.state))


@check("states.refused-unchanged", on=refused)
def test_refused_transition_leaves_the_run_alone(subject: Transition, client: Client, world: World) -> None:
    run = subject.begin(world)
    before = read(subject.kind, world, run["id"]), history(subject.kind, client, run["id"])
    answer = subject.propose(client, run)
    if answer.status not in (REJECT, ABORT):
        raise CouldNotRun(f"the server answers {answer.status} where a refusal is promised")
    after = read(subject.kind, world, run["id"]), history(subject.kind, client, run["id"])
    moving = RESOURCES[subject.kind.collection].clock | {"updated"}
    require_equal("the refused transition changed the run", *(without(moving, record) for record, _ in (before, after)))
    require_equal("the refused transition changed the run's history", before[1], after[1])


@check("states.wait", on=early)
def test_run_waits_for_its_scheduled_time(subject: Typed, client: Client, world: World) -> None:
    kind, hour = subject.kind, 3600
    due = (datetime.now(UTC) + timedelta(seconds=hour)).isoformat()
    run = begin_able(kind, world, state("SCHEDULED", scheduled_time=due))
    if subject.type != "SCHEDULED" and propose(kind, client, run["id"], state(subject.type)).status != ACCEPT:
        raise CouldNotRun(f"a scheduled run can't be {subject.type}")
    before = read(kind, world, run["id"])
    answer = propose(kind, client, run["id"], state("RUNNING"))
    if answer.status != WAIT:
        raise Violation("a run starts an hour before its time", expected=WAIT, observed=answer.status)
    require_equal("the type of the details", "wait_details", answer.details.get("type"))
    delay = answer.details.get("delay_seconds")
    if not isinstance(delay, int) or abs(delay - hour) > _SKEW:
        raise Violation("the seconds to wait are not those until the scheduled time", expected=hour, observed=delay)
    require_true(before, "RUNNING", answer, read(kind, world, run["id"]))


@check("states.running-flow", on=running_flows)
def test_task_runs_while_its_flow_runs(subject: str, client: Client, world: World) -> None:
    flow_run = begin(FLOW_RUNS, world, state(subject))
    run = begin(TASK_RUNS, world, state("PENDING"), flow_run_id=flow_run["id"])
    answer = propose(TASK_RUNS, client, run["id"], state("RUNNING"))
    after = read(TASK_RUNS, world, run["id"])
    runs = subject == "RUNNING"
    if (answer.status == ACCEPT) is not runs or (after["state_type"] == "RUNNING") is not runs:
        raise Violation(
            f"a task run of a flow run that is {subject} is to start",
            expected=ACCEPT if runs else f"{REJECT} or {ABORT}",
            observed={"status": answer.status, "state_type": after["state_type"]},
        )
    require_true(run, "RUNNING", answer, after)


def retried(contract: Contract) -> Mapping[str, Kind]:
    """Flow runs and task runs, where they are created with a policy that says how often they are retried."""
    return {name: kind for name, kind in kinds(contract).items() if _RETRIES & _policy(kind, contract).keys()}


@check("states.retries", on=retried)
def test_failed_run_is_retried(subject: Kind, contract: Contract, client: Client, world: World) -> None:
    delay = 60
    run = begin_able(subject, world, state("PENDING"), empirical_policy=_one_retry(subject, contract, delay))
    walk(subject, client, run["id"], state("RUNNING"))
    answer = propose(subject, client, run["id"], state("FAILED"))
    again = read(subject, world, run["id"])
    if answer.status != REJECT or answer.state is None or again["state_type"] != "SCHEDULED":
        raise Violation(
            "a run that has a retry left fails",
            expected={"status": REJECT, "state_type": "SCHEDULED"},
            observed={"status": answer.status, "state_type": again["state_type"]},
        )
    require_true(run, "FAILED", answer, again)
    due = answer.state["state_details"]["scheduled_time"]
    waits = (instant(due) - instant(answer.state["timestamp"])).total_seconds() if due else None
    if waits is None or abs(waits - delay) > delay / 4:
        raise Violation("the retry is not scheduled after the delay", expected=delay, observed=waits)
    walk(subject, client, run["id"], state("RUNNING"))
    answer = propose(subject, client, run["id"], state("FAILED"))
    if answer.status != ACCEPT:
        raise Violation("a run that has no retry left does not fail", expected=ACCEPT, observed=answer.status)
    require_true(again, "FAILED", answer, read(subject, world, run["id"]))


def _one_retry(kind: Kind, contract: Contract, delay: int) -> Record:
    """The policy of a run that is retried once: the first generations have other names for it."""
    if "retries" in _policy(kind, contract):
        return {"retries": 1, "retry_delay": delay}
    return {"max_retries": 1, "retry_delay_seconds": delay}


def _policy(kind: Kind, contract: Contract) -> Mapping[str, Any]:
    """The documented properties of the policy that a run is created with."""
    described = contract.body_properties(kind.creates).get("empirical_policy", {})
    properties: Mapping[str, Any] = contract.resolve(described).get("properties", {})
    return properties


def concluded(contract: Contract) -> Mapping[str, Kind]:
    """Flow runs and task runs, where a run may leave a terminal state unless it has a result."""
    return {name: kind for name, kind in kinds(contract).items() if kind.era(contract) is Era.THIRD}


@check("states.result", on=concluded)
def test_run_with_a_result_stays_completed(subject: Kind, client: Client, world: World) -> None:
    run = begin_able(subject, world, state("PENDING"))
    walk(subject, client, run["id"], state("COMPLETED") | {"data": _RESULT})
    before = read(subject, world, run["id"])
    answer = propose(subject, client, run["id"], state("RUNNING"))
    after = read(subject, world, run["id"])
    if answer.status != REJECT:
        raise Violation("a run leaves the state that has its result", expected=REJECT, observed=answer.status)
    require_true(before, "RUNNING", answer, after)
    require_equal("the state of the run that was not to change", before["state_id"], after["state_id"])


def identified(contract: Contract) -> Mapping[str, Kind]:
    """Flow runs, where a state may have the id of a transition."""
    return {"flow_runs": FLOW_RUNS} if "transition_id" in FLOW_RUNS.details(contract) else {}


@check("states.transition-id", on=identified)
def test_transition_with_an_id_is_made_once(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("PENDING"))
    proposed = state("RUNNING", transition_id="6f1c2f0e-8f0d-4c53-9d57-2d5a7d2c0a11")
    first = propose(subject, client, run["id"], proposed)
    if first.status != ACCEPT or first.state is None:
        raise CouldNotRun(f"a pending run does not start: {first}")
    before = read(subject, world, run["id"])
    second = propose(subject, client, run["id"], proposed)
    if second.status != REJECT:
        raise Violation("the same transition is made twice", expected=REJECT, observed=second.status)
    require_equal("the state in the answer", shown(first.state), shown(second.state))
    require_true(before, "RUNNING", second, read(subject, world, run["id"]))


# Pauses


@dataclass(frozen=True)
class Pause:
    """A state to resume from."""

    type: str
    suspended: bool = False
    expired: bool = False


def pauses(contract: Contract) -> Mapping[str, Pause]:
    """A pause, one for which the run was given back, one that nobody resumed in time; and what is no pause."""
    found = {"a pause": Pause("PAUSED"), "a suspension": Pause("PAUSED", suspended=True)}
    found["a pause that is over"] = Pause("PAUSED", expired=True)
    return found | {type_: Pause(type_) for type_ in FLOW_RUNS.types(contract) if type_ != "PAUSED"}


@check("states.resume", on=where(_RESUME, pauses))
def test_resume(subject: Pause, client: Client, world: World) -> None:
    if subject.suspended:
        run = _deployed(world)
        walk(FLOW_RUNS, client, run["id"], state("PAUSED", pause_reschedule=True, pause_timeout=_in_an_hour()))
    elif subject.type == "PAUSED":
        timeout = "2024-05-06T07:08:09+00:00" if subject.expired else _in_an_hour()
        run = begin(FLOW_RUNS, world, state("PAUSED", pause_timeout=timeout))
    else:
        run = begin(FLOW_RUNS, world, state(subject.type))
    before = read(FLOW_RUNS, world, run["id"])
    answer = answer_of(client, f"/flow_runs/{run['id']}/resume", {})
    after = read(FLOW_RUNS, world, run["id"])
    resumes = subject.type == "PAUSED" and not subject.expired
    if (answer.status == ACCEPT) is not resumes:
        raise Violation(
            f"resuming from {'a pause' if resumes else 'what can not be resumed'} is answered {answer.status}",
            expected=ACCEPT if resumes else f"{REJECT} or {ABORT}",
            observed=answer.details,
        )
    if subject.expired:
        require_equal("a run that nobody resumed in time", "FAILED", after["state_type"])
    elif resumes:
        # In the process that waits for it, or by another that has to be started first.
        expected = "SCHEDULED" if subject.suspended else "RUNNING"
        require_true(before, expected, answer, after)
    else:
        require_equal("the state of the run that was not paused", before["state_id"], after["state_id"])


def _deployed(world: World) -> Record:
    """A running flow run of a deployment."""
    deployment = world.shared("deployments").record["id"]
    body = {"state": state("RUNNING"), "name": world.workshop.name("deployed")}
    run: Record = world.workshop.send("POST /deployments/{id}/create_flow_run", body, id=deployment)
    return run


def _in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


# Bookkeeping


@check("states.current", on=kinds)
def test_run_shows_its_current_state(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("PENDING"))
    for proposed in (state("RUNNING") | {"name": "Counting"}, state("FAILED"), state("SCHEDULED")):
        (entered,) = walk(subject, client, run["id"], proposed)
        now = read(subject, world, run["id"])
        expected = {"state_id": entered["id"], "state_type": entered["type"], "state_name": entered["name"]}
        require_equal("the run's own fields", expected, {key: now.get(key) for key in expected})
        require_equal("the run's state", shown(entered), shown(now["state"]))


@check("states.kept", on=kinds)
def test_state_keeps_what_was_sent(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("PENDING"))
    sent = {"name": "Counting", "message": "7 of 9 — ☃", "data": _RESULT}
    (entered,) = walk(subject, client, run["id"], state("RUNNING") | sent)
    found = client.request("GET", f"{subject.states}{entered['id']}")
    if not found.is_success:
        raise Violation("a state can't be read", expected="2xx", observed=found.status_code)
    require_equal("the state as it reads", sent, {key: found.json().get(key) for key in sent})


@check("states.history", on=kinds)
def test_history_has_every_state_in_order(subject: Kind, client: Client, world: World) -> None:
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


@check("states.entry-by-id", on=kinds)
def test_state_is_read_by_its_id(subject: Kind, client: Client, world: World) -> None:
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


@check("states.run-count", on=kinds)
def test_run_count_counts_runs(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("PENDING"))
    counts = {"PENDING": run.get("run_count")}
    for type_, step in (("RUNNING", "run"), ("SCHEDULED", "scheduled again"), ("RUNNING", "run again")):
        walk(subject, client, run["id"], state(type_))
        counts[step] = read(subject, world, run["id"]).get("run_count")
    require_equal("run_count", {"PENDING": 0, "run": 1, "scheduled again": 1, "run again": 2}, counts)


@check("states.start-time", on=kinds)
def test_start_time_is_when_it_first_ran(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("PENDING"))
    require_equal("start_time of a run that has not started", None, run.get("start_time"))
    (running,) = walk(subject, client, run["id"], state("RUNNING"))
    _require_time("start_time of a run that has started", running, read(subject, world, run["id"]), "start_time")
    walk(subject, client, run["id"], state("SCHEDULED"), state("RUNNING"))
    _require_time("start_time of a run that has started twice", running, read(subject, world, run["id"]), "start_time")


@check("states.end-time", on=kinds)
def test_end_time_is_when_it_ended(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("RUNNING"))
    require_equal("end_time of a running run", None, run.get("end_time"))
    for type_ in ("COMPLETED", "FAILED"):
        (ended,) = walk(subject, client, run["id"], state(type_))
        _require_time(f"end_time of a {type_.lower()} run", ended, read(subject, world, run["id"]), "end_time")
        walk(subject, client, run["id"], state("RUNNING"))
        now = read(subject, world, run["id"])
        require_equal("end_time of a run that runs again", None, now.get("end_time"))


@check("states.expected-start-time", on=kinds)
def test_expected_start_time_is_the_scheduled_time(subject: Kind, client: Client, world: World) -> None:
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


@check("states.run-time", on=kinds)
def test_run_time_is_the_sum_of_the_runs(subject: Kind, client: Client, world: World) -> None:
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


# Runs of runs


@check("states.subflow", on=flow_states)
def test_parent_task_run_tracks_its_subflow(subject: str, client: Client, world: World) -> None:
    parent = begin(FLOW_RUNS, world, state("RUNNING"))
    task_run = begin(TASK_RUNS, world, state("PENDING"), flow_run_id=parent["id"])
    child = begin(FLOW_RUNS, world, state("PENDING"), parent_task_run_id=task_run["id"])
    proposed = state(subject) | {"name": "Tracked"}
    walk(FLOW_RUNS, client, child["id"], proposed)
    tracked = read(TASK_RUNS, world, task_run["id"])
    names = ("state_type", "state_name")
    require_equal("the parent task run", {"state_type": subject, "state_name": "Tracked"}, _only(tracked, names))


def identities(contract: Contract) -> Mapping[str, bool]:
    """Whether the task run belongs to a flow run; without one where the contract can do without."""
    if TASK_RUNS.collection not in kinds(contract):
        return {}
    found = {"task_runs of a flow run": True}
    if "flow_run_id" not in contract.required(TASK_RUNS.creates):
        found["task_runs without a flow run"] = False
    return found


@check("states.task-run-identity", on=identities)
def test_task_run_is_created_once(subject: bool, client: Client, world: World) -> None:
    shop = world.workshop
    body = {**RESOURCES["task_runs"].body(shop), "state": state("RUNNING")}
    if not subject:
        del body["flow_run_id"]
    first = shop.send(TASK_RUNS.creates, body)
    before = read(TASK_RUNS, world, first["id"])
    again = shop.send(TASK_RUNS.creates, {**body, "name": shop.name("again"), "state": state("PENDING")})
    require_equal("the id of the same task run", first["id"], again.get("id"))
    moving = RESOURCES["task_runs"].clock | {"updated"}
    after = read(TASK_RUNS, world, first["id"])
    require_equal("the task run that existed", without(moving, before), without(moving, after))
    others: dict[str, Record] = {key: {key: shop.name("other")} for key in ("dynamic_key", "task_key")}
    if subject:
        others["flow_run_id"] = {"flow_run_id": begin(FLOW_RUNS, world, state("PENDING"))["id"]}
    for key, other in others.items():
        if shop.send(TASK_RUNS.creates, body | other).get("id") == first["id"]:
            raise Violation(f"a task run with another {key} is taken for the same", observed=first["id"])


@dataclass(frozen=True)
class Family:
    """A running flow run whose task run `second` takes an input from `first`, and whose `tracking` runs `child`."""

    run: Record
    first: Record
    second: Record
    tracking: Record
    child: Record


def _family(world: World) -> Family:
    run = begin(FLOW_RUNS, world, state("RUNNING"))

    def task_run(inputs: Record) -> Record:
        return begin(TASK_RUNS, world, state("RUNNING"), flow_run_id=run["id"], task_inputs=inputs)

    first = task_run({})
    second = task_run({"size": [{"input_type": "task_run", "id": first["id"]}]})
    tracking = task_run({})
    child = begin(FLOW_RUNS, world, state("RUNNING"), parent_task_run_id=tracking["id"])
    return Family(run, first, second, tracking, child)


@check("states.graph", on=where("GET /flow_runs/{id}/graph"))
def test_graph_has_the_task_runs_and_what_they_need(subject: Kind, client: Client, world: World) -> None:
    family = _family(world)
    nodes = _graph(client, f"/flow_runs/{family.run['id']}/graph")
    found = {node["id"]: sorted(need["id"] for need in node["upstream_dependencies"]) for node in nodes}
    expected: dict[str, list[str]] = {one["id"]: [] for one in (family.first, family.second, family.tracking)}
    expected[family.second["id"]] = [family.first["id"]]
    require_equal("the task runs, and what each needs", expected, found)
    for node in nodes:
        now = read(TASK_RUNS, world, node["id"])
        require_equal("the state of a task run", shown(now["state"]), shown(node["state"]))


@check("states.graph-v2", on=where("GET /flow_runs/{id}/graph-v2"))
def test_graph_has_the_runs_and_their_edges(subject: Kind, client: Client, world: World) -> None:
    family = _family(world)
    graph = _graph(client, f"/flow_runs/{family.run['id']}/graph-v2")
    nodes = dict(graph["nodes"])
    first, second, child = (one["id"] for one in (family.first, family.second, family.child))
    require_equal(
        "the runs and their kinds",
        {first: "task-run", second: "task-run", child: "flow-run"},
        {id_: node["kind"] for id_, node in nodes.items()},
    )
    require_equal("the runs that need none", sorted((first, child)), sorted(graph["root_node_ids"]))
    edges = {
        id_: {end: sorted(edge["id"] for edge in node[end]) for end in ("parents", "children")}
        for id_, node in nodes.items()
    }
    alone: Record = {"parents": [], "children": []}
    expected = {first: {**alone, "children": [second]}, second: {**alone, "parents": [first]}, child: alone}
    require_equal("the edges", expected, edges)
    states = {id_: node["state_type"] for id_, node in nodes.items()}
    require_equal("the types of their states", dict.fromkeys(nodes, "RUNNING"), states)


def _graph(client: Client, path: str) -> Any:
    response = client.request("GET", path)
    if not response.is_success:
        raise Violation("the graph of a run can't be read", expected="2xx", observed=response.text[:400])
    return response.json()


# Many at once


_SAMPLE: Final = ("SCHEDULED", "RUNNING", "COMPLETED")
"""Types of state that the runs of a bulk operation are in: no two are answered the same for all of `_DIVIDING`."""

_DIVIDING: Final = ("PENDING", "PAUSED", "CANCELLING")


@dataclass(frozen=True)
class Bulk:
    """A type of state that many runs are asked to be in."""

    type: str
    force: bool


def bulks(contract: Contract) -> Mapping[str, Bulk]:
    """Types of state that some runs may enter and others may not, and one that is forced."""
    types = [type_ for type_ in FLOW_RUNS.types(contract) if type_ in _DIVIDING]
    found = {f"flow_runs ->{type_}": Bulk(type_, force=False) for type_ in types}
    return {**found, "flow_runs ->PENDING forced": Bulk("PENDING", force=True)}


@check("states.bulk-set", on=where(_BULK_SET, bulks))
def test_bulk_sets_each_state_as_singly(subject: Bulk, client: Client, world: World) -> None:
    proposed = state(subject.type)
    alone, together = ([begin(FLOW_RUNS, world, state(type_)) for type_ in _SAMPLE] for _ in range(2))
    bystander = begin(FLOW_RUNS, world, state("PENDING"))
    singly = [propose(FLOW_RUNS, client, run["id"], proposed, force=subject.force) for run in alone]
    ids = [run["id"] for run in together]
    answers = _bulk_set(client, ids, {"state": proposed, "force": subject.force})
    require_equal("the runs that are answered for", sorted(ids), sorted(answers))
    now = _by_id(client, [run["id"] for run in (*alone, *together, bystander)])
    expected = {
        type_: {"status": answer.status, "details": answer.details.get("type"), "now": now[run["id"]]["state_type"]}
        for type_, run, answer in zip(_SAMPLE, alone, singly, strict=True)
    }
    observed = {
        type_: {
            "status": answers[run["id"]].status,
            "details": answers[run["id"]].details.get("type"),
            "now": now[run["id"]]["state_type"],
        }
        for type_, run in zip(_SAMPLE, together, strict=True)
    }
    require_equal("what many at once do, and each by itself", expected, observed)
    require_equal("a run that was not asked for", bystander["state_id"], now[bystander["id"]]["state_id"])
    for run in together:
        require_true(run, subject.type, answers[run["id"]], now[run["id"]])


@check("states.bulk-limit", on=where(_BULK_SET))
def test_bulk_set_heeds_its_limit(subject: Kind, client: Client, world: World) -> None:
    ids = [begin(subject, world, state("PENDING"))["id"] for _ in range(3)]
    answers = _bulk_set(client, ids, {"state": state("RUNNING"), "limit": 2})
    running = [id_ for id_, run in _by_id(client, ids).items() if run["state_type"] == "RUNNING"]
    if len(answers) != 2 or sorted(running) != sorted(answers):
        raise Violation(
            "three runs match, and two were to be set",
            expected=2,
            observed={"answered": len(answers), "running": len(running)},
        )


def _bulk_set(client: Client, ids: list[str], body: Record) -> dict[str, Answer]:
    """The answers by the runs' ids."""
    response = client.request("POST", "/flow_runs/bulk_set_state", {"flow_runs": {"id": {"any_": ids}}, **body})
    results = response.json().get("results") if response.is_success else None
    if not isinstance(results, list):
        raise Violation(
            "a legal bulk_set_state is not answered with results",
            expected={"results": []},
            observed={"status": response.status_code, "body": response.text[:400]},
        )
    return {str(result.get("flow_run_id")): parse(result) for result in results}


@check("states.bulk-delete", on=where(_BULK_DELETE))
def test_bulk_delete_removes_what_it_names(subject: Kind, client: Client, world: World) -> None:
    ids = [begin(subject, world, state("PENDING"))["id"] for _ in range(4)]
    deleted = _bulk_delete(client, {"flow_runs": {"id": {"any_": ids[:3]}}, "limit": 2})
    left = sorted(_by_id(client, ids))
    if len(deleted) != 2 or not set(deleted) <= set(ids[:3]):
        raise Violation("three runs match, and two were to be deleted", expected=2, observed=deleted)
    require_equal("the runs that are left", sorted(set(ids) - set(deleted)), left)
    for id_ in deleted:
        found = client.request("GET", f"/flow_runs/{id_}")
        require_equal("the status of reading a deleted run", httpx.codes.NOT_FOUND, found.status_code)
        _require_no_states(client, subject, id_)
    again = _bulk_delete(client, {"flow_runs": {"id": {"any_": deleted}}})
    require_equal("what is deleted a second time", [], again)


def _bulk_delete(client: Client, body: Record) -> list[str]:
    response = client.request("POST", "/flow_runs/bulk_delete", body)
    deleted = response.json().get("deleted") if response.is_success else None
    if not isinstance(deleted, list):
        raise Violation(
            "a legal bulk_delete does not answer what it deleted",
            expected={"deleted": []},
            observed={"status": response.status_code, "body": response.text[:400]},
        )
    return deleted


def _by_id(client: Client, ids: list[str]) -> dict[str, Record]:
    """The flow runs of these ids that there are."""
    response = client.request("POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}})
    if not response.is_success:
        raise CouldNotRun(f"flow runs can't be queried: {response.status_code} {response.text[:200]}")
    return {run["id"]: run for run in response.json()}


# What is not there


@check("states.deleted-with-run", on=kinds)
def test_states_go_with_their_run(subject: Kind, client: Client, world: World) -> None:
    run = begin(subject, world, state("PENDING"))
    entered = [run["state"], *walk(subject, client, run["id"], state("RUNNING"), state("COMPLETED"))]
    world.workshop.send(f"DELETE /{subject.collection}/{{id}}", id=run["id"])
    _require_no_states(client, subject, run["id"])
    for one in entered:
        found = client.request("GET", f"{subject.states}{one['id']}")
        if found.status_code != httpx.codes.NOT_FOUND:
            raise Violation("a state of a deleted run can still be read", expected=404, observed=found.status_code)


def _require_no_states(client: Client, kind: Kind, id_: str) -> None:
    response = client.request("GET", kind.states, params={f"{kind.singular}_id": id_})
    if response.status_code != httpx.codes.NOT_FOUND and not (response.is_success and response.json() == []):
        raise Violation(
            "a deleted run still has states",
            expected="an empty list, or 404",
            observed={"status": response.status_code, "body": response.text[:300]},
        )


def state_operations(contract: Contract) -> Mapping[str, tuple[Operation, Record]]:
    """The operations that change the state of one run, and a body for each."""
    bodies = {kind.sets_state: {"state": state("RUNNING")} for kind in KINDS} | {_RESUME: {}}
    return {label: (contract.operations[label], body) for label, body in bodies.items() if label in contract.operations}


@check("states.unknown-run", on=state_operations)
def test_unknown_run_is_not_found(subject: tuple[Operation, Record], client: Client) -> None:
    operation, body = subject
    response = client.request("POST", operation.fill(dict.fromkeys(operation.placeholders, NOBODY)), body)
    if response.status_code != httpx.codes.NOT_FOUND:
        raise Violation(
            "a run that does not exist is asked for another state",
            expected=404,
            observed={"status": response.status_code, "body": response.text[:300]},
        )
