"""Block schemas: of a block type, found again by the checksum of their fields."""

from __future__ import annotations

from conformance.resources.base import At, Record, Resource, Workshop, documented


def body(shop: Workshop) -> Record:
    """A schema with one field, under a title that makes its checksum new."""
    fields = {
        "block_type_id": shop.shared("block_types").record["id"],
        "fields": {
            "title": shop.name("block-schema"),
            "type": "object",
            "properties": {"value": {"title": "Value", "type": "string"}},
        },
        # Blocks that can be written to are the ones that may store the server's results.
        "capabilities": ["read-path", "write-path"],
        "version": "1.0",
    }
    return documented(shop, "POST /block_schemas/", fields)


BLOCK_SCHEMAS = Resource(
    name="block_schemas",
    members=("/block_schemas/{id}", "/block_schemas/checksum/{checksum}"),
    creates="POST /block_schemas/",
    reads="GET /block_schemas/{id}",
    destroys="DELETE /block_schemas/{id}",
    body=body,
    unique=("fields", "version"),
    parents={"block_types": {"id": "block_type_id"}},
    # The server notes which other blocks the fields refer to.
    completed=frozenset({"fields"}),
    criteria={"block_capabilities": At("capabilities")},
    filled=frozenset({"id", "block_type_id", "block_capabilities", "version"}),
)
