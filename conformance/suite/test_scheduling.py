"""Scheduling: the runs that deployments plan, and those made of deployments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from conformance.contract import Contract
from conformance.oracle.schedules import instants
from conformance.resources import Record
from conformance.suite.check import Subjects, check
from conformance.suite.made_runs import created, documented_state, made_run, making, require_refused
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.plans import BULK, CREATE, RUN, SCHEDULE, ask_to_schedule, deployment, planned_by, runs, starts
from conformance.suite.polls import Pool, pools
from conformance.suite.subjects import first_of
from conformance.target import Client
from conformance.world import World

# The clocks of New York go forward on 9 March 2031 at 7:00 UTC, and back on 2 November at 6:00 UTC.
_FORWARD: Final = datetime(2031, 3, 9, 7, tzinfo=UTC)
_BACK: Final = datetime(2031, 11, 2, 6, tzinfo=UTC)
_NEW_YORK: Final = "America/New_York"

Schedule = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """A schedule, and a time in which its runs are compared."""

    schedule: Schedule
    start: datetime
    end: datetime


def around(change: datetime, schedule: Schedule) -> Window:
    """A window around a change of the clocks: hours for a schedule by the hour, days for others."""
    hourly = schedule.get("interval") == 3600 or str(schedule.get("cron")).startswith("0 * ")
    margin = timedelta(hours=4) if hourly else timedelta(days=3)
    return Window(schedule, change - margin, change + margin)


def windows(**schedules: Schedule) -> Subjects:
    """Each schedule through a change of the clocks in both directions; of contracts that can be asked to schedule."""
    found = {
        f"{SCHEDULE}: {name.replace('_', ' ')}, clocks going {direction}": around(change, schedule)
        for name, schedule in schedules.items()
        for direction, change in (("forward", _FORWARD), ("back", _BACK))
    }
    return lambda contract: found if SCHEDULE in contract.operations else {}


def _daily(anchor: str, **fields: Any) -> Schedule:
    return {"interval": 86400, "anchor_date": anchor, **fields}


@check(
    "scheduling.interval",
    on=windows(
        hourly={"interval": 3600, "anchor_date": "2031-01-01T00:30:00-05:00", "timezone": _NEW_YORK},
        daily=_daily("2031-01-01T09:00:00-05:00", timezone=_NEW_YORK),
        daily_in_UTC=_daily("2031-01-01T09:00:00+00:00", timezone="UTC"),
        daily_with_a_later_anchor=_daily("2031-12-24T09:00:00-05:00", timezone=_NEW_YORK),
        every_other_day={**_daily("2030-07-01T21:15:00-04:00", timezone=_NEW_YORK), "interval": 172800},
    ),
)
def test_intervals(subject: Window, client: Client, world: World) -> None:
    require_instants(subject, world)


@check(
    "scheduling.cron",
    on=windows(
        hourly={"cron": "0 * * * *", "timezone": _NEW_YORK},
        daily={"cron": "0 9 * * *", "timezone": _NEW_YORK},
        weekdays={"cron": "30 17 * * 1-5", "timezone": _NEW_YORK},
        day_of_month_or_of_week={"cron": "0 0 10 * 6", "timezone": _NEW_YORK},
        daily_in_UTC={"cron": "0 9 * * *", "timezone": "UTC"},
    ),
)
def test_cron(subject: Window, client: Client, world: World) -> None:
    require_instants(subject, world)


_RULE: Final = "DTSTART:20310101T090000\nRRULE:FREQ=DAILY"


@check(
    "scheduling.rrule",
    on=windows(
        daily={"rrule": _RULE, "timezone": _NEW_YORK},
        by_day={"rrule": "DTSTART:20310101T090000\nRRULE:FREQ=WEEKLY;BYDAY=SU,MO", "timezone": _NEW_YORK},
        zone_in_the_rule_too={
            "rrule": f"DTSTART;TZID={_NEW_YORK}:20310101T090000\nRRULE:FREQ=DAILY",
            "timezone": _NEW_YORK,
        },
        daily_in_UTC={"rrule": _RULE, "timezone": "UTC"},
    ),
)
def test_recurrence_rules(subject: Window, client: Client, world: World) -> None:
    require_instants(subject, world)


@check(
    "scheduling.rrule-zone",
    on=windows(zone_in_the_rule={"rrule": f"DTSTART;TZID={_NEW_YORK}:20310101T090000\nRRULE:FREQ=DAILY"}),
)
def test_zone_of_a_recurrence_rule(subject: Window, client: Client, world: World) -> None:
    require_instants(subject, world)


def require_instants(window: Window, world: World) -> None:
    """Raise Violation unless a deployment with the schedule plans runs at the expected instants, and no other."""
    planning = deployment(world, **planned_by(world, window.schedule))
    ask_to_schedule(world, planning, window.start, window.end)
    found = [starts(run) for run in runs(world, planning, window.start, window.end)]
    require_planned("the runs are planned for other times", instants(window.schedule, window.start, window.end), found)


def require_planned(summary: str, expected: Sequence[datetime], found: Sequence[datetime]) -> None:
    """Raise Violation, with what is missing and what should not be there, unless two plans are the same."""
    if list(expected) != list(found):
        raise Violation(
            summary,
            expected=[f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in expected],
            observed=[f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in found],
        )


# How many

_NOON: Final = datetime(2031, 5, 1, 12, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_NOONS: Final = {"interval": 86400, "anchor_date": _NOON.isoformat(), "timezone": "UTC"}
"""Every day at noon."""
_MORNINGS: Final = {**_NOONS, "anchor_date": (_NOON - timedelta(hours=4)).isoformat()}


@dataclass(frozen=True)
class Asked:
    """What is sent beside the start, and on how many noons it plans a run."""

    fields: Mapping[str, Any]
    noons: int


_BOUNDS: Final = {
    "both ends included": Asked({"end_time": (_NOON + 2 * _DAY).isoformat()}, 3),
    "max_runs": Asked({"max_runs": 4, "min_runs": 4, "end_time": (_NOON + 9 * _DAY).isoformat()}, 4),
    "min_runs": Asked({"min_runs": 5, "max_runs": 50, "min_time": 60, "end_time": (_NOON + 20 * _DAY).isoformat()}, 5),
    "min_time": Asked(
        {"min_time": 3 * 86400, "min_runs": 1, "max_runs": 50, "end_time": (_NOON + 20 * _DAY).isoformat()}, 4
    ),
    "max_runs before min_runs": Asked(
        {"max_runs": 2, "min_runs": 6, "min_time": 60, "end_time": (_NOON + 9 * _DAY).isoformat()}, 2
    ),
    "end_time before min_runs": Asked(
        {"min_runs": 6, "max_runs": 50, "min_time": 60, "end_time": (_NOON + 2 * _DAY).isoformat()}, 3
    ),
}


def bounds(contract: Contract) -> Mapping[str, Asked]:
    """What may be asked of the number of runs: the first generations know the ends and the most."""
    if SCHEDULE not in contract.operations:
        return {}
    known = contract.body_properties(SCHEDULE)
    return {
        f"{SCHEDULE}: {name}": Asked({key: value for key, value in asked.fields.items() if key in known}, asked.noons)
        for name, asked in _BOUNDS.items()
        if name == "max_runs" or set(asked.fields) <= known.keys()
    }


@check("scheduling.bounds", on=bounds)
def test_bounds(subject: Asked, client: Client, world: World) -> None:
    planning = deployment(world, **planned_by(world, _NOONS))
    ask_to_schedule(world, planning, _NOON, _NOON, **subject.fields)
    found = [starts(run) for run in runs(world, planning, _NOON - 9 * _DAY, _NOON + 90 * _DAY)]
    require_planned("other runs are planned", [_NOON + n * _DAY for n in range(subject.noons)], found)


def scheduling(contract: Contract) -> Mapping[str, str]:
    """The operation that plans runs."""
    return {SCHEDULE: SCHEDULE} if SCHEDULE in contract.operations else {}


@check("scheduling.once", on=scheduling)
def test_a_run_is_planned_once(subject: str, client: Client, world: World) -> None:
    planning = deployment(world, **planned_by(world, _NOONS))
    ask_to_schedule(world, planning, _NOON, _NOON + 2 * _DAY)
    first = [run["id"] for run in runs(world, planning, _NOON, _NOON + 9 * _DAY)]
    ask_to_schedule(world, planning, _NOON, _NOON + 2 * _DAY)
    ask_to_schedule(world, planning, _NOON + _DAY, _NOON + 3 * _DAY)
    now = runs(world, planning, _NOON, _NOON + 9 * _DAY)
    require_planned("asked again, other runs are planned", [_NOON + n * _DAY for n in range(4)], list(map(starts, now)))
    require_equal("runs that were planned before are others now", first, [run["id"] for run in now[: len(first)]])


@check("scheduling.runs", on=scheduling)
def test_planned_runs_are_what_the_deployment_says(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    fields = {"parameters": {"size": 3}, "tags": ["red", "night"]}
    planning = deployment(world, **planned_by(world, _NOONS), **fields)
    ask_to_schedule(world, planning, _NOON, _NOON + _DAY)
    found = runs(world, planning, _NOON, _NOON + _DAY)
    if len(found) != 2:
        raise Violation("the runs are not planned", expected=2, observed=len(found))
    for run in found:
        at = run["expected_start_time"]
        expected = {
            "flow_id": planning["flow_id"],
            "deployment_id": planning["id"],
            "state_type": "SCHEDULED",
            "parameters": fields["parameters"],
            "auto_scheduled": True,
            "next_scheduled_start_time": at,
            "scheduled_time": at,
        }
        details = (run.get("state") or {}).get("state_details") or {}
        observed = {**{key: run.get(key) for key in expected}, "scheduled_time": details.get("scheduled_time")}
        require_equal("a planned run is another than its deployment says", expected, observed)
        if missing := set(fields["tags"]) - set(run["tags"]):
            raise Violation("a planned run lacks tags of its deployment", expected=missing, observed=run["tags"])
        if shop.accepts(CREATE, "work_queue_name"):
            require_equal("the work queue", planning.get("work_queue_name"), run.get("work_queue_name"))


# What ends a plan


_SCHEDULES: Final = "POST /deployments/{id}/schedules"
_SCHEDULED: Final = "PATCH /deployments/{id}/schedules/{schedule_id}"
_CHANGE: Final = "PATCH /deployments/{id}"


def deactivating(contract: Contract) -> Mapping[str, str]:
    """The ways to give a deployment a schedule that is not active: in its create, and later."""
    later = first_of(_CHANGE, _SCHEDULES, _SCHEDULED)(contract)
    return {**scheduling(contract), **later} if scheduling(contract) else {}


@check("scheduling.inactive", on=deactivating)
def test_an_inactive_schedule_plans_nothing(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    inactive = planned_by(world, _NOONS, active=False)
    if subject == _SCHEDULES:
        planning = deployment(world)
        shop.send(subject, inactive["schedules"], id=planning["id"])
    elif subject == _SCHEDULED:
        planning = deployment(world, **planned_by(world, _NOONS))
        (schedule,) = shop.send("GET /deployments/{id}/schedules", id=planning["id"])
        shop.send(subject, {"active": False}, id=planning["id"], schedule_id=schedule["id"])
    elif subject == _CHANGE:
        planning = deployment(world, **planned_by(world, _MORNINGS))
        shop.send(subject, taken(world, inactive), id=planning["id"])
    else:
        planning = deployment(world, **inactive)
    ask_to_schedule(world, planning, _NOON, _NOON + _DAY)
    require_planned("an inactive schedule plans runs", [], times(world, planning))


def times(world: World, planning: Record) -> list[datetime]:
    """When the deployment's runs around the noons are to start."""
    return [starts(run) for run in runs(world, planning, _NOON, _NOON + 9 * _DAY)]


pauses: Final = first_of("POST /deployments/{id}/pause_deployment", "POST /deployments/{id}/set_schedule_inactive")
resumes: Final = first_of("POST /deployments/{id}/resume_deployment", "POST /deployments/{id}/set_schedule_active")


def planning_runs(world: World) -> Record:
    """A deployment with two runs planned."""
    planning = deployment(world, **planned_by(world, _NOONS))
    ask_to_schedule(world, planning, _NOON, _NOON + _DAY)
    require_planned("the runs are not planned", [_NOON, _NOON + _DAY], times(world, planning))
    return planning


@check("scheduling.pause", on=pauses)
def test_a_pause_removes_planned_runs(subject: str, client: Client, world: World) -> None:
    planning = planning_runs(world)
    at = ask_for_a_run(world, planning)
    world.workshop.send(subject, id=planning["id"])
    # The one that somebody asked for was not planned by the schedule.
    require_planned("other runs are left after the pause", [at], times(world, planning))


@check("scheduling.paused", on=pauses)
def test_a_paused_deployment_plans_nothing(subject: str, client: Client, world: World) -> None:
    planning = deployment(world, **planned_by(world, _NOONS))
    world.workshop.send(subject, id=planning["id"])
    ask_to_schedule(world, planning, _NOON, _NOON + _DAY)
    require_planned("a paused deployment plans runs", [], times(world, planning))


@check("scheduling.resume", on=resumes)
def test_a_resumed_deployment_plans_again(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    planning = deployment(world, **planned_by(world, _NOONS))
    (pause,) = list(pauses(shop.contract))[:1]
    for operation, active in ((pause, False), (subject, True)):
        shop.send(operation, id=planning["id"])
        now = shop.send("GET /deployments/{id}", id=planning["id"])
        shown = not now["paused"] if "paused" in now else now["is_schedule_active"]
        if shown is not active:
            raise Violation(f"after {operation} the deployment says otherwise", expected=active, observed=shown)
    ask_to_schedule(world, planning, _NOON, _NOON + _DAY)
    require_planned("a resumed deployment plans otherwise", [_NOON, _NOON + _DAY], times(world, planning))


@check("scheduling.upsert-removes", on=first_of(CREATE))
def test_creating_again_removes_planned_runs(subject: str, client: Client, world: World) -> None:
    planning = planning_runs(world)
    changed = planned_by(world, _MORNINGS)
    again = deployment(world, name=planning["name"], **changed)
    require_equal("the deployment created again", planning["id"], again["id"])
    require_planned("runs of the former schedule are left", [], times(world, planning))


changes: Final = first_of(_SCHEDULED, "DELETE /deployments/{id}/schedules/{schedule_id}", _CHANGE)


@check("scheduling.change-removes", on=changes)
def test_changing_a_schedule_removes_planned_runs(subject: str, client: Client, world: World) -> None:
    planning = planning_runs(world)
    change_schedule(world, subject, planning)
    require_planned("runs of the former schedule are left", [], times(world, planning))


@check("scheduling.asked-stays", on=changes)
def test_changing_a_schedule_leaves_runs_that_were_asked_for(subject: str, client: Client, world: World) -> None:
    planning = planning_runs(world)
    at = ask_for_a_run(world, planning)
    change_schedule(world, subject, planning)
    if at not in (left := times(world, planning)):
        raise Violation("the run that was asked for is gone", expected=at, observed=left)


def change_schedule(world: World, subject: str, planning: Record) -> None:
    """Change the only schedule of a deployment to another time, or delete it."""
    shop = world.workshop
    if subject == _CHANGE:
        shop.send(subject, taken(world, planned_by(world, _MORNINGS)), id=planning["id"])
    else:
        (schedule,) = shop.send("GET /deployments/{id}/schedules", id=planning["id"])
        body = {"schedule": dict(_MORNINGS)} if subject.startswith("PATCH") else None
        shop.send(subject, body, id=planning["id"], schedule_id=schedule["id"])


def taken(world: World, fields: Record) -> Record:
    """Those of some fields that a change of a deployment takes."""
    return {key: value for key, value in fields.items() if world.workshop.accepts(_CHANGE, key)}


def ask_for_a_run(world: World, planning: Record) -> datetime:
    """Create a run of a deployment an hour after noon, and return when that is."""
    at = _NOON + timedelta(hours=1)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}}
    world.workshop.send(RUN, {"state": state}, id=planning["id"])
    return at


# Runs made of a deployment


@check("scheduling.run-parameters", on=making)
def test_parameters_of_a_run(subject: str, client: Client, world: World) -> None:
    of = deployment(world, parameters={"size": 1, "shape": {"corners": 3, "sides": 3}})
    for given, expected in (
        ({}, of["parameters"]),
        ({"size": 2, "colour": "red"}, {**of["parameters"], "size": 2, "colour": "red"}),
        ({"shape": {"corners": 4}}, {**of["parameters"], "shape": {"corners": 4}}),
    ):
        run = made_run(client, world, subject, of, parameters=given)
        require_equal("the parameters of the run", expected, run["parameters"])
    now = world.workshop.send("GET /deployments/{id}", id=of["id"])
    require_equal("the deployment's own parameters, after runs of it", of["parameters"], now["parameters"])


@check("scheduling.run-fields", on=making)
def test_other_fields_of_a_run(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    pool = Pool(world) if pools(shop.contract) and shop.accepts(RUN, "work_queue_name") else None
    queue, other = (None, None) if pool is None else (pool.queue(), pool.queue())
    of = deployment(world, tags=["red", "blue"], **(queue.place if queue else {}))
    run = made_run(client, world, subject, of)
    require_equal("the deployment", of["id"], run["deployment_id"])
    require_equal("the flow", of["flow_id"], run["flow_id"])
    require_equal("the tags of a run that was given none", ["blue", "red"], sorted(run["tags"]))
    if (state := documented_state(world.workshop.contract, subject)) is not None:
        require_equal("the state of a run that was given none", state, run["state"]["type"])
    if queue is not None:
        require_equal("the queue of a run that was given none", queue.record["name"], run["work_queue_name"])
    name = shop.name("run")
    more: Record = {"labels": {"asked": "yes"}} if shop.accepts(RUN, "labels") else {}
    if other is not None:
        more["work_queue_name"] = other.record["name"]
    run = made_run(client, world, subject, of, name=name, tags=["green"], state={"type": "PENDING"}, **more)
    require_equal("the name", name, run["name"])
    if other is not None:
        require_equal("the queue", other.record["name"], run["work_queue_name"])
    if "labels" in more and (run["labels"] or {}).get("asked") != "yes":
        raise Violation("the run lacks a label that it was given", expected=more["labels"], observed=run["labels"])
    require_equal("the state", "PENDING", run["state"]["type"])
    if "green" not in run["tags"]:
        raise Violation("the run lacks a tag that it was given", expected="green", observed=run["tags"])


def enforcing(contract: Contract) -> Mapping[str, str]:
    """What makes a run of a deployment, where deployments can enforce a schema."""
    return making(contract) if "enforce_parameter_schema" in contract.body_properties(CREATE) else {}


def rendering(contract: Contract) -> Mapping[str, str]:
    """What makes a run of a deployment, in generations whose runs can say how their parameters are held."""
    return making(contract) if "enforce_parameter_schema" in contract.body_properties(RUN) else {}


@check("scheduling.templated-parameters", on=rendering)
def test_parameters_that_the_server_works_out(subject: str, client: Client, world: World) -> None:
    variable = world.workshop.make("variables").record
    of = deployment(world, parameters={"size": 1})
    given = {
        "note": {"__prefect_kind": "jinja", "template": "{{ 3 * 4 }} of them"},
        "sides": {"__prefect_kind": "json", "value": "[3, 4]"},
        "colour": {"__prefect_kind": "workspace_variable", "variable_name": variable["name"]},
    }
    run = made_run(client, world, subject, of, parameters=given)
    expected = {"size": 1, "note": "12 of them", "sides": [3, 4], "colour": variable["value"]}
    require_equal("the parameters of the run", expected, run["parameters"])


_SCHEMA: Final = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}


@check("scheduling.parameter-schema", on=enforcing)
def test_parameters_are_held_against_the_schema(subject: str, client: Client, world: World) -> None:
    fields = {"parameters": {"size": 1}, "parameter_openapi_schema": _SCHEMA}
    of = deployment(world, **fields, enforce_parameter_schema=True)
    made_run(client, world, subject, of, parameters={"size": 2})
    require_refused(client, world, subject, of, "bad parameters are taken", parameters={"size": "many"})
    lax = deployment(world, **fields, enforce_parameter_schema=False)
    made_run(client, world, subject, lax, parameters={"size": "many"})
    if world.workshop.accepts(RUN, "enforce_parameter_schema"):
        made_run(client, world, subject, of, parameters={"size": "many"}, enforce_parameter_schema=False)
        summary = "bad parameters are taken, though the run asks to enforce the schema"
        bad = {"parameters": {"size": "many"}, "enforce_parameter_schema": True}
        require_refused(client, world, subject, lax, summary, **bad)


def queueing(contract: Contract) -> Mapping[str, str]:
    """What makes a run of a deployment in a queue."""
    return making(contract) if "work_queue_name" in contract.body_properties(RUN) else {}


@check("scheduling.queue-without-pool", on=queueing)
def test_a_run_in_a_queue_where_there_is_no_pool(subject: str, client: Client, world: World) -> None:
    of = deployment(world)
    queue = world.workshop.name("queue")
    require_refused(client, world, subject, of, "a queue is taken where there is no pool", work_queue_name=queue)


_BAD_RUNS: Final[Mapping[str, Record]] = {
    BULK: {"parameters": {"size": "many"}},
    f"{BULK}: a queue where there is no pool": {"work_queue_name": "no-such-queue"},
}


def bad_runs(contract: Contract) -> Mapping[str, Record]:
    """What makes one of several runs a bad one."""
    return _BAD_RUNS if BULK in contract.operations else {}


@check("scheduling.bulk", on=bad_runs)
def test_many_runs_at_once(subject: Record, client: Client, world: World) -> None:
    shop = world.workshop
    of = deployment(world, parameters={"size": 1}, parameter_openapi_schema=_SCHEMA, enforce_parameter_schema=True)
    asked: list[Record] = [
        {"parameters": {"size": 1}},
        {"parameters": {"size": 2}},
        subject,
        {"parameters": {"size": 4}},
    ]
    asked = [{"name": shop.name("run"), **fields} for fields in asked]
    answer = created(client, world, of, asked)
    if not answer.is_success:
        raise Violation(
            "runs are refused as a whole", expected="2xx", observed=f"{answer.status_code} {answer.text[:300]}"
        )
    results = answer.json()["results"]
    names = [fields["name"] for fields in asked]
    require_equal(
        "the results, in the order of what was asked",
        ["CREATED", "CREATED", "FAILED", "CREATED"],
        [result["status"] for result in results],
    )
    made = shop.send("POST /flow_runs/filter", {"flow_runs": {"name": {"any_": names}}})
    found = {run["name"]: run["id"] for run in made}
    ids = zip(names, (result["flow_run_id"] for result in results), strict=True)
    expected = {name: id_ for name, id_ in ids if id_ is not None}
    require_equal("the runs that were made, by name", expected, found)
