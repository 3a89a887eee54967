"""Events: posted with an id of the sender's, counted and filtered once a service of the server stored them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from conformance.resources.base import At, Made, Reader, Record, Resource, Workshop, World

ID, ROLE = "prefect.resource.id", "prefect.resource.role"


def body(shop: Workshop) -> list[Record]:
    """One event about a resource that is not Prefect's."""
    name = shop.name("event")
    return [
        {
            # An id that follows from the name, so that the same run posts the same events.
            "id": str(uuid5(NAMESPACE_URL, name)),
            "occurred": "2024-01-01T00:00:00Z",
            "event": "conformance.happened",
            "resource": {"prefect.resource.id": f"conformance.{name}"},
            "related": [],
            "payload": {"size": 1},
        }
    ]


def make(shop: Workshop) -> Made:
    """An event as it was sent: no operation reads one by its id, and the list shows it only later."""
    sent = body(shop)
    shop.send("POST /events", sent)
    return Made("events", sent[0], {"countable": "event"}, sent)


def gathered(shop: Workshop, made: Sequence[Made]) -> list[Record]:
    """The records of all the events, as one page of the list shows them. Raises LookupError while some are missing."""
    sent = [member.record for member in made]
    answer = shop.send("POST /events/filter", {"filter": fence(sent), "limit": len(sent)})
    shown = {record["id"]: record for record in answer["events"]}
    if missing := [record["event"] for record in sent if record["id"] not in shown]:
        raise LookupError(f"the server does not show {len(missing)} of {len(sent)} events: {missing[0]} …")
    return [shown[record["id"]] for record in sent]


def fence(records: Sequence[Record]) -> Record:
    """These events and no others: by their ids, and in all the time in which they occurred.

    Without bounds the server looks at the last months only. They are a microsecond wider than need be: a server that
    takes a bound for exclusive fails on the bounds, not on everything.
    """
    moments = sorted(datetime.fromisoformat(record["occurred"]) for record in records)
    little = timedelta(microseconds=1)
    return {
        "occurred": {"since": (moments[0] - little).isoformat(), "until": (moments[-1] + little).isoformat()},
        "id": {"id": [record["id"] for record in records]},
    }


def involved(record: Record) -> Iterator[Record]:
    """The resource that the event is about, and those related to it."""
    yield record["resource"]
    yield from record["related"]


def _of(members: Callable[[Record], Iterator[Record]], read: Callable[[Record], Any]) -> Reader:
    """What `read` reads on each of several resources of an event; null where there is none."""

    def alternatives(record: Record, world: World) -> Any:
        return tuple(read(member) for member in members(record)) or None

    return alternatives


def _related(record: Record) -> Iterator[Record]:
    yield from record["related"]


def _label(name: str) -> Callable[[Record], Any]:
    return lambda resource: resource.get(name)


def _whole(resource: Record) -> Record:
    return resource


def _in_role(resource: Record) -> list[Any]:
    return [resource.get(ID), resource.get(ROLE)]


def text(record: Record, world: World) -> str:
    """What a text search looks at: the event's name, what its resources say of themselves, and its payload."""
    said = [value for resource in involved(record) for value in resource.values()]
    return " ".join([record["event"], *said, json.dumps(record["payload"], ensure_ascii=False)])


EVENTS = Resource(
    name="events",
    # The placeholder is one of four words that say by what to count.
    members=("/events/count-by/{countable}",),
    creates="POST /events",
    body=body,
    maker=make,
    criteria={
        "occurred": At("occurred"),
        "event": At("event"),
        "resource.id": lambda record, world: record["resource"][ID],
        "resource.id_prefix": lambda record, world: record["resource"][ID],
        "resource.labels": At("resource"),
        "related.id": _of(_related, _label(ID)),
        "related.role": _of(_related, _label(ROLE)),
        "related.resources_in_roles": _of(_related, _in_role),
        "related.labels": _of(_related, _whole),
        "any_resource.id": _of(involved, _label(ID)),
        "any_resource.id_prefix": _of(involved, _label(ID)),
        "any_resource.labels": _of(involved, _whole),
        "text": text,
    },
    members_of={
        "related": lambda record: [{**record, "related": [one]} for one in record["related"]],
        "any_resource": lambda record: [{**record, "resource": one, "related": []} for one in involved(record)],
    },
    filtered="filter",
    listed="events",
    fence=fence,
    gathered=gathered,
    filled=frozenset({"id", "occurred", "event", "resource", "any_resource", "text"}),
)
