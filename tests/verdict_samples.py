"""A small catalogue and a small run, for the tests of what is made of verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from conformance.catalogue import Catalogue, Level, Profile, Requirement
from conformance.settings import Dialect
from conformance.verdicts import document
from conformance.verdicts.coverage import Cell, Pair, State
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.model import Check, Judgement, Verdict
from conformance.verdicts.waivers import Waiver, Waivers


def rule(name: str, level: Level = Level.MUST) -> Requirement:
    """A requirement that says what it is called."""
    return Requirement(
        id=name,
        title=f"The title of {name}",
        level=level,
        profile=Profile.GUIDELINES,
        text=f"The text of {name}.",
        source="REST Guidelines",
        fault="something is broken",
    )


MUST, OTHER, SHOULD, MAY = "verbs.must", "verbs.other", "filter.should", "filter.may"

CATALOGUE = Catalogue(
    {"verbs": "Verbs", "filter": "Filtering"},
    {
        MUST: rule(MUST),
        OTHER: rule(OTHER),
        SHOULD: rule(SHOULD, Level.SHOULD),
        MAY: rule(MAY, Level.MAY),
    },
)


def judged(requirement: str, subject: str, verdict: Verdict = Verdict.PASSED, **more: object) -> Judgement:
    """A verdict, with a summary where one is due."""
    said = {} if verdict is Verdict.PASSED else {"summary": f"{subject} is {verdict}"}
    return Judgement.model_validate({"requirement": requirement, "subject": subject, "verdict": verdict} | said | more)


def planned(*judgements: Judgement) -> list[Check]:
    """The checks that these judgements decide."""
    keys = dict.fromkeys((judgement.requirement, judgement.subject) for judgement in judgements)
    return [Check(requirement=key[0], subject=key[1], item=f"suite.py::{key}") for key in keys]


def waived(
    *keys: tuple[str, str],
    depends_on: str | None = None,
    databases: tuple[Dialect, ...] = (),
    database: Dialect | None = Dialect.SQLITE,
) -> Waivers:
    """A waiver for each requirement and subject, in a run on `database`."""
    found = [
        Waiver(
            requirement=requirement,
            subject=subject,
            reason=f"{subject} is known",
            replay="curl x",
            depends_on=depends_on,
            databases=databases,
        )
        for requirement, subject in keys
    ]
    here = [(waiver, "w.toml") for waiver in found if waiver.holds_for("3.9.1", database)]
    return Waivers(here, database, [waiver for waiver in found if not waiver.holds_for("3.9.1", database)])


def ledger(*judgements: Judgement, waivers: Waivers | None = None, filtered: bool = False) -> Ledger:
    """A ledger in which just these verdicts were planned and recorded; it is still open."""
    made = Ledger(CATALOGUE, waivers, filtered=filtered)
    made.plan(planned(*judgements))
    for judgement in judgements:
        made.record(judgement)
    return made


def cell(name: str, state: State = State.UNCOVERED, *, nullable: bool = True) -> Cell:
    """A cell as the grammar names it: `flows.state.name.any_`."""
    collection, _, rest = name.partition(".")
    criterion, _, operator = rest.rpartition(".")
    return Cell(collection=collection, criterion=criterion, operator=operator, state=state, nullable=nullable)


def pair(name: str, state: State = State.UNCOVERED) -> Pair:
    """A pair as the grammar names it: `flows by flow_runs`."""
    collection, _, by = name.partition(" by ")
    return Pair(collection=collection, by=by, state=state)


def with_grammar(made: Ledger) -> Ledger:
    """The same ledger, which knows a small grammar with one part of each kind, and what was judged of it."""
    cells = [
        cell("flows.name.any_", nullable=False),
        cell("flows.state.type.any_"),
        cell("flows.end.before_"),
        cell("flows.old.ge_", State.DEPRECATED),
        cell("flows.text.query", State.UNKNOWN),
        cell("runs.tags.all_"),
    ]
    pairs = [
        pair("flows by runs"),
        pair("flows by pools"),
        pair("flows by moons", State.UNKNOWN),
        pair("runs by flows"),
    ]
    checked = [part.name for part in (*cells, *pairs)]
    made.know(cells, pairs, ["POST /moons/filter", "flows.text.query", "flows by moons"], checked)
    made.cover(
        {
            "cells": {
                "flows.name.any_": {"hit": 2, "miss": 1, "null": 0},
                "flows.state.type.any_": {"hit": 1, "miss": 1, "null": 1},
                "flows.end.before_": {"hit": 4, "miss": 0, "null": 0},
            },
            "related": [["flows", ["runs"], 3], ["flows", ["pools", "runs"], 1]],
        }
    )
    return made


def build(of: Ledger) -> document.Document:
    """The document of a ledger, with everything in it that a run knows."""
    return document.build(
        of,
        suite=document.Suite(version="0.1.0"),
        target=document.Target(
            url="http://127.0.0.1:4200/api",
            server="prefect",
            version="3.9.1",
            contract_sha256="0" * 64,
            compared_with="3.9.1",
            database=Dialect.SQLITE,
        ),
        run=document.Run(seed=7, started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), seconds=12.3456, workers=2),
        timings={"world": 1.5, "checks": 2.25},
    )


def of(*judgements: Judgement, operations: Iterable[str] = ()) -> document.Document:
    """The document of just these verdicts."""
    made = ledger(*judgements)
    made.operations(operations)
    return build(made)
