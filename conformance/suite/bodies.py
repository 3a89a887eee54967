"""Bodies that Hypothesis writes from the grammar and the world: any legal question about a collection."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from conformance import oracle
from conformance.contract import Criterion, Filter
from conformance.resources import RESOURCES, Resource
from conformance.suite.examiner import Body, Examiner
from conformance.suite.fuzz.provider import BACKEND
from conformance.suite.operands import operands
from conformance.suite.tables import Table

NUMBER = 150
"""Distinct bodies a collection in the gate."""

_EXAMPLES = NUMBER + NUMBER // 10
"""Bodies that are generated at a time: some come twice."""

_ATTEMPTS = 3
"""Times that they are, at most, with another seed each: collections with few criteria repeat themselves."""

_MOST_CRITERIA = 3
_MOST_RELATED = 2
_MOST_JOINED = 4
"""Operands of each of two operators that are joined in one criterion."""

_LARGEST = 200
"""The largest page: what a query may be asked for."""


@dataclass(frozen=True)
class Question:
    """One legal question: filters by the keys of the body, and how the rows are sorted and paged.

    `sort`, `limit` and `offset` are None where the body does not have them.
    """

    filters: Mapping[str, Any]
    sort: str | None = None
    limit: int | None = None
    offset: int | None = None

    @property
    def paging(self) -> Body:
        """The part of the body that sorts and pages."""
        parts = {"sort": self.sort, "limit": self.limit, "offset": self.offset}
        return {key: value for key, value in parts.items() if value is not None}

    @property
    def text(self) -> str:
        """The body as JSON: two questions are one if their texts are."""
        return json.dumps({**self.filters, **self.paging}, sort_keys=True)


def questions(table: Table, examiner: Examiner) -> st.SearchStrategy[Question]:
    """Questions about `table`: its own filter and related ones, joined by AND and OR, sorted and paged.

    The operands are those that the checks of the single operators judge: what is wrong with one of them by itself
    is told there. What is left to this is what they come to together.
    """
    own = _filters(table.own, table.resource, examiner, table) if table.own else st.nothing()
    related = {
        key: _filters(table.query.filters[key], RESOURCES[table.resource.relation(key).collection], examiner)
        for key in table.related
    }
    own = st.just({}) if own.is_empty else own
    return _questions(table, examiner, own, {key: found for key, found in related.items() if not found.is_empty})


@st.composite
def _questions(
    draw: st.DrawFn,
    table: Table,
    examiner: Examiner,
    own: st.SearchStrategy[Body],
    related: Mapping[str, st.SearchStrategy[Body]],
) -> Question:
    filters: Body = {}
    if node := draw(own):
        filters = table.resource.own(node)
    for key in _some(draw, sorted(related), _MOST_RELATED) if related else ():
        if node := draw(related[key]):
            filters[key] = node
    if filters and not examiner.fences(table, filters):
        # Others' rows stand among ours: which of them come on a page can't be told.
        return Question(filters)
    properties, size = table.query.properties, len(examiner.records(table, examiner.scopes(table)[0]))
    # Rather too many small ones than none: a page beyond the end shows nothing.
    numbers = [None, *range(size + 2), *range(0, _LARGEST + 1, 5)]
    limits = [number for number in numbers if number is None or number <= (table.query.most_rows or _LARGEST)]
    return Question(
        filters,
        sort=draw(st.sampled_from((None, *table.query.sorts))) if table.query.sorts else None,
        limit=draw(st.sampled_from(limits)) if "limit" in properties else None,
        offset=draw(st.sampled_from(numbers)) if "offset" in properties else None,
    )


def _some(draw: st.DrawFn, of: Sequence[Any], most: int) -> Sequence[Any]:
    """A few different ones, by two draws: the fewer there are, the less Hypothesis has to do, here and in shrinking."""
    number = draw(st.integers(0, min(most, len(of))))
    return draw(st.sampled_from(list(combinations(of, number)))) if number else ()


def _filters(
    filter_: Filter, resource: Resource, examiner: Examiner, asked: Table | None = None
) -> st.SearchStrategy[Body]:
    """Filters of one collection with a few criteria; `st.nothing()` where no criterion has a value in the world.

    `asked` is the table whose own filter it is: an operator to which that gives no answer at all is left to the check
    of the operator, which would be told once more of every body that has it.
    """
    choices = [
        nodes
        for criterion in filter_.criteria.values()
        if not criterion.deprecated and criterion.path not in resource.disputed
        if (nodes := _nodes(filter_, criterion, resource, examiner, asked))
    ]
    return _filter(filter_, choices) if choices else st.nothing()


def _nodes(
    filter_: Filter, criterion: Criterion, resource: Resource, examiner: Examiner, asked: Table | None
) -> list[Body]:
    """Filters with one criterion: each operator with each operand, and two operators joined in each way there is."""
    pools = {name: pool(resource, criterion, name, examiner) for name in criterion.operators}
    if asked is not None:
        first = {name: resource.own(criterion.body(**{name: found[0]})) for name, found in pools.items() if found}
        pools = {name: pools[name] for name, body in first.items() if examiner.answers(asked, body)}
    single = [criterion.body(**{name: operand}) for name, operands_ in pools.items() for operand in operands_]
    joins: list[Body] = [{}]
    if criterion.path in filter_.combinable and criterion.path:
        joins += [{"operator": "and_"}, {"operator": "or_"}]
    double = [
        criterion.body(**{one: first, other: second}, **join)
        for one, other in combinations(pools, 2)
        for first, second in product(pools[one][:_MOST_JOINED], pools[other][:_MOST_JOINED])
        for join in joins
    ]
    return single + double


@st.composite
def _filter(draw: st.DrawFn, filter_: Filter, choices: Sequence[list[Body]]) -> Body:
    node: Body = {}
    for nodes in _some(draw, choices, _MOST_CRITERIA):
        node = _merged(node, draw(st.sampled_from(nodes)))
    for place in sorted(filter_.combinable):
        where = _at(node, place)
        # Within a criterion the operators are joined already.
        if where and place not in filter_.criteria and len(where) > 1:
            joined = draw(st.sampled_from((None, "and_", "or_")))
            where.update({"operator": joined} if joined else {})
    return node


def pool(resource: Resource, criterion: Criterion, operator: str, examiner: Examiner) -> list[Any]:
    """The operands that an operator is asked with: those that its own check judges."""
    read = resource.reader(criterion.path, operator)
    population = examiner.world.population
    values = [read(record, population.records) for record in population.of(resource.name)]
    # What an empty text means among alternatives is not settled.
    return [operand for operand in operands(operator, criterion.operators[operator], values) if operand != ""]


class Questions:
    """The questions of a run about each collection: the same ones in every run with the same seed."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self._drawn: dict[str, list[Question]] = {}

    def of(self, table: Table) -> list[Question]:
        """NUMBER distinct questions about a collection; fewer where there are not so many."""
        if table.name not in self._drawn:
            drawn: dict[str, Question] = {}

            def keep(question: Question) -> None:
                drawn.setdefault(question.text, question)

            for attempt in range(_ATTEMPTS):
                if len(drawn) < NUMBER:
                    _run(table, self._examiner, keep, (Phase.generate,), attempt)
            self._drawn[table.name] = list(drawn.values())[:NUMBER]
        return self._drawn[table.name]


def smallest(table: Table, examiner: Examiner, judge: Callable[[Question], None]) -> None:
    """Ask `judge` about the questions; where it raises, raise what it says of the smallest one that it raises on."""
    for attempt in range(_ATTEMPTS):
        _run(table, examiner, judge, (Phase.generate, Phase.shrink), attempt)


def _run(
    table: Table, examiner: Examiner, judge: Callable[[Question], None], phases: tuple[Phase, ...], attempt: int
) -> None:
    @seed(zlib.crc32(f"{examiner.seed} {attempt} {table.name}".encode()))
    @settings(
        max_examples=_EXAMPLES,
        database=None,
        backend=BACKEND,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(questions(table, examiner))
    def asked(question: Question) -> None:
        judge(question)

    asked()


def leaves(filter_: Body, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Criterion, operator and operand of each restriction in one collection's filter."""
    for key, value in filter_.items():
        if oracle.is_criterion(key, value):
            yield from leaves(value, f"{path}.{key}".lstrip("."))
        elif key != "operator" and value is not None:
            yield path, key, value


def single_criteria(filter_: Body) -> Iterator[Body]:
    """A filter for each criterion of a collection's filter, with all its operators: `{"state": {"type": {…}}}`."""
    for key, value in filter_.items():
        if not oracle.is_criterion(key, value):
            continue
        below = [name for name, inner in value.items() if oracle.is_criterion(name, inner)]
        yield from ({key: {name: value[name]}} for name in below) if below else ({key: value},)


def _at(node: Body, place: str) -> Body | None:
    """The part of a filter that a place names (`""`, `state`), None where it is not there."""
    for step in place.split(".") if place else ():
        node = node.get(step, {})
    return node or None


def _merged(a: Mapping[str, Any], b: Mapping[str, Any]) -> Body:
    """What both filters ask for, in objects of its own."""
    merged = dict(a)
    for key, value in b.items():
        merged[key] = _merged(merged.get(key) or {}, value) if isinstance(value, dict) else value
    return merged
