"""Events: posted with an id of the sender's, counted and filtered once a service of the server stored them."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from conformance.resources.base import Made, Record, Resource, Workshop


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


EVENTS = Resource(
    name="events",
    # The placeholder is one of four words that say by what to count.
    members=("/events/count-by/{countable}",),
    creates="POST /events",
    body=body,
    maker=make,
)
