"""Asking the server and the oracle the same question, and telling what they disagree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from conformance import oracle
from conformance.resources import RESOURCES, Record, Resource
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.target import Client
from conformance.world import World

COLLECTIONS = ("flows", "flow_runs", "task_runs", "deployments")
"""The collections that have a population to be judged on."""

Body = dict[str, Any]

_MOST_ROWS = 5
"""Rows of each kind in a failure."""


def fenced(collection: str, body: Body, world: World) -> Body:
    """`body`, restricted to the world's own members: what others have put there does not count."""
    own = dict(body.get(collection) or {})
    own["id"] = {"any_": world.population.ids(collection), **own.get("id", {})}
    return {**body, collection: own}


def ask(client: Client, path: str, body: Body) -> Any:
    """POST a query and decode the answer. Raises Violation where a legal query is not answered with 200."""
    response = client.request("POST", path, body)
    if response.status_code != httpx.codes.OK:
        raise Violation(
            f"a legal query is answered {response.status_code}",
            expected=200,
            observed={"body": body, "answer": response.text[:400]},
        )
    return response.json()


def rows(client: Client, collection: str, body: Body) -> list[Record]:
    """The rows that `POST /<collection>/filter` answers. Raises Violation where it answers no list of objects."""
    found = ask(client, f"/{collection}/filter", body)
    if not isinstance(found, list) or not all(isinstance(row, dict) and "id" in row for row in found):
        raise Violation("the answer is not a list of objects with an id", expected=[], observed=found)
    return found


def expected(collection: str, filters: Body, world: World, resource: Resource | None = None) -> list[Record]:
    """The rows that the oracle selects, in the world's order; `resource` reads records in another way."""
    return oracle.select(collection, filters, world.population.records, resource)


def require_rows(
    client: Client,
    collection: str,
    filters: Body,
    world: World,
    shows: Sequence[str] = (),
    resource: Resource | None = None,
) -> None:
    """Raise Violation unless the server returns just the rows that the oracle selects.

    `shows` are the criteria that matter: a failure names the rows with their values there. `resource`
    reads the records in another way than the collection's own does.
    """
    if not world.population.of(collection):
        raise CouldNotRun(f"the world has no {collection}")
    fence = fenced(collection, filters, world)
    wanted = {row["id"]: row for row in expected(collection, fence, world, resource)}
    found = rows(client, collection, fence)
    observed = {row["id"]: row for row in found}
    if len(found) != len(observed):
        raise Violation(
            "a row comes more than once", expected=len(observed), observed={"body": filters, "rows": len(found)}
        )
    missing = [row for id_, row in wanted.items() if id_ not in observed]
    surplus = [row for id_, row in observed.items() if id_ not in wanted]
    if missing or surplus:
        known = {row["id"]: row for row in world.population.of(collection)}
        raise Violation(
            f"{len(missing)} rows are missing and {len(surplus)} should not be there",
            expected=f"{len(wanted)} rows for {filters}",
            observed={
                "missing": [_named(collection, row, shows, world) for row in missing[:_MOST_ROWS]],
                "should not be there": [
                    _named(collection, known.get(row["id"], row), shows, world) for row in surplus[:_MOST_ROWS]
                ],
            },
        )


def _named(collection: str, row: Record, shows: Sequence[str], world: World) -> Mapping[str, Any]:
    resource = RESOURCES[collection]
    values = {show: resource.reader(show)(row, world.population.records) for show in shows}
    return {"name": row.get("name", row["id"]), **values}
