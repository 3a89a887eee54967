"""Faults that show only when criteria, related collections, sorting and paging come together."""

from __future__ import annotations

from conformance.faults.bends import Json, asked, on
from conformance.faults.criteria import operator
from conformance.faults.fault import Fault


def _one_related_collection(body: Json) -> Json:
    others = [key for key, value in body.items() if key != "flows" and isinstance(value, dict)]
    return {key: value for key, value in body.items() if key not in others[1:]}


def _own_filter_only(body: Json) -> Json:
    return {key: value for key, value in body.items() if key == "flows"}


def _last_criterion_only(body: Json) -> Json:
    own = body.get("flows")
    if not isinstance(own, dict):
        return body
    ignored = [key for key in own if key not in ("id", "operator")][:-1]
    return {**body, "flows": {key: value for key, value in own.items() if key not in ignored}}


def _no_alternatives(body: Json) -> Json:
    own = body.get("flows")
    if not isinstance(own, dict):
        return body
    return {**body, "flows": {key: value for key, value in own.items() if key != "operator"}}


def _by_ids_only(body: Json) -> Json:
    related = body.get("flow_runs")
    if not isinstance(related, dict) or "id" not in related:
        return body
    return {**body, "flow_runs": {"id": related["id"]}}


def _from_the_row_before(body: Json) -> Json:
    return {**body, "offset": body["offset"] - 1} if "flows" in body and body.get("offset") else body


FAULTS = (
    Fault(
        "second-related-collection-ignored",
        "composition.rows",
        "POST /flows/filter",
        "of two related collections, only one restricts",
        on("POST /flows/filter", asked(_one_related_collection)),
    ),
    Fault(
        "count-ignores-related-collections",
        "composition.totals",
        "POST /flows/count",
        "count ignores related collections",
        on("POST /flows/count", asked(_own_filter_only)),
    ),
    Fault(
        "paginate-ignores-related-collections",
        "composition.totals",
        "POST /flows/count",
        "paginate ignores related collections",
        on("POST /flows/paginate", asked(_own_filter_only)),
    ),
    Fault(
        "last-criterion-only",
        "composition.narrows",
        "POST /flows/filter",
        "with two criteria, only the last one counts",
        on("POST /flows/filter", asked(_last_criterion_only)),
    ),
    Fault(
        "alternatives-ignored",
        "composition.widens",
        "POST /flows/filter",
        "or_ is ignored between criteria",
        on("POST /flows/filter", asked(_no_alternatives)),
    ),
    Fault(
        "not-any-first-only",
        "composition.partition",
        "flow_runs.state.type",
        "not_any_ heeds its first value only",
        operator("flow_runs.state.type.not_any_", lambda values: values[:1]),
    ),
    Fault(
        "related-by-ids-only",
        "composition.two-step",
        "flows by flow_runs",
        "a related collection is filtered by its ids only",
        on("POST /flows/filter", asked(_by_ids_only)),
    ),
    Fault(
        "filtered-page-repeats-a-row",
        "composition.pages",
        "POST /flows/filter",
        "a page under a filter repeats the last row of the one before",
        on("POST /flows/filter", asked(_from_the_row_before)),
    ),
)
