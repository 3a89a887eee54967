"""Faults in what a write does with a body that it must not take: it mends it in silence, or only seems to refuse it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import httpx

from conformance.faults.bends import Json, asked, on
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_STRATEGIES = ("ENQUEUE", "CANCEL_NEW", "CANCEL_RUNNING")
_DAY = 86400


def _inside(key: str, edit: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """A body whose object at `key`, where it has one, is another."""
    return lambda body: {**body, key: edit(body[key])} if isinstance(body.get(key), dict) else body


def _at(key: str, edit: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """A body, or an object in one, whose value at `key`, where it has one, is another."""
    return lambda body: {**body, key: edit(body[key])} if key in body else body


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _least(bound: float) -> Callable[[Json], Json]:
    return lambda value: max(bound, value) if _is_number(value) else value


def _most(bound: float) -> Callable[[Json], Json]:
    return lambda value: min(bound, value) if _is_number(value) else value


def _known_strategy(value: Json) -> Json:
    return _STRATEGIES[0] if isinstance(value, str) and value not in _STRATEGIES else value


def _all_the_same(legal: Json) -> Bend:
    """What is refused is done with `legal` in place of what is wrong, and is refused nevertheless."""

    async def refuse_and_do(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        if answer.status == httpx.codes.UNPROCESSABLE_ENTITY and isinstance(request.json, dict):
            await upstream(request.with_json({**request.json, **legal}))
        return answer

    return refuse_and_do


async def _taken_for_created(request: Request, upstream: Upstream) -> Response:
    """What is refused for its body is said to be created."""
    answer = await upstream(request)
    refused = answer.status == httpx.codes.UNPROCESSABLE_ENTITY
    return replace(answer, status=httpx.codes.CREATED) if refused else answer


_LIMIT = "POST /v2/concurrency_limits/"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "missing-limit-is-one",
        "input.required",
        _LIMIT,
        "a concurrency limit that is created without its number gets one",
        on(_LIMIT, asked(lambda body: {"limit": 1, **body})),
    ),
    Fault(
        "missing-inside-is-default",
        "input.required",
        "POST /deployments/",
        "a deployment's concurrency options without a strategy get one",
        on(
            "POST /deployments/",
            asked(_inside("concurrency_options", lambda options: {"collision_strategy": "ENQUEUE", **options})),
        ),
    ),
    Fault(
        "missing-is-said-to-be-created",
        "input.required",
        "POST /variables/",
        "a variable without a name is answered as if it had been created",
        on("POST /variables/", _taken_for_created),
    ),
    Fault(
        "object-becomes-text",
        "input.type",
        "PATCH /block_types/{id}",
        "an object in place of a description is written down as a text",
        on(
            "PATCH /block_types/{id}",
            asked(_at("description", lambda value: str(value) if isinstance(value, dict) else value)),
        ),
    ),
    Fault(
        "word-is-no-list",
        "input.type",
        "POST /flows/",
        "a word in place of a list of tags is taken for a list of one",
        on("POST /flows/", asked(_at("tags", lambda value: [value] if isinstance(value, str) else value))),
    ),
    Fault(
        "refused-type-is-created",
        "input.type",
        "POST /flows/",
        "a flow with a word for its tags is refused and created",
        on("POST /flows/", _all_the_same({"tags": []})),
    ),
    Fault(
        "refused-type-is-changed",
        "input.type",
        "PATCH /flows/{id}",
        "a change of a flow's tags to a word is refused, and the flow has none then",
        on("PATCH /flows/{id}", _all_the_same({"tags": []})),
    ),
    Fault(
        "unknown-option-is-the-default",
        "input.option",
        "POST /deployments/",
        "an unknown collision strategy is taken for the default one",
        on("POST /deployments/", asked(_inside("concurrency_options", _at("collision_strategy", _known_strategy)))),
    ),
    Fault(
        "option-in-any-case",
        "input.option",
        "POST /flow_runs/",
        "the type of a new run's state is taken in any case",
        on(
            "POST /flow_runs/",
            asked(
                _inside("state", _at("type", lambda value: value.upper() if isinstance(value, str) else value)),
            ),
        ),
    ),
    Fault(
        "maximum-is-ignored",
        "input.bounds",
        "POST /deployments/",
        "a grace period above its maximum is taken for the maximum",
        on(
            "POST /deployments/",
            asked(_inside("concurrency_options", _at("grace_period_seconds", _most(_DAY)))),
        ),
    ),
    Fault(
        "minimum-is-ignored",
        "input.bounds",
        "PATCH /work_queues/{id}",
        "a concurrency limit below its minimum is taken for the minimum",
        on("PATCH /work_queues/{id}", asked(_at("concurrency_limit", _least(0)))),
    ),
    Fault(
        "exclusive-bound-is-taken",
        "input.bounds",
        "PATCH /work_queues/{id}",
        "the priority 0, which has to be above it, is taken for 1",
        on("PATCH /work_queues/{id}", asked(_at("priority", _least(1)))),
    ),
    Fault(
        "pattern-is-ignored",
        "input.bounds",
        "POST /work_pools/",
        "what a work pool's name must not have is left out of it",
        on(
            "POST /work_pools/",
            asked(_at("name", lambda name: name.replace("/", "") if isinstance(name, str) else name)),
        ),
    ),
)
