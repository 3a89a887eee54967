"""A small contract, exchanges with a server of it, and what they show of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from verdict_samples import MUST, judged, ledger

from conformance.contract import Contract
from conformance.target import Exchange, Journal, Sightings
from conformance.verdicts.api_coverage import ApiCoverage, Reached
from conformance.verdicts.ledger import Ledger

JSON = {"content-type": "application/json; charset=utf-8"}
ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/things/{id}": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
            ],
            "get": {
                "parameters": [
                    {"name": "full", "in": "query", "schema": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}},
                    {
                        "name": "tag",
                        "in": "query",
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Colour"}},
                    },
                    {"name": "X-Api-Version", "in": "header", "schema": {"type": "string"}},
                    {"name": "session", "in": "cookie", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}},
                            "text/csv": {},
                        }
                    },
                    "404": ERROR,
                    "default": {},
                },
            },
            "delete": {"responses": {"204": {}, "4XX": {}}},
        },
        "/things/filter": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "properties": {
                                    "things": {"$ref": "#/components/schemas/ThingFilter"},
                                    "sort": {"enum": ["NAME_ASC", "NAME_DESC"]},
                                    "options": {
                                        "type": "object",
                                        "properties": {"strict": {"type": "boolean"}, "since": {"format": "date-time"}},
                                    },
                                    "steps": {
                                        "type": "array",
                                        "items": {"properties": {"kind": {"const": "wait"}, "n": {"enum": [1, 2]}}},
                                    },
                                    "labels": {"additionalProperties": {"properties": {"on": {"type": "boolean"}}}},
                                }
                            }
                        },
                        "application/x-www-form-urlencoded": {},
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
                            }
                        }
                    },
                    "422": ERROR,
                },
            }
        },
        "/version": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "string"}}}}}}},
    },
    "components": {
        "schemas": {
            "Colour": {"enum": ["red", "green"], "type": "string"},
            "Problem": {"properties": {"detail": {"type": "string"}}},
            "ThingFilter": {"properties": {"name": {"properties": {"any_": {"type": "array", "items": {}}}}}},
            "Thing": {
                "properties": {
                    "id": {"type": "string"},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "owner": {
                        "anyOf": [
                            {"properties": {"user": {"type": "string"}}},
                            {"properties": {"team": {"type": "string"}, "user": {"type": "string"}}},
                            {"type": "null"},
                        ]
                    },
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "links": {"additionalProperties": {"properties": {"href": {"type": "string"}}}},
                }
            },
        }
    },
}
CONTRACT = Contract(DOCUMENT)
READ, DELETE, FILTER, VERSION = "GET /things/{id}", "DELETE /things/{id}", "POST /things/filter", "GET /version"
ID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def exchange(operation: str | None, status: int = 200, body: Any = None, /, **fields: Any) -> Exchange:
    """An answer with this JSON body; a request's `sent` is one too."""
    sent = fields.pop("sent", None)
    base: dict[str, Any] = {
        "operation": operation,
        "method": (operation or "GET").partition(" ")[0],
        "url": f"http://host/api{(operation or '/').partition(' ')[2].replace('{id}', ID)}",
        "request_headers": {} if sent is None else JSON,
        "request_body": b"" if sent is None else json.dumps(sent).encode(),
        "status": status,
        "response_headers": JSON,
        "response_body": b"" if body is None else json.dumps(body).encode(),
        "seconds": 0.1,
    }
    return Exchange(**(base | fields))


def seen(*exchanges: Exchange, contract: Contract = CONTRACT) -> Mapping[str, list[int]]:
    sightings = Sightings(contract)
    journal = Journal(sightings.observe)
    for one in exchanges:
        journal.record(one)
    return sightings.take()


def coverage(*exchanges: Exchange, contract: Contract = CONTRACT) -> ApiCoverage:
    reached = Reached()
    reached.know(contract)
    assert list(reached.add(seen(*exchanges, contract=contract))) == []
    found = reached.coverage({})
    assert found is not None
    return found


EVERYTHING = [
    exchange(
        READ,
        200,
        {
            "id": "a",
            "note": "n",
            "owner": {"user": "u", "team": "t"},
            "parts": [],
            "links": {"self": {"href": "/"}},
        },
        url=f"http://host/api/things/{ID}?full=true&tag=red",
        request_headers={"X-Api-Version": "1", "Cookie": "session=s"},
    ),
    exchange(READ, 404, {"detail": "gone"}, url=f"http://host/api/things/{ID}?full=false&tag=green"),
    exchange(READ, response_headers={"content-type": "text/csv"}, response_body=b"a,b"),
    exchange(DELETE, 204),
    exchange(DELETE, 404),
    exchange(
        FILTER,
        422,
        {"detail": "bad"},
        request_body=b"a",
        request_headers={"content-type": "application/x-www-form-urlencoded"},
    ),
    exchange(
        FILTER,
        200,
        [{"id": "a", "note": "n", "owner": {"user": "u", "team": "t"}, "parts": [], "links": {"x": {"href": "/"}}}],
        sent={
            "things": {},
            "sort": "NAME_ASC",
            "options": {"strict": True, "since": "2026-01-02T03:04:05Z"},
            "steps": [{"kind": "wait", "n": 1}, {"n": 2}],
            "labels": {"a": {"on": True}, "b": {"on": False}},
        },
    ),
    exchange(FILTER, 200, [], sent={"sort": "NAME_DESC", "options": {"strict": False}}),
    exchange(VERSION, 200, "3.9.1"),
]


def surveyed(*exchanges: Exchange, **options: Any) -> Ledger:
    made = ledger(judged(MUST, "a"), **options)
    made.survey(CONTRACT)
    made.see(seen(*exchanges))
    return made
