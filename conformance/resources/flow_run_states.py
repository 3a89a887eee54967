"""The states of flow runs: history that nobody changes or deletes."""

from __future__ import annotations

from conformance.resources.base import Made, Resource, Workshop
from conformance.resources.flow_runs import FLOW_RUNS


def make(shop: Workshop) -> Made:
    """The state of a new flow run."""
    run = FLOW_RUNS.make(shop)
    record = shop.send("GET /flow_run_states/{id}", id=str(run.record["state_id"]))
    return Made("flow_run_states", record, {"flow_run_id": str(run.record["id"])})


FLOW_RUN_STATES = Resource(
    name="flow_run_states",
    members=("/flow_run_states/{id}",),
    reads="GET /flow_run_states/{id}",
    maker=make,
    parents={"flow_runs": {"id": "flow_run_id"}},
    lists=("/flow_run_states",),
)
