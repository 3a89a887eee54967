"""Orchestration: what is around a run, or in it, that keeps it from a transition or makes another of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from conformance.contract import Contract
from conformance.oracle.operators import instant
from conformance.resources import Record
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.runs import (
    FLOW_RUNS,
    RESULT,
    TASK_RUNS,
    Kind,
    begin,
    begin_able,
    propose,
    read,
    require_true,
    shown,
    state,
    walk,
)
from conformance.suite.state_machine import ABORT, ACCEPT, REJECT, WAIT, Era
from conformance.suite.states.subjects import flow_states, kinds
from conformance.target import Client
from conformance.world import World

_RETRIES: Final = frozenset({"retries", "max_retries"})
"""How many times a failed run is retried: the first generations have the second name."""

_SKEW = 600
"""Seconds by which the clock of a server and the suite's may differ."""


@dataclass(frozen=True)
class Typed:
    """A type of state of one kind of run."""

    kind: Kind
    type: str


def early(contract: Contract) -> Mapping[str, Typed]:
    """The types of state that keep a scheduled time which a run may not start before."""
    return {
        f"{kind.collection} {type_}": Typed(kind, type_)
        for kind in kinds(contract).values()
        for type_ in (("SCHEDULED",) if kind.era(contract) is Era.FIRST else ("SCHEDULED", "PENDING"))
    }


def running_flows(contract: Contract) -> Mapping[str, str]:
    """Every type of state that a flow run may be in, where that decides whether its tasks run."""
    return {} if FLOW_RUNS.era(contract) is Era.FIRST else flow_states(contract)


def require_wait(subject: Typed, client: Client, world: World) -> None:
    """A run that is to start before its time is told to wait, and how long."""
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


def require_running_flow(subject: str, client: Client, world: World) -> None:
    """A task run starts while its flow run is running, and only then."""
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


def require_retries(subject: Kind, contract: Contract, client: Client, world: World) -> None:
    """A run with one retry is scheduled once more when it fails, after the delay, and fails the second time."""
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


def require_result(subject: Kind, client: Client, world: World) -> None:
    """A run that is completed with a result stays so."""
    run = begin_able(subject, world, state("PENDING"))
    walk(subject, client, run["id"], state("COMPLETED") | {"data": RESULT})
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


def require_transition_id(subject: Kind, client: Client, world: World) -> None:
    """A transition is not made twice under one id; the second answer shows what the first one made."""
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
