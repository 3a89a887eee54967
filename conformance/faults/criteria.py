"""What faults do to the criteria of a filter: which are asked for, by what operator and operand, and what comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from conformance.faults.bends import Json, asked, on, operand, told
from conformance.faults.fault import Bend, Request, Response, Upstream

Operators = Mapping[str, Json]
"""The operators of one criterion in a filter, each with its operand."""

Edit = Callable[[Operators], Operators]


def criterion(path: str, edit: Edit) -> Bend:
    """One criterion (`flow_runs.start_time`) is asked for otherwise, in every query that names it."""
    *above, name = path.split(".")

    def edited(node: Json, steps: list[str]) -> Json:
        if not isinstance(node, dict):
            return node
        if steps:
            return {**node, steps[0]: edited(node[steps[0]], steps[1:])} if steps[0] in node else node
        return {**node, name: dict(edit(node[name]))} if isinstance(node.get(name), dict) else node

    return on("POST /{collection}/{verb}", asked(lambda body: edited(body, above)))


def operator(cell: str, edit: Callable[[Json], Json]) -> Bend:
    """One operator (`flow_runs.start_time.before_`) gets another operand."""
    path, _, name = cell.rpartition(".")

    def edited(operators: Operators) -> Operators:
        return {key: edit(value) if key == name else value for key, value in operators.items()}

    return criterion(path, edited)


def ignored(cell: str, operand: Any = ...) -> Bend:
    """One operator restricts nothing; with `operand`, only where it has that one."""
    path, _, name = cell.rpartition(".")

    def edited(operators: Operators) -> Operators:
        return {key: value for key, value in operators.items() if key != name or operand not in (..., value)}

    return criterion(path, edited)


def taken_for(cell: str, other: str) -> Bend:
    """One operator does what another one of the same criterion does."""
    path, _, name = cell.rpartition(".")

    def edited(operators: Operators) -> Operators:
        return {other if key == name else key: value for key, value in operators.items()}

    return criterion(path, edited)


def joined_by_or(collection: str) -> Bend:
    """Several criteria of one collection's filter are joined by OR."""

    def edited(body: Json) -> Json:
        own = body.get(collection)
        return {**body, collection: {**own, "operator": "or_"}} if isinstance(own, dict) and len(own) > 1 else body

    return on(f"POST /{collection}/filter", asked(edited))


def first_one_only(collection: str) -> Bend:
    """Of several criteria beside the id, only the first restricts."""

    def edited(body: Json) -> Json:
        own = body.get(collection)
        if not isinstance(own, dict):
            return body
        ignored_ones = [key for key in own if key != "id"][1:]
        return {**body, collection: {key: value for key, value in own.items() if key not in ignored_ones}}

    return on(f"POST /{collection}/filter", asked(edited))


def related_ignored(collection: str, related: str) -> Bend:
    """A related collection in the body restricts nothing."""

    def edited(body: Json) -> Json:
        return {key: value for key, value in body.items() if key != related}

    return on(f"POST /{collection}/filter", asked(edited))


def joined_by(collection: str, related: str, key: str, criterion: str) -> Bend:
    """A related collection is joined by the wrong field.

    What its matching members have at `key` is what `criterion` of another related collection has to be: task runs by
    `deployments` come as those of any flow (`flows.id`) that such a deployment belongs to (`flow_id`).
    """
    other, _, field = criterion.partition(".")

    async def astray(request: Request, upstream: Upstream) -> Response:
        body = request.json
        wanted = body.get(related) if isinstance(body, dict) else None
        if wanted is None or body.get(other) is not None:
            return await upstream(request)
        found = await upstream(Request("POST", f"/{related}/filter").with_json({related: wanted}))
        rest = {name: value for name, value in body.items() if name != related}
        values = [row[key] for row in found.json if row[key] is not None]
        return await upstream(request.with_json({**rest, other: {field: {"any_": values}}}))

    return on(f"POST /{collection}/filter", astray)


def selected(cell: str, holds: Callable[[Json, Json], bool]) -> Bend:
    """Of the rows that one operator selects, only those for which `holds(row, operand)` come."""
    collection = cell.partition(".")[0]

    def edited(body: Json, rows: Json) -> Json:
        wanted = operand(body, cell)
        return rows if wanted is None else [row for row in rows if holds(row, wanted)]

    return on(f"POST /{collection}/filter", told(edited))


def judged_here(cell: str, holds: Callable[[Json, Json], bool]) -> Bend:
    """One operator is left out of the question, and the rows for which `holds(row, operand)` come."""
    collection = cell.partition(".")[0]

    async def asked_without(request: Request, upstream: Upstream) -> Response:
        wanted = operand(request.json, cell)
        if wanted is None:
            return await upstream(request)
        answer = await ignored(cell)(request, upstream)
        return answer.with_json([row for row in answer.json if holds(row, wanted)]) if answer.is_success else answer

    return on(f"POST /{collection}/filter", asked_without)


def taken(written: str, meant: str) -> Bend:
    """`operator` with one value is taken for the other, wherever it stands."""

    def edited(node: Json) -> Json:
        if not isinstance(node, dict):
            return node
        return {key: meant if key == "operator" and value == written else edited(value) for key, value in node.items()}

    return on("POST /{collection}/{verb}", asked(edited))


def name_for_type(state: Operators) -> Operators:
    """A criterion on the name of a state, asked of its type instead: there is one of each type's name."""
    if "name" not in state:
        return state
    types = [name.upper() for name in state["name"]["any_"] if name.upper() in _TYPES]
    return {**{key: value for key, value in state.items() if key != "name"}, "type": {"any_": types}}


_TYPES = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING")


def moved(microseconds: int) -> Callable[[str], str]:
    """An instant, so much later."""

    def move(instant: str) -> str:
        return (datetime.fromisoformat(instant) + timedelta(microseconds=microseconds)).isoformat()

    return move


def zoneless(instant: str) -> str:
    """The same figures, taken for UTC."""
    return datetime.fromisoformat(instant).replace(tzinfo=None).isoformat() + "+00:00"


def to_the_millisecond(instant: str) -> str:
    """An instant without its microseconds."""
    found = datetime.fromisoformat(instant)
    return found.replace(microsecond=found.microsecond // 1000 * 1000).isoformat()
