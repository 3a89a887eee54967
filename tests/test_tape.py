"""Which faults would have bent what went by: those alone need be shown to a check."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.faults import Exchanged, Fault, Request, Response, touched
from conformance.faults.bends import answered, asked, on, read, where_it_can
from conformance.faults.fault import Bend, Upstream

ASKED = Request("POST", "/flows/filter").with_json({"limit": 2})
TOLD = Response(200, ((b"content-type", b"application/json"),), b'[{"name":"a","n":1}]')


def bends(bend: Bend) -> bool:
    """Whether a fault of that kind would have bent the exchange."""
    return bool(touched([Fault("one", "paging.limit", "POST /flows/filter", "one", bend)], [Exchanged(ASKED, TOLD)]))


async def _fails(request: Request, upstream: Upstream) -> Response:
    raise KeyError("lease_id")


async def _looks(request: Request, upstream: Upstream) -> Response:
    await read("/flows/1", upstream)
    return await upstream(request)


async def _shouts(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    return Response(answer.status, (*answer.headers, (b"x-loud", b"1")), answer.body)


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (on("POST /flows/count", answered(lambda _: 0)), False),
        (on("GET /flows/filter", answered(lambda _: 0)), False),
        (on("POST /flows/filter", answered(lambda rows: rows)), False),
        (on("POST /flows/filter", answered(lambda rows: rows[:5])), False),
        (on("POST /flows/filter", answered(lambda rows: rows[:0])), True),
        (on("POST /flows/filter", answered(lambda rows: [{**row, "n": 1.0} for row in rows])), True),
        (on("POST /flows/filter", asked(lambda body: {**body, "limit": 2})), False),
        (on("POST /flows/filter", asked(lambda body: {**body, "limit": 3})), True),
        (_fails, True),
        (where_it_can(_fails), False),
        (where_it_can(on("POST /flows/filter", answered(lambda rows: rows["nobody"]))), False),
        (where_it_can(on("POST /flows/filter", answered(lambda rows: rows[:0]))), True),
        (_looks, True),
        (where_it_can(_looks), True),
        (_shouts, True),
    ],
)
def test_a_fault_touches_what_it_would_have_changed(bend: Bend, expected: bool) -> None:
    assert bends(bend) is expected


def test_one_exchange_of_many_is_enough() -> None:
    other = Exchanged(Request("GET", "/health"), Response(200, (), b"true"))
    fault = Fault("none", "paging.limit", "POST /flows/filter", "none", on("POST /flows/filter", answered(_none)))
    assert touched([fault], [other, other]) == []
    assert touched([fault], [other, Exchanged(ASKED, TOLD), other]) == [fault]


def _none(_: Any) -> list[Any]:
    return []
