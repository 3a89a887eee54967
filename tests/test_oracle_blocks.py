"""What queries for blocks and notification policies mean, against hand-written tables."""

from typing import Any

import pytest

from conformance.oracle import first_disorder, select
from conformance.resources import RESOURCES

WORLD: dict[str, list[dict[str, Any]]] = {
    "block_types": [
        {"id": "t1", "name": "Slack", "slug": "slack"},
        {"id": "t2", "name": "slack two", "slug": "slack-two"},
        {"id": "t3", "name": "S3", "slug": "s3"},
    ],
    "block_schemas": [
        {"id": "s1", "block_type_id": "t1", "capabilities": [], "version": "1.0"},
        {"id": "s2", "block_type_id": "t1", "capabilities": ["read"], "version": "1.1"},
        {"id": "s3", "block_type_id": "t2", "capabilities": ["write", "read"], "version": "1.0"},
    ],
    "block_documents": [
        {"id": "d1", "name": "a", "block_type_id": "t1", "block_schema_id": "s1", "is_anonymous": False},
        {"id": "d2", "name": "b", "block_type_id": "t1", "block_schema_id": "s2", "is_anonymous": False},
        {"id": "d3", "name": "a", "block_type_id": "t2", "block_schema_id": "s3", "is_anonymous": False},
        {"id": "d4", "name": "x", "block_type_id": "t2", "block_schema_id": "s3", "is_anonymous": True},
    ],
    "flow_run_notification_policies": [{"id": "on", "is_active": True}, {"id": "off", "is_active": False}],
}


def ids(collection: str, body: Any) -> list[str]:
    return [row["id"] for row in select(collection, body, WORLD)]


@pytest.mark.parametrize(
    ("collection", "body", "expected"),
    [
        ("block_schemas", {"block_schemas": {"block_capabilities": {"all_": ["read"]}}}, ["s2", "s3"]),
        ("block_schemas", {"block_schemas": {"block_capabilities": {"all_": ["read", "write"]}}}, ["s3"]),
        ("block_types", {"block_schemas": {"version": {"any_": ["1.0"]}}}, ["t1", "t2"]),
        ("block_types", {"block_schemas": {"id": {"any_": []}}}, []),
        # A type without a schema has none that matches, whatever is asked of it.
        ("block_types", {"block_schemas": {}}, ["t1", "t2"]),
        # One schema has to be both.
        ("block_types", {"block_schemas": {"version": {"any_": ["1.0"]}, "block_type_id": {"any_": ["t1"]}}}, ["t1"]),
        (
            "block_types",
            {"block_schemas": {"version": {"any_": ["1.0"]}, "block_capabilities": {"all_": ["read"]}}},
            ["t2"],
        ),
        ("block_documents", {"block_types": {"slug": {"any_": ["slack"]}}}, ["d1", "d2"]),
        ("block_documents", {"block_types": {"name": {"like_": "SLACK"}}}, ["d1", "d2", "d3"]),
        # A document is of one schema, not of all that its type has.
        ("block_documents", {"block_schemas": {"version": {"any_": ["1.1"]}}}, ["d2"]),
        (
            "block_documents",
            {"block_types": {"slug": {"any_": ["slack"]}}, "block_schemas": {"version": {"any_": ["1.0"]}}},
            ["d1"],
        ),
    ],
)
def test_related_collections(collection: str, body: Any, expected: list[str]) -> None:
    assert ids(collection, body) == expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (None, ["d1", "d2", "d3"]),
        ({}, ["d1", "d2", "d3"]),
        ({"block_type_id": {"any_": ["t2"]}}, ["d3"]),
        ({"block_type_id": {"any_": ["t2"]}, "is_anonymous": {"eq_": True}}, ["d4"]),
        ({"block_type_id": {"any_": ["t2"]}, "is_anonymous": {}}, ["d3", "d4"]),
        # The criterion that is meant is one of those that are joined by OR.
        ({"operator": "or_", "name": {"any_": ["x"]}}, ["d1", "d2", "d3", "d4"]),
        ({"operator": "or_", "name": {"any_": ["b"]}, "is_anonymous": {"eq_": True}}, ["d2", "d4"]),
    ],
)
def test_anonymous_documents_are_hidden_unless_asked_for(filter_: Any, expected: list[str]) -> None:
    assert ids("block_documents", {"block_documents": filter_}) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["on", "off"]),
        ({"flow_run_notification_policy_filter": {}}, ["off"]),
        ({"flow_run_notification_policy_filter": {"is_active": {"eq_": True}}}, ["on"]),
        ({"flow_run_notification_policy_filter": {"is_active": {}}}, ["on", "off"]),
    ],
)
def test_a_filter_of_policies_asks_for_inactive_ones_unless_told_otherwise(body: Any, expected: list[str]) -> None:
    assert ids("flow_run_notification_policies", body) == expected


def document(type_: str, name: str) -> dict[str, Any]:
    return {"id": f"{type_}/{name}", "name": name, "block_type": {"name": type_}}


@pytest.mark.parametrize(
    ("rows", "ordered"),
    [
        (["a/x", "a/y", "b/x"], True),
        (["a/x", "a/x", "b/a"], True),
        (["a/y", "a/x"], False),
        (["b/x", "a/y"], False),
        # By code point one way, by the dictionary the other.
        (["B/x", "a/x"], True),
        (["a/x", "B/x"], True),
    ],
)
def test_documents_sorted_by_type_and_name(rows: list[str], ordered: bool) -> None:
    documents = [document(*row.split("/")) for row in rows]
    found = first_disorder(RESOURCES["block_documents"], "BLOCK_TYPE_AND_NAME_ASC", documents, {})
    assert (found is None) is ordered


def test_the_name_of_the_type_beside_the_document_counts_too() -> None:
    rows = [{"id": "1", "name": "x", "block_type_name": "b"}, {"id": "2", "name": "x", "block_type_name": "a"}]
    assert first_disorder(RESOURCES["block_documents"], "BLOCK_TYPE_AND_NAME_ASC", rows, {}) is not None
