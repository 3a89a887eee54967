"""What a walk has come to so far: who is there, what was sent, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from conformance.contract import Contract, Operation, Query
from conformance.oracle import Household
from conformance.resources import RESOURCES, Made, Record, Resource
from conformance.suite.outcome import CouldNotRun
from conformance.suite.walks.finding import ANSWERED, VISIBLE, Finding
from conformance.suite.walks.stage import Stage
from conformance.suite.walks.step import Step
from conformance.target import Client, Exchange


class Scene:
    """What those who take the steps of a walk, and those who look, both know.

    `household` is who is there, `made` everybody that the walk ever made, by their numbers; `ghosts` are those of whom
    no more is to be found. `walked`: the steps that were taken. `queries`: collection -> the query that lists the
    walk's members of it alone, where there is one. `findings` are in the order of the steps.
    """

    def __init__(self, stage: Stage, contract: Contract, client: Client) -> None:
        self.stage = stage
        self.contract = contract
        self.client = client
        self.household = Household()
        self.made: dict[int, Made] = {}
        self.ghosts: set[int] = set()
        self.walked: list[Step] = []
        self.queries = _queries(stage, contract)
        self.findings: dict[tuple[str, str], Finding] = {}
        self._sent: list[Exchange] = []

    # Asking

    def operation(self, label: str | None) -> Operation:
        """The operation of that label. Raises CouldNotRun where the contract has none."""
        found = self.contract.operations.get(label or "")
        if found is None:
            raise CouldNotRun(f"the contract has no {label}")
        return found

    def send(self, operation: Operation, path: str, body: Any, *, keep: bool = True) -> httpx.Response:
        """What one request is answered. `keep`: it is a step, and belongs to the way that leads to what is found."""
        response = self.client.request(operation.method, path, body)
        if keep:
            self.keep_exchange()
        return response

    def rows(self, resource: Resource, query: Query, body: Record, turn: str) -> list[Record] | None:
        """The rows of a query; None, and a finding, where it is not answered with any."""
        response = self.send(query.operation, query.operation.path, body, keep=False)
        answer = response.json() if response.is_success else None
        rows = answer.get(resource.listed) if resource.listed and isinstance(answer, dict) else answer
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
        observed = {"status": response.status_code, "body": response.text[:300]}
        self.found(VISIBLE, f"{turn}: {resource.name} not listed", "a list", observed, set(self.made))
        return None

    def fence(self, resource: Resource) -> Record:
        """A filter of everybody that the walk ever made in a collection, living or gone."""
        assert resource.fence is not None
        return resource.fence([made.record for made in self.made.values() if made.collection == resource.name])

    def keep_exchange(self) -> None:
        """The last exchange belongs to the way."""
        self._sent.append(self.client.journal.exchanges[-1])

    # Telling

    def number_of(self, resource: Resource, identity: Any) -> int | None:
        """The number of a member, living or gone; None for one that the walk did not make."""
        for number, made in self.made.items():
            if made.collection == resource.name and made.record.get(resource.identity) == identity:
                return number
        return None

    def name(self, identity: Any) -> str:
        """A member by its collection and number."""
        for number, made in self.made.items():
            if made.record.get(RESOURCES[made.collection].identity) == identity:
                return f"{made.collection} {number}"
        return str(identity)

    def refused(self, step: Step, response: httpx.Response, expected: Any) -> None:
        """A step was answered with what it ought not to be."""
        observed = {"status": response.status_code, "body": response.text[:300]}
        about = {step.number, *step.about}
        self.found(ANSWERED, f"{step.turn}: {response.status_code}", expected, observed, about)

    def found(self, requirement: str, fingerprint: str, expected: Any, observed: Any, members: set[int]) -> None:
        """The server and the model part; `members` are the numbers of those that it is about."""
        shows = self.client.journal.exchanges[-1:]
        sent = (*self._sent, *(exchange for exchange in shows if exchange not in self._sent))
        finding = Finding(requirement, fingerprint, expected, observed, frozenset(members), tuple(self.walked), sent)
        self.findings.setdefault(finding.key, finding)


def _queries(stage: Stage, contract: Contract) -> Mapping[str, Query]:
    found: dict[str, Query] = {}
    for query in contract.queries.values():
        troupe = stage.troupes.get(query.name)
        if query.verb == "filter" and troupe is not None and troupe.resource.key in query.filters:
            found.setdefault(query.name, query)
    return {
        name: query
        for name, query in found.items()
        if stage.troupes[name].resource.fence is not None and not query.operation.placeholders
    }


def record_of(response: httpx.Response) -> Record | None:
    """The record that an answer holds, alone or in a list of just one."""
    found = response.json() if response.content and "json" in response.headers.get("content-type", "") else None
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    return found if isinstance(found, dict) else None
