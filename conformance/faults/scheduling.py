"""Faults in what is planned, and in what runs take over from their deployment."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from conformance.faults.bends import Json, answered, asked, instead, on, read
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_CREATE = "POST /deployments/"
_SCHEDULE = "POST /deployments/{id}/schedule"
_RUN = "POST /deployments/{id}/create_flow_run"
_BULK = "POST /deployments/{id}/create_flow_run/bulk"
_PAUSE = "POST /deployments/{id}/pause_deployment"
_RESUME = "POST /deployments/{id}/resume_deployment"
_CHANGE = "PATCH /deployments/{id}"
_DROP = "DELETE /deployments/{id}/schedules/{schedule_id}"


def _planned(edit: Callable[[Json], Json]) -> Bend:
    """The schedules of a deployment that is created are others."""

    def edited(body: Json) -> Json:
        schedules = [{**planned, "schedule": edit(planned["schedule"])} for planned in body.get("schedules", ())]
        return {**body, "schedules": schedules} if schedules else body

    return on(_CREATE, asked(edited))


def _elapsed(schedule: Json) -> Json:
    return {**schedule, "timezone": "UTC"} if schedule.get("interval") == 86400 else schedule


def _in_utc(kind: str) -> Callable[[Json], Json]:
    return lambda schedule: {**schedule, "timezone": "UTC"} if kind in schedule else schedule


_NAMED = re.compile(r"(?<=DTSTART);TZID=([^:;]+)")


def _heeded(schedule: Json) -> Json:
    """The zone in a rule becomes the schedule's."""
    named = _NAMED.search(schedule.get("rrule", ""))
    return {"timezone": named[1], **schedule} if named else schedule


def _unheeded(schedule: Json) -> Json:
    return {**schedule, "rrule": _NAMED.sub("", schedule["rrule"])} if "rrule" in schedule else schedule


def _active(body: Json) -> Json:
    return {**body, "schedules": [{**planned, "active": True} for planned in body.get("schedules", ())]}


def _one_more(body: Json) -> Json:
    return {key: value + 1 if key.endswith("_runs") else value for key, value in body.items()}


def _before(body: Json) -> Json:
    """An end that is not included."""
    end = datetime.fromisoformat(body["end_time"]) - timedelta(seconds=1)
    return {**body, "end_time": end.isoformat()}


class _PlansAgain:
    """Asked a second time, a deployment makes a run for the first instant once more."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        if request.method != "POST" or not request.path.endswith("/schedule"):
            return await upstream(request)
        if request.path in self._asked:
            id_ = request.path.split("/")[2]
            at = {"state_details": {"scheduled_time": request.json["start_time"]}, "type": "SCHEDULED"}
            await upstream(Request("POST", f"/deployments/{id_}/create_flow_run").with_json({"state": at}))
        self._asked.add(request.path)
        return await upstream(request)


class _PausesNothing:
    """What is paused goes on planning; the pause is shown, and removes what was planned."""

    def __init__(self, mended: bool) -> None:
        self._mended = mended
        self._paused: set[str] = set()

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend; mended, a paused deployment plans nothing."""
        head, _, action = request.path.rpartition("/")
        match action:
            case "pause_deployment":
                self._paused.add(head)
            case "resume_deployment":
                self._paused.discard(head)
            case "schedule" if head in self._paused and self._mended:
                return Response.of(200)
        return await upstream(request)


async def _returns_what_exists(request: Request, upstream: Upstream) -> Response:
    body = request.json
    query = {"deployments": {"name": {"any_": [body["name"]]}}}
    found = (await upstream(Request("POST", "/deployments/filter").with_json(query))).json
    return Response.of(200, found[0]) if found else await upstream(request)


async def _given_alone(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    given = (request.json or {}).get("parameters")
    if given and answer.is_success:
        run = f"/flow_runs/{answer.json['id']}"
        await upstream(Request("PATCH", run).with_json({"parameters": given}))
    return answer


async def _changed_and_emptied(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    id_ = request.path.split("/")[2]
    query = {"deployments": {"id": {"any_": [id_]}}}
    for run in (await upstream(Request("POST", "/flow_runs/filter").with_json(query))).json:
        await upstream(Request("DELETE", f"/flow_runs/{run['id']}"))
    return answer


def _fewer(answer: Json) -> Json:
    return {**answer, "results": [result for result in answer["results"] if result["status"] != "FAILED"]}


def _pending(body: Json) -> Json:
    return {"state": {"type": "PENDING"}, **body}


def _without(key: str) -> Callable[[Json], Json]:
    return lambda body: {name: value for name, value in body.items() if name != key}


def _lax(body: Json) -> Json:
    return {**body, "enforce_parameter_schema": False}


def _turned_round(answer: Json) -> Json:
    return {**answer, "results": answer["results"][::-1]}


async def _keeps_pausing(request: Request, upstream: Upstream) -> Response:
    now = await read(request.path.rpartition("/")[0], upstream)
    return Response.of(200) if now and now["paused"] else await upstream(request)


FAULTS = (
    Fault(
        "elapsed-days",
        "scheduling.interval",
        f"{_SCHEDULE}: daily, clocks going forward",
        "a daily interval is counted in elapsed time",
        _planned(_elapsed),
    ),
    Fault(
        "cron-in-utc",
        "scheduling.cron",
        f"{_SCHEDULE}: daily, clocks going back",
        "the time zone of a cron schedule is ignored",
        _planned(_in_utc("cron")),
    ),
    Fault(
        "rule-in-utc",
        "scheduling.rrule",
        f"{_SCHEDULE}: daily, clocks going back",
        "the time zone of a recurrence rule is ignored",
        _planned(_in_utc("rrule")),
    ),
    Fault(
        "rule-zone-dropped",
        "scheduling.rrule-zone",
        f"{_SCHEDULE}: zone in the rule, clocks going back",
        "the zone of a recurrence rule is taken out of it",
        _planned(_unheeded),
        mend=Fault(
            "rule-zone-heeded",
            "scheduling.rrule-zone",
            f"{_SCHEDULE}: zone in the rule, clocks going back",
            "the zone of a recurrence rule is the schedule's",
            _planned(_heeded),
        ),
    ),
    Fault(
        "one-run-more",
        "scheduling.bounds",
        f"{_SCHEDULE}: max_runs",
        "one more run is planned than max_runs",
        on(_SCHEDULE, asked(_one_more)),
    ),
    Fault(
        "end-left-out",
        "scheduling.bounds",
        f"{_SCHEDULE}: both ends included",
        "a run at the very end is not planned",
        on(_SCHEDULE, asked(_before)),
    ),
    Fault(
        "plans-again",
        "scheduling.once",
        _SCHEDULE,
        "asked again, the server makes a run once more",
        _PlansAgain(),
    ),
    Fault(
        "no-tags",
        "scheduling.runs",
        _SCHEDULE,
        "planned runs have none of the deployment's tags",
        on(_CREATE, asked(_without("tags"))),
    ),
    Fault(
        "always-active",
        "scheduling.inactive",
        _SCHEDULE,
        "a schedule is active whatever was said",
        on(_CREATE, asked(_active)),
    ),
    Fault(
        "changed-to-active",
        "scheduling.inactive",
        _CHANGE,
        "a schedule that a change brings is active whatever was said",
        on(_CHANGE, asked(_active)),
    ),
    Fault(
        "pause-does-nothing",
        "scheduling.pause",
        _PAUSE,
        "a pause is accepted and does nothing",
        on(_PAUSE, instead(Response.of(200))),
    ),
    Fault(
        "paused-plans",
        "scheduling.paused",
        _PAUSE,
        "a paused deployment still plans runs",
        _PausesNothing(mended=False),
        mend=Fault("paused-rests", "scheduling.paused", _PAUSE, "a pause is kept", _PausesNothing(mended=True)),
    ),
    Fault("stays-paused", "scheduling.resume", _RESUME, "a deployment stays paused", on(_RESUME, _keeps_pausing)),
    Fault(
        "upsert-is-none",
        "scheduling.upsert-removes",
        _CREATE,
        "a deployment that exists is returned as it is",
        on(_CREATE, _returns_what_exists),
    ),
    Fault(
        "schedule-stays",
        "scheduling.change-removes",
        _DROP,
        "the deletion of a schedule answers 204 and leaves it",
        on(_DROP, instead(Response(204))),
    ),
    Fault(
        "change-empties",
        "scheduling.asked-stays",
        _CHANGE,
        "a change of a deployment deletes its runs",
        on(_CHANGE, _changed_and_emptied),
    ),
    Fault(
        "templates-stay",
        "scheduling.templated-parameters",
        _RUN,
        "templates stay in a run's parameters",
        on(_RUN, _given_alone),
    ),
    Fault(
        "given-alone",
        "scheduling.run-parameters",
        _RUN,
        "a run that is given parameters has these alone",
        on(_RUN, _given_alone),
    ),
    Fault("pending", "scheduling.run-fields", _RUN, "a run without a state is pending", on(_RUN, asked(_pending))),
    Fault(
        "never-enforced",
        "scheduling.parameter-schema",
        _RUN,
        "the parameter schema is never enforced",
        on(_RUN, asked(_lax)),
    ),
    Fault(
        "queue-ignored",
        "scheduling.queue-without-pool",
        _RUN,
        "the queue that a run asks for is ignored",
        on(_RUN, asked(lambda body: {**body, "work_queue_name": None})),
    ),
    Fault(
        "results-turned-round",
        "scheduling.bulk",
        _BULK,
        "the results of a bulk operation are in another order",
        on(_BULK, answered(_turned_round)),
    ),
    Fault(
        "failures-left-out",
        "scheduling.bulk",
        f"{_BULK}: a queue where there is no pool",
        "the results of a bulk operation lack the runs that failed",
        on(_BULK, answered(_fewer)),
    ),
)
