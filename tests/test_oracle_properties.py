"""Laws that the oracle keeps on any world and under any filter: it is what servers are judged by, so it is judged too.

Worlds and filters are generated. No server, and the same cases in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformance.oracle import first_disorder, holds, matches, select
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record, Relation

World = Mapping[str, Sequence[Record]]
Filter = dict[str, Any]

law = settings(derandomize=True, deadline=None, max_examples=100)

# Values: few, so that they meet; and near each other, so that a wrong comparison shows.

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)
ZONES = [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]


def written(moment: datetime, zone: timezone = UTC) -> str:
    """An instant as JSON has it."""
    return moment.astimezone(zone).isoformat(timespec="microseconds")


moments = st.builds(lambda step: NOON + timedelta(microseconds=step), st.integers(-2, 2))
times = st.builds(written, moments, st.sampled_from(ZONES))
TEXTS = ["a", "A", "ab", "Ab b", "a%b", "a_b", "axb", "École", "école", "東京", ""]
texts = st.sampled_from(TEXTS)
LABELS = ["red", "Red", "blue", "été"]
labels = st.sampled_from(LABELS)
tags = st.lists(labels, unique=True, max_size=3)
STATES = ["SCHEDULED", "RUNNING", "FAILED"]
states = st.sampled_from(STATES)
numbers = st.integers(-1, 3)


def ids(collection: str, numbers: Iterable[int]) -> list[str]:
    return [f"{collection}-{number}" for number in numbers]


FLOWS = ids("flow", range(3))
DEPLOYMENTS = ids("deployment", range(3))
RUNS = ids("run", range(4))
TASKS = ids("task", range(3))


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


# Worlds: objects that are taken from a pool of each collection, which is made once. To generate each field of each
# object in every case would take ten times as long.

_RANDOM = Random(20221013)


def maybe(values: Sequence[Any]) -> Any:
    return _RANDOM.choice([None, *values])


def some_time() -> str | None:
    moment = NOON + timedelta(microseconds=_RANDOM.randint(-2, 2))
    return written(moment, _RANDOM.choice(ZONES)) if _RANDOM.random() < 0.7 else None


def common() -> Record:
    return {"name": _RANDOM.choice(TEXTS), "tags": _RANDOM.sample(LABELS, _RANDOM.randint(0, 3))}


def stateful() -> Record:
    return {**common(), "state_type": maybe(STATES), "state_name": maybe(TEXTS), "start_time": some_time()}


POOLS: Mapping[str, Sequence[Record]] = {
    "flows": [common() for _ in range(40)],
    "deployments": [
        {**common(), "flow_id": _RANDOM.choice(FLOWS), "paused": _RANDOM.random() > 0.5, "version": maybe(TEXTS)}
        for _ in range(60)
    ],
    "flow_runs": [
        {
            **stateful(),
            "flow_id": _RANDOM.choice(FLOWS),
            "deployment_id": maybe(DEPLOYMENTS),
            "parent_task_run_id": maybe(TASKS),
            "idempotency_key": maybe(TEXTS),
            "expected_start_time": some_time(),
            "end_time": some_time(),
        }
        for _ in range(120)
    ],
    "task_runs": [
        {**stateful(), "flow_run_id": maybe(RUNS), "estimated_run_time": _RANDOM.choice([0.0, 1.0, 1.5])}
        for _ in range(80)
    ],
}


def records(collection: str, names: Sequence[str]) -> st.SearchStrategy[list[Record]]:
    """Objects of all of these ids but one or none, in any order: most of what is referred to is there."""
    many = st.lists(st.sampled_from(POOLS[collection]), min_size=len(names) - 1, max_size=len(names))
    return st.tuples(st.permutations(names), many).map(
        lambda drawn: [{"id": name, **record} for name, record in zip(*drawn, strict=False)]
    )


worlds = st.fixed_dictionaries(
    {
        "flows": records("flows", FLOWS),
        "deployments": records("deployments", DEPLOYMENTS),
        "flow_runs": records("flow_runs", RUNS),
        "task_runs": records("task_runs", TASKS),
    }
)

# Filters: of each collection, some of its criteria with any of their operators.

COLLECTIONS = ("flows", "deployments", "flow_runs", "task_runs")
joined = st.sampled_from(["and_", "or_"])


def few(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=3)


def one_of(values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {"any_": few(values), "not_any_": few(values), "is_null_": st.booleans()}


def node(parts: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Filter]:
    """Some of the parts, null or not, perhaps with how they are joined."""
    some = {key: st.one_of(values, values, values, st.none()) for key, values in parts.items()}
    return st.fixed_dictionaries({}, optional={"operator": joined, **some})


TIME = {"before_": times, "after_": times, "is_null_": st.booleans()}
TAGS = {"all_": few(labels), "any_": few(labels), "is_null_": st.booleans()}
STATE = {"type": node(one_of(states)), "name": node(one_of(texts))}

filters = {
    "flows": node(
        {
            "id": node({"any_": few(st.sampled_from(FLOWS)), "not_any_": few(st.sampled_from(FLOWS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "tags": node(TAGS),
            "deployment": node({"is_null_": st.booleans()}),
        }
    ),
    "deployments": node(
        {
            "id": node({"any_": few(st.sampled_from(DEPLOYMENTS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "flow_or_deployment_name": node({"like_": texts}),
            "paused": node({"eq_": st.booleans()}),
            "tags": node(TAGS),
        }
    ),
    "flow_runs": node(
        {
            "id": node({"any_": few(st.sampled_from(RUNS)), "not_any_": few(st.sampled_from(RUNS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "tags": node(TAGS),
            "deployment_id": node(one_of(st.sampled_from(DEPLOYMENTS))),
            "state": node(STATE),
            "start_time": node(TIME),
            "end_time": node(TIME),
            "parent_flow_run_id": node({"any_": few(st.sampled_from(RUNS))}),
            "idempotency_key": node(one_of(texts)),
        }
    ),
    "task_runs": node(
        {
            "id": node({"any_": few(st.sampled_from(TASKS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "tags": node(TAGS),
            "state": node(STATE),
            "start_time": node(TIME),
            "flow_run_id": node(one_of(st.sampled_from(RUNS))),
            "subflow_runs": node({"exists_": st.booleans()}),
        }
    ),
}


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Filter]:
    """A collection and a filter of it."""
    collection = draw(st.sampled_from(COLLECTIONS))
    return collection, draw(filters[collection])


def chosen(collection: str, filter_: Filter | None, world: World) -> list[str]:
    """The ids that a filter of the collection alone selects."""
    return [row["id"] for row in select(collection, {collection: filter_}, world)]


def everything(collection: str, world: World) -> list[str]:
    return [record["id"] for record in world[collection]]


def parts(filter_: Filter) -> Filter:
    """What of a filter restricts: neither how it is joined nor nulls."""
    return {key: value for key, value in filter_.items() if key != "operator" and value is not None}


# One operator on one value


@law
@given(nullable(texts), st.lists(texts, min_size=1, max_size=3))
def test_any_not_any_and_null_split_the_values(value: str | None, wanted: list[str]) -> None:
    assert [holds("any_", value, wanted), holds("not_any_", value, wanted), holds("is_null_", value, True)].count(
        True
    ) == 1


@law
@given(tags, st.lists(labels, min_size=1, max_size=3))
def test_a_list_has_any_or_not_any(value: list[str], wanted: list[str]) -> None:
    assert holds("any_", value, wanted) is not holds("not_any_", value, wanted)
    assert holds("is_null_", value, True) is not holds("any_", value, value)


@law
@given(nullable(texts) | tags)
def test_a_value_is_null_or_is_not(value: Any) -> None:
    assert holds("is_null_", value, True) is not holds("is_null_", value, False)


@law
@given(nullable(st.booleans()), st.booleans())
def test_a_boolean_equals_one_of_the_two_or_is_null(value: bool | None, wanted: bool) -> None:
    found = [holds("eq_", value, wanted), holds("eq_", value, not wanted), holds("is_null_", value, True)]
    assert found.count(True) == 1
    assert found[0] is (value is wanted)


@law
@given(nullable(texts))
def test_there_is_one_or_there_is_none(value: str | None) -> None:
    assert holds("exists_", value, True) is not holds("exists_", value, False)


@law
@given(moments, moments, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_before_and_after_meet_at_equality_only(
    value: datetime, limit: datetime, here: timezone, there: timezone
) -> None:
    before, after = (holds(name, written(value, here), written(limit, there)) for name in ("before_", "after_"))
    assert before or after
    assert (before and after) is (value == limit)
    assert before is (value <= limit)


@law
@given(numbers, numbers)
def test_at_least_and_at_most_meet_at_equality_only(value: int, limit: int) -> None:
    least, most = holds("ge_", value, limit), holds("le_", value, limit)
    assert least or most
    assert (least and most) is (value == limit)
    assert least is (value >= limit)


@law
@given(moments, moments, st.sampled_from(ZONES))
def test_an_instant_is_the_same_in_any_zone(value: datetime, limit: datetime, zone: timezone) -> None:
    forms = [written(limit), written(limit, zone), written(limit).replace("+00:00", "Z"), written(limit)[:-6]]
    for operator in ("before_", "after_"):
        assert len({holds(operator, written(value), form) for form in forms}) == 1
        assert len({holds(operator, form, written(value)) for form in forms}) == 1
    assert {instant(form) for form in forms} == {limit}


OPERANDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "any_": (texts, few(texts)),
    "not_any_": (texts, st.lists(texts, min_size=1)),
    "eq_": (st.booleans(), st.booleans()),
    "before_": (times, times),
    "after_": (times, times),
    "ge_": (numbers, numbers),
    "le_": (numbers, numbers),
    "like_": (texts, texts),
    "startswith_": (texts, few(texts)),
}


@pytest.mark.parametrize("operator", OPERANDS)
def test_null_satisfies_no_operator_but_those_that_ask_for_it(operator: str) -> None:
    @law
    @given(OPERANDS[operator][1])
    def check(operand: Any) -> None:
        assert not holds(operator, None, operand)

    check()


@pytest.mark.parametrize("operator", OPERANDS)
def test_of_alternatives_one_has_to_satisfy(operator: str) -> None:
    @law
    @given(nullable(OPERANDS[operator][0]), nullable(OPERANDS[operator][0]), OPERANDS[operator][1])
    def check(one: Any, other: Any, operand: Any) -> None:
        assert holds(operator, (one, other), operand) is (
            holds(operator, one, operand) or holds(operator, other, operand)
        )

    check()


@law
@given(nullable(texts), st.lists(texts, min_size=1), st.lists(texts, min_size=1))
def test_a_longer_list_takes_in_what_either_part_does(value: str | None, one: list[str], other: list[str]) -> None:
    both = [*one, *other]
    assert holds("any_", value, both) is (holds("any_", value, one) or holds("any_", value, other))
    assert holds("not_any_", value, both) is (holds("not_any_", value, one) and holds("not_any_", value, other))


@law
@given(tags, few(labels), few(labels))
def test_a_longer_list_asks_of_tags_what_both_parts_do(value: list[str], one: list[str], other: list[str]) -> None:
    both = [*one, *other]
    assert holds("all_", value, both) is (holds("all_", value, one) and holds("all_", value, other))
    assert holds("any_", value, both) is (holds("any_", value, one) or holds("any_", value, other))
    assert all(holds("all_", value, [label]) is holds("any_", value, [label]) for label in both)
    # A longer list of the object's own has all that a shorter one has.
    assert holds("all_", value, one) <= holds("all_", [*value, *other], one)


@law
@given(st.sampled_from(["any_", "not_any_", "all_"]), tags, few(labels), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_in_a_list_counts(
    operator: str, value: list[str], wanted: list[str], random: Any
) -> None:
    other = [*wanted, *wanted]
    random.shuffle(other)
    assert holds(operator, value, other) is holds(operator, value, wanted)
    assert holds(operator, value[::-1], wanted) is holds(operator, value, wanted)


@law
@given(nullable(times), moments, moments)
def test_a_later_limit_takes_in_more_before_it_and_less_after_it(
    value: str | None, one: datetime, other: datetime
) -> None:
    earlier, later = sorted((one, other))
    assert holds("before_", value, written(earlier)) <= holds("before_", value, written(later))
    assert holds("after_", value, written(later)) <= holds("after_", value, written(earlier))


@law
@given(nullable(numbers), numbers, numbers)
def test_a_higher_bound_takes_in_more_below_it_and_less_above_it(value: int | None, one: int, other: int) -> None:
    lower, higher = sorted((one, other))
    assert holds("le_", value, lower) <= holds("le_", value, higher)
    assert holds("ge_", value, higher) <= holds("ge_", value, lower)


@law
@given(st.text(max_size=6), st.text(max_size=3), st.text(max_size=3))
def test_a_text_holds_its_parts_whatever_their_case(part: str, before: str, after: str) -> None:
    whole = before + part + after
    assert holds("like_", whole, part)
    ascii_part = "".join(c for c in part if c.isascii())
    assert holds("like_", before + ascii_part + after, ascii_part.swapcase())
    # A shorter part is found wherever a longer one is.
    assert holds("like_", whole, part[1:])


@law
@given(nullable(texts), texts, few(texts))
def test_a_text_that_starts_with_a_part_holds_it(value: str | None, start: str, others: list[str]) -> None:
    assert holds("startswith_", value, [start]) <= holds("like_", value, start)
    assert holds("startswith_", value, [start]) <= holds("startswith_", value, [*others, start])
    assert holds("startswith_", value, [start]) <= holds("startswith_", value, [start[:1]])
    if value is not None:
        assert holds("startswith_", value + start, [value])


@law
@given(texts, texts)
def test_wildcards_of_sql_are_letters(value: str, part: str) -> None:
    assume(part and {*part} & {*"%_"})
    assert holds("like_", value, part) is (part in value.lower())


# Filters of one collection


@law
@given(worlds, questions())
def test_rows_come_in_the_order_of_the_world_each_once(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    found = chosen(collection, filter_, world)
    assert found == [id_ for id_ in everything(collection, world) if id_ in set(found)]


@law
@given(worlds, questions())
def test_and_is_the_meet_and_or_the_join_of_the_parts(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    apart = [set(chosen(collection, {key: part}, world)) for key, part in parts(filter_).items()]
    whole = set(everything(collection, world))
    together = set(chosen(collection, {**filter_, "operator": "and_"}, world))
    either = set(chosen(collection, {**filter_, "operator": "or_"}, world))
    assert together == whole.intersection(*apart)
    assert either == (set().union(*apart) if apart else whole)


@law
@given(worlds, questions())
def test_and_unless_or_is_asked_for(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    plain = {key: value for key, value in filter_.items() if key != "operator"}
    assert chosen(collection, plain, world) == chosen(collection, {**plain, "operator": "and_"}, world)


@law
@given(worlds, questions())
def test_the_order_of_criteria_does_not_count(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    assert chosen(collection, turned(filter_), world) == chosen(collection, filter_, world)


def turned(filter_: Any) -> Any:
    """The same filter, its keys in the opposite order at every level."""
    if not isinstance(filter_, dict):
        return filter_
    return {key: turned(filter_[key]) for key in reversed(filter_)}


@law
@given(worlds, questions())
def test_selecting_from_a_selection_changes_nothing(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    selection = select(collection, {collection: filter_}, world)
    assert select(collection, {collection: filter_}, {**world, collection: selection}) == selection


@law
@given(worlds, questions(), st.data())
def test_a_conjunct_more_gives_a_subset_and_a_disjunct_more_a_superset(
    world: World, question: tuple[str, Filter], data: st.DataObject
) -> None:
    collection, filter_ = question
    more = {**parts(data.draw(filters[collection])), **filter_}
    assert set(chosen(collection, {**more, "operator": "and_"}, world)) <= set(
        chosen(collection, {**filter_, "operator": "and_"}, world)
    )
    if parts(filter_):
        assert set(chosen(collection, {**more, "operator": "or_"}, world)) >= set(
            chosen(collection, {**filter_, "operator": "or_"}, world)
        )


@law
@given(worlds, questions())
def test_over_one_criterion_or_is_and(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    for key, part in parts(filter_).items():
        one, other = ({key: part, "operator": operator} for operator in ("and_", "or_"))
        assert chosen(collection, one, world) == chosen(collection, other, world)
        for operator, operand in parts(part).items():
            single = [{key: {operator: operand, "operator": name}} for name in ("and_", "or_")]
            assert chosen(collection, single[0], world) == chosen(collection, single[1], world)


@law
@given(worlds, st.sampled_from(COLLECTIONS), st.sampled_from([None, {}, {"any_": None}, {"operator": "and_"}]), joined)
def test_nothing_asked_restricts_nothing(world: World, collection: str, nothing: Any, operator: str) -> None:
    whole = everything(collection, world)
    assert [row["id"] for row in select(collection, {}, world)] == whole
    for filter_ in (nothing, {"name": nothing}, {"name": nothing, "tags": None, "operator": operator}):
        assert chosen(collection, filter_, world) == whole


@law
@given(worlds, questions())
def test_a_null_beside_criteria_restricts_nothing(world: World, question: tuple[str, Filter]) -> None:
    collection, filter_ = question
    assert chosen(collection, {"absent": None, **filter_}, world) == chosen(collection, filter_, world)
    joined_as = {key: value for key, value in filter_.items() if key == "operator"}
    assert chosen(collection, {**joined_as, **parts(filter_)}, world) == chosen(collection, filter_, world)


@law
@given(worlds, questions())
def test_de_morgan(world: World, question: tuple[str, Filter]) -> None:
    """What a filter leaves out is what its opposite selects: and_ turned to or_, each operator to its complement."""
    collection, filter_ = question
    filter_ = with_complement(filter_)
    opposite = complement(filter_) if parts(filter_) else {"id": NOTHING}
    resource = RESOURCES[collection]
    for record in world[collection]:
        assert matches(resource, opposite, record, world) is not matches(resource, filter_, record, world)


NOTHING: Filter = {"any_": []}
EVERYTHING: Filter = {}


def with_complement(filter_: Filter) -> Filter:
    """Of each criterion, one operator that has a complement (there is no "not like"), if it has one."""
    kept: Filter = {key: value for key, value in filter_.items() if key == "operator"}
    for key, part in parts(filter_).items():
        if not key.endswith("_"):
            # For null, `start_time` reads another field than for the rest: that it has no value can't be asked.
            kept[key] = with_complement(part) if key != "start_time" else {}
        elif opposite(key, part) is not None:
            return {key: part}
    return kept


def complement(filter_: Filter) -> Filter:
    """A filter for all that `filter_` leaves out."""
    if not parts(filter_):
        return NOTHING
    turned_: Filter = {"operator": "and_" if filter_.get("operator") == "or_" else "or_"}
    for key, part in parts(filter_).items():
        found = opposite(key, part)
        turned_ |= {key: complement(part)} if found is None else found
    return turned_


def opposite(operator: str, operand: Any) -> Filter | None:
    """Operators of which one holds just where this one does not; None where there are none."""
    if operand == []:
        return {"any_": EVERYTHING, "not_any_": NOTHING}.get(operator)
    if operator == "all_" and len(operand) > 1:
        return None
    found: Mapping[str, Callable[[], Filter]] = {
        "any_": lambda: {"not_any_": operand, "is_null_": True},
        "all_": lambda: {"not_any_": operand, "is_null_": True},
        "not_any_": lambda: {"any_": operand, "is_null_": True},
        "is_null_": lambda: {"is_null_": not operand},
        "exists_": lambda: {"exists_": not operand},
        "eq_": lambda: {"eq_": not operand, "is_null_": True},
        "before_": lambda: {"after_": moved_by(operand, 1), "is_null_": True},
        "after_": lambda: {"before_": moved_by(operand, -1), "is_null_": True},
    }
    return found[operator]() if operator in found else None


def moved_by(when: str, microseconds: int) -> str:
    return written(instant(when) + timedelta(microseconds=microseconds))


# Filters of related collections

Linked = Callable[[Record, Record, World], bool]
"""Whether a record and one of the related collection belong together."""


def run_of(task: Record, world: World) -> Record:
    return next((run for run in world["flow_runs"] if run["id"] == task["flow_run_id"]), {})


LINKED: Mapping[tuple[str, str], Linked] = {
    ("flows", "deployments"): lambda flow, deployment, _: deployment["flow_id"] == flow["id"],
    ("flows", "flow_runs"): lambda flow, run, _: run["flow_id"] == flow["id"],
    ("flows", "task_runs"): lambda flow, task, world: run_of(task, world).get("flow_id") == flow["id"],
    ("deployments", "flows"): lambda deployment, flow, _: deployment["flow_id"] == flow["id"],
    ("deployments", "flow_runs"): lambda deployment, run, _: run["deployment_id"] == deployment["id"],
    ("deployments", "task_runs"): lambda deployment, task, world: (
        run_of(task, world).get("deployment_id") == deployment["id"]
    ),
    ("flow_runs", "flows"): lambda run, flow, _: run["flow_id"] == flow["id"],
    ("flow_runs", "deployments"): lambda run, deployment, _: run["deployment_id"] == deployment["id"],
    ("flow_runs", "task_runs"): lambda run, task, _: task["flow_run_id"] == run["id"],
    ("task_runs", "flow_runs"): lambda task, run, _: task["flow_run_id"] == run["id"],
    ("task_runs", "flows"): lambda task, flow, world: run_of(task, world).get("flow_id") == flow["id"],
    ("task_runs", "deployments"): lambda task, deployment, world: (
        run_of(task, world).get("deployment_id") == deployment["id"]
    ),
}
"""Written apart from the resources, so that the one is checked by the other."""

BY_OWN_CRITERION = {
    ("flow_runs", "deployments"): "deployment_id",
    ("task_runs", "flow_runs"): "flow_run_id",
}


@st.composite
def related_questions(draw: st.DrawFn) -> tuple[str, str, Filter]:
    """A collection, a related one, and a filter of that."""
    collection, key = draw(st.sampled_from(sorted(LINKED)))
    return collection, key, draw(filters[key])


@pytest.mark.parametrize("pair", sorted(LINKED), ids=" by ".join)
def test_a_related_collection_is_the_answer_in_two_steps(pair: tuple[str, str]) -> None:
    collection, key = pair
    linked = LINKED[pair]

    @settings(law, max_examples=50)  # a pair
    @given(worlds, filters[key])
    def check(world: World, filter_: Filter) -> None:
        others = select(key, {key: filter_}, world)
        wanted = [record["id"] for record in world[collection] if any(linked(record, other, world) for other in others)]
        assert [row["id"] for row in select(collection, {key: filter_}, world)] == wanted
        # Each of the others apart, too: of many, one will do.
        for by in ([other["id"]] for other in world[key]):
            found = select(collection, {key: {"id": {"any_": by}}}, world)
            ours = [other for other in world[key] if other["id"] in by]
            assert found == [row for row in world[collection] if any(linked(row, other, world) for other in ours)]
        if pair in BY_OWN_CRITERION:
            own = {BY_OWN_CRITERION[pair]: {"any_": [other["id"] for other in others]}}
            assert chosen(collection, own, world) == wanted

    check()


@law
@given(worlds, related_questions(), st.data())
def test_a_related_collection_and_an_own_filter_hold_both(
    world: World, question: tuple[str, str, Filter], data: st.DataObject
) -> None:
    collection, key, filter_ = question
    own = data.draw(filters[collection])
    both = [row["id"] for row in select(collection, {collection: own, key: filter_}, world)]
    related = {row["id"] for row in select(collection, {key: filter_}, world)}
    assert both == [id_ for id_ in chosen(collection, own, world) if id_ in related]


@law
@given(worlds, filters["deployments"], filters["flow_runs"])
def test_related_collections_side_by_side_hold_both(world: World, deployments: Filter, runs: Filter) -> None:
    """A flow with a deployment that matches and a flow run that matches: not one of the other."""
    apart = [
        {row["id"] for row in select("flows", body, world)}
        for body in ({"deployments": deployments}, {"flow_runs": runs})
    ]
    both = select("flows", {"flow_runs": runs, "deployments": deployments}, world)
    assert {row["id"] for row in both} == apart[0] & apart[1]


@law
@given(worlds, st.sampled_from(["flows", "deployments"]), filters["flow_runs"], filters["task_runs"])
def test_one_related_member_has_to_answer_what_is_reached_through_it(
    world: World, collection: str, runs: Filter, tasks: Filter
) -> None:
    through = {task["flow_run_id"] for task in select("task_runs", {"task_runs": tasks}, world)}
    one = [run["id"] for run in select("flow_runs", {"flow_runs": runs}, world) if run["id"] in through]
    found = select(collection, {"task_runs": tasks, "flow_runs": runs}, world)
    assert found == select(collection, {"flow_runs": {"id": {"any_": one}}}, world)


@law
@given(worlds, st.sampled_from(sorted(LINKED)))
def test_a_null_for_a_related_collection_asks_nothing_and_an_empty_filter_asks_for_one(
    world: World, pair: tuple[str, str]
) -> None:
    collection, key = pair
    assert [row["id"] for row in select(collection, {key: None}, world)] == everything(collection, world)
    any_other = [
        record["id"] for record in world[collection] if any(LINKED[pair](record, other, world) for other in world[key])
    ]
    assert [row["id"] for row in select(collection, {key: {}}, world)] == any_other


def test_every_link_between_the_generated_collections_is_judged() -> None:
    def keys(relations: Sequence[Relation]) -> set[str]:
        return {relation.key for relation in relations}.union(*(keys(relation.then) for relation in relations))

    known = {(name, key) for name in COLLECTIONS for key in keys(RESOURCES[name].related) if key in COLLECTIONS}
    assert known == set(LINKED)


# Order

SORTED: Mapping[tuple[str, str], Callable[[Record], Any]] = {
    ("flow_runs", "END_TIME"): lambda run: run["end_time"] and instant(run["end_time"]),
    ("flow_runs", "EXPECTED_START_TIME"): lambda run: (
        run["expected_start_time"] and instant(run["expected_start_time"])
    ),
    ("flow_runs", "START_TIME"): lambda run: (
        (run["start_time"] or run["expected_start_time"]) and instant(run["start_time"] or run["expected_start_time"])
    ),
    ("task_runs", "DURATION"): lambda task: task["estimated_run_time"],
    ("flow_runs", "NAME"): lambda run: run["name"],
}
"""What a sort key orders by, where values have one order only; of names, the order by code point."""


@st.composite
def ordered_lists(draw: st.DrawFn) -> tuple[str, str, World, list[Record], list[Record]]:
    """A collection, a sort key, a world, its rows with a value in that order, and those without."""
    collection, prefix = draw(st.sampled_from(sorted(SORTED)))
    descending = draw(st.booleans())
    world = draw(worlds)
    read = SORTED[collection, prefix]
    present = [record for record in world[collection] if read(record) is not None]
    nulls = [record for record in world[collection] if read(record) is None]
    sort = f"{prefix}_{'DESC' if descending else 'ASC'}"
    return collection, sort, world, sorted(present, key=read, reverse=descending), nulls


def in_order(collection: str, sort: str, rows: Sequence[Record], world: World) -> bool:
    return first_disorder(RESOURCES[collection], sort, rows, world) is None


@law
@given(ordered_lists())
def test_sorted_rows_are_in_order_with_nulls_at_either_end(
    case: tuple[str, str, World, list[Record], list[Record]],
) -> None:
    collection, sort, world, present, nulls = case
    assert in_order(collection, sort, [*present, *nulls], world)
    assert in_order(collection, sort, [*nulls, *present], world)


@law
@given(ordered_lists())
def test_nulls_between_are_out_of_order(case: tuple[str, str, World, list[Record], list[Record]]) -> None:
    collection, sort, world, present, nulls = case
    if nulls and len(present) > 1:
        assert not in_order(collection, sort, [present[0], *nulls, *present[1:]], world)
    if len(nulls) > 1 and present:
        assert not in_order(collection, sort, [nulls[0], *present, *nulls[1:]], world)


@law
@given(ordered_lists())
def test_of_two_different_neighbours_only_one_order_is_right(
    case: tuple[str, str, World, list[Record], list[Record]],
) -> None:
    collection, sort, world, present, _ = case
    assume(not sort.startswith("NAME"))  # no collation is promised
    read = SORTED[collection, sort.rpartition("_")[0]]
    if len({read(record) for record in present}) > 1:
        assert not in_order(collection, sort, present[::-1], world)
    for at, (first, second) in enumerate(pairwise(present)):
        swapped = [*present[:at], second, first, *present[at + 2 :]]
        assert in_order(collection, sort, swapped, world) is (read(first) == read(second))


@law
@given(ordered_lists(), st.randoms(use_true_random=False))
def test_what_is_out_of_order_is_shown_by_two_neighbours(
    case: tuple[str, str, World, list[Record], list[Record]], random: Any
) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    wrong = first_disorder(RESOURCES[collection], sort, rows, world)
    read = SORTED[collection, sort.rpartition("_")[0]]
    if wrong is None:
        values = [read(row) for row in rows if read(row) is not None]
        if not sort.startswith("NAME"):
            assert values == sorted(values, reverse=sort.endswith("_DESC"))
        return
    assert wrong.first in rows
    assert rows.index(wrong.first) < rows.index(wrong.second)
    assert read(wrong.first) != read(wrong.second)


@law
@given(ordered_lists(), st.randoms(use_true_random=False))
def test_ties_may_stand_in_any_order(case: tuple[str, str, World, list[Record], list[Record]], random: Any) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    read = SORTED[collection, sort.rpartition("_")[0]]
    values = [read(row) for row in rows]
    before = in_order(collection, sort, rows, world)
    for one in range(len(rows)):
        other = random.choice([at for at, value in enumerate(values) if value == values[one]])
        rows[one], rows[other] = rows[other], rows[one]
    assert in_order(collection, sort, rows, world) is before


@law
@given(ordered_lists(), st.randoms(use_true_random=False))
def test_descending_is_ascending_read_backwards(
    case: tuple[str, str, World, list[Record], list[Record]], random: Any
) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    prefix = sort.rpartition("_")[0]
    assert in_order(collection, f"{prefix}_ASC", rows, world) is in_order(
        collection, f"{prefix}_DESC", rows[::-1], world
    )


@law
@given(ordered_lists(), st.randoms(use_true_random=False), st.sampled_from(ZONES))
def test_the_zones_of_records_do_not_count_in_an_order(
    case: tuple[str, str, World, list[Record], list[Record]], random: Any, zone: timezone
) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    elsewhere = [moved(row, zone) for row in rows]
    assert in_order(collection, sort, elsewhere, world) is in_order(collection, sort, rows, world)


@law
@given(worlds, filters["flow_runs"], st.sampled_from(ZONES))
def test_the_zones_of_filters_and_records_do_not_count(world: World, filter_: Filter, zone: timezone) -> None:
    there = {**world, "flow_runs": [moved(run, zone) for run in world["flow_runs"]]}
    found = chosen("flow_runs", filter_, world)
    assert chosen("flow_runs", moved(filter_, zone), world) == found
    assert chosen("flow_runs", filter_, there) == found


def moved(value: Any, zone: timezone) -> Any:
    """The same, with every instant in it written in a zone."""
    if isinstance(value, dict):
        return {key: moved(inner, zone) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("2031-"):
        return written(instant(value), zone)
    return value
