"""Faults in the order of rows, and in which of them come under a sort key."""

from __future__ import annotations

from collections.abc import Callable

from conformance.faults.bends import Json, asked, on, told
from conformance.faults.fault import Bend, Fault


def under(sort: str, edit: Callable[[Json], Json]) -> Bend:
    """The rows of any query under one sort key are others."""
    return on("POST /{collection}/filter", told(lambda body, rows: edit(rows) if body.get("sort") == sort else rows))


def instead_of(sort: str, other: str | None) -> Bend:
    """Any query under one sort key is sorted by another, or by none."""

    def replaced(body: Json) -> Json:
        if body.get("sort") != sort:
            return body
        rest = {key: value for key, value in body.items() if key != "sort"}
        return rest if other is None else {**rest, "sort": other}

    return on("POST /{collection}/filter", asked(replaced))


FAULTS = (
    Fault(
        "sort-is-reversed",
        "sort.order",
        "flows.NAME_DESC",
        "a descending sort key sorts ascending",
        instead_of("NAME_DESC", "NAME_ASC"),
    ),
    Fault(
        "sort-is-ignored",
        "sort.order",
        "flow_runs.START_TIME_ASC",
        "a sort key is accepted and ignored",
        instead_of("START_TIME_ASC", None),
    ),
    Fault(
        "sort-reads-another-time",
        "sort.order",
        "task_runs.EXPECTED_START_TIME_ASC",
        "EXPECTED_START_TIME_ASC sorts by the next scheduled start",
        instead_of("EXPECTED_START_TIME_ASC", "NEXT_SCHEDULED_START_TIME_ASC"),
    ),
    Fault(
        "sort-swaps-the-last-rows",
        "sort.order",
        "deployments.CREATED_DESC",
        "the last two rows under a sort key have changed places",
        under("CREATED_DESC", lambda rows: [*rows[:-2], *reversed(rows[-2:])]),
    ),
    Fault(
        "sort-drops-nulls",
        "sort.permutation",
        "flow_runs.END_TIME_DESC",
        "a sort key leaves out the rows without a value",
        under("END_TIME_DESC", lambda rows: [row for row in rows if row["end_time"] is not None]),
    ),
    Fault(
        "sort-repeats-a-row",
        "sort.permutation",
        "flows.NAME_ASC",
        "a sort key brings its first row again in place of its last",
        under("NAME_ASC", lambda rows: [*rows[:-1], *rows[:1]]),
    ),
)
