"""On a shared target, a generated request is about nothing of others: not even by a name that both happen to choose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from conformance.contract import Contract, Operation
from conformance.contract.schemas import Schema
from conformance.target import only_reads
from conformance.world import World

_NAMING: Final = frozenset({"name", "names", "tag", "slug", "key", "work_pool_name"})
"""Fields of a body that say which member is meant, or bring one into being, whoever it belongs to."""

_LONGEST: Final = 200
"""Characters of a name with the prefix: most are stored in less than twice as many."""


def courteous(contract: Contract, operation: Operation, body: Any, world: World) -> Any:
    """The body of a request that writes, with the run's prefix in every name in it.

    A queue of the pool that all share is made without a rank, which would move the others'. So would one that is made
    for being named: the queue that is named is one of the suite's. An entry of a log belongs to a run of the suite's,
    with which it can be removed. No agent polls a queue: one that has keeps it from being removed, and nothing removes
    an agent.
    """
    if only_reads(operation.method, operation.path):
        return body
    if isinstance(body, list):
        return [courteous(contract, operation, item, world) for item in body]
    if not isinstance(body, dict):
        return body
    schemas = contract.body_properties(operation.label)
    found = {
        key: _named(value, _pattern(schemas.get(key, {})), world.workshop.prefix) if key in _NAMING else value
        for key, value in body.items()
    }
    if operation.segments[0] == "work_queues" and _is_rank(found.get("priority")):
        del found["priority"]
    if isinstance(found.get("work_queue_name"), str):
        found["work_queue_name"] = str(world.shared("work_queues").record["name"])
    found.pop("agent_id", None)
    if operation.label == "POST /logs/":
        found["flow_run_id"] = str(world.shared("flow_runs").record["id"])
    return found


def courteous_path(operation: Operation, values: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The generated placeholders of a request that writes: the names in them begin as the run's do."""
    if only_reads(operation.method, operation.path):
        return dict(values)
    return {
        key: value if _is_uuid(value) else _named(value, None, world.workshop.prefix) for key, value in values.items()
    }


def _named(value: Any, pattern: str | None, prefix: str) -> Any:
    if isinstance(value, list):
        return [_named(item, pattern, prefix) for item in value]
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        return value
    plain = prefix.replace("-", "")
    forms = [f"{prefix}-{value}", f"{prefix.replace('-', '_')}_{value}", f"{plain}{value}"]
    # Of a value that its pattern allows, one that it allows too.
    allowed = [form for form in forms if pattern is None or re.search(pattern, form)]
    return (allowed or forms)[0][:_LONGEST]


def _pattern(schema: Schema) -> str | None:
    found = (alternative.get("pattern") for alternative in (schema, *schema.get("anyOf", ())))
    return next((pattern for pattern in found if isinstance(pattern, str)), None)


def _is_rank(value: Any) -> bool:
    with suppress(TypeError, ValueError, OverflowError):
        return float(value) > 0
    return False


def _is_uuid(value: Any) -> bool:
    with suppress(ValueError):
        return bool(UUID(str(value)))
    return False
