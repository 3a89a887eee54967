"""Sorting: rows come in the order that the sort key names, and all of them come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.contract import Contract
from conformance.oracle import first_disorder
from conformance.resources import Record
from conformance.suite.check import check
from conformance.suite.examiner import Examiner
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.tables import Table, tables


@dataclass(frozen=True)
class Sort:
    """A sort key of one collection's query."""

    table: Table
    key: str


def sort_keys(contract: Contract) -> Mapping[str, Sort]:
    """Every sort key of the queries: `flow_runs.START_TIME_ASC`."""
    return {f"{table.name}.{key}": Sort(table, key) for table in tables(contract).values() for key in table.query.sorts}


@check("sort.order", on=sort_keys)
def test_rows_are_in_order(subject: Sort, examiner: Examiner) -> None:
    resource = subject.table.resource
    found = _sorted_rows(subject, examiner)
    wrong = first_disorder(resource, subject.key, found, examiner.world.population.records)
    if wrong is not None:
        first, second = (row.get("name") or row[resource.identity] for row in (wrong.first, wrong.second))
        raise Violation(
            f"{subject.key} is not the order of the rows",
            expected=f"{first!r} and {second!r} the other way round",
            observed={str(first): wrong.first_value, str(second): wrong.second_value},
        )


@check("sort.permutation", on=sort_keys)
def test_sorting_neither_loses_nor_repeats_rows(subject: Sort, examiner: Examiner) -> None:
    identity = subject.table.resource.identity
    found = _sorted_rows(subject, examiner)
    wanted = sorted(record[identity] for record in examiner.expected(subject.table, {}))
    require_equal("the rows under the sort", wanted, sorted(row[identity] for row in found))


def _sorted_rows(subject: Sort, examiner: Examiner) -> list[Record]:
    # Asked anew for each rule: an answer that is kept would hide a server that answers in turns.
    return examiner.rows(subject.table, {**examiner.fenced(subject.table, {}), "sort": subject.key}, again=True)
