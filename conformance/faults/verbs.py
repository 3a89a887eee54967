"""Faults in what GET, PUT, PATCH, DELETE and POST do to a member."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from conformance.faults.bends import Json, answered, asked, instead, on, read, read_by, status
from conformance.faults.fault import Fault, Request, Response, Upstream
from conformance.faults.mending import Creating


def _patch(path: str, fields: Mapping[str, Any]) -> Request:
    return Request("PATCH", path).with_json(fields)


# GET


async def _tags_what_is_read(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    if answer.is_success:
        await upstream(_patch(request.path, {"tags": [*answer.json["tags"], "read"]}))
    return answer


async def _touches_what_is_read(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    if answer.is_success:
        await upstream(_patch(request.path, {"tags": answer.json["tags"]}))
    return answer


async def _refuses_a_body(request: Request, upstream: Upstream) -> Response:
    return Response.of(400, {"detail": "GET takes no body"}) if request.body else await upstream(request)


async def _obeys_a_body(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    body = request.json
    return answer.with_json(answer.json[: body["limit"]]) if isinstance(body, dict) and "limit" in body else answer


# PUT


async def _appends(request: Request, upstream: Upstream) -> Response:
    body = request.json
    searches = (await upstream(Request("POST", "/saved_searches/filter").with_json({}))).json
    for search in searches:
        if search["name"] == body["name"]:
            request = request.with_json({**body, "filters": [*search["filters"], *body["filters"]]})
    return await upstream(request)


async def _toggles(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(Request("GET", request.path))
    unset = answer.is_success and answer.json == request.json
    return await upstream(Request("DELETE", request.path) if unset else request)


async def _keeps_the_description(request: Request, upstream: Upstream) -> Response:
    now = await read(request.path, upstream)
    body = request.json
    if now is not None and isinstance(body, dict):
        request = request.with_json({**body, "description": now["description"]})
    return await upstream(request)


# DELETE


async def _takes_its_like(request: Request, upstream: Upstream) -> Response:
    """Deletes what is called the same but for a number too; not the population, which other checks are judged on."""
    doomed = await read(request.path, upstream)
    answer = await upstream(request)
    if doomed is not None:
        stem = {"variables": {"name": {"like_": doomed["name"].rstrip("0123456789")}}}
        for other in await read_by("/variables/filter", stem, upstream) or ():
            await upstream(Request("DELETE", f"/variables/{other['id']}"))
    return answer


async def _clears(request: Request, upstream: Upstream) -> Response:
    """Empties the member, and leaves it where it was."""
    await upstream(_patch(request.path, {"tags": []}))
    return Response(204)


# PATCH and POST


async def _merges_lists(request: Request, upstream: Upstream) -> Response:
    now = await read(request.path, upstream)
    body = request.json
    if now is not None and isinstance(body, dict) and "tags" in body:
        request = request.with_json({**body, "tags": [*now["tags"], *body["tags"]]})
    return await upstream(request)


def _with_another_id(value: Json) -> Json:
    return {**value, "id": str(uuid4())}


async def _declared_alone(request: Request, upstream: Upstream) -> Response:
    named = {name.lower() for name, _ in request.headers}
    return await upstream(request if b"content-type" in named else request.with_json({}))


FAULTS = (
    Fault(
        "get-writes",
        "verbs.get-idempotent",
        "GET /flows/{id}",
        "GET /flows/{id} changes the flow's tags",
        on("GET /flows/{id}", _tags_what_is_read),
    ),
    Fault(
        "get-touches",
        "verbs.get-idempotent",
        "GET /flow_runs/{id}",
        "GET /flow_runs/{id} sets the time of the last change",
        on("GET /flow_runs/{id}", _touches_what_is_read),
    ),
    Fault(
        "get-refuses-a-body",
        "verbs.get-ignores-body",
        "GET /flows/{id}",
        "GET /flows/{id} with a body answers 400",
        on("GET /flows/{id}", _refuses_a_body),
    ),
    Fault(
        "get-obeys-a-body",
        "verbs.get-ignores-body",
        "GET /block_capabilities/",
        "GET of a list obeys the limit in a body",
        on("GET /block_capabilities/", _obeys_a_body),
    ),
    Fault(
        "get-finds-nobody",
        "verbs.get-by-id",
        "GET /flows/{id}",
        "GET of an unknown id answers 200",
        on("GET /flows/{id}", status(404, Response.of(200, {}))),
    ),
    Fault(
        "get-finds-another",
        "verbs.get-by-id",
        "GET /flow_runs/{id}",
        "GET by id answers with another id",
        on("GET /flow_runs/{id}", answered(_with_another_id)),
    ),
    Fault(
        "put-appends",
        "verbs.put-idempotent",
        "PUT /saved_searches/",
        "a PUT appends to a list instead of replacing it",
        on("PUT /saved_searches/", _appends),
    ),
    Fault(
        "put-toggles",
        "verbs.put-idempotent",
        "PUT /admin/storage",
        "a PUT of what is set already unsets it",
        on("PUT /admin/storage", _toggles),
    ),
    Fault(
        "put-leaves-a-field",
        "verbs.put-replaces",
        "PUT /automations/{id}",
        "a PUT leaves a field as it was",
        on("PUT /automations/{id}", _keeps_the_description),
    ),
    Fault(
        "put-lies",
        "verbs.put-creates",
        "PUT /automations/{id}",
        "a PUT to an unknown id answers 204 and creates nothing",
        on("PUT /automations/{id}", status(404, Response(204))),
        mend=Fault("put-creates", "verbs.put-creates", "PUT /automations/{id}", "a PUT creates", Creating()),
    ),
    Fault(
        "second-delete-fails",
        "verbs.delete-idempotent",
        "DELETE /flows/{id}",
        "the second DELETE answers 500",
        on("DELETE /flows/{id}", status(404, Response.of(500, {"exception_message": "Internal Server Error"}))),
    ),
    Fault(
        "second-delete-is-a-conflict",
        "verbs.delete-idempotent",
        "DELETE /variables/{id}",
        "the second DELETE answers 409",
        on("DELETE /variables/{id}", status(404, Response.of(409, {"detail": "it was deleted before"}))),
    ),
    Fault(
        "delete-lies",
        "verbs.delete-removes",
        "DELETE /flows/{id}",
        "a DELETE answers 204 and leaves the member where it was",
        on("DELETE /flows/{id}", instead(Response(204))),
    ),
    Fault(
        "delete-empties",
        "verbs.delete-removes",
        "DELETE /flow_runs/{id}",
        "a DELETE empties the member and leaves it where it was",
        on("DELETE /flow_runs/{id}", _clears),
    ),
    Fault(
        "delete-takes-all",
        "verbs.delete-removes",
        "DELETE /variables/{id}",
        "a DELETE takes the other members with it",
        on("DELETE /variables/{id}", _takes_its_like),
    ),
    Fault(
        "patch-resets",
        "verbs.patch-partial",
        "PATCH /variables/{id}",
        "a PATCH resets the fields that it does not name",
        on("PATCH /variables/{id}", asked(lambda body: {"tags": [], **body})),
    ),
    Fault(
        "patch-appends",
        "verbs.patch-partial",
        "PATCH /variables/{id}",
        "a PATCH appends to a list instead of replacing it",
        on("PATCH /variables/{id}", _merges_lists),
    ),
    Fault(
        "patch-is-lost",
        "verbs.patch-partial",
        "PATCH /flows/{id}",
        "a PATCH answers 204 and changes nothing",
        on("PATCH /flows/{id}", instead(Response(204))),
    ),
    Fault(
        "patch-of-the-name-is-lost",
        "verbs.patch-partial",
        "PATCH /work_pools/{work_pool_name}/queues/{name}",
        "a PATCH of the name that a member is found by answers 204 and changes nothing",
        on("PATCH /work_pools/{work_pool_name}/queues/{name}", instead(Response(204))),
    ),
    Fault(
        "post-names-another-id",
        "verbs.post-creates",
        "POST /flows/",
        "a POST answers 201 with an id that does not exist",
        on("POST /flows/", answered(_with_another_id)),
    ),
    Fault(
        "post-drops-a-field",
        "verbs.post-creates",
        "POST /variables/",
        "a POST does not keep one of the fields that were sent",
        on("POST /variables/", asked(lambda body: {key: value for key, value in body.items() if key != "tags"})),
    ),
    Fault(
        "undeclared-is-nothing",
        "verbs.undeclared-json",
        "POST /flows/filter",
        "a body without a Content-Type is taken for nothing",
        on("POST /flows/filter", _declared_alone),
    ),
)
