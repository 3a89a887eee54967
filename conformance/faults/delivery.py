"""Faults in which runs are handed out to a runner that polls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from conformance.faults.bends import Json, answered, asked, on, read, read_by
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_QUEUE = "POST /work_queues/{id}/get_runs"
_POOL = "POST /work_pools/{name}/get_scheduled_flow_runs"
_NAMED = f"{_POOL}: of named queues"
_DEPLOYMENTS = "POST /deployments/get_scheduled_flow_runs"
_NEW_QUEUE = "POST /work_pools/{work_pool_name}/queues"
_CHANGED_QUEUE = "PATCH /work_pools/{work_pool_name}/queues/{name}"
_CHANGED_POOL = "PATCH /work_pools/{name}"


def _without(key: str) -> Callable[[Json], Json]:
    return lambda body: {name: value for name, value in body.items() if name != key}


def _and(others: Callable[[Json], Json], row: Callable[[Json], Json]) -> Bend:
    """Runs that a filter finds, which depends on what was asked, are handed out too."""

    async def more(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        found = await read_by("/flow_runs/filter", others(request.json), upstream)
        if not answer.is_success or found is None:
            return answer
        return answer.with_json([*answer.json, *(row(run) for run in found)])

    return more


def _one_tag(body: Json) -> Json:
    return {**body, "filter": {"tags": body["filter"]["tags"][:1]}}


def _namesakes(body: Json) -> Json:
    wanted = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    return {"flow_runs": wanted, "work_pool_queues": {"name": {"any_": body["work_queue_names"]}}}


def _row(run: Json) -> Json:
    return {"work_pool_id": run["work_pool_id"], "work_queue_id": run["work_queue_id"], "flow_run": run}


def _pending(body: Json) -> Json:
    wanted = {"state": {"type": {"any_": ["PENDING"]}}}
    return {"flow_runs": wanted, "deployments": {"id": {"any_": body["deployment_ids"]}}}


async def _of_default_queue(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    pool = await read(request.path.rpartition("/")[0], upstream)
    if not answer.is_success or pool is None:
        return answer
    return answer.with_json([{**row, "work_queue_id": pool["default_queue_id"]} for row in answer.json])


def _bare(rows: Json) -> Json:
    return [{**run, "parameters": {}} for run in rows]


class _Once:
    """A run that was handed out is not handed out again."""

    def __init__(self) -> None:
        self._gone: set[str] = set()

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        answer = await upstream(request)
        if not answer.is_success:
            return answer
        left = [run for run in answer.json if run["id"] not in self._gone]
        self._gone.update(run["id"] for run in left)
        return answer.with_json(left)


def _moved(key: str, by: timedelta) -> Callable[[Json], Json]:
    return lambda body: {**body, key: (datetime.fromisoformat(body[key]) + by).isoformat()} if key in body else body


def _turned_round(rows: Json) -> Json:
    return rows[::-1]


def _one_more(body: Json) -> Json:
    return {**body, "limit": body["limit"] + 1} if "limit" in body else body


async def _by_time_alone(request: Request, upstream: Upstream) -> Response:
    body = request.json
    answer = await upstream(request.with_json(_without("limit")(body)))
    if not answer.is_success:
        return answer
    rows = sorted(answer.json, key=lambda row: datetime.fromisoformat(row["flow_run"]["expected_start_time"]))
    return answer.with_json(rows[: body.get("limit")])


FAULTS = (
    Fault(
        "ignores-names-of-queues",
        "delivery.own",
        _NAMED,
        "the names of queues are ignored",
        on(_POOL, asked(_without("work_queue_names"))),
    ),
    Fault(
        "one-tag-is-enough",
        "delivery.own",
        f"{_QUEUE}: by tags",
        "one of the tags of a queue's filter is enough",
        on("POST /work_queues/", asked(_one_tag)),
    ),
    Fault(
        "mixes-namesakes",
        "delivery.namesake",
        _NAMED,
        "runs of all queues of the name are handed out",
        on(_POOL, _and(_namesakes, _row)),
    ),
    Fault(
        "from-elsewhere",
        "delivery.origin",
        _POOL,
        "every run is said to be from the default queue",
        on(_POOL, _of_default_queue),
    ),
    Fault(
        "bare-runs",
        "delivery.record",
        _DEPLOYMENTS,
        "runs are handed out without their parameters",
        on(_DEPLOYMENTS, answered(_bare)),
    ),
    Fault(
        "hands-out-pending",
        "delivery.scheduled",
        _DEPLOYMENTS,
        "pending runs of a deployment are handed out too",
        on(_DEPLOYMENTS, _and(_pending, lambda run: run)),
    ),
    Fault("hands-out-once", "delivery.repeated", _QUEUE, "a run is handed out once", on(_QUEUE, _Once())),
    Fault(
        "ignores-scheduled-before",
        "delivery.before",
        _QUEUE,
        "scheduled_before is ignored",
        on(_QUEUE, asked(_without("scheduled_before"))),
    ),
    Fault(
        "excludes-the-maximum",
        "delivery.before",
        _POOL,
        "a run that is due at the latest time is not handed out",
        on(_POOL, asked(_moved("scheduled_before", timedelta(microseconds=-1)))),
    ),
    Fault(
        "ignores-scheduled-after",
        "delivery.after",
        _POOL,
        "scheduled_after is ignored",
        on(_POOL, asked(_without("scheduled_after"))),
    ),
    Fault(
        "excludes-the-minimum",
        "delivery.after",
        _NAMED,
        "a run that is due at the earliest time is not handed out",
        on(_POOL, asked(_moved("scheduled_after", timedelta(microseconds=1)))),
    ),
    Fault(
        "latest-first",
        "delivery.earliest-first",
        _QUEUE,
        "the latest run is handed out first",
        on(_QUEUE, answered(_turned_round)),
    ),
    Fault(
        "one-too-many",
        "delivery.limit",
        _DEPLOYMENTS,
        "one more run is handed out than the limit",
        on(_DEPLOYMENTS, asked(_one_more)),
    ),
    Fault(
        "ignores-priority",
        "delivery.priority",
        _POOL,
        "the priority of a queue is ignored",
        on(_POOL, _by_time_alone),
    ),
    Fault(
        "pauses-no-queue",
        "delivery.paused-queue",
        _QUEUE,
        "a queue can't be paused",
        on(_CHANGED_QUEUE, asked(_without("is_paused"))),
    ),
    Fault(
        "pauses-no-pool",
        "delivery.paused-pool",
        _POOL,
        "a pool can't be paused",
        on(_CHANGED_POOL, asked(_without("is_paused"))),
    ),
    Fault(
        "unlimited-queue",
        "delivery.queue-limit",
        _NAMED,
        "the concurrency limit of a queue is ignored",
        on(_NEW_QUEUE, asked(_without("concurrency_limit"))),
    ),
    Fault(
        "unlimited-pool",
        "delivery.pool-limit",
        _POOL,
        "the concurrency limit of a pool is ignored",
        on(_CHANGED_POOL, asked(_without("concurrency_limit"))),
    ),
)
