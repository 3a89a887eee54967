"""Block documents: of a block schema, found again by the slug of their type and their own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.resources.base import Record, Resource, Workshop
from conformance.resources.block_schemas import BLOCK_SCHEMAS


def body(shop: Workshop) -> Record:
    """A document of the shared schema."""
    schema = shop.shared("block_schemas").record
    return {
        "name": shop.name("block"),
        "data": {"value": "one"},
        "block_schema_id": schema["id"],
        "block_type_id": schema["block_type_id"],
        "is_anonymous": False,
    }


def addressed(shop: Workshop, sent: Any) -> Mapping[str, str]:
    """The slug of the type, which early generations show only inside another object."""
    return {"block_type_slug": shop.shared("block_types").record["slug"]}


BLOCK_DOCUMENTS = Resource(
    name="block_documents",
    members=("/block_documents/{id}", "/block_types/slug/{block_type_slug}/block_documents/name/{name}"),
    creates="POST /block_documents/",
    reads="GET /block_documents/{id}",
    updates="PATCH /block_documents/{id}",
    destroys="DELETE /block_documents/{id}",
    body=body,
    addressed=addressed,
    # Not here: `merge_existing_data`, which says how to patch.
    patches={
        "data": {"value": "two"},
        "block_schema_id": lambda shop, record: BLOCK_SCHEMAS.make(shop).record["id"],
    },
    moves={"block_schema_id": frozenset({"block_schema"})},
)
