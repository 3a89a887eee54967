"""Faults in the OpenAPI document: it promises less than the release did."""

from __future__ import annotations

from collections.abc import Callable

from conformance.faults.bends import Json
from conformance.faults.fault import Bend, Fault
from conformance.faults.routes import body_renamed, document


def _without_operation(operation: str) -> Bend:
    method, _, path = operation.partition(" ")

    def edit(found: Json) -> Json:
        item = {key: value for key, value in found["paths"][path].items() if key != method.lower()}
        return {**found, "paths": {**found["paths"], path: item}}

    return document(edit)


def _schema(name: str, edit: Callable[[Json], Json]) -> Bend:
    """One component is another."""

    def edited(found: Json) -> Json:
        schemas = found["components"]["schemas"]
        return {**found, "components": {**found["components"], "schemas": {**schemas, name: edit(schemas[name])}}}

    return document(edited)


def _without_field(name: str) -> Callable[[Json], Json]:
    return lambda schema: {
        **schema,
        "properties": {key: value for key, value in schema["properties"].items() if key != name},
    }


def _without_value(name: str) -> Callable[[Json], Json]:
    return lambda schema: {**schema, "enum": [value for value in schema["enum"] if value != name]}


FAULTS = (
    Fault(
        "operation-is-lost",
        "contract.operations",
        "DELETE /flows/{id}",
        "the document has no DELETE /flows/{id}",
        _without_operation("DELETE /flows/{id}"),
    ),
    Fault(
        "field-of-a-body-is-lost",
        "contract.fields",
        "POST /flows/",
        "the document calls the field tags of POST /flows/ labels",
        body_renamed("POST /flows/", "tags", "labels"),
    ),
    Fault(
        "field-of-an-answer-is-lost",
        "contract.fields",
        "GET /flows/{id}",
        "no flow has the field tags",
        _schema("Flow", _without_field("tags")),
    ),
    Fault(
        "operator-is-lost",
        "contract.operators",
        "POST /flows/filter",
        "the filter of flows by name has no like_",
        _schema("FlowFilterName", _without_field("like_")),
    ),
    Fault(
        "sort-key-is-lost",
        "contract.operators",
        "POST /flows/filter",
        "flows can't be sorted by NAME_DESC",
        _schema("FlowSort", _without_value("NAME_DESC")),
    ),
    Fault(
        "value-is-lost",
        "contract.values",
        "GET /flow_runs/{id}",
        "no state has the type CRASHED",
        _schema("StateType", _without_value("CRASHED")),
    ),
)
