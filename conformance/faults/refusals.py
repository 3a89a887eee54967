"""Faults in what a query does with a body that it must not take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from conformance.faults.bends import Json, asked, on, operand, response, sent
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_FAILURE = Response.of(500, {"exception_message": "Internal Server Error"})
_NOBODY = "00000000-0000-4000-8000-000000000000"
_LARGEST = 2**63 - 1


def refused(key: str) -> Response:
    """A refusal that says which key is wrong."""
    return Response.of(422, {"detail": [{"loc": ["body", key], "msg": "not allowed", "type": "value_error"}]})


def where(wrong: Callable[[Request], bool], answer: Response) -> Bend:
    """The server answers what `wrong` is true of without a look at it."""

    async def answer_otherwise(request: Request, upstream: Upstream) -> Response:
        return answer if wrong(request) else await upstream(request)

    return answer_otherwise


def at(cell: str, edit: Callable[[Json], Json]) -> Bend:
    """One operator (`flows.name.any_`) gets another operand, whatever kind of value that is."""
    steps = cell.split(".")

    def edited(node: Json, rest: list[str]) -> Json:
        if not rest:
            return edit(node)
        inside = isinstance(node, dict) and rest[0] in node
        return {**node, rest[0]: edited(node[rest[0]], rest[1:])} if inside else node

    return asked(lambda body: edited(body, steps))


def dropped(*keys: str, unless: Callable[[Json], bool] = lambda _: False) -> Bend:
    """Keys are ignored wherever they stand in the body, but for values that `unless` is true of."""

    def edited(node: Json) -> Json:
        if isinstance(node, dict):
            return {key: edited(value) for key, value in node.items() if key not in keys or unless(value)}
        return node

    return asked(edited)


def _media(request: Request) -> bytes:
    return dict(request.headers).get(b"content-type", b"")


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _is_foreign(request: Request) -> bool:
    return bool(request.body) and b"json" not in _media(request)


def _holds_nan(request: Request) -> bool:
    return any(word in request.body for word in (b"NaN", b"Infinity"))


def _has_unknown_key(request: Request) -> bool:
    body = request.json
    return isinstance(body, dict) and bool(body.keys() - _KNOWN)


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > _LARGEST


def _has_unknown_type(request: Request) -> bool:
    types = operand(request.json, "flow_runs.state.type.any_")
    return isinstance(types, list) and any(not isinstance(type_, str) or type_ not in _TYPES for type_ in types)


def _has_a_huge_limit(request: Request) -> bool:
    return any(_is_huge(operand(request.json, f"deployments.concurrency_limit.{name}")) for name in ("ge_", "le_"))


_SORTS = frozenset({"CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC"})
_JOINS = frozenset({"and_", "or_"})
_TYPES = frozenset({"SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED"})
_KNOWN = frozenset({"flows", "flow_runs", "task_runs", "deployments", "work_pools", "sort", "limit", "offset"})


def _is_one_of(known: frozenset[str]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, str) and value in known


def _query(requirement: str, id_: str, title: str, operation: str, bend: Bend, mend: Bend | None = None) -> Fault:
    """A fault in one query, which is the subject too."""
    requirement = f"refusals.{requirement}"
    done = Fault(f"{id_}-mended", requirement, operation, "what no release does", on(operation, mend)) if mend else None
    return Fault(id_, requirement, operation, title, on(operation, bend), mend=done)


_FLOWS = "POST /flows/filter"
_RUNS = "POST /flow_runs/filter"

FAULTS = (
    _query(
        "sort",
        "unknown-sort-is-the-default",
        "an unknown sort key is taken for the default one",
        _FLOWS,
        dropped("sort", unless=_is_one_of(_SORTS)),
    ),
    _query(
        "criterion",
        "unknown-criterion-is-ignored",
        "an unknown criterion is ignored",
        _RUNS,
        dropped("no_such_key"),
    ),
    _query(
        "criterion",
        "unknown-criterion-of-related-is-ignored",
        "an unknown criterion of a related collection is ignored",
        "POST /deployments/count",
        at("flows", lambda node: {key: value for key, value in node.items() if key != "no_such_key"}),
    ),
    _query(
        "operator",
        "unknown-operator-is-ignored",
        "an unknown operator is ignored",
        "POST /task_runs/filter",
        at("task_runs.subflow_runs", lambda node: {key: value for key, value in node.items() if key == "exists_"}),
    ),
    _query(
        "join",
        "unknown-join-is-and",
        "an unknown operator between criteria is taken for and_",
        _FLOWS,
        dropped("operator", unless=_is_one_of(_JOINS)),
    ),
    _query(
        "key",
        "unknown-key-is-ignored",
        "an unknown key in the body is ignored",
        _FLOWS,
        asked(lambda body: {key: value for key, value in body.items() if key in _KNOWN}),
        mend=where(_has_unknown_key, refused("flow, sorts and no_such_key")),
    ),
    _query(
        "empty-object",
        "list-is-an-empty-filter",
        "a list in place of a filter is taken for an empty one",
        _FLOWS,
        at("flows", lambda node: {} if node == [] else node),
    ),
    _query(
        "object",
        "text-is-a-name",
        "a text in place of a criterion is taken for the value of any_",
        _RUNS,
        at("flow_runs.name", lambda node: {"any_": [node]} if isinstance(node, str) else node or {}),
    ),
    _query(
        "list",
        "value-is-a-list-of-one",
        "one value is taken for a list of one",
        _FLOWS,
        at("flows.name.any_", lambda value: [value] if isinstance(value, str) else value),
    ),
    _query(
        "uuid",
        "bad-uuid-is-nobody",
        "what is no UUID is taken for one that nobody has",
        _FLOWS,
        at("flows.id.any_", lambda ids: [id_ if _is_uuid(id_) else _NOBODY for id_ in ids]),
    ),
    _query(
        "instant",
        "bad-instant-is-ignored",
        "a time that can't be read is ignored",
        _RUNS,
        at("flow_runs.end_time", lambda node: {key: value for key, value in node.items() if value != "yesterday"}),
    ),
    _query(
        "boolean",
        "no-boolean-is-false",
        "what is no boolean is taken for false",
        "POST /deployments/filter",
        at("deployments.paused.eq_", lambda value: value is True),
    ),
    _query(
        "option",
        "unknown-option-matches-nothing",
        "an unknown option matches nothing, and is no error",
        _RUNS,
        where(_has_unknown_type, Response.of(200, [])),
    ),
    _query(
        "text",
        "object-is-its-json",
        "an object in place of a text is taken for its JSON",
        "POST /task_runs/filter",
        at("task_runs.name.like_", str),
    ),
    _query(
        "number",
        "word-is-no-number",
        "a word in place of a number is ignored",
        "POST /logs/filter",
        at("logs.level", lambda node: {key: value for key, value in node.items() if value != "three"}),
    ),
    _query(
        "fraction",
        "fraction-is-cut-off",
        "the fraction of a number is cut off",
        "POST /logs/filter",
        at("logs.level.ge_", lambda value: int(value) if isinstance(value, float) else value),
    ),
    _query(
        "huge-number",
        "huge-number-fails",
        "a number of more than 64 bits makes the query fail",
        "POST /deployments/filter",
        where(_has_a_huge_limit, _FAILURE),
    ),
    _query(
        "parameter",
        "limit-in-words-is-ignored",
        "a limit that is no number is ignored",
        "POST /variables/filter",
        dropped("limit", unless=lambda value: isinstance(value, int | float)),
    ),
    _query(
        "body",
        "list-is-an-empty-body",
        "a list in place of the body is taken for an empty object",
        "POST /artifacts/filter",
        sent(lambda request: request.with_json({}) if request.json == [] else request),
    ),
    _query(
        "malformed",
        "unreadable-body-is-none",
        "a body that can't be read is taken for none",
        "POST /flows/count",
        sent(lambda request: request.with_json({}) if request.body and request.json is None else request),
    ),
    _query(
        "nan",
        "nan-fails",
        "NaN makes the query fail",
        _FLOWS,
        where(_holds_nan, _FAILURE),
        mend=where(_holds_nan, refused("limit")),
    ),
    _query(
        "media-type",
        "foreign-body-is-ignored",
        "a body of another media type is ignored",
        _FLOWS,
        sent(lambda request: replace(request.with_json({}), body=b"{}") if _is_foreign(request) else request),
        mend=where(_is_foreign, Response.of(415, {"detail": "the body has to be application/json"})),
    ),
    _query(
        "binary",
        "binary-body-fails",
        "a body that is no text makes the query fail",
        _FLOWS,
        where(lambda request: b"octet-stream" in _media(request), _FAILURE),
    ),
    _query(
        "says-where",
        "refusal-says-nothing",
        "a refusal says only that the body is wrong",
        _FLOWS,
        response(lambda _, answer: Response.of(422, {"detail": "Invalid request"}) if answer.status == 422 else answer),
    ),
    _query(
        "says-where",
        "refusal-repeats-the-body",
        "a refusal repeats the body, and says no more",
        _RUNS,
        response(
            lambda request, answer: Response.of(422, {"request_body": request.json}) if answer.status == 422 else answer
        ),
    ),
)
