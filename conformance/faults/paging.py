"""Faults in which part of a query's rows comes, and in how many there are said to be."""

from __future__ import annotations

from conformance.faults.bends import Json, answered, asked, on, told
from conformance.faults.fault import Fault


def _one_row_less(body: Json, rows: Json) -> Json:
    return rows[:-1] if len(rows) == body.get("limit") else rows


def _from_the_row_before(body: Json) -> Json:
    return {**body, "offset": max(0, body["offset"] - 1)} if "limit" in body and body.get("offset") else body


def _sorted_on_the_first_page_only(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "sort"} if body.get("offset") else body


def _without_offset(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "offset"}


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
)
