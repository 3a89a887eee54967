"""Pauses: from what a run can be resumed, and where it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from conformance.contract import Contract
from conformance.resources import Record
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.runs import FLOW_RUNS, answer_of, begin, read, require_true, state, walk
from conformance.suite.state_machine import ABORT, ACCEPT, REJECT
from conformance.target import Client
from conformance.world import World

RESUME: Final = "POST /flow_runs/{id}/resume"


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


def require_resume(subject: Pause, client: Client, world: World) -> None:
    """A pause is resumed from, in time; nothing else is."""
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
