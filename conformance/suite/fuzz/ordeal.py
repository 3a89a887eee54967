"""One writing operation's ordeal: hostile values, and what is left of each afterwards; kept for all that ask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from conformance.contract import Contract
from conformance.resources import Made, Resource
from conformance.resources.base import by_id
from conformance.suite.fuzz import aim, hostile
from conformance.suite.fuzz.findings import Finding, keep
from conformance.suite.members import Lineage
from conformance.suite.tables import Table, tables
from conformance.suite.writes import Write, every_write, times
from conformance.target import Client, Exchange
from conformance.world import World, removal, remove

SERVER_ERROR = "hostile.no-server-error"
READABLE = "hostile.accepted-is-readable"
NOTHING = "hostile.refused-leaves-nothing"


def writes(contract: Contract) -> Mapping[str, Write]:
    """Every operation that makes or changes one member by a JSON object whose bodies need no care."""
    return {
        label: write
        for label, write in every_write(contract).items()
        if contract.body_properties(label) and label not in aim.EXTRA_CARE
    }


@dataclass
class Ordeal:
    """What came of one operation's requests: findings by requirement, and how many there were to judge."""

    findings: dict[str, list[Finding]] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)

    def count(self, requirement: str) -> None:
        """One more case that the requirement was judged on."""
        self.judged[requirement] = self.judged.get(requirement, 0) + 1

    def add(self, finding: Finding) -> None:
        """Keep a finding unless one of the same fingerprint is there."""
        keep(self.findings.setdefault(finding.requirement, []), finding)


@dataclass(frozen=True)
class _Case:
    """A field, the kind of value that is put there (a fingerprint of what it may break), and the body."""

    where: str
    kind: str
    body: bytes
    sent: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        return f"{self.where}: {self.kind}"


class Ordeals:
    """All ordeals of one process; an operation is put to it when first asked for."""

    def __init__(self, contract: Contract, client: Client, world: World) -> None:
        self._contract = contract
        self._client = client
        self._world = world
        self._shop = Lineage(world.workshop, {}, alone=True)
        self._done: dict[str, Ordeal] = {}

    def of(self, write: Write) -> Ordeal:
        """The ordeal of `write`."""
        label = write.operation.label
        if label not in self._done:
            # A create may fail and leave behind what breaks the listing, and nobody knows its id: it goes with what it
            # hangs on, which is nothing that others use.
            self._shop = Lineage(self._world.workshop, {}, alone=True)
            with self._world.workshop.passing():
                self._done[label] = self._run(write)
        return self._done[label]

    def _run(self, write: Write) -> Ordeal:
        ordeal = Ordeal()
        # A kind of value that the server failed on is one finding, not one for each field that takes a text.
        failed: set[str] = set()
        member: Made | None = None
        for case in self._cases(write):
            if case.kind in failed:
                continue
            if member is None and not write.creates:
                member = self._world.victim(write.resource.name)
            before = write.number(self._client, self._world) if write.creates else None
            exchange = write.send(self._client, self._world, case.body, member)
            ordeal.count(SERVER_ERROR)
            if exchange.status >= httpx.codes.INTERNAL_SERVER_ERROR:
                failed.add(case.kind)
                ordeal.add(_finding(SERVER_ERROR, case, f"answered {exchange.status}", exchange))
            if httpx.codes.is_success(exchange.status):
                member = self._require_readable(ordeal, write, case, exchange, member)
            elif member is None:
                self._require_nothing(ordeal, write, case, exchange, before)
            else:
                self._require_unchanged(ordeal, write, case, exchange, member)
        return ordeal

    def _cases(self, write: Write) -> Iterator[_Case]:
        shop = self._world.workshop
        for name, schema in self._contract.body_properties(write.operation.label).items():
            for kind, value in hostile.values(self._contract, schema, shop.name("hostile")):
                legal = self._legal(write)
                yield _Case(name, kind, json.dumps({**legal, name: value}).encode(), {**legal, name: value})
        legal = self._legal(write)
        if legal:
            yield _Case("(all)", "twice", hostile.twice(legal), legal)

    def _legal(self, write: Write) -> Mapping[str, Any]:
        """A body that the operation takes, with new names."""
        body = write.legal(self._shop)
        return body if isinstance(body, dict) else {}

    # What is left

    def _require_readable(
        self, ordeal: Ordeal, write: Write, case: _Case, exchange: Exchange, member: Made | None
    ) -> Made | None:
        """What was accepted can be read singly and in the listing.

        One that can't is removed, since others come after it. Returns the member as it is now, where the next case
        may change it further.
        """
        if member is None:
            answer = _decoded(exchange)
            if not isinstance(answer, dict):
                return None
            made = Made(write.resource.name, answer, {}, None)
        else:
            made = replace(member, record={**member.record, **case.sent})
        ordeal.count(READABLE)
        for what, response in self._readings(write.resource, made):
            if not response.is_success:
                ordeal.add(_finding(READABLE, case, f"{what} answers {response.status_code} afterwards", exchange))
                self._remove(write.resource, made)
                return None
            if member is not None and what == write.resource.reads:
                member = replace(member, record=response.json())
        return None if write.creates or aim.uses_up(write.operation) else member

    def _readings(self, resource: Resource, made: Made) -> Iterator[tuple[str, httpx.Response]]:
        """Each operation that shows the member, and what it answers."""
        shop = self._world.workshop
        if resource.reads is not None and shop.has(resource.reads):
            try:
                path = shop.contract.operations[resource.reads].fill(resource.fill(resource.reads, made))
            except LookupError:
                return  # it hangs on another member, which the answer does not name
            yield resource.reads, self._client.request("GET", path)
        if (table := self._table(resource)) is not None and "id" in made.record:
            body = {**resource.needs, **resource.own(by_id([made.record]))}
            yield table.query.operation.label, self._client.request("POST", table.query.operation.path, body)

    def _require_nothing(
        self, ordeal: Ordeal, write: Write, case: _Case, exchange: Exchange, before: int | None
    ) -> None:
        """There are as many members as before. One that can't be shown is counted all the same."""
        if before is None:
            return
        ordeal.count(NOTHING)
        if write.number(self._client, self._world) != before and self._leaves_again(write, case):
            ordeal.add(_finding(NOTHING, case, f"answered {exchange.status}, and there is one more", exchange))

    def _leaves_again(self, write: Write, case: _Case) -> bool:
        """Whether the case, with new names, leaves one more each further time that it has to."""
        for _ in range(1, times(self._world)):
            body = next(other.body for other in self._cases(write) if other.fingerprint == case.fingerprint)
            before = write.number(self._client, self._world)
            write.send(self._client, self._world, body, None)
            if write.number(self._client, self._world) == before:
                return False
        return True

    def _require_unchanged(self, ordeal: Ordeal, write: Write, case: _Case, exchange: Exchange, member: Made) -> None:
        """The member reads as before the refused change."""
        now = write.reading(self._client, self._world, member)
        if now is None:
            return
        ordeal.count(NOTHING)
        if not now.is_success:
            ordeal.add(_finding(NOTHING, case, f"refused, and then reading answers {now.status_code}", exchange))
        elif write.stable(now.json()) != write.stable(member.record):
            ordeal.add(_finding(NOTHING, case, f"refused with {exchange.status}, and the member has changed", exchange))

    def _table(self, resource: Resource) -> Table | None:
        """The collection's listing, where its members are told apart by id and stand under no other member."""
        plain = resource.scope is None and resource.fence is by_id
        return next((t for t in tables(self._contract).values() if plain and t.name == resource.name), None)

    def _remove(self, resource: Resource, made: Made) -> None:
        if (created := removal(self._contract, resource, made.record, made.address)) is not None:
            remove(self._client, self._contract, created)


def _decoded(exchange: Exchange) -> Any:
    try:
        return json.loads(exchange.response_body)
    except ValueError:
        return None


def _finding(requirement: str, case: _Case, what: str, exchange: Exchange) -> Finding:
    return Finding(requirement, case.fingerprint, f"{case.where} with {case.kind}: {what}", exchange)
