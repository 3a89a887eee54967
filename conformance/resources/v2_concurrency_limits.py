"""Global concurrency limits, addressed by id or by name alike."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop, documented


def body(shop: Workshop) -> Record:
    """A limit of five slots, none of them taken, that do not decay."""
    fields = {
        "name": shop.name("limit"),
        "limit": 5,
        "active": True,
        "active_slots": 0,
        "denied_slots": 0,
        "slot_decay_per_second": 0.0,
    }
    return documented(shop, "POST /v2/concurrency_limits/", fields)


V2_CONCURRENCY_LIMITS = Resource(
    name="v2/concurrency_limits",
    members=("/v2/concurrency_limits/{id}", "/v2/concurrency_limits/{name}"),
    creates="POST /v2/concurrency_limits/",
    reads="GET /v2/concurrency_limits/{id_or_name}",
    updates="PATCH /v2/concurrency_limits/{id_or_name}",
    destroys="DELETE /v2/concurrency_limits/{id_or_name}",
    body=body,
    unique=("name",),
    # Only the answer to a create shows it.
    hidden=frozenset({"denied_slots"}),
    patches={
        "name": lambda shop, record: shop.name("renamed"),
        "limit": 7,
        "active": False,
        "active_slots": 2,
        "slot_decay_per_second": 0.5,
    },
    # The query has no filter.
    fence=None,
)
