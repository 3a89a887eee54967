"""Artifacts: versions under a key, the latest of which is found by that."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.resources.base import Record, Resource, Workshop, World, link


def body(shop: Workshop) -> Record:
    """An artifact of the shared flow run, the only one under its key."""
    return {
        "key": shop.name("artifact"),
        "type": "markdown",
        "description": "made by the conformance suite",
        "data": "one",
        "metadata_": {"origin": "conformance"},
        "flow_run_id": shop.shared("flow_runs").record["id"],
    }


RELATED = (
    # Everything but the task run is reached through the flow run, so that one flow run must answer all of the body.
    link(
        "flow_runs",
        "flow_run_id",
        "id",
        link("flows", "flow_id", "id"),
        link("deployments", "deployment_id", "id"),
    ),
    link("task_runs", "task_run_id", "id"),
)


def latest(world: World) -> Sequence[Record]:
    """Of the artifacts under each key, the one that was created last, as the collection of latest ones shows it.

    That has an id and times of its own, which no artifact tells: they are left out.
    """
    newest: dict[str, Record] = {}
    for artifact in sorted(world.get("artifacts", ()), key=lambda artifact: str(artifact["created"])):
        if artifact["key"] is not None:
            newest[artifact["key"]] = artifact
    own = ("id", "created", "updated")
    return [
        {"latest_id": artifact["id"], **{field: value for field, value in artifact.items() if field not in own}}
        for artifact in newest.values()
    ]


def by_latest_id(records: Sequence[Record]) -> Record:
    """A filter that just these records satisfy."""
    return {"latest_id": {"any_": [record["latest_id"] for record in records]}}


ARTIFACTS = Resource(
    name="artifacts",
    wildcards=frozenset({"key"}),
    ascii=frozenset({"key"}),
    members=("/artifacts/{id}", "/artifacts/{key}/latest"),
    creates="POST /artifacts/",
    reads="GET /artifacts/{id}",
    updates="PATCH /artifacts/{id}",
    destroys="DELETE /artifacts/{id}",
    body=body,
    patches={"data": "two", "description": "changed by the conformance suite", "metadata_": {"origin": "patch"}},
    related=RELATED,
    filled=frozenset({"id"}),
)

LATEST_ARTIFACTS = Resource(
    name="artifacts/latest",
    wildcards=frozenset({"key"}),
    ascii=frozenset({"key"}),
    related=RELATED,
    identity="latest_id",
    filtered="artifacts",
    fence=by_latest_id,
    derived=latest,
    # Only what has a key has a latest version.
    filled=frozenset({"latest_id", "key"}),
)
