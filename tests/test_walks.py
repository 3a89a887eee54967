"""Walks: the household that they are held to, how they are thought up and made shorter. Without a server."""

from __future__ import annotations

from conformance.oracle import Household, Member
from conformance.resources import RESOURCES
from conformance.suite.walks import finding
from conformance.suite.walks.campaign import shorter
from conformance.suite.walks.drawing import drawn
from conformance.suite.walks.stage import Stage, Troupe
from conformance.suite.walks.step import Step, births, think


def household(*members: Member) -> Household:
    """Members who were seen as their records say."""
    found = Household()
    for member in members:
        found.born(member)
        found.seen(member.number, member.record)
    return found


def family() -> Household:
    """A flow with a run and a task run of it, and a deployment that another run comes from."""
    return household(
        Member(0, "flows", {}, {"id": "f"}),
        Member(1, "flow_runs", {"flows": 0}, {"id": "r", "flow_id": "f"}),
        Member(2, "task_runs", {"flow_runs": 1}, {"id": "t", "flow_run_id": "r"}),
        Member(3, "flows", {}, {"id": "g"}),
        Member(4, "deployments", {"flows": 3}, {"id": "d", "name": "daily", "flow_id": "g"}),
        Member(5, "flow_runs", {"flows": 3, "deployments": 4}, {"id": "s", "flow_id": "g", "deployment_id": "d"}),
    )


def test_those_who_belong_to_a_member_go_with_it() -> None:
    home = family()
    assert [member.number for member in home.left(0)] == [0, 1, 2]
    assert [member.number for member in home.living("flow_runs")] == [5]
    assert [member.number for member in home.gone("task_runs")] == [2]


def test_a_reference_to_one_who_is_gone_is_open_and_its_holder_stays() -> None:
    home = family()
    assert [member.number for member in home.left(4)] == [4]
    assert 5 in home
    assert home[5].expected == {"id": "s", "flow_id": "g"}


def test_what_was_written_is_expected_and_what_was_not_stays() -> None:
    home = household(Member(0, "flows", {}, {"id": "f", "name": "a", "tags": ["red"]}))
    home.wrote(0, {"tags": ["green"]})
    assert home[0].expected == {"id": "f", "name": "a", "tags": ["green"]}
    assert home.world == {"flows": [{"id": "f", "name": "a", "tags": ["green"]}]}
    home.seen(0, {"id": "f", "name": "b", "tags": ["green"]})
    assert home[0].expected == {"id": "f", "name": "b", "tags": ["green"]}
    assert not home[0].written


def test_what_moves_with_a_change_is_open_until_it_is_seen() -> None:
    home = household(Member(0, "deployments", {}, {"id": "d", "paused": False, "is_schedule_active": True}))
    home.wrote(0, {"paused": True}, frozenset({"is_schedule_active"}))
    assert home[0].expected == {"id": "d", "paused": True}


def test_a_new_member_is_known_by_what_was_written_alone() -> None:
    home = Household()
    home.born(Member(0, "flows", {}, {"id": "f", "labels": {"server": "x"}}, {"name": "a"}))
    assert home[0].expected == {"name": "a"}


def test_what_others_show_of_a_member_that_changes_is_open() -> None:
    home = household(
        Member(0, "block_types", {}, {"id": "b", "description": "one"}),
        Member(1, "block_schemas", {"block_types": 0}, {"id": "s", "block_type_id": "b", "block_type": {"id": "b"}}),
    )
    home.shown(0)
    assert home[1].expected == {"id": "s", "block_type_id": "b"}


def stage(*collections: str) -> Stage:
    """A stage on which members are created, patched and deleted."""
    troupes = {}
    for name in collections:
        above = tuple(other for other in collections if other in RESOURCES[name].parents)
        troupes[name] = Troupe(RESOURCES[name], above, patches=("tags",), deletes=True, renews=True)
    return Stage(troupes)


def test_walks_are_the_same_whenever_they_are_drawn() -> None:
    runs = stage("flows", "flow_runs")
    walks = drawn(runs, 2, 1)
    assert walks == drawn(runs, 2, 1)
    assert walks != drawn(runs, 2, 2)
    assert len(set(walks)) == 2


def test_every_step_is_about_members_that_are_there() -> None:
    for walk in drawn(stage("flows", "flow_runs", "task_runs"), 2, 1):
        home = Household()
        for step in walk:
            taken = {int(step.what[0])} if step.does == "renew" else set()
            assert all(number in home for number in step.about - taken), str(step)
            assert all(number not in home for number in taken)
            think(home, step)


def test_walks_have_histories() -> None:
    """Something is patched twice, something is deleted after a patch, and an identity is taken again."""
    walks = drawn(stage("variables"), 1, 20221013)
    told = [(step.does, step.number) for walk in walks for step in walk]
    patched = [number for does, number in told if does == "patch"]
    deleted = [number for does, number in told if does == "delete"]
    assert len(set(patched)) < len(patched)
    assert set(patched) & set(deleted)
    assert any(does == "renew" for does, _ in told)


def test_an_identity_is_taken_again_once() -> None:
    troupe = stage("variables").troupes["variables"]
    home = Household()
    walked = [Step("create", "variables", 0), Step("delete", "variables", 0)]
    for step in walked:
        think(home, step)
    (renewal,) = births("renew", troupe, home, walked)
    assert renewal == Step("renew", "variables", 1, (), ("0",))
    think(home, renewal)
    assert births("renew", troupe, home, [*walked, renewal]) == []


def test_a_finding_is_told_by_the_steps_that_matter() -> None:
    walk = (
        Step("create", "variables", 0),
        Step("create", "variables", 1),
        Step("patch", "variables", 1, what=("tags",)),
        Step("patch", "variables", 0, what=("tags",)),
        Step("delete", "variables", 1),
        Step("patch", "variables", 0, what=("value",)),
    )
    found = finding.Finding(finding.VISIBLE, "lost", 1, 2, frozenset({0}), walk)
    first, *_, last = shorter(found)
    assert first == (walk[0], walk[5])
    assert (walk[0], walk[3], walk[5]) in set(shorter(found))
    assert last[-1] == walk[-1]
    assert found.story.endswith("delete variables 1; patch variables 0: value")


def test_a_walk_keeps_the_one_whose_identity_is_taken() -> None:
    walk = (
        Step("create", "variables", 0),
        Step("create", "variables", 1),
        Step("delete", "variables", 0),
        Step("renew", "variables", 2, (), ("0",)),
    )
    found = finding.Finding(finding.ANSWERED, "409", 1, 2, frozenset({2}), walk)
    assert next(shorter(found)) == (walk[0], walk[2], walk[3])


def test_a_walk_keeps_all_whose_identity_went_from_one_to_the_next() -> None:
    walk = (
        Step("create", "flows", 0),
        Step("create", "variables", 1),
        Step("delete", "variables", 1),
        Step("renew", "variables", 2, (), ("1",)),
        Step("delete", "variables", 2),
        Step("renew", "variables", 3, (), ("2",)),
        Step("patch", "variables", 3, what=("tags",)),
    )
    found = finding.Finding(finding.VISIBLE, "lost", 1, 2, frozenset({3}), walk)
    assert next(shorter(found)) == walk[1:]
