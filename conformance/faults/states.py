"""Faults in what a run does that is asked to change its state, and in what it keeps of its states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from conformance.faults.bends import Json, answered, asked, instead, on, read, status
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_CREATE, _CREATE_TASK = "POST /flow_runs/", "POST /task_runs/"
_SET, _SET_TASK = "POST /flow_runs/{id}/set_state", "POST /task_runs/{id}/set_state"
_GET, _HISTORY, _STATE = "GET /flow_runs/{id}", "GET /flow_run_states/", "GET /flow_run_states/{id}"
_RESUME = "POST /flow_runs/{id}/resume"
_BULK_SET, _BULK_DELETE = "POST /flow_runs/bulk_set_state", "POST /flow_runs/bulk_delete"
_GRAPH, _GRAPH_2 = "GET /flow_runs/{id}/graph", "GET /flow_runs/{id}/graph-v2"


# What is asked


def _without(*names: str) -> Bend:
    return asked(lambda body: {name: value for name, value in body.items() if name not in names})


def _with(**fields: Json) -> Bend:
    return asked(lambda body: {**body, **fields})


def _state_without(name: str) -> Bend:
    return asked(
        lambda body: (
            {**body, "state": {key: value for key, value in body["state"].items() if key != name}}
            if "state" in body
            else body
        )
    )


def _another_task(body: Json) -> Json:
    return {**body, "dynamic_key": f"{body['dynamic_key']}-{uuid4()}"}


def _same_task(body: Json) -> Json:
    return {**body, "dynamic_key": "always the same"}


async def _resumes_all(request: Request, upstream: Upstream) -> Response:
    body = {"state": {"type": "RUNNING"}, "force": True}
    return await upstream(replace(request, path=request.path.replace("/resume", "/set_state")).with_json(body))


async def _first_alone(request: Request, upstream: Upstream) -> Response:
    """Sets the first of the runs, and answers for all."""
    ids = request.json["flow_runs"]["id"]["any_"]
    answer = await upstream(request.with_json({**request.json, "limit": 1}))
    (result,) = answer.json["results"]
    return answer.with_json({"results": [{**result, "flow_run_id": id_} for id_ in ids]})


async def _deletes_none(request: Request, upstream: Upstream) -> Response:
    body = request.json
    rows = (await upstream(Request("POST", "/flow_runs/filter").with_json(body))).json
    return Response.of(200, {"deleted": [row["id"] for row in rows]})


async def _accepts_and_stays(request: Request, upstream: Upstream) -> Response:
    """Accepts, and leaves the run where it was."""
    path = request.path.removesuffix("/set_state")
    now = await read(path, upstream)
    if now is None or request.json.get("force"):
        return await upstream(request)
    made = {**now["state"], "id": str(uuid4()), **request.json["state"]}
    return Response.of(201, {"state": made, "status": "ACCEPT", "details": {"type": "accept_details"}})


# What is answered


async def _records_refusals(request: Request, upstream: Upstream) -> Response:
    """Enters the state that the run is in once more, where a transition is aborted."""
    answer = await upstream(request)
    if answer.is_success and answer.json["status"] == "ABORT":
        now = await read(request.path.removesuffix("/set_state"), upstream)
        again = {"state": {"type": now["state_type"], "name": now["state_name"]}, "force": True}
        await upstream(replace(request, path=request.path).with_json(again))
    return answer


async def _tags_what_is_refused(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    if answer.is_success and answer.json["status"] in ("ABORT", "REJECT"):
        await upstream(Request("PATCH", request.path.removesuffix("/set_state")).with_json({"tags": ["refused"]}))
    return answer


def _details(before: str, after: str) -> Bend:
    return answered(
        lambda value: (
            {**value, "details": {**value["details"], "type": after}} if value["details"]["type"] == before else value
        )
    )


def _no_delay(value: Json) -> Json:
    details = value["details"]
    return {**value, "details": {**details, "delay_seconds": 0}} if "delay_seconds" in details else value


def _stranger(value: Json) -> Json:
    shown = value["state"]
    return value if shown is None else {**value, "state": {**shown, "id": str(uuid4())}}


def _record(edit: Callable[[Json], Json]) -> Bend:
    """What a run shows of itself, wherever it is one record."""
    return answered(lambda value: {**value, **edit(value)})


def _at_most_once(value: Json) -> Json:
    return {"run_count": min(value["run_count"], 1)}


def _resumes_count(value: Json) -> Json:
    return {"run_count": value["run_count"] + (value["state_type"] == "SCHEDULED")}


def _start_moves(value: Json) -> Json:
    return {"start_time": value["start_time"] and value["state"]["timestamp"]}


def _always_ends(value: Json) -> Json:
    return {"end_time": value["end_time"] or value["state"]["timestamp"]}


def _end_moves(value: Json) -> Json:
    return {"end_time": value["end_time"] and value["created"]}


def _still_next(value: Json) -> Json:
    return {"next_scheduled_start_time": value["next_scheduled_start_time"] or value["expected_start_time"]}


def _expected_moves(value: Json) -> Json:
    return {"expected_start_time": value["state"]["timestamp"]}


def _halved(value: Json) -> Json:
    return {"total_run_time": value["total_run_time"] / 2}


async def _from_start_to_end(request: Request, upstream: Upstream) -> Response:
    """The time in which the run was scheduled again counts as well."""
    answer = await upstream(request)
    if answer.is_success and answer.json["end_time"]:
        answer = answer.with_json({**answer.json, "total_run_time": answer.json["total_run_time"] + 0.01})
    return answer


async def _only_current(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    if answer.is_success:
        run = await read(f"/flow_runs/{answer.json['state_details']['flow_run_id']}", upstream)
        if run is not None and run["state_id"] != answer.json["id"]:
            return Response.of(404, {"detail": "Flow run state not found"})
    return answer


def _same_time(value: Json) -> Json:
    """Each state has the timestamp of the one before it, and the first that of the last."""
    times = [one["timestamp"] for one in value]
    return [{**one, "timestamp": time} for one, time in zip(value, times[-1:] + times[:-1], strict=True)]


def _no_edges(value: Json) -> Json:
    return {**value, "nodes": [[id_, {**node, "parents": [], "children": []}] for id_, node in value["nodes"]]}


def _no_subflows(value: Json) -> Json:
    return {**value, "nodes": [[id_, node] for id_, node in value["nodes"] if node["kind"] != "flow-run"]}


def _no_roots(value: Json) -> Json:
    return {**value, "root_node_ids": [id_ for id_, _ in value["nodes"]]}


FAULTS = (
    Fault(
        "begins-pending",
        "states.initial",
        "flow_runs RUNNING",
        "a run that is created with a state is pending all the same",
        on(_CREATE, _without("state")),
    ),
    Fault(
        "begins-scheduled",
        "states.initial",
        "task_runs without a state",
        "a task run that is created without a state is scheduled",
        on(_CREATE_TASK, asked(lambda body: {"state": {"type": "SCHEDULED"}, **body})),
    ),
    Fault(
        "submits-twice",
        "states.transitions",
        "flow_runs PENDING->PENDING",
        "a pending run may become pending again",
        on(_SET, _with(force=True)),
    ),
    Fault(
        "leaves-the-end",
        "states.transitions",
        "task_runs COMPLETED->CRASHED",
        "a completed task run may crash",
        on(_SET_TASK, _with(force=True)),
    ),
    Fault(
        "accepts-and-stays",
        "states.transitions",
        "flow_runs PENDING->RUNNING",
        "a transition is accepted and not made",
        on(_SET, _accepts_and_stays),
    ),
    Fault(
        "accepts-all-the-same",
        "states.transitions",
        "flow_runs SCHEDULED->CANCELLING",
        "a transition that was altered is answered as accepted",
        on(_SET, answered(lambda value: {**value, "status": "ACCEPT", "details": {"type": "accept_details"}})),
    ),
    Fault(
        "force-is-ignored",
        "states.force",
        "flow_runs COMPLETED->CRASHED",
        "`force` is ignored",
        on(_SET, _without("force")),
    ),
    Fault(
        "details-of-another",
        "states.answer",
        "flow_runs ABORT",
        "an aborted transition has the details of an accepted one",
        on(_SET, _details("abort_details", "accept_details")),
    ),
    Fault(
        "answers-a-stranger",
        "states.answer",
        "task_runs ACCEPT",
        "an accepted transition shows a state that does not exist",
        on(_SET_TASK, answered(_stranger)),
    ),
    Fault(
        "refusals-are-recorded",
        "states.refused-unchanged",
        "flow_runs ->PENDING",
        "a refused transition leaves a state in the history",
        on(_SET, _records_refusals),
    ),
    Fault(
        "refusals-tag",
        "states.refused-unchanged",
        "flow_runs ->PAUSED",
        "a refused transition changes the run's tags",
        on(_SET, _tags_what_is_refused),
    ),
    Fault(
        "waits-no-time",
        "states.wait",
        "flow_runs SCHEDULED",
        "the delay of a WAIT is always zero",
        on(_SET, answered(_no_delay)),
    ),
    Fault(
        "forgets-the-time",
        "states.wait",
        "task_runs PENDING",
        "a task run forgets its scheduled time",
        on(_CREATE_TASK, asked(lambda body: {**body, "state": {"type": "SCHEDULED"}})),
    ),
    Fault(
        "runs-alone",
        "states.running-flow",
        "flow_runs COMPLETED",
        "a task run starts whatever its flow run does",
        on(_SET_TASK, _with(force=True)),
    ),
    Fault(
        "never-retries",
        "states.retries",
        "flow_runs",
        "the retries of a run are forgotten",
        on(_CREATE, _without("empirical_policy")),
    ),
    Fault(
        "always-retries",
        "states.retries",
        "task_runs",
        "a task run has a thousand retries",
        on(
            _CREATE_TASK,
            asked(
                lambda body: (
                    {**body, "empirical_policy": {**body["empirical_policy"], "retries": 1000}}
                    if "empirical_policy" in body
                    else body
                )
            ),
        ),
    ),
    Fault(
        "retries-at-once",
        "states.retries",
        "flow_runs",
        "the delay before a retry is forgotten",
        on(
            _CREATE,
            asked(lambda body: {**body, "empirical_policy": {"retries": 1}} if "empirical_policy" in body else body),
        ),
    ),
    Fault(
        "repeats-results",
        "states.result",
        "flow_runs",
        "a run with a result may run again",
        on(_SET, _with(force=True)),
    ),
    Fault(
        "ids-are-ignored",
        "states.transition-id",
        "flow_runs",
        "the id of a transition is ignored",
        on(_SET, _state_without("state_details")),
    ),
    Fault(
        "resumes-all",
        "states.resume",
        "COMPLETED",
        "whatever is resumed runs",
        on(_RESUME, _resumes_all),
    ),
    Fault(
        "resumes-late",
        "states.resume",
        "a pause that is over",
        "a pause is never over",
        on(_RESUME, _resumes_all),
    ),
    Fault(
        "resumes-none",
        "states.resume",
        "a pause",
        "resuming is accepted and does nothing",
        on(_RESUME, instead(Response.of(200, {"status": "ACCEPT", "state": None, "details": {}}))),
    ),
    Fault(
        "keeps-its-name",
        "states.current",
        "flow_runs",
        "a run keeps the name of its first state",
        on(_GET, _record(lambda _: {"state_name": "Pending"})),
    ),
    Fault(
        "loses-the-message",
        "states.kept",
        "flow_runs",
        "the message of a state is lost",
        on(_SET, _state_without("message")),
    ),
    Fault(
        "loses-the-data",
        "states.kept",
        "task_runs",
        "the data of a state are lost",
        on(_SET_TASK, _state_without("data")),
    ),
    Fault(
        "forgets-history",
        "states.history",
        "flow_runs",
        "the history of a run has its last state only",
        on(_HISTORY, answered(lambda value: value[-1:])),
    ),
    Fault(
        "mixes-history",
        "states.history",
        "flow_runs",
        "the timestamps of a history are those of other states",
        on(_HISTORY, answered(_same_time)),
    ),
    Fault(
        "only-current",
        "states.entry-by-id",
        "flow_runs",
        "only the current state of a run can be read by its id",
        on(_STATE, _only_current),
    ),
    Fault(
        "counts-to-one",
        "states.run-count",
        "flow_runs",
        "`run_count` does not go beyond 1",
        on(_GET, _record(_at_most_once)),
    ),
    Fault(
        "counts-schedules",
        "states.run-count",
        "task_runs",
        "`run_count` counts that a run was scheduled",
        on("GET /task_runs/{id}", _record(_resumes_count)),
    ),
    Fault(
        "start-moves",
        "states.start-time",
        "flow_runs",
        "`start_time` moves with every state",
        on(_GET, _record(_start_moves)),
    ),
    Fault(
        "always-ends",
        "states.end-time",
        "flow_runs",
        "every state has an end time",
        on(_GET, _record(_always_ends)),
    ),
    Fault(
        "ends-early",
        "states.end-time",
        "task_runs",
        "a task run ends when it was created",
        on("GET /task_runs/{id}", _record(_end_moves)),
    ),
    Fault(
        "still-next",
        "states.expected-start-time",
        "flow_runs",
        "a run that is scheduled no more still has a next start",
        on(_GET, _record(_still_next)),
    ),
    Fault(
        "expects-now",
        "states.expected-start-time",
        "task_runs",
        "a task run is expected to start at its latest state",
        on("GET /task_runs/{id}", _record(_expected_moves)),
    ),
    Fault(
        "counts-pauses",
        "states.run-time",
        "flow_runs",
        "`total_run_time` counts from the start to the end",
        on(_GET, _from_start_to_end),
    ),
    Fault(
        "counts-half",
        "states.run-time",
        "task_runs",
        "`total_run_time` counts half of the time",
        on("GET /task_runs/{id}", _record(_halved)),
    ),
    Fault(
        "forgets-its-parent",
        "states.subflow",
        "flow_runs COMPLETED",
        "a sub-flow forgets its parent",
        on(_CREATE, _without("parent_task_run_id")),
    ),
    Fault(
        "new-task-run",
        "states.task-run-identity",
        "task_runs of a flow run",
        "a task run that is created again is a new one",
        on(_CREATE_TASK, asked(_another_task)),
    ),
    Fault(
        "one-task-run",
        "states.task-run-identity",
        "task_runs without a flow run",
        "the dynamic key of a task run is ignored",
        on(_CREATE_TASK, asked(_same_task)),
    ),
    Fault(
        "graph-without-needs",
        "states.graph",
        "flow_runs",
        "the graph of a run has no dependencies",
        on(_GRAPH, answered(lambda value: [{**node, "upstream_dependencies": []} for node in value])),
    ),
    Fault(
        "graph-without-a-run",
        "states.graph",
        "flow_runs",
        "the graph of a run lacks a task run",
        on(_GRAPH, answered(lambda value: value[1:])),
    ),
    Fault(
        "graph-without-subflows",
        "states.graph-v2",
        "flow_runs",
        "the second graph of a run has no sub-flow runs",
        on(_GRAPH_2, answered(_no_subflows)),
    ),
    Fault(
        "graph-without-edges",
        "states.graph-v2",
        "flow_runs",
        "the second graph of a run has no edges",
        on(_GRAPH_2, answered(_no_edges)),
    ),
    Fault(
        "graph-of-roots",
        "states.graph-v2",
        "flow_runs",
        "every run of the second graph is a root",
        on(_GRAPH_2, answered(_no_roots)),
    ),
    Fault(
        "bulk-forces",
        "states.bulk-set",
        "flow_runs ->PAUSED",
        "many runs at once are always forced",
        on(_BULK_SET, _with(force=True)),
    ),
    Fault(
        "bulk-never-forces",
        "states.bulk-set",
        "flow_runs ->PENDING forced",
        "many runs at once are never forced",
        on(_BULK_SET, _without("force")),
    ),
    Fault(
        "bulk-sets-one",
        "states.bulk-set",
        "flow_runs ->PENDING",
        "bulk_set_state answers for all runs what one was answered",
        on(_BULK_SET, _first_alone),
    ),
    Fault(
        "bulk-without-limit",
        "states.bulk-limit",
        "flow_runs",
        "the limit of bulk_set_state is ignored",
        on(_BULK_SET, _without("limit")),
    ),
    Fault(
        "bulk-deletes-none",
        "states.bulk-delete",
        "flow_runs",
        "bulk_delete answers the ids and deletes nothing",
        on(_BULK_DELETE, _deletes_none),
    ),
    Fault(
        "bulk-deletes-more",
        "states.bulk-delete",
        "flow_runs",
        "the limit of bulk_delete is ignored",
        on(_BULK_DELETE, _without("limit")),
    ),
    Fault(
        "states-survive",
        "states.deleted-with-run",
        "flow_runs",
        "the states of a deleted run can still be read",
        on(_STATE, status(404, Response.of(200, {"type": "PENDING"}))),
    ),
    Fault(
        "deletes-nothing",
        "states.deleted-with-run",
        "task_runs",
        "a deleted task run is still listed with its states",
        on("DELETE /task_runs/{id}", instead(Response(204))),
    ),
    Fault(
        "sets-nobody",
        "states.unknown-run",
        _SET,
        "the state of an unknown run is set with success",
        on(_SET, status(404, Response.of(200, {"status": "ABORT", "state": None, "details": {}}))),
    ),
)
