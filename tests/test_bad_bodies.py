"""Bad bodies: what they are made from, and whether an answer says where one is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.contract import Contract, Query, Reading, frozen
from conformance.suite import bad_bodies
from conformance.suite.bad_bodies import WHOLE, Bad, says_where
from conformance.suite.check import declaration, functions
from conformance.suite.pages import default_limit, listed, ranges


def component(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


SCHEMAS: dict[str, Any] = {
    "ThingFilter": component(
        operator={"type": "string", "enum": ["and_", "or_"]},
        id={"$ref": "#/components/schemas/ThingFilterId"},
        open={"type": "object", "properties": {"any_": {"type": "array", "items": {"type": "string"}}}},
        size={"$ref": "#/components/schemas/ThingFilterSize"},
    ),
    "ThingFilterId": component(any_={"type": "array", "items": {"type": "string", "format": "uuid"}}),
    "ThingFilterSize": component(ge_={"type": "integer"}, is_null_={"type": "boolean"}),
}

BODY: dict[str, Any] = {
    "type": "object",
    "required": ["prefix"],
    "properties": {
        "things": {"$ref": "#/components/schemas/ThingFilter"},
        "prefix": {"type": "string"},
        "limit": {"type": "integer", "description": "Defaults to PREFECT_API_DEFAULT_LIMIT if not provided."},
        "offset": {"type": "integer", "minimum": 0.0, "default": 0},
        "sort": {"type": "string", "enum": ["NAME_ASC"]},
    },
}


def a_contract(path: str = "/things/filter", **properties: Any) -> tuple[Contract, Query]:
    body = {**BODY, "properties": {**BODY["properties"], **properties}}
    post = {"requestBody": {"content": {"application/json": {"schema": body}}}, "responses": {}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "", "version": ""},
        "paths": {path: {"post": post}},
        "components": {"schemas": SCHEMAS},
    }
    contract = Contract.parse(json.dumps(document).encode())
    return contract, contract.queries[f"POST {path}"]


MAKERS = (
    bad_bodies.unknown_sorts,
    bad_bodies.unknown_criteria,
    bad_bodies.unknown_operators,
    bad_bodies.unknown_joins,
    bad_bodies.unknown_keys,
    bad_bodies.not_objects,
    bad_bodies.empty_objects,
    bad_bodies.not_lists,
    bad_bodies.of_kind("uuid"),
    bad_bodies.of_kind("integer"),
    bad_bodies.fractions,
    bad_bodies.wrong_parameters,
)


@pytest.mark.parametrize("make", MAKERS)
def test_a_bad_body_differs_from_a_legal_one_in_the_place_that_it_names(make: bad_bodies.Maker) -> None:
    contract, query = a_contract()
    legal = bad_bodies.legal_body(contract, query)
    assert legal == {"prefix": "conformance", "limit": 1}
    found = list(make(contract, query))
    assert found
    for bad in found:
        assert json.loads(bad.content) == bad.shown != legal
        assert set(bad.shown) >= set(legal)
        assert all(f'"{place}"' in bad.content.decode() for place in bad.places)


def test_what_the_document_leaves_open_is_refused_by_another_rule() -> None:
    contract, query = a_contract()
    paths = {next(iter(bad.shown["things"])) for bad in bad_bodies.unknown_operators(contract, query)}
    assert paths == {"id", "size"}
    assert bad_bodies.closed(contract, query.filters["things"])
    assert not bad_bodies.closed(contract, query.filters["things"], "open")


@pytest.mark.parametrize(
    ("path", "reads"),
    [
        ("/things/filter", True),
        ("/things/count", True),
        ("/things/paginate", True),
        ("/things/count-by/{what}", True),
        ("/things/bulk_delete", False),
        ("/things/bulk_set_state", False),
        ("/things/{id}/queues", False),
    ],
)
def test_nothing_that_writes_is_sent_a_bad_body(path: str, reads: bool) -> None:
    contract, query = a_contract(path)
    assert (query.operation.label in bad_bodies.reading(contract)) is reads


@pytest.mark.parametrize("kind", ["uuid", "date-time", "boolean", "string", "number", "integer"])
def test_no_kind_is_without_wrong_values(kind: str) -> None:
    assert bad_bodies.wrong_values(kind)


def test_an_option_is_not_a_wrong_one() -> None:
    assert "a" not in bad_bodies.wrong_values("enum", ("A", "a"))


def bad(body: Any, *places: str) -> Bad:
    return Bad(body, places, json.dumps(body).encode())


ECHO = {"flows": {"id": {"no_such_key": 1}}}


@pytest.mark.parametrize(
    ("answer", "body", "places", "says"),
    [
        ({"detail": [{"loc": ["body", "flows", "id", "no_such_key"]}]}, ECHO, ("no_such_key",), True),
        ({"detail": "flows.id.no_such_key: extra fields not permitted"}, ECHO, ("no_such_key",), True),
        ({"errors": {"no_such_key": "unknown"}}, ECHO, ("no_such_key",), True),
        ({"detail": "NO_SUCH_KEY is unknown"}, ECHO, ("no_such_key",), True),
        # What is only repeated, whole or in part, and what stands inside of another word.
        ({"detail": "bad request", "request_body": ECHO}, ECHO, ("no_such_key",), False),
        ({"detail": [{"input": {"no_such_key": 1}}]}, ECHO, ("no_such_key",), False),
        ({"detail": "Invalid request"}, {"flows": {"id": 1}}, ("id",), False),
        ({"detail": [{"loc": ["flows", "id"]}]}, {"flows": {"id": {"any_": 1}}}, ("id", "any_"), False),
        ({"detail": "Invalid limit: must not be negative"}, {"limit": -1}, ("limit",), True),
        (None, ECHO, ("no_such_key",), False),
        # The body as a whole.
        ({"detail": "There was an error parsing the body"}, [], WHOLE, True),
        ({"detail": [{"loc": ["body", 3], "msg": "JSON decode error"}]}, [], WHOLE, True),
        ({"detail": "Unsupported Media Type"}, "{", WHOLE, True),
        ({"detail": "no", "request_body": ["x"]}, ["x"], WHOLE, False),
        ({"detail": "no", "request_body": '"{"'}, "{", WHOLE, False),
    ],
)
def test_where_is_said_by_any_words_but_the_body_itself(
    answer: Any, body: Any, places: tuple[str, ...], says: bool
) -> None:
    assert says_where(answer, bad(body, *places)) is says


@pytest.mark.parametrize(
    ("limit", "settings", "found"),
    [
        ({"default": 50}, None, 50),
        ({}, {"server": {"api": {"default_limit": 7}}}, None),
        ({"description": "PREFECT_SERVER_API_DEFAULT_LIMIT"}, {"server": {"api": {"default_limit": 7}}}, 7),
        ({"description": "Defaults to PREFECT_API_DEFAULT_LIMIT."}, {"PREFECT_API_DEFAULT_LIMIT": 8}, 8),
        ({"description": "Defaults to PREFECT_API_DEFAULT_LIMIT."}, {"PREFECT_API_URL": "http://a"}, None),
        ({"description": "Defaults to PREFECT_API_DEFAULT_LIMIT."}, None, None),
    ],
)
def test_the_default_limit_is_the_documents_or_the_servers(limit: Any, settings: Any, found: int | None) -> None:
    contract, query = a_contract(limit={"type": "integer", **limit})
    assert default_limit(contract, query, settings) == found


def test_ranges_are_whole_numbers() -> None:
    found = ranges(*a_contract(limit={"type": "integer", "minimum": 0.0, "maximum": 50.0}))
    assert {key: (range_.least, range_.largest) for key, range_ in found.items()} == {
        "limit": (0, 50),
        "offset": (0, None),
    }


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        ([1], [1]),
        ({"results": [1], "count": 1}, [1]),
        ({"events": [], "next_page": None}, []),
        ({"one": [], "other": []}, None),
        (3, None),
    ],
)
def test_rows_are_the_list_in_an_answer(answer: Any, rows: Any) -> None:
    assert listed(answer) == rows


def backwards(node: Any) -> Any:
    """The same JSON value with the keys of its objects the other way round."""
    if isinstance(node, dict):
        return {key: backwards(node[key]) for key in reversed(node)}
    return [backwards(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("version", ["2.0.0", "3.9.1"])
def test_what_is_tried_does_not_hang_on_the_order_of_a_document(version: str) -> None:
    raw = frozen.path(version).read_bytes()
    one = Contract.parse(raw, Reading(version=version))
    other = Contract.parse(json.dumps(backwards(json.loads(raw))).encode(), Reading(version=version))
    makers = [declaration(check) for name, check in functions().items() if name.startswith("refusals.")]
    for declared in makers:
        assert declared is not None
        trials, others = declared.subjects(one), declared.subjects(other)
        assert trials.keys() == others.keys()
        for label, trial in trials.items():
            assert [json.loads(json.dumps(bad.shown)) for bad in trial.bad] == [bad.shown for bad in others[label].bad]
