"""Block documents: of a block schema, found again by the slug of their type and their own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.resources.base import At, Record, Resource, Workshop, World, link
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


def by_type(records: Sequence[Record]) -> Record:
    """The documents of the records' types, which no others have: early generations don't filter by id."""
    return {"block_type_id": {"any_": sorted({record["block_type_id"] for record in records})}}


def without_anonymous(filter_: Mapping[str, Any] | None) -> Record:
    """The document: "Filter criteria for `BlockDocument.is_anonymous`. Defaults to excluding anonymous blocks"."""
    return {"is_anonymous": {"eq_": False}, **(filter_ or {})}


def type_and_name(record: Record, world: World) -> Any:
    """The name of the type, which some generations show inside another object only, and the document's own."""
    return At("block_type_name", "block_type.name")(record, world), record["name"]


BLOCK_DOCUMENTS = Resource(
    name="block_documents",
    wildcards=frozenset({"name"}),
    ascii=frozenset({"name"}),
    members=("/block_documents/{id}", "/block_types/slug/{block_type_slug}/block_documents/name/{name}"),
    creates="POST /block_documents/",
    reads="GET /block_documents/{id}",
    updates="PATCH /block_documents/{id}",
    destroys="DELETE /block_documents/{id}",
    body=body,
    unique=("block_type_id", "name"),
    parents={"block_types": {"id": "block_type_id"}, "block_schemas": {"id": "block_schema_id"}},
    lists=("/block_types/slug/{block_type_slug}/block_documents",),
    addressed=addressed,
    # Not here: `merge_existing_data`, which says how to patch.
    patches={
        "data": {"value": "two"},
        "block_schema_id": lambda shop, record: BLOCK_SCHEMAS.make(shop).record["id"],
    },
    moves={"block_schema_id": frozenset({"block_schema"})},
    related=(link("block_types", "block_type_id", "id"), link("block_schemas", "block_schema_id", "id")),
    sorts={"BLOCK_TYPE_AND_NAME": type_and_name},
    fence=by_type,
    meant=without_anonymous,
    # An anonymous document that is sent without a name is given one.
    filled=frozenset({"id", "name", "is_anonymous", "block_type_id"}),
)
