"""Prefect's own client: what its SDK did on the target, to its end, reads through the API as the SDK saw it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from conformance.contract import Contract
from conformance.oracle.operators import instant
from conformance.resources import Record
from conformance.suite.check import Subjects, check
from conformance.suite.journeys import Journeys
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.runs import FLOW_RUNS, TASK_RUNS, history
from conformance.target import Client

_AGAIN: Final = 0.5


@dataclass(frozen=True)
class Run:
    """A run that the SDK made: the part that it is of, and how it went.

    `runs` is how often it ran, `tasks` the names that its task runs begin with: how many, and how often each ran.
    """

    part: str
    parameters: Record = field(default_factory=dict)
    begins: str = "PENDING"
    ends: str = "COMPLETED"
    runs: int = 1
    tasks: Mapping[str, tuple[int, int]] = field(default_factory=dict)


RUNS: Final = (
    Run("tasks", {"count": 3, "label": "ä label"}, tasks={"double": (2, 1), "join": (1, 1)}),
    Run("parent", {"number": 4}),
    Run("retried-task", tasks={"third time": (1, 3)}),
    Run("retried-flow", runs=2),
    Run("failing", ends="FAILED", tasks={"break": (1, 1)}),
    Run("served", {"count": 5, "label": "deployed"}, begins="SCHEDULED", tasks={"double": (1, 1)}),
)


def runs(contract: Contract) -> Mapping[str, Run]:
    """Every run that the SDK makes."""
    return {run.part: run for run in RUNS}


def with_tasks(contract: Contract) -> Mapping[str, Run]:
    """Those whose tasks are named."""
    return {run.part: run for run in RUNS if run.tasks}


def with_parameters(contract: Contract) -> Mapping[str, Run]:
    """Those that were called with parameters."""
    return {run.part: run for run in RUNS if run.parameters}


def where(operation: str) -> Subjects:
    """That operation, where the contract has it."""

    def of(contract: Contract) -> Mapping[str, str]:
        return {operation: operation.partition(" ")[2]} if operation in contract.operations else {}

    return of


# Runs


@check("client.ended", on=runs)
def test_run_is_in_the_state_that_the_client_saw_it_end_in(subject: Run, client: Client, journeys: Journeys) -> None:
    seen = journeys.part(subject.part)
    run = _read(client, f"/flow_runs/{seen['run']}")
    require_equal("the type of the state that the client saw", subject.ends, seen["state"]["type"])
    require_equal("the run's state", seen["state"], {key: run["state"][key] for key in ("type", "name", "message")})
    require_equal("the run's type and name of state", [subject.ends, seen["state"]["name"]], _summary(run))


@check("client.states", on=runs)
def test_run_has_the_states_that_the_client_put_it_in(subject: Run, client: Client, journeys: Journeys) -> None:
    id_ = journeys.part(subject.part)["run"]
    run = _read(client, f"/flow_runs/{id_}")
    _require_path(history(FLOW_RUNS, client, id_), subject.begins, subject.ends, subject.runs)
    require_equal("run_count", subject.runs, run["run_count"])
    if not run["start_time"] or not run["end_time"] or instant(run["start_time"]) > instant(run["end_time"]):
        raise Violation(
            "a run that has ended has no start before its end",
            observed={key: run[key] for key in ("start_time", "end_time")},
        )


@check("client.parameters", on=with_parameters)
def test_run_has_the_parameters_that_it_was_called_with(subject: Run, client: Client, journeys: Journeys) -> None:
    run = _read(client, f"/flow_runs/{journeys.part(subject.part)['run']}")
    require_equal("the run's parameters", subject.parameters, run["parameters"])


@check("client.flow", on=runs)
def test_run_is_of_the_flow_of_that_name(subject: Run, client: Client, journeys: Journeys) -> None:
    seen = journeys.part(subject.part)
    run = _read(client, f"/flow_runs/{seen['run']}")
    name = journeys.flows[subject.part]
    flow = _read(client, f"/flows/name/{name}")
    require_equal("the run's flow", flow["id"], run["flow_id"])
    found = _asked_for(client, {"flows": {"name": {"any_": [name]}}})
    require_equal("the runs of the flow", [seen["run"]], [row["id"] for row in found])


@check("client.task-runs", on=with_tasks)
def test_run_has_its_task_runs(subject: Run, client: Client, journeys: Journeys) -> None:
    id_ = journeys.part(subject.part)["run"]

    def judge() -> None:
        found = _task_runs(client, id_)
        wanted = Counter({name: number for name, (number, _) in subject.tasks.items()})
        require_equal("the task runs by name", dict(wanted), dict(Counter(_stem(subject, row) for row in found)))
        for row in found:
            _, times = subject.tasks[_stem(subject, row)]
            require_equal(f"the state of {row['name']}", subject.ends, row["state_type"])
            require_equal(f"run_count of {row['name']}", times, row["run_count"])
            _require_path(history(TASK_RUNS, client, row["id"]), "PENDING", subject.ends, times)

    _eventually(judge, journeys)


@check("client.task-inputs", on=where("POST /task_runs/filter"))
def test_task_run_names_the_task_runs_that_it_takes_from(subject: str, client: Client, journeys: Journeys) -> None:
    id_ = journeys.part("tasks")["run"]

    def judge() -> None:
        found = _task_runs(client, id_)
        (join,) = [row for row in found if row["name"].startswith("join")] or [{"task_inputs": {}}]
        taken = [[one.get("id") for one in join["task_inputs"].get(name, ())] for name in ("left", "right")]
        before = sorted([row["id"]] for row in found if row["name"].startswith("double"))
        require_equal("the task runs that the last one takes from", before, sorted(taken, key=str))

    _eventually(judge, journeys)


@check("client.subflow", on=where("POST /flow_runs/filter"))
def test_flow_that_a_flow_calls_hangs_on_a_task_run_of_it(subject: str, client: Client, journeys: Journeys) -> None:
    parent = journeys.part("parent")["run"]

    def judge() -> None:
        (child,) = _rows(client, subject, {"flows": {"name": {"any_": [journeys.flows["child"]]}}}) or [{}]
        (task,) = _task_runs(client, parent) or [{}]
        if not child or not task:
            raise Violation("a flow that another one calls has no run, or no task run to hang on")
        require_equal("the child's parent_task_run_id", task["id"], child["parent_task_run_id"])
        require_equal("the task run's child", child["id"], task["state"]["state_details"]["child_flow_run_id"])
        require_equal("the child's parameters", {"number": 4}, child["parameters"])
        require_equal("the states of child and task run", [*_summary(child)], [*_summary(task)])
        require_equal("the type of the child's state", "COMPLETED", child["state_type"])

    _eventually(judge, journeys)


@check("client.logs", on=where("POST /logs/filter"))
def test_what_a_flow_logs_is_in_its_log(subject: str, client: Client, journeys: Journeys) -> None:
    wanted = {
        "tasks": [(20, "count is 3"), (30, "label is ä label")],
        "served": [(20, "served 10 times with label deployed")],
    }
    for part, lines in wanted.items():
        id_ = journeys.part(part)["run"]

        def judge(id_: str = id_, lines: Sequence[tuple[int, str]] = lines) -> None:
            body = {"logs": {"flow_run_id": {"any_": [id_]}}, "sort": "TIMESTAMP_ASC"}
            found = [(row["level"], row["message"]) for row in _rows(client, subject, body)]
            require_equal("the lines that the flow wrote", lines, [line for line in found if line in lines])

        _eventually(judge, journeys)


# Deployments


@check("client.deployment", on=where("GET /deployments/{id}"))
def test_deployment_is_as_the_client_described_it(subject: str, client: Client, journeys: Journeys) -> None:
    seen = journeys.part("served")
    found = _read(client, f"/deployments/{seen['deployment']}")
    flow = journeys.flows["served"]
    require_equal("the flow of the deployment", _read(client, f"/flows/name/{flow}")["id"], found["flow_id"])
    require_equal("its parameters", {"label": "deployed"}, found["parameters"])
    require_equal("its tags", 1, len(found["tags"]))
    if "entrypoint" in found:
        require_equal("its entrypoint", "flows.py:served", (found["entrypoint"] or "").rpartition("/")[2])
    schedules = found.get("schedules") or [{"schedule": found.get("schedule")}]
    crons = [(schedule.get("schedule") or {}).get("cron") for schedule in schedules]
    require_equal("its schedules", ["0 4 1 1 *"], crons)
    described = (found.get("parameter_openapi_schema") or {}).get("properties", {})
    require_equal("the parameters that it describes", ["count", "label"], sorted(described))


@check("client.deployment-run", on=where("POST /deployments/{id}/create_flow_run"))
def test_run_of_a_deployment_is_found_with_it(subject: str, client: Client, journeys: Journeys) -> None:
    seen = journeys.part("served")
    found = _asked_for(client, {"deployments": {"id": {"any_": [seen["deployment"]]}}})
    require_equal("the runs of the deployment", [seen["run"]], [row["id"] for row in found])
    require_equal("the deployment of the run", seen["deployment"], found[0]["deployment_id"])
    require_equal("the type of its state", "COMPLETED", found[0]["state_type"])


# What a flow keeps


@check("client.artifact", on=where("POST /artifacts/filter"))
def test_artifact_of_a_flow_is_kept(subject: str, client: Client, journeys: Journeys) -> None:
    id_ = journeys.part("keeping")["run"]
    found = _rows(client, subject, {"artifacts": {"flow_run_id": {"any_": [id_]}}})
    shown = [{key: row.get(key) for key in ("type", "data", "description")} for row in found]
    require_equal(
        "the artifacts of the run",
        [{"type": "markdown", "data": "# A note", "description": "left by a flow"}],
        shown,
    )


@check("client.variable", on=where("POST /variables/filter"))
def test_variable_is_kept(subject: str, client: Client, journeys: Journeys) -> None:
    seen = journeys.part("variable")
    require_equal("what the client reads", "kept", seen["value"])
    found = _rows(client, subject, {"variables": {"name": {"any_": [seen["name"]]}}})
    require_equal("the values of that name", ["kept"], [row["value"] for row in found])


@check("client.block", on=where("GET /block_documents/{id}"))
def test_block_is_kept(subject: str, client: Client, journeys: Journeys) -> None:
    seen = journeys.part("block")
    values = {"text": "kept", "number": 7}
    require_equal("what the client loads", values, seen["loaded"])
    found = _read(client, f"/block_documents/{seen['document']}")
    require_equal("the document's name", seen["name"], found["name"])
    require_equal("the document's type", seen["type"], found["block_type_id"])
    require_equal("the document's data", values, {key: found["data"].get(key) for key in values})


@check("client.slots", on=where("GET /v2/concurrency_limits/{id_or_name}"))
def test_slot_is_taken_and_given_back(subject: str, client: Client, journeys: Journeys) -> None:
    seen = journeys.part("slot")
    require_equal("the active slots inside and after", [1, 0], [seen["inside"], seen["after"]])
    found = _read(client, f"/v2/concurrency_limits/{seen['name']}")
    require_equal("the active slots now", 0, found["active_slots"])


@check("client.query", on=where("POST /flow_runs/filter"))
def test_client_finds_what_the_api_finds(subject: str, client: Client, journeys: Journeys) -> None:
    seen = journeys.part("query")
    wanted = {journeys.part(part)["run"]: journeys.part(part)["state"] for part in ("tasks", "failing")}
    require_equal("the runs that the client finds", wanted, seen["runs"])
    rows = _rows(client, subject, {"flows": {"name": {"any_": seen["names"]}}})
    keys = ("type", "name", "message")
    found = {row["id"]: {key: row["state"][key] for key in keys} for row in rows}
    require_equal("the runs that the API finds", seen["runs"], found)


# Reading


def _read(client: Client, path: str) -> Any:
    response = client.request("GET", path)
    if not response.is_success:
        raise Violation(
            "what the client made can't be read", expected="2xx", observed=[response.status_code, response.text[:400]]
        )
    return response.json()


def _rows(client: Client, path: str, body: Record) -> list[Record]:
    response = client.request("POST", path, body)
    listed = response.json() if response.is_success else None
    if not isinstance(listed, list):
        raise Violation("a legal query is answered with no list", observed=[response.status_code, response.text[:400]])
    return listed


def _asked_for(client: Client, body: Record) -> list[Record]:
    """The flow runs that somebody asked for: a scheduler may have planned the deployment's next ones meanwhile."""
    return [run for run in _rows(client, "/flow_runs/filter", body) if not run.get("auto_scheduled")]


def _task_runs(client: Client, run: str) -> list[Record]:
    return _rows(client, "/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})


def _stem(subject: Run, row: Record) -> str:
    """The task of a task run, by its name; the whole name where it begins as that of no task does."""
    return next((name for name in subject.tasks if row["name"].startswith(f"{name}-")), row["name"])


def _summary(run: Record) -> list[Any]:
    return [run["state_type"], run["state_name"]]


def _require_path(states: Sequence[Record], begins: str, ends: str, runs: int) -> None:
    """Raise Violation unless a history begins and ends so, and the run was running that often in it."""
    types = [state["type"] for state in states]
    on_the_way = {"SCHEDULED", "PENDING", "RUNNING"}
    if (
        types[:1] != [begins]
        or types[-1:] != [ends]
        or types.count("RUNNING") != runs
        or not on_the_way.issuperset(types[:-1])
    ):
        raise Violation(
            "the states of a run are not those that the client put it in",
            expected={"first": begins, "last": ends, "times RUNNING": runs},
            observed=types,
        )


def _eventually(judge: Callable[[], None], journeys: Journeys) -> None:
    """`judge`, until it finds nothing wrong or what the client has sent has had the time to come in."""
    while True:
        try:
            judge()
        except Violation:
            if journeys.settled():
                raise
            time.sleep(_AGAIN)
        else:
            return
