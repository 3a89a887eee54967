"""A small contract, and others that differ from it in some places."""

from __future__ import annotations

import copy
from typing import Any

BASE: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/things/": {
            "post": {
                "parameters": [{"name": "dry", "in": "query", "schema": {"type": "boolean"}}],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingCreate"}}},
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
                },
            }
        },
        "/things/filter": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "things": {"$ref": "#/components/schemas/ThingFilter"},
                                    "sort": {"enum": ["NAME_ASC", "NAME_DESC"]},
                                    "limit": {"type": "integer"},
                                },
                            }
                        }
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
                            }
                        }
                    }
                },
            }
        },
        "/version": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "string"}}}}}}},
    },
    "components": {
        "schemas": {
            "Colour": {"type": "string", "enum": ["red", "green"]},
            "ThingFilter": {
                "type": "object",
                "properties": {
                    "name": {
                        "type": "object",
                        "properties": {
                            "any_": {"type": "array", "items": {"type": "string"}},
                            "like_": {"type": "string"},
                        },
                    }
                },
            },
            "ThingCreate": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "size": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    "colour": {"$ref": "#/components/schemas/Colour"},
                },
            },
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "note": {"type": "string"},
                    "hue": {"enum": ["dark", "light"], "type": "string"},
                },
            },
        }
    },
}

CREATE, QUERY, VERSION = "POST /things/", "POST /things/filter", "GET /version"
SCHEMAS = ("components", "schemas")
POST = ("paths", "/things/", "post")
QUERIED = ("paths", "/things/filter", "post", "requestBody", "content", "application/json", "schema", "properties")


def changed(*edits: tuple[tuple[str | int, ...], Any]) -> dict[str, Any]:
    """The document with other values in these places; `...` takes one away."""
    document = copy.deepcopy(BASE)
    for place, value in edits:
        inner: Any = document
        for key in place[:-1]:
            inner = inner[key]
        if value is ...:
            del inner[place[-1]]
        else:
            inner[place[-1]] = value
    return document
