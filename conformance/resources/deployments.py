"""Deployments: of a flow, found again by the flow's name and their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.resources.base import Record, Resource, Workshop, World, documented, link
from conformance.resources.work_queues import WORK_QUEUE


def body(shop: Workshop) -> Record:
    """A deployment of the shared flow, with neither schedules nor a work pool."""
    fields: Record = {
        "name": shop.name("deployment"),
        "flow_id": shop.shared("flows").record["id"],
        "version": "1.0",
        "description": "made by the conformance suite",
        "parameters": {"size": 1},
        "parameter_openapi_schema": {"type": "object", "properties": {"size": {"type": "integer"}}},
        "enforce_parameter_schema": False,
        "tags": ["red", "blue"],
        "labels": {"team": "a"},
        "paused": False,
        "path": "flows",
        "entrypoint": "flows.py:hello",
        "job_variables": {"cpu": 1},
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "flows"}}],
        # Required by the first generations.
        "manifest_path": "hello-manifest.json",
    }
    if shop.accepts("POST /deployments/", "infra_overrides"):
        # The older name of the same thing, and the one that such a generation shows it under.
        fields["infra_overrides"] = fields.pop("job_variables")
    return documented(shop, "POST /deployments/", fields)


def addressed(shop: Workshop, sent: Any) -> Mapping[str, str]:
    """The name of the flow, which the record gives only as an id."""
    return {"flow_name": shop.shared("flows").record["name"]}


def flow_or_deployment_name(record: Record, world: World) -> tuple[str, ...]:
    """The deployment's name and its flow's: either may match."""
    flows = (flow["name"] for flow in world.get("flows", ()) if flow["id"] == record["flow_id"])
    return (record["name"], *flows)


def work_pool_name(shop: Workshop, record: Record) -> str:
    """The shared pool, wherever this generation keeps its pools."""
    pools = "work_pools" if shop.has("POST /work_pools/") else "experimental/work_pools"
    return str(shop.shared(pools).record["name"])


POOL_FIELDS = frozenset({"work_queue_name", "work_queue_id", "work_pool_name", "last_polled", "status"})
"""What a deployment shows of the queue that it is sent to."""

DEPLOYMENTS = Resource(
    name="deployments",
    members=("/deployments/{id}", "/deployments/name/{flow_name}/{name}"),
    creates="POST /deployments/",
    reads="GET /deployments/{id}",
    updates="PATCH /deployments/{id}",
    destroys="DELETE /deployments/{id}",
    body=body,
    unique=("flow_id", "name"),
    again="updates",
    parents={"flows": {"id": "flow_id"}},
    addressed=addressed,
    # Set when an agent or a worker polls, and reset by a service of the server when none did for a while.
    clock=frozenset({"status", "last_polled"}),
    # The server labels a deployment with its flow, and fills in the defaults of options.
    completed=frozenset({"labels", "concurrency_options"}),
    # Not here: `schedules` (shown with ids of their own; a collection of its own) and the older `schedule` (which
    # would make the server's scheduler create flow runs), `concurrency_limit` and `global_concurrency_limit_id`
    # (shown inside another object, or never) and `version_info` (not shown).
    patches={
        "version": "2.0",
        "description": "changed by the conformance suite",
        "paused": True,
        "parameters": {"size": 2},
        "parameter_openapi_schema": {"type": "object", "properties": {"size": {"type": "number"}}},
        "enforce_parameter_schema": True,
        "tags": ["green"],
        "path": "elsewhere",
        "entrypoint": "flows.py:goodbye",
        "job_variables": {"cpu": 2},
        "infra_overrides": {"cpu": 3},
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": "elsewhere"}}],
        "manifest_path": "goodbye-manifest.json",
        "is_schedule_active": False,
        "work_pool_name": work_pool_name,
        "work_queue_name": lambda shop, record: shop.shared("work_queues").record["name"],
        "concurrency_options": {"collision_strategy": "CANCEL_NEW"},
        "storage_document_id": lambda shop, record: shop.shared("block_documents").record["id"],
        "infrastructure_document_id": lambda shop, record: shop.shared("block_documents").record["id"],
    },
    moves={
        "work_pool_name": POOL_FIELDS,
        "work_queue_name": POOL_FIELDS,
        # Two names of one thing, each.
        "paused": frozenset({"is_schedule_active"}),
        "is_schedule_active": frozenset({"paused"}),
        "job_variables": frozenset({"infra_overrides"}),
        "infra_overrides": frozenset({"job_variables"}),
    },
    related=(
        link("flows", "flow_id", "id"),
        link("flow_runs", "id", "deployment_id", link("task_runs", "id", "flow_run_id")),
        WORK_QUEUE,
    ),
    # `concurrency_limit` is read by its own name where it is in use; documents that mark it deprecated say
    # that it is ignored.
    criteria={"flow_or_deployment_name": flow_or_deployment_name},
    filled=frozenset({"id", "name", "flow_or_deployment_name", "tags", "paused", "is_schedule_active"}),
)
