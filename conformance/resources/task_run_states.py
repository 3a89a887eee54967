"""The states of task runs: history that nobody changes or deletes."""

from __future__ import annotations

from conformance.resources.base import Made, Resource, Workshop
from conformance.resources.task_runs import TASK_RUNS


def make(shop: Workshop) -> Made:
    """The state of a new task run."""
    run = TASK_RUNS.make(shop)
    record = shop.send("GET /task_run_states/{id}", id=str(run.record["state_id"]))
    return Made("task_run_states", record, {"task_run_id": str(run.record["id"])})


TASK_RUN_STATES = Resource(
    name="task_run_states",
    members=("/task_run_states/{id}",),
    reads="GET /task_run_states/{id}",
    maker=make,
    parents={"task_runs": {"id": "task_run_id"}},
    lists=("/task_run_states",),
)
