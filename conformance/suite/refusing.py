"""Wrong bodies sent to one writing operation: which of them it does not refuse, or refuses and carries out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from conformance.contract import Contract
from conformance.resources import Made
from conformance.suite.fuzz import aim
from conformance.suite.fuzz.findings import Finding
from conformance.suite.outcome import CouldNotRun
from conformance.suite.writes import Write, times
from conformance.suite.wrong_input import Maker, Place, Wrong, wrong_bodies
from conformance.target import Client, Exchange
from conformance.world import World

REFUSED = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNSUPPORTED_MEDIA_TYPE, httpx.codes.UNPROCESSABLE_ENTITY})
"""The statuses that say of a request that its body is wrong."""


class Refusing:
    """One check of one operation. It changes one member of its own, as long as refusals leave that one whole."""

    def __init__(self, requirement: str, write: Write, contract: Contract, client: Client, world: World) -> None:
        self._requirement = requirement
        self._write = write
        self._contract = contract
        self._client = client
        self._world = world
        self._member: Made | None = None
        self._stages: dict[str, bool] = {}

    def findings(self, make: Maker) -> list[Finding]:
        """Every body of `make` that is not refused, or leaves something behind.

        Raises CouldNotRun where legal bodies are refused too.
        """
        with self._world.workshop.passing():
            self._renew()
            wrongs = wrong_bodies(self._contract, self._write.operation, self._legal(), make)
            if not wrongs:
                raise CouldNotRun("the suite has no body for the operation with a place that could be wrong")
            tried = [wrong for wrong in wrongs if self._takes(wrong.place)]
            if not tried:
                raise CouldNotRun("no legal body is taken: what is refused beside it shows nothing")
            before = self._state()
            taken = list(self._not_refused(tried))
            if not taken and self._state() == before:
                return []
            names = {finding.fingerprint for finding in taken}
            return [*taken, *self._carried_out([wrong for wrong in tried if wrong.name not in names])]

    def _not_refused(self, wrongs: list[Wrong]) -> Iterator[Finding]:
        for wrong in wrongs:
            exchange = self._send(wrong.body(self._legal()))
            if exchange.status not in REFUSED:
                yield self._finding(wrong.name, f"answered {exchange.status}", exchange)
                self._renew()

    def _carried_out(self, refused: list[Wrong]) -> Iterator[Finding]:
        """Sent once more and looked at one by one: together they have left something, or others that were taken did."""
        self._renew()
        for wrong in refused:
            if (exchange := self._done(wrong)) is not None:
                what = "there is one more" if self._write.creates else "the member has changed"
                yield self._finding(
                    f"{wrong.name}, refused and done", f"answered {exchange.status}, and {what}", exchange
                )

    def _done(self, wrong: Wrong) -> Exchange | None:
        """The answer to a body that leaves something behind each time; None for one that once does not."""
        exchange = None
        for _ in range(times(self._world)):
            before = self._state()
            exchange = self._send(wrong.body(self._legal()))
            if self._state() == before:
                return None
            self._renew()
        return exchange

    def _renew(self) -> None:
        """Another member to change, where the operation changes one."""
        if not self._write.creates:
            self._member = self._world.victim(self._write.resource.name)

    def _legal(self) -> Any:
        body = self._write.legal(self._world.workshop, self._member)
        care = aim.EXTRA_CARE.get(self._write.operation.label)
        return care(body, self._world) if care else body

    def _send(self, body: Any) -> Exchange:
        return self._write.send(self._client, self._world, json.dumps(body).encode(), self._member)

    def _takes(self, place: Place) -> bool:
        """Whether the operation takes the legal body that has the place; asked once."""
        key = repr(place.scene)
        if key not in self._stages:
            self._stages[key] = httpx.codes.is_success(self._send(place.stage(self._legal())).status)
        return self._stages[key]

    def _state(self) -> Any:
        """What a refused body leaves as it is: the member, or the number of members. None where nothing tells.

        On a server that others use too, their members come and go.
        """
        if self._member is None:
            return self._write.number(self._client, self._world) if self._world.exclusive else None
        answer = self._write.reading(self._client, self._world, self._member)
        if answer is None:
            return None
        return self._write.stable(answer.json()) if answer.is_success else answer.status_code

    def _finding(self, fingerprint: str, what: str, exchange: Exchange) -> Finding:
        return Finding(self._requirement, fingerprint, f"{fingerprint}: {what}", exchange)
