"""Calling an operation on a real member: which collection it is about, and what fills its path and query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from conformance.contract import Operation
from conformance.resources import Made, Resource, address
from conformance.suite.outcome import CouldNotRun
from conformance.target import Client
from conformance.world import World


@dataclass(frozen=True)
class Call:
    """An operation with its placeholders and required query parameters filled."""

    operation: Operation
    path: str
    params: Mapping[str, str]

    def send(self, client: Client, body: Any = None) -> httpx.Response:
        """Send it."""
        return client.request(self.operation.method, self.path, body, params=self.params or None)


def resource_of(operation: Operation) -> Resource | None:
    """The collection whose member the operation's path addresses, None where it addresses none."""
    found = address(operation.path)
    return found[0] if found else None


def call(operation: Operation, world: World, made: Made | None = None) -> Call:
    """`operation` on `made`, or on a shared member of its collection. Raises CouldNotRun where nothing fits."""
    placeholders: Mapping[str, str] = {}
    if operation.placeholders:
        resource = resource_of(operation)
        if resource is None:
            raise CouldNotRun(f"the suite knows no member for {operation.path}")
        member = made or world.shared(resource.name)
        placeholders = resource.fill(operation.label, member)
    required = [p.name for p in operation.parameters if p.where == "query" and p.required]
    return Call(operation, operation.fill(placeholders), {name: _argument(name, world) for name in required})


def _argument(name: str, world: World) -> str:
    if name == "client":
        return world.workshop.prefix
    if name == "page-token":
        return _page_token(world)
    for collection in ("flow_runs", "task_runs"):
        if name == f"{collection.removesuffix('s')}_id":
            return str(world.shared(collection).record["id"])
    raise CouldNotRun(f"the suite knows no value for the query parameter {name}")


def _page_token(world: World) -> str:
    """The token of a second page of events, which only the server can give."""
    answer = world.workshop.send("POST /events/filter", {"limit": 1})
    following = answer.get("next_page") if isinstance(answer, dict) else None
    if not following:
        for _ in range(3):
            world.victim("events")
        raise CouldNotRun("the server has no second page of events")
    return str(httpx.URL(following).params.get("page-token", ""))


def without(fields: frozenset[str], value: Any) -> Any:
    """A JSON value without the named keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(fields, inner) for key, inner in value.items() if key not in fields}
    if isinstance(value, list):
        return [without(fields, inner) for inner in value]
    return value
