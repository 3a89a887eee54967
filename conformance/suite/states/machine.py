"""The machine: what a run that is created in a state, or asked to be in another, does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite.calls import without
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.runs import (
    KINDS,
    Answer,
    Kind,
    begin,
    begin_able,
    history,
    propose,
    read,
    require_true,
    shown,
    state,
)
from conformance.suite.state_machine import ABORT, ACCEPT, REJECT, Promise
from conformance.suite.states.subjects import kinds
from conformance.target import Client
from conformance.world import World


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


def require_initial(subject: Beginning, client: Client, world: World) -> None:
    """A run is in the state that it was created with, and pending where it was created with none."""
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


def require_transitions(subject: Transition, client: Client, world: World) -> None:
    """A transition is answered, and the run ends, as promised; and the run reads as it was answered."""
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


def require_force(subject: Transition, client: Client, world: World) -> None:
    """A transition that is promised to fail is accepted where it is forced."""
    run = begin(subject.kind, world, state(subject.initial))
    answer = subject.propose(client, run, force=True)
    if answer.status != ACCEPT:
        raise Violation(
            f"orchestration answers {answer.status} to a forced transition", expected=ACCEPT, observed=answer.details
        )
    require_true(run, subject.proposed, answer, read(subject.kind, world, run["id"]))


def require_answer(subject: Transition, client: Client, world: World) -> None:
    """The details of an answer are of its status, and the state in it is the one that reads by its id."""
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


def require_refused_unchanged(subject: Transition, client: Client, world: World) -> None:
    """Neither the run nor its history are others after a transition was refused."""
    run = subject.begin(world)
    before = read(subject.kind, world, run["id"]), history(subject.kind, client, run["id"])
    answer = subject.propose(client, run)
    if answer.status not in (REJECT, ABORT):
        raise CouldNotRun(f"the server answers {answer.status} where a refusal is promised")
    after = read(subject.kind, world, run["id"]), history(subject.kind, client, run["id"])
    moving = RESOURCES[subject.kind.collection].clock | {"updated"}
    require_equal("the refused transition changed the run", *(without(moving, record) for record, _ in (before, after)))
    require_equal("the refused transition changed the run's history", before[1], after[1])
