"""Aggregates: counts, sums and means over the runs that a filter selects, and short lists of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from conformance import oracle
from conformance.contract import Contract, Query
from conformance.oracle import aggregates
from conformance.oracle.aggregates import Range, Span
from conformance.oracle.operators import instant
from conformance.resources import Record, Relation, Resource
from conformance.suite.check import Subjects, check
from conformance.suite.examiner import Body, Examiner
from conformance.suite.operands import NOBODY
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.tables import Table, tables

_EACH = 1.0
"""Seconds by which the figure of one run may differ from that of its record."""

_STARTS = (("expected_start_time",), ("start_time", "expected_start_time"))
"""By which times a run may be placed in an interval."""


@dataclass(frozen=True)
class Aggregate:
    """A query whose answer is made of runs; `table` is the query that lists those."""

    query: Query
    table: Table

    @property
    def path(self) -> str:
        """Where to ask it."""
        return self.query.operation.path

    @property
    def interval(self) -> str:
        """The property of the body that says how long an interval of a history is."""
        return next(name for name in self.query.properties if name.startswith("history_interval"))

    @property
    def intervals(self) -> frozenset[str]:
        """Under which names to say it. The documents of 3.0 name another property than the one that is read."""
        return frozenset({self.interval, "history_interval_seconds"})


@dataclass(frozen=True)
class Restriction:
    """An aggregate, and one key of its body that restricts the runs."""

    aggregate: Aggregate
    key: str


_HISTORIES = ("POST /flow_runs/history", "POST /task_runs/history")
_LATENESS = "POST /flow_runs/lateness"
_LIST = "POST /ui/flow_runs/history"
_BY_STATE = "POST /ui/task_runs/count"
_DASHBOARD = "POST /ui/task_runs/dashboard/counts"
_DEPLOYMENTS = "POST /ui/flows/count-deployments"
_TASKS = "POST /ui/flow_runs/count-task-runs"
_NEXT = "POST /ui/flows/next-runs"


def asked(*labels: str) -> Subjects:
    """Those of the aggregates that the contract has, by their label."""

    def of(contract: Contract) -> Mapping[str, Aggregate]:
        known = tables(contract)
        found = {label: contract.queries[label] for label in labels if label in contract.queries}
        kinds = {label: "flow_runs" if "flow_runs" in label else "task_runs" for label in labels}
        return {label: Aggregate(query, known[kinds[label]]) for label, query in found.items() if kinds[label] in known}

    return of


def restrictions(contract: Contract) -> Mapping[str, Restriction]:
    """Every key of an aggregate's body that restricts its runs: `POST /flow_runs/history by flows`."""
    return {
        f"{label} by {key}": Restriction(aggregate, key)
        for label, aggregate in asked(*_HISTORIES, _LATENESS, _LIST, _BY_STATE, _DASHBOARD)(contract).items()
        for key in aggregate.query.filters
    }


def operations(*labels: str) -> Subjects:
    """Those of the operations that the contract has, by their label."""
    return lambda contract: {label: label for label in labels if label in contract.operations}


# Histories


@check("aggregates.history-asked", on=asked(*_HISTORIES))
def test_a_history_is_asked_for_as_documented(subject: Aggregate, examiner: Examiner) -> None:
    day = Range(_START, _START + timedelta(days=1), timedelta(hours=1))
    undocumented = subject.intervals - {subject.interval}
    body = {key: value for key, value in _ranged(subject, day, {}).items() if key not in undocumented}
    require_equal("the intervals of a day", 24, len(_entries(examiner.ask(subject.path, body, again=True))))


@check("aggregates.history-intervals", on=asked(*_HISTORIES))
def test_intervals_tile_the_range(subject: Aggregate, examiner: Examiner) -> None:
    for within in _ranges(subject, examiner):
        _require_intervals(subject, examiner, within)


@check("aggregates.history-exact", on=asked(*_HISTORIES))
def test_intervals_are_exact_to_the_microsecond(subject: Aggregate, examiner: Examiner) -> None:
    for within in _ranges(subject, examiner):
        exact = Range(within.start + timedelta(microseconds=1), within.end + timedelta(microseconds=1), within.step)
        _require_intervals(subject, examiner, exact)


def _require_intervals(subject: Aggregate, examiner: Examiner, within: Range) -> None:
    found = [_interval(entry) for entry in _history(subject, examiner, within, {})]
    if found != (wanted := within.intervals()):
        raise Violation(
            f"the intervals do not tile the range from {within.start.isoformat()} to {within.end.isoformat()}",
            expected=[len(wanted), *(_text(pair) for pair in (*wanted[:2], *wanted[-1:]))],
            observed=[len(found), *(_text(pair) for pair in (*found[:2], *found[-1:]))],
        )


@check("aggregates.history-complete", on=asked(*_HISTORIES))
def test_a_long_history_is_whole_or_refused(subject: Aggregate, examiner: Examiner) -> None:
    within = Range(_START, _START + timedelta(days=600), timedelta(days=1))
    response = examiner.client.request("POST", subject.path, _ranged(subject, within, _fenced(subject, examiner, {})))
    if response.status_code == httpx.codes.OK:
        require_equal("the intervals of a history of 600 days", 600, len(_entries(response.json())))
    elif not httpx.codes.is_client_error(response.status_code):
        raise Violation(f"a long history is answered {response.status_code}", expected="200 or 4xx")


@check("aggregates.history-refused", on=asked(*_HISTORIES))
def test_intervals_below_a_second_are_refused(subject: Aggregate, examiner: Examiner) -> None:
    day = Range(_START, _START + timedelta(days=1), timedelta(hours=1))
    for seconds in (0.5, 0, -1, -3600):
        body = {key: seconds if key in subject.intervals else value for key, value in _ranged(subject, day, {}).items()}
        response = examiner.client.request("POST", subject.path, body)
        if not httpx.codes.is_client_error(response.status_code):
            raise Violation(
                f"an interval of {seconds} s is answered {response.status_code}",
                expected="4xx",
                observed={"body": body, "answer": response.text[:400]},
            )


@check("aggregates.history-backwards", on=asked(*_HISTORIES))
def test_a_range_that_ends_before_it_starts_has_no_intervals(subject: Aggregate, examiner: Examiner) -> None:
    backwards = Range(_START + timedelta(days=1), _START, timedelta(hours=1))
    response = examiner.client.request("POST", subject.path, _ranged(subject, backwards, {}))
    empty = response.status_code == httpx.codes.OK and response.json() == []
    if not empty and not httpx.codes.is_client_error(response.status_code):
        raise Violation(
            f"a range that ends before it starts is answered {response.status_code}",
            expected="4xx, or no intervals",
            observed=response.text[:400],
        )


@check("aggregates.history-counts", on=asked(*_HISTORIES))
def test_each_run_is_counted_once_in_its_interval(subject: Aggregate, examiner: Examiner) -> None:
    for within in _ranges(subject, examiner):
        # A run at the last instant of an interval is a rule of its own.
        _require_counts(subject, examiner, within, late=False)


@check("aggregates.history-instant", on=asked(*_HISTORIES))
def test_run_at_the_last_instant_of_an_interval_is_counted_there(subject: Aggregate, examiner: Examiner) -> None:
    ranges = [within for within in _ranges(subject, examiner) if _runs(subject, examiner, within, late=True)[0]]
    if not ranges:
        raise CouldNotRun("no run of the world starts at the last instant of an interval")
    for within in ranges:
        _require_counts(subject, examiner, within, late=True)


def _runs(subject: Aggregate, examiner: Examiner, within: Range, *, late: bool) -> tuple[list[Record], Body]:
    """The runs that start at the last instant of an interval, or all others, and a filter that selects them."""
    rows = [
        row
        for row in _selected(subject, examiner, {})
        if late == any(within.is_late(instant(row[key])) for key in _STARTS[1] if row.get(key) is not None)
    ]
    return rows, subject.table.resource.own({"id": {"any_": [row["id"] for row in rows]}})


def _require_counts(subject: Aggregate, examiner: Examiner, within: Range, *, late: bool) -> None:
    rows, filters = _runs(subject, examiner, within, late=late)
    entries = {_interval(entry): entry for entry in _history(subject, examiner, within, filters)}
    found = [_counts(entries.get(interval, {"states": []})) for interval in within.intervals()]
    readings = [aggregates.placed(rows, within, keys) for keys in _STARTS]
    wanted = [[aggregates.by_state(placed.get(at, ())) for at in range(len(found))] for placed in readings]
    if found not in wanted:
        at = next(at for at, counts in enumerate(found) if counts != wanted[0][at])
        raise Violation(
            f"the interval from {within.intervals()[at][0].isoformat()} has the wrong counts",
            expected=_shown(wanted[0][at]),
            observed=_shown(found[at]),
        )


@check("aggregates.history-sums", on=asked(*_HISTORIES))
def test_run_times_and_lateness_are_summed(subject: Aggregate, examiner: Examiner) -> None:
    for within in _ranges(subject, examiner):
        _, filters = _runs(subject, examiner, within, late=False)
        before = _fresh(subject, examiner, filters)
        entries = _history(subject, examiner, within, filters)
        after = _fresh(subject, examiner, filters)
        problems = [_wrong_sums(entries, before, after, within, keys) for keys in _STARTS]
        if None not in problems:
            raise next(problem for problem in problems if problem is not None)


def _wrong_sums(
    entries: Sequence[Record], before: Sequence[Record], after: Sequence[Record], within: Range, keys: Sequence[str]
) -> Violation | None:
    """What is wrong with the sums; None where they are right."""
    early, late = aggregates.placed(before, within, keys), aggregates.placed(after, within, keys)
    for at, entry in enumerate(entries):
        for found in entry["states"]:
            runs = [
                [row for row in rows.get(at, ()) if aggregates.state(row) == (found["state_type"], found["state_name"])]
                for rows in (early, late)
            ]
            for name, key in _SUMS.items():
                span = aggregates.total(runs[0], runs[1], key)
                if not span.holds(found[name], _EACH * max(1, len(runs[0]))):
                    return Violation(
                        f"{name} of {found['state_name']} is wrong", expected=[span.low, span.high], observed=found
                    )
    return None


_SUMS = {"sum_estimated_run_time": "estimated_run_time", "sum_estimated_lateness": "estimated_start_time_delta"}

_START = datetime(2021, 1, 1, tzinfo=UTC)


def _ranges(subject: Aggregate, examiner: Examiner) -> Iterator[Range]:
    """Ranges that cut the world's runs in many ways: by years, by the second, and right where a run starts.

    They begin at whole milliseconds: what is exact beyond that is a rule of its own.
    """
    times = [row["expected_start_time"] for row in examiner.records(subject.table)]
    starts = sorted({_whole(instant(moment).astimezone(UTC)) for moment in times if moment is not None})
    if not starts:
        raise CouldNotRun("no run of the world is expected to start")
    yield Range(_START - timedelta(days=1), starts[-1] + timedelta(days=40), timedelta(days=61))
    middle = starts[len(starts) // 2]
    yield Range(middle - timedelta(seconds=30, milliseconds=250), middle + timedelta(seconds=30), timedelta(seconds=1))
    for start in dict.fromkeys((starts[0], *(start for start in starts if start.microsecond == 0), starts[-1])):
        yield Range(start, start + timedelta(seconds=5), timedelta(seconds=1))
        # The run starts where the range, or an interval, ends.
        yield Range(start - timedelta(seconds=5), start, timedelta(seconds=1))
        yield Range(start - timedelta(seconds=5), start + timedelta(seconds=4), timedelta(seconds=2.5))


def _whole(moment: datetime) -> datetime:
    """The millisecond that a moment is in."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _ranged(subject: Aggregate, within: Range, filters: Body) -> Body:
    return {
        **filters,
        "history_start": within.start.isoformat(),
        "history_end": within.end.isoformat(),
        **dict.fromkeys(subject.intervals, within.step.total_seconds()),
    }


def _history(subject: Aggregate, examiner: Examiner, within: Range, filters: Body) -> list[Record]:
    body = _ranged(subject, within, _fenced(subject, examiner, filters))
    return _entries(examiner.ask(subject.path, body, again=True))


def _entries(answer: Any) -> list[Record]:
    """The intervals of a history. Raises Violation where the answer is none."""
    named = {"interval_start", "interval_end", "states"}
    if not isinstance(answer, list) or not all(isinstance(entry, dict) and named <= entry.keys() for entry in answer):
        raise Violation("the answer is no history", expected=sorted(named), observed=answer)
    return answer


def _interval(entry: Record) -> tuple[datetime, datetime]:
    return instant(entry["interval_start"]), instant(entry["interval_end"])


def _counts(entry: Record) -> Counter[aggregates.State]:
    """How many runs an interval has in each state. A state that is named twice has both numbers."""
    found: Counter[aggregates.State] = Counter()
    for one in entry["states"]:
        found[one["state_type"], one["state_name"]] += one["count_runs"]
    return found


# Other aggregates


@check("aggregates.lateness", on=asked(_LATENESS))
def test_lateness_is_the_mean_of_the_runs(subject: Aggregate, examiner: Examiner) -> None:
    records = examiner.records(subject.table)
    late = [row["id"] for row in records if row.get("estimated_start_time_delta")]
    # All together, each that is late alone and with one that is not, and nobody.
    punctual = [row["id"] for row in records if not row.get("estimated_start_time_delta")]
    groups = [[row["id"] for row in records], *([id_] for id_ in late[:3]), [*late[:1], *punctual[:3]], [NOBODY]]
    for ids in groups:
        _require_lateness(subject, examiner, subject.table.resource.own({"id": {"any_": ids}}))


@check("aggregates.run-list", on=asked(_LIST))
def test_the_short_list_shows_the_runs(subject: Aggregate, examiner: Examiner) -> None:
    before = {row["id"]: row for row in _fresh(subject, examiner, {})}
    listed = _listed(subject, examiner, {})
    after = {row["id"]: row for row in _fresh(subject, examiner, {})}
    require_equal("the runs of the list", sorted(before), sorted(row["id"] for row in listed))
    for row in listed:
        early, late = before[row["id"]], after[row["id"]]
        started = early["start_time"] or early["expected_start_time"]
        wanted = {"state_type": early["state_type"], "timestamp": started}
        require_equal(f"run {early['name']}", wanted, {key: row[key] for key in wanted})
        for name, key in (("duration", "estimated_run_time"), ("lateness", "estimated_start_time_delta")):
            span = Span(early[key], late[key])
            if not span.holds(row[name], _EACH):
                raise Violation(
                    f"the {name} of run {early['name']} is wrong", expected=[span.low, span.high], observed=row
                )


@check("aggregates.run-list-order", on=asked(_LIST))
def test_the_short_list_is_sorted(subject: Aggregate, examiner: Examiner) -> None:
    table, default = subject.table, subject.query.default_sort
    population = examiner.world.population
    known = {record["id"]: record for record in population.of(table.name)}
    for sort in (None, *subject.query.sorts):
        key = sort or default
        if key is None:
            continue
        listed = _listed(subject, examiner, {}, **({"sort": sort} if sort else {}))
        rows = [known[row["id"]] for row in listed]
        wrong = oracle.first_disorder(table.resource, key, rows, population.records)
        if wrong is not None:
            raise Violation(
                f"{key} is not the order of the runs",
                expected=f"{wrong.first['name']!r} and {wrong.second['name']!r} the other way round",
                observed=[wrong.first_value, wrong.second_value],
            )


@check("aggregates.run-list-pages", on=asked(_LIST))
def test_the_short_list_is_paged(subject: Aggregate, examiner: Examiner) -> None:
    sort = {"sort": "ID_DESC"} if "ID_DESC" in subject.query.sorts else {}
    whole = [row["id"] for row in _listed(subject, examiner, {}, **sort)]
    for size in (1, 7):
        laid: list[str] = []
        for offset in range(0, len(whole) + size, size):
            page = _listed(subject, examiner, {}, limit=size, offset=offset, **sort)
            require_equal(f"the runs at offset {offset}", len(whole[offset : offset + size]), len(page))
            laid += [row["id"] for row in page]
        require_equal(f"pages of {size} laid end to end", sorted(whole), sorted(laid))


@check("aggregates.by-state", on=asked(_BY_STATE))
def test_task_runs_are_counted_by_state(subject: Aggregate, examiner: Examiner) -> None:
    _require_by_state(subject, examiner, {})


@check("aggregates.dashboard", on=asked(_DASHBOARD))
def test_the_dashboard_counts_completed_and_failed_runs(subject: Aggregate, examiner: Examiner) -> None:
    records = examiner.records(subject.table)
    plain = [row["id"] for row in records if row["state_type"] not in ("CANCELLED", "CRASHED")]
    for ids in (plain, plain[::2], [NOBODY]):
        _require_dashboard(subject, examiner, subject.table.resource.own({"id": {"any_": ids}}))


@check("aggregates.restricted", on=restrictions)
def test_filters_restrict_what_is_counted(subject: Restriction, examiner: Examiner) -> None:
    aggregate = subject.aggregate
    require = _REQUIRE[aggregate.query.operation.label]
    for filter_ in _some(subject, examiner):
        require(aggregate, examiner, {subject.key: filter_})


@check("aggregates.counts-by-id", on=operations(_DEPLOYMENTS, _TASKS))
def test_members_are_counted_for_each_id(subject: str, examiner: Examiner) -> None:
    population = examiner.world.population
    counting_tasks = subject == _TASKS
    parents = population.ids("flow_runs" if counting_tasks else "flows")
    members = population.of("task_runs" if counting_tasks else "deployments")
    every = Counter(row["flow_run_id" if counting_tasks else "flow_id"] for row in members)
    calling = {row["parent_task_run_id"] for row in population.of("flow_runs")} if counting_tasks else set()
    fewer = Counter(row["flow_run_id" if counting_tasks else "flow_id"] for row in members if row["id"] not in calling)
    for ids in (parents, parents[:1], [*parents[:2], NOBODY], []):
        found = _by_id(subject, examiner, ids)
        wrong = {id_: found[id_] for id_ in ids if found[id_] not in (every[id_], fewer[id_])}
        if wrong:
            raise Violation("counts are wrong", expected={id_: every[id_] for id_ in wrong}, observed=wrong)


@check("aggregates.next-run", on=operations(_NEXT))
def test_the_next_run_is_the_earliest_scheduled_one(subject: str, examiner: Examiner) -> None:
    population = examiner.world.population
    flows = population.ids("flows")
    if not any(aggregates.earliest_scheduled(population.of("flow_runs"), flow) for flow in flows):
        raise CouldNotRun("no flow of the world has a scheduled run")
    for ids in (flows, flows[:1], [NOBODY]):
        found = _by_id(subject, examiner, ids)
        for flow in ids:
            candidates = {row["id"]: row for row in aggregates.earliest_scheduled(population.of("flow_runs"), flow)}
            shown = found[flow]
            if shown is None and not candidates:
                continue
            if shown is None or shown.get("id") not in candidates:
                raise Violation("another run is the next one", expected=list(candidates.values()), observed=shown)
            record = candidates[shown["id"]]
            require_equal("the next run", {key: record[key] for key in _SHOWN}, {key: shown.get(key) for key in _SHOWN})


_SHOWN = ("id", "flow_id", "name", "state_name", "state_type", "next_scheduled_start_time")


def _by_id(subject: str, examiner: Examiner, ids: Sequence[str]) -> Record:
    """The answer for each id. Raises Violation where another or no id has one."""
    path = subject.partition(" ")[2]
    found = examiner.ask(path, {"flow_run_ids" if subject == _TASKS else "flow_ids": list(ids)}, again=True)
    if not isinstance(found, dict):
        raise Violation("the answer is no object", expected={}, observed=found)
    require_equal("the ids", sorted(ids), sorted(found))
    return found


# What each aggregate has to answer for the runs that a filter selects


def _require_history(subject: Aggregate, examiner: Examiner, filters: Body) -> None:
    everything = next(iter(_ranges(subject, examiner)))
    entries = _history(subject, examiner, everything, filters)
    found = sum((_counts(entry) for entry in entries), Counter[aggregates.State]())
    rows = [row for row in _selected(subject, examiner, filters) if row["expected_start_time"] is not None]
    require_equal(f"the counts for {filters}", _shown(aggregates.by_state(rows)), _shown(found))


def _require_lateness(subject: Aggregate, examiner: Examiner, filters: Body) -> None:
    before = _fresh(subject, examiner, filters)
    found = examiner.ask(subject.path, _fenced(subject, examiner, filters), again=True)
    span = aggregates.mean(before, _fresh(subject, examiner, filters), "estimated_start_time_delta")
    if span is None:
        require_equal(f"the lateness of no runs ({filters})", None, found)
    elif not isinstance(found, int | float) or not span.holds(found, _EACH):
        raise Violation(f"the lateness for {filters} is wrong", expected=[span.low, span.high], observed=found)


def _require_list(subject: Aggregate, examiner: Examiner, filters: Body) -> None:
    wanted = sorted(row["id"] for row in _selected(subject, examiner, filters))
    listed = _listed(subject, examiner, filters)
    require_equal(f"the runs for {filters}", wanted, sorted(row["id"] for row in listed))


def _require_by_state(subject: Aggregate, examiner: Examiner, filters: Body) -> None:
    found = examiner.ask(subject.path, _fenced(subject, examiner, filters), again=True)
    counts = {key: value for key, value in found.items() if value} if isinstance(found, dict) else found
    require_equal(f"the counts for {filters}", dict(aggregates.by_type(_selected(subject, examiner, filters))), counts)


def _require_dashboard(subject: Aggregate, examiner: Examiner, filters: Body) -> None:
    table = subject.table
    starts = [instant(row["start_time"]) for row in examiner.records(table) if row["start_time"] is not None]
    # The counts are asked for from some time on.
    own = {**filters.get(table.resource.key, {}), "start_time": {"after_": min(starts).isoformat()}}
    body = {**filters, **table.resource.own(own)}
    found = examiner.ask(subject.path, _fenced(subject, examiner, body), again=True)
    named = {"completed", "failed"}
    if not isinstance(found, list) or not all(isinstance(part, dict) and named <= part.keys() for part in found):
        raise Violation("the answer is no list of counts", expected=sorted(named), observed=found)
    types = aggregates.by_type(_selected(subject, examiner, body))
    for name, sure, perhaps in (("completed", "COMPLETED", "CANCELLED"), ("failed", "FAILED", "CRASHED")):
        total = sum(part[name] for part in found)
        if not types[sure] <= total <= types[sure] + types[perhaps]:
            raise Violation(f"{name} task runs for {filters}", expected=types[sure], observed=total)


_REQUIRE: Mapping[str, Callable[[Aggregate, Examiner, Body], None]] = {
    **dict.fromkeys(_HISTORIES, _require_history),
    _LATENESS: _require_lateness,
    _LIST: _require_list,
    _BY_STATE: _require_by_state,
    _DASHBOARD: _require_dashboard,
}


def _some(subject: Restriction, examiner: Examiner) -> Iterator[Body]:
    """Filters for the key: some of the members by their ids, by the type of their state or by their name; nobody."""
    aggregate = subject.aggregate
    collection = _collection(aggregate.table.resource, subject.key)
    criteria = aggregate.query.filters[subject.key].criteria
    records = examiner.world.population.of(collection)
    for path in ("id", "state.type", "name"):
        if path in criteria and "any_" in criteria[path].operators:
            key = {"state.type": "state_type"}.get(path, path)
            values = list(dict.fromkeys(row[key] for row in records if row.get(key) is not None))
            yield criteria[path].body(any_=values[len(values) // 2 :][:1])
            yield criteria[path].body(any_=values[::2])
    if "id" in criteria and "any_" in criteria["id"].operators:
        yield {"id": {"any_": [NOBODY]}}


def _collection(resource: Resource, key: str) -> str:
    return resource.name if key == resource.key else _relation(resource, key).collection


def _relation(resource: Resource, key: str) -> Relation:
    """The relation that a key of an aggregate's body means: by its own name, or by that of the collection."""
    reached = list(resource.related)
    while reached:
        relation = reached.pop(0)
        if key in (relation.key, relation.collection):
            return relation
        reached += relation.then
    raise CouldNotRun(f"{resource.name} has no relation for {key!r}")


def _selected(subject: Aggregate, examiner: Examiner, filters: Body) -> list[Record]:
    """The world's runs that the filters of an aggregate select."""
    resource = subject.table.resource
    known = {key if key == resource.key else _relation(resource, key).key: value for key, value in filters.items()}
    return examiner.expected(subject.table, known)


def _fenced(subject: Aggregate, examiner: Examiner, filters: Body) -> Body:
    return dict(examiner.fenced(subject.table, filters))


def _fresh(subject: Aggregate, examiner: Examiner, filters: Body) -> list[Record]:
    """The selected runs as the server shows them now: some of their figures grow with the clock."""
    ids = [row["id"] for row in _selected(subject, examiner, filters)]
    if not ids:
        return []
    body = {**subject.table.resource.own({"id": {"any_": ids}}), "limit": len(ids)}
    return examiner.rows(subject.table, body, again=True)


def _listed(subject: Aggregate, examiner: Examiner, filters: Body, **more: Any) -> list[Record]:
    """The short list of runs. Raises Violation where the answer is none."""
    found = examiner.ask(subject.path, {**_fenced(subject, examiner, filters), **more}, again=True)
    named = {"id", "state_type", "timestamp", "duration", "lateness"}
    if not isinstance(found, list) or not all(isinstance(row, dict) and named <= row.keys() for row in found):
        raise Violation("the answer is no list of runs", expected=sorted(named), observed=found)
    return found


def _text(interval: tuple[datetime, datetime]) -> str:
    return " to ".join(moment.isoformat() for moment in interval)


def _shown(counts: Counter[aggregates.State]) -> dict[str, int]:
    return {f"{name} ({type_})": number for (type_, name), number in sorted(counts.items(), key=str)}
