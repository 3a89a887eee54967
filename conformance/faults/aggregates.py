"""Faults in what is counted, summed and averaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from conformance.faults.bends import Json, answered, asked, on, read_by, told
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_HISTORY = "POST /flow_runs/history"
_LIST = "POST /ui/flow_runs/history"
_MOST = 200


def _without(key: str) -> Bend:
    return asked(lambda body: {name: value for name, value in body.items() if name != key})


def _later(**by: float) -> Bend:
    """A range is later than it says it is."""

    def moved(body: Json, sign: int) -> Json:
        keys = ("history_start", "history_end")
        return {**body, **{key: _shifted(body[key], sign * timedelta(**by)) for key in keys if key in body}}

    def named(interval: Json) -> Json:
        keys = ("interval_start", "interval_end")
        return {**interval, **{key: _shifted(interval[key], -timedelta(**by)) for key in keys}}

    return _both(asked(lambda body: moved(body, 1)), answered(lambda intervals: [named(one) for one in intervals]))


def _both(first: Bend, second: Bend) -> Bend:
    async def bend(request: Request, upstream: Upstream) -> Response:
        async def inner(other: Request) -> Response:
            return await first(other, upstream)

        return await second(request, inner)

    return bend


def _shifted(instant: str, by: timedelta) -> str:
    return (datetime.fromisoformat(instant) + by).isoformat()


def _seen(body: Json) -> timedelta:
    return datetime.fromisoformat(body["history_end"]) - datetime.fromisoformat(body["history_start"])


def _instead(when: Callable[[Json], bool], answer: Callable[[Json], Response]) -> Bend:
    """Some histories are answered otherwise."""

    async def bend(request: Request, upstream: Upstream) -> Response:
        return answer(request.json) if when(request.json) else await upstream(request)

    return bend


def _one_interval(body: Json) -> Response:
    interval = {"interval_start": body["history_start"], "interval_end": body["history_end"], "states": []}
    return Response.of(200, [interval])


def _is_long(body: Json) -> bool:
    return _seen(body) > timedelta(seconds=500 * body["history_interval_seconds"])


def _placed(by: Callable[[datetime], datetime]) -> Bend:
    """A history counts each run where `by` moves its expected start. It knows no run times and no lateness."""

    async def bend(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        if not answer.is_success:
            return answer
        body = {key: value for key, value in request.json.items() if not key.startswith("history_")}
        runs = await read_by("/flow_runs/filter", {**body, "limit": _MOST}, upstream)
        return answer.with_json([{**interval, "states": _states(interval, runs, by)} for interval in answer.json])

    return bend


def _states(interval: Json, runs: Json, by: Callable[[datetime], datetime]) -> Json:
    start, end = (datetime.fromisoformat(interval[key]) for key in ("interval_start", "interval_end"))
    starts = ((run, run["expected_start_time"]) for run in runs if run["expected_start_time"] is not None)
    inside = [run for run, expected in starts if start <= by(datetime.fromisoformat(expected)) < end]
    return [
        {
            "state_type": type_,
            "state_name": name,
            "count_runs": number,
            "sum_estimated_run_time": 0,
            "sum_estimated_lateness": 0,
        }
        for (type_, name), number in Counter((run["state_type"], run["state_name"]) for run in inside).items()
    ]


def _to_the_millisecond(moment: datetime) -> datetime:
    return datetime.fromtimestamp(round(moment.timestamp(), 3), tz=moment.tzinfo)


def _in_minutes(intervals: Json) -> Json:
    for interval in intervals:
        for state in interval["states"]:
            state["sum_estimated_lateness"] /= 60
    return intervals


def _truncated(body: Json) -> Json:
    start = datetime.fromisoformat(body["history_start"])
    return {**body, "history_start": start.replace(microsecond=start.microsecond // 1000 * 1000).isoformat()}


async def _sum_of_lateness(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    number = await read_by("/flow_runs/count", request.json, upstream)
    return answer if not answer.json else answer.with_json(answer.json * number)


def _all_completed(parts: Json) -> Json:
    return [{"completed": part["completed"] + part["failed"], "failed": 0} for part in parts]


FAULTS = (
    Fault(
        "history-asks-for-more",
        "aggregates.history-asked",
        _HISTORY,
        "a history is refused without a property that the document does not name",
        on(_HISTORY, _instead(lambda body: "interval" not in body, lambda _: Response.of(422, {"detail": "interval"}))),
    ),
    Fault(
        "history-lacks-its-end",
        "aggregates.history-intervals",
        _HISTORY,
        "a history lacks its last interval",
        on(_HISTORY, answered(lambda intervals: intervals[:-1])),
    ),
    Fault(
        "history-is-exact-to-the-millisecond",
        "aggregates.history-exact",
        _HISTORY,
        "a history knows no less than a millisecond",
        on(_HISTORY, asked(_truncated)),
    ),
    Fault(
        "history-is-cut",
        "aggregates.history-complete",
        _HISTORY,
        "a history ends after a hundred intervals",
        on(_HISTORY, answered(lambda intervals: intervals[:100])),
        mend=Fault(
            "history-is-not-cut",
            "aggregates.history-complete",
            _HISTORY,
            "a long history is refused",
            on(_HISTORY, _instead(_is_long, lambda _: Response.of(422, {"detail": "too many intervals"}))),
        ),
    ),
    Fault(
        "history-without-length",
        "aggregates.history-refused",
        _HISTORY,
        "an interval of no length makes an empty history",
        on(_HISTORY, _instead(lambda body: body["history_interval_seconds"] == 0, lambda _: Response.of(200, []))),
    ),
    Fault(
        "history-backwards",
        "aggregates.history-backwards",
        _HISTORY,
        "a range that ends before it starts has an interval",
        on(_HISTORY, _instead(lambda body: _seen(body) < timedelta(0), _one_interval)),
    ),
    Fault(
        "history-counts-the-end",
        "aggregates.history-counts",
        _HISTORY,
        "a history counts a run at the end of an interval as in it",
        on(_HISTORY, _later(milliseconds=1)),
    ),
    Fault(
        "history-counts-to-the-millisecond",
        "aggregates.history-instant",
        _HISTORY,
        "the intervals of a history know no less than a millisecond",
        on(_HISTORY, _placed(_to_the_millisecond)),
        mend=Fault(
            "history-counts-exactly",
            "aggregates.history-instant",
            _HISTORY,
            "the intervals of a history are exact",
            on(_HISTORY, _placed(lambda moment: moment)),
        ),
    ),
    Fault(
        "history-in-minutes",
        "aggregates.history-sums",
        _HISTORY,
        "a history's lateness is in minutes",
        on(_HISTORY, answered(_in_minutes)),
    ),
    Fault(
        "history-ignores-flows",
        "aggregates.restricted",
        f"{_HISTORY} by flows",
        "an aggregate ignores a related collection",
        on(_HISTORY, _without("flows")),
    ),
    Fault(
        "list-ignores-its-own-filter",
        "aggregates.restricted",
        f"{_LIST} by task_runs",
        "the short list ignores a related collection",
        on(_LIST, _without("task_runs")),
    ),
    Fault(
        "lateness-is-the-sum",
        "aggregates.lateness",
        "POST /flow_runs/lateness",
        "lateness is the sum, not the mean",
        on("POST /flow_runs/lateness", _sum_of_lateness),
    ),
    Fault(
        "list-without-lateness",
        "aggregates.run-list",
        _LIST,
        "the short list shows no lateness",
        on(_LIST, answered(lambda rows: [{**row, "lateness": 0} for row in rows])),
    ),
    Fault(
        "list-is-unsorted",
        "aggregates.run-list-order",
        _LIST,
        "the short list ignores its sort key",
        on(_LIST, _without("sort")),
    ),
    Fault(
        "list-ignores-its-offset",
        "aggregates.run-list-pages",
        _LIST,
        "the short list ignores its offset",
        on(_LIST, _without("offset")),
    ),
    Fault(
        "state-is-not-counted",
        "aggregates.by-state",
        "POST /ui/task_runs/count",
        "the count of one type of state is missing",
        on("POST /ui/task_runs/count", answered(lambda counts: {**counts, "COMPLETED": 0})),
    ),
    Fault(
        "dashboard-knows-no-failure",
        "aggregates.dashboard",
        "POST /ui/task_runs/dashboard/counts",
        "the dashboard takes failed runs for completed ones",
        on("POST /ui/task_runs/dashboard/counts", answered(_all_completed)),
    ),
    Fault(
        "id-is-left-out",
        "aggregates.counts-by-id",
        "POST /ui/flows/count-deployments",
        "an id without members is left out of the counts",
        on(
            "POST /ui/flows/count-deployments",
            answered(lambda counts: {id_: count for id_, count in counts.items() if count}),
        ),
    ),
    Fault(
        "counts-are-one-too-high",
        "aggregates.counts-by-id",
        "POST /ui/flow_runs/count-task-runs",
        "each count is one too high",
        on(
            "POST /ui/flow_runs/count-task-runs",
            told(lambda _, counts: {id_: count + 1 for id_, count in counts.items()}),
        ),
    ),
    Fault(
        "no-next-run",
        "aggregates.next-run",
        "POST /ui/flows/next-runs",
        "no flow has a next run",
        on("POST /ui/flows/next-runs", answered(dict.fromkeys)),
    ),
)
