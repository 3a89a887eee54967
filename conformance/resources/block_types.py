"""Block types, found again by their slug."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop, link


def body(shop: Workshop) -> Record:
    """A block type of the suite's own; those that Prefect brings are protected."""
    slug = shop.name("block-type")
    return {
        "name": slug,
        "slug": slug,
        "logo_url": "https://example.com/logo.png",
        "documentation_url": "https://example.com/docs",
        "description": "made by the conformance suite",
        "code_example": "print('one')",
    }


BLOCK_TYPES = Resource(
    name="block_types",
    members=("/block_types/{id}", "/block_types/slug/{slug}"),
    creates="POST /block_types/",
    reads="GET /block_types/{id}",
    updates="PATCH /block_types/{id}",
    destroys="DELETE /block_types/{id}",
    body=body,
    unique=("slug",),
    patches={
        "logo_url": "https://example.com/other.png",
        "documentation_url": "https://example.com/other",
        "description": "changed by the conformance suite",
        "code_example": "print('two')",
    },
    related=(link("block_schemas", "id", "block_type_id"),),
    # Early generations filter types by a part of their name only, which others' may have too.
    fence=None,
    filled=frozenset({"name", "slug"}),
)
