"""Leases of global concurrency slots: held by an id, renewed by it, shown nowhere."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop
from conformance.resources.v2_concurrency_limits import V2_CONCURRENCY_LIMITS

INCREMENT = "POST /v2/concurrency_limits/increment-with-lease"


def body(shop: Workshop) -> Record:
    """A slot of a new limit: to hold one of the shared limit would change that."""
    return {
        "slots": 1,
        "names": [V2_CONCURRENCY_LIMITS.make(shop).record["name"]],
        "mode": "concurrency",
        "lease_duration": 300,
    }


V2_CONCURRENCY_LIMIT_LEASES = Resource(
    name="v2/concurrency_limits/leases",
    members=("/v2/concurrency_limits/leases/{lease_id}",),
    creates=INCREMENT,
    body=body,
    hidden=frozenset({"slots", "names", "mode", "lease_duration"}),
)
