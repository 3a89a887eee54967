"""Variables, addressed by id and by name."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop


def name(shop: Workshop) -> str:
    """A new name: early generations take no dashes."""
    return shop.name("variable").replace("-", "_")


def body(shop: Workshop) -> Record:
    """A text: the first generations take nothing else."""
    return {"name": name(shop), "value": "one", "tags": ["red", "blue"]}


VARIABLES = Resource(
    name="variables",
    wildcards=frozenset({"name", "value"}),
    ascii=frozenset({"name"}),
    members=("/variables/{id}", "/variables/name/{name}"),
    creates="POST /variables/",
    reads="GET /variables/{id}",
    updates="PATCH /variables/{id}",
    destroys="DELETE /variables/{id}",
    body=body,
    unique=("name",),
    patches={"name": lambda shop, record: name(shop), "value": "two", "tags": ["green"]},
    # The generations that filter by value take texts only.
    filled=frozenset({"id", "name", "value", "tags"}),
)
