"""Filtering: which rows a query returns, judged against the oracle on the world's own records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import Any

from conformance.contract import Contract, Criterion, Operation, ValueType
from conformance.oracle import holds
from conformance.resources import RESOURCES, Resource
from conformance.suite.check import check
from conformance.suite.examiner import Body, Examiner
from conformance.suite.operands import NOBODY, label_patterns, loose_operands, operands
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.suite.tables import Cell, Table, tables, with_operator
from conformance.suite.task_workers import listing, require_found_by_tasks
from conformance.target import Client
from conformance.world import World


@dataclass(frozen=True)
class Pair:
    """A collection that is asked, and the key of a related one that the body names."""

    table: Table
    key: str

    @property
    def related(self) -> Resource:
        """The related collection."""
        return RESOURCES[self.table.resource.relation(self.key).collection]


def filtered(contract: Contract) -> Mapping[str, Table]:
    """Every collection that has a filter of its own."""
    return {name: table for name, table in tables(contract).items() if table.own is not None}


def related_pairs(contract: Contract) -> Mapping[str, Pair]:
    """Every related collection that the body of a query may name: `flows by flow_runs`."""
    return {f"{table.name} by {key}": Pair(table, key) for table in tables(contract).values() for key in table.related}


Choice = Callable[[str, ValueType, Sequence[Any]], Iterable[Any]]
"""Operands for an operator, by what it takes and by the values of the world's records."""


def _judge(cell: Cell, examiner: Examiner, choose: Choice = operands) -> None:
    """The cell's operator with each of its operands, alone."""
    if cell.criterion.deprecated:
        raise NotApplicable("deprecated")
    resource = cell.table.resource
    path = cell.criterion.path
    try:
        _judge_by(resource, cell, examiner, choose)
    except Violation:
        # Where no document settles what a criterion reads, a server may read it either way, but only one.
        if path not in resource.disputed:
            raise
        criteria = {key: read for key, read in resource.criteria.items() if key.partition(".")[0] != path}
        other = replace(resource, criteria={**criteria, path: resource.disputed[path]})
        _judge_by(other, cell, examiner, choose)


def _judge_by(resource: Resource, cell: Cell, examiner: Examiner, choose: Choice) -> None:
    path, table = cell.criterion.path, cell.table
    values = examiner.values(table, path, cell.operator)
    asked = list(choose(cell.operator, cell.takes, values))
    if not asked:
        raise CouldNotRun(f"the world has no value for {cell.name}")
    for operand in asked:
        filters = resource.own(cell.criterion.body(**{cell.operator: operand}))
        examiner.require_rows(table, filters, shows=[path or f".{cell.operator}"], resource=resource)
        hits = sum(holds(cell.operator, value, operand) for value in values)
        examiner.coverage.judged(cell.name, hits=hits, misses=len(values) - hits, nulls=values.count(None))


@check("filter.any", on=with_operator("any_", "id_", "type_", "id", "name", "role"))
def test_any(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.not-any", on=with_operator("not_any_", "exclude_name", "exclude_keys"))
def test_not_any(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.all", on=with_operator("all_"))
def test_all(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.is-null", on=with_operator("is_null_"))
def test_is_null(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.eq", on=with_operator("eq_"))
def test_eq(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.before-inclusive", on=with_operator("before_", "until"))
def test_before(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.after-inclusive", on=with_operator("after_", "since"))
def test_after(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.at-least", on=with_operator("ge_"))
def test_ge(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.at-most", on=with_operator("le_"))
def test_le(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.like", on=with_operator("like_"))
def test_like(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.exists", on=with_operator("exists_"))
def test_exists(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.text", on=with_operator("query"))
def test_text_search(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.startswith", on=with_operator("startswith_", "prefix", "id_prefix"))
def test_startswith(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.not-startswith", on=with_operator("exclude_prefix"))
def test_not_startswith(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.labels", on=with_operator("labels"))
def test_labels(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.label-patterns", on=with_operator("labels"))
def test_label_patterns(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner, label_patterns)


@check("filter.in-roles", on=with_operator("resources_in_roles"))
def test_resources_in_roles(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner)


@check("filter.verbatim", on=with_operator("prefix", "id_prefix", "exclude_prefix", "labels"))
def test_text_stands_for_itself(subject: Cell, examiner: Examiner) -> None:
    _judge(subject, examiner, loose_operands)


@check("filter.task-workers", on=listing)
def test_task_workers_are_found_by_their_tasks(subject: Operation, client: Client, world: World) -> None:
    require_found_by_tasks(subject, client, world)


_MOST_PAIRS = 24
"""Pairs of criteria that are tried a collection."""


@check("filter.and", on=filtered)
def test_criteria_are_joined_by_and(subject: Table, examiner: Examiner) -> None:
    """Two criteria, and two operators of one, hold at once."""
    criteria = [c for c in subject.own.criteria.values() if not c.deprecated] if subject.own else []
    single = [body for criterion in criteria if (body := _one_body(subject, criterion, examiner)) is not None]
    # What is wrong with a criterion by itself is not a matter of joining it with another.
    sound = [body for body in single if _agrees(subject, body, examiner)]
    bodies = [_merged(a, b) for a, b in islice(combinations(sound, 2), _MOST_PAIRS)]
    for criterion in criteria:
        both = {operator: _first(subject, criterion, operator, examiner) for operator in criterion.operators}
        if len(both) > 1 and None not in both.values():
            parts = [criterion.body(**{operator: operand}) for operator, operand in both.items()]
            if all(_agrees(subject, part, examiner) for part in parts):
                bodies.append(criterion.body(**both))
    if not bodies:
        raise NotApplicable("single")
    for body in bodies:
        examiner.require_rows(subject, subject.resource.own(body), shows=list(body))


_LINKS = ("id", "name", "state.type")
"""The criteria that related members are picked by: the rule is about the link, not about each criterion."""


@check("filter.related", on=related_pairs)
def test_related_collections_restrict(subject: Pair, examiner: Examiner) -> None:
    """The rows are those with a related member that matches; with a matching one of nobody, none."""
    table, related, population = subject.table, subject.related, examiner.world.population
    criteria = table.query.filters[subject.key].criteria
    bodies = [
        criteria[path].body(any_=[value])
        for path in _LINKS
        if path in criteria and "any_" in criteria[path].operators
        for value in _distinct(related, path, examiner)[:2]
    ]
    if "id" in criteria:
        bodies += [{"id": {"any_": population.ids(related.name)}}, {"id": {"any_": [NOBODY]}}]
    for body in bodies:
        examiner.require_rows(table, {subject.key: body}, shows=[table.resource.identity])
        examiner.coverage.combined(table.name, (subject.key,))
        if table.resource.fence is not None:
            # Joined with a criterion of the collection itself.
            own = table.resource.fence(examiner.records(table)[::2])
            examiner.require_rows(table, {subject.key: body, **table.resource.own(own)})


def _agrees(table: Table, filter_: Body, examiner: Examiner) -> bool:
    """Whether a criterion by itself selects what it should."""
    try:
        return examiner.disagreement(table, table.resource.own(filter_)) is None
    except Violation:
        return False


def _distinct(resource: Resource, criterion: str, examiner: Examiner) -> list[Any]:
    read = resource.reader(criterion)
    population = examiner.world.population
    values = (read(record, population.records) for record in population.of(resource.name))
    return [value for value in dict.fromkeys(values) if value is not None]


def _first(table: Table, criterion: Criterion, operator: str, examiner: Examiner) -> Any:
    """An operand that some of the world's records satisfy; None where there is none."""
    values = examiner.values(table, criterion.path, operator)
    return next(iter(operands(operator, criterion.operators[operator], values)), None)


def _one_body(table: Table, criterion: Criterion, examiner: Examiner) -> Body | None:
    for operator in criterion.operators:
        if (operand := _first(table, criterion, operator, examiner)) is not None:
            return criterion.body(**{operator: operand})
    return None


def _merged(a: Mapping[str, Any], b: Mapping[str, Any]) -> Body:
    merged = dict(a)
    for key, value in b.items():
        merged[key] = _merged(merged[key], value) if isinstance(merged.get(key), dict) else value
    return merged
