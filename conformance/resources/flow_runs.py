"""Flow runs: of a flow, perhaps of a deployment, with a state that the server orchestrates."""

from __future__ import annotations

from typing import Any

from conformance.resources.base import At, Record, Resource, Workshop, World, documented, link
from conformance.resources.work_queues import WORK_QUEUE


def body(shop: Workshop) -> Record:
    """A pending run of the shared flow, without a deployment.

    Pending, because a scheduled run would be late by another second at each reading.
    """
    name = shop.name("run")
    fields = {
        "name": name,
        "flow_id": shop.shared("flows").record["id"],
        "flow_version": "1.0",
        "parameters": {"size": 1},
        "context": {"origin": "conformance"},
        "tags": ["red", "blue"],
        "labels": {"team": "a"},
        "idempotency_key": name,
        "job_variables": {"cpu": 1},
        "state": {"type": "PENDING"},
    }
    return documented(shop, "POST /flow_runs/", fields)


def parent_flow_run(record: Record, world: World) -> Any:
    """The id of the flow run whose task run started this one; None for a run that no task run started."""
    parent = record.get("parent_task_run_id")
    if parent is None:
        return None
    return next((task["flow_run_id"] for task in world.get("task_runs", ()) if task["id"] == parent), None)


FLOW_RUNS = Resource(
    name="flow_runs",
    members=("/flow_runs/{id}",),
    creates="POST /flow_runs/",
    reads="GET /flow_runs/{id}",
    updates="PATCH /flow_runs/{id}",
    destroys="DELETE /flow_runs/{id}",
    body=body,
    unique=("flow_id", "idempotency_key"),
    again="returns",
    parents={"flows": {"id": "flow_id"}},
    # A running run's time grows, and so does the lateness of one that should have started: both are the
    # server's estimates as of now. (`total_run_time` is stored when a run leaves RUNNING, and stays.)
    clock=frozenset({"estimated_run_time", "estimated_start_time_delta"}),
    # The server labels a run with its flow, and fills in the rest of a state and of a policy.
    completed=frozenset({"labels", "state", "empirical_policy"}),
    # Not here: `job_variables`, which a run can change only while it is scheduled.
    patches={
        "name": lambda shop, record: shop.name("renamed"),
        "flow_version": "2.0",
        "parameters": {"size": 2, "shape": "round"},
        "tags": ["green"],
        "infrastructure_pid": "host:4242",
        "empirical_policy": {"retries": 2, "retry_delay": 5},
    },
    related=(
        link("flows", "flow_id", "id"),
        link("deployments", "deployment_id", "id"),
        link("task_runs", "id", "flow_run_id"),
        WORK_QUEUE,
    ),
    criteria={
        "state.type": At("state_type"),
        "state.name": At("state_name"),
        "parent_flow_run_id": parent_flow_run,
        # Up to 3.4.0 servers compared `start_time` alone; since, a run that has not started is judged by when
        # it is expected to. "Without a start time" has always meant the field itself.
        "start_time": At("start_time", "expected_start_time"),
        "start_time.is_null_": At("start_time"),
        # The operators of this criterion name the parts of the object.
        "created_by.id_": At("created_by.id"),
        "created_by.type_": At("created_by.type"),
    },
    disputed={"start_time": At("start_time")},
    sorts={
        # A run that has not started is placed where it is expected to start.
        "START_TIME": At("start_time", "expected_start_time"),
    },
    # "If no state is provided, the flow run will be created in a PENDING state": a state has a name, and the first
    # one says when the run is expected to start.
    filled=frozenset(
        {
            *("id", "name", "tags", "state.type", "state.name"),
            *("expected_start_time", "start_time.before_", "start_time.after_"),
        }
    ),
)
