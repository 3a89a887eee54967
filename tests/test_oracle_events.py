"""The oracle on events, against hand-written tables."""

from typing import Any

import pytest

from conformance.contract import Contract, ValueType
from conformance.oracle import UnknownOperatorError, holds, matches, select
from conformance.resources import RESOURCES
from conformance.suite.bodies import leaves
from conformance.suite.operands import label_patterns, loose_operands, operands

EVENTS = RESOURCES["events"]
ID, ROLE = "prefect.resource.id", "prefect.resource.role"


def event(name: str, resource: dict[str, str], *related: dict[str, str], **payload: Any) -> dict[str, Any]:
    base = {"id": name, "event": name, "occurred": "2001-05-01T12:00:00Z"}
    return {**base, "resource": resource, "related": list(related), "payload": payload}


def of(id_: str, role: str, **labels: str) -> dict[str, str]:
    return {ID: id_, ROLE: role, **labels}


RECORDS: list[dict[str, Any]] = [
    event("door", {ID: "house.1", "colour": "red"}, note="a loose handle"),
    event("door.opened", {ID: "house.1", "colour": "blue"}, of("key.1", "tool", metal="brass")),
    event("Door.opened", {ID: "house.2"}, of("key.1", "owner", metal="iron"), of("key.2", "tool", metal="brass")),
]
WORLD = {"events": RECORDS}


@pytest.mark.parametrize(
    ("operator", "operand", "hits", "misses"),
    [
        ("since", "2001-05-01T12:00:00Z", ["2001-05-01T14:00:00+02:00"], ["2001-05-01T11:59:59.999999Z", None]),
        ("until", "2001-05-01T12:00:00Z", ["2001-05-01T14:00:00+02:00"], ["2001-05-01T12:00:00.000001Z", None]),
        ("prefix", ["door", "x"], ["door", "door.opened"], ["Door", "a door", None]),
        ("prefix", ["d_", "d%"], ["d_x", "d%"], ["dxx"]),
        ("prefix", [], ["door", None], []),
        ("exclude_prefix", ["door", "x"], ["Door", "a door"], ["door", "door.opened", None]),
        ("name", ["door"], ["door"], ["Door", "door.opened", None]),
        ("name", [], ["door", None], []),
        ("exclude_name", ["door"], ["Door", "door.opened"], ["door", None]),
        ("id", ["a"], ["a", ("b", "a")], ["b", ("b", "c"), None]),
        ("role", ["tool"], [("owner", "tool")], [("owner",), None]),
        ("id_prefix", ["key."], ["key.1"], ["Key.1", None]),
        ("resources_in_roles", [["a", "x"]], [("b", ["a", "x"])], [(["a", "y"], ["b", "x"]), None]),
        ("labels", {"colour": "red"}, [{"colour": "red", "size": "1"}], [{"colour": "Red"}, {"size": "red"}, None]),
        ("labels", {"colour": ["red", "blue"], "size": "1"}, [{"colour": "blue", "size": "1"}], [{"colour": "red"}]),
        ("labels", {"colour": "re*"}, [{"colour": "red"}, {"colour": "re"}], [{"colour": "r"}, {}]),
        ("labels", {"colour": "!red"}, [{"colour": "blue"}], [{"colour": "red"}, {}]),
        ("labels", {"colour": ["re*", "blue"]}, [{"colour": "red"}, {"colour": "blue"}], [{"colour": "green"}]),
        ("labels", {"colour": "!re*"}, [{"colour": "blue"}], [{"colour": "red"}]),
        ("labels", {}, [{}, None], []),
        ("labels", {"colour": []}, [], [{"colour": "red"}]),
    ],
)
def test_operators(operator: str, operand: Any, hits: list[Any], misses: list[Any]) -> None:
    assert [value for value in hits if not holds(operator, value, operand)] == []
    assert [value for value in misses if holds(operator, value, operand)] == []


def test_distinct_means_nothing_on_one_event() -> None:
    with pytest.raises(UnknownOperatorError):
        holds("distinct", "house.1", True)


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ({}, [0, 1, 2]),
        ({"order": "ASC"}, [0, 1, 2]),
        ({"event": {"prefix": ["door"]}}, [0, 1]),
        ({"event": {"prefix": ["door"], "exclude_name": ["door"]}}, [1]),
        ({"resource": {"id": ["house.1"], "labels": {"colour": "red"}}}, [0]),
        ({"related": {}}, [0, 1, 2]),
        ({"related": {"id": None}}, [0, 1, 2]),
        ({"related": {"id": ["key.1"]}}, [1, 2]),
        ({"related": {"role": ["tool"]}}, [1, 2]),
        # One of the related resources has to be both.
        ({"related": {"id": ["key.1"], "role": ["tool"]}}, [1]),
        ({"related": {"id": ["key.1"], "labels": {"metal": "brass"}}}, [1]),
        ({"related": {"resources_in_roles": [["key.1", "owner"], ["key.9", "tool"]]}}, [2]),
        ({"related": [{"id": ["key.1"]}, {"id": ["key.2"]}]}, [2]),
        ({"any_resource": {"id": ["house.1", "key.2"]}}, [0, 1, 2]),
        ({"any_resource": {"id_prefix": ["key."]}}, [1, 2]),
        ({"any_resource": {"id_prefix": ["key."], "labels": {"colour": "blue"}}}, []),
        ({"any_resource": [{"id": ["house.2"]}, {"id": ["key.2"]}]}, [2]),
        ({"id": {"id": ["door"]}}, [0]),
        ({"text": {"query": "loose"}}, [0]),
        ({"text": {"query": "brass -iron"}}, [1]),
    ],
)
def test_filters(filter_: Any, found: list[int]) -> None:
    assert [at for at, record in enumerate(RECORDS) if matches(EVENTS, filter_, record, WORLD)] == found
    assert select("events", {"filter": filter_}, WORLD) == [RECORDS[at] for at in found]


def test_labels_are_one_restriction_however_many_there_are() -> None:
    filter_ = {"resource": {"id": ["a"], "labels": {"colour": "red", "size": "1"}}}
    assert list(leaves(filter_)) == [("resource", "id", ["a"]), ("resource", "labels", {"colour": "red", "size": "1"})]


def test_the_fence_is_a_microsecond_around_all_events() -> None:
    assert EVENTS.fence is not None
    moments = ["2001-05-01T12:00:00Z", "2001-05-01T11:00:00-02:00", "2001-05-01T12:30:00+02:00"]
    records = [{"id": str(at), "occurred": moment} for at, moment in enumerate(moments)]
    assert EVENTS.fence(records) == {
        "occurred": {"since": "2001-05-01T12:29:59.999999+02:00", "until": "2001-05-01T11:00:00.000001-02:00"},
        "id": {"id": ["0", "1", "2"]},
    }


MANY = ValueType("string", many=True)


def test_prefixes_mean_the_same_to_a_loose_comparison() -> None:
    texts = ["window", "Window.closed", "roof_tile", "roofXtile", "door"]
    sound = [text for prefixes in operands("prefix", MANY, texts) for text in prefixes]
    assert "door" in sound
    assert not {"window", "Window", "roof_tile", "roof_til"} & set(sound)
    loose = [text for prefixes in loose_operands("prefix", MANY, texts) for text in prefixes]
    assert {"window", "roof_tile"} <= set(loose)
    assert "door" not in loose
    # What is said to be case-insensitive is asked for in the other case, too.
    assert ["WINDOW"] in list(operands("startswith_", MANY, texts))
    # What stands further on is asked for, and is no beginning.
    assert "indow" in sound


def test_labels_are_asked_for_singly_by_several_values_and_together() -> None:
    asked = list(operands("labels", ValueType("any"), [{"a": "x", "b": "1"}, {"a": "y", "b": "1"}, None]))
    for operand in ({"a": "x"}, {"a": ["x", "y"]}, {"a": "x", "b": "1"}):
        assert operand in asked
    assert {"a": "x"} in list(loose_operands("labels", ValueType("any"), [{"a": "x"}, {"a": "X"}]))
    patterns = list(label_patterns("labels", ValueType("any"), [({"a": "brass", ROLE: "tool"}, {"a": "iron"})]))
    assert {"a": "bra*"} in patterns
    assert {"a": "!brass"} in patterns
    assert {"a": ["bra*", "iron"]} in patterns
    assert not any(ROLE in pattern for pattern in patterns)


def test_pairs_are_asked_for_as_they_are_and_crossed() -> None:
    pairs = list(operands("resources_in_roles", ValueType("any", many=True), [(["a", "x"], ["b", "y"]), None]))
    assert [["a", "x"]] in pairs
    assert [["a", "y"]] in pairs


def test_the_grammar_of_events_is_read_from_both_generations_of_documents() -> None:
    related = {"type": "object", "properties": {"id": {"type": "array", "items": {"type": "string"}}}}
    labels = {"type": "object", "additionalProperties": {"type": "string"}}
    resource = {"type": "object", "properties": {"labels": labels, "distinct": {"type": "boolean"}}}
    reference = {"$ref": "#/components/schemas/Related"}
    order = {"allOf": [{"$ref": "#/components/schemas/Order"}], "default": "DESC"}

    def read(related_filter: dict[str, Any]) -> Any:
        filter_ = {"type": "object", "properties": {"related": related_filter, "resource": resource, "order": order}}
        schemas = {"EventFilter": filter_, "Related": related, "Order": {"enum": ["ASC", "DESC"]}}
        body = {"type": "object", "properties": {"filter": {"$ref": "#/components/schemas/EventFilter"}}}
        post = {"requestBody": {"content": {"application/json": {"schema": body}}}, "responses": {"200": {}}}
        paths = {"/events/filter": {"post": post}}
        contract = Contract({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})
        return contract.queries["POST /events/filter"].filters["filter"]

    old = read({"allOf": [reference]})
    new = read({"anyOf": [reference, {"type": "array", "items": reference}, {"type": "null"}]})
    for found in (old, new):
        assert {path: set(criterion.operators) for path, criterion in found.criteria.items()} == {
            "related": {"id"},
            "resource": {"labels", "distinct"},
        }
        assert (found.orders, found.default_order) == (("ASC", "DESC"), "DESC")
    assert old.repeatable == frozenset()
    assert new.repeatable == {"related"}
