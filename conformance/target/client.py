"""The HTTP client of the hand-written checks: one pool of connections, retries, and a journal."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

import httpx
import stamina

from conformance import __version__
from conformance.contract import Contract, Operation
from conformance.errors import TargetTrouble
from conformance.target.journal import Exchange, Journal

# A repetition is no news: what comes of it is in the verdict. By default each would be logged.
stamina.instrumentation.set_on_retry_hooks([])

USER_AGENT = f"prefect-conformance/{__version__}"

BUSY = frozenset({429, 502, 503, 504})
"""Statuses by which a server, or a gateway before it, says *not now*: never a verdict."""

TIMEOUT = httpx.Timeout(30.0, connect=10.0)

_BUDGET = 30.0
"""Seconds that a busy server is asked again for. SQLite locks for a few seconds under load."""

_PATIENCE: Final = {"wait_initial": 0.05, "wait_max": 1.0, "wait_jitter": 0.05}
"""How long is waited in between: a lock of SQLite's is gone in a moment, and Stamina's own jitter is up to a second."""

_ATTEMPTS = 3
"""Times that a connection is tried: a server that is gone does not come back for being asked more often."""


class Busy(TargetTrouble):
    """The target answered that it is busy, and went on doing so."""


class Unreachable(TargetTrouble):
    """The connection to the target was refused, broke, or stalled."""


class WouldWrite(TargetTrouble):
    """A client that only reads was asked to send what may change the target: it was not sent."""


READING: Final = re.compile(
    r"/(filter|count|paginate|history|lateness|counts|count-deployments|next-runs|count-task-runs|validate)"
    r"\Z|/events/count-by/[^/]+\Z"
)
"""Ends of the paths that a POST reads from."""


def only_reads(method: str, path: str) -> bool:
    """Whether a request can't change anything, by the meaning of its method or by what this API has it do."""
    if method == "POST":
        return READING.search(path) is not None
    return method in ("GET", "HEAD")


class Witness(Protocol):
    """Is told of every request of the contract's operations before it is sent, and of its answer.

    `path` is relative to the base URL, percent-encoded as it is sent.
    """

    def sending(self, operation: Operation, path: str) -> str | None:
        """Before it is sent; may raise to keep it from being sent. None: no need to tell of the answer."""

    def answered(self, token: str, operation: Operation, path: str, response: httpx.Response) -> None:
        """After it was answered, whatever the status. `token` is what `sending` returned."""


class Client:
    """Sends requests to the API at `base_url` (without a trailing slash) and records each in `journal`.

    Raises Unreachable and Busy where the target does not answer, so that a check which runs into that
    could not run. Every other status is returned: what it means is the check's business. `read_only`: raises
    WouldWrite in place of sending what may change something.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        contract: Contract,
        journal: Journal,
        *,
        read_only: bool = False,
    ) -> None:
        self.read_only = read_only
        self.base_url = base_url.rstrip("/")
        self.headers = dict(headers)
        self.journal = journal
        self.witness: Witness | None = None
        self._contract = contract
        self._prefix = urlsplit(self.base_url).path
        self._gone = False
        self._http = httpx.Client(
            headers={**headers, "user-agent": USER_AGENT}, timeout=TIMEOUT, follow_redirects=False
        )

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send `METHOD base_url + path`, with `body` as JSON or `content` as it is; the response is read whole."""
        extra = dict(headers or {})
        if content is None and body is not None:
            content = json.dumps(body).encode()
        if content is not None:
            extra.setdefault("content-type", "application/json")
        request = self._http.build_request(method, self.base_url + path, content=content, params=params, headers=extra)
        for attempt in stamina.retry_context(on=Busy, attempts=None, timeout=_BUDGET, **_PATIENCE):
            with attempt:
                response = self._reach(request)
        return response

    def _reach(self, request: httpx.Request) -> httpx.Response:
        attempts = 1 if self._gone else _ATTEMPTS
        try:
            for attempt in stamina.retry_context(on=Unreachable, attempts=attempts, wait_initial=0.05, wait_max=0.5):
                with attempt:
                    response = self._send(request)
        except Unreachable:
            # Every later check finds out by one attempt, not by all of them anew.
            self._gone = True
            raise
        self._gone = False
        return response

    def send_once(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Exchange:
        """Send a request as it is, whole `url` and all; return the exchange, whatever its status.

        A server may drop the connection after a 500; the next request on it is reset then, and is sent again
        on a new one. Raises Unreachable where that fails too.
        """
        request = self._http.build_request(method, url, content=content, headers=dict(headers))
        try:
            return self._exchange(request)[1]
        except Unreachable:
            return self._exchange(request)[1]

    def _send(self, request: httpx.Request) -> httpx.Response:
        response, _ = self._exchange(request)
        if response.status_code in BUSY:
            raise Busy(f"{request.method} {request.url.path} answered {response.status_code} throughout")
        return response

    def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, Exchange]:
        path = request.url.path
        if self.read_only and not only_reads(request.method, path):
            raise WouldWrite(f"{request.method} {path} may change the target: not sent")
        operation = self._contract.operation_of(request.method, path.removeprefix(self._prefix))
        sent = request.url.raw_path.decode("ascii").partition("?")[0].removeprefix(self._prefix)
        token = self.witness.sending(operation, sent) if self.witness is not None and operation is not None else None
        started = time.perf_counter()
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            detail = str(error) or type(error).__name__
            raise Unreachable(f"{request.method} {request.url.path}: {detail}") from error
        if self.witness is not None and operation is not None and token is not None:
            self.witness.answered(token, operation, sent, response)
        exchange = Exchange(
            operation=operation.label if operation else None,
            method=request.method,
            url=str(request.url),
            request_headers=dict(request.headers),
            request_body=request.content,
            status=response.status_code,
            response_headers=dict(response.headers),
            response_body=response.content,
            seconds=time.perf_counter() - started,
        )
        self.journal.record(exchange)
        return response, exchange

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
