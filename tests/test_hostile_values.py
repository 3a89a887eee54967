"""The hostile values: for each kind of place in a body those that fit it, and none where there is no room."""

import json
from typing import Any

import pytest

from conformance.contract import Contract
from conformance.suite.fuzz import hostile

CONTRACT = Contract({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}})
TEXT = {"type": "string"}


def kinds(schema: dict[str, Any]) -> list[str]:
    return [kind for kind, _ in hostile.values(CONTRACT, schema, "unique")]


@pytest.mark.parametrize(
    ("schema", "some"),
    [
        (TEXT, "NUL"),
        ({"anyOf": [TEXT, {"type": "null"}]}, "lone surrogate"),
        ({"allOf": [TEXT], "description": "d"}, "long"),
        ({"type": "string", "format": "date-time"}, "before the first instant in UTC"),
        ({"type": "integer"}, "beyond 64 bits"),
        ({"type": "string", "pattern": "^[^/]+$"}, "NUL"),
        ({"type": "object"}, "nested"),
        ({"type": "array", "items": TEXT}, "NUL in an element"),
    ],
)
def test_a_place_gets_what_fits_it(schema: dict[str, Any], some: str) -> None:
    assert some in kinds(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "uuid"},
        {"type": "string", "enum": ["a"]},
        {"type": "string", "pattern": "^[a-z]+$", "maxLength": 6},
        {"type": "boolean"},
        {"type": "object", "properties": {"a": TEXT}},
        {"type": "array", "items": {"type": "integer"}},
    ],
)
def test_a_closed_place_gets_nothing(schema: dict[str, Any]) -> None:
    assert kinds(schema) == []


def test_texts_are_new_ones_and_all_is_json() -> None:
    for schema in (TEXT, {"type": "object"}, {"type": "array", "items": TEXT}, {"type": "integer"}):
        for kind, value in hostile.values(CONTRACT, schema, "unique"):
            assert json.loads(json.dumps(value)) == value, kind
            assert schema["type"] == "integer" or "unique" in json.dumps(value), kind


def test_a_body_with_each_key_twice() -> None:
    pairs = json.loads(hostile.twice({"a": 1, "b": "x"}), object_pairs_hook=list)
    assert pairs == [("a", 1), ("b", "x"), ("a", 1), ("b", "x")]


def test_bodies_have_all_that_programs_trip_over() -> None:
    properties: dict[str, dict[str, Any]] = {
        "name": TEXT,
        "when": {"type": "string", "format": "date-time"},
        "limit": {"type": "integer"},
        "labels": {"type": "object"},
        "tags": {"type": "array", "items": TEXT},
    }
    bodies = [
        json.dumps({name: value})
        for name, schema in properties.items()
        for _, value in hostile.values(CONTRACT, schema, "unique")
    ]
    decoded = [value for body in bodies for value in json.loads(body).values()]
    texts = [value for value in decoded if isinstance(value, str)]
    for mark in ("\0", "\ud800", "\u202e", "\u200f", "\U0001f600"):
        assert any(mark in text for text in texts), repr(mark)
    assert max(map(len, texts)) >= 10_000
    assert any(body.count("{") > 90 for body in bodies)
    assert {2**63, -(2**63) - 1} <= {v for v in decoded if isinstance(v, int | float)}
    assert {"0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"} <= set(texts)
    assert hostile.twice({"name": "x"}).count(b'"name"') == 2
