"""Fuzz: whatever an operation is sent, it answers as its description says.

Each operation is fuzzed once; every requirement of the chapter judges the same exchanges.
"""

from __future__ import annotations

from conformance.contract import Operation
from conformance.suite.check import check
from conformance.suite.fuzz import Campaigns
from conformance.suite.fuzz.aim import CHANGES_THE_SERVER
from conformance.suite.fuzz.findings import CONTENT_TYPE, NULL, SCHEMA, SERVER_ERROR, STATUS, require_none
from conformance.suite.outcome import CouldNotRun, NotApplicable
from conformance.suite.subjects import every_operation
from conformance.target import WouldWrite, only_reads
from conformance.world import World


@check(SERVER_ERROR, on=every_operation)
def test_no_server_error(subject: Operation, campaigns: Campaigns, world: World) -> None:
    _require_none(SERVER_ERROR, subject, campaigns, world)


@check(STATUS, on=every_operation)
def test_statuses_are_documented(subject: Operation, campaigns: Campaigns, world: World) -> None:
    _require_none(STATUS, subject, campaigns, world)


@check(CONTENT_TYPE, on=every_operation)
def test_content_types_are_documented(subject: Operation, campaigns: Campaigns, world: World) -> None:
    _require_none(CONTENT_TYPE, subject, campaigns, world)


@check(SCHEMA, on=every_operation)
def test_bodies_fit_their_schema(subject: Operation, campaigns: Campaigns, world: World) -> None:
    _require_none(SCHEMA, subject, campaigns, world)


@check(NULL, on=every_operation)
def test_nulls_are_documented(subject: Operation, campaigns: Campaigns, world: World) -> None:
    _require_none(NULL, subject, campaigns, world)


def _require_none(requirement: str, operation: Operation, campaigns: Campaigns, world: World) -> None:
    """Raise Violation with every distinct finding of the operation's campaign."""
    if operation.label in CHANGES_THE_SERVER and not world.exclusive:
        raise NotApplicable("shared-server")
    if world.workshop.client.read_only and not only_reads(operation.method, operation.path):
        raise WouldWrite(f"{operation.label} may change the target")
    campaign = campaigns.of(operation)
    if not campaign.exchanges:
        raise CouldNotRun("no request could be made for the operation")
    require_none(campaign.findings.get(requirement, ()))
