"""Wrong input: which places a body has, and what must not stand there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.contract import Contract
from conformance.contract.schemas import BodyValidator
from conformance.suite import wrong_input
from conformance.suite.wrong_input import ABSENT, Maker, with_value

SCHEMAS: dict[str, Any] = {
    "Colour": {"type": "string", "enum": ["RED", "BLUE"]},
    "Wheel": {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "exclusiveMinimum": 0},
            "of": {"$ref": "#/components/schemas/Wheel"},
        },
    },
    "Round": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "round", "type": "string"}}},
    "Square": {
        "type": "object",
        "required": ["kind", "side"],
        "properties": {"kind": {"const": "square", "type": "string"}, "side": {"type": "number", "maximum": 5}},
    },
}

BODY: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[^/%&><]+$", "maxLength": 10},
        "colour": {"anyOf": [{"$ref": "#/components/schemas/Colour"}, {"type": "null"}]},
        "wheels": {"type": "array", "items": {"$ref": "#/components/schemas/Wheel"}, "maxItems": 2},
        "shape": {"anyOf": [{"$ref": "#/components/schemas/Round"}, {"$ref": "#/components/schemas/Square"}]},
        "labels": {"type": "object", "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        "either": {"anyOf": [{"type": "integer"}, {"type": "object"}]},
        "anything": {"anyOf": [{"type": "object"}, {}, {"type": "null"}]},
        "share": {"type": "number", "minimum": 0.5, "maximum": 1},
        "id": {"type": "string", "format": "uuid"},
        "names": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
}

MAKERS = (wrong_input.missing, wrong_input.mistyped, wrong_input.unknown_options, wrong_input.beyond_bounds)


def contract_of(body: dict[str, Any], version: str = "3.1.0") -> Contract:
    post = {"requestBody": {"content": {"application/json": {"schema": body}}}, "responses": {}}
    document = {
        "openapi": version,
        "info": {"title": "", "version": ""},
        "paths": {"/things/": {"post": post}},
        "components": {"schemas": SCHEMAS},
    }
    return Contract.parse(json.dumps(document).encode())


def found(make: Maker, legal: Any, body: dict[str, Any] = BODY, version: str = "3.1.0") -> dict[str, Any]:
    """Name -> the body that is wrong there."""
    contract = contract_of(body, version)
    wrongs = wrong_input.wrong_bodies(contract, contract.operations["POST /things/"], legal, make)
    assert len({wrong.name for wrong in wrongs}) == len(wrongs)
    return {wrong.name: wrong.body(legal) for wrong in wrongs}


def test_required_fields_are_left_out_inside_too() -> None:
    assert found(wrong_input.missing, {"name": "a", "shape": {"kind": "square", "side": 1}}) == {
        "name: missing": {"shape": {"kind": "square", "side": 1}},
        "wheels[].size: missing": {"name": "a", "shape": {"kind": "square", "side": 1}, "wheels": [{}]},
        # Of a wheel in a wheel no more is tried.
        "wheels[].of.size: missing": {
            "name": "a",
            "shape": {"kind": "square", "side": 1},
            "wheels": [{"size": 1, "of": {}}],
        },
        "shape.kind: missing": {"name": "a", "shape": {"side": 1}},
        "shape.side: missing": {"name": "a", "shape": {"kind": "square"}},
    }


def test_values_of_another_type_are_of_none_that_the_field_has() -> None:
    wrong = found(wrong_input.mistyped, {"name": "a"})
    assert wrong["name: object"] == {"name": {"red": 1}}
    assert wrong["wheels: text"] == {"name": "a", "wheels": "red"}
    assert wrong["wheels[].size: text"] == {"name": "a", "wheels": [{"size": "three"}]}
    assert wrong["labels.red: object"] == {"name": "a", "labels": {"red": {"red": 1}}}
    assert wrong["id: text"] == {"name": "a", "id": "not-a-uuid"}
    assert wrong["either: text"] == {"name": "a", "either": "three"}
    assert not [name for name in wrong if name.startswith("anything")]
    assert not [name for name in wrong if "empty" in name]


def test_options_are_other_words_and_other_cases() -> None:
    wrong = found(wrong_input.unknown_options, {"name": "a"})
    assert wrong["colour: unknown word"] == {"name": "a", "colour": "NO_SUCH_OPTION"}
    assert wrong["colour: other case"] == {"name": "a", "colour": "red"}
    assert wrong["shape.kind: unknown word"] == {"name": "a", "shape": {"kind": "NO_SUCH_OPTION"}}


def test_bounds_are_stepped_over_by_as_little_as_may_be() -> None:
    wrong = found(wrong_input.beyond_bounds, {"name": "a", "shape": {"kind": "square", "side": 1}})
    values = {name: body[name.partition(":")[0].partition("[")[0].partition(".")[0]] for name, body in wrong.items()}
    assert values == {
        "name: too long": "a" * 11,
        "name: not of the pattern": "a/b",
        "wheels: too many": [{"size": 1}] * 3,
        "wheels[].size: too small, on the bound": [{"size": 0}],
        "shape.side: too large": {"kind": "square", "side": 6},
        "share: too small": -0.5,
        "share: too large": 2,
        "names: too few": [],
    }


def test_exclusive_bounds_may_be_said_as_openapi_30_does() -> None:
    size = {"type": "integer", "minimum": 3, "exclusiveMinimum": True}
    body = {"type": "object", "properties": {"size": size}}
    assert found(wrong_input.beyond_bounds, {}, body, "3.0.2") == {"size: too small, on the bound": {"size": 3}}


def test_a_default_on_a_bound_of_its_own_is_taken_for_legal() -> None:
    within = {"type": "number", "default": 0.0, "minimum": 0.0, "exclusiveMinimum": 0.0}
    body = {"type": "object", "properties": {"within": within}}
    assert found(wrong_input.beyond_bounds, {"within": 0}, body) == {"within: too small": {"within": -1}}


def test_a_body_may_be_a_list() -> None:
    body = {"type": "array", "items": {"$ref": "#/components/schemas/Square"}}
    legal = [{"kind": "square", "side": 2}]
    assert found(wrong_input.missing, legal, body) == {
        "[].kind: missing": [{"side": 2}],
        "[].side: missing": [{"kind": "square"}],
    }
    assert found(wrong_input.beyond_bounds, legal, body) == {"[].side: too large": [{"kind": "square", "side": 6}]}


@pytest.mark.parametrize("make", MAKERS)
def test_the_document_allows_the_legal_body_and_not_the_wrong_one(make: Maker) -> None:
    legal = {"name": "a", "colour": "RED", "share": 0.7}
    contract = contract_of(BODY)
    operation = contract.operations["POST /things/"]
    assert operation.body is not None
    validator = BodyValidator(contract.document, operation.body)
    wrongs = wrong_input.wrong_bodies(contract, operation, legal, make)
    assert wrongs
    for wrong in wrongs:
        assert validator.mismatches(wrong.place.stage(legal)) == []
        assert validator.mismatches(wrong.body(legal)) != []


def test_nothing_is_asked_of_a_document_that_asks_for_nothing() -> None:
    open_ = {"type": "object", "properties": {"any": {}}}
    contract = contract_of(open_)
    operation = contract.operations["POST /things/"]
    assert not any(wrong_input.has(contract, operation, make) for make in MAKERS)


@pytest.mark.parametrize(
    ("body", "path", "value", "after"),
    [
        ({"a": 1}, ("b",), 2, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, ("b",), ABSENT, {"a": 1}),
        ({"a": [{"b": 1}, 2]}, ("a", 0, "b"), 3, {"a": [{"b": 3}, 2]}),
        ({}, ("a", "b"), 1, {"a": {"b": 1}}),
        ([1], (), 2, 2),
    ],
)
def test_a_value_is_put_in_its_place(body: Any, path: wrong_input.Path, value: Any, after: Any) -> None:
    before = json.dumps(body)
    assert with_value(body, path, value) == after
    assert json.dumps(body) == before
