"""Faults in how slots, keys and names are kept apart among callers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from uuid import uuid4

import httpx

from conformance.faults.bends import Json, answered, asked, instead, on, status
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_COUNTED = "POST /v2/concurrency_limits/increment"
_LEASED = "POST /v2/concurrency_limits/increment-with-lease"
_TAGS = "POST /concurrency_limits/increment"
_RESET = "POST /concurrency_limits/tag/{tag}/reset"
_RENEW = "POST /v2/concurrency_limits/leases/{lease_id}/renew"


def _every(turn: int, bend: Bend) -> Bend:
    """`bend` for each `turn`-th request."""
    numbers = itertools.count(1)

    async def now_and_then(request: Request, upstream: Upstream) -> Response:
        return await (bend(request, upstream) if next(numbers) % turn == 0 else upstream(request))

    return now_and_then


_granted = status(httpx.codes.LOCKED, Response.of(200, []))
_denied = instead(Response.of(httpx.codes.LOCKED, {"detail": "Locked"}))


def _both(*bends: Bend) -> Bend:
    """Each of two bends, the first outermost."""
    outer, inner = bends

    async def nested(request: Request, upstream: Upstream) -> Response:
        async def bent(again: Request) -> Response:
            return await inner(again, upstream)

        return await outer(request, bent)

    return nested


class _ReleasesTwice:
    """A lease that is gone gives back its slots once more."""

    def __init__(self) -> None:
        self._held: dict[str, Json] = {}
        self._released: set[str] = set()

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        answer = await upstream(request)
        body = request.json
        if request.path.endswith("/increment-with-lease") and answer.is_success:
            self._held[answer.json["lease_id"]] = {"names": body["names"], "slots": body["slots"]}
        if request.path.endswith("/decrement-with-lease") and answer.is_success:
            if body["lease_id"] in self._released:
                again = Request("POST", "/v2/concurrency_limits/decrement")
                await upstream(again.with_json(self._held[body["lease_id"]]))
            self._released.add(body["lease_id"])
        return answer


class _ReleasesAnothers:
    """A task run that holds nothing any more gives back the slot of another one."""

    def __init__(self) -> None:
        self._holders: list[str] = []

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        body = request.json
        if request.path == "/concurrency_limits/increment":
            answer = await upstream(request)
            if answer.is_success:
                self._holders.append(body["task_run_id"])
            return answer
        if request.path != "/concurrency_limits/decrement":
            return await upstream(request)
        holder = body["task_run_id"]
        if holder in self._holders:
            self._holders.remove(holder)
        elif self._holders:
            request = request.with_json({**body, "task_run_id": self._holders.pop()})
        return await upstream(request)


async def _one_by_one(request: Request, upstream: Upstream) -> Response:
    answers = [await upstream(request.with_json({**request.json, "names": [name]})) for name in request.json["names"]]
    return next((answer for answer in answers if not answer.is_success), answers[0])


def _resetting(overriding: bool) -> Bend:
    """A reset that also counts the slots in use anew; `overriding`: heeding who is to hold them."""

    async def counted_anew(request: Request, upstream: Upstream) -> Response:
        body = request.json if overriding else {}
        answer = await upstream(request.with_json(body))
        tag = request.path.split("/")[-2]
        slots = {"active_slots": len(body.get("slot_override") or ())}
        await upstream(Request("PATCH", f"/v2/concurrency_limits/tag:{tag}").with_json(slots))
        return answer

    return on(_RESET, counted_anew)


class _ResetsAll:
    """A reset frees the slots of every tag that was ever taken."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        if request.path == "/concurrency_limits/increment":
            self._taken.update(request.json["names"])
        elif request.path.endswith("/reset"):
            for tag in self._taken:
                await upstream(Request("POST", f"/concurrency_limits/tag/{tag}/reset").with_json({}))
        return await upstream(request)


_MENDED = Fault("counts-anew", "concurrency.reset", _RESET, "a reset counts the slots anew", _resetting(True))


def _cancelling(body: Json) -> Json:
    return {**body, "concurrency_options": {"collision_strategy": "CANCEL_NEW"}}


def _with_runs_of_the_next(told: Json) -> Json:
    queues = told["queues"]
    shifted = [*queues[1:], *queues[:1]]
    return {
        **told,
        "queues": [{**queue, "flow_runs": of["flow_runs"]} for queue, of in zip(queues, shifted, strict=True)],
    }


def _own(key: str) -> Callable[[Json], Json]:
    return lambda body: {**body, key: f"{body[key]}-{uuid4()}"}


def _one_at_least(body: Json) -> Json:
    return {**body, "slots": body["slots"] or 1}


def _without(*keys: str) -> Callable[[Json], Json]:
    return lambda body: {key: value for key, value in body.items() if key not in keys}


FAULTS = (
    Fault(
        "grants-more",
        "concurrency.never-more",
        _COUNTED,
        "every second increment that finds the limit full is granted",
        on(_COUNTED, _every(2, _granted)),
    ),
    Fault(
        "denies-what-is-free",
        "concurrency.sequential",
        _COUNTED,
        "increments are denied though all slots are free",
        on(_COUNTED, _denied),
    ),
    Fault(
        "releases-nothing",
        "concurrency.released",
        _COUNTED,
        "a decrement answers 200 and releases nothing",
        on("POST /v2/concurrency_limits/decrement", instead(Response.of(200, []))),
    ),
    Fault(
        "releases-twice",
        "concurrency.release-once",
        _LEASED,
        "a lease that is released twice frees two slots",
        _ReleasesTwice(),
    ),
    Fault(
        "releases-anothers",
        "concurrency.release-once-at-once",
        _TAGS,
        "a second release by a task run frees the slot of another",
        _ReleasesAnothers(),
    ),
    Fault(
        "takes-in-part",
        "concurrency.all-or-nothing",
        _COUNTED,
        "an increment of several limits takes those that it can, and is denied",
        on(_COUNTED, _one_by_one),
    ),
    Fault(
        "takes-one-for-none",
        "concurrency.bad-slots",
        _COUNTED,
        "an increment by no slots is taken for one by one",
        on(_COUNTED, asked(_one_at_least)),
    ),
    Fault(
        "inactive-counts",
        "concurrency.inactive",
        _COUNTED,
        "an inactive limit counts as an active one",
        on("POST /v2/concurrency_limits/", asked(_without("active"))),
    ),
    Fault(
        "ignores-the-mode",
        "concurrency.rate-needs-decay",
        _COUNTED,
        "the mode of an increment is ignored",
        on(_COUNTED, asked(_without("mode"))),
    ),
    Fault(
        "ignores-the-decay",
        "concurrency.decay",
        _COUNTED,
        "the decay of a limit is ignored",
        on("POST /v2/concurrency_limits/", asked(_without("slot_decay_per_second"))),
    ),
    Fault(
        "renews-what-is-gone",
        "concurrency.renew",
        _LEASED,
        "a lease that is gone can be renewed",
        on(_RENEW, _both(status(httpx.codes.GONE, Response(204)), status(httpx.codes.NOT_FOUND, Response(204)))),
    ),
    Fault(
        "unlimited-deployment",
        "concurrency.never-more",
        "POST /flow_runs/{id}/set_state",
        "the concurrency limit of a deployment is ignored",
        on("POST /deployments/", asked(_without("concurrency_limit"))),
    ),
    Fault(
        "cancels-always",
        "concurrency.collision",
        "POST /flow_runs/{id}/set_state: ENQUEUE",
        "every full deployment cancels new runs",
        on("POST /deployments/", asked(_cancelling)),
    ),
    Fault(
        "status-counts-what-it-shows",
        "concurrency.status",
        "POST /work_queues/{id}/concurrency_status",
        "POST /work_queues/{id}/concurrency_status counts the runs that it shows",
        on(
            "POST /work_queues/{id}/concurrency_status",
            answered(lambda told: {**told, "active_slots": len(told["flow_runs"])}),
        ),
    ),
    Fault(
        "status-of-the-neighbour",
        "concurrency.status",
        "POST /work_pools/{name}/concurrency_status",
        "POST /work_pools/{name}/concurrency_status shows the runs of one queue under another",
        on("POST /work_pools/{name}/concurrency_status", answered(_with_runs_of_the_next)),
    ),
    Fault(
        "no-slot-in-use",
        "concurrency.active-slots",
        "POST /work_pools/filter",
        "POST /work_pools/filter shows no slot in use",
        on("POST /work_pools/filter", answered(lambda pools: [{**pool, "active_slots": 0} for pool in pools])),
    ),
    Fault(
        "resets-nothing",
        "concurrency.reset",
        _RESET,
        "a reset frees no slot",
        on(_RESET, instead(Response.of(200))),
        mend=_MENDED,
    ),
    Fault("resets-all", "concurrency.reset-others", _RESET, "a reset of one tag resets all", _ResetsAll()),
    Fault(
        "ignores-override",
        "concurrency.reset-override",
        _RESET,
        "those who are to hold slots are ignored",
        _resetting(False),
        mend=_MENDED,
    ),
    Fault(
        "own-key",
        "concurrency.one-run-for-a-key",
        "POST /flow_runs/",
        "each caller's idempotency key is made its own",
        on("POST /flow_runs/", asked(_own("idempotency_key"))),
    ),
    Fault(
        "conflict-fails",
        "concurrency.one-object-for-a-name",
        "POST /variables/",
        "the second creator of a variable is answered by 500",
        on(
            "POST /variables/",
            status(httpx.codes.CONFLICT, Response.of(500, {"exception_message": "Internal Server Error"})),
        ),
    ),
    Fault(
        "own-name",
        "concurrency.one-object-for-a-name",
        "POST /flows/",
        "each creator's flow is given a name of its own",
        on("POST /flows/", asked(_own("name"))),
    ),
)
