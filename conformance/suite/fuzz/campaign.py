"""One operation's campaign: generated cases, aimed, sent, and judged; kept for every check that asks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from conformance.contract import Contract, Operation
from conformance.contract.media import is_json
from conformance.resources import RESOURCES, Made, Resource
from conformance.suite.calls import call, resource_of
from conformance.suite.fuzz import aim
from conformance.suite.fuzz.blame import Culprits
from conformance.suite.fuzz.cases import Case
from conformance.suite.fuzz.courtesy import courteous, courteous_path
from conformance.suite.fuzz.findings import Finding, failed, judge, keep, server_error
from conformance.suite.fuzz.keeping import Keeping
from conformance.suite.fuzz.kinds import plain
from conformance.suite.fuzz.parts import ABSENT, Parts, Request, put_together, taken_apart
from conformance.suite.fuzz.patience import send
from conformance.suite.outcome import CouldNotRun
from conformance.target import Client, Exchange, only_reads
from conformance.world import World


@dataclass
class Campaign:
    """What the fuzz of one operation found: by requirement, each distinct finding once, in the order of discovery.

    `exchanges` counts the calls of the operation itself.
    """

    operation: Operation
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    exchanges: int = 0
    accepted: object = None
    """The shortest body that was accepted."""
    path: Mapping[str, str] = field(default_factory=dict)
    """What the latest request had in its path."""

    def accept(self, body: object) -> None:
        """Keep an accepted body that is shorter than what is kept."""
        if self.accepted is None or len(repr(body)) < len(repr(self.accepted)):
            self.accepted = body

    def add(self, finding: Finding) -> None:
        """Keep a finding unless one of the same fingerprint is there."""
        keep(self.findings.setdefault(finding.requirement, []), finding)


class Campaigns:
    """All campaigns of one process; an operation is fuzzed when first asked for."""

    def __init__(self, contract: Contract, client: Client, world: World, examples: int, random_seed: int) -> None:
        self._contract = contract
        self._client = client
        self._world = world
        self._generator = Keeping(contract, random_seed, examples)
        self._done: dict[str, Campaign] = {}

    def of(self, operation: Operation) -> Campaign:
        """The campaign of `operation`."""
        if operation.label not in self._done:
            self._done[operation.label] = self._run(operation)
        return self._done[operation.label]

    def _run(self, operation: Operation) -> Campaign:
        campaign = Campaign(operation)
        members = _Members(operation, self._world)
        culprits = Culprits(self._contract, operation, lambda: self._legal(operation, members, campaign))
        sent: set[object] = set()
        # An object that breaks a listing must not break it for the campaigns that come after: which do,
        # depends on the number of workers.
        with self._world.workshop.passing():
            if (collection := operation.segments[0]) in RESOURCES and RESOURCES[collection].makeable:
                # Some servers fail only where there is something to answer with.
                self._world.shared(collection)
            for prepared, aimed in self._requests(operation, members):
                request = prepared
                parts = taken_apart(operation, self._client.base_url, prepared[1], prepared[2])
                # What is known to make the server fail is left out, to see what is behind it.
                innocent = culprits.left_out(parts)
                if innocent is not parts:
                    request = self._request(operation, innocent)
                if (key := (request[1], request[2], request[3].get("content-type"))) in sent:
                    continue
                sent.add(key)
                campaign.path = innocent.path
                exchange = send(self._client, self._world, *request)
                campaign.exchanges += 1
                members.answered(exchange)
                for finding in judge(self._contract, operation, exchange):
                    campaign.add(finding)
                if httpx.codes.is_success(exchange.status):
                    campaign.accept(innocent.body)
                elif failed(exchange):
                    campaign.add(self._blame(culprits, members, innocent, aimed, exchange))
        return campaign

    def _blame(self, culprits: Culprits, members: _Members, parts: Parts, aimed: bool, exchange: Exchange) -> Finding:
        """The finding of a failing exchange, shown by the smallest request that fails in that way."""
        smallest = [exchange]
        members.forget()

        def fails(trial: Parts) -> bool:
            answer = send(self._client, self._world, *self._request(culprits.operation, trial))
            members.answered(answer)
            if failed(answer):
                smallest.append(answer)
                members.forget()
            return failed(answer)

        causes = culprits.found_by(fails, parts, aimed)
        return server_error(smallest[-1], causes)

    def _request(self, operation: Operation, parts: Parts) -> Request:
        """The request that has these parts, but for what it would do to others."""
        body = parts.body
        if (query := self._contract.queries.get(operation.label)) is not None:
            body = aim.fenced(query, None if body is ABSENT else body, self._world)
            body = ABSENT if body is None else body
        if (care := aim.EXTRA_CARE.get(operation.label)) is not None:
            body = care(body, self._world)
        return put_together(operation, self._client.base_url, replace(parts, body=body))

    def _legal(self, operation: Operation, members: _Members, campaign: Campaign) -> Parts:
        """A request that should be accepted: a member that nothing was done to, and the plainest body known."""
        path = members.next() if members.known and operation.placeholders else campaign.path
        query: Mapping[str, str] = {}
        with contextlib.suppress(CouldNotRun):
            query = call(operation, self._world, members.current).params
        body = self._legal_body(operation, campaign)
        return Parts(dict(path), {name: (value,) for name, value in query.items()}, body)

    def _legal_body(self, operation: Operation, campaign: Campaign) -> object:
        if operation.body is None:
            return ABSENT
        if operation.label in aim.LEGAL_BODIES:
            return aim.LEGAL_BODIES[operation.label]
        maker = _CREATES.get(operation.label)
        if maker is not None and (body := maker.body(self._world.workshop)) is not None:
            return body
        if campaign.accepted is not None and operation.label not in _CHANGES:
            return campaign.accepted
        return plain(self._contract, operation.body)

    def _requests(self, operation: Operation, members: _Members) -> Iterator[tuple[Request, bool]]:
        """The requests to send, each with whether its path is a real member's. What comes out the same is sent once."""
        seen: set[object] = set()
        if (own := self._plain(operation, members)) is not None:
            yield own, True
        for case, with_member in self._cases(operation):
            aimed = bool(operation.placeholders) and members.known and with_member
            signature = (aimed or repr(case.path), repr(case.query), repr(case.body))
            if signature in seen:
                continue
            seen.add(signature)
            path = case.path
            if aimed:
                path = {**path, **members.next()}
            elif path and not self._world.exclusive:
                path = courteous_path(operation, path, self._world)
            tended = replace(case, path=path, body=self._with_care(operation, case))
            request = tended.request(operation, self._client.base_url)
            if request is not None and not is_careless(operation, request):
                yield request, aimed or not operation.placeholders

    def _cases(self, operation: Operation) -> Iterator[tuple[Case, bool]]:
        """Generated cases, each with whether it is to be about a real member.

        Those that cover a body fail at the door otherwise; of the others, aimed and unaimed ones take turns.
        """
        renamed = _Renaming(_CREATES.get(operation.label), self._world)
        cases = self._generator.of(operation)
        for number, case in enumerate(cases.covering):
            yield replace(case, body=renamed(case.body)), True
            for stray in aim.astray(case.body, self._world) if number == 0 else ():
                yield replace(case, body=renamed(stray), keeps_schema=False), True
        for number, case in enumerate(cases.drawn):
            yield case, number % 2 == 0 or not case.keeps_schema

    def _plain(self, operation: Operation, members: _Members) -> Request | None:
        """The call that the suite itself would make, where it knows one: the way in that no generator finds."""
        resource = members.resource
        body: object = None
        made: Made | None = None
        if operation.label in aim.LEGAL_BODIES:
            body = aim.LEGAL_BODIES[operation.label]
        elif resource is not None and resource.updates == operation.label and operation.label not in aim.EXTRA_CARE:
            documented = self._contract.body_properties(operation.label)
            name = next((name for name in resource.patches if name in documented), None)
            if name is None:
                return None
            made = members.fresh()
            body = {name: resource.patch(self._world.workshop, name, made.record)}
        elif operation.method != "GET":
            return None
        try:
            asked = call(operation, self._world, made)
        except CouldNotRun:
            return None
        url = str(httpx.URL(self._client.base_url + asked.path, params=asked.params or None))
        content = b"" if body is None else json.dumps(body).encode()
        return operation.method, url, content, {} if body is None else {"content-type": "application/json"}

    def _with_care(self, operation: Operation, case: Case) -> Any:
        """The body of a case, about what there is in the world, and harmless to what is others'."""
        body = case.body
        if case.keeps_schema:
            body = aim.with_references(body, self._world)
        if (query := self._contract.queries.get(operation.label)) is not None:
            body = aim.fenced(query, body, self._world)
        if (care := aim.EXTRA_CARE.get(operation.label)) is not None:
            body = care(body, self._world)
        return body if self._world.exclusive else courteous(self._contract, operation, body, self._world)


class _Members:
    """Members for the placeholders of one operation: a shared one to read, victims to change and delete."""

    def __init__(self, operation: Operation, world: World) -> None:
        self.resource: Resource | None = resource_of(operation)
        self.known = self.resource is not None
        self.current: Made | None = None
        self._operation = operation
        self._world = world

    def fresh(self) -> Made:
        """A new victim."""
        assert self.resource is not None
        return self._world.victim(self.resource.name)

    def next(self) -> Mapping[str, str]:
        """The placeholders of the member that the next call is about."""
        assert self.resource is not None
        if only_reads(self._operation.method, self._operation.path):
            self.current = self._world.shared(self.resource.name)
        elif self.current is None:
            self.current = self.fresh()
        return self.resource.fill(self._operation.label, self.current)

    def answered(self, exchange: Exchange) -> None:
        """Take note of what has become of the member: what was refused leaves it as it was."""
        if httpx.codes.is_success(exchange.status) and aim.uses_up(self._operation):
            self.forget()

    def forget(self) -> None:
        """The server has failed on the member: what it makes of the next request would tell nothing of that."""
        self.current = None


class _Renaming:
    """Gives each body that creates something an identity of its own, in place of the one that they all have.

    All coverage cases of a body have the same values but in one place: the second create would be a conflict.
    """

    def __init__(self, resource: Resource | None, world: World) -> None:
        self._resource = resource
        self._world = world
        self._common: Mapping[str, object] | None = None

    def __call__(self, body: Any) -> Any:
        if self._resource is None or not isinstance(body, dict):
            return body
        if self._common is None:
            self._common = dict(body)
        own = self._resource.body(self._world.workshop)
        names = self._resource.unique if isinstance(own, dict) else ()
        common = (name for name in names if name in body and body[name] == self._common.get(name))
        return {**body, **{name: own[name] for name in common if name in own}}


def is_careless(operation: Operation, request: Request) -> bool:
    """Whether the server would not read what was put into the body so that others are left alone.

    A bulk delete that is sent without a body deletes what it finds, and so does one whose body is said to be no JSON.
    """
    _, _, content, headers = request
    return operation.label in aim.EXTRA_CARE and not (content and is_json(headers.get("content-type", "")))


_CREATES: Mapping[str, Resource] = {resource.creates: resource for resource in RESOURCES.values() if resource.creates}
_CHANGES = frozenset(resource.updates for resource in RESOURCES.values())
