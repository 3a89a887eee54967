"""Paging and counting: which part of a query's rows comes, and how many there are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from weakref import WeakKeyDictionary

import httpx

from conformance.contract import Contract
from conformance.resources import flow_run_inputs, logs
from conformance.suite.bad_bodies import merged
from conformance.suite.calls import call
from conformance.suite.check import check
from conformance.suite.examiner import Body, Examiner
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation, require_equal
from conformance.suite.pages import Paged, bounded, default_limit, limited, listed, skipping, some_filters, total_orders
from conformance.suite.tables import Table, with_properties, with_twin
from conformance.target import Client
from conformance.world import World

_REFUSED = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY})


@check("paging.limit", on=with_properties("limit"))
def test_limit_bounds_the_rows(subject: Table, examiner: Examiner) -> None:
    everything = examiner.fenced(subject, {})
    size = len(examiner.expected(subject, {}))
    # Where no filter keeps out what others put there, there are so many rows at least.
    beyond = (size + 1,) if everything or subject.resource.scope else ()
    for limit in (1, 2, size - 1, size, *beyond):
        found = _ids(subject, examiner, {**everything, "limit": limit})
        require_equal(f"limit {limit} of {size} rows", min(limit, size), len(set(found)))
        require_equal(f"limit {limit} of {size} rows", min(limit, size), len(found))


@check("paging.offset", on=with_properties("offset"))
def test_offset_skips_rows(subject: Table, examiner: Examiner) -> None:
    for sort, body in _orders(subject, examiner):
        whole = _ids(subject, examiner, body)
        for offset in (1, len(whole) - 1):
            found = _ids(subject, examiner, {**body, "offset": offset})
            require_equal(f"the rows under {sort} from offset {offset}", whole[offset:], found)


@check("paging.pages", on=with_properties("limit", "offset"))
def test_pages_laid_end_to_end_are_the_list(subject: Table, examiner: Examiner) -> None:
    for (sort, body), size in zip(_orders(subject, examiner), (4, 7, 5, 6), strict=False):
        whole = _ids(subject, examiner, body)
        laid: list[Any] = []
        for offset in range(0, len(whole) + size, size):
            laid += _ids(subject, examiner, {**body, "limit": size, "offset": offset})
        require_equal(f"pages of {size} under {sort} laid end to end", whole, laid)


_FEW_PAGES = 3


@check("paging.each-once", on=with_properties("limit", "offset"))
def test_each_row_comes_on_one_page(subject: Table, examiner: Examiner) -> None:
    """Without a sort, and under each sort key, ties and nulls and all."""
    everything = examiner.fenced(subject, {})
    wanted = sorted(record[subject.resource.identity] for record in examiner.expected(subject, {}))
    bodies = [everything, *({**everything, "sort": sort} for sort in subject.query.sorts)]
    for body in bodies:
        # Others may put rows between two pages that no filter keeps out.
        for again in (False, True):
            whole = wanted if examiner.fences(subject, {}) else _ids(subject, examiner, body)
            size = max(1, -(-len(whole) // _FEW_PAGES))
            laid: list[Any] = []
            for offset in range(0, len(whole), size):
                laid += _ids(subject, examiner, {**body, "limit": size, "offset": offset})
            if sorted(laid) == sorted(whole):
                break
            if again:
                by = body.get("sort", "no sort")
                raise Violation(
                    # Without the numbers: where nothing fences the query, they depend on what other checks have made.
                    f"pages under {by} do not bring each row once",
                    expected={"rows": len(whole), "pages of": size},
                    observed={
                        "rows": len(laid),
                        "missing": sorted(set(whole) - set(laid))[:5],
                        "repeated": sorted({row for row in laid if laid.count(row) > 1})[:5],
                    },
                )


@check("paging.beyond", on=with_properties("offset"))
def test_no_row_beyond_the_end(subject: Table, examiner: Examiner) -> None:
    everything = examiner.fenced(subject, {})
    # What others put there, no filter may keep out.
    end = len(examiner.expected(subject, {})) if everything else 1_000_000
    for offset in (end, end + 1, 2**31 - 1):
        found = _ids(subject, examiner, {**everything, "offset": offset})
        require_equal(f"the rows from offset {offset} of {end}", [], found)


# Which numbers a query takes


@check("paging.bounds", on=bounded)
def test_documented_bounds_are_kept(subject: Paged, client: Client, world: World) -> None:
    wrong: list[Body] = []
    for key, found in subject.ranges.items():
        inside = [bound for bound in (found.least, found.largest) if bound is not None]
        outside = [found.least - 1, found.least - 2**31] if found.least is not None else []
        outside += [found.largest + 1, 2**31] if found.largest is not None else []
        for value, right in [*((v, frozenset({200})) for v in inside), *((v, _REFUSED) for v in outside)]:
            answer = _ask(subject, {key: value}, client, world)
            if answer.status_code not in right:
                wrong.append({key: value, "expected": sorted(right), "status": answer.status_code})
    if wrong:
        raise Violation(
            f"{len(wrong)} numbers are not taken as documented",
            expected={key: [found.least, found.largest] for key, found in subject.ranges.items()},
            observed=wrong,
        )


@check("paging.negative-limit", on=limited)
def test_negative_limit_is_refused(subject: Paged, client: Client, world: World) -> None:
    if subject.ranges["limit"].least is not None:
        raise NotApplicable("bounded")
    _require_statuses(subject, "limit", (-1, -(2**31)), client, world)


@check("paging.limit-zero", on=limited)
def test_limit_zero_is_no_row(subject: Paged, client: Client, world: World) -> None:
    answer = _ask(subject, {"limit": 0}, client, world)
    rows = listed(answer.json()) if answer.is_success else None
    if rows != []:
        raise Violation("limit 0 is not answered with an empty list", expected=[], observed=_shown(answer))


_HUGE = (2**31, 10**30)


@check("paging.huge-limit", on=limited)
def test_huge_limits(subject: Paged, client: Client, world: World) -> None:
    asked = [({"limit": value}, _ask(subject, {"limit": value}, client, world, risky=True)) for value in _HUGE]
    _require_answered([(body, answer) for body, answer in asked if not answer.is_success])


@check("paging.huge-offset", on=skipping)
def test_huge_offsets(subject: Paged, client: Client, world: World) -> None:
    """What is answered is beyond the end: no row."""
    bodies: list[Body] = [{key: value} for key in subject.ranges if key != "limit" for value in _HUGE]
    asked = [(body, _ask(subject, body, client, world, risky=True)) for body in bodies]
    _require_answered([(body, answer) for body, answer in asked if not answer.is_success or listed(answer.json())])


def _require_answered(doubtful: list[tuple[Body, httpx.Response]]) -> None:
    wrong = [{**body, **_shown(answer)} for body, answer in doubtful if answer.status_code not in _REFUSED]
    if wrong:
        raise Violation(f"{len(wrong)} huge numbers are neither refused nor answered", observed=wrong)


def _require_statuses(subject: Paged, key: str, values: tuple[int, ...], client: Client, world: World) -> None:
    taken = [
        {key: value, **_shown(answer)}
        for value in values
        if (answer := _ask(subject, {key: value}, client, world)).status_code not in _REFUSED
    ]
    if taken:
        raise Violation(f"{len(taken)} of {len(values)} are not refused", expected="400 or 422", observed=taken)


def _ask(subject: Paged, difference: Body, client: Client, world: World, *, risky: bool = False) -> httpx.Response:
    path = call(subject.query.operation, world).path
    # After a 500 a server may drop the connection, and what is sent on it next.
    headers = {"connection": "close"} if risky else None
    return client.request("POST", path, merged(subject.legal, difference), headers=headers)


def _shown(answer: httpx.Response) -> dict[str, Any]:
    return {"status": answer.status_code, "body": answer.text[:200]}


# The default, and the largest limit


@check("paging.default-limit", on=with_properties("limit"))
def test_default_limit(subject: Table, contract: Contract, client: Client, world: World, examiner: Examiner) -> None:
    default = _default(subject, contract, client)
    if default is None:
        raise NotApplicable("unstated")
    many = _many(subject, default + 1, world, examiner)
    answer = client.request("POST", many.path, many.body)
    _require_number(f"without a limit, the default being {default}", default, many, answer)


@check("paging.limit-honoured", on=with_properties("limit"))
def test_limit_is_honoured_or_refused(
    subject: Table, contract: Contract, client: Client, world: World, examiner: Examiner
) -> None:
    default = _default(subject, contract, client)
    many = _many(subject, (default or 200) + 1, world, examiner)
    for limit in (default or 1, many.size, 1000):
        answer = client.request("POST", many.path, {**many.body, "limit": limit})
        # What a query answers unasked can be asked for.
        if answer.status_code not in _REFUSED or limit <= (default or 1):
            _require_number(f"with limit {limit}", limit, many, answer)


@dataclass(frozen=True)
class _Many:
    """A query that finds so many rows, if it has no limit; so many at least where it is not `exact`."""

    path: str
    body: Body
    size: int
    exact: bool = True


def _require_number(summary: str, limit: int, many: _Many, answer: httpx.Response) -> None:
    rows = listed(answer.json()) if answer.is_success else None
    if rows is None:
        raise Violation(f"a legal query is answered {answer.status_code}", expected=200, observed=_shown(answer))
    wanted = min(limit, many.size)
    if len(rows) < wanted or len(rows) > (wanted if many.exact else limit):
        least = "" if many.exact else "at least "
        raise Violation(
            f"{len(rows)} of {least}{many.size} rows come {summary}", expected=f"{least}{wanted}", observed=len(rows)
        )


_MOST_MADE = 1001
"""Rows that are made to see where a query stops."""

_MADE: WeakKeyDictionary[World, dict[tuple[str, int], _Many]] = WeakKeyDictionary()
_SETTINGS: WeakKeyDictionary[Client, Any] = WeakKeyDictionary()


def _default(subject: Table, contract: Contract, client: Client) -> int | None:
    if client not in _SETTINGS and "GET /admin/settings" in contract.operations:
        answer = client.request("GET", "/admin/settings")
        _SETTINGS[client] = answer.json() if answer.is_success else None
    return default_limit(contract, subject.query, _SETTINGS.get(client))


def _many(subject: Table, number: int, world: World, examiner: Examiner) -> _Many:
    """So many rows where one request makes them; elsewhere what the world has, which is less than any default."""
    made = _MADE.setdefault(world, {})
    key = (subject.name, number)
    if key not in made:
        makers = {"logs": _many_logs, "events": _many_events, "flow_runs/input": _many_inputs}
        if subject.name in makers and number <= _MOST_MADE:
            made[key] = makers[subject.name](subject, number, world)
        else:
            size = len(examiner.expected(subject, {}))
            path, body = subject.query.operation.fill(examiner.scopes(subject)[0]), examiner.fenced(subject, {})
            # Where no filter keeps out what others put there, there are more.
            made[key] = _Many(path, body, size, exact=bool(body) or subject.resource.scope is not None)
    return made[key]


def _many_logs(subject: Table, number: int, world: World) -> _Many:
    run = str(world.victim("flow_runs").record["id"])
    world.workshop.send("POST /logs/", [logs.entry(world.workshop, run) for _ in range(number)])
    return _Many(subject.query.operation.path, subject.resource.own({"flow_run_id": {"any_": [run]}}), number)


def _many_inputs(subject: Table, number: int, world: World) -> _Many:
    run = str(world.victim("flow_runs").record["id"])
    for _ in range(number):
        sent = flow_run_inputs.body(world.workshop)
        world.workshop.send("POST /flow_runs/{id}/input", sent, id=run)
    return _Many(subject.query.operation.fill({"id": run}), {"prefix": ""}, number)


_UNTIL_STORED = 15.0
"""Seconds that a server may take to store the events that it was sent."""


def _many_events(subject: Table, number: int, world: World) -> _Many:
    workshop, query = world.workshop, subject.query.operation
    source = f"conformance.{workshop.name('events')}"
    now = datetime.now(UTC)
    common = {"event": "conformance.counted", "resource": {"prefect.resource.id": source}, "related": [], "payload": {}}
    workshop.send(
        "POST /events",
        [
            {**common, "id": str(uuid5(NAMESPACE_URL, workshop.name("event"))), "occurred": now.isoformat()}
            for _ in range(number)
        ],
    )
    day = timedelta(days=1)
    occurred = {"since": (now - day).isoformat(), "until": (now + day).isoformat()}
    body = {"filter": {"resource": {"id": [source]}, "occurred": occurred}}
    deadline = time.monotonic() + _UNTIL_STORED
    while workshop.send(query.label, body).get("total") != number:
        if time.monotonic() > deadline:
            raise CouldNotRun(f"{number} events are not there {_UNTIL_STORED:.0f} s after they were sent")
        time.sleep(0.1)
    return _Many(query.path, body, number)


# paginate


@check("paging.paginate-results", on=with_twin("paginate"))
def test_paginate_brings_the_rows_of_filter(subject: Table, examiner: Examiner) -> None:
    for (sort, body), size in zip(_orders(subject, examiner), (5, 4), strict=False):
        whole = _ids(subject, examiner, body)
        for page in range(1, -(-len(whole) // size) + 1):
            answer = _paginate(subject, examiner, {**body, "limit": size, "page": page})
            rows = [row.get(subject.resource.identity) for row in answer.get("results") or ()]
            require_equal(f"page {page} of {size} under {sort}", whole[(page - 1) * size : page * size], rows)


@check("paging.paginate-numbers", on=with_twin("paginate"))
def test_paginate_says_where_it_is(subject: Table, contract: Contract, examiner: Examiner) -> None:
    label = subject.query.twin("paginate")
    filters = some_filters(subject, contract.queries[label].filters, examiner)
    # That a filter counts is seen by `count`: here it is enough that some do.
    for number, body in enumerate(islice(filters, 0, None, 4)):
        total = len(examiner.rows(subject, body))
        asked = ((1, 1), (3, 2), (max(1, total), 1), (total + 1, 1))
        # All of them of everything, one of each other list.
        for limit, page in asked[number % len(asked) :][:1] if number else asked:
            answer = _paginate(subject, examiner, {**body, "limit": limit, "page": page})
            wanted = {"count": total, "limit": limit, "pages": -(-total // limit), "page": page}
            require_equal(f"the numbers of page {page} of {limit}", wanted, {key: answer.get(key) for key in wanted})


@check("paging.paginate-beyond", on=with_twin("paginate"))
def test_no_results_beyond_the_last_page(subject: Table, examiner: Examiner) -> None:
    everything = examiner.fenced(subject, {})
    total = len(examiner.expected(subject, {}))
    pages = -(-total // 3)
    for page in (pages + 1, pages + 1000):
        answer = _paginate(subject, examiner, {**everything, "limit": 3, "page": page})
        wanted = {"results": [], "count": total, "pages": pages, "page": page}
        require_equal(f"page {page} of {pages}", wanted, {key: answer.get(key) for key in wanted})


def _paginate(subject: Table, examiner: Examiner, body: Body) -> Mapping[str, Any]:
    answer = examiner.ask(subject.query.operation.path.removesuffix("filter") + "paginate", body, again=True)
    if not isinstance(answer, dict):
        raise Violation("the answer is not an object", expected={"results": []}, observed=answer)
    return answer


# count


@check("paging.count", on=with_twin("count"))
def test_count_is_the_number_of_rows(subject: Table, contract: Contract, examiner: Examiner) -> None:
    label = subject.query.twin("count")
    path = contract.operations[label].path
    for body in some_filters(subject, contract.queries[label].filters, examiner):
        counted = examiner.ask(path, body, again=True)
        # What was answered before is asked again only where it does not agree.
        if counted != len(examiner.rows(subject, body)):
            found = examiner.rows(subject, body, again=True)
            require_equal(f"the count for {body}", len(found), examiner.ask(path, body, again=True))


@check("paging.count-whole", on=with_twin("count"))
def test_count_knows_no_page(subject: Table, examiner: Examiner) -> None:
    path = subject.query.operation.path.removesuffix("filter") + "count"
    everything = examiner.fenced(subject, {})
    whole = examiner.ask(path, everything, again=True)
    for page in ({"limit": 1}, {"offset": 1}, {"limit": 2, "offset": 1}):
        answer = examiner.client.request("POST", path, {**everything, **page})
        if answer.status_code not in _REFUSED:
            require_equal(f"the count with {page}", {"status": 200, "body": whole}, _decoded(answer))


def _decoded(answer: httpx.Response) -> Body:
    return {"status": answer.status_code, "body": answer.json() if answer.is_success else answer.text[:200]}


# Common


def _ids(table: Table, examiner: Examiner, body: Body) -> list[Any]:
    return [row[table.resource.identity] for row in examiner.rows(table, body, again=True)]


def _orders(table: Table, examiner: Examiner) -> Iterator[tuple[str, Body]]:
    """Queries under sort keys without ties: only there is it promised which row comes on which page."""
    if not table.query.sorts:
        raise NotApplicable("unsorted")
    found = list(total_orders(table, examiner))
    if not found:
        raise CouldNotRun("every sort key has ties in the world")
    yield from found
