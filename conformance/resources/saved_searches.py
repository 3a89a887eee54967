"""Saved searches: a PUT creates one, and replaces the one of the same name."""

from __future__ import annotations

from conformance.resources.base import Made, Record, Resource, Workshop


def search(name: str, value: str) -> Record:
    """A search for flows by name."""
    clause = {"object": "flow", "property": "name", "type": "string", "operation": "equals", "value": value}
    return {"name": name, "filters": [clause]}


def body(shop: Workshop) -> Record:
    """A search under a new name."""
    return search(shop.name("search"), "one")


def replacement(shop: Workshop, made: Made) -> Record:
    """Another search under the same name, which is what the server finds it by."""
    return search(made.record["name"], "two")


SAVED_SEARCHES = Resource(
    name="saved_searches",
    members=("/saved_searches/{id}",),
    creates="PUT /saved_searches/",
    reads="GET /saved_searches/{id}",
    replaces="PUT /saved_searches/",
    destroys="DELETE /saved_searches/{id}",
    body=body,
    unique=("name",),
    again="updates",
    replacement=replacement,
    # The query has no filter.
    fence=None,
)
