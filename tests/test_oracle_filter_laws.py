"""Laws that the oracle's filters keep on any world: the oracle is what servers are judged by, so it is judged too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_samples import COLLECTIONS, ZONES, Filter, World, filters, joined, law, moved, questions, worlds, written

from conformance.oracle import matches, select
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record, Relation


def chosen(collection: str, filter_: Filter | None, world: World) -> list[str]:
    """The ids that a filter of the collection alone selects."""
    return [row["id"] for row in select(collection, {collection: filter_}, world)]


def everything(collection: str, world: World) -> list[str]:
    return [record["id"] for record in world[collection]]


def parts(filter_: Filter) -> Filter:
    """What of a filter restricts: neither how it is joined nor nulls."""
    return {key: value for key, value in filter_.items() if key != "operator" and value is not None}


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


@law
@given(worlds, filters["flow_runs"], st.sampled_from(ZONES))
def test_the_zones_of_filters_and_records_do_not_count(world: World, filter_: Filter, zone: timezone) -> None:
    there = {**world, "flow_runs": [moved(run, zone) for run in world["flow_runs"]]}
    found = chosen("flow_runs", filter_, world)
    assert chosen("flow_runs", moved(filter_, zone), world) == found
    assert chosen("flow_runs", filter_, there) == found


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
