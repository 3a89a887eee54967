"""Faults in the life of a member: what a create answers, where the member is met, and what a DELETE leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import httpx

from conformance.faults.bends import Json, answered, asked, instead, on, operand, read, read_by, response, status, told
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_CRASH = Response.of(500, {"exception_message": "Internal Server Error"})


def _without(*fields: str) -> Callable[[Json], Json]:
    """A record, or a list of such, without some fields."""

    def drop(value: Json) -> Json:
        if isinstance(value, list):
            return [drop(row) for row in value]
        return {key: inner for key, inner in value.items() if key not in fields}

    return drop


def _with_another_name(body: Json) -> Json:
    return {**body, "name": f"{body['name']}-{uuid4().hex[:8]}"}


def _says_created(_: Request, answer: Response) -> Response:
    return replace(answer, status=httpx.codes.CREATED) if answer.status == httpx.codes.OK else answer


def _with_another_identifier(body: Json) -> Json:
    return {**body, "name": f"{body['name']}_{uuid4().hex[:8]}"}


def _with_a_ghost(collection: str) -> Callable[[Json, Json], Json]:
    """A query for the members of some ids that are not there finds them all the same."""
    return lambda body, rows: rows or [{"id": id_} for id_ in operand(body, f"{collection}.id.any_") or []]


def _doubled(rows: Json) -> Json:
    return [row for row in rows for _ in range(2)]


async def _returns_the_deployment(request: Request, upstream: Upstream) -> Response:
    name = request.json["name"]
    found = await read_by("/deployments/filter", {"deployments": {"name": {"any_": [name]}}}, upstream)
    return Response.of(200, found[0]) if found else await upstream(request)


async def _empties_the_queue(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    if answer.status == httpx.codes.CONFLICT:
        named = {"work_queues": {"name": {"any_": [request.json["name"]]}}}
        found = await read_by("/work_queues/filter", named, upstream)
        await upstream(Request("PATCH", f"/work_queues/{found[0]['id']}").with_json({"description": ""}))
    return answer


def _remembering(empty: Callable[[Response], bool]) -> Bend:
    """Where an answer is `empty`, the last one that was not, for the same request."""
    kept: dict[tuple[str, bytes], Response] = {}

    async def remember(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        question = request.path, request.body
        if empty(answer):
            return kept.get(question, answer)
        kept[question] = answer
        return answer

    return remember


def _missing(answer: Response) -> bool:
    return answer.status == httpx.codes.NOT_FOUND


def _nothing(answer: Response) -> bool:
    return not answer.json


async def _with_namesakes(request: Request, upstream: Upstream) -> Response:
    found = await read(request.path, upstream)
    answer = await upstream(request)
    if found is not None and answer.is_success:
        namesakes = await read_by("/deployments/filter", {"deployments": {"name": {"any_": [found["name"]]}}}, upstream)
        for deployment in namesakes or ():
            await upstream(Request("DELETE", f"/deployments/{deployment['id']}"))
    return answer


def _by_the_key_alone() -> Bend:
    """What is not found in its own run is what was found under the same key before."""
    kept: dict[str, Response] = {}

    async def find(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        key = request.path.rpartition("/")[2]
        if answer.is_success:
            kept[key] = answer
        return kept.get(key, answer) if _missing(answer) else answer

    return find


def _found_by_name_for_ever(collection: str) -> Bend:
    """What was created once is found by its name, whatever became of it."""
    kept: dict[str, Response] = {}

    async def keep(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        if (request.method, request.path) == ("POST", f"/{collection}/") and answer.is_success:
            kept[f"/{collection}/name/{answer.json['name']}"] = Response.of(200, answer.json)
        return kept.get(request.path, answer) if _missing(answer) else answer

    return keep


def _taken() -> Bend:
    """A name that was given once is never free again."""
    names: set[str] = set()

    async def refuse(request: Request, upstream: Upstream) -> Response:
        name = request.json["name"]
        if name in names:
            return Response.of(409, {"detail": "the name is taken"})
        names.add(name)
        return await upstream(request)

    return refuse


def _located(path: Callable[[Json], str]) -> Bend:
    """What is created gets a Location, which no release sends."""

    def with_location(_: Request, answer: Response) -> Response:
        if answer.status != httpx.codes.CREATED:
            return answer
        return replace(answer, headers=(*answer.headers, (b"location", path(answer.json).encode())))

    return response(with_location)


def _running_backwards(record: Json) -> Json:
    """As much before the creation as the last change is after it."""
    created, updated = (datetime.fromisoformat(record[key]) for key in ("created", "updated"))
    return {**record, "updated": (created - (updated - created) - timedelta(seconds=1)).isoformat()}


_LOCATED = Fault(
    "location-leads-to-the-flow",
    "lifecycles.location",
    "flows",
    "a new flow has a Location",
    on("POST /flows/", _located(lambda flow: flow["id"])),
)


class _FindsTheFirst:
    """A checksum finds the schema that was created first with it."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        answer = await upstream(request)
        if (request.method, request.path) == ("POST", "/block_schemas/") and answer.is_success:
            self._first.setdefault(answer.json["checksum"], answer.json["id"])
        head, _, checksum = request.path.rpartition("/")
        if head == "/block_schemas/checksum" and checksum in self._first:
            return await upstream(Request("GET", f"/block_schemas/{self._first[checksum]}"))
        return answer


async def _deletes_related(request: Request, upstream: Upstream) -> Response:
    related = await read(request.path.replace("/owned-by/", "/related-to/"), upstream)
    for automation in related or ():
        await upstream(Request("DELETE", f"/automations/{automation['id']}"))
    return await upstream(request)


def _one_reference(schema: Json) -> Json:
    """Of several fields that refer to one schema, the last."""
    fields = schema["fields"]
    named = fields.get("block_schema_references", {})
    by_checksum = {reference["block_schema_checksum"]: name for name, reference in named.items()}
    kept = {name: named[name] for name in by_checksum.values()}
    return {**schema, "fields": {**fields, "block_schema_references": kept}}


FAULTS: tuple[Fault, ...] = (
    Fault(
        "create-answers-less",
        "lifecycles.create-answers",
        "flows",
        "POST /flows/ answers without the tags that the flow has",
        on("POST /flows/", answered(lambda flow: {**flow, "tags": []})),
    ),
    Fault(
        "create-answers-too-early",
        "lifecycles.create-answers",
        "flow_runs",
        "POST /flow_runs/ answers with a run that has no state yet",
        on("POST /flow_runs/", answered(lambda run: {**run, "state": None, "state_id": None})),
    ),
    Fault(
        "location-leads-nowhere",
        "lifecycles.location",
        "flows",
        "the Location of a new flow is that of no flow",
        on("POST /flows/", _located(lambda flow: f"{flow['id'][::-1]}")),
        mend=_LOCATED,
    ),
    Fault(
        "location-leads-to-the-listing",
        "lifecycles.location",
        "flows",
        "the Location of a new flow is that of the collection",
        on("POST /flows/", _located(lambda _: "")),
        mend=_LOCATED,
    ),
    Fault(
        "name-reads-less",
        "lifecycles.read-alike",
        "flows",
        "GET /flows/name/{name} shows the flow without its tags",
        on("GET /flows/name/{name}", answered(lambda flow: {**flow, "tags": []})),
    ),
    Fault(
        "slug-finds-nothing",
        "lifecycles.read-alike",
        "block_types",
        "GET /block_types/slug/{slug} does not find a block type",
        on("GET /block_types/slug/{slug}", status(200, Response.of(404, {"detail": "Block type not found"}))),
    ),
    Fault(
        "list-shows-less",
        "lifecycles.listed",
        "flow_runs",
        "POST /flow_runs/filter shows rows without their parameters",
        on("POST /flow_runs/filter", answered(_without("parameters"))),
    ),
    Fault(
        "list-shows-twice",
        "lifecycles.listed",
        "variables",
        "POST /variables/filter shows each row twice",
        on("POST /variables/filter", answered(_doubled)),
    ),
    Fault(
        "list-lacks-the-newest",
        "lifecycles.listed",
        "block_documents",
        "GET /block_types/slug/{slug}/block_documents shows nothing",
        on("GET /block_types/slug/{slug}/block_documents", answered(lambda rows: [])),
    ),
    Fault(
        "again-makes-another",
        "lifecycles.again-returns",
        "flows",
        "POST /flows/ makes another flow of the same name",
        on("POST /flows/", asked(_with_another_name)),
    ),
    Fault(
        "again-says-created",
        "lifecycles.again-returns",
        "task_runs",
        "POST /task_runs/ answers 201 for a task run that exists",
        on("POST /task_runs/", response(_says_created)),
    ),
    Fault(
        "again-leaves-the-deployment",
        "lifecycles.again-updates",
        "deployments",
        "POST /deployments/ returns the existing deployment as it is",
        on("POST /deployments/", _returns_the_deployment),
    ),
    Fault(
        "again-crashes",
        "lifecycles.again-conflicts",
        "work_pools",
        "POST /work_pools/ answers 500 for a name that is taken",
        on("POST /work_pools/", status(409, _CRASH)),
    ),
    Fault(
        "again-harms",
        "lifecycles.again-conflicts",
        "work_queues",
        "POST /work_queues/ answers 409 and changes the queue that has the name",
        on("POST /work_queues/", _empties_the_queue),
    ),
    Fault(
        "again-is-an-error",
        "lifecycles.again-is-one",
        "variables",
        "POST /variables/ answers 500 for a name that is taken",
        on("POST /variables/", status(409, _CRASH)),
    ),
    Fault(
        "again-is-two",
        "lifecycles.again-is-one",
        "variables",
        "POST /variables/ makes a second variable",
        on("POST /variables/", asked(_with_another_identifier)),
    ),
    Fault(
        "key-is-ignored",
        "lifecycles.idempotency-key",
        "POST /deployments/{id}/create_flow_run",
        "POST /deployments/{id}/create_flow_run ignores the idempotency key",
        on("POST /deployments/{id}/create_flow_run", asked(_without("idempotency_key"))),
    ),
    Fault(
        "keys-are-one",
        "lifecycles.idempotency-key",
        "POST /flow_runs/",
        "POST /flow_runs/ takes every idempotency key for the same",
        on("POST /flow_runs/", asked(lambda body: {**body, "idempotency_key": "one"})),
    ),
    Fault(
        "change-is-not-seen-by-name",
        "lifecycles.changed-everywhere",
        "flows",
        "GET /flows/name/{name} shows the tags that the flow had at first",
        on("GET /flows/name/{name}", answered(lambda flow: {**flow, "tags": ["red", "blue"]})),
    ),
    Fault(
        "change-is-not-listed",
        "lifecycles.changed-everywhere",
        "variables",
        "POST /variables/filter shows the values that the variables had at first",
        on("POST /variables/filter", answered(lambda rows: [{**row, "value": "one"} for row in rows])),
    ),
    Fault(
        "old-name-finds",
        "lifecycles.renamed",
        "variables",
        "GET /variables/name/{name} still finds a renamed variable by the old name",
        _found_by_name_for_ever("variables"),
    ),
    Fault(
        "name-finds-the-deleted",
        "lifecycles.gone-unreadable",
        "flows",
        "GET /flows/name/{name} still finds a deleted flow",
        _found_by_name_for_ever("flows"),
    ),
    Fault(
        "list-shows-the-deleted",
        "lifecycles.gone-unlisted",
        "flows",
        "POST /flows/filter still shows a deleted flow",
        on("POST /flows/filter", told(_with_a_ghost("flows"))),
    ),
    Fault(
        "deleted-is-counted",
        "lifecycles.gone-unlisted",
        "variables",
        "POST /variables/count still counts a deleted variable",
        on("POST /variables/count", _remembering(_nothing)),
    ),
    Fault(
        "deleted-is-patched",
        "lifecycles.gone-unusable",
        "PATCH /flows/{id}",
        "PATCH /flows/{id} of a deleted flow answers 204",
        on("PATCH /flows/{id}", status(404, Response(204))),
    ),
    Fault(
        "state-of-the-deleted",
        "lifecycles.gone-unusable",
        "POST /flow_runs/{id}/set_state",
        "POST /flow_runs/{id}/set_state of a deleted run answers 500",
        on("POST /flow_runs/{id}/set_state", status(404, _CRASH)),
    ),
    Fault(
        "bulk-delete-does-nothing",
        "lifecycles.bulk-delete",
        "POST /deployments/bulk_delete",
        "POST /deployments/bulk_delete answers an empty list and deletes nothing",
        on("POST /deployments/bulk_delete", instead(Response.of(200, {"deleted": []}))),
    ),
    Fault(
        "bulk-delete-is-unbounded",
        "lifecycles.bulk-delete",
        "POST /flows/bulk_delete",
        "POST /flows/bulk_delete heeds no limit",
        on("POST /flows/bulk_delete", asked(_without("limit"))),
    ),
    Fault(
        "child-is-found",
        "lifecycles.children-go",
        "flow_runs of flows",
        "GET /flow_runs/{id} still finds a run of a deleted flow",
        on("GET /flow_runs/{id}", _remembering(_missing)),
    ),
    Fault(
        "child-is-listed",
        "lifecycles.children-go",
        "task_runs of flow_runs",
        "POST /task_runs/filter still shows a task run of a deleted flow run",
        on("POST /task_runs/filter", told(_with_a_ghost("task_runs"))),
    ),
    Fault(
        "namesakes-go-too",
        "lifecycles.namesakes",
        "deployments of flows",
        "DELETE /deployments/{id} deletes the deployments of that name in other flows too",
        on("DELETE /deployments/{id}", _with_namesakes),
    ),
    Fault(
        "input-of-another-run",
        "lifecycles.namesakes",
        "flow_runs/input of flow_runs",
        "GET /flow_runs/{id}/input/{key} finds the input of that key in whatever run was asked for it last",
        on("GET /flow_runs/{id}/input/{key}", _by_the_key_alone()),
    ),
    Fault(
        "name-stays-taken",
        "lifecycles.identity-free",
        "variables",
        "POST /variables/ answers 409 for the name of a deleted variable",
        on("POST /variables/", _taken()),
    ),
    Fault(
        "created-moves",
        "lifecycles.created-stays",
        "flows",
        "GET /flows/{id} shows the time of the last change as that of the creation",
        on("GET /flows/{id}", answered(lambda flow: {**flow, "created": flow["updated"]})),
    ),
    Fault(
        "updated-runs-backwards",
        "lifecycles.updated-goes-on",
        "flows",
        "GET /flows/{id} shows an `updated` that runs backwards",
        on("GET /flows/{id}", answered(_running_backwards)),
    ),
    Fault(
        "updated-stays",
        "lifecycles.updated-moves",
        "flows",
        "GET /flows/{id} shows the time of creation as that of the last change",
        on("GET /flows/{id}", answered(lambda flow: {**flow, "updated": flow["created"]})),
    ),
    Fault(
        "one-reference-a-schema",
        "lifecycles.block-references",
        "block_schemas",
        "a schema names each other schema that it refers to once",
        on("GET /block_schemas/{id}", answered(_one_reference)),
    ),
    Fault(
        "checksum-finds-the-first",
        "lifecycles.checksum-latest",
        "GET /block_schemas/checksum/{checksum}",
        "a checksum finds the schema that was created first",
        _FindsTheFirst(),
    ),
    Fault(
        "related-go-too",
        "lifecycles.owned-go",
        "DELETE /automations/owned-by/{resource_id}",
        "all automations that are related to a resource are deleted with those that it owns",
        on("DELETE /automations/owned-by/{resource_id}", _deletes_related),
    ),
)
