"""A failure as it is shown: what was expected and observed, and the commands that replay it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.catalogue import Catalogue, Requirement
from conformance.verdicts import terminal
from conformance.verdicts.model import Verdict
from conformance.verdicts.page.placing import Placed, by_requirement
from conformance.verdicts.page.text import LINE, Shown, line, shown

MOST_SCREENS: Final = 300
"""Failures that stand on the page whole; of the others, a line each, which opens to the same."""

_DIFFERENCE: Final = 4000
_REPLAY: Final = 8000
_MOST_FINDINGS: Final = 20
# What `conformance.run.judge.screen` writes: the parts of a violation, and the commands behind a line of their own.
_REPLAYED: Final = re.compile(r"(?:^|\n)replay:\n")
_EXPECTED: Final = "expected: "
_OBSERVED: Final = "observed: "


@dataclass(frozen=True)
class Screen:
    """The details of a verdict. What it does not have is None; `plain` is what is neither of the other two."""

    expected: Shown | None = None
    observed: Shown | None = None
    plain: Shown | None = None
    replay: Shown | None = None


@dataclass(frozen=True)
class Failure:
    """A failed verdict, its details, and the command line that runs it again."""

    anchor: str
    subject: str
    summary: str
    findings: Sequence[str]
    more_findings: int
    screen: Screen
    rerun: Shown


@dataclass(frozen=True)
class Line:
    """A failed verdict that the page does not show whole."""

    anchor: str
    requirement: str
    subject: str
    summary: str


@dataclass(frozen=True)
class Group:
    """The failures of one requirement; `rule` is None where the catalogue lacks it."""

    requirement: str
    level: str
    profile: str
    rule: Requirement | None
    failures: Sequence[Failure]


def screen(details: str) -> Screen:
    """The parts of a verdict's `details`, each bounded."""
    found = _REPLAYED.search(details)
    difference, commands = (details[: found.start()], details[found.end() :]) if found else (details, "")
    replay = shown(commands.strip("\n"), _REPLAY) if commands.strip() else None
    if difference.startswith(_EXPECTED):
        expected, found_both, observed = difference.removeprefix(_EXPECTED).partition(f"\n{_OBSERVED}")
        both = shown(observed, _DIFFERENCE) if found_both else None
        return Screen(expected=shown(expected, _DIFFERENCE), observed=both, replay=replay)
    if difference.startswith(_OBSERVED):
        return Screen(observed=shown(difference.removeprefix(_OBSERVED), _DIFFERENCE), replay=replay)
    plain = shown(difference.strip("\n"), _DIFFERENCE) if difference.strip() else None
    return Screen(plain=plain, replay=replay)


def failures(placed: Iterable[Placed], catalogue: Catalogue, command: str) -> tuple[list[Group], list[Line]]:
    """The failures by requirement, and those beyond the first ones as lines. `command` begins a rerun."""
    failed = [one for one in placed if one.entry.verdict is Verdict.FAILED]
    groups = [
        Group(
            requirement,
            members[0].entry.level,
            members[0].entry.profile,
            catalogue.get(requirement),
            [_failure(one, command) for one in members],
        )
        for requirement, members in by_requirement(failed[:MOST_SCREENS]).items()
    ]
    rest = [
        Line(one.anchor, line(one.entry.requirement), line(one.entry.subject), line(one.entry.summary))
        for one in failed[MOST_SCREENS:]
    ]
    return groups, rest


def _failure(one: Placed, command: str) -> Failure:
    entry = one.entry
    return Failure(
        anchor=one.anchor,
        subject=line(entry.subject),
        summary=line(entry.summary),
        findings=[line(finding, LINE // 2) for finding in entry.findings[:_MOST_FINDINGS]],
        more_findings=max(len(entry.findings) - _MOST_FINDINGS, 0),
        screen=screen(entry.details),
        rerun=shown(terminal.rerun(entry, command), _REPLAY),
    )
