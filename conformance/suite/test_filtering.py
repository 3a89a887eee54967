"""Filtering: which rows a query returns, judged against the oracle on the world's own records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import Any

from conformance.contract import Contract, Criterion, Query, ValueType
from conformance.resources import RESOURCES, Resource
from conformance.suite.check import Subjects, check
from conformance.suite.operands import NOBODY, operands
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.suite.queries import COLLECTIONS, expected, require_rows, rows
from conformance.target import Client
from conformance.world import World


@dataclass(frozen=True)
class Cell:
    """One operator of one criterion of one collection's filter."""

    collection: str
    criterion: Criterion
    operator: str

    @property
    def takes(self) -> ValueType:
        """What the operator takes."""
        return self.criterion.operators[self.operator]


@dataclass(frozen=True)
class Pair:
    """A collection that is asked, and a related one that the body names."""

    query: Query
    collection: str
    related: str


def filter_queries(contract: Contract) -> Mapping[str, Query]:
    """Collection -> its `POST /<collection>/filter`."""
    asked = {name: contract.queries.get(f"POST /{name}/filter") for name in COLLECTIONS}
    return {name: query for name, query in asked.items() if query is not None}


def with_operator(*operators: str) -> Subjects:
    """Every criterion that has the operator: `flow_runs.start_time.before_`."""

    def of(contract: Contract) -> Mapping[str, Cell]:
        return {
            f"{name}.{path}.{operator}": Cell(name, criterion, operator)
            for name, query in filter_queries(contract).items()
            for path, criterion in query.filters[name].criteria.items()
            for operator in operators
            if operator in criterion.operators
        }

    return of


def related_pairs(contract: Contract) -> Mapping[str, Pair]:
    """Every related collection that the body of a query may name: `flows by flow_runs`."""
    return {
        f"{name} by {key}": Pair(query, name, key)
        for name, query in filter_queries(contract).items()
        for key in query.filters
        if key != name and key in COLLECTIONS
    }


def _judge(cell: Cell, client: Client, world: World) -> None:
    """The cell's operator with each of its operands, alone."""
    if cell.criterion.deprecated:
        raise NotApplicable("deprecated")
    resource = RESOURCES[cell.collection]
    path = cell.criterion.path
    try:
        _judge_by(resource, cell, client, world)
    except Violation:
        # Where no document settles what a criterion reads, a server may read it either way, but only one.
        if path not in resource.disputed:
            raise
        criteria = {key: read for key, read in resource.criteria.items() if key.partition(".")[0] != path}
        other = replace(resource, criteria={**criteria, path: resource.disputed[path]})
        _judge_by(other, cell, client, world)


def _judge_by(resource: Resource, cell: Cell, client: Client, world: World) -> None:
    path = cell.criterion.path
    read = resource.reader(path, cell.operator)
    records = world.population.records
    values = [read(record, records) for record in world.population.of(cell.collection)]
    bodies = [
        {cell.collection: cell.criterion.body(**{cell.operator: operand})}
        for operand in operands(cell.operator, cell.takes, values)
    ]
    if not bodies:
        raise CouldNotRun(f"the world has no value for {cell.collection}.{path}")
    for body in bodies:
        require_rows(client, cell.collection, body, world, shows=[path], resource=resource)


@check("filter.any", on=with_operator("any_", "id_", "type_"))
def test_any(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.not-any", on=with_operator("not_any_"))
def test_not_any(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.all", on=with_operator("all_"))
def test_all(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.is-null", on=with_operator("is_null_"))
def test_is_null(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.eq", on=with_operator("eq_"))
def test_eq(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.before-inclusive", on=with_operator("before_"))
def test_before(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.after-inclusive", on=with_operator("after_"))
def test_after(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.at-least", on=with_operator("ge_"))
def test_ge(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.at-most", on=with_operator("le_"))
def test_le(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.like", on=with_operator("like_"))
def test_like(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


@check("filter.exists", on=with_operator("exists_"))
def test_exists(subject: Cell, client: Client, world: World) -> None:
    _judge(subject, client, world)


_PAGE = 200
"""The most rows that a query may be asked for."""

_MOST_PAIRS = 24
"""Pairs of criteria that are tried a collection."""


@check("filter.and", on=filter_queries)
def test_criteria_are_joined_by_and(subject: Query, client: Client, world: World) -> None:
    """Two criteria, and two operators of one, hold at once."""
    collection = subject.collection
    criteria = [c for c in subject.filters[collection].criteria.values() if not c.deprecated]
    single = [body for criterion in criteria if (body := _one_body(collection, criterion, world)) is not None]
    # What is wrong with a criterion by itself is not a matter of joining it with another.
    sound = [body for body in single if _agrees(client, collection, {collection: body}, world)]
    bodies = [_merged(a, b) for a, b in islice(combinations(sound, 2), _MOST_PAIRS)]
    for criterion in criteria:
        both = {operator: _first(collection, criterion, operator, world) for operator in criterion.operators}
        if len(both) > 1 and None not in both.values():
            parts = [{collection: criterion.body(**{operator: operand})} for operator, operand in both.items()]
            if all(_agrees(client, collection, part, world) for part in parts):
                bodies.append(criterion.body(**both))
    if not bodies:
        raise CouldNotRun(f"the filter of {collection} has no two criteria to join")
    for body in bodies:
        require_rows(client, collection, {collection: body}, world, shows=list(body))


_LINKS = ("id", "name", "state.type")
"""The criteria that related members are picked by: the rule is about the link, not about each criterion."""


@check("filter.related", on=related_pairs)
def test_related_collections_restrict(subject: Pair, client: Client, world: World) -> None:
    """The rows are those with a related member that matches; with a matching one of nobody, none."""
    criteria = subject.query.filters[subject.related].criteria
    bodies = [
        criteria[path].body(any_=[value])
        for path in _LINKS
        if path in criteria and "any_" in criteria[path].operators
        for value in _values(subject.related, criteria[path], world)[:2]
    ]
    bodies += [{"id": {"any_": world.population.ids(subject.related)}}, {"id": {"any_": [NOBODY]}}]
    for body in bodies:
        require_rows(client, subject.collection, {subject.related: body}, world, shows=["id"])
        # Joined with a criterion of the collection itself.
        own = {"id": {"any_": world.population.ids(subject.collection)[::2]}}
        require_rows(client, subject.collection, {subject.related: body, subject.collection: own}, world)


def _agrees(client: Client, collection: str, filters: dict[str, Any], world: World) -> bool:
    """Whether a criterion by itself selects what it should: without the fence, which would be a second one."""
    wanted = {row["id"] for row in expected(collection, filters, world)}
    try:
        found = rows(client, collection, {**filters, "limit": _PAGE})
    except Violation:
        return False
    own = set(world.population.ids(collection))
    # On a server with more rows than a page holds, the world's own may be on another.
    return len(found) == _PAGE or {row["id"] for row in found} & own == wanted


def _values(collection: str, criterion: Criterion, world: World) -> list[Any]:
    read = RESOURCES[collection].reader(criterion.path)
    records = world.population.records
    return list(dict.fromkeys(read(record, records) for record in world.population.of(collection)))


def _first(collection: str, criterion: Criterion, operator: str, world: World) -> Any:
    """An operand that some of the world's records satisfy; None where there is none."""
    read = RESOURCES[collection].reader(criterion.path, operator)
    records = world.population.records
    values = [read(record, records) for record in world.population.of(collection)]
    return next(iter(operands(operator, criterion.operators[operator], values)), None)


def _one_body(collection: str, criterion: Criterion, world: World) -> dict[str, Any] | None:
    for operator in criterion.operators:
        if (operand := _first(collection, criterion, operator, world)) is not None:
            return criterion.body(**{operator: operand})
    return None


def _merged(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(a)
    for key, value in b.items():
        merged[key] = _merged(merged[key], value) if isinstance(merged.get(key), dict) else value
    return merged
