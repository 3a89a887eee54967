"""JSON Schemas that refer to another host, and the requests that put them before a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import httpx

from conformance.contract import Contract, Operation
from conformance.resources import RESOURCES, Record
from conformance.resources.base import documented
from conformance.suite.polls import pools
from conformance.world import World

Request = Callable[[], object]
"""A request that is ready to be sent."""

_DEPLOY: Final = "POST /deployments/"


def schemas(url: str) -> Iterator[Record]:
    """JSON Schemas of an object that refer to a host in the ways there are."""
    own = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": []}
    yield own | {"properties": {"size": {"$ref": f"{url}/size.json"}}}
    yield own | {"$id": f"{url}/root.json", "properties": {"size": {"$ref": "size.json"}}}
    yield own | {"$schema": f"{url}/meta.json"}
    yield own | {"allOf": [{"$ref": f"{url}/all.json#/definitions/size"}]}


def _create(world: World, operation: str, fields: Record) -> httpx.Response:
    shop = world.workshop
    found = shop.contract.operations[operation]
    return shop.client.request(found.method, found.path, documented(shop, operation, fields))


def _patch(world: World, operation: str, path: str, fields: Record) -> Request:
    body = documented(world.workshop, operation, fields)
    return lambda: world.workshop.client.request("PATCH", path, body)


def _deployment(world: World, schema: Record) -> Record:
    """A deployment with a schema of its parameters, which are to fit it."""
    fields = {"parameter_openapi_schema": schema, "parameters": {"size": 1}, "enforce_parameter_schema": True}
    body: Record = RESOURCES["deployments"].body(world.workshop)
    return body | fields


def _pool(world: World, schema: Record, collection: str = "work_pools") -> Record:
    template = {"job_configuration": {"size": "{{ size }}"}, "variables": schema}
    body: Record = RESOURCES[collection].body(world.workshop)
    return body | {"base_job_template": template}


def _creates_a_deployment(world: World, schema: Record) -> Iterator[Request]:
    shop = world.workshop
    yield lambda: _create(world, _DEPLOY, _deployment(world, schema))
    if (collection := pools(shop.contract)) is not None and shop.accepts(_DEPLOY, "work_pool_name"):
        pool = _create(world, f"POST /{collection}/", _pool(world, schema, collection))
        if pool.is_success:
            name = "job_variables" if shop.accepts(_DEPLOY, "job_variables") else "infra_overrides"
            fields = {"work_pool_name": pool.json()["name"], name: {"size": 1}}
            yield lambda: _create(world, _DEPLOY, RESOURCES["deployments"].body(shop) | fields)


def _stored(world: World, schema: Record) -> str | None:
    """The id of a deployment that has the schema and need not keep it; None where the server takes no such one."""
    created = _create(world, _DEPLOY, _deployment(world, schema) | {"enforce_parameter_schema": False})
    return str(created.json()["id"]) if created.is_success else None


def _patches_a_deployment(world: World, schema: Record) -> Iterator[Request]:
    fields = {"parameters": {"size": 2}, "enforce_parameter_schema": True}
    if (stored := _stored(world, schema)) is not None:
        yield _patch(world, "PATCH /deployments/{id}", f"/deployments/{stored}", fields)
    made = world.victim("deployments").record["id"]
    fields["parameter_openapi_schema"] = schema
    yield _patch(world, "PATCH /deployments/{id}", f"/deployments/{made}", fields)


def _runs_a_deployment(world: World, schema: Record) -> Iterator[Request]:
    shop = world.workshop
    if (stored := _stored(world, schema)) is None:
        return
    fields = {"parameters": {"size": 1}, "enforce_parameter_schema": True}
    body = documented(shop, "POST /deployments/{id}/create_flow_run", fields)
    yield lambda: shop.client.request("POST", f"/deployments/{stored}/create_flow_run", body)


def _creates_a_pool(world: World, schema: Record) -> Iterator[Request]:
    yield lambda: _create(world, "POST /work_pools/", _pool(world, schema))


def _patches_a_pool(world: World, schema: Record) -> Iterator[Request]:
    name = world.victim("work_pools").record["name"]
    fields = {"base_job_template": _pool(world, schema)["base_job_template"]}
    yield _patch(world, "PATCH /work_pools/{name}", f"/work_pools/{name}", fields)


def _creates_a_block(world: World, schema: Record) -> Iterator[Request]:
    shop = world.workshop
    fields = RESOURCES["block_schemas"].body(shop) | {"fields": {"title": shop.name("remote"), **schema}}

    def create() -> None:
        made = _create(world, "POST /block_schemas/", fields)
        if made.is_success:
            document = RESOURCES["block_documents"].body(shop)
            document |= {"data": {"size": 1}, "block_schema_id": made.json()["id"]}
            _create(world, "POST /block_documents/", document)

    yield create


def _validates(world: World, schema: Record) -> Iterator[Request]:
    # One release documents the schema under another name than it reads.
    body = {"schema": schema, "json_schema": schema, "values": {"size": 1}}
    yield lambda: world.workshop.client.request("POST", "/ui/schemas/validate", body)


TAKING: Final[Mapping[str, tuple[str, Callable[[World, Record], Iterator[Request]]]]] = {
    _DEPLOY: ("parameter_openapi_schema", _creates_a_deployment),
    "PATCH /deployments/{id}": ("enforce_parameter_schema", _patches_a_deployment),
    "POST /deployments/{id}/create_flow_run": ("enforce_parameter_schema", _runs_a_deployment),
    "POST /work_pools/": ("base_job_template", _creates_a_pool),
    "PATCH /work_pools/{name}": ("base_job_template", _patches_a_pool),
    "POST /block_schemas/": ("fields", _creates_a_block),
    "POST /ui/schemas/validate": ("values", _validates),
}
"""Operation -> the field without which a generation's looks at no schema, and the requests that send it one.

What comes before a request, and may fetch something by itself, is done before that is handed out.
"""


def taking_schemas(contract: Contract) -> Mapping[str, Operation]:
    """The operations that take a JSON Schema, or check something against one that was sent before."""
    return {
        label: contract.operations[label]
        for label, (field, _) in TAKING.items()
        if field in contract.body_properties(label)
    }
