"""A small catalogue and a small run, for the tests of what is made of verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from conformance.catalogue import Catalogue, Level, Profile, Requirement
from conformance.verdicts import document
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


def judged(requirement: str, subject: str, verdict: Verdict = Verdict.PASSED, **more: str) -> Judgement:
    """A verdict, with a summary where one is due."""
    said = {} if verdict is Verdict.PASSED else {"summary": f"{subject} is {verdict}"}
    return Judgement.model_validate({"requirement": requirement, "subject": subject, "verdict": verdict} | said | more)


def planned(*judgements: Judgement) -> list[Check]:
    """The checks that these judgements decide."""
    keys = dict.fromkeys((judgement.requirement, judgement.subject) for judgement in judgements)
    return [Check(requirement=key[0], subject=key[1], item=f"suite.py::{key}") for key in keys]


def waived(*keys: tuple[str, str]) -> Waivers:
    """A waiver for each requirement and subject."""
    return Waivers(
        [
            (Waiver(requirement=requirement, subject=subject, reason=f"{subject} is known", replay="curl x"), "w.toml")
            for requirement, subject in keys
        ]
    )


def ledger(*judgements: Judgement, waivers: Waivers | None = None, filtered: bool = False) -> Ledger:
    """A ledger in which just these verdicts were planned and recorded; it is still open."""
    made = Ledger(CATALOGUE, waivers, filtered=filtered)
    made.plan(planned(*judgements))
    for judgement in judgements:
        made.record(judgement)
    return made


def build(of: Ledger) -> document.Document:
    """The document of a ledger, with everything in it that a run knows."""
    return document.build(
        of,
        suite=document.Suite(version="0.1.0"),
        target=document.Target(
            url="http://127.0.0.1:4200/api", server="prefect", version="3.9.1", contract_sha256="0" * 64
        ),
        run=document.Run(seed=7, started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), seconds=12.3456, workers=2),
        timings={"world": 1.5, "checks": 2.25},
    )


def of(*judgements: Judgement, operations: Iterable[str] = ()) -> document.Document:
    """The document of just these verdicts."""
    made = ledger(*judgements)
    made.operations(operations)
    return build(made)
