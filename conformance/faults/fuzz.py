"""Faults in how an operation answers: not as its description says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.faults.bends import Json, answered, instead, on, response, status
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_FAILED = Response.of(500, {"exception_message": "Internal Server Error"})


def row(edit: Callable[[Json], Json]) -> Bend:
    """The object in an answer, or each of its list, is another."""
    return answered(lambda value: [edit(item) for item in value] if isinstance(value, list) else edit(value))


def shows(**fields: Any) -> Bend:
    """The object in an answer, or each of its list, has other values."""
    return row(lambda item: {**item, **fields})


async def _fails_on_a_nested_option(request: Request, upstream: Upstream) -> Response:
    body = request.json
    options = body.get("concurrency_options") if isinstance(body, dict) else None
    nested = isinstance(options, dict) and options.get("grace_period_seconds") is not None
    return _FAILED if nested else await upstream(request)


async def _fails_on_null(request: Request, upstream: Upstream) -> Response:
    body = request.json
    null = isinstance(body, dict) and "description" in body and body["description"] is None
    return _FAILED if null else await upstream(request)


FAULTS = (
    Fault(
        "legal-request-fails",
        "fuzz.no-server-error",
        "POST /flows/filter",
        "an operation answers 500 to a legal request",
        on("POST /flows/filter", instead(_FAILED)),
    ),
    Fault(
        "invalid-body-fails",
        "fuzz.no-server-error",
        "POST /flows/count",
        "a body that is not valid makes the server fail",
        on("POST /flows/count", status(422, _FAILED)),
    ),
    Fault(
        "nested-option-fails",
        "fuzz.no-server-error",
        "POST /deployments/",
        "an optional property of an optional object makes the server fail",
        on("POST /deployments/", _fails_on_a_nested_option),
    ),
    Fault(
        "null-fails",
        "fuzz.no-server-error",
        "PATCH /artifacts/{id}",
        "a null that the document allows makes the server fail",
        on("PATCH /artifacts/{id}", _fails_on_null),
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
