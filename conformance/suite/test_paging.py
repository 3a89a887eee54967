"""Paging and counting: which part of a query's rows comes, and how many there are."""

from __future__ import annotations

from typing import Any

from conformance.suite.check import check
from conformance.suite.examiner import Body, Examiner
from conformance.suite.operands import operands
from conformance.suite.outcome import CouldNotRun, NotApplicable, require_equal
from conformance.suite.tables import Table, with_properties, with_twin
from conformance.suite.ties import without_ties


@check("paging.limit", on=with_properties("limit"))
def test_limit_bounds_the_rows(subject: Table, examiner: Examiner) -> None:
    everything = examiner.fenced(subject, {})
    size = len(examiner.records(subject, examiner.scopes(subject)[0]))
    # Where no filter keeps out what others put there, there are so many rows at least.
    beyond = (size + 1,) if everything or subject.resource.scope else ()
    for limit in (1, 2, size - 1, size, *beyond):
        found = _ids(subject, examiner, {**everything, "limit": limit})
        require_equal(f"limit {limit} of {size} rows", min(limit, size), len(set(found)))
        require_equal(f"limit {limit} of {size} rows", min(limit, size), len(found))


@check("paging.offset", on=with_properties("offset"))
def test_offset_skips_rows(subject: Table, examiner: Examiner) -> None:
    everything = {**examiner.fenced(subject, {}), **_total_order(subject, examiner)}
    whole = _ids(subject, examiner, everything)
    for offset in (0, 1, 2, len(whole) - 1, len(whole), len(whole) + 1):
        found = _ids(subject, examiner, {**everything, "offset": offset})
        require_equal(f"the rows from offset {offset}", whole[offset:], found)


@check("paging.pages", on=with_properties("limit", "offset"))
def test_pages_laid_end_to_end_are_the_list(subject: Table, examiner: Examiner) -> None:
    everything = {**examiner.fenced(subject, {}), **_total_order(subject, examiner)}
    whole = _ids(subject, examiner, everything)
    for size in (1, 3, 7):
        laid: list[Any] = []
        for offset in range(0, len(whole) + size, size):
            laid += _ids(subject, examiner, {**everything, "limit": size, "offset": offset})
        require_equal(f"pages of {size} laid end to end", whole, laid)


@check("paging.count", on=with_twin("count"))
def test_count_is_the_number_of_rows(subject: Table, examiner: Examiner) -> None:
    path = subject.query.operation.path.removesuffix("filter") + "count"
    bodies: list[Body] = [{}]
    for criterion in subject.own.criteria.values() if subject.own else ():
        for operator, takes in criterion.operators.items():
            values = examiner.values(subject, criterion.path, operator)
            first = next(iter(operands(operator, takes, values)), None)
            if first is not None and not criterion.deprecated:
                bodies.append(subject.resource.own(criterion.body(**{operator: first})))
    for body in bodies:
        fence = examiner.fenced(subject, body)
        found = _ids(subject, examiner, fence)
        require_equal(f"the count for {body}", len(found), examiner.ask(path, fence, again=True))


def _ids(table: Table, examiner: Examiner, body: Body) -> list[Any]:
    return [row[table.resource.identity] for row in examiner.rows(table, body, again=True)]


_FEWEST_ROWS = 3


def _total_order(table: Table, examiner: Examiner) -> Body:
    """A sort, and a filter for some of the world's rows, of which no two tie under it.

    Only then is it promised which row comes on which page.
    """
    if not table.query.sorts:
        raise NotApplicable("unsorted")
    records = examiner.records(table, examiner.scopes(table)[0])
    for sort in table.query.sorts:
        found = without_ties(table, sort, records, examiner.world.population.records)
        if len(found) >= _FEWEST_ROWS:
            fence = table.resource.fence
            return {**(table.resource.own(fence(found)) if fence else {}), "sort": sort}
    raise CouldNotRun("every sort key has ties in the world")
