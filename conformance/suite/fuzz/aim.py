"""Aiming a generated case: real ids where it has made-up ones, and nothing of others in its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.contract import Operation
from conformance.resources import Made
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

CHANGES_THE_SERVER = frozenset({"PUT /admin/storage", "DELETE /admin/storage"})
"""Operations that change a setting of the whole server: not on one that is shared."""


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


def _fence(collection: str) -> Callable[[Body, World], Body]:
    """Bulk operations act on whatever the filter finds, up to two hundred rows: they get one victim to find."""

    def fenced(body: Body, world: World) -> Body:
        victim: Made = world.victim(collection)
        rest = {key: value for key, value in body.items() if key != collection} if isinstance(body, dict) else {}
        return {**rest, collection: {"id": {"any_": [str(victim.record["id"])]}}}

    return fenced


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


def uses_up(operation: Operation) -> bool:
    """Whether a call takes the member away, so that each needs its own."""
    return operation.method == "DELETE"


def only_reads(operation: Operation) -> bool:
    """Whether a call leaves the member as it is."""
    last = operation.segments[-1] if operation.segments else ""
    return operation.method == "GET" or (operation.method == "POST" and last in ("filter", "count", "paginate"))
