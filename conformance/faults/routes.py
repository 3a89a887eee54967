"""Faults in the OpenAPI document: the server works, and its routes are described or built against the guidelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.faults.bends import Json, answered, on
from conformance.faults.fault import Bend, Fault

Edit = Callable[[Json], Json]


def document(edit: Edit) -> Bend:
    """The OpenAPI document is another."""
    return on("GET /openapi.json", answered(edit))


def renamed(segment: str, other: str) -> Bend:
    """Every path has another segment in place of one."""

    def rename(path: str) -> str:
        return "/".join(other if part == segment else part for part in path.split("/"))

    return document(lambda found: {**found, "paths": {rename(path): item for path, item in found["paths"].items()}})


def described(operation: str, **fields: Any) -> Bend:
    """The description of one operation (`GET /flows/{id}`), made where there is none, has other fields."""
    method, _, path = operation.partition(" ")
    plain = {"responses": {"200": {"description": "OK"}}}

    def edit(found: Json) -> Json:
        item = found["paths"].get(path, {})
        return {
            **found,
            "paths": {
                **found["paths"],
                path: {**item, method.lower(): {**plain, **item.get(method.lower(), {}), **fields}},
            },
        }

    return document(edit)


def body_renamed(operation: str, name: str, other: str) -> Bend:
    """A property of the body of one operation is called otherwise."""
    method, _, path = operation.partition(" ")

    def edit(found: Json) -> Json:
        body = found["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        schema = body["$ref"].rpartition("/")[2]
        schemas = found["components"]["schemas"]
        properties = {other if key == name else key: value for key, value in schemas[schema]["properties"].items()}
        changed = {**schemas, schema: {**schemas[schema], "properties": properties}}
        return {**found, "components": {**found["components"], "schemas": changed}}

    return document(edit)


def _parameter(name: str, where: str) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}


FAULTS = (
    Fault(
        "collection-is-singular",
        "routes.plural",
        "GET /variable/{id}",
        "the document serves /variables as /variable",
        renamed("variables", "variable"),
        honest="GET /variables/{id}",
    ),
    Fault(
        "nested-collection-is-singular",
        "routes.plural",
        "POST /work_pools/{work_pool_name}/queue/filter",
        "the document serves the queues of a pool as /work_pools/{work_pool_name}/queue",
        renamed("queues", "queue"),
        honest="POST /work_pools/{work_pool_name}/queues/filter",
    ),
    Fault(
        "route-has-a-dash",
        "routes.snake-case",
        "GET /task-runs/{id}",
        "the document serves /task_runs as /task-runs",
        renamed("task_runs", "task-runs"),
        honest="GET /task_runs/{id}",
    ),
    Fault(
        "route-is-in-camel-case",
        "routes.snake-case",
        "POST /deployments/{id}/pauseDeployment",
        "the document calls one action in camel case",
        renamed("pause_deployment", "pauseDeployment"),
        honest="POST /deployments/{id}/pause_deployment",
    ),
    Fault(
        "resource-is-nested-too",
        "routes.nesting",
        "GET /flow_runs/{id}/task_runs",
        "the document adds GET /flow_runs/{id}/task_runs beside /task_runs",
        described("GET /flow_runs/{id}/task_runs", parameters=[_parameter("id", "path")]),
        honest="GET /flow_runs/{id}/graph",
    ),
    Fault(
        "get-documents-a-body",
        "routes.get-without-body",
        "GET /flows/{id}",
        "the document gives GET /flows/{id} a request body",
        described("GET /flows/{id}", requestBody={"content": {"application/json": {"schema": {}}}}),
    ),
    Fault(
        "prefix-is-another",
        "routes.prefix",
        "GET /flows/{id}",
        "the document states /v1 as its server",
        document(lambda found: {**found, "servers": [{"url": "/v1"}]}),
    ),
    Fault(
        "prefix-is-not-stated",
        "routes.prefix",
        "POST /flows/filter",
        "the document is served below /api and states no server",
        document(lambda found: {key: value for key, value in found.items() if key != "servers"}),
    ),
    Fault(
        "query-string-pages",
        "routes.query-in-body",
        "GET /flow_runs/{id}/graph",
        "the document gives GET /flow_runs/{id}/graph the query parameter limit",
        described("GET /flow_runs/{id}/graph", parameters=[_parameter("id", "path"), _parameter("limit", "query")]),
    ),
    Fault(
        "offset-is-called-skip",
        "routes.paging-names",
        "POST /flows/filter",
        "the document calls the offset of POST /flows/filter skip",
        body_renamed("POST /flows/filter", "offset", "skip"),
    ),
    Fault(
        "sort-is-called-order-by",
        "routes.paging-names",
        "POST /flow_runs/filter",
        "the document calls the sort of POST /flow_runs/filter order_by",
        body_renamed("POST /flow_runs/filter", "sort", "order_by"),
    ),
)
