"""The oracle against hand-written tables, and against laws that hold for any filter."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle import OPERATORS, UnknownOperatorError, first_disorder, holds, matches, select
from conformance.resources import RESOURCES

law = settings(derandomize=True, deadline=None)

NOON = "2031-05-01T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("operator", "operand", "hits", "misses"),
    [
        ("any_", ["a", "b"], ["a", "b", ["a"], ["x", "b"]], ["A", None, [], ["x"], ""]),
        ("any_", [], [], ["a", None, []]),
        ("not_any_", ["a"], ["b", "A", ["x"], []], ["a", None, ["a", "x"]]),
        ("not_any_", [], ["a", None], []),
        ("all_", ["a", "b"], [["a", "b"], ["b", "x", "a"]], [["a"], [], None]),
        ("all_", [], [["a"], [], None], []),
        ("is_null_", True, [None, []], ["", 0, False, ["a"]]),
        ("is_null_", False, ["", 0, False, ["a"]], [None, []]),
        ("eq_", False, [False], [True, None]),
        ("before_", NOON, [NOON, "2031-05-01T11:59:59.999999Z", "2031-05-01T14:00:00+02:00"], [None]),
        ("before_", NOON, [], ["2031-05-01T12:00:00.000001Z", "2031-05-01T12:00:00-00:01"]),
        ("after_", NOON, [NOON, "2031-05-01T12:00:00.000001Z"], [None, "2031-05-01T11:59:59.999999Z"]),
        ("ge_", 2, [2, 3], [1, None]),
        ("le_", 2, [2, 1], [3, None]),
        ("like_", "Ab", ["ab", "xABx"], ["a", None, "a b"]),
        ("like_", "a%b", ["xa%bx"], ["axb"]),
        ("like_", "", ["", "x"], [None]),
        ("startswith_", ["ab", "c"], ["abc", "c", "ABx"], ["xab", None]),
        ("exists_", True, ["some-id"], [None]),
        ("exists_", False, [None], ["some-id"]),
        ("any_", None, ["a", None], []),
        ("like_", "b", [("a", "b")], [("a", "c"), ()]),
    ],
)
def test_operators(operator: str, operand: Any, hits: list[Any], misses: list[Any]) -> None:
    assert [value for value in hits if not holds(operator, value, operand)] == []
    assert [value for value in misses if holds(operator, value, operand)] == []


@pytest.mark.parametrize(
    ("operator", "operand", "hits", "misses"),
    [
        # Letters beyond ASCII, written in one piece (é) or in two (e and an accent): other texts.
        ("any_", ["été", "東京"], ["été", "東京", ["x", "東京"]], ["ete", "Été", "e\u0301te\u0301", "東"]),
        ("not_any_", ["été"], ["Été", "e\u0301te\u0301", ["ete"]], ["été", ["été", "x"]]),
        ("all_", ["été", "東京"], [["東京", "été"]], [["été"], ["Été", "東京"]]),
        ("like_", "COLE", ["École", "école"], ["ecolé"]),
        ("like_", "京", ["東京"], ["東"]),
        ("startswith_", ["東"], ["東京"], ["京東"]),
        ("eq_", "été", ["été"], ["Été", None]),
        # What SQL or a regular expression would give a meaning of its own.
        ("like_", "a_b", ["xa_b"], ["axb", "ab"]),
        ("like_", "%", ["100%"], ["100", ""]),
        ("like_", "s\\i", ["eps\\ilon"], ["epsilon", "eps\\\\ilon"]),
        ("like_", "it's", ["x it's"], ["its"]),
        ("like_", "a.c", ["a.c"], ["abc"]),
        ("like_", " ", ["a b", " "], ["ab", ""]),
        ("like_", "abc", ["abc"], ["ab", "bc"]),
        ("startswith_", ["a%"], ["a%b"], ["ab"]),
        ("startswith_", ["a_"], ["a_b"], ["axb"]),
        # Nothing in a list, the empty text in it, the same twice.
        ("any_", [""], ["", ["", "a"]], ["a", None, []]),
        ("any_", ["a", "a"], ["a"], ["b"]),
        ("not_any_", [""], ["a", []], ["", None]),
        ("not_any_", [], ["", [], ["a"]], []),
        ("all_", ["a", "a"], [["a"], ["a", "b"]], [["b"], []]),
        ("startswith_", [], [], ["a", "", None]),
        ("startswith_", [""], ["a", ""], [None]),
        ("startswith_", "ab", ["ab", "abc"], ["a", "xab"]),
        # No zone is UTC, on either side; a date is its first instant; `Z` and zero are one zone.
        ("before_", "2031-05-01T12:00:00", [NOON], ["2031-05-01T12:00:00.000001Z"]),
        ("after_", "2031-05-01T12:00:00", [NOON, "2031-05-01T12:00:00"], ["2031-05-01T11:59:59.999999"]),
        ("before_", NOON, ["2031-05-01T12:00:00", "2031-05-01T17:30:00+05:30"], ["2031-05-01T12:00:00.000001"]),
        ("after_", "2031-05-01T12:00:00-08:00", ["2031-05-01T20:00:00Z"], ["2031-05-01T19:59:59.999999Z", NOON]),
        ("before_", "2031-05-01", ["2031-05-01T00:00:00+00:00"], ["2031-05-01T00:00:00.000001+00:00"]),
        ("after_", "2031-05-01", ["2031-05-01T00:00:00Z"], ["2031-04-30T23:59:59.999999Z"]),
        # Numbers on both sides of nothing.
        ("ge_", 0, [0, 0.0, 1e9], [-1, -0.1, None]),
        ("le_", -1, [-1, -2], [0, -0.9, None]),
        ("eq_", 0, [0], [1, None]),
        ("eq_", True, [True], [False, None]),
        # What has no value: null and a list of nothing, not what is merely small.
        ("is_null_", True, [None, []], [" ", 0.0, {"a": None}, [None], [""]]),
        # The parts of an object are named as operators are.
        ("id_", ["a"], ["a"], ["b", None]),
        ("type_", ["a", "b"], ["b"], ["c", None]),
        # Alternatives: one is enough, and none is not.
        ("any_", ["b"], [("a", "b"), ("b", None)], [("a", None), ()]),
        ("before_", NOON, [(None, NOON)], [(None,), ()]),
        # An operand of null asks nothing.
        *((operator, None, ["a", "", None, [], ["a"], 0, ()], []) for operator in OPERATORS),
    ],
)
def test_operators_at_their_edges(operator: str, operand: Any, hits: list[Any], misses: list[Any]) -> None:
    assert [value for value in hits if not holds(operator, value, operand)] == []
    assert [value for value in misses if holds(operator, value, operand)] == []


def test_an_operator_without_a_meaning_is_an_error() -> None:
    with pytest.raises(UnknownOperatorError):
        holds("resembles_", "a", "b")


def run(name: str, **fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": name,
        "name": name,
        "tags": [],
        "state_type": None,
        "flow_id": "f1",
        "start_time": None,
    }
    return {**base, "expected_start_time": None, "deployment_id": None, **fields}


RUNS: list[dict[str, Any]] = [
    run("a", tags=["red"], state_type="FAILED", start_time="2031-01-01T00:00:00Z"),
    run("b", tags=["red", "blue"], state_type="RUNNING", flow_id="f2"),
    run("c", state_type="FAILED", flow_id="f2", expected_start_time="2031-01-02T00:00:00Z"),
]
FLOWS: list[dict[str, Any]] = [
    {"id": "f1", "name": "one", "tags": []},
    {"id": "f2", "name": "two", "tags": ["x"]},
    {"id": "f3", "name": "3"},
]
TASKS: list[dict[str, Any]] = [{"id": "t", "name": "t", "flow_run_id": "c", "state_type": "COMPLETED", "tags": []}]
WORLD: dict[str, list[dict[str, Any]]] = {"flow_runs": RUNS, "flows": FLOWS, "task_runs": TASKS, "deployments": []}
FLOW_RUNS = RESOURCES["flow_runs"]


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        (None, "abc"),
        ({}, "abc"),
        ({"name": None}, "abc"),
        ({"tags": {"all_": ["red"]}}, "ab"),
        ({"tags": {"all_": ["red"]}, "state": {"type": {"any_": ["FAILED"]}}}, "a"),
        ({"operator": "or_", "tags": {"all_": ["blue"]}, "state": {"type": {"any_": ["FAILED"]}}}, "abc"),
        ({"operator": "or_", "name": {}, "tags": {"all_": ["blue"]}}, "abc"),
        ({"tags": {"operator": "or_", "all_": ["blue"], "is_null_": True}}, "bc"),
        ({"tags": {"all_": ["blue"], "is_null_": True}}, ""),
        ({"start_time": {"after_": "2031-01-02T00:00:00Z"}}, "c"),
        ({"start_time": {"is_null_": False}}, "a"),
        ({"operator": "or_"}, "abc"),
        ({"operator": "or_", "name": None}, "abc"),
        ({"operator": "or_", "name": None, "tags": {"all_": ["blue"]}}, "b"),
        ({"operator": "or_", "name": {"any_": []}, "tags": {"all_": ["blue"]}}, "b"),
        ({"name": {"any_": None, "like_": "B"}}, "b"),
        ({"state": {}}, "abc"),
        ({"state": {"type": {"any_": ["FAILED"]}, "name": {"any_": ["Failed"]}}}, ""),
        ({"state": {"operator": "or_", "type": {"any_": ["FAILED"]}, "name": {"any_": ["Failed"]}}}, "ac"),
        # How a criterion joins its operators is its own affair.
        ({"operator": "or_", "tags": {"all_": ["blue"], "is_null_": True}, "name": {"any_": ["c"]}}, "c"),
    ],
)
def test_filters(filter_: Any, names: str) -> None:
    assert "".join(r["name"] for r in RUNS if matches(FLOW_RUNS, filter_, r, WORLD)) == names


@pytest.mark.parametrize(
    ("collection", "body", "ids"),
    [
        ("flow_runs", {"flows": {"name": {"any_": ["two"]}}}, ["b", "c"]),
        ("flow_runs", {"flows": {"name": {"any_": ["3"]}}}, []),
        ("flows", {"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}, ["f1", "f2"]),
        ("flows", {"flow_runs": {"name": {"any_": ["a"]}}, "flows": {"name": {"any_": ["two"]}}}, []),
        ("flows", {"task_runs": {"name": {"any_": ["t"]}}}, ["f2"]),
        # One flow run has to be both: the failed one and the one with the task.
        ("flows", {"flow_runs": {"name": {"any_": ["b"]}}, "task_runs": {"name": {"any_": ["t"]}}}, []),
        ("flows", {"flow_runs": {"name": {"any_": ["c"]}}, "task_runs": {"name": {"any_": ["t"]}}}, ["f2"]),
    ],
)
def test_related_collections(collection: str, body: Any, ids: list[str]) -> None:
    assert [row["id"] for row in select(collection, body, WORLD)] == ids


def test_a_relation_that_nothing_is_known_of_is_an_error() -> None:
    with pytest.raises(LookupError, match="variables"):
        select("flows", {"variables": {"name": {"any_": []}}}, WORLD)


CRITERIA = st.fixed_dictionaries(
    {},
    optional={
        "name": st.fixed_dictionaries({"any_": st.lists(st.sampled_from("abcx"))}),
        "tags": st.fixed_dictionaries(
            {}, optional={"all_": st.lists(st.sampled_from(["red", "blue"])), "is_null_": st.booleans()}
        ),
        "state": st.fixed_dictionaries(
            {"type": st.fixed_dictionaries({"any_": st.lists(st.sampled_from(["FAILED", "RUNNING"]))})}
        ),
    },
)


def names(filter_: Any) -> set[str]:
    return {r["name"] for r in RUNS if matches(FLOW_RUNS, filter_, r, WORLD)}


@law
@given(CRITERIA, CRITERIA)
def test_another_conjunct_gives_a_subset_and_a_disjunct_a_superset(one: Any, other: Any) -> None:
    both = {**one, **{key: value for key, value in other.items() if key not in one}}
    assert names(both) <= names(one)
    if one:
        assert names({**both, "operator": "or_"}) >= names({**one, "operator": "or_"})


@law
@given(st.lists(st.sampled_from("abcx")))
def test_any_and_not_any_split_what_has_a_value(wanted: list[str]) -> None:
    hits, rest = names({"name": {"any_": wanted}}), names({"name": {"not_any_": wanted}})
    assert hits | rest == {"a", "b", "c"}
    if wanted:
        assert not hits & rest


@law
@given(CRITERIA)
def test_or_over_one_criterion_is_and(one: Any) -> None:
    for key, value in one.items():
        assert names({key: value}) == names({key: value, "operator": "or_"})


@pytest.mark.parametrize(
    ("sort", "order", "ordered"),
    [
        ("NAME_ASC", "abc", True),
        ("NAME_DESC", "cba", True),
        ("NAME_ASC", "acb", False),
        ("NAME_DESC", "abc", False),
        # `b` has neither a start nor an expected start: first or last, but not between.
        ("START_TIME_ASC", "acb", True),
        ("START_TIME_ASC", "bac", True),
        ("START_TIME_ASC", "abc", False),
        ("START_TIME_DESC", "cab", True),
        ("START_TIME_DESC", "acb", False),
    ],
)
def test_order(sort: str, order: str, ordered: bool) -> None:
    rows = [r for name in order for r in RUNS if r["name"] == name]
    assert (first_disorder(FLOW_RUNS, sort, rows, WORLD) is None) is ordered


@pytest.mark.parametrize(("order", "ordered"), [("aB", True), ("Ba", True), ("ab", True), ("ba", False), ("éz", True)])
def test_no_collation_is_promised(order: str, ordered: bool) -> None:
    rows = [run(name) for name in order]
    assert (first_disorder(FLOW_RUNS, "NAME_ASC", rows, WORLD) is None) is ordered
