"""Events: how their pages follow each other, what of several resources counts, and how they are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise, product
from typing import Any
from urllib.parse import urlsplit

import httpx

from conformance.contract import Contract
from conformance.oracle import first_disorder
from conformance.oracle.operators import instant
from conformance.resources import Record
from conformance.suite.check import check
from conformance.suite.examiner import Body, Examiner
from conformance.suite.operands import operands
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.tables import Table, cells, tables

_NEXT = "/events/filter/next"
_COUNT = "/events/count-by/{countable}"


@dataclass(frozen=True)
class Place:
    """One place of the filter that speaks of an event's resources (`related`)."""

    table: Table
    path: str


@dataclass(frozen=True)
class Order:
    """An order of events; `name` is None for a query that names none, whose rows come in the order `meant`."""

    table: Table
    name: str | None
    meant: str


@dataclass(frozen=True)
class Count:
    """What events are counted by."""

    table: Table
    countable: str

    @property
    def path(self) -> str:
        """Where to ask for it."""
        return _COUNT.format(countable=self.countable)


def events(contract: Contract) -> Mapping[str, Table]:
    """The query for events, by its label."""
    found = tables(contract).get("events")
    return {found.query.operation.label: found} if found and found.own else {}


def paged(contract: Contract) -> Mapping[str, Table]:
    """The operation that gives a further page of events, by its label."""
    return (
        {f"GET {_NEXT}": table for table in events(contract).values()} if f"GET {_NEXT}" in contract.operations else {}
    )


def places(contract: Contract) -> Mapping[str, Place]:
    """The criteria that read several resources of an event: `events.related`."""
    return {
        f"events.{path}": Place(table, path)
        for table in events(contract).values()
        for path in table.resource.members_of
        if table.own and path in table.own.criteria
    }


def repeatable(contract: Contract) -> Mapping[str, Place]:
    """Those of them that take a list of filters."""
    return {
        name: place
        for name, place in places(contract).items()
        if place.table.own and place.path in place.table.own.repeatable
    }


def distinct(contract: Contract) -> Mapping[str, Table]:
    """The query for events, where they can be those of distinct resources."""
    return {cell.name: cell.table for cell in cells(contract) if cell.operator == "distinct"}


def orders(contract: Contract) -> Mapping[str, Order]:
    """Every order that events can be asked for in, and the default one: `events.ASC`, `events by default`."""
    found: dict[str, Order] = {}
    for table in events(contract).values():
        own = table.own
        if own is not None:
            found |= {f"events.{name}": Order(table, name, name) for name in own.orders}
            if own.default_order is not None:
                found["events by default"] = Order(table, None, own.default_order)
    return found


def counted(*countables: str) -> Any:
    """What events are counted by, by the path of the operation: `POST /events/count-by/event`."""

    def of(contract: Contract) -> Mapping[str, Count]:
        return {
            f"POST {_COUNT.format(countable=countable)}": Count(table, countable)
            for table in events(contract).values()
            for countable in countables
            if f"POST {_COUNT}" in contract.operations
        }

    return of


@check("events.one-resource", on=places)
def test_operators_hold_on_one_resource(subject: Place, examiner: Examiner) -> None:
    """Each value of one operator with each value of another: some resource has both, or several share them."""
    criterion = subject.table.own.criteria[subject.path] if subject.table.own else None
    if criterion is None:
        raise CouldNotRun(f"the filter has no {subject.path}")
    single = {operator: list(_single(subject, operator, examiner)) for operator in criterion.operators}
    for (one, mine), (other, theirs) in product(single.items(), single.items()):
        if one < other:
            for a, b in product(mine, theirs):
                body = subject.table.resource.own(criterion.body(**{one: a, other: b}))
                examiner.require_rows(subject.table, body, shows=[f"{subject.path}.{one}", f"{subject.path}.{other}"])


@check("events.every-filter", on=repeatable)
def test_all_filters_of_a_list_hold(subject: Place, examiner: Examiner) -> None:
    one = [{"id": [value]} for value in _ids(subject, examiner)]
    for filters in ([first, second] for first, second in product(one, one)):
        body = subject.table.resource.own({subject.path: filters})
        examiner.require_rows(subject.table, body, shows=[f"{subject.path}.id"])


@check("events.distinct", on=distinct)
def test_distinct_resources_come_once(subject: Table, examiner: Examiner) -> None:
    for filter_ in _filters(subject, examiner):
        matching = examiner.expected(subject, subject.resource.own(filter_))
        asked = {**filter_, "resource": {**filter_.get("resource", {}), "distinct": True}}
        page = _page(subject, examiner, asked)
        found = [row["resource"]["prefect.resource.id"] for row in page["events"]]
        require_equal("the resources of the events", sorted(_resources(matching)), sorted(found))
        require_equal("the total", len(found), page["total"])
        examiner.coverage.judged(
            "events.resource.distinct", hits=len(found), misses=len(matching) - len(found), nulls=0
        )


@check("events.order", on=orders)
def test_events_come_in_order(subject: Order, examiner: Examiner) -> None:
    asked = {} if subject.name is None else {"order": subject.name}
    rows = _page(subject.table, examiner, asked)["events"]
    require_equal("the number of events", len(examiner.records(subject.table)), len(rows))
    _require_order(subject.table, examiner, subject.meant, rows)


@check("events.total", on=events)
def test_total_is_the_number_of_matching_events(subject: Table, examiner: Examiner) -> None:
    for filter_ in _filters(subject, examiner):
        wanted = len(examiner.expected(subject, subject.resource.own(filter_)))
        for limit in (1, 50):
            page = _page(subject, examiner, filter_, limit=limit)
            require_equal(f"the total for {filter_}", wanted, page["total"])
            require_equal(f"the events of limit {limit} for {filter_}", min(limit, wanted), len(page["events"]))


@check("events.next-page", on=paged)
def test_next_pages_laid_end_to_end_are_all_events(subject: Table, examiner: Examiner) -> None:
    for filter_, order in product(islice(_filters(subject, examiner), _MOST), ("ASC", "DESC")):
        wanted = sorted(row["id"] for row in examiner.expected(subject, subject.resource.own(filter_)))
        for size in (1, 5, max(1, len(wanted) - 1)):
            laid = _laid(subject, examiner, {**filter_, "order": order}, size, len(wanted))
            require_equal(f"pages of {size} laid end to end", wanted, sorted(row["id"] for row in laid))
            _require_order(subject, examiner, order, laid)


@check("events.count-by", on=counted("event", "resource"))
def test_events_are_counted_by_what_they_are(subject: Count, examiner: Examiner) -> None:
    for filter_ in _filters(subject.table, examiner):
        occurred: dict[str, list[Any]] = {}
        for row in examiner.expected(subject.table, subject.table.resource.own(filter_)):
            value = row["event"] if subject.countable == "event" else row["resource"]["prefect.resource.id"]
            occurred.setdefault(value, []).append(instant(row["occurred"]))
        groups = _groups(subject, examiner, {}, filter_)
        found = Counter[str]()
        for group in groups:
            found[group["value"]] += group["count"]
        require_equal(f"the counts for {filter_}", {key: len(those) for key, those in occurred.items()}, dict(found))
        require_equal("the groups", len(found), len(groups))
        for group in groups:
            times = [instant(group["start_time"]), instant(group["end_time"])]
            those = occurred[group["value"]]
            if times != [min(those), max(those)]:
                raise Violation(
                    "a group does not begin with its first and end with its last event",
                    expected=[min(those).isoformat(), max(those).isoformat()],
                    observed=group,
                )


def _intervals(subject: Count) -> Sequence[Body]:
    """How long the groups are to be. A day is a day: what a unit beside it means, no document says."""
    return _INTERVALS[:1] if subject.countable == "day" else _INTERVALS


_INTERVALS: tuple[Body, ...] = (
    {},
    {"time_unit": "day", "time_interval": 2},
    {"time_unit": "hour", "time_interval": 1},
    {"time_unit": "hour", "time_interval": 12.5},
    {"time_unit": "week", "time_interval": 1},
)


@check("events.count-by-time", on=counted("day", "time"))
def test_events_are_counted_by_when_they_occurred(subject: Count, examiner: Examiner) -> None:
    # No event is within a millisecond of the end of a group, nor at the end of the range: those are rules of their own.
    rows = _apart(subject, examiner, late=False)
    until = max(_moments(rows)) + timedelta(seconds=1, milliseconds=500)
    plain = {"occurred": {"until": until.isoformat()}, "id": {"id": [row["id"] for row in rows]}}
    for filter_ in _filters(subject.table, examiner):
        for interval in _intervals(subject)[: 1 if filter_ else None]:
            _require_groups(subject, examiner, interval, {**filter_, **plain})


@check("events.count-by-last-instant", on=counted("day", "time"))
def test_event_at_the_last_instant_of_a_group_is_counted_there(subject: Count, examiner: Examiner) -> None:
    for row in _apart(subject, examiner, late=True):
        until = instant(row["occurred"]) + timedelta(minutes=1)
        alone = {"occurred": {"until": until.isoformat()}, "id": {"id": [row["id"]]}}
        for interval in _intervals(subject):
            _require_groups(subject, examiner, interval, alone)


_LAST = 999_000
"""Microseconds of a second from which on an event counts as at its end."""


@check("events.count-by-time-edge", on=counted("day", "time"))
def test_event_at_the_end_of_the_range_is_counted(subject: Count, examiner: Examiner) -> None:
    rows = _apart(subject, examiner, late=False)
    midnights = {moment for moment in _moments(rows) if moment.time() == time()}
    if not midnights:
        raise CouldNotRun("the world has no event at midnight")
    ids = {"id": {"id": [row["id"] for row in rows]}}
    for until in sorted(midnights):
        _require_groups(subject, examiner, {}, {**ids, "occurred": {"until": until.isoformat()}})


def _apart(subject: Count, examiner: Examiner, *, late: bool) -> list[Record]:
    """The events at the end of a second, or all others. Raises CouldNotRun where there are none."""
    records = examiner.records(subject.table)
    found = [row for row in records if (instant(row["occurred"]).microsecond >= _LAST) is late]
    if not found:
        raise CouldNotRun(f"the world has no event {'at' if late else 'before'} the end of a second")
    return found


def _moments(rows: Sequence[Record]) -> list[datetime]:
    return [instant(row["occurred"]).astimezone(UTC) for row in rows]


def _require_groups(subject: Count, examiner: Examiner, interval: Body, filter_: Body) -> None:
    """Raise Violation unless each of the events that `filter_` selects is counted in one group around it."""
    moments = _moments(examiner.expected(subject.table, subject.table.resource.own(filter_)))
    groups = _groups(subject, examiner, interval, filter_)
    require_equal(f"the counts for {filter_} add up", len(moments), sum(group["count"] for group in groups))
    for group in groups:
        start, end = instant(group["start_time"]), instant(group["end_time"])
        inside = sum(start < moment < end for moment in moments)
        edges = sum(moment in (start, end) for moment in moments)
        if not inside <= group["count"] <= inside + edges:
            raise Violation(
                f"a group has the wrong number of events under {interval}", expected=inside + edges, observed=group
            )
    spans = sorted((instant(group["start_time"]), instant(group["end_time"])) for group in groups)
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise Violation(f"groups overlap under {interval}", observed=groups)


def _filters(table: Table, examiner: Examiner) -> Iterator[Body]:
    """Everything, and by one operator of each criterion some of the events."""
    yield {}
    for criterion in table.own.criteria.values() if table.own else ():
        # The fence needs the bounds of time and the ids.
        if criterion.path in ("occurred", "id"):
            continue
        for operator, takes in criterion.operators.items():
            values = examiner.values(table, criterion.path, operator)
            for operand in operands(operator, takes, values):
                filter_ = criterion.body(**{operator: operand})
                found = len(examiner.expected(table, table.resource.own(filter_)))
                if not 1 < found < len(values):
                    continue
                # What is wrong with the operator itself is another rule's matter.
                if examiner.sound(table, table.resource.own(filter_)):
                    yield filter_
                    break
                if not examiner.answers(table, table.resource.own(filter_)):
                    break


def _asked(table: Table, examiner: Examiner, filter_: Body) -> Body:
    body = examiner.fenced(table, table.resource.own(filter_))
    return dict(body)


def _page(table: Table, examiner: Examiner, filter_: Body, limit: int = 50) -> Any:
    body = {**_asked(table, examiner, filter_), "limit": limit}
    return _checked(examiner.ask(table.query.operation.path, body, again=True))


def _checked(page: Any) -> Any:
    """A page of events. Raises Violation where it is none."""
    listed = page.get("events") if isinstance(page, dict) else None
    if not isinstance(listed, list) or not isinstance(page.get("total"), int) or "next_page" not in page:
        raise Violation("the answer is no page of events", expected=["events", "total", "next_page"], observed=page)
    return page


def _laid(table: Table, examiner: Examiner, filter_: Body, size: int, wanted: int) -> list[Record]:
    """The events of all pages. Raises Violation where there is a next page just when there are no more events."""
    page = _page(table, examiner, filter_, limit=size)
    laid = list(page["events"])
    while (page["next_page"] is not None) == (len(laid) < wanted) and page["next_page"] is not None:
        page = _checked(_followed(page["next_page"], examiner))
        if not page["events"]:
            raise Violation("a further page has no events", expected=f"{wanted - len(laid)} more", observed=page)
        require_equal("the total on a further page", wanted, page["total"])
        laid += page["events"]
    if page["next_page"] is not None or len(laid) < wanted:
        raise Violation(
            f"after {len(laid)} of {wanted} events there is {'no' if page['next_page'] is None else 'a'} next page",
            expected="a next page just while there are more",
            observed=page["next_page"],
        )
    return laid


def _followed(url: str, examiner: Examiner) -> Any:
    """What is at the URL of a next page, asked for at the target: a gateway may know its server by another name."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.path.endswith(_NEXT):
        raise Violation("next_page is not the URL of a page", expected=f"https://…{_NEXT}?…", observed=url)
    response = examiner.client.request("GET", f"{_NEXT}?{parts.query}")
    if response.status_code != httpx.codes.OK:
        raise Violation(f"the next page answers {response.status_code}", expected=200, observed=response.text[:400])
    return response.json()


def _groups(subject: Count, examiner: Examiner, interval: Body, filter_: Body) -> list[Record]:
    """The groups of events that are counted. Raises Violation where the answer is no list of groups."""
    body = {**_asked(subject.table, examiner, filter_), **interval}
    groups = examiner.ask(subject.path, body, again=True)
    named = {"value", "count", "start_time", "end_time"}
    if not isinstance(groups, list) or not all(isinstance(group, dict) and named <= group.keys() for group in groups):
        raise Violation("the answer is no list of groups", expected=sorted(named), observed=groups)
    return groups


def _require_order(table: Table, examiner: Examiner, order: str, rows: Sequence[Record]) -> None:
    wrong = first_disorder(table.resource, f"OCCURRED_{order}", rows, examiner.world.population.records)
    if wrong is not None:
        raise Violation(
            f"{order} is not the order of the events",
            expected=f"{wrong.first['event']!r} and {wrong.second['event']!r} the other way round",
            observed={wrong.first["event"]: wrong.first_value, wrong.second["event"]: wrong.second_value},
        )


_MOST = 3
"""Filters that are paged, and values of each operator that are combined."""


def _single(subject: Place, operator: str, examiner: Examiner) -> Iterator[Any]:
    """Operands that name one thing each: an id, a role, one label."""
    takes = subject.table.own.criteria[subject.path].operators[operator] if subject.table.own else None
    if takes is None:
        return
    found = operands(operator, takes, examiner.values(subject.table, subject.path, operator))
    distinct_ones = [operand for operand in found if len(operand) == 1]
    # Not the beginning of a list that speaks of one label, or of one resource, first.
    yield from distinct_ones[:: max(1, len(distinct_ones) // _MOST)]


def _ids(subject: Place, examiner: Examiner) -> list[str]:
    found = examiner.values(subject.table, subject.path, "id")
    return list(dict.fromkeys(id_ for ids in found if ids for id_ in ids))[:_MOST]


def _resources(rows: Sequence[Record]) -> set[str]:
    return {row["resource"]["prefect.resource.id"] for row in rows}
