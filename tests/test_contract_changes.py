"""Two contracts side by side: which changes break a client, and which do not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from contract_samples import BASE, CREATE, POST, QUERIED, QUERY, SCHEMAS, VERSION, changed

from conformance.contract import Contract, excerpt, frozen
from conformance.contract.changes import ContractChange, changes

LESS: list[tuple[str, Any, list[str]]] = [
    ("an operation", ((("paths", "/version"), ...),), [f"{VERSION}: lost"]),
    ("a parameter", (((*POST, "parameters"), []),), [f"{CREATE}: query dry is lost"]),
    (
        "a field of a request",
        (((*SCHEMAS, "ThingCreate", "properties", "size"), ...),),
        [f"{CREATE}: body.size is lost"],
    ),
    ("a body", (((*POST, "requestBody"), ...),), [f"{CREATE}: body is lost"]),
    (
        "an operator",
        (((*SCHEMAS, "ThingFilter", "properties", "name", "properties", "like_"), ...),),
        [f"{QUERY}: can't be asked by things.name.like_ any more"],
    ),
    (
        "a sort key",
        (((*QUERIED, "sort", "enum"), ["NAME_ASC"]),),
        [f"{QUERY}: can't be asked by sort: NAME_DESC any more"],
    ),
    (
        "a value",
        (((*SCHEMAS, "Colour", "enum"), ["red"]),),
        [f"{CREATE}: body.colour can no longer be green"],
    ),
    (
        "a type",
        (
            ((*SCHEMAS, "ThingCreate", "properties", "size"), {"type": "integer"}),
            # A document that names null nowhere would say nothing of it.
            ((*SCHEMAS, "ThingCreate", "properties", "name"), {"type": ["string", "null"]}),
        ),
        [f"{CREATE}: body.size can no longer be of type {kind}" for kind in ("null", "number")],
    ),
    (
        "a field of an answer",
        (((*SCHEMAS, "Thing", "properties", "note"), ...),),
        [f"{CREATE}: answer 201.note is lost", f"{QUERY}: answer 200[].note is lost"],
    ),
    (
        "an answer",
        (((*POST, "responses"), {"200": {}}),),
        [f"{CREATE}: answer 201 application/json is lost"],
    ),
    (
        "a field that was optional",
        (((*SCHEMAS, "ThingCreate", "required"), ["name", "colour"]),),
        [f"{CREATE}: body.colour is required"],
    ),
    (
        "a parameter that was optional",
        (((*POST, "parameters", 0, "required"), True),),
        [f"{CREATE}: query dry is required"],
    ),
    (
        "a new field that is required",
        (
            ((*SCHEMAS, "ThingCreate", "required"), ["name", "weight"]),
            ((*SCHEMAS, "ThingCreate", "properties", "weight"), {"type": "number"}),
        ),
        [f"{CREATE}: body.weight is new and required"],
    ),
    (
        "a new parameter that is required",
        (((*POST, "parameters", 0), {"name": "wet", "in": "query", "required": True, "schema": {}}),),
        [f"{CREATE}: query dry is lost", f"{CREATE}: query wet is new and required"],
    ),
    (
        "an answer with another value",
        (((*SCHEMAS, "Thing", "properties", "hue", "enum"), ["dark", "light", "none"]),),
        [f"{CREATE}: answer 201.hue may be none", f"{QUERY}: answer 200[].hue may be none"],
    ),
    (
        "an answer with another type",
        (((*SCHEMAS, "Thing", "properties", "note"), {"anyOf": [{"type": "string"}, {"type": "null"}]}),),
        [f"{CREATE}: answer 201.note may be of type null", f"{QUERY}: answer 200[].note may be of type null"],
    ),
    (
        "an answer of which nothing is said any more",
        (((*SCHEMAS, "Thing", "properties", "note"), {}),),
        [f"{CREATE}: answer 201.note may be anything", f"{QUERY}: answer 200[].note may be anything"],
    ),
    (
        "an answer without a field",
        (((*SCHEMAS, "Thing", "required"), []),),
        [f"{CREATE}: answer 201.id may be left out", f"{QUERY}: answer 200[].id may be left out"],
    ),
]
"""What breaks a client: what is done, to which places, and what is said of it."""


def said(found: list[ContractChange], *, breaking: bool) -> list[str]:
    return [f"{change.operation}: {change.what}" for change in found if change.breaking is breaking]


@pytest.mark.parametrize(("edits", "lines"), [row[1:] for row in LESS], ids=[row[0] for row in LESS])
def test_what_breaks_a_client(edits: Any, lines: list[str]) -> None:
    before, after = Contract(BASE), Contract(changed(*edits))
    assert said(changes(before, after), breaking=True) == lines


@pytest.mark.parametrize(
    ("edits", "lines"),
    [
        ([(("paths", "/more"), {"get": {"responses": {}}})], ["GET /more: new"]),
        (
            [((*POST, "parameters", 0), {"name": "dry", "in": "query", "schema": {"type": ["boolean", "null"]}})],
            [f"{CREATE}: query dry can be of type null"],
        ),
        ([((*SCHEMAS, "ThingCreate", "required"), [])], [f"{CREATE}: body.name is no longer required"]),
        (
            [((*SCHEMAS, "ThingCreate", "properties", "weight"), {"type": "number"})],
            [f"{CREATE}: body.weight is new"],
        ),
        (
            [((*SCHEMAS, "Colour", "enum"), ["red", "green", "blue"])],
            [f"{CREATE}: body.colour can be blue"],
        ),
        ([((*QUERIED, "sort", "enum"), ["NAME_ASC", "NAME_DESC", "X"])], [f"{QUERY}: can be asked by sort: X"]),
        (
            [((*SCHEMAS, "Thing", "properties", "more"), {}), ((*SCHEMAS, "Thing", "required"), ["id", "more"])],
            [f"{CREATE}: answer 201.more is new", f"{QUERY}: answer 200[].more is new"],
        ),
        (
            [((*SCHEMAS, "Thing", "required"), ["id", "note"])],
            [f"{CREATE}: answer 201.note is always there", f"{QUERY}: answer 200[].note is always there"],
        ),
        (
            [((*SCHEMAS, "Thing", "properties", "hue", "enum"), ["dark"])],
            [f"{CREATE}: answer 201.hue is no longer light", f"{QUERY}: answer 200[].hue is no longer light"],
        ),
        ([((*SCHEMAS, "ThingCreate", "properties", "name"), {})], [f"{CREATE}: body.name can be anything"]),
        # What a limit or a format says is not compared.
        ([((*QUERIED, "limit", "maximum"), 5), ((*SCHEMAS, "Thing", "properties", "id", "format"), "uuid")], []),
        ([], []),
    ],
)
def test_what_breaks_no_client(edits: Any, lines: list[str]) -> None:
    found = changes(Contract(BASE), Contract(changed(*edits)))
    assert said(found, breaking=True) == []
    assert said(found, breaking=False) == lines


def test_a_request_that_could_have_any_value_and_has_a_type_now() -> None:
    free = changed(((*SCHEMAS, "ThingCreate", "properties", "name"), {}))
    assert said(changes(Contract(free), Contract(BASE)), breaking=True) == [
        f"{CREATE}: body.name can no longer be anything"
    ]


def test_a_null_is_not_compared_with_a_document_that_has_no_word_for_it() -> None:
    older = changed(((*SCHEMAS, "ThingCreate", "properties", "size"), {"type": "number"}))
    assert changes(Contract(older), Contract(BASE)) == changes(Contract(BASE), Contract(older)) == []


@pytest.mark.parametrize("version", ["2.0.0", "3.9.1"])
def test_a_release_has_not_changed_against_itself(version: str) -> None:
    contract = Contract.parse(frozen.path(version).read_bytes())
    assert changes(contract, contract) == []


def test_what_changed_between_two_real_releases() -> None:
    before, after = (Contract.parse(frozen.path(version).read_bytes()) for version in ("3.6.29", "3.9.1"))
    found = changes(before, after)
    assert said(found, breaking=True) == ["GET /admin/settings: answer 200.experiments.plugins is lost"]
    assert len(found) == 39
    assert "POST /task_runs/filter: can be asked by sort: DURATION_ASC" in said(found, breaking=False)
    # Breaking ones come first.
    assert [change.breaking for change in found] == sorted((change.breaking for change in found), reverse=True)
    before = Contract.parse(frozen.path("2.20.27").read_bytes())
    lines = said(changes(before, Contract.parse(frozen.path("3.0.0").read_bytes())), breaking=True)
    assert "POST /flow_runs/history: body.history_interval is new and required" in lines
    assert "POST /flow_runs/history: body.history_interval_seconds is lost" in lines


def test_the_reports_keep_the_contract_as_it_was_judged_by() -> None:
    """What `excerpt` keeps of a contract is the same contract to this comparison."""
    for raw in (frozen.path("3.9.1").read_bytes(), json.dumps(BASE).encode()):
        own = Contract.parse(raw)
        kept = Contract.parse(excerpt.dump(excerpt.facts(own.document)).encode())
        assert changes(own, kept) == changes(kept, own) == []
