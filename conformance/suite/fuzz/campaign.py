"""One operation's campaign: generated cases, aimed, sent, and judged; kept for every check that asks."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import requests

from conformance.contract import Contract, Operation
from conformance.resources import Made, Resource
from conformance.suite.calls import call, resource_of
from conformance.suite.fuzz import aim
from conformance.suite.fuzz.courtesy import courteous, courteous_path
from conformance.suite.fuzz.findings import SERVER_ERROR, Finding, judge
from conformance.suite.fuzz.generation import AnyCase, Generator
from conformance.suite.outcome import CouldNotRun
from conformance.target import BUSY, Client, Exchange
from conformance.world import World

Request = tuple[str, str, bytes, Mapping[str, str]]
"""Method, URL, body, headers."""

_WAITS = (0.1, 0.3, 1.0, 2.0)
"""Seconds between the repetitions of a request that the server is too busy for."""


@dataclass
class Campaign:
    """What the fuzz of one operation found: by requirement, each distinct finding once, in the order of discovery.

    `exchanges` counts the calls of the operation itself.
    """

    operation: Operation
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    exchanges: int = 0

    def add(self, finding: Finding) -> None:
        """Keep a finding unless one of the same fingerprint is there."""
        known = self.findings.setdefault(finding.requirement, [])
        if all(finding.fingerprint != other.fingerprint for other in known):
            known.append(finding)


class Campaigns:
    """All campaigns of one process; an operation is fuzzed when first asked for."""

    def __init__(self, contract: Contract, client: Client, world: World, examples: int, random_seed: int) -> None:
        self._contract = contract
        self._client = client
        self._world = world
        self._examples = examples
        self._generator = Generator(contract, random_seed)
        self._done: dict[str, Campaign] = {}

    def of(self, operation: Operation) -> Campaign:
        """The campaign of `operation`."""
        if operation.label not in self._done:
            self._done[operation.label] = self._run(operation)
        return self._done[operation.label]

    def _run(self, operation: Operation) -> Campaign:
        campaign = Campaign(operation)
        # An object that breaks a listing must not break it for the campaigns that come after: which do,
        # depends on the number of workers.
        with self._world.workshop.passing():
            for method, url, content, headers in self._requests(operation):
                exchange = self._send(campaign, method, url, content, headers)
                campaign.exchanges += 1
                self._note(operation, exchange)
                for finding in judge(self._contract, operation, exchange):
                    campaign.add(finding)
        return campaign

    def _note(self, operation: Operation, exchange: Exchange) -> None:
        """Enter what a case created among what has to be removed."""
        if not httpx.codes.is_success(exchange.status) or not exchange.response_body:
            return
        with contextlib.suppress(ValueError, RecursionError):
            self._world.workshop.note(operation.label, json.loads(exchange.response_body), {})

    def _requests(self, operation: Operation) -> Iterator[Request]:
        """The requests to send. Aimed and unaimed cases take turns; what comes out the same is sent once."""
        seen: set[object] = set()
        members = _Members(operation, self._world)
        if (own := self._plain(operation, members)) is not None:
            yield own
        for number, (case, keeps_schema) in enumerate(self._generator.cases(operation, self._examples)):
            aimed = bool(operation.placeholders) and members.known and (number % 2 == 0 or not keeps_schema)
            generated = dict(case.path_parameters or {})
            signature = (aimed or repr(generated), repr(case.query), repr(case.body))
            if signature in seen:
                continue
            seen.add(signature)
            if aimed:
                case.path_parameters = {**generated, **members.next()}
            elif generated and not self._world.exclusive:
                case.path_parameters = courteous_path(operation, generated, self._world)
            self._take_care(operation, case, keeps_schema)
            request = _prepared(case, self._client.base_url)
            # What takes care is in the body: a bulk delete that is sent without one deletes what it finds.
            careless = operation.label in aim.EXTRA_CARE and request is not None and not request[2]
            if request is not None and not careless:
                yield request

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

    def _take_care(self, operation: Operation, case: AnyCase, keeps_schema: bool) -> None:
        if keeps_schema:
            case.body = aim.with_references(case.body, self._world)
        if (query := self._contract.queries.get(operation.label)) is not None:
            case.body = aim.fenced(query, case.body, self._world)
        if (care := aim.EXTRA_CARE.get(operation.label)) is not None:
            case.body = care(case.body, self._world)
        if not self._world.exclusive:
            case.body = courteous(self._contract, operation, case.body, self._world)

    def _send(self, campaign: Campaign, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Exchange:
        """Send one request; a server that is busy is asked again.

        One that goes on refusing this request while it takes others is not busy: it fails on it.
        """
        exchange = self._client.send_once(method, url, content, headers)
        for wait in _WAITS:
            if exchange.status not in BUSY:
                return exchange
            time.sleep(wait)
            exchange = self._client.send_once(method, url, content, headers)
        if exchange.status in BUSY:
            self._world.victim("flows")  # raises Busy where the server is
            message = f"{exchange.status} each time, while other writes succeed"
            campaign.add(Finding(SERVER_ERROR, f"{exchange.status} throughout", message, exchange))
        return exchange


class _Members:
    """Members for the placeholders of one operation: a shared one to read, victims to change and delete."""

    def __init__(self, operation: Operation, world: World) -> None:
        self.resource: Resource | None = resource_of(operation)
        self.known = self.resource is not None
        self._operation = operation
        self._world = world
        self._current: Made | None = None

    def fresh(self) -> Made:
        """A new victim."""
        assert self.resource is not None
        return self._world.victim(self.resource.name)

    def next(self) -> Mapping[str, str]:
        """The placeholders of the member that the next call is about."""
        assert self.resource is not None
        if aim.only_reads(self._operation):
            self._current = self._world.shared(self.resource.name)
        elif self._current is None or aim.uses_up(self._operation):
            self._current = self.fresh()
        return self.resource.fill(self._operation.label, self._current)


def _prepared(case: AnyCase, base_url: str) -> Request | None:
    """Method, URL, body and headers of a case; None for one that HTTP can't carry."""
    parts = case.as_transport_kwargs(base_url=base_url)
    parts.pop("cookies", None)
    try:
        prepared = requests.Request(**parts).prepare()
        url = str(httpx.URL(prepared.url or ""))
    except (requests.RequestException, httpx.InvalidURL, ValueError, UnicodeError):
        return None
    body = prepared.body
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    headers = {name: str(value) for name, value in prepared.headers.items() if name.lower() in _KEPT_HEADERS}
    return str(case.method), url, content if isinstance(content, bytes) else b"", headers


_KEPT_HEADERS = frozenset({"content-type"})
"""Of the generated headers only what describes the body: the client has its own of the rest."""
