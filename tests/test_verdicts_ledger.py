"""The ledger: what verdicts, waivers and interruptions come to."""

from __future__ import annotations

import json
import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdict_samples import (
    CATALOGUE,
    MAY,
    MUST,
    OTHER,
    SHOULD,
    build,
    cell,
    judged,
    ledger,
    pair,
    planned,
    waived,
    with_grammar,
)

from conformance.errors import ExitCode
from conformance.settings import Dialect
from conformance.suite.coverage import Coverage
from conformance.verdicts.ledger import ErrorKind, Ledger, apply
from conformance.verdicts.model import Check, Judgement, Result, Verdict

KEYS = st.tuples(st.sampled_from([MUST, OTHER, SHOULD, MAY]), st.sampled_from(["flows", "GET /x", "z [bold]"]))
DECIDED = st.sampled_from([verdict for verdict in Verdict if verdict is not Verdict.WAIVED])
RUNS = st.dictionaries(KEYS, st.none() | DECIDED, max_size=8)
"""Planned checks and their verdicts; None: it did not come to one."""


def outcome(made: Ledger) -> tuple[Result, ExitCode]:
    made.close()
    return made.result(), made.exit_code()


@pytest.mark.parametrize(
    ("requirement", "verdict", "result", "code"),
    [
        (MUST, Verdict.PASSED, Result.CONFORMANT, ExitCode.CONFORMANT),
        (MUST, Verdict.FAILED, Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT),
        (SHOULD, Verdict.FAILED, Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT),
        (MAY, Verdict.FAILED, Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT),
        (MUST, Verdict.COULD_NOT_RUN, Result.INCOMPLETE, ExitCode.INCOMPLETE),
        (SHOULD, Verdict.COULD_NOT_RUN, Result.CONFORMANT, ExitCode.CONFORMANT),
        (MUST, Verdict.NOT_APPLICABLE, Result.CONFORMANT, ExitCode.CONFORMANT),
    ],
)
def test_one_verdict_beside_a_pass(requirement: str, verdict: Verdict, result: Result, code: ExitCode) -> None:
    made = ledger(judged(OTHER, "flows"), judged(requirement, "x", verdict))
    assert outcome(made) == (result, code)
    assert bool(made.reasons()) == (result is not Result.CONFORMANT)


@pytest.mark.parametrize("verdict", [None, Verdict.NOT_APPLICABLE, Verdict.COULD_NOT_RUN])
def test_a_run_that_decided_nothing_is_incomplete(verdict: Verdict | None) -> None:
    made = ledger(*([judged(SHOULD, "x", verdict)] if verdict else []))
    assert outcome(made) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    assert made.reasons() == ("no check was decided",)


def test_a_waiver_turns_just_its_own_failure() -> None:
    accepted = waived((MUST, "flows"))
    made = ledger(judged(MUST, "flows", Verdict.FAILED), judged(MUST, "runs"), waivers=accepted)
    assert outcome(made) == (Result.CONFORMANT, ExitCode.CONFORMANT)
    assert [(j.subject, j.verdict, j.waiver) for j in made.judgements] == [
        ("flows", Verdict.WAIVED, "flows is known"),
        ("runs", Verdict.PASSED, None),
    ]
    other = ledger(judged(MUST, "runs", Verdict.FAILED), judged(OTHER, "flows", Verdict.FAILED), waivers=accepted)
    assert other.result() is Result.NON_CONFORMANT


@given(st.sampled_from(list(Verdict)), st.booleans())
def test_apply_changes_a_failure_and_nothing_else(verdict: Verdict, covered: bool) -> None:
    accepted = waived((MUST, "flows" if covered else "runs"))
    before = judged(MUST, "flows", verdict)
    after = apply(before, accepted)
    assert apply(after, accepted) == after
    if verdict is Verdict.FAILED and covered:
        assert (after.verdict, after.waiver, after.summary) == (Verdict.WAIVED, "flows is known", before.summary)
    else:
        assert after is before


def test_a_run_may_be_told_of_a_waiver_by_its_workers() -> None:
    accepted = waived((MUST, "flows"))
    made = ledger(apply(judged(MUST, "flows", Verdict.FAILED), accepted), waivers=accepted)
    assert outcome(made) == (Result.CONFORMANT, ExitCode.CONFORMANT)


def test_waived_without_a_waiver_is_a_failure_and_an_error() -> None:
    made = ledger(judged(MUST, "flows", Verdict.WAIVED, waiver="because"))
    assert outcome(made) == (Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT)
    assert "no waiver names it" in made.errors[0].message


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.NOT_APPLICABLE])
@pytest.mark.parametrize("filtered", [True, False])
def test_a_stale_waiver_is_an_error_of_its_file(verdict: Verdict, filtered: bool) -> None:
    made = ledger(
        judged(OTHER, "x"), judged(MUST, "flows", verdict), waivers=waived((MUST, "flows")), filtered=filtered
    )
    assert outcome(made) == (Result.CONFORMANT, ExitCode.USAGE)
    assert made.errors[0].kind is ErrorKind.WAIVER
    assert "w.toml: the waiver of verbs.must on 'flows' is stale" in made.errors[0].message


def test_a_stale_waiver_does_not_soften_a_failure() -> None:
    made = ledger(judged(OTHER, "x", Verdict.FAILED), judged(MUST, "flows"), waivers=waived((MUST, "flows")))
    assert outcome(made) == (Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT)


def test_a_waiver_that_depends_on_the_surroundings_is_not_stale() -> None:
    accepted = waived((MUST, "flows"), depends_on="SQLite older than 3.44")
    made = ledger(judged(MUST, "flows"), waivers=accepted)
    assert outcome(made) == (Result.CONFORMANT, ExitCode.CONFORMANT)


@pytest.mark.parametrize(
    ("database", "code"),
    [(Dialect.SQLITE, ExitCode.USAGE), (Dialect.POSTGRESQL, ExitCode.CONFORMANT), (None, ExitCode.CONFORMANT)],
)
def test_a_waiver_of_one_database_is_demanded_on_that_one(database: Dialect | None, code: ExitCode) -> None:
    accepted = waived((MUST, "flows"), databases=(Dialect.SQLITE,), database=database)
    assert outcome(ledger(judged(MUST, "flows"), waivers=accepted)) == (Result.CONFORMANT, code)


@pytest.mark.parametrize(
    ("database", "verdict"),
    [(Dialect.SQLITE, Verdict.WAIVED), (Dialect.POSTGRESQL, Verdict.FAILED), (None, Verdict.WAIVED)],
)
def test_a_waiver_of_one_database_accepts_on_that_one(database: Dialect | None, verdict: Verdict) -> None:
    accepted = waived((MUST, "flows"), databases=(Dialect.SQLITE,), database=database)
    made = ledger(judged(MUST, "flows", Verdict.FAILED), waivers=accepted)
    assert [judgement.verdict for judgement in made.judgements] == [verdict]


def test_what_differs_between_databases_is_told_on_each_of_them() -> None:
    for database in (*Dialect, None):
        keys = [(OTHER, "b"), (MUST, "a"), (MUST, "not planned")]
        accepted = waived(*keys, databases=(Dialect.SQLITE,), database=database)
        made = ledger(judged(MUST, "a"), judged(OTHER, "b"), judged(OTHER, "c"), waivers=accepted)
        assert [(waiver.requirement, waiver.subject) for waiver in made.differences] == [(MUST, "a"), (OTHER, "b")]


def test_a_waiver_of_a_check_that_could_not_run_is_not_stale() -> None:
    made = ledger(judged(OTHER, "x"), judged(SHOULD, "flows", Verdict.COULD_NOT_RUN), waivers=waived((SHOULD, "flows")))
    assert outcome(made) == (Result.CONFORMANT, ExitCode.CONFORMANT)


def test_a_waiver_that_matches_no_check_is_an_error_of_a_whole_run_only() -> None:
    accepted = waived((MUST, "nothing"))
    whole = ledger(judged(MUST, "flows"), waivers=accepted)
    assert outcome(whole) == (Result.CONFORMANT, ExitCode.USAGE)
    assert "matches no check" in whole.errors[0].message
    assert outcome(ledger(judged(MUST, "flows"), waivers=accepted, filtered=True))[1] is ExitCode.CONFORMANT
    broken = ledger(judged(MUST, "flows"), waivers=accepted)
    broken.interrupt("Ctrl-C")
    assert outcome(broken)[1] is ExitCode.INCOMPLETE
    assert not broken.errors
    empty = ledger(waivers=accepted)
    assert outcome(empty)[1] is ExitCode.INCOMPLETE
    assert not empty.errors


@pytest.mark.parametrize("kind", [ErrorKind.SUITE, ErrorKind.CLEAN_UP])
def test_a_run_that_is_in_error_or_has_left_something_is_incomplete(kind: ErrorKind) -> None:
    made = ledger(judged(MUST, "flows"))
    made.error("x", kind)
    assert outcome(made) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    assert len(made.reasons()) == 1
    failed = ledger(judged(MUST, "flows", Verdict.FAILED))
    failed.error("x", kind)
    assert outcome(failed) == (Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT)


def test_an_interrupted_run_is_incomplete_whatever_it_found() -> None:
    made = ledger(judged(MUST, "flows", Verdict.FAILED))
    made.plan([Check(requirement=MUST, subject="runs", item="i")])
    made.interrupt("Ctrl-C\nat once")
    assert outcome(made) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    assert made.reasons()[:2] == ("the run was interrupted: Ctrl-C at once", "1 of 2 checks failed")
    assert made.judgements[1].summary == "was not run: Ctrl-C at once"


def test_a_run_that_was_told_to_stop_counts() -> None:
    made = ledger(judged(MUST, "flows", Verdict.FAILED))
    made.plan([Check(requirement=MUST, subject="runs", item="i")])
    made.stop("--fail-fast")
    assert outcome(made) == (Result.NON_CONFORMANT, ExitCode.NON_CONFORMANT)
    assert made.judgements[1].summary == "was not run: --fail-fast"


def test_a_planned_check_without_a_verdict_is_not_forgotten() -> None:
    made = ledger(judged(MUST, "flows"))
    made.plan([Check(requirement=OTHER, subject="flows", item="i")])
    assert outcome(made) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    assert made.judgements[1].verdict is Verdict.COULD_NOT_RUN


@pytest.mark.parametrize("first", list(Verdict))
@pytest.mark.parametrize("second", list(Verdict))
def test_judged_twice_is_an_error_and_the_order_does_not_matter(first: Verdict, second: Verdict) -> None:
    found = []
    for both in [(first, second), (second, first)]:
        made = ledger(judged(OTHER, "x"), *(judged(MUST, "flows", verdict) for verdict in both))
        assert any("judged twice" in error.message for error in made.errors)
        assert made.exit_code() not in (ExitCode.CONFORMANT, ExitCode.USAGE)
        found.append(([judgement.verdict for judgement in made.judgements], made.exit_code()))
    assert found[0] == found[1]


def test_planned_twice_by_two_items_is_an_error_and_by_two_workers_is_not() -> None:
    made = ledger(judged(MUST, "flows"))
    made.plan(planned(judged(MUST, "flows")))
    assert not made.errors
    assert made.planned == 1
    made.plan([Check(requirement=MUST, subject="flows", item="elsewhere")])
    assert outcome(made)[1] is ExitCode.INCOMPLETE
    assert "planned twice" in made.errors[0].message


def test_judged_and_not_planned_is_an_error() -> None:
    made = Ledger(CATALOGUE)
    made.record(judged(MUST, "flows"))
    assert outcome(made) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    assert "not planned" in made.errors[0].message


def test_an_unknown_requirement_is_refused_where_it_is_met() -> None:
    made = Ledger(CATALOGUE)
    with pytest.raises(ValueError, match=r"verbs\.none"):
        made.plan([Check(requirement="verbs.none", subject="x", item="i")])
    with pytest.raises(ValueError, match=r"verbs\.none"):
        made.record(judged("verbs.none", "x"))


def test_operations_are_counted_with_and_without_an_answer() -> None:
    made = Ledger(CATALOGUE)
    made.operations(["GET /a", "GET /b"])
    made.count("GET /b", "200", 2)
    made.count("GET /b", "503")
    made.count("GET /b", None)
    made.count("POST /c", "201")
    assert made.calls == {"GET /a": (0, {}), "GET /b": (4, {"200": 2, "503": 1}), "POST /c": (1, {"201": 1})}
    for operation, status in [("/a", "200"), ("get /a", "200"), ("GET /a", "2xx"), ("GET /a", "20"), ("", None)]:
        with pytest.raises(ValueError, match="not an operation"):
            made.count(operation, status)


def test_foreign_text_becomes_safe_lines() -> None:
    entered = Judgement(
        requirement=MUST, subject="a\nb", verdict=Verdict.FAILED, summary="x\r\ny\ud800", details="1\n2\udfff"
    )
    assert (entered.subject, entered.summary, entered.details) == ("a b", "x y?", "1\n2?")


@given(RUNS, st.sets(KEYS, max_size=4), st.booleans(), st.booleans(), st.booleans(), st.randoms())
def test_no_order_of_events_makes_a_run_better_than_its_verdicts(
    run: dict[tuple[str, str], Verdict | None],
    accepted: set[tuple[str, str]],
    filtered: bool,
    interrupted: bool,
    stopped: bool,
    chance: random.Random,
) -> None:
    judgements = [judged(*key, verdict) for key, verdict in run.items() if verdict is not None]
    documents = []
    for _ in range(2):
        made = Ledger(CATALOGUE, waived(*accepted), filtered=filtered)
        made.plan(Check(requirement=key[0], subject=key[1], item=f"{key}") for key in run)
        chance.shuffle(judgements)
        for judgement in judgements:
            made.record(judgement)
        if interrupted:
            made.interrupt("Ctrl-C")
        if stopped:
            made.stop("--fail-fast")
        documents.append((build(made), made.exit_code()))
        made.close()
    assert documents[0] == documents[1]
    document, code = documents[0]
    found = [entry.verdict for entry in document.verdicts]
    assert len(found) == len(run)
    musts_open = [e for e in document.verdicts if e.verdict is Verdict.COULD_NOT_RUN and e.level == "MUST"]
    if document.result is Result.CONFORMANT:
        assert not interrupted
        assert not musts_open
        assert Verdict.FAILED not in found
        assert Verdict.PASSED in found or Verdict.WAIVED in found
    if document.result is Result.NON_CONFORMANT:
        assert Verdict.FAILED in found
        assert not interrupted
    if code is ExitCode.CONFORMANT:
        assert not document.errors
        names = {(entry.requirement, entry.subject) for entry in document.verdicts if entry.waiver}
        assert filtered or accepted - names <= {
            (e.requirement, e.subject) for e in document.verdicts if e.verdict is Verdict.COULD_NOT_RUN
        }


def test_coverage_adds_up_whatever_process_it_is_from() -> None:
    counted: list[dict[str, Any]] = [
        {"cells": {"flows.name.any_": {"hit": 1, "miss": 0, "null": 0}}, "related": [["flows", ["runs"], 2]]},
        {"cells": {"flows.name.any_": {"hit": 0, "miss": 1, "null": 0}}, "related": [["flows", ["runs"], 1]]},
        {"cells": {}, "related": [["flows", ["runs", "pools"], 1]]},
    ]
    grammars = []
    for order in permutations(counted):
        made = ledger(judged(MUST, "x"))
        pairs = [pair("flows by runs"), pair("flows by pools")]
        made.know([cell("flows.name.any_", nullable=False)], pairs, [], [])
        for part in order:
            made.cover(part)
        grammars.append(made.grammar)
    assert all(grammar == grammars[0] for grammar in grammars)
    assert grammars[0].uncovered == ()
    assert [(p.name, p.questions) for p in grammars[0].related] == [("flows by runs", 4), ("flows by pools", 1)]
    assert [(c.by, c.questions) for c in grammars[0].combinations] == [(("pools", "runs"), 1), (("runs",), 3)]


def test_a_cell_wants_a_null_only_where_there_can_be_one() -> None:
    made = ledger(judged(MUST, "x"))
    made.know([cell("flows.end.any_"), cell("flows.id.any_", nullable=False)], [], [], [])
    made.cover({"cells": {name: {"hit": 1, "miss": 1} for name in ("flows.end.any_", "flows.id.any_")}, "related": []})
    assert [str(gap) for gap in made.grammar.uncovered] == ["flows.end.any_ (null)"]


def test_what_was_never_judged_is_named_and_no_reason_against_the_server() -> None:
    made = with_grammar(ledger(judged(MUST, "x")))
    assert outcome(made) == (Result.CONFORMANT, ExitCode.CONFORMANT)
    assert [gap.name for gap in made.grammar.uncovered] == ["flows.end.before_", "runs.tags.all_", "runs by flows"]


def test_what_the_grammar_lacks_can_not_be_judged() -> None:
    made = with_grammar(ledger(judged(MUST, "x")))
    before = made.grammar
    made.cover({"cells": {"flows.nmae.any_": {"hit": 1}}, "related": [["flows", ["runs", "stars"], 1]]})
    assert made.grammar == before
    assert [error.message for error in made.errors] == [
        "flows was asked by stars, which the grammar has not",
        "flows.nmae.any_ was judged, and the grammar has no such cell",
    ]
    assert outcome(made) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)


def test_what_a_process_counts_travels_as_json() -> None:
    counting = Coverage()
    counting.judged("flows.name.any_", hits=3, misses=1, nulls=0)
    counting.judged("flows.name.any_", hits=0, misses=4, nulls=2)
    counting.combined("flows", ("runs", "pools"))
    counting.combined("flows", ())
    taken = counting.take()
    assert json.loads(json.dumps(taken)) == taken
    assert taken == {
        "cells": {"flows.name.any_": {"hit": 1, "miss": 2, "null": 1}},
        "related": [["flows", ["pools", "runs"], 1]],
    }
    assert counting.take() == {"cells": {}, "related": []}
