"""Deployments that plan runs, and the runs that they planned, on any generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record
from conformance.world import World

CREATE: Final = "POST /deployments/"
SCHEDULE: Final = "POST /deployments/{id}/schedule"
RUN: Final = "POST /deployments/{id}/create_flow_run"
BULK: Final = "POST /deployments/{id}/create_flow_run/bulk"

_MOST = 100
"""Runs that may be planned at once: more than any window of a check has."""


def planned_by(world: World, schedule: Mapping[str, Any], *, active: bool = True) -> Record:
    """The fields of a deployment's body that give it a schedule.

    The first generations have one schedule a deployment, the later ones a list of them.
    """
    if world.workshop.accepts(CREATE, "schedules"):
        return {"schedules": [{"active": active, "schedule": dict(schedule)}]}
    return {"schedule": dict(schedule), "is_schedule_active": active}


def deployment(world: World, **fields: Any) -> Record:
    """A new deployment of the shared flow, with other fields than usual."""
    shop = world.workshop
    record: Record = shop.send(CREATE, {**RESOURCES["deployments"].body(shop), **fields})
    return record


def that_runs(deployment: Record, **fields: Any) -> Record:
    """The action of an automation that runs a deployment.

    It names what 2.20 shows as null where it is left out, which the document of that release does not have: the fuzz
    lists what is left on the server.
    """
    named = {"parameters": {}, "job_variables": {}, **fields}
    return {"type": "run-deployment", "source": "selected", "deployment_id": deployment["id"], **named}


def ask_to_schedule(world: World, deployment: Record, start: datetime, end: datetime, **others: Any) -> None:
    """Plan runs; all from `start` to `end`, unless `others` say how many."""
    shop = world.workshop
    many = {name: _MOST for name in ("min_runs", "max_runs") if shop.accepts(SCHEDULE, name)}
    body = {"start_time": start.isoformat(), "end_time": end.isoformat(), **many, **others}
    shop.send(SCHEDULE, body, id=deployment["id"])


def runs(world: World, deployment: Record, start: datetime, end: datetime) -> list[Record]:
    """The deployment's runs that are expected to start in a window, earliest first."""
    window = {"after_": start.isoformat(), "before_": end.isoformat()}
    body = {
        "deployments": {"id": {"any_": [deployment["id"]]}},
        "flow_runs": {"expected_start_time": window},
        "limit": 200,
    }
    found: Sequence[Record] = world.workshop.send("POST /flow_runs/filter", body)
    return sorted(found, key=starts)


def starts(run: Record) -> datetime:
    """When a run is expected to start."""
    return instant(run["expected_start_time"]).astimezone(UTC)
