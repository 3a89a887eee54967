"""Blocks with secrets: their types, schemas and documents, as a client of the API makes them for its own classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.resources import RESOURCES, Made, Record, Workshop
from conformance.resources.base import documented

SECRET_FIELD: Record = {"title": "Password", "type": "string", "writeOnly": True, "format": "password"}


@dataclass(frozen=True)
class SecretBlock:
    """A block document with a secret.

    `created` is the answer of the create; `visible` is a value that every reader may see, and that tells the
    document from others; `secret` is the one that none may, unless it asks.
    """

    slug: str
    type_id: str
    schema: Record
    created: Record
    visible: str
    secret: str

    @property
    def made(self) -> Made:
        """The document as a member of its collection."""
        return Made("block_documents", self.created, {"block_type_slug": self.slug})


def plain(shop: Workshop) -> SecretBlock:
    """A document with a secret field."""
    fields = {"properties": _LOGIN, "secret_fields": ["password"]}
    visible, secret = _values(shop)
    return _block(shop, fields, login(visible, secret), visible, secret)


def dictionary(shop: Workshop) -> SecretBlock:
    """A document with a dictionary whose values are all secret."""
    headers = {"title": "Headers", "type": "object", "additionalProperties": SECRET_FIELD}
    fields = {
        "properties": {"login": {"title": "Login", "type": "string"}, "headers": headers},
        "secret_fields": ["headers.*"],
    }
    visible, secret = _values(shop)
    return _block(shop, fields, {"login": visible, "headers": {"authorization": secret}}, visible, secret)


def referring(shop: Workshop) -> SecretBlock:
    """A document that refers to another one, which has the secret."""
    inner = plain(shop)
    data = {"inner": {"$ref": {"block_document_id": inner.created["id"]}}}
    return _block(shop, _around(inner), data, inner.visible, inner.secret)


def holding(shop: Workshop) -> SecretBlock:
    """A document with another block written into its own data, secret and all."""
    inner = plain(shop)
    visible, secret = _values(shop)
    return _block(shop, _around(inner), {"inner": login(visible, secret)}, visible, secret)


def login(visible: str, secret: str) -> Record:
    """The data of a document with a secret field."""
    return {"login": visible, "password": secret}


_LOGIN: Record = {"login": {"title": "Login", "type": "string"}, "password": SECRET_FIELD}


def _values(shop: Workshop) -> tuple[str, str]:
    return shop.name("login"), shop.name("hush")


def _around(inner: SecretBlock) -> Record:
    """The fields of a block with another block in it, whose secret is its own too."""
    definition = {key: inner.schema["fields"][key] for key in ("title", "type", "properties", "secret_fields")} | {
        "block_type_slug": inner.slug,
        "block_schema_references": {},
    }
    reference = {"block_type_slug": inner.slug, "block_schema_checksum": inner.schema["checksum"]}
    return {
        "properties": {"inner": {"$ref": "#/definitions/Inner"}},
        "definitions": {"Inner": definition},
        "block_schema_references": {"inner": reference},
        "secret_fields": ["inner.password"],
    }


def _block(shop: Workshop, fields: Record, data: Any, visible: str, secret: str) -> SecretBlock:
    kind = RESOURCES["block_types"].make(shop).record
    schema = {
        "block_type_id": kind["id"],
        "fields": {"title": shop.name("secret"), "type": "object", "block_schema_references": {}, **fields},
        "capabilities": [],
        "version": "1.0",
    }
    made = shop.send("POST /block_schemas/", documented(shop, "POST /block_schemas/", schema))
    document = {
        "name": shop.name("block"),
        "data": data,
        "block_schema_id": made["id"],
        "block_type_id": kind["id"],
        "is_anonymous": False,
    }
    created = shop.send("POST /block_documents/", document)
    return SecretBlock(kind["slug"], kind["id"], made, created, visible, secret)
