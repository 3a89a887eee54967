"""Faults in what reads back of the work that Prefect's own client has done.

They bend what is read, and not what the client sends: what it saw is written down once, and judged under each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from conformance.faults.bends import Json, answered, on
from conformance.faults.fault import Bend, Fault

_RUN, _RUNS, _STATES = "GET /flow_runs/{id}", "POST /flow_runs/filter", "GET /flow_run_states/"
_TASKS, _TASK_STATES = "POST /task_runs/filter", "GET /task_run_states/"


def _one(operation: str, edit: Callable[[Json], Json]) -> Bend:
    """The record that an operation answers is another."""
    return on(operation, answered(edit))


def _each(operation: str, edit: Callable[[Json], Json]) -> Bend:
    """Each of the rows that an operation answers is another."""
    return on(operation, answered(lambda rows: [edit(row) for row in rows]))


def _only(operation: str, keep: Callable[[Json], bool]) -> Bend:
    """Some of the rows that an operation answers are missing."""
    return on(operation, answered(lambda rows: [row for row in rows if keep(row)]))


def _still_running(run: Json) -> Json:
    shown = {**run["state"], "type": "RUNNING", "name": "Running"}
    return {**run, "state": shown, "state_type": "RUNNING", "state_name": "Running"}


def _wordless(run: Json) -> Json:
    return {**run, "state": {**run["state"], "message": "failed"}}


def _unscheduled(deployment: Json) -> Json:
    return {**deployment, "schedule": None, "schedules": []}


def _without_data(document: Json) -> Json:
    return {**document, "data": {}}


def _childless(row: Json) -> Json:
    return {
        **row,
        "state": {**row["state"], "state_details": {**row["state"]["state_details"], "child_flow_run_id": None}},
    }


def _fault(id_: str, requirement: str, subject: str, title: str, bend: Bend) -> Fault:
    return Fault(f"client-{id_}", f"client.{requirement}", subject, title, bend)


FAULTS = (
    _fault("run-goes-on", "ended", "tasks", "a run that has ended is shown running", _one(_RUN, _still_running)),
    _fault("message-lost", "ended", "failing", "the message of a failed run is another", _one(_RUN, _wordless)),
    _fault(
        "first-state-lost",
        "states",
        "served",
        "the history of a run lacks its first state",
        _only(_STATES, lambda row: row["type"] != "SCHEDULED"),
    ),
    _fault(
        "retry-lost",
        "states",
        "retried-flow",
        "`run_count` of a retried flow is 1",
        _one(_RUN, lambda run: {**run, "run_count": 1}),
    ),
    _fault(
        "parameters-lost",
        "parameters",
        "served",
        "the parameters of a run are lost",
        _one(_RUN, lambda run: {**run, "parameters": {}}),
    ),
    _fault(
        "default-parameters-lost",
        "parameters",
        "served",
        "a deployment's run has the request's parameters alone",
        _one(_RUN, lambda run: {**run, "parameters": {"count": 5}}),
    ),
    _fault(
        "runs-not-found",
        "flow",
        "tasks",
        "a query for the runs of a flow finds none",
        on(_RUNS, answered(lambda _: [])),
    ),
    _fault(
        "retries-uncounted",
        "task-runs",
        "retried-task",
        "the retries of a task are not counted",
        _each(_TASKS, lambda row: {**row, "run_count": 1}),
    ),
    _fault(
        "task-run-lost",
        "task-runs",
        "tasks",
        "a task run is missing",
        _only(_TASKS, lambda row: not row["name"].startswith("join")),
    ),
    _fault(
        "task-states-lost",
        "task-runs",
        "failing",
        "the history of a task run has no RUNNING",
        _only(_TASK_STATES, lambda row: row["type"] != "RUNNING"),
    ),
    _fault(
        "inputs-lost",
        "task-inputs",
        _TASKS,
        "the inputs of a task run are lost",
        _each(_TASKS, lambda row: {**row, "task_inputs": {}}),
    ),
    _fault(
        "parent-lost",
        "subflow",
        _RUNS,
        "the run of a sub-flow has no parent",
        _each(_RUNS, lambda row: {**row, "parent_task_run_id": None}),
    ),
    _fault("child-lost", "subflow", _RUNS, "a task run does not name its child", _each(_TASKS, _childless)),
    _fault(
        "warnings-lost",
        "logs",
        "POST /logs/filter",
        "the log has no warnings",
        _only("POST /logs/filter", lambda row: row["level"] != 30),
    ),
    _fault(
        "schedule-lost",
        "deployment",
        "GET /deployments/{id}",
        "the schedule of a deployment is lost",
        _one("GET /deployments/{id}", _unscheduled),
    ),
    _fault(
        "deployment-lost",
        "deployment-run",
        "POST /deployments/{id}/create_flow_run",
        "a run does not name its deployment",
        _each(_RUNS, lambda row: {**row, "deployment_id": str(uuid4())}),
    ),
    _fault(
        "artifact-lost",
        "artifact",
        "POST /artifacts/filter",
        "the data of an artifact are lost",
        _each("POST /artifacts/filter", lambda row: {**row, "data": None}),
    ),
    _fault(
        "variable-changed",
        "variable",
        "POST /variables/filter",
        "a variable has another value than was set",
        _each("POST /variables/filter", lambda row: {**row, "value": "another"}),
    ),
    _fault(
        "block-lost",
        "block",
        "GET /block_documents/{id}",
        "a block document has no data",
        _one("GET /block_documents/{id}", _without_data),
    ),
    _fault(
        "slot-kept",
        "slots",
        "GET /v2/concurrency_limits/{id_or_name}",
        "a slot that was given back is still active",
        _one("GET /v2/concurrency_limits/{id}", lambda limit: {**limit, "active_slots": 1}),
    ),
    _fault(
        "failed-run-lost",
        "query",
        _RUNS,
        "a failed run is missing from an answer",
        _only(_RUNS, lambda row: row["state_type"] != "FAILED"),
    ),
)
