"""The HTTP client of the hand-written checks: one pool of connections, retries, and a journal."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

import httpx
import stamina

from conformance.contract import Contract, Operation
from conformance.errors import TargetTrouble
from conformance.target.access import Access, destination
from conformance.target.bounds import Excess
from conformance.target.csrf import Csrf
from conformance.target.endurance import ENDURANCE, Endurance
from conformance.target.journal import Exchange, Journal
from conformance.target.pace import Pace

# A repetition is no news: what comes of it is in the verdict. By default each would be logged.
stamina.instrumentation.set_on_retry_hooks([])

BUSY = frozenset({429, 502, 503, 504})
"""Statuses by which a server, or a gateway before it, says *not now*: never a verdict."""

_UNDECIDED = frozenset({502, 504})
"""Those of them that a gateway gives where the server behind it may have done what was asked."""

BUDGET = 30.0
"""Seconds that a busy server is asked again for, from when it first says so.

SQLite locks for a few seconds under load. Before it says so it may take a minute: of 40 times that eight callers made
one deployment on Prefect 3.6.29, two met a lock that was given up only after the 60 s that Prefect has SQLite wait.
"""

_PATIENCE: Final = {"wait_initial": 0.05, "wait_max": 1.0, "wait_jitter": 0.05}
"""How long is waited in between: a lock of SQLite's is gone in a moment, and Stamina's own jitter is up to a second."""

_ATTEMPTS = 3
"""Times that a connection is tried before the target is looked after."""

_HANGS = 5.0
"""Seconds in which a target has to answer something simple, once it has left a request without an answer."""

_SHAKEN = 2.0
"""Seconds after a 500 in which a broken connection is its consequence: servers close theirs then."""

_REFUSALS = 3
"""503s to one question after which it is asked whether another one is answered meanwhile."""

LANDMARK = "/flows/filter"
"""Every generation answers it, to whoever is let in."""


class Busy(TargetTrouble):
    """The target answered that it is busy, and went on doing so. `status` and `wait` (seconds) are what it said."""

    def __init__(self, message: str, status: int = 503, wait: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.wait = wait


class Unreachable(TargetTrouble):
    """The connection to the target was refused, broke, or stalled.

    `unsent`: the request did not get there. `stalled`: it did, and nothing came back in time.
    """

    def __init__(self, message: str, *, unsent: bool = False, stalled: bool = False) -> None:
        super().__init__(message)
        self.unsent = unsent
        self.stalled = stalled


class Elsewhere(TargetTrouble):
    """The target sends whoever asks to another host, where neither requests nor credentials follow."""


class Unreadable(TargetTrouble):
    """An answer came that is not read to its end, or can't be unpacked: it is no answer that can be judged."""


class Lost(TargetTrouble):
    """The target is of no use any more: it is gone, or does not let this run in. No later request is sent."""


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
    return method in ("GET", "HEAD", "OPTIONS")


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
    could not run. Every other status is returned: what it means is the check's business.

    What changes something is not sent again where it may have been done: after a broken connection, a 502 or 504.

    `csrf` gets the tokens that the server wants with changes. `stranger`: being refused is what this client is for,
    and says nothing about the target. `patience`: seconds in which a target that is gone may come back. Once
    `lost` says why the target is of no use any more, every request raises Lost. `pace` is waited for before each
    request. `read_only`: WouldWrite is raised in place of sending what may change something.
    """

    def __init__(
        self,
        base_url: str,
        access: Access,
        contract: Contract,
        journal: Journal,
        *,
        csrf: Csrf | None = None,
        stranger: bool = False,
        patience: float = 0.0,
        pace: Pace | None = None,
        read_only: bool = False,
    ) -> None:
        self.read_only = read_only
        self.base_url = base_url.rstrip("/")
        self.access = access
        self.journal = journal
        self.lost: str | None = None
        self.witness: Witness | None = None
        self._contract = contract
        self._prefix = urlsplit(self.base_url).path
        self._csrf = csrf
        self._stranger = stranger
        self._patience = patience
        self._pace = pace
        self._shaken = -_SHAKEN
        self._endurance = Endurance()
        self._http = access.client()

    @property
    def headers(self) -> Mapping[str, str]:
        """What identifies this client: the headers that it was given, and its CSRF token where it needs one."""
        return {**self.access.headers, **(self._csrf.headers(self._ask_for_token) if self._csrf else {})}

    def another(self, base_url: str, headers: Mapping[str, str]) -> Client:
        """A client that sends other headers, perhaps to another server, and may be refused: a `stranger`.

        Beside that it is as this one: TLS, contract, journal, pace, and what it may send.
        """
        other = Client(
            base_url,
            self.access.model_copy(update={"headers": dict(headers)}),
            self._contract,
            self.journal,
            stranger=True,
            pace=self._pace,
            read_only=self.read_only,
        )
        other._endurance = self._endurance
        return other

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        declared: bool = True,
    ) -> httpx.Response:
        """Send `METHOD base_url + path`, with `body` as JSON or `content` as it is; the response is read whole.

        Not `declared`: nothing says that the body is JSON.
        """
        extra = dict(headers or {})
        if content is None and body is not None:
            content = json.dumps(body).encode()
        if content is not None and declared:
            extra.setdefault("content-type", "application/json")
        request = self._http.build_request(method, self.base_url + path, content=content, params=params, headers=extra)
        again = _again(repeatable=only_reads(request.method, request.url.path))
        for attempt in stamina.retry_context(on=again, attempts=None, timeout=None, **_PATIENCE):
            with attempt:
                response, _ = self._deliver(request)
                if response.status_code in BUSY and not self._fails_alone(request, response, attempt.num):
                    raise _busy(request, response)
        return response

    def _fails_alone(self, request: httpx.Request, response: httpx.Response, refusals: int) -> bool:
        """Whether a question gets 503 each time while another one is answered: then that is its answer.

        Prefect on PostgreSQL says 503 to whatever its database refuses.
        """
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or refusals < _REFUSALS:
            return False
        if not only_reads(request.method, request.url.path):
            return False
        other = self._http.build_request("POST", self.base_url + LANDMARK, json={"limit": 1})
        return self._deliver(other)[0].is_success and self._deliver(request)[0].status_code == response.status_code

    def send_once(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Exchange:
        """Send a request, whole `url` and all; return the exchange, whatever its status.

        Only a gateway's 429 is waited for: it says nothing about the request. Raises Unreachable and Busy.
        """
        request = self._http.build_request(method, url, content=content, headers=dict(headers))
        again = _again(repeatable=True)
        for attempt in stamina.retry_context(on=again, attempts=None, timeout=None, **_PATIENCE):
            with attempt:
                response, exchange = self._deliver(request)
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise _busy(request, response)
        return exchange

    def _deliver(self, request: httpx.Request) -> tuple[httpx.Response, Exchange]:
        """Send a request, and again as long as it is safe to and a connection may come of it."""
        if self.lost is not None:
            raise Lost(self.lost)
        self._sign(request)
        try:
            return self._heed(request, self._reach(request))
        except Unreachable as trouble:
            if self._stranger:
                raise
            self._look_after(trouble)
            if not self._may_repeat(request, trouble):
                raise
            return self._heed(request, self._exchange(request))

    def _reach(self, request: httpx.Request) -> tuple[httpx.Response, Exchange]:
        def again(error: Exception) -> bool:
            return isinstance(error, Unreachable) and self._may_repeat(request, error)

        for attempt in stamina.retry_context(on=again, attempts=_ATTEMPTS, timeout=None, **_PATIENCE):
            with attempt:
                found = self._exchange(request)
        return found

    def _may_repeat(self, request: httpx.Request, trouble: Unreachable) -> bool:
        """Whether a request that got no answer does no harm when it is sent again, and may get one."""
        shaken = time.monotonic() - self._shaken < _SHAKEN
        return trouble.unsent or (not trouble.stalled and (shaken or only_reads(request.method, request.url.path)))

    def _heed(self, request: httpx.Request, found: tuple[httpx.Response, Exchange]) -> tuple[httpx.Response, Exchange]:
        """What an answer says about the target rather than about the request."""
        response, _ = found
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            self._shaken = time.monotonic()
        if self._stranger:
            return found
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # One operation may have its reasons. If none lets this run in any more, it is at its end.
            self._look_after(None)
        if (where := self._leads_to(response)) is not None:
            raise Elsewhere(f"{request.method} {request.url.path} redirects to {where}, where nothing is sent")
        if self._csrf is not None and self._csrf.is_refused(response):
            # It was refused before anything was done.
            self._csrf.forget()
            self._sign(request)
            return self._exchange(request)
        return found

    def _look_after(self, trouble: Unreachable | None) -> None:
        """Find out whether the target answers at all. Raises Lost where it does not, or lets nobody in."""
        deadline = time.monotonic() + self._patience
        while (why := self._trouble(trouble)) is not None:
            if time.monotonic() > deadline or trouble is None:
                self.lost = why
                raise Lost(why) from trouble
            time.sleep(0.2)

    def _trouble(self, trouble: Unreachable | None) -> str | None:
        request = self._http.build_request(
            "POST", self.base_url + LANDMARK, json={"limit": 0}, timeout=_HANGS if trouble else httpx.USE_CLIENT_DEFAULT
        )
        try:
            self._sign(request)
            response, _ = self._exchange(request)
        except Unreachable as error:
            return f"the target does not answer any more: {error}"
        if response.status_code == httpx.codes.UNAUTHORIZED:
            return f"the target does not accept the credentials any more: POST {LANDMARK} answers 401"
        return None

    def _leads_to(self, response: httpx.Response) -> str | None:
        """The host that an answer redirects to, None where it is this one or none."""
        if not response.has_redirect_location:
            return None
        host = destination(response).netloc
        return host.rpartition("@")[2] if host and host != urlsplit(self.base_url).netloc else None

    def _sign(self, request: httpx.Request) -> None:
        """Give a request the CSRF token that it needs, unless it has one."""
        if self._csrf is not None and request.method not in ("GET", "HEAD", "OPTIONS"):
            request.headers.update(self._csrf.headers(self._ask_for_token))

    def _ask_for_token(self, client: str) -> httpx.Response:
        request = self._http.build_request("GET", self.base_url + "/csrf-token", params={"client": client})
        response, _ = self._reach(request)
        if response.status_code in BUSY:
            raise _busy(request, response)
        if response.status_code == httpx.codes.UNAUTHORIZED and not self._stranger:
            self.lost = "the target does not accept the credentials any more: GET /csrf-token answers 401"
            raise Lost(self.lost)
        return response

    def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, Exchange]:
        path = request.url.path
        if self.read_only and not only_reads(request.method, path):
            raise WouldWrite(f"{request.method} {path} may change the target: not sent")
        if self._pace is not None:
            self._pace.wait()
        operation = self._contract.operation_of(request.method, path.removeprefix(self._prefix))
        sent = request.url.raw_path.decode("ascii").partition("?")[0].removeprefix(self._prefix)
        token = self.witness.sending(operation, sent) if self.witness is not None and operation is not None else None
        started = time.perf_counter()
        try:
            response = self._http.send(request)
        except (Excess, httpx.DecodingError) as error:
            what = f"{error}" if isinstance(error, Excess) else f"can't be unpacked: {error}"
            self._tire(time.perf_counter() - started, f"{request.method} {path} {what}")
            raise Unreadable(f"{request.method} {path} {what}") from error
        except httpx.TransportError as error:
            detail = str(error) or type(error).__name__
            if isinstance(error, httpx.ReadTimeout):
                self._tire(time.perf_counter() - started, f"{request.method} {path}: {detail}")
            raise Unreachable(
                f"{request.method} {request.url.path}: {detail}",
                unsent=isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout),
                stalled=isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout),
            ) from error
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

    def _tire(self, seconds: float, what: str) -> None:
        """An answer was waited for in vain."""
        if self._endurance.is_spent(seconds):
            self.lost = f"the target's answers do not come to an end, and {ENDURANCE:.0f} s were waited: {what}"
            raise Lost(self.lost)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _busy(request: httpx.Request, response: httpx.Response) -> Busy:
    wait = retry_after(response.headers)
    told = f" and asks to wait {wait:.0f} s" if wait is not None else ""
    said = f"{request.method} {request.url.path} answered {response.status_code} throughout{told}"
    return Busy(said, response.status_code, wait)


def _again(*, repeatable: bool) -> Callable[[Exception], bool | float]:
    """For Stamina: whether a busy target is asked again, and after how many seconds where it has said so."""
    deadline: float | None = None

    def decide(error: Exception) -> bool | float:
        nonlocal deadline
        if not isinstance(error, Busy) or (error.status in _UNDECIDED and not repeatable):
            return False
        now = time.monotonic()
        deadline = now + BUDGET if deadline is None else deadline
        if error.wait is None:
            return now < deadline
        return error.wait if now + error.wait < deadline else False

    return decide


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3), None where there is none to go by."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
