"""Faults in which part of a query's rows comes, and in how many there are said to be."""

from __future__ import annotations

from collections.abc import Callable

from conformance.faults.bends import Json, answered, asked, on, operand, told
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream


def _one_row_less(body: Json, rows: Json) -> Json:
    return rows[:-1] if len(rows) == body.get("limit") else rows


def _from_the_row_before(body: Json) -> Json:
    return {**body, "offset": max(0, body["offset"] - 1)} if "limit" in body and body.get("offset") else body


def _sorted_on_the_first_page_only(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "sort"} if body.get("offset") else body


def _without_offset(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "offset"}


def _turning(request: Request) -> Json:
    body = request.json
    return body if isinstance(body, dict) and "limit" in body and "offset" in body else None


async def _in_turns(request: Request, upstream: Upstream) -> Response:
    """Every other page is of the list with its first row put last."""
    body = _turning(request)
    if body is None or body["offset"] // max(1, body["limit"]) % 2 == 0:
        return await upstream(request)
    answer = await upstream(request.with_json({key: body[key] for key in body.keys() - {"limit", "offset"}}))
    turned = [*answer.json[1:], *answer.json[:1]]
    return answer.with_json(turned[body["offset"] :][: body["limit"]])


async def _starting_over(request: Request, upstream: Upstream) -> Response:
    """Where there is no row at an offset, those from the beginning come."""
    answer = await upstream(request)
    if answer.json != [] or not operand(request.json, "offset"):
        return answer
    return await upstream(request.with_json({**request.json, "offset": 0}))


async def _last_page_again(request: Request, upstream: Upstream) -> Response:
    """A page beyond the last is the last."""
    answer = await upstream(request)
    found = answer.json
    if not isinstance(found, dict) or found.get("results") != [] or not found.get("pages"):
        return answer
    return await upstream(request.with_json({**request.json, "page": found["pages"]}))


async def _from_the_result_before(request: Request, upstream: Upstream) -> Response:
    """A page but the first begins with the last row of the one before, and lacks its own last."""
    answer = await upstream(request)
    page = operand(request.json, "page")
    if not answer.is_success or not isinstance(page, int) or page < 2:
        return answer
    before = (await upstream(request.with_json({**request.json, "page": page - 1}))).json["results"]
    return answer.with_json({**answer.json, "results": [*before[-1:], *answer.json["results"][:-1]]})


def _number(key: str, wrong: Callable[[int], bool], other: int | None) -> Bend:
    """A number of the body is taken for another, or ignored."""

    def edited(body: Json) -> Json:
        value = body.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not wrong(value):
            return body
        rest = {name: kept for name, kept in body.items() if name != key}
        return rest if other is None else {**rest, key: other}

    return asked(edited)


def _where_huge(key: str, status: int) -> Bend:
    """A number of more than 64 bits is answered with a status at once."""

    async def answer_at_once(request: Request, upstream: Upstream) -> Response:
        value = operand(request.json, key)
        huge = isinstance(value, int) and value >= 2**63
        return Response.of(status, {"detail": [{"loc": ["body", key]}]}) if huge else await upstream(request)

    return answer_at_once


def _without(*keys: str) -> Bend:
    return asked(lambda body: {key: value for key, value in body.items() if key not in keys})


def _joined_by_and(body: Json) -> Json:
    own = body.get("flows")
    return {**body, "flows": {**own, "operator": "and_"}} if isinstance(own, dict) and "operator" in own else body


FAULTS = (
    Fault(
        "page-lacks-its-last-row",
        "paging.limit",
        "POST /flows/filter",
        "a full page has one row too few",
        on("POST /flows/filter", told(_one_row_less)),
    ),
    Fault(
        "page-is-cut-at-ten",
        "paging.limit",
        "POST /flow_runs/filter",
        "no page has more than ten rows, whatever the limit",
        on("POST /flow_runs/filter", answered(lambda rows: rows[:10])),
    ),
    Fault(
        "page-repeats-a-row",
        "paging.limit",
        "POST /task_runs/filter",
        "the first row of a page comes twice",
        on("POST /task_runs/filter", told(lambda body, rows: [*rows[:1], *rows][: body.get("limit")])),
    ),
    Fault(
        "limit-lets-one-more-through",
        "paging.limit",
        "POST /work_pools/filter",
        "limit n lets n + 1 rows through",
        on(
            "POST /work_pools/filter",
            asked(lambda body: {**body, "limit": body["limit"] + 1} if "limit" in body else body),
        ),
    ),
    Fault(
        "offset-is-ignored",
        "paging.offset",
        "POST /flows/filter",
        "offset is ignored",
        on("POST /flows/filter", asked(_without_offset)),
    ),
    Fault(
        "offset-counts-from-one",
        "paging.offset",
        "POST /deployments/filter",
        "offset n skips one row less than n",
        on("POST /deployments/filter", asked(lambda body: {**body, "offset": max(0, body.get("offset", 0) - 1)})),
    ),
    Fault(
        "pages-overlap",
        "paging.pages",
        "POST /deployments/filter",
        "each page begins with the last row of the one before",
        on("POST /deployments/filter", asked(_from_the_row_before)),
    ),
    Fault(
        "later-pages-are-unsorted",
        "paging.pages",
        "POST /flows/filter",
        "the sort is heeded on the first page only",
        on("POST /flows/filter", asked(_sorted_on_the_first_page_only)),
    ),
    Fault(
        "count-ignores-the-filter",
        "paging.count",
        "POST /flows/count",
        "count ignores the filter",
        on("POST /flows/count", asked(lambda body: {})),
    ),
    Fault(
        "count-of-pools-ignores-the-filter",
        "paging.count",
        "POST /work_pools/count",
        "count ignores the filter",
        on("POST /work_pools/count", asked(lambda body: {})),
    ),
    Fault(
        "count-of-nothing-is-one",
        "paging.count",
        "POST /deployments/count",
        "count answers 1 where there is no row",
        on("POST /deployments/count", answered(lambda number: max(1, number))),
    ),
    Fault(
        "count-ignores-a-related-collection",
        "paging.count",
        "POST /flow_runs/count",
        "count ignores a related collection",
        on("POST /flow_runs/count", _without("deployments")),
    ),
    Fault(
        "count-joins-by-and",
        "paging.count",
        "POST /flows/count",
        "count joins by AND what the query joins by OR",
        on("POST /flows/count", asked(_joined_by_and)),
    ),
    Fault(
        "offset-forgets-the-sort",
        "paging.offset",
        "POST /flows/filter",
        "with an offset, the default sort is used",
        on("POST /flows/filter", asked(_sorted_on_the_first_page_only)),
    ),
    Fault(
        "ties-change-places",
        "paging.each-once",
        "POST /work_pools/filter",
        "rows that tie stand in another order on each page",
        on("POST /work_pools/filter", _in_turns),
    ),
    Fault(
        "ties-under-a-sort-change-places",
        "paging.each-once",
        "POST /task_runs/filter",
        "rows stand in another order on every other page",
        on("POST /task_runs/filter", _in_turns),
    ),
    Fault(
        "offset-starts-over",
        "paging.beyond",
        "POST /flows/filter",
        "an offset beyond the end starts over",
        on("POST /flows/filter", _starting_over),
    ),
    Fault(
        "default-is-a-hundred",
        "paging.default-limit",
        "POST /logs/filter",
        "without a limit, a hundred rows come",
        on("POST /logs/filter", asked(lambda body: {"limit": 100, **body})),
    ),
    Fault(
        "default-is-ten",
        "paging.default-limit",
        "POST /flow_runs/filter",
        "without a limit, ten rows come",
        on("POST /flow_runs/filter", asked(lambda body: {"limit": 10, **body})),
    ),
    Fault(
        "limit-is-cut",
        "paging.limit-honoured",
        "POST /logs/filter",
        "a limit that is too large is cut to the largest one",
        on("POST /logs/filter", _number("limit", lambda limit: limit > 200, 200)),
    ),
    Fault(
        "default-is-too-large",
        "paging.limit-honoured",
        "POST /logs/filter",
        "a limit as large as the default is refused",
        on("POST /logs/filter", _number("limit", lambda limit: limit == 200, 201)),
    ),
    Fault(
        "negative-offset-is-none",
        "paging.bounds",
        "POST /flows/filter",
        "a negative offset is taken for none",
        on("POST /flows/filter", _number("offset", lambda offset: offset < 0, None)),
    ),
    Fault(
        "page-zero-is-the-first",
        "paging.bounds",
        "POST /flow_runs/paginate",
        "page 0 is taken for the first",
        on("POST /flow_runs/paginate", _number("page", lambda page: page == 0, 1)),
    ),
    Fault(
        "too-many-events",
        "paging.bounds",
        "POST /events/filter",
        "a limit above the largest is taken for the largest",
        on("POST /events/filter", _number("limit", lambda limit: limit > 50, 50)),
    ),
    Fault(
        "negative-limit-is-none",
        "paging.negative-limit",
        "POST /flows/filter",
        "a negative limit is taken for no limit",
        on("POST /flows/filter", _number("limit", lambda limit: limit < 0, None)),
    ),
    Fault(
        "limit-zero-is-none",
        "paging.limit-zero",
        "POST /flows/filter",
        "a limit of 0 is taken for no limit",
        on("POST /flows/filter", _number("limit", lambda limit: limit == 0, None)),
    ),
    Fault(
        "huge-limit-fails",
        "paging.huge-limit",
        "POST /flows/filter",
        "a limit of more than 64 bits makes the query fail",
        on("POST /flows/filter", _where_huge("limit", 500)),
    ),
    Fault(
        "huge-offset-fails",
        "paging.huge-offset",
        "POST /flows/filter",
        "an offset of more than 64 bits makes the query fail",
        on("POST /flows/filter", _where_huge("offset", 500)),
        mend=Fault(
            "huge-offset-is-refused",
            "paging.huge-offset",
            "POST /flows/filter",
            "an offset of more than 64 bits is refused",
            on("POST /flows/filter", _where_huge("offset", 422)),
        ),
    ),
    Fault(
        "huge-page-is-the-first",
        "paging.huge-offset",
        "POST /flow_runs/paginate",
        "a page that no machine word holds is taken for the first",
        on("POST /flow_runs/paginate", _number("page", lambda page: page > 2**30, 1)),
        mend=Fault(
            "huge-page-is-refused",
            "paging.huge-offset",
            "POST /flow_runs/paginate",
            "a page of more than 64 bits is refused",
            on("POST /flow_runs/paginate", _where_huge("page", 422)),
        ),
    ),
    Fault(
        "paginate-overlaps",
        "paging.paginate-results",
        "POST /flows/paginate",
        "a page begins with the last row of the one before",
        on("POST /flows/paginate", _from_the_result_before),
    ),
    Fault(
        "paginate-forgets-the-sort",
        "paging.paginate-results",
        "POST /flow_runs/paginate",
        "paginate uses the default sort, whatever is asked for",
        on("POST /flow_runs/paginate", _without("sort")),
    ),
    Fault(
        "paginate-rounds-down",
        "paging.paginate-numbers",
        "POST /task_runs/paginate",
        "the last page is not counted where it is not full",
        on("POST /task_runs/paginate", answered(lambda found: {**found, "pages": found["count"] // found["limit"]})),
    ),
    Fault(
        "paginate-counts-the-page",
        "paging.paginate-numbers",
        "POST /deployments/paginate",
        "the count is that of the page",
        on("POST /deployments/paginate", answered(lambda found: {**found, "count": len(found["results"])})),
    ),
    Fault(
        "paginate-shows-the-last-again",
        "paging.paginate-beyond",
        "POST /flows/paginate",
        "a page beyond the last is taken for the last",
        on("POST /flows/paginate", _last_page_again),
    ),
    Fault(
        "count-stops-at-the-limit",
        "paging.count-whole",
        "POST /flows/count",
        "count counts no further than the limit",
        on("POST /flows/count", told(lambda body, number: min(number, body.get("limit", number)))),
    ),
)
