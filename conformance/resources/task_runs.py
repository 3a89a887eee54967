"""Task runs: of a flow run, found by their task and dynamic key."""

from __future__ import annotations

from typing import Any

from conformance.resources.base import At, Record, Resource, Workshop, World, documented, link
from conformance.resources.work_queues import WORK_QUEUE


def body(shop: Workshop) -> Record:
    """A pending run of a task in the shared flow run."""
    name = shop.name("task")
    fields = {
        "name": name,
        "flow_run_id": shop.shared("flow_runs").record["id"],
        "task_key": "conformance.task",
        # The server finds an existing task run by flow run, task key and dynamic key.
        "dynamic_key": name,
        "task_version": "1.0",
        "tags": ["red", "blue"],
        "labels": {"team": "a"},
        "task_inputs": {"size": []},
        "state": {"type": "PENDING"},
    }
    return documented(shop, "POST /task_runs/", fields)


def subflow_run(record: Record, world: World) -> Any:
    """The id of a flow run that this task run started; None for a task run that started none."""
    children = (run["id"] for run in world.get("flow_runs", ()) if run.get("parent_task_run_id") == record["id"])
    return next(children, None)


TASK_RUNS = Resource(
    name="task_runs",
    members=("/task_runs/{id}", "/ui/task_runs/{id}"),
    creates="POST /task_runs/",
    reads="GET /task_runs/{id}",
    updates="PATCH /task_runs/{id}",
    destroys="DELETE /task_runs/{id}",
    body=body,
    unique=("flow_run_id", "task_key", "dynamic_key"),
    again="returns",
    parents={"flow_runs": {"id": "flow_run_id"}},
    # Estimates as of now, as on flow runs.
    clock=frozenset({"estimated_run_time", "estimated_start_time_delta"}),
    # The server labels a run with its flow and flow run, and fills in the rest of a state.
    completed=frozenset({"labels", "state"}),
    patches={"name": lambda shop, record: shop.name("renamed")},
    related=(
        # Everything is reached through the flow run, so that one flow run must answer all of the body.
        link(
            "flow_runs",
            "flow_run_id",
            "id",
            link("flows", "flow_id", "id"),
            link("deployments", "deployment_id", "id"),
            WORK_QUEUE,
        ),
    ),
    criteria={
        "state.type": At("state_type"),
        "state.name": At("state_name"),
        # `exists_` asks whether there is one.
        "subflow_runs": subflow_run,
    },
    sorts={
        # Later generations break ties of DURATION by expected start time and id; only the first key is promised.
        "DURATION": At("estimated_run_time"),
    },
    # "If no state is provided, the task run will be created in a PENDING state": a state has a name, and the first
    # one says when the run is expected to start.
    filled=frozenset({"id", "name", "tags", "state.type", "state.name", "expected_start_time"}),
)
