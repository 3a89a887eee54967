"""What is not there: the states of a run that is gone, and the run that never was."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from conformance.contract import Contract, Operation
from conformance.resources import Record
from conformance.suite.operands import NOBODY
from conformance.suite.outcome import Violation
from conformance.suite.runs import KINDS, Kind, begin, state, walk
from conformance.suite.states.pausing import RESUME
from conformance.target import Client
from conformance.world import World


def require_deleted_with_run(subject: Kind, client: Client, world: World) -> None:
    """Once a run is deleted, its states are neither listed nor read."""
    run = begin(subject, world, state("PENDING"))
    entered = [run["state"], *walk(subject, client, run["id"], state("RUNNING"), state("COMPLETED"))]
    world.workshop.send(f"DELETE /{subject.collection}/{{id}}", id=run["id"])
    require_no_states(client, subject, run["id"])
    for one in entered:
        found = client.request("GET", f"{subject.states}{one['id']}")
        if found.status_code != httpx.codes.NOT_FOUND:
            raise Violation("a state of a deleted run can still be read", expected=404, observed=found.status_code)


def require_no_states(client: Client, kind: Kind, id_: str) -> None:
    """No state of a deleted run is listed."""
    response = client.request("GET", kind.states, params={f"{kind.singular}_id": id_})
    if response.status_code != httpx.codes.NOT_FOUND and not (response.is_success and response.json() == []):
        raise Violation(
            "a deleted run still has states",
            expected="an empty list, or 404",
            observed={"status": response.status_code, "body": response.text[:300]},
        )


def state_operations(contract: Contract) -> Mapping[str, tuple[Operation, Record]]:
    """The operations that change the state of one run, and a body for each."""
    bodies = {kind.sets_state: {"state": state("RUNNING")} for kind in KINDS} | {RESUME: {}}
    return {label: (contract.operations[label], body) for label, body in bodies.items() if label in contract.operations}


def require_unknown_run(subject: tuple[Operation, Record], client: Client) -> None:
    """A run that does not exist is not found when it is asked for another state."""
    operation, body = subject
    response = client.request("POST", operation.fill(dict.fromkeys(operation.placeholders, NOBODY)), body)
    if response.status_code != httpx.codes.NOT_FOUND:
        raise Violation(
            "a run that does not exist is asked for another state",
            expected=404,
            observed={"status": response.status_code, "body": response.text[:300]},
        )
