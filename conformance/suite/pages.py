"""What a query says of its paging, and the rows that paging is judged on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from conformance.contract import Contract, Filter, Query
from conformance.suite.bad_bodies import legal_body, reading
from conformance.suite.examiner import Body, Examiner
from conformance.suite.operands import NOBODY, operands
from conformance.suite.tables import Table
from conformance.suite.ties import without_ties

KEYS = ("limit", "offset", "page")


@dataclass(frozen=True)
class Range:
    """What the document says of one of the keys: the least and the largest value, None where it names none."""

    key: str
    least: int | None
    largest: int | None


@dataclass(frozen=True)
class Paged:
    """A query that pages, a body that it takes, and the ranges of its keys."""

    query: Query
    legal: Body
    ranges: Mapping[str, Range] = field(hash=False)


def paged(contract: Contract) -> Mapping[str, Paged]:
    """Every reading query whose body has a limit, an offset or a page, by its label."""
    found = {
        label: Paged(query, legal_body(contract, query), ranges(contract, query))
        for label, query in reading(contract).items()
    }
    return {label: subject for label, subject in found.items() if subject.ranges}


def bounded(contract: Contract) -> Mapping[str, Paged]:
    """Those of which the document bounds a key."""
    return {
        label: subject
        for label, subject in paged(contract).items()
        if any(found.least is not None or found.largest is not None for found in subject.ranges.values())
    }


def limited(contract: Contract) -> Mapping[str, Paged]:
    """Those with a limit."""
    return {label: subject for label, subject in paged(contract).items() if "limit" in subject.ranges}


def skipping(contract: Contract) -> Mapping[str, Paged]:
    """Those with an offset or a page."""
    return {label: subject for label, subject in paged(contract).items() if subject.ranges.keys() - {"limit"}}


def ranges(contract: Contract, query: Query) -> Mapping[str, Range]:
    """The ranges of a query's paging keys."""
    properties = contract.body_properties(query.operation.label)
    found = {}
    for key in KEYS:
        if key in properties:
            schema = contract.resolve(properties[key])
            found[key] = Range(key, _whole(schema.get("minimum")), _whole(schema.get("maximum")))
    return found


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def default_limit(contract: Contract, query: Query, settings: Any) -> int | None:
    """How many rows the query answers without a limit, by its document, or by the setting that the document names.

    `settings` are the server's own, as it shows them: nested, or flat under the names of environment variables.
    None where that is not to be had.
    """
    schema = contract.resolve(contract.body_properties(query.operation.label).get("limit", {}))
    if isinstance(schema.get("default"), int):
        return int(schema["default"])
    named = re.search(r"\bPREFECT_\w+", str(schema.get("description", "")))
    found = dict(_flat(settings)).get(named[0]) if named else None
    return found if isinstance(found, int) else None


def _flat(settings: Any, prefix: str = "PREFECT") -> Iterator[tuple[str, Any]]:
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            name = key if key.startswith("PREFECT_") else f"{prefix}_{key.upper()}"
            yield name, value
            yield from _flat(value, name)


def listed(answer: Any) -> list[Any] | None:
    """The rows of a query's answer: the list that it is, or the only one that it holds; None where there is none."""
    if isinstance(answer, list):
        return answer
    lists = [value for value in answer.values() if isinstance(value, list)] if isinstance(answer, Mapping) else []
    return lists[0] if len(lists) == 1 else None


_MOST_ORDERS = 4
_FEWEST_ROWS = 3


def total_orders(table: Table, examiner: Examiner) -> Iterator[tuple[str, Body]]:
    """Some sort keys, each with the body of a query for records of which no two tie under it.

    The default sort comes last: a server that drops the sort is seen by the others.
    """
    world = examiner.world.population.records
    fence = table.resource.fence
    settled = [sort for sort in table.query.sorts if not table.resource.follows_clock(sort)]
    sorts = sorted(settled, key=lambda sort: sort == table.query.default_sort)
    chosen = 0
    for sort in sorts:
        apart = without_ties(table, sort, examiner.expected(table, {}), world)
        if chosen < _MOST_ORDERS and len(apart) >= _FEWEST_ROWS:
            chosen += 1
            yield sort, {**(table.resource.own(fence(apart)) if fence else {}), "sort": sort}


def some_filters(table: Table, filters: Mapping[str, Filter], examiner: Examiner) -> Iterator[Body]:
    """Bodies that find none but the world's own rows, of the filters that a query beside the table's own takes too."""
    yield examiner.fenced(table, {})
    singles = list(_by_operator(table, filters, examiner))
    yield from singles
    yield from _by_either(table, filters, examiner)
    for key, filter_ in filters.items():
        if key != table.resource.key and "id" in filter_.criteria:
            ids = examiner.world.population.ids(table.resource.relation(key).collection)
            for wanted in (ids, ids[::2], [NOBODY]):
                yield examiner.fenced(table, {key: {"id": {"any_": wanted}}})
            yield from ({**body, key: {"id": {"any_": ids}}} for body in singles[-1:])


def _by_operator(table: Table, filters: Mapping[str, Filter], examiner: Examiner) -> Iterator[Body]:
    """Each operator of the collection's own filter, alone."""
    own = filters.get(table.resource.key)
    for criterion in own.criteria.values() if own else ():
        for operator, takes in criterion.operators.items():
            values = examiner.values(table, criterion.path, operator)
            first = next(iter(operands(operator, takes, values)), None)
            if first is not None and not criterion.deprecated:
                yield examiner.fenced(table, table.resource.own(criterion.body(**{operator: first})))


def _by_either(table: Table, filters: Mapping[str, Filter], examiner: Examiner) -> Iterator[Body]:
    """Two criteria joined by OR, of which either finds the world's own rows only, so that the whole needs no fence."""
    own, fence = filters.get(table.resource.key), table.resource.fence
    named = own.criteria.get("name") if own else None
    if fence is None or own is None or "" not in own.combinable or named is None or "any_" not in named.operators:
        return
    records = examiner.expected(table, {})
    for one, other in pairwise(records[:: max(1, len(records) // 3)]):
        yield table.resource.own({"operator": "or_", **fence([one]), "name": {"any_": [other["name"]]}})
