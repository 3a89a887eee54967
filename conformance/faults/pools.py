"""Faults of work pools: in what they ask of job variables, and in what a worker's heartbeat does."""

from __future__ import annotations

from collections.abc import Callable

from conformance.faults.bends import Json, answered, asked, on, read
from conformance.faults.fault import Fault, Request, Response, Upstream

_CREATE = "POST /work_pools/"
_READ = "GET /work_pools/{name}"
_RUN = "POST /deployments/{id}/create_flow_run"
_BEAT = "POST /work_pools/{work_pool_name}/workers/heartbeat"
_WORKERS = "POST /work_pools/{work_pool_name}/workers/filter"
_REFUSED = Response.of(422, {"detail": "Validation failed for field 'size'. Failure reason: 'many' is no integer"})


def _fitting(body: Json) -> Json:
    """A size that is no number is left out."""
    variables = body.get("job_variables") or {}
    return {**body, "job_variables": {name: value for name, value in variables.items() if value != "many"}}


def _complete(body: Json) -> Json:
    return {**body, "job_variables": {"image": "any", **(body.get("job_variables") or {})}}


def _mended(body: Json) -> Json:
    """A default that is no number is one."""
    template = body.get("base_job_template") or {}
    size = template.get("variables", {}).get("properties", {}).get("size")
    if not size or size["default"] != "many":
        return body
    variables = template["variables"]
    mended = {**variables, "properties": {**variables["properties"], "size": {**size, "default": 1}}}
    return {**body, "base_job_template": {**template, "variables": mended}}


def _shown(old: str, new: str) -> Callable[[Json], Json]:
    """A status is told as another."""
    return lambda shown: {**shown, "status": new} if shown["status"] == old else shown


async def _held_against_defaults(request: Request, upstream: Upstream) -> Response:
    pool = await read(f"/work_pools/{request.json.get('work_pool_name')}", upstream)
    return _REFUSED if pool and pool != _mended(pool) else await upstream(request)


FAULTS = (
    Fault(
        "variables-never-held",
        "pools.job-variables",
        _RUN,
        "job variables of a run are not held against the template",
        on(_RUN, asked(_fitting)),
    ),
    Fault(
        "variables-dropped",
        "pools.job-variables",
        "POST /deployments/",
        "a deployment is made without its job variables",
        on("POST /deployments/", asked(lambda body: {**body, "job_variables": {}})),
    ),
    Fault(
        "required-made-up",
        "pools.required-variables",
        _RUN,
        "a variable that the template requires is made up",
        on(_RUN, asked(_complete)),
    ),
    Fault(
        "default-mended",
        "pools.template-defaults",
        _CREATE,
        "a default that does not fit is replaced without a word",
        on(_CREATE, asked(_mended)),
    ),
    Fault(
        "default-in-the-way",
        "pools.invalid-defaults",
        "POST /deployments/",
        "a deployment's job variables are refused for a default of the template",
        on("POST /deployments/", _held_against_defaults),
    ),
    Fault(
        "workers-twice",
        "pools.heartbeat",
        _BEAT,
        "a worker that reports again is listed once more",
        on(_WORKERS, answered(lambda rows: [*rows, *rows])),
    ),
    Fault(
        "heartbeats-forgotten",
        "pools.heartbeat",
        _BEAT,
        "the time of the first heartbeat is told for the last",
        on(_WORKERS, answered(lambda rows: [{**row, "last_heartbeat_time": row["created"]} for row in rows])),
    ),
    Fault(
        "never-ready",
        "pools.ready",
        _BEAT,
        "a pool with a worker is not ready",
        on(_READ, answered(_shown("READY", "NOT_READY"))),
    ),
    Fault(
        "ready-though-paused",
        "pools.ready",
        _BEAT,
        "a paused pool is ready as soon as a worker reports",
        on(_READ, answered(_shown("PAUSED", "READY"))),
    ),
)
