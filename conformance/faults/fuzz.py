"""Faults in how an operation answers: not as its description says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.faults.bends import Json, answered, instead, on, response, status
from conformance.faults.fault import Bend, Fault, Response


def row(edit: Callable[[Json], Json]) -> Bend:
    """The object in an answer, or each of its list, is another."""
    return answered(lambda value: [edit(item) for item in value] if isinstance(value, list) else edit(value))


def shows(**fields: Any) -> Bend:
    """The object in an answer, or each of its list, has other values."""
    return row(lambda item: {**item, **fields})


FAULTS = (
    Fault(
        "legal-request-fails",
        "fuzz.no-server-error",
        "POST /flows/filter",
        "an operation answers 500 to a legal request",
        on("POST /flows/filter", instead(Response.of(500, {"exception_message": "Internal Server Error"}))),
    ),
    Fault(
        "invalid-body-fails",
        "fuzz.no-server-error",
        "POST /flows/count",
        "a body that is not valid makes the server fail",
        on("POST /flows/count", status(422, Response.of(500, {"exception_message": "Internal Server Error"}))),
    ),
    Fault(
        "status-is-a-teapot",
        "fuzz.status-documented",
        "POST /flow_runs/count",
        "an operation answers 418",
        on("POST /flow_runs/count", instead(Response.of(418, {"detail": "I'm a teapot"}))),
    ),
    Fault(
        "invalid-body-is-400",
        "fuzz.status-documented",
        "POST /flows/filter",
        "a body that is not valid is answered with a status that is not documented",
        on("POST /flows/filter", status(422, Response.of(400, {"detail": "Bad Request"}))),
    ),
    Fault(
        "json-is-labelled-text",
        "fuzz.content-type",
        "POST /flows/count",
        "a JSON answer is labelled text/plain",
        on("POST /flows/count", response(lambda _, answer: answer.with_type("text/plain"))),
    ),
    Fault(
        "answer-is-a-page",
        "fuzz.content-type",
        "POST /flows/filter",
        "a page in HTML comes with the status of an answer in JSON",
        on("POST /flows/filter", instead(Response(200, body=b"<html></html>").with_type("text/html"))),
    ),
    Fault(
        "field-is-missing",
        "fuzz.response-schema",
        "GET /flows/{id}",
        "a required field is missing from an answer",
        on("GET /flows/{id}", row(lambda item: {key: value for key, value in item.items() if key != "name"})),
    ),
    Fault(
        "list-is-a-string",
        "fuzz.response-schema",
        "GET /flow_runs/{id}",
        "a list of texts is answered as one text",
        on("GET /flow_runs/{id}", row(lambda item: {**item, "tags": ",".join(item["tags"])})),
    ),
    Fault(
        "time-has-no-zone",
        "fuzz.response-schema",
        "GET /deployments/{id}",
        "a time is answered without its zone",
        on("GET /deployments/{id}", row(lambda item: {**item, "created": item["created"].removesuffix("Z")[:26]})),
    ),
    Fault(
        "field-is-null",
        "fuzz.null-documented",
        "GET /flows/{id}",
        "a field that is always there is null",
        on("GET /flows/{id}", shows(name=None)),
    ),
)
