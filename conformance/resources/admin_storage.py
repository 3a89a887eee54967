"""The server's default storage of results: one setting, shared by everyone."""

from __future__ import annotations

from conformance.resources.base import Made, Record, Resource, Workshop
from conformance.resources.block_documents import BLOCK_DOCUMENTS


def body(shop: Workshop) -> Record:
    """The shared block document, whose schema can be written to."""
    return {"default_result_storage_block_id": shop.shared("block_documents").record["id"]}


def replacement(shop: Workshop, made: Made) -> Record:
    """A block document of its own."""
    return {"default_result_storage_block_id": BLOCK_DOCUMENTS.make(shop).record["id"]}


ADMIN_STORAGE = Resource(
    name="admin/storage",
    members=("/admin/storage",),
    creates="PUT /admin/storage",
    reads="GET /admin/storage",
    replaces="PUT /admin/storage",
    destroys="DELETE /admin/storage",
    body=body,
    replacement=replacement,
    singleton=True,
)
