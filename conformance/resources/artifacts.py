"""Artifacts: versions under a key, the latest of which is found by that."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop, link


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


ARTIFACTS = Resource(
    name="artifacts",
    members=("/artifacts/{id}", "/artifacts/{key}/latest"),
    creates="POST /artifacts/",
    reads="GET /artifacts/{id}",
    updates="PATCH /artifacts/{id}",
    destroys="DELETE /artifacts/{id}",
    body=body,
    patches={"data": "two", "description": "changed by the conformance suite", "metadata_": {"origin": "patch"}},
    related=(
        link(
            "flow_runs",
            "flow_run_id",
            "id",
            link("flows", "flow_id", "id"),
            link("deployments", "deployment_id", "id"),
        ),
        link("task_runs", "task_run_id", "id"),
    ),
)
