"""The views of the registry of collections: documents that the server brings, under names that it knows."""

from __future__ import annotations

from conformance.resources.base import Made, Resource, Workshop

VIEW = "aggregate-worker-metadata"
"""The view that every generation knows."""


def make(shop: Workshop) -> Made:
    """What is there already: nobody can make a view."""
    record = shop.send("GET /collections/views/{view}", view=VIEW)
    return Made("collections/views", record, {"view": VIEW})


COLLECTIONS_VIEWS = Resource(
    name="collections/views",
    members=("/collections/views/{view}",),
    reads="GET /collections/views/{view}",
    maker=make,
)
