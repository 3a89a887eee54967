"""The coverage of the API: what an exchange shows of a contract, and what all of them come to."""

from __future__ import annotations

import copy
import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from test_coverage_page import EVIL, Page
from verdict_samples import MUST, build, judged, ledger, planned

from conformance import catalogue
from conformance.cli import main
from conformance.contract import Contract, Reading, excerpt, frozen
from conformance.contract.surface import LEVELS, Criterion, face, paths
from conformance.errors import ConformanceError, ExitCode
from conformance.run import shards
from conformance.settings import Settings
from conformance.target import Exchange, Journal, Sightings
from conformance.verdicts import api_coverage_page, document, terminal
from conformance.verdicts.api_coverage import ApiCoverage, Reached, parse_required
from conformance.verdicts.document import Target
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.model import Result, Verdict
from conformance.verdicts.transcript import TranscribedLedger, replay

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


# What all of them come to

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


# In the ledger


def surveyed(*exchanges: Exchange, **options: Any) -> Ledger:
    made = ledger(judged(MUST, "a"), **options)
    made.survey(CONTRACT)
    made.see(seen(*exchanges))
    return made


def test_what_is_required_and_not_reached_makes_the_run_incomplete() -> None:
    made = surveyed(*EVERYTHING[:5])
    made.required = parse_required(["operations=75", "status-codes=90"])
    made.close()
    assert made.reasons() == (
        "coverage of operations is 50 % (2 of 4), and 75 % is required",
        "coverage of status-codes is 57.1 % (4 of 7), and 90 % is required",
    )
    assert (made.result(), made.exit_code()) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    made = surveyed(*EVERYTHING)
    made.required = parse_required(["operations=100", "response-properties=100"])
    made.close()
    assert (made.result(), made.reasons()) == (Result.CONFORMANT, ())


def test_a_failure_stays_one_and_the_shortfall_is_told_beside_it() -> None:
    made = ledger(judged(MUST, "a", Verdict.FAILED))
    made.survey(CONTRACT)
    made.required = parse_required(["paths=1"])
    made.close()
    assert made.result() is Result.NON_CONFORMANT
    assert made.reasons() == ("1 of 1 check failed", "coverage of paths is 0 % (0 of 3), and 1 % is required")


def test_a_run_that_found_no_contract_is_not_measured() -> None:
    made = ledger(judged(MUST, "a"))
    made.required = parse_required(["operations=100"])
    assert made.api_coverage is None
    assert "api_coverage" not in json.loads(document.dump(build(made)))


def test_an_operation_that_there_is_not_is_an_error_of_the_run() -> None:
    made = surveyed()
    made.see({"GET /nothing": [0]})
    assert [error.message for error in made.errors] == ["GET /nothing was seen, and the contract has no such operation"]


def test_a_transcript_has_what_was_seen() -> None:
    told = TranscribedLedger(ledger().catalogue)
    told.survey(CONTRACT)
    told.see(seen(*EVERYTHING[:3]))
    told.see({})
    again = Ledger(told.catalogue)
    again.survey(CONTRACT)
    replay(json.loads(json.dumps(told.events)), again)
    assert again.api_coverage == told.api_coverage == coverage(*EVERYTHING[:3])
    assert len(told.events) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense=4", "there is no criterion 'nonsense'; there are paths, operations"),
        ("=4", "there is no criterion ''"),
        ("operations", "operations=90"),
        ("operations=", "operations=90"),
        ("operations=many", "operations=90"),
        ("operations=0", "above 0"),
        ("operations=-1", "above 0"),
        ("operations=101", "up to 100"),
        ("operations=nan", "up to 100"),
        ("operations=inf", "up to 100"),
    ],
)
def test_what_can_not_be_required(text: str, says: str) -> None:
    with pytest.raises(ConformanceError, match=says):
        parse_required([text])


def test_a_criterion_is_required_once_and_a_bad_one_ends_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConformanceError, match="operations is there twice"):
        parse_required(["operations=1", "operations=2"])
    arguments = ["run", "--url", "http://127.0.0.1:9/api", "--require-coverage", "levels=3"]
    monkeypatch.setattr(sys, "argv", ["prefect-conformance", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert (ended.value.code, printed.err.count("\n"), printed.out) == (2, 1, "")
    assert "there is no criterion 'levels'" in printed.err


# In the document


def whole() -> dict[str, Any]:
    made = surveyed(*EVERYTHING[:5])
    made.required = parse_required(["operations=50"])
    content: dict[str, Any] = json.loads(document.dump(build(made)))
    return content


WHOLE = whole()


def loaded(folder: Path, content: Any) -> document.Document:
    path = folder / "verdicts.json"
    path.write_text(json.dumps(content), "utf-8")
    return document.load(path)


def test_the_document_has_it_and_is_read_again(tmp_path: Path) -> None:
    found = WHOLE["api_coverage"]
    assert found["level"] == 0
    assert found["criteria"][1]["criterion"] == "operations"
    assert found["criteria"][1]["unseen"] == [
        {"operation": FILTER, "item": ""},
        {"operation": VERSION, "item": ""},
    ]
    assert found["operations"][DELETE] == {
        "operations": {"covered": 1, "total": 1},
        "parameters": {"covered": 1, "total": 1},
        "status-classes": {"covered": 2, "total": 2},
        "parameter-values": {"covered": 1, "total": 1},
        "status-codes": {"covered": 2, "total": 2},
    }
    assert found["required"] == {"operations": 50.0}
    assert json.loads(document.dump(loaded(tmp_path, WHOLE))) == WHOLE


def test_a_document_of_a_suite_that_did_not_measure_it_is_read(tmp_path: Path) -> None:
    older = {key: value for key, value in WHOLE.items() if key != "api_coverage"}
    assert loaded(tmp_path, older).api_coverage is None


COVERED = ("criteria", 1, "covered")


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("level",), 1, "is of level 0, and is called 1"),
        (("level",), 7, "at $.api_coverage.level"),
        (COVERED, 4, "the coverage of operations is not that of the operations"),
        (("criteria", 0, "covered"), 3, "the coverage of paths names not as many unseen as there are"),
        (("criteria", 0, "covered"), 4, "the coverage of paths is more than there is"),
        (("criteria", 1, "unseen"), [], "the coverage of operations names not as many unseen as there are"),
        (("operations", VERSION, "operations", "covered"), 1, "is not that of the operations"),
        (("operations", VERSION, "operations", "covered"), 2, "GET /version has 2 of 1 operations"),
        (("operations", VERSION, "nonsense"), {"covered": 0, "total": 1}, "'nonsense' is not one of"),
        (("required", "operations"), 60.0, "the result is conformant, and the coverage of operations is 50 %"),
        (("required", "operations"), 0, "at $.api_coverage.required"),
        (("criteria", 0, "criterion"), "operations", "has not each criterion once"),
    ],
)
def test_a_coverage_that_contradicts_itself_is_refused(
    tmp_path: Path, place: tuple[Any, ...], value: Any, says: str
) -> None:
    content = copy.deepcopy(WHOLE)
    inner: Any = content["api_coverage"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(document.DocumentError) as caught:
        loaded(tmp_path, content)
    assert says in str(caught.value)


# On the page


def page(made: Ledger) -> tuple[str, Page]:
    text = api_coverage_page.render(build(made))
    return text, Page(text)


def test_the_page_has_each_criterion_each_operation_and_what_was_not_seen() -> None:
    made = surveyed(*EVERYTHING[:5])
    made.required = parse_required(["operations=75"])
    _, seen_ = page(made)
    rows = seen_.rows()
    assert [row[1:2] + row[3:] for row in rows if row[:1] in (["1"], ["2"])] == [
        ["Paths", "1", "3", "33.3 %", "–"],
        ["Operations", "2", "4", "50 %", "75 %"],
    ]
    assert [VERSION, "0 of 1", "–", "0 of 1", "–", "0 of 1", "–", "0 of 1", "–"] in rows
    assert "Level 0" in seen_.texts("strong")
    assert f"{FILTER} body options.strict: true" in seen_.texts("li")
    ids = seen_.all("id")
    assert len(set(ids)) == len(ids)
    assert {href[1:] for href in seen_.all("href") if href.startswith("#")} <= set(ids)


def test_the_page_loads_nothing_and_says_when_there_is_nothing() -> None:
    text, seen_ = page(surveyed(*EVERYTHING))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _, _ in seen_.elements}
    assert seen_.all("src") == []
    assert "url(" not in text
    assert "Nothing: all that the contract has was seen." in seen_.texts("p")
    assert "No contract was found, and nothing was measured." in page(ledger(judged(MUST, "x")))[1].texts("p")


def test_a_hostile_contract_stays_text_and_its_document_is_one() -> None:
    evil = {
        "openapi": "3.1.0",
        "paths": {
            f"/{EVIL}": {
                "post": {
                    "parameters": [{"name": EVIL, "in": "query", "schema": {"enum": [EVIL, "two\nlines", "\ud800"]}}],
                    "responses": {
                        "200": {"content": {"application/json": {"schema": {"properties": {EVIL: {}, "\n": {}}}}}}
                    },
                }
            }
        },
    }
    made = ledger(judged(MUST, "x"))
    made.survey(Contract(evil))
    document.dump(build(made))
    text, seen_ = page(made)
    assert not {"script", "img"} & {tag for tag, _, _ in seen_.elements}
    assert not [name for _, attributes, _ in seen_.elements for name in attributes if name.startswith("on")]
    assert "alert(1)" in "".join(seen_.texts("code"))
    for sequence in ["\x1b", "\u202e", "\ud800"]:
        assert sequence not in text


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


def test_the_terminal_has_a_line_of_it() -> None:
    def line(made: Ledger) -> list[str]:
        file = io.StringIO()
        terminal.summary(Console(file=file, width=300), build(made), made.catalogue)
        return [line for line in file.getvalue().splitlines() if line.startswith("api:")]

    (told,) = line(surveyed(*EVERYTHING[:3]))
    assert told.startswith("api:     level 0 of 6; paths 33.3 %, operations 25 %, request-content-types 0 %")
    assert line(surveyed(*EVERYTHING)) == ["api:     level 6 of 6"]
    assert line(ledger(judged(MUST, "x"))) == []


# In shards


def shard(folder: Path, number: int, *exchanges: Exchange, **settings: Any) -> Path:
    """The reports folder of one of two shards, which has judged a check and seen these exchanges."""
    folder.mkdir()
    made = TranscribedLedger(catalogue.load(), part=True)
    entry = judged("routes.plural", f"POST /things/{number}")
    made.plan(planned(entry))
    made.record(entry)
    made.survey(CONTRACT)
    made.see(seen(*exchanges))
    chosen = Settings(shard=f"{number}/2", **settings)
    target = Target(url="http://127.0.0.1/api", server="prefect", version="3.9.1", contract_sha256="0" * 64)
    raw = json.dumps(DOCUMENT).encode()
    shards.write(folder, chosen, target, raw, Reading(), made, datetime.now(UTC), 1.5, {})
    return folder


@pytest.mark.parametrize(
    ("wanted", "code", "reasons"),
    [
        ((), 0, []),
        (("operations=100", "paths=100"), 0, []),
        (("status-codes=90",), 3, ["coverage of status-codes is 71.4 % (5 of 7), and 90 % is required"]),
    ],
)
def test_what_shards_have_seen_is_judged_when_they_are_joined(
    wanted: tuple[str, ...], code: int, reasons: list[str], tmp_path: Path
) -> None:
    one = shard(tmp_path / "1", 1, *EVERYTHING[:4], require_coverage=wanted)
    two = shard(tmp_path / "2", 2, exchange(FILTER, 200), exchange(VERSION, 200), require_coverage=wanted)
    # Allure's page is of no interest here.
    assert shards.merge([two, one], tmp_path / "all", print) == code
    content = json.loads((tmp_path / "all" / "verdicts.json").read_text())
    assert content["reasons"] == reasons
    assert [measure["covered"] for measure in content["api_coverage"]["criteria"][:2]] == [3, 4]
    assert (tmp_path / "all" / "api-coverage.html").is_file()
    assert Contract.parse((tmp_path / "all" / "contract.json").read_bytes()).operations.keys() == {*CONTRACT.operations}


def test_shards_agree_on_what_is_required(tmp_path: Path) -> None:
    one = shard(tmp_path / "1", 1, require_coverage=("operations=100",))
    with pytest.raises(ConformanceError, match="opinions on --require-coverage"):
        shards.join([one, shard(tmp_path / "2", 2)])
