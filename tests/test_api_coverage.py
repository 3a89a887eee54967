"""The coverage of the API: what an exchange shows of a contract, and what all of them come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_coverage_samples import CONTRACT, DELETE, EVERYTHING, FILTER, ID, JSON, READ, VERSION, coverage, exchange, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.contract import Contract, excerpt, frozen
from conformance.contract.surface import LEVELS, Criterion, face, paths
from conformance.target import Exchange, Sightings
from conformance.verdicts.api_coverage import Reached


def shown(criterion: Criterion, *exchanges: Exchange) -> set[str]:
    """What of one criterion the exchanges show, without what stands before it."""
    found = coverage(*exchanges)
    unseen = {str(one) for one in found.of(criterion).unseen}
    if criterion is Criterion.PATHS:
        return set(paths(CONTRACT)) - unseen
    every = {
        (label if criterion is Criterion.OPERATIONS else f"{label}: {item.name}"): item.name
        for label in CONTRACT.operations
        for item in face(CONTRACT, label).items
        if item.criterion is criterion
    }
    assert len(every) == found.of(criterion).total
    return {name for whole, name in every.items() if whole not in unseen}


# What one exchange shows


def test_an_answered_request_shows_its_path_and_its_operation_whatever_the_answer() -> None:
    for status in (200, 404, 500):
        one = exchange(DELETE, status)
        assert shown(Criterion.PATHS, one) == {"/things/{id}"}
        assert shown(Criterion.OPERATIONS, one) == {DELETE}


def test_a_path_that_the_contract_does_not_have_shows_nothing() -> None:
    assert seen(exchange(None), exchange("GET /elsewhere")) == {}


def test_content_types_are_told_for_requests_and_answers() -> None:
    asked = exchange(FILTER, 422, {}, sent={})
    assert shown(Criterion.REQUEST_TYPES, asked) == {"application/json"}
    assert shown(Criterion.RESPONSE_TYPES, asked) == {"application/json"}
    form = exchange(FILTER, request_headers={"content-type": "application/x-www-form-urlencoded"}, request_body=b"a=b")
    assert shown(Criterion.REQUEST_TYPES, form) == {"application/x-www-form-urlencoded"}
    table = exchange(READ, response_headers={"content-type": "text/csv"}, response_body=b"a,b")
    assert shown(Criterion.RESPONSE_TYPES, table) == {"text/csv"}
    # A header without a body, or with a type that nobody documented, shows none.
    assert shown(Criterion.RESPONSE_TYPES, exchange(READ)) == set()
    odd = exchange(READ, response_headers={"content-type": "text/html"}, response_body=b"<html>")
    assert shown(Criterion.RESPONSE_TYPES, odd) == set()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, {"path id"}),
        ({"url": f"http://host/things/{ID}?full=&other=1"}, {"path id", "query full"}),
        ({"url": f"http://host/api/things/{ID}?tag=red&tag=blue"}, {"path id", "query tag"}),
        ({"request_headers": {"x-api-version": "1"}}, {"path id", "header X-Api-Version"}),
        ({"request_headers": {"cookie": "a=b; session=c"}}, {"path id", "cookie session"}),
        ({"request_headers": {"session": "no cookie"}}, {"path id"}),
    ],
)
def test_parameters_of_path_query_header_and_cookie(fields: dict[str, Any], names: set[str]) -> None:
    assert shown(Criterion.PARAMETERS, exchange(READ, **fields)) == names


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ({}, set()),
        ({"sort": None, "unknown": 1}, {"sort"}),
        ({"things": {"name": {"any_": ["a"]}}}, {"things"}),
        ({"options": {"strict": 7}}, {"options", "options.strict"}),
        ({"steps": [{}, {"kind": 1}]}, {"steps", "steps[].kind"}),
        ({"labels": {"any key": {"on": 1}}}, {"labels", "labels.*.on"}),
        ([], set()),
        ("text", set()),
    ],
)
def test_fields_of_a_body_are_parameters_and_what_filters_is_the_grammars(sent: Any, names: set[str]) -> None:
    told = shown(Criterion.PARAMETERS, exchange(FILTER, 422, sent=sent))
    assert told == {"body", *(f"body {name}" for name in names)}


@pytest.mark.parametrize(
    ("one", "values"),
    [
        (exchange(READ), {"path id: a uuid"}),
        (exchange(READ, url="http://host/api/things/7"), set()),
        (exchange(READ, url="http://h/things/7?full=true&tag=green"), {"query full: true", "query tag[]: green"}),
        (exchange(READ, url="http://host/api/things/7?full=1&tag=blue"), set()),
        (exchange(FILTER, sent={"sort": "NAME_ASC"}), {"body sort: NAME_ASC"}),
        (exchange(FILTER, sent={"sort": ["NAME_ASC"]}), set()),
        (exchange(FILTER, sent={"options": {"strict": False}}), {"body options.strict: false"}),
        # 1 is no boolean, and true no number.
        (exchange(FILTER, sent={"options": {"strict": 1}, "steps": [{"n": True}]}), set()),
        (exchange(FILTER, sent={"options": {"since": "2026-01-02T03:04:05Z"}}), {"body options.since: a date-time"}),
        (exchange(FILTER, sent={"options": {"since": "yesterday"}}), set()),
        (
            exchange(FILTER, sent={"steps": [{"n": 2}, {"n": 3, "kind": "wait"}]}),
            {"body steps[].n: 2", "body steps[].kind: wait"},
        ),
        (exchange(FILTER, sent={"labels": {"a": {"on": True}}}), {"body labels.*.on: true"}),
    ],
)
def test_values_of_enumerations_booleans_and_formats(one: Exchange, values: set[str]) -> None:
    assert shown(Criterion.PARAMETER_VALUES, one) == values


@pytest.mark.parametrize(
    ("operation", "status", "classes", "codes"),
    [
        (READ, 200, {"2xx"}, {"200"}),
        (READ, 404, {"4xx"}, {"404"}),
        (READ, 410, {"4xx"}, set()),
        (READ, 500, set(), set()),
        (DELETE, 204, {"2xx"}, {"204"}),
        (DELETE, 409, {"4xx"}, {"4XX"}),
        (VERSION, 200, {"2xx"}, {"200"}),
        (VERSION, 404, set(), set()),
    ],
)
def test_status_classes_and_codes(operation: str, status: int, classes: set[str], codes: set[str]) -> None:
    one = exchange(operation, status)
    assert shown(Criterion.STATUS_CLASSES, one) == classes
    assert shown(Criterion.STATUS_CODES, one) == codes


@pytest.mark.parametrize(
    ("operation", "status", "body", "names"),
    [
        (READ, 200, {"id": "a", "note": None}, {"200 id"}),
        (READ, 200, {"owner": {"team": "x"}}, {"200 owner", "200 owner.team"}),
        (READ, 200, {"owner": None, "parts": []}, {"200 parts"}),
        # A schema that refers to itself is followed once.
        (READ, 200, {"parts": [{"id": "b", "parts": [{"id": "c"}]}]}, {"200 parts"}),
        (READ, 200, {"links": {"self": {}, "next": {"href": "/"}}}, {"200 links", "200 links.*.href"}),
        (READ, 200, [{"id": "a"}], set()),
        (READ, 404, {"detail": "gone"}, {"404 detail"}),
        (READ, 410, {"detail": "gone"}, set()),
        (FILTER, 200, [{"id": "a"}, {"note": "b"}], {"200 [].id", "200 [].note"}),
        (FILTER, 200, [], set()),
        (VERSION, 200, "3.9.1", set()),
    ],
)
def test_properties_of_answers(operation: str, status: int, body: Any, names: set[str]) -> None:
    assert shown(Criterion.RESPONSE_PROPERTIES, exchange(operation, status, body)) == names


def test_later_exchanges_add_what_the_first_did_not_show() -> None:
    first = exchange(FILTER, 200, [{"id": "a", "owner": {"user": "u"}}], sent={"options": {}})
    later = exchange(FILTER, 200, [{"owner": {"team": "t"}}], sent={"options": {"strict": True}})
    sightings = Sightings(CONTRACT)
    for one in (first, first):
        sightings.observe(one)
    names = [face(CONTRACT, FILTER).items[number].name for number in sightings.take()[FILTER]]
    assert "200 [].owner.user" in names
    assert "body options" in names
    sightings.observe(later)
    names = [face(CONTRACT, FILTER).items[number].name for number in sightings.take()[FILTER]]
    assert names == ["body options.strict", "body options.strict: true", "200 [].owner.team"]
    sightings.observe(later)
    assert sightings.take() == {}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"id": NaN}', b'{"id": "\\ud800"}'),
        b'{"id": ' + b"9" * 5000 + b"}",
        b'{"id": "' + b"x" * 2_000_000 + b'"}',
        b'{"parts": [[[[[[[[[[1]]]]]]]]]]}',
    ],
)
def test_no_body_of_a_server_breaks_it(body: bytes) -> None:
    hostile = exchange(READ, response_body=body, request_body=body, request_headers=JSON)
    assert shown(Criterion.STATUS_CODES, hostile) == {"200"}
    assert shown(Criterion.STATUS_CODES, exchange(FILTER, response_body=body, request_body=body)) == {"200"}


WORDS = ["type", "properties", "items", "anyOf", "allOf", "enum", "const", "format", "additionalProperties", "$ref"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["boolean", "uuid", "#/components/schemas/S", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JUNK, JUNK, JUNK)
def test_no_schema_of_a_server_breaks_it(schema: Any, component: Any, body: Any) -> None:
    """Whatever stands where a schema is meant: a body is observed, and the contract's facts are written."""
    content = {"content": {"application/json": {"schema": schema}}}
    odd = Contract(
        {
            "openapi": "3.1.0",
            "paths": {"/a": {"put": {"requestBody": content, "responses": {"200": content}}}},
            "components": {"schemas": {"S": component}},
        }
    )
    found = coverage(exchange("PUT /a", 200, body, sent=body), contract=odd)
    assert found.of(Criterion.STATUS_CODES).percent == 100
    excerpt.dump(excerpt.facts(odd.document))


# What all of them come to


def test_everything_is_level_six_and_nothing_level_zero() -> None:
    whole = coverage(*EVERYTHING)
    assert [measure.criterion for measure in whole.criteria if measure.unseen] == []
    assert (whole.level, {measure.percent for measure in whole.criteria}) == (6, {100.0})
    none = coverage()
    assert (none.level, {measure.covered for measure in none.criteria}) == (0, {0})
    assert none.of(Criterion.OPERATIONS).total == 4
    assert [str(one) for one in none.of(Criterion.PATHS).unseen] == ["/things/{id}", "/things/filter", "/version"]


@pytest.mark.parametrize(
    ("left_out", "level"),
    [
        ({8}, 0),  # a path
        ({3, 4}, 1),  # an operation
        ({2}, 2),  # a content type
        ({4}, 3),  # a class of statuses
        ({7}, 4),  # a value
    ],
)
def test_a_level_is_reached_by_all_of_its_criteria_and_those_below(left_out: set[int], level: int) -> None:
    assert coverage(*(one for number, one in enumerate(EVERYTHING) if number not in left_out)).level == level


def test_a_property_that_is_missing_is_level_five() -> None:
    short = exchange(READ, 404, {}, url=f"http://host/api/things/{ID}?full=false&tag=green")
    found = coverage(*(short if number == 1 else one for number, one in enumerate(EVERYTHING)))
    assert (found.level, [str(one) for one in found.of(Criterion.RESPONSE_PROPERTIES).unseen]) == (
        5,
        [f"{READ}: 404 detail"],
    )
    assert {criterion for criteria in LEVELS.values() for criterion in criteria} == set(Criterion)


def test_the_totals_of_a_real_contract() -> None:
    found = coverage(contract=Contract.parse(frozen.path("3.9.1").read_bytes()))
    assert {measure.criterion.value: measure.total for measure in found.criteria} == {
        "paths": 150,
        "operations": 188,
        "request-content-types": 111,
        "response-content-types": 188,
        "parameters": 1377,
        "status-classes": 374,
        "parameter-values": 800,
        "status-codes": 374,
        "response-properties": 4132,
    }


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(len(EVERYTHING))), st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_who_saw_what_and_in_which_order_makes_no_difference(order: list[int], workers: list[int]) -> None:
    processes = [Sightings(CONTRACT) for _ in range(3)]
    reached = Reached()
    reached.know(CONTRACT)
    for number, worker in zip(order, workers, strict=True):
        processes[worker].observe(EVERYTHING[number])
        if number % 2:
            assert list(reached.add(json.loads(json.dumps(processes[worker].take())))) == []
    for process in reversed(processes):
        list(reached.add(process.take()))
    assert reached.coverage({}) == coverage(*EVERYTHING)
