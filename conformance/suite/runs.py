"""Runs of flows and of tasks: begun in a state, asked to change it, and read with their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conformance.contract import Contract
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.state_machine import ABORT, ACCEPT, REJECT, WAIT, Era, Promise, era, promise
from conformance.target import Client
from conformance.world import World

_PAST: Final = "2024-05-06T07:08:09+00:00"
RESULT: Final[Record] = {"encoding": "json", "blob": "[7, 9]"}
"""The data of a state: the first generations take a document of this form, the later ones anything."""

_SHOWN: Final = ("id", "type", "name", "timestamp", "message")
"""What is compared of a state that is shown in two places."""


@dataclass(frozen=True)
class Kind:
    """Flow runs or task runs: two collections with the same life."""

    collection: str

    @property
    def singular(self) -> str:
        """`flow_run`."""
        return self.collection.removesuffix("s")

    @property
    def creates(self) -> str:
        """The operation that creates a run."""
        return f"POST /{self.collection}/"

    @property
    def sets_state(self) -> str:
        """The operation that changes a run's state."""
        return f"POST /{self.collection}/{{id}}/set_state"

    @property
    def states(self) -> str:
        """Where the states are listed and read."""
        return f"/{self.singular}_states/"

    def details(self, contract: Contract) -> Mapping[str, Any]:
        """The documented properties of a state's details."""
        found: Mapping[str, Any] = contract.resolve(self._state(contract).get("state_details", {})).get(
            "properties", {}
        )
        return found

    def types(self, contract: Contract) -> Sequence[str]:
        """The types of state that a run may be asked to be in; none where the contract lacks the operation."""
        found: Sequence[str] = contract.resolve(self._state(contract).get("type", {})).get("enum", ())
        return found

    def era(self, contract: Contract) -> Era:
        """Which of the rules of orchestration the contract is of."""
        return era(self.types(contract), self.details(contract))

    def promise(self, contract: Contract, initial: str, proposed: str) -> Promise:
        """What one transition is promised to do."""
        return promise(self.collection, self.era(contract), initial, proposed)

    def _state(self, contract: Contract) -> Mapping[str, Any]:
        proposed = contract.body_properties(self.sets_state).get("state", {})
        properties: Mapping[str, Any] = contract.resolve(proposed).get("properties", {})
        return properties


FLOW_RUNS: Final = Kind("flow_runs")
TASK_RUNS: Final = Kind("task_runs")
KINDS: Final = (FLOW_RUNS, TASK_RUNS)


@dataclass(frozen=True)
class Answer:
    """What the proposal of a state is answered."""

    status: str
    state: Record | None
    details: Record


def state(type_: str, **details: Any) -> Record:
    """A state to propose. A scheduled one was due long ago, unless `details` say otherwise."""
    if type_ == "SCHEDULED":
        details = {"scheduled_time": _PAST, **details}
    return {"type": type_, "state_details": details} if details else {"type": type_}


def begin(kind: Kind, world: World, proposed: Record | None, **fields: Any) -> Record:
    """A new run in the state `proposed` (None: it is left to the server), as creating it answered.

    Raises CouldNotRun where it is in another type of state.
    """
    body = {**RESOURCES[kind.collection].body(world.workshop), **fields, "state": proposed}
    run: Record = world.workshop.send(kind.creates, {key: value for key, value in body.items() if value is not None})
    if proposed is not None and run.get("state_type") != proposed["type"]:
        raise CouldNotRun(f"a run that is created {proposed['type']} is {run.get('state_type')}")
    return run


def begin_able(kind: Kind, world: World, proposed: Record, **fields: Any) -> Record:
    """`begin`, where nothing around the run keeps it from running: the flow run of a task run is running."""
    if kind is TASK_RUNS:
        fields["flow_run_id"] = begin(FLOW_RUNS, world, state("RUNNING"))["id"]
    return begin(kind, world, proposed, **fields)


def propose(kind: Kind, client: Client, id_: str, proposed: Record, *, force: bool = False) -> Answer:
    """Ask a run to be in a state. Raises Violation where that is not answered as documented."""
    body = {"state": proposed, "force": True} if force else {"state": proposed}
    return answer_of(client, f"/{kind.collection}/{id_}/set_state", body)


def answer_of(client: Client, path: str, body: Any) -> Answer:
    """What a request for another state is answered. Raises Violation where it is not answered as documented."""
    response = client.request("POST", path, body)
    if not response.is_success:
        raise Violation(
            "a legal request is not answered with 2xx",
            expected="2xx",
            observed={"status": response.status_code, "body": response.text[:400]},
        )
    return parse(response.json())


def parse(answer: Any) -> Answer:
    """An answer's parts. Raises Violation where it lacks them."""
    if isinstance(answer, dict):
        status, shown, details = (answer.get(key) for key in ("status", "state", "details"))
        if status in (ACCEPT, REJECT, ABORT, WAIT) and isinstance(details, dict) and isinstance(shown, dict | None):
            return Answer(status, shown, details)
    raise Violation(
        "the answer is no result of orchestration", expected=["status", "state", "details"], observed=answer
    )


def walk(kind: Kind, client: Client, id_: str, *proposed: Record) -> list[Record]:
    """The states that a run is forced through, one after the other. Raises CouldNotRun where one is not accepted."""
    passed: list[Record] = []
    for one in proposed:
        answer = propose(kind, client, id_, one, force=True)
        if answer.status != ACCEPT or answer.state is None:
            raise CouldNotRun(f"a run can't be forced to be {one['type']}: {answer}")
        passed.append(answer.state)
    return passed


def read(kind: Kind, world: World, id_: str) -> Record:
    """The run as it reads now."""
    run: Record = world.workshop.send(f"GET /{kind.collection}/{{id}}", id=id_)
    return run


def history(kind: Kind, client: Client, id_: str) -> list[Record]:
    """The states of a run, by their timestamps. Raises Violation where they are not listed."""
    response = client.request("GET", kind.states, params={f"{kind.singular}_id": id_})
    listed = response.json() if response.is_success else None
    if not isinstance(listed, list):
        raise Violation(
            "the states of a run are not listed",
            expected=[],
            observed={"status": response.status_code, "body": response.text[:400]},
        )
    return sorted(listed, key=lambda one: instant(one["timestamp"]))


def shown(one: Record | None) -> Record:
    """What is compared of a state that is shown in two places."""
    return {key: (one or {}).get(key) for key in _SHOWN}


def require_true(before: Record, proposed: str, answer: Answer, after: Record) -> None:
    """Raise Violation unless a run reads as the answer says: in the state that it shows, or where it was."""
    if answer.state is not None:
        require_equal("the run is not in the state that the answer shows", shown(answer.state), shown(after["state"]))
    if answer.status == ACCEPT:
        require_equal("the type of the accepted state", proposed, after["state_type"])
        if after["state_id"] == before["state_id"]:
            raise Violation("the transition is accepted, and the run is still in the state that it was in")
    elif answer.status != REJECT or answer.state is None:
        require_equal("the state of the run that was not to change", before["state_id"], after["state_id"])
