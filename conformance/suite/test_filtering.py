"""Filtering: which rows a query returns, judged against the oracle on the world's own records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from typing import Any

from conformance.contract import Contract, Criterion, Operation, ValueType
from conformance.oracle import holds, like_pattern
from conformance.resources import RESOURCES, Resource
from conformance.suite.check import Subjects, check
from conformance.suite.examiner import Body, Examiner, Unanswered
from conformance.suite.operands import (
    NOBODY,
    beyond_ascii,
    empty,
    label_patterns,
    loose_operands,
    operands,
    wildcards,
    with_wildcards,
)
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation, require_equal
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
    bodies = [resource.own(cell.criterion.body(**{cell.operator: operand})) for operand in asked]
    examiner.prefetch_filters(table, bodies)
    first: Violation | None = None
    for operand, filters in zip(asked, bodies, strict=True):
        hits = sum(holds(cell.operator, value, operand) for value in values)
        nulls = sum(value in (None, []) for value in values)
        examiner.coverage.judged(cell.name, hits=hits, misses=len(values) - hits, nulls=nulls)
        try:
            examiner.require_rows(table, filters, shows=[path or f".{cell.operator}"], resource=resource)
        except Unanswered:
            raise
        except Violation as violation:
            first = first or violation
    if first is not None:
        raise first


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


def like(*, wildcards: bool) -> Subjects:
    """Every `like_` that reads SQL's wildcards, or every one that does not, as the documents say."""

    def of(contract: Contract) -> Mapping[str, Cell]:
        found = with_operator("like_")(contract)
        return {
            name: cell
            for name, cell in found.items()
            if (cell.criterion.path in cell.table.resource.wildcards) is wildcards
        }

    return of


@check("filter.like-wildcards", on=like(wildcards=True))
def test_like_reads_wildcards_where_it_says_so(subject: Cell, examiner: Examiner) -> None:
    """`%` stands for any text, `_` for any character."""
    path, table, identity = subject.criterion.path, subject.table, subject.table.resource.identity
    read = table.resource.reader(path, subject.operator)
    whole = examiner.expected(table, {})
    for pattern in with_wildcards(examiner.values(table, path, subject.operator)):
        filters = table.resource.own(subject.criterion.body(like_=pattern))
        wanted = sorted(
            row[identity] for row in whole if like_pattern(read(row, examiner.world.population.records), pattern)
        )
        found = sorted(row[identity] for row in examiner.own_rows(table, filters, again=True))
        require_equal(f"the rows for like_ {pattern!r}", wanted, found)


@check("filter.like-literal", on=like(wildcards=False))
def test_like_takes_every_character_as_it_is(subject: Cell, examiner: Examiner) -> None:
    _judge_texts(subject, examiner, wildcards)


@check("filter.like-beyond-ascii", on=with_operator("like_"))
def test_like_finds_letters_beyond_ascii(subject: Cell, examiner: Examiner) -> None:
    """As they are written; whether in the other case too is a rule of its own."""
    if subject.criterion.deprecated:
        raise NotApplicable("deprecated")
    path, table = subject.criterion.path, subject.table
    read = table.resource.reader(path, subject.operator)
    if path in table.resource.ascii:
        raise NotApplicable("ascii")
    asked = list(dict.fromkeys(beyond_ascii(examiner.values(table, path, subject.operator))))
    if not asked:
        raise CouldNotRun(f"the world has no such value for {subject.name}")
    for text in asked:
        filters = table.resource.own(subject.criterion.body(like_=text))
        missing, surplus = examiner.disagreement(table, filters) or ((), ())
        lost = [row for row in missing if text in str(read(row, examiner.world.population.records))]
        if lost or surplus:
            raise Violation(
                f"{len(lost)} rows are missing and {len(surplus)} should not be there",
                expected=f"the rows that have {text!r}",
                observed={
                    "missing": [examiner.named(table, row) for row in lost],
                    "should not be there": [examiner.named(table, row) for row in surplus],
                },
            )


@check("filter.like-folds-beyond-ascii", on=with_operator("like_"))
def test_like_folds_letters_beyond_ascii(subject: Cell, examiner: Examiner) -> None:
    _judge_texts(subject, examiner, lambda values: (text.swapcase() for text in beyond_ascii(values)))


def _judge_texts(cell: Cell, examiner: Examiner, texts: Callable[[Sequence[Any]], Iterator[str]]) -> None:
    if cell.criterion.deprecated:
        raise NotApplicable("deprecated")
    path, table = cell.criterion.path, cell.table
    if path in table.resource.ascii and texts is not wildcards:
        raise NotApplicable("ascii")
    asked = list(dict.fromkeys(texts(examiner.values(table, path, cell.operator))))
    if not asked:
        raise CouldNotRun(f"the world has no such value for {cell.name}")
    for text in asked:
        examiner.require_rows(table, table.resource.own(cell.criterion.body(like_=text)), shows=[path])


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


_MOST_BODIES = 3
"""Filters with one criterion of each kind that are joined."""

_MOST_PAIRS = 5
"""Pairs that are joined at a place: those that tell AND from OR, spread over all that do."""


@dataclass(frozen=True)
class Place:
    """A place in a collection's filter where parts are joined: the filter itself (`""`), or a criterion (`tags`)."""

    table: Table
    path: str

    @property
    def name(self) -> str:
        """As subjects name it: `flow_runs`, `flow_runs.state`."""
        return f"{self.table.name}.{self.path}".rstrip(".")

    @property
    def criteria(self) -> list[Criterion]:
        """The criteria that are joined here; none where the operators of one criterion are."""
        criteria = self.table.own.criteria.values() if self.table.own else ()
        inside = f"{self.path}." if self.path else ""
        return [c for c in criteria if c.path.startswith(inside) and c.path != self.path and not c.deprecated]

    def joined_by(self, operator: str, body: Body) -> Body:
        """A filter whose parts are joined by `operator` at this place."""
        if not self.path:
            return {**body, "operator": operator}
        head, _, rest = self.path.partition(".")
        return {head: Place(self.table, rest).joined_by(operator, body[head])}


def with_criteria(contract: Contract) -> Mapping[str, Place]:
    """Every filter with two criteria at least, as a whole."""
    found = (Place(table, "") for table in filtered(contract).values())
    return {place.name: place for place in found if len(place.criteria) > 1}


def with_operators(contract: Contract) -> Mapping[str, Place]:
    """Every criterion with two operators at least: `flow_runs.tags`."""
    found = (
        Place(table, criterion.path)
        for table in filtered(contract).values()
        for criterion in (table.own.criteria.values() if table.own else ())
        if len(criterion.operators) > 1 and criterion.path and not criterion.deprecated
    )
    return {place.name: place for place in found}


def combinable(contract: Contract) -> Mapping[str, Place]:
    """Every place that takes `operator`: `flow_runs`, `flow_runs.state`, `flow_runs.tags`."""
    found = (
        Place(table, path)
        for table in filtered(contract).values()
        for path in (table.own.combinable if table.own else ())
    )
    return {place.name: place for place in sorted(found, key=lambda place: place.name)}


@check("filter.and", on=with_criteria)
def test_criteria_are_joined_by_and(subject: Place, examiner: Examiner) -> None:
    _judge_joined(subject, "and_", examiner, written=False)


@check("filter.and-operators", on=with_operators)
def test_operators_of_a_criterion_are_joined_by_and(subject: Place, examiner: Examiner) -> None:
    _judge_joined(subject, "and_", examiner, written=False)


@check("filter.or", on=combinable)
def test_or_joins_alternatives(subject: Place, examiner: Examiner) -> None:
    _judge_joined(subject, "or_", examiner, written=True)


@check("filter.operator-and", on=combinable)
def test_and_may_be_written_out(subject: Place, examiner: Examiner) -> None:
    _judge_joined(subject, "and_", examiner, written=True)


def _judge_joined(place: Place, operator: str, examiner: Examiner, *, written: bool) -> None:
    """Pairs of parts, joined at `place` by `operator`, which stands in the body if it is `written`."""
    table = place.table
    every = [(parts, _merged(*parts)) for parts in _pairs(place, examiner)]
    if not every:
        raise NotApplicable("single")
    # Only where the parts differ is the one way to join told from the other.
    telling = [
        (parts, body)
        for parts, body in every
        if examiner.expected(table, table.resource.own(parts[0]))
        != examiner.expected(table, table.resource.own(parts[1]))
    ]
    if not telling:
        raise CouldNotRun(f"the world can't tell and_ from or_ in {place.name}")
    chosen = telling[:: max(1, len(telling) // _MOST_PAIRS)][:_MOST_PAIRS]
    joined = [table.resource.own(place.joined_by(operator, body) if written else body) for _, body in chosen]
    examiner.prefetch_filters(table, joined)
    blamed = 0
    for (parts, body), filters in zip(chosen, joined, strict=True):
        if examiner.sound(table, filters):
            continue
        # What is wrong with a part by itself is not a matter of joining it with another.
        if all(examiner.agrees(table, table.resource.own(part)) for part in parts):
            examiner.require_rows(table, filters, shows=list(body))
        blamed += 1
    if blamed == len(chosen):
        raise NotApplicable("unsound")


def _pairs(place: Place, examiner: Examiner) -> list[tuple[Body, Body]]:
    """What may be joined at a place: two criteria, or two operators of one."""
    table = place.table
    if place.criteria:
        some = [list(islice(_bodies(table, criterion, examiner), _MOST_BODIES)) for criterion in place.criteria]
        return [pair for one, other in combinations(some, 2) for pair in product(one, other)]
    criterion = table.own.criteria[place.path] if table.own else None
    if criterion is None:
        return []
    by_operator = [
        [
            criterion.body(**{operator: operand})
            for operand in _of(table, criterion, operator, examiner)
            if operand != ""
        ]
        for operator in criterion.operators
    ]
    return [pair for one, other in combinations(by_operator, 2) for pair in product(one, other)]


@check("filter.empty-operand", on=with_operator("any_", "not_any_", "all_", "like_", "id_", "type_"))
def test_an_operand_without_elements(subject: Cell, examiner: Examiner) -> None:
    """No value is any of none; every value is none of none, holds all of none, and contains the empty text."""
    if subject.criterion.deprecated:
        raise NotApplicable("deprecated")
    for operand in empty(subject.operator, subject.takes):
        table, path = subject.table, subject.criterion.path
        filters = table.resource.own(subject.criterion.body(**{subject.operator: operand}))
        read, records = table.resource.reader(path, subject.operator), examiner.world.population.records
        wrong = [row for rows in examiner.disagreement(table, filters) or () for row in rows]
        # Rows without a value may come or not: no document says.
        if any(read(row, records) is not None for row in wrong):
            examiner.require_rows(table, filters, shows=[path])


@check("filter.unset", on=filtered)
def test_what_is_not_set_restricts_nothing(subject: Table, examiner: Examiner) -> None:
    """No filter, an empty one, null for one, for a criterion and for an operator: every row comes."""
    criteria = [c for c in subject.own.criteria.values() if not c.deprecated] if subject.own else []
    ways = (
        # What the document gives a default has a meaning unset.
        [c.body() for c in criteria if not c.required and all(o.default is None for o in c.operators.values())],
        [c.body(**unset) for c in criteria if (unset := _nulls(c))],
        [_without(c) for c in criteria if c.path and c.nullable],
    )
    nodes: list[Body] = [{}]
    for way in ways:
        together: Body = {}
        for node in way:
            together = _merged(together, node)
        # One by one only where all of them together restrict.
        nodes += [together] if _is_unset(subject, together, examiner) else way
    slipped = [node for node in nodes if not _is_unset(subject, node, examiner)]
    if slipped:
        raise Violation(
            f"{len(slipped)} filters in which nothing is set restrict the rows",
            expected=f"all {len(examiner.expected(subject, {}))} rows",
            observed=slipped,
        )


def _nulls(criterion: Criterion) -> Body:
    """Null for each operator of a criterion in whose place the document lets it stand."""
    return {name: None for name, takes in criterion.operators.items() if takes.nullable}


def _is_unset(table: Table, node: Body, examiner: Examiner) -> bool:
    """Whether a filter restricts nothing, as it should.

    One that nothing fences is answered by a page of what others put there too: where there is no other page, it can't
    be told.
    """
    filters = table.resource.own(node)
    if not examiner.fences(table, filters) and "offset" not in table.query.properties:
        return True
    return examiner.sound(table, filters)


def _without(criterion: Criterion) -> Body:
    """A filter with null in place of the criterion."""
    *above, name = criterion.path.split(".")
    node: Body = {name: None}
    for step in reversed(above):
        node = {step: node}
    return node


_LINKS = ("id", "name", "slug", "state.type")
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
    examiner.prefetch_filters(table, ({subject.key: body} for body in bodies))
    for body in bodies:
        examiner.require_rows(table, {subject.key: body}, shows=[table.resource.identity])
        examiner.coverage.combined(table.name, (subject.key,))
        if table.resource.fence is not None:
            # Joined with a criterion of the collection itself.
            own = table.resource.fence(examiner.records(table)[::2])
            examiner.require_rows(table, {subject.key: body, **table.resource.own(own)})


def _distinct(resource: Resource, criterion: str, examiner: Examiner) -> list[Any]:
    read = resource.reader(criterion)
    population = examiner.world.population
    values = (read(record, population.records) for record in population.of(resource.name))
    return [value for value in dict.fromkeys(values) if value is not None]


def _of(table: Table, criterion: Criterion, operator: str, examiner: Examiner) -> Iterator[Any]:
    """The operands that an operator is asked with, those that some of the world's records satisfy first."""
    return operands(operator, criterion.operators[operator], examiner.values(table, criterion.path, operator))


def _bodies(table: Table, criterion: Criterion, examiner: Examiner) -> Iterator[Body]:
    """Filters with one criterion: one operator of it, with one operand after the other."""
    for operator in criterion.operators:
        found = [operand for operand in _of(table, criterion, operator, examiner) if operand != ""]
        if found:
            yield from (criterion.body(**{operator: operand}) for operand in found)
            return


def _merged(a: Mapping[str, Any], b: Mapping[str, Any]) -> Body:
    merged = dict(a)
    for key, value in b.items():
        merged[key] = _merged(merged[key], value) if isinstance(merged.get(key), dict) else value
    return merged
