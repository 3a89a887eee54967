"""Stateful: walks over collections that hang on each other, after each step of which everything is looked at.

Each stage is walked over once; every requirement of the chapter judges the same walks.
"""

from __future__ import annotations

from conformance.suite.check import check
from conformance.suite.walks import Stage, Walks, counting, filtering, finding, mortal, stages
from conformance.suite.walks.finding import require_none


@check(finding.ANSWERED, on=stages)
def test_each_step_is_answered_as_by_itself(subject: Stage, walks: Walks) -> None:
    require_none(walks.found(subject, finding.ANSWERED))


@check(finding.VISIBLE, on=stages)
def test_what_was_written_is_seen(subject: Stage, walks: Walks) -> None:
    require_none(walks.found(subject, finding.VISIBLE))


@check(finding.OTHERS, on=stages)
def test_nothing_else_changes(subject: Stage, walks: Walks) -> None:
    require_none(walks.found(subject, finding.OTHERS))


@check(finding.GONE, on=mortal)
def test_what_is_gone_stays_gone(subject: Stage, walks: Walks) -> None:
    require_none(walks.found(subject, finding.GONE))


@check(finding.FILTER, on=filtering)
def test_filters_see_what_is_there_now(subject: Stage, walks: Walks) -> None:
    require_none(walks.found(subject, finding.FILTER))


@check(finding.COUNT, on=counting)
def test_counts_tell_who_is_there_now(subject: Stage, walks: Walks) -> None:
    require_none(walks.found(subject, finding.COUNT))
