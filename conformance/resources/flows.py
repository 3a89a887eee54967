"""Flows: named, tagged, found again by their name."""

from __future__ import annotations

from typing import Any

from conformance.resources.base import Record, Resource, Workshop, World, documented, link
from conformance.resources.work_queues import WORK_QUEUE


def body(shop: Workshop) -> Record:
    """A flow with two tags."""
    fields = {"name": shop.name("flow"), "tags": ["red", "blue"], "labels": {"team": "a"}}
    return documented(shop, "POST /flows/", fields)


def deployment(record: Record, world: World) -> Any:
    """The id of one of the flow's deployments; None for a flow without."""
    return next((other["id"] for other in world.get("deployments", ()) if other["flow_id"] == record["id"]), None)


FLOWS = Resource(
    name="flows",
    members=("/flows/{id}", "/flows/name/{name}"),
    creates="POST /flows/",
    reads="GET /flows/{id}",
    updates="PATCH /flows/{id}",
    destroys="DELETE /flows/{id}",
    body=body,
    unique=("name",),
    again="returns",
    patches={"tags": ["green"]},
    related=(
        # A pool is reached through the queue of a deployment, and must be of the deployment that matches.
        link("deployments", "id", "flow_id", WORK_QUEUE),
        link("flow_runs", "id", "flow_id", link("task_runs", "id", "flow_run_id")),
    ),
    criteria={"deployment": deployment},
    filled=frozenset({"id", "name", "tags"}),
)
