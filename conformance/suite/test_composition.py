"""Composition: what criteria, related collections, sorting and paging come to together, on generated bodies.

Each body is judged by the oracle, and by relations between the server's own answers that need no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from conformance.contract import Contract, Criterion
from conformance.oracle import page_trouble
from conformance.suite.bodies import Question, Questions, leaves, pool, single_criteria, smallest
from conformance.suite.check import check
from conformance.suite.examiner import Body, Examiner
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation, require_equal
from conformance.suite.tables import Table, tables, with_properties, with_twin

_RELATED_BY = 5
"""Questions of each collection that the relations are tried on which need further requests for each."""


_TOTALS_OF = 8
"""One generated body of so many is counted too: it takes three requests."""

_PAIRS = 8
"""Pairs of criteria of each collection that are joined."""


@dataclass(frozen=True)
class Parted:
    """A criterion of a collection's filter, and the operators by which it splits the collection."""

    table: Table
    criterion: Criterion


@dataclass(frozen=True)
class Pair:
    """A collection that is asked, the key of a related one that the body names, and that one's own table."""

    table: Table
    key: str
    other: Table


@check("composition.rows", on=with_properties())
def test_any_body_returns_the_rows_of_the_oracle(
    subject: Table, examiner: Examiner, questions: Questions, contract: Contract
) -> None:
    asked = _asked(subject, examiner, questions)
    for question in asked:
        examiner.coverage.combined(subject.name, tuple(key for key in question.filters if key in subject.related))

    def disagrees(question: Question) -> bool:
        return _trouble(subject, question, examiner) is not None and _sound(subject, question, examiner, contract)

    def judge(question: Question) -> None:
        if disagrees(question):
            _explain(subject, question, examiner)

    # To find the smallest takes as many questions once more: only where there is something to find.
    if any(map(disagrees, asked)):
        smallest(subject, examiner, judge)


@check("composition.totals", on=with_twin("count"))
def test_count_and_pages_tell_of_the_same_rows(
    subject: Table, examiner: Examiner, questions: Questions, contract: Contract
) -> None:
    """The rows of the filter are as many as `count` says, and as `paginate` says where there is one."""
    head = subject.query.operation.path.removesuffix("filter")
    paginates = subject.query.twin("paginate") in contract.queries
    bodies = [body for body in _whole_bodies(subject, questions) if examiner.fences(subject, body)][::_TOTALS_OF]
    fenced = [examiner.fenced(subject, body) for body in bodies]
    examiner.prefetch((f"{head}count", body) for body in fenced)
    if paginates:
        examiner.prefetch((f"{head}paginate", body) for body in fenced)
    for body, fence in zip(bodies, fenced, strict=True):
        rows = len(examiner.rows(subject, fence))
        require_equal(f"the count for {body}", rows, examiner.ask(f"{head}count", fence))
        if paginates:
            page = examiner.ask(f"{head}paginate", fence)
            found = {"count": page.get("count"), "results": len(page.get("results", ()))}
            require_equal(f"paginate's for {body}", {"count": rows, "results": rows}, found)


@check("composition.narrows", on=with_properties())
def test_another_criterion_never_adds_a_row(subject: Table, examiner: Examiner, questions: Questions) -> None:
    joined = [(a, {**a, **b}) for a, b in _unlike(subject, examiner, questions)]
    if not joined:
        raise NotApplicable("single")
    _prefetch(subject, examiner, (node for pair in joined for node in pair))
    for fewer, more in joined:
        wide, narrow = (_identities(subject, node, examiner) for node in (fewer, more))
        if added := narrow - wide:
            observed = {"body": more, "added": sorted(added)}
            raise Violation(f"a further criterion adds {len(added)} rows", expected=fewer, observed=observed)


@check("composition.widens", on=with_properties())
def test_another_alternative_never_loses_a_row(subject: Table, examiner: Examiner, questions: Questions) -> None:
    if subject.own is None or "" not in subject.own.combinable:
        raise NotApplicable("joined")
    joined = [(a, {**a, **b, "operator": "or_"}) for a, b in _unlike(subject, examiner, questions)]
    if not joined:
        raise NotApplicable("single")
    _prefetch(subject, examiner, (fewer for fewer, _ in joined))
    for fewer, more in joined:
        narrow, wide = (_identities(subject, node, examiner) for node in (fewer, more))
        if lost := narrow - wide:
            observed = {"body": more, "lost": sorted(lost)}
            raise Violation(f"a further alternative loses {len(lost)} rows", expected=fewer, observed=observed)


def parted(contract: Contract) -> Mapping[str, Parted]:
    """Every criterion whose operators split the collection into parts: `flow_runs.state.type`."""
    return {
        f"{table.name}.{path}": Parted(table, criterion)
        for table in tables(contract).values()
        for path, criterion in (table.own.criteria.items() if table.own else ())
        if not criterion.deprecated
        and any(
            operators <= criterion.operators.keys()
            for operators in ({"any_", "not_any_"}, {"any_", "is_null_"}, {"is_null_"}, {"before_", "after_"})
        )
    }


@check("composition.partition", on=parted)
def test_operators_split_the_whole(subject: Parted, examiner: Examiner) -> None:
    """What an operator and its opposite leave are the rows without a value: the same ones whatever is asked."""
    table, criterion = subject.table, subject.criterion
    whole = _identities(table, {}, examiner)

    def part(**operators: Any) -> set[Any]:
        return _identities(table, criterion.body(**operators), examiner)

    operators = criterion.operators
    without = part(is_null_=True) if "is_null_" in operators else None
    if without is not None:
        require_equal("is_null_ true and false together", sorted(whole), sorted(without | part(is_null_=False)))
        require_equal("is_null_ true and false at once", [], sorted(without & part(is_null_=False)))
    for operand in pool(table.resource, criterion, "any_", examiner) if "any_" in operators else ():
        chosen = part(any_=operand)
        if without is not None:
            require_equal(f"any_ {operand} among the rows without a value", [], sorted(chosen & without))
        if "not_any_" in operators and operand:
            others = part(not_any_=operand)
            require_equal(f"any_ and not_any_ {operand} at once", [], sorted(chosen & others))
            left = whole - chosen - others
            without = left if without is None else without
            require_equal(f"what any_ and not_any_ {operand} leave", sorted(without), sorted(left))
    for operand in (
        pool(table.resource, criterion, "before_", examiner) if {"before_", "after_"} <= operators.keys() else ()
    ):
        left = whole - part(before_=operand) - part(after_=operand)
        without = left if without is None else without
        if table.resource.reader(criterion.path, "is_null_") != table.resource.reader(criterion.path, "before_"):
            without = left
        require_equal(f"what before_ and after_ {operand} leave", sorted(without), sorted(left))


def pairs(contract: Contract) -> Mapping[str, Pair]:
    """Every related collection that the body of a query may name and that can be asked itself: `flows by flow_runs`."""
    known = tables(contract)
    found = (
        Pair(table, key, known[collection])
        for table in known.values()
        for key in table.related
        if (collection := table.resource.relation(key).collection) in known
        and "id" in table.query.filters[key].criteria
    )
    return {f"{pair.table.name} by {pair.key}": pair for pair in found}


@check("composition.two-step", on=pairs)
def test_a_related_collection_equals_the_two_steps_by_ids(
    subject: Pair, examiner: Examiner, questions: Questions
) -> None:
    """Filtering by related members is the same as asking for those members and then for their ids."""
    table, other = subject.table, subject.other
    criteria = table.query.filters[subject.key].criteria
    generated = [node for node in _own_filters(other, questions) if _known(node, criteria)]
    nodes = generated[:_RELATED_BY]
    if not nodes:
        raise CouldNotRun(f"no filter of {other.name} was generated")
    # Ids beside another criterion: a server may have a way of its own for a query that asks for ids alone.
    every = sorted(row[other.resource.identity] for row in examiner.expected(other, {}))
    beside = list({next(iter(node)): node for whole in generated for node in single_criteria(whole)}.values())
    beside = [node for node in beside if "id" not in node]
    _prefetch(other, examiner, [*nodes, *beside])
    examiner.coverage.combined(table.name, (subject.key,))
    for node, asked in (
        *((node, _fenced_node(other, node, examiner)) for node in nodes),
        *((node, {**node, "id": {"any_": every}}) for node in beside),
    ):
        ids = sorted(_identities(other, node, examiner))
        direct = _found(table, {subject.key: asked}, examiner)
        stepped = _found(table, {subject.key: {"id": {"any_": ids}}}, examiner)
        if direct != stepped:
            raise Violation(
                f"{len(stepped - direct)} rows are missing and {len(direct - stepped)} should not be there",
                expected={"two steps": {subject.key: {"id": {"any_": f"the {len(ids)} ids of {node}"}}}},
                observed={"missing": sorted(stepped - direct), "should not be there": sorted(direct - stepped)},
            )


@check("composition.pages", on=with_properties("limit", "offset", "sort"))
def test_pages_of_any_body_are_the_whole(subject: Table, examiner: Examiner, questions: Questions) -> None:
    """Laid end to end, each row comes once, in the order of the sort key."""
    identity = subject.resource.identity
    settled = [sort for sort in subject.query.sorts if not subject.resource.follows_clock(sort)]
    sorted_ones = [question for question in questions.of(subject) if question.sort in settled][:_RELATED_BY]
    for number, question in enumerate(sorted_ones):
        body = {**examiner.fenced(subject, dict(question.filters)), "sort": question.sort}
        whole = examiner.rows(subject, body)
        size = (3, 5, 7)[number % 3]
        laid = []
        for offset in range(0, len(whole) + 1, size):
            laid += examiner.rows(subject, {**body, "limit": size, "offset": offset})
        trouble = page_trouble(subject.resource, laid, whole, examiner.world.population.records, sort=question.sort)
        if trouble is not None:
            raise Violation(
                f"pages of {size} laid end to end: {trouble}",
                expected=[row[identity] for row in whole],
                observed=[row[identity] for row in laid],
            )


def _asked(table: Table, examiner: Examiner, questions: Questions) -> list[Question]:
    found = questions.of(table)
    path = table.query.operation.fill(examiner.scopes(table)[0])
    examiner.prefetch(
        (path, {**examiner.fenced(table, dict(question.filters)), **question.paging})
        for question in found
        if examiner.fences(table, dict(question.filters))
    )
    return found


def _trouble(table: Table, question: Question, examiner: Examiner) -> str | None:
    """What is wrong with the answer to a question, None if nothing is."""
    trouble = None
    for again in (False, True):
        try:
            trouble = _answered(table, question, examiner, again=again)
        except Violation as violation:
            trouble = violation.summary
        if trouble is None:
            return None
    return trouble


def _answered(table: Table, question: Question, examiner: Examiner, *, again: bool) -> str | None:
    filters = dict(question.filters)
    if examiner.fences(table, filters):
        body = {**examiner.fenced(table, filters), **question.paging}
        return page_trouble(
            table.resource,
            examiner.rows(table, body, again=again),
            examiner.expected(table, filters),
            examiner.world.population.records,
            sort=question.sort or table.query.default_sort,
            offset=question.offset or 0,
            limit=question.limit,
        )
    if filters:
        rows, wanted = examiner.own_rows(table, filters, again=again), examiner.expected(table, filters)
        return page_trouble(table.resource, rows, wanted, examiner.world.population.records)
    # No filter keeps out what others put there: there are at least as many rows as ours, and never too many.
    identities = [row[table.resource.identity] for row in examiner.rows(table, question.paging, again=again)]
    ours = len(examiner.records(table)) - (question.offset or 0)
    if len(set(identities)) != len(identities):
        return "a row comes twice"
    if question.limit is not None and len(identities) > question.limit:
        return f"{len(identities)} rows under a limit of {question.limit}"
    fewest = ours if question.limit is None else min(ours, question.limit)
    return f"{len(identities)} rows where there are {fewest} at least" if len(identities) < fewest else None


def _explain(table: Table, question: Question, examiner: Examiner) -> None:
    filters = dict(question.filters)
    if not question.paging:
        examiner.require_rows(
            table, filters, shows=[path for path, _, _ in leaves(filters.get(table.resource.key) or {})]
        )
    raise Violation(
        f"{_trouble(table, question, examiner)}",
        expected=[examiner.named(table, row)["name"] for row in examiner.expected(table, filters)],
        observed={"body": question.text},
    )


def _sound(table: Table, question: Question, examiner: Examiner, contract: Contract) -> bool:
    """Whether each criterion of a question is answered rightly by itself: one that is not is told by its own checks."""
    known = tables(contract)
    for key, filter_ in question.filters.items():
        collection = table.name if key == table.resource.key else table.resource.relation(key).collection
        asked = known.get(collection)
        for node in single_criteria(filter_) if asked is not None else ():
            if asked is not None and not examiner.sound(asked, asked.resource.own(node)):
                return False
    return True


def _own_filters(table: Table, questions: Questions) -> list[Body]:
    """The collection's own filters in the generated questions, each once."""
    found: dict[str, Body] = {}
    for question in questions.of(table):
        if node := question.filters.get(table.resource.key):
            found.setdefault(str(node), node)
    return list(found.values())


def _unlike(table: Table, examiner: Examiner, questions: Questions) -> list[tuple[Body, Body]]:
    """Pairs of filters with one criterion each, two different ones, spread over all pairs that there are."""
    single = {
        str(part): part
        for node in _own_filters(table, questions)
        for key, value in node.items()
        if key != "operator"
        for part in ({key: value},)
    }
    # A filter that stands for more than it says (without anonymous documents, say) is not widened by what it says.
    plain = [node for node in single.values() if table.resource.meant(node) == node]
    found = [(a, b) for a, b in permutations(plain, 2) if a.keys() != b.keys()]
    chosen = found[:: max(1, len(found) // _PAIRS)][:_PAIRS]
    # What is wrong with one of them by itself is another rule's matter.
    return [pair for pair in chosen if all(examiner.sound(table, table.resource.own(node)) for node in pair)]


def _whole_bodies(table: Table, questions: Questions) -> list[Body]:
    """The filters of the generated questions, without sorting and paging, each once."""
    return list({str(question.filters): dict(question.filters) for question in questions.of(table)}.values())


def _identities(table: Table, node: Body, examiner: Examiner) -> set[Any]:
    """The world's own rows that the collection's own filter `node` selects on the server."""
    return _found(table, table.resource.own(node), examiner)


def _found(table: Table, filters: Body, examiner: Examiner) -> set[Any]:
    return {row[table.resource.identity] for row in examiner.own_rows(table, filters)}


def _prefetch(table: Table, examiner: Examiner, nodes: Iterator[Body] | list[Body]) -> None:
    examiner.prefetch_filters(table, (table.resource.own(node) for node in nodes))


def _fenced_node(table: Table, node: Body, examiner: Examiner) -> Body:
    """A related collection's filter, narrowed to the world's own members."""
    body = examiner.fenced(table, table.resource.own(node))
    found: Body = body[table.resource.key]
    return found


def _known(node: Body, criteria: Mapping[str, Criterion]) -> bool:
    """Whether a filter uses only what the body of another query knows, and can be fenced there."""
    return node.get("operator") != "or_" and all(
        path in criteria and operator in criteria[path].operators for path, operator, _ in leaves(node)
    )
