"""Hostile values: what no schema rules out, one at a time, and what is left of it afterwards.

Each writing operation is put to it once; every requirement of the chapter judges the same exchanges.
"""

from __future__ import annotations

from conformance.suite.check import check
from conformance.suite.fuzz.findings import require_none
from conformance.suite.fuzz.ordeal import NOTHING, READABLE, SERVER_ERROR, Ordeals, writes
from conformance.suite.outcome import CouldNotRun, NotApplicable
from conformance.suite.writes import Write
from conformance.world import World


@check(SERVER_ERROR, on=writes)
def test_no_value_makes_the_server_fail(subject: Write, ordeals: Ordeals, world: World) -> None:
    _require_none(SERVER_ERROR, subject, ordeals, world)


@check(READABLE, on=writes)
def test_what_is_accepted_can_be_read(subject: Write, ordeals: Ordeals, world: World) -> None:
    _require_none(READABLE, subject, ordeals, world)


@check(NOTHING, on=writes)
def test_what_is_refused_leaves_nothing(subject: Write, ordeals: Ordeals, world: World) -> None:
    _require_none(NOTHING, subject, ordeals, world)


def _require_none(requirement: str, write: Write, ordeals: Ordeals, world: World) -> None:
    """Raise Violation with every distinct finding of the operation's ordeal."""
    # What a server stores and can't show, nobody can remove: it would stay in the way of those who share it.
    if not world.exclusive:
        raise NotApplicable("shared-server")
    ordeal = ordeals.of(write)
    require_none(ordeal.findings.get(requirement, ()))
    if not ordeal.judged.get(SERVER_ERROR):
        raise CouldNotRun("no body could be made for the operation")
    if not ordeal.judged.get(requirement):
        raise NotApplicable("none")
