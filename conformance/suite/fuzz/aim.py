"""Aiming a generated case: real ids where it has made-up ones, and nothing of others in its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.contract import Operation, Query
from conformance.resources import RESOURCES, Made
from conformance.suite.fuzz.parts import ABSENT
from conformance.suite.operands import NOBODY
from conformance.world import World

Body = Any

REFERENCES: Mapping[str, str] = {
    "flow_id": "flows",
    "flow_run_id": "flow_runs",
    "task_run_id": "task_runs",
    "parent_task_run_id": "task_runs",
    "deployment_id": "deployments",
    "block_type_id": "block_types",
    "block_schema_id": "block_schemas",
    "storage_document_id": "block_documents",
    "infrastructure_document_id": "block_documents",
    "default_result_storage_block_id": "block_documents",
}
"""Field of a body -> the collection whose member it names."""

CHANGES_THE_SERVER = frozenset(
    {"PUT /admin/storage", "DELETE /admin/storage", "POST /block_types/install_system_block_types"}
)
"""Operations that change a setting of the whole server, or what it came with: not on one that is shared."""


def with_references(body: Body, world: World) -> Body:
    """`body` with a shared member's id in every field that names one."""
    if isinstance(body, dict):
        return {
            key: str(world.shared(REFERENCES[key]).record["id"])
            if key in REFERENCES and isinstance(value, str)
            else with_references(value, world)
            for key, value in body.items()
        }
    if isinstance(body, list):
        return [with_references(item, world) for item in body]
    return body


def astray(body: Body, world: World) -> list[Body]:
    """`body` once for each of its fields that names a member, with the id of none in that one."""
    if not isinstance(body, dict):
        return []
    named = with_references(body, world)
    return [{**named, key: NOBODY} for key, value in body.items() if key in REFERENCES and isinstance(value, str)]


def fenced(query: Query, body: Body, world: World) -> Body:
    """A query's body that finds the suite's own member only, unless the body is broken in that very place.

    What others put into the collection is not this operation's input: its answer must not depend on it.
    """
    name = query.collection
    own = query.filters.get(name)
    if own is None or "id" not in own.criteria or name not in RESOURCES:
        return body
    body = {} if body is None or body is ABSENT else body
    if not isinstance(body, dict) or not isinstance(body.get(name), dict | None):
        return body
    filter_ = dict(body.get(name) or {})
    id_ = filter_.get("id")
    if id_ is None or (isinstance(id_, dict) and "any_" in own.criteria["id"].operators):
        filter_["id"] = {**(id_ or {}), "any_": [str(world.shared(name).record["id"])]}
        # Joined by OR, the fence would be none.
        filter_.pop("operator", None)
    return {**body, name: filter_}


def _fence(collection: str) -> Callable[[Body, World], Body]:
    """Bulk operations act on whatever the filter finds, up to two hundred rows: they get one victim to find."""

    def with_victim(body: Body, world: World) -> Body:
        victim: Made = world.victim(collection)
        rest = {key: value for key, value in body.items() if key != collection} if isinstance(body, dict) else {}
        return {**rest, collection: {"id": {"any_": [str(victim.record["id"])]}}}

    return with_victim


def _unconfirmed(body: Body, world: World) -> Body:
    """The database of the server is never cleared, dropped or made anew."""
    return {"confirm": False}


def _disabled(body: Body, world: World) -> Body:
    """An automation acts on whatever events come by: those of the fuzz do nothing."""
    return {**body, "enabled": False} if isinstance(body, dict) else body


EXTRA_CARE: Mapping[str, Callable[[Body, World], Body]] = {
    "POST /flows/bulk_delete": _fence("flows"),
    "POST /flow_runs/bulk_delete": _fence("flow_runs"),
    "POST /flow_runs/bulk_set_state": _fence("flow_runs"),
    "POST /deployments/bulk_delete": _fence("deployments"),
    "POST /admin/database/clear": _unconfirmed,
    "POST /admin/database/drop": _unconfirmed,
    "POST /admin/database/create": _unconfirmed,
    "POST /automations/": _disabled,
    "PUT /automations/{id}": _disabled,
    "PATCH /automations/{id}": _disabled,
}
"""Operation -> what every body of it goes through before it is sent, broken ones too."""


_HOUR = {
    "history_start": "2031-05-01T12:00:00Z",
    "history_end": "2031-05-01T13:00:00Z",
    "history_interval_seconds": 600,
}
_SINCE = {"start_time": {"after_": "2031-05-01T12:00:00Z"}}

LEGAL_BODIES: Mapping[str, Body] = {
    "POST /flow_runs/history": _HOUR,
    "POST /task_runs/history": _HOUR,
    "POST /ui/task_runs/dashboard/counts": {"task_runs": _SINCE},
}
"""Operation -> a legal body, where fields depend on each other in ways that no schema says."""


def uses_up(operation: Operation) -> bool:
    """Whether a call takes the member away, or the name that finds it, so that each needs its own."""
    by_id = all(name == "id" or name.endswith("_id") for name in operation.placeholders)
    return operation.method == "DELETE" or (operation.method in ("PATCH", "PUT") and not by_id)
