"""Concurrency limits of the first kind: on the task runs that carry a tag."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop


def body(shop: Workshop) -> Record:
    """A limit on a tag that no task run carries."""
    return {"tag": shop.name("tag"), "concurrency_limit": 5}


CONCURRENCY_LIMITS = Resource(
    name="concurrency_limits",
    members=("/concurrency_limits/{id}", "/concurrency_limits/tag/{tag}"),
    creates="POST /concurrency_limits/",
    reads="GET /concurrency_limits/{id}",
    destroys="DELETE /concurrency_limits/{id}",
    body=body,
    unique=("tag",),
    # The query has no filter.
    fence=None,
)
