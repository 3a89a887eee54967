"""The events that a server emits of its own accord: what happens to an object, and the events about it afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

from conformance.contract import Contract
from conformance.resources import RESOURCES, Made, Record, Resource
from conformance.suite.calls import call
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.suite.runs import FLOW_RUNS, begin, state
from conformance.target import BUSY, Client
from conformance.world import World

QUERY: Final = "POST /events/filter"

_PATIENCE: Final = 10.0
"""Seconds in which an event is expected to be there. Prefect writes them once a second."""

_AFTERWARDS: Final = 2.0
"""Seconds after which no event of earlier is expected any more, once one of later is there."""

_EVERY: Final = 0.2

LIFE: Final = ("created", "updated", "deleted")

_TRIES: Final = 3
"""Times that a story is told to a busy target."""

Subject = TypeVar("Subject")

Story = Callable[[Subject, Client, World], None]
"""A check that makes something happen, and holds what events tell against that."""


@dataclass(frozen=True)
class Kind:
    """A kind of object: its collection, what events call it, and a field that is changed."""

    collection: str
    name: str
    field: str

    @property
    def resource(self) -> Resource:
        """Its collection."""
        return RESOURCES[self.collection]

    def event(self, what: str) -> str:
        """`prefect.work-pool.updated`."""
        return f"prefect.{self.name}.{what}"

    def id(self, record: Record) -> str:
        """What events call one of them: `prefect.work-pool.<id>`."""
        return f"prefect.{self.name}.{record['id']}"


KINDS: Final = (
    Kind("flows", "flow", "tags"),
    Kind("deployments", "deployment", "description"),
    Kind("work_pools", "work-pool", "description"),
    Kind("work_pools/queues", "work-queue", "description"),
    Kind("block_types", "block-type", "description"),
    Kind("block_documents", "block-document", "data"),
    Kind("variables", "variable", "value"),
    Kind("automations", "automation", "enabled"),
    Kind("v2/concurrency_limits", "concurrency-limit", "limit"),
)


def undisturbed(story: Story[Subject]) -> Story[Subject]:
    """The same check, which is tried anew where it fails and the target was too busy for a part of what happened.

    A write that a database refuses half way may have told its event already: Prefect 3.9.1 tells that a flow is
    deleted, and deletes it then. Sent again, it is told twice, for what came to pass once. Raises CouldNotRun where
    the target is busy each time.
    """

    @wraps(story)
    def told(subject: Subject, client: Client, world: World) -> None:
        for _ in range(_TRIES):
            before = client.journal.count(BUSY)
            try:
                return story(subject, client, world)
            except Violation:
                if client.journal.count(BUSY) == before:
                    raise
        raise CouldNotRun("the target is too busy to tell what happened from what it refused")

    return told


def emitting(contract: Contract, *collections: str) -> Mapping[str, Kind]:
    """The kinds of a contract that can be asked for events, by collection; of some `collections` or of all."""
    return {
        kind.collection: kind
        for kind in KINDS
        if QUERY in contract.operations
        and kind.resource.creates in contract.operations
        and (not collections or kind.collection in collections)
    }


def change(kind: Kind, world: World, client: Client, made: Made) -> tuple[Any, Any]:
    """Change the field of a member, and return its value before and after."""
    before = kind.resource.read_back(world.workshop, made).record
    value = kind.resource.patch(world.workshop, kind.field, before)
    _send(str(kind.resource.updates), world, client, made, {kind.field: value})
    return before.get(kind.field), value


def destroy(kind: Kind, world: World, client: Client, made: Made) -> None:
    """Delete a member."""
    _send(str(kind.resource.destroys), world, client, made)


def _send(operation: str, world: World, client: Client, made: Made, body: Any = None) -> None:
    answer = call(world.workshop.contract.operations[operation], world, made).send(client, body)
    if not answer.is_success:
        raise Violation(f"{operation} is refused", expected="2xx", observed=f"{answer.status_code} {answer.text[:300]}")


def about(client: Client, resource: Mapping[str, Any]) -> list[Record]:
    """The events about a resource, earliest first. Raises Violation where they can't be asked for."""
    asked = {"filter": {"resource": dict(resource), "order": "ASC"}, "limit": 50}
    answer = client.request("POST", QUERY.removeprefix("POST "), asked)
    if not answer.is_success:
        raise Violation("events are refused", expected="2xx", observed=f"{answer.status_code} {answer.text[:300]}")
    found: list[Record] = answer.json()["events"]
    return found


def await_events(
    client: Client, world: World, resource: Mapping[str, Any], expected: Callable[[list[Record]], bool]
) -> list[Record]:
    """The events about a resource, once they are as `expected`, or when nothing more is to come.

    Events are written some time after what they tell of. When one that happened later is there, a run that has begun,
    those before it are soon there too. Raises CouldNotRun where not even that one comes.
    """
    if expected(found := about(client, resource)):
        return found
    later = f"prefect.flow-run.{begin(FLOW_RUNS, world, state('RUNNING'))['id']}"
    began, seen = time.monotonic(), 0.0
    while True:
        time.sleep(_EVERY)
        if expected(found := about(client, resource)):
            return found
        now = time.monotonic()
        if not seen and about(client, {"id": [later]}):
            seen = now
        if seen and now - seen > _AFTERWARDS:
            return found
        if now - began > _PATIENCE:
            raise CouldNotRun(
                f"the target tells of no event within {_PATIENCE:.0f} s, not of a run that has begun either"
            )


def names(found: list[Record], kind: str, among: tuple[str, ...] = ()) -> list[str]:
    """What events say happened to a kind of object: `created`. Of those `among`, where some are named."""
    said = [str(event["event"]).removeprefix(f"prefect.{kind}.") for event in found]
    return [name for name in said if not among or name in among]
