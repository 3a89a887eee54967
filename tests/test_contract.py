"""The contract: two generations of documents, read into the same facts."""

import json
from typing import Any

import pytest

from conformance.contract import Contract, DocumentError, ValueType
from conformance.contract.schemas import BodyValidator

STATE = {"$ref": "#/components/schemas/StateType"}
FILTER = {
    "type": "object",
    "properties": {
        "operator": {"allOf": [{"$ref": "#/components/schemas/Operator"}], "default": "and_"},
        "name": {"$ref": "#/components/schemas/NameFilter"},
        "state": {
            "type": "object",
            "properties": {"type": {"type": "object", "properties": {"any_": {"type": "array", "items": STATE}}}},
        },
        "start_time": {
            "anyOf": [
                {"type": "object", "properties": {"before_": {"type": "string", "format": "date-time"}}},
                {"type": "null"},
            ],
            "deprecated": True,
        },
    },
}
COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Operator": {"enum": ["and_", "or_"], "type": "string"},
        "StateType": {"enum": ["RUNNING", "FAILED"], "type": "string"},
        "NameFilter": {
            "type": "object",
            "properties": {"any_": {"type": "array", "items": {"type": "string"}}, "like_": {"type": "string"}},
        },
        "RunFilter": FILTER,
        "Sort": {"enum": ["NAME_ASC", "NAME_DESC"]},
        "Run": {
            "type": "object",
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "name": {"type": "string"},
                "start": {"type": "string", "format": "date-time"},
                "state": {"anyOf": [{"$ref": "#/components/schemas/State"}, {"type": "null"}]},
            },
        },
        "State": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    }
}


def document(prefix: str = "", **more: object) -> dict[str, object]:
    body = {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "flow_runs": {"$ref": "#/components/schemas/RunFilter"},
                        "sort": {"allOf": [{"$ref": "#/components/schemas/Sort"}], "default": "NAME_ASC"},
                        "limit": {"type": "integer"},
                        "offset": {"type": "integer"},
                    },
                }
            }
        }
    }
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Run"}}
    answer = {"200": {"content": {"application/json": {"schema": rows}}}}
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    return {
        "openapi": "3.1.0",
        "paths": {
            f"{prefix}/flow_runs/filter": {"post": {"requestBody": body, "responses": answer}},
            f"{prefix}/flow_runs/{{id}}": {"get": {"parameters": [parameter], "responses": {"200": {}}}},
            f"{prefix}/flow_runs/": {"post": {"responses": {"200": {}}}},
            f"{prefix}/flow_runs/{{id}}/input": {"post": {"parameters": [parameter], "responses": {"201": {}}}},
            f"{prefix}/flow_runs/{{id}}/input/{{key}}": {"get": {"parameters": [parameter], "responses": {"200": {}}}},
            f"{prefix}/health": {"get": {"responses": {"200": {}}}},
        },
        "components": COMPONENTS,
        **more,
    }


def test_orion_writes_the_prefix_into_its_paths_and_later_releases_into_servers() -> None:
    orion, today = Contract(document("/api")), Contract(document(servers=[{"url": "/api"}]))
    assert list(orion.operations) == list(today.operations)
    assert orion.stated_prefix == today.stated_prefix == "/api"
    assert Contract(document()).stated_prefix == ""


def test_collections_are_told_by_what_one_can_do_there() -> None:
    assert list(Contract(document()).collections) == ["/flow_runs", "/flow_runs/{}/input"]


def test_fixed_segments_win_over_placeholders() -> None:
    contract = Contract(document())
    found = contract.operation_of("POST", "/flow_runs/filter")
    assert found is not None
    assert found.label == "POST /flow_runs/filter"
    got = contract.operation_of("GET", "/flow_runs/filter")
    assert got is not None
    assert got.label == "GET /flow_runs/{id}"
    assert contract.operation_of("GET", "/nowhere") is None


def test_the_grammar_is_read_through_references_and_nesting() -> None:
    query = Contract(document()).queries["POST /flow_runs/filter"]
    criteria = query.filters["flow_runs"].criteria
    assert {path: dict(criterion.operators) for path, criterion in criteria.items()} == {
        "name": {"any_": ValueType("string", many=True), "like_": ValueType("string")},
        "state.type": {"any_": ValueType("enum", many=True, options=("RUNNING", "FAILED"))},
        "start_time": {"before_": ValueType("date-time")},
    }
    assert criteria["start_time"].deprecated
    assert not criteria["name"].deprecated
    assert query.filters["flow_runs"].combinable == {""}
    assert query.sorts == ("NAME_ASC", "NAME_DESC")
    assert query.collection == "flow_runs"
    assert criteria["state.type"].body(any_=["FAILED"]) == {"state": {"type": {"any_": ["FAILED"]}}}


ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


@pytest.mark.parametrize(
    ("run", "mismatches", "nulls"),
    [
        ({"id": ID, "name": "a"}, [], []),
        ({"id": ID}, ["(the whole body)"], []),
        ({"id": ID, "name": 1}, ["name"], []),
        ({"id": ID, "name": None}, [], ["name"]),
        ({"id": ID, "name": "a", "state": None}, [], []),
        ({"id": ID, "name": "a", "state": {"name": None}}, [], ["state.name"]),
        ({"id": ID, "name": "a", "state": {}}, ["state"], []),
        ({"id": ID, "name": None, "state": {}}, ["state"], ["name"]),
        ({"id": "x", "name": "a"}, ["id"], []),
        ({"id": ID, "name": "a", "start": "2031-05-01T12:00:00"}, ["start"], []),
        ({"id": ID, "name": "a", "start": "2031-05-01T12:00:00+00:00"}, [], []),
    ],
)
def test_nulls_are_told_apart_from_other_mismatches(run: object, mismatches: list[str], nulls: list[str]) -> None:
    validator = BodyValidator(document(), COMPONENTS["schemas"]["Run"])
    assert [m.where for m in validator.mismatches(run)] == mismatches
    assert [m.where for m in validator.nulls(run)] == nulls


KINDS: list[dict[str, object]] = [
    {"type": "object", "properties": {"kind": {"enum": [kind]}, "n": {"type": "integer", **bound}}}
    for kind, bound in (("small", {"maximum": 9}), ("large", {"minimum": 10}))
]


@pytest.mark.parametrize(
    ("value", "where", "rule"),
    [
        ({"kind": "small", "n": 10}, "n", "maximum"),
        ({"kind": "large", "n": 1}, "n", "minimum"),
        ({"kind": "other", "n": 1}, "kind", "enum"),
        ("small", "(the whole body)", "type"),
    ],
)
def test_the_branch_that_is_meant_is_the_one_that_is_blamed(value: object, where: str, rule: str) -> None:
    validator = BodyValidator(document(), {"anyOf": KINDS})
    assert [(m.where, m.rule) for m in validator.mismatches(value)] == [(where, rule)]


def test_of_values_that_are_words_themselves_none_is_meant() -> None:
    validator = BodyValidator(document(), {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]})
    assert [m.rule for m in validator.mismatches("c")] == ["enum"]


def test_a_tuple_is_a_list_of_items_in_old_documents() -> None:
    pair = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2}
    validator = BodyValidator(document(), {"type": "array", "items": pair})
    assert validator.mismatches([["a", 1]]) == []
    assert [found.where for found in validator.mismatches([["a", 1], ["a", "b"]])] == ["[1][1]"]
    assert [found.rule for found in validator.mismatches([["a"]])] == ["minItems"]


def test_openapi_3_0_says_nullable() -> None:
    old = document(openapi="3.0.2")
    validator = BodyValidator(old, {"type": "object", "properties": {"a": {"type": "string", "nullable": True}}})
    assert not validator.nulls({"a": None})
    assert validator.mismatches({"a": 1})


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "no `openapi` version"),
        (b'{"swagger": "2.0"}', "no `openapi` version"),
        (b'{"openapi": "2.0"}', "3.0 or 3.1 is needed"),
        (b'{"openapi": "3.1.0"}', "no `paths`"),
        (b'{"openapi": "3.1.0", "paths": {"/a": 1}}', "no `paths`"),
        (b'{"openapi": "3.1.0", "paths": {}}', "describes no operation"),
    ],
)
def test_what_is_no_document_is_said_in_one_line(raw: bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=says) as caught:
        Contract.parse(raw)
    assert "\n" not in str(caught.value)


def test_the_digest_heeds_content_and_not_the_order_of_keys() -> None:
    one = document()
    other = dict(reversed(list(one.items())))
    assert Contract(one).sha256 == Contract(json.loads(json.dumps(other))).sha256
    assert Contract(one).sha256 != Contract(document("/api")).sha256


def test_of_a_body_that_is_wrong_everywhere_not_everything_is_told() -> None:
    validator = BodyValidator({"openapi": "3.1.0"}, {"type": "array", "items": {"type": "integer"}})
    assert len(validator.mismatches(["junk"] * 19_999)) == 19_999
    assert len(validator.mismatches(["junk"] * 100_000)) == 20_000
    assert len(validator.nulls([None] * 100_000)) == 20_000
