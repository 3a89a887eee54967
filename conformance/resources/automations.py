"""Automations: a trigger and its actions, perhaps owned by a resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.resources.base import Made, Record, Resource, Workshop, documented


def automation(name: str, description: str, threshold: int) -> Record:
    """An automation that waits for events that nobody sends, and does nothing then."""
    return {
        "name": name,
        "description": description,
        "enabled": True,
        "tags": ["red", "blue"],
        "trigger": {
            "type": "event",
            "match": {"prefect.resource.id": f"conformance.{name}"},
            "expect": ["conformance.never"],
            "posture": "Reactive",
            "threshold": threshold,
            "within": 0,
        },
        "actions": [{"type": "do-nothing"}],
    }


def body(shop: Workshop) -> Record:
    """An automation owned by a resource of its own, so that deleting what that owns deletes nothing else."""
    name = shop.name("automation")
    fields = automation(name, "made by the conformance suite", 1) | {"owner_resource": f"conformance.owner.{name}"}
    return documented(shop, "POST /automations/", fields)


def addressed(shop: Workshop, sent: Any) -> Mapping[str, str]:
    """The owner, which the record does not show."""
    return {"owner_resource": sent["owner_resource"]}


def replacement(shop: Workshop, made: Made) -> Record:
    """The same automation with another text and threshold."""
    fields = automation(made.record["name"], "replaced by the conformance suite", 2)
    return documented(shop, "PUT /automations/{id}", fields)


def by_name(records: Sequence[Record]) -> Record:
    """A filter by the names that the run gave: early generations don't filter by id."""
    return {"name": {"any_": sorted({record["name"] for record in records})}}


AUTOMATIONS = Resource(
    name="automations",
    members=(
        "/automations/{id}",
        "/automations/related-to/{owner_resource}",
        "/automations/owned-by/{owner_resource}",
    ),
    creates="POST /automations/",
    reads="GET /automations/{id}",
    updates="PATCH /automations/{id}",
    replaces="PUT /automations/{id}",
    destroys="DELETE /automations/{id}",
    body=body,
    addressed=addressed,
    hidden=frozenset({"owner_resource"}),
    # The server fills in the rest of a trigger, and gives it an id.
    completed=frozenset({"trigger"}),
    patches={"enabled": False},
    replacement=replacement,
    fence=by_name,
    filled=frozenset({"id", "name", "created", "tags"}),
)
