"""What no supported release does, put in front of one: only then can a check of it pass, and a fault be told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx

from conformance.faults.bends import Json, answered, on, operand
from conformance.faults.fault import Bend, Request, Response, Upstream

Comparison = Callable[[Json, Json], bool]


class Creating:
    """A PUT of an automation to an id that none has creates one, which is found under that id from then on."""

    def __init__(self) -> None:
        self._created: dict[str, str] = {}

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        head, _, id_ = request.path.rpartition("/")
        if head != "/automations":
            return await upstream(request)
        if id_ in self._created:
            return await upstream(replace(request, path=f"{head}/{self._created[id_]}"))
        answer = await upstream(request)
        if request.method == "PUT" and answer.status == httpx.codes.NOT_FOUND:
            answer = await upstream(replace(request, method="POST", path="/automations/"))
            if answer.is_success:
                self._created[id_] = answer.json["id"]
        return answer


def numbers(**meanings: Callable[[Json, Json], bool]) -> Bend:
    """A criterion on a number that is heeded: the one that the newest releases have is deprecated and ignored.

    It reads the limit of a deployment where they show it. `meanings`: operator -> whether it holds of a value
    (None where a deployment has no limit) and an operand.
    """
    key, field = "global_concurrency_limit", "limit"

    def documented(found: Json) -> Json:
        schemas = found["components"]["schemas"]
        schema = schemas["DeploymentFilter"]
        operators = {"properties": {name: {"type": "integer"} for name in meanings}}
        properties = {**schema["properties"], key: {"properties": {field: operators}}}
        changed = {**schemas, "DeploymentFilter": {**schema, "properties": properties}}
        return {**found, "components": {**found["components"], "schemas": changed}}

    async def filtered(request: Request, upstream: Upstream) -> Response:
        body = request.json
        asked_for = operand(body, f"deployments.{key}.{field}")
        if asked_for is None:
            return await upstream(request)
        own = {name: value for name, value in body["deployments"].items() if name != key}
        answer = await upstream(request.with_json({**body, "deployments": own}))
        return answer.with_json([row for row in answer.json if holds((row.get(key) or {}).get(field), asked_for)])

    def holds(value: Json, operators: Mapping[str, Json]) -> bool:
        return all(meanings[name](value, bound) for name, bound in operators.items())

    described, answering = on("GET /openapi.json", answered(documented)), on("POST /deployments/filter", filtered)

    async def both(request: Request, upstream: Upstream) -> Response:
        return await (described if request.method == "GET" else answering)(request, upstream)

    return both


def present(compare: Comparison) -> Comparison:
    """`compare`, which does not hold where there is no value."""
    return lambda value, bound: value is not None and compare(value, bound)
