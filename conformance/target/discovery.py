"""Finding the API behind a URL: whether anything is there, whether it is Prefect's, its release, its contract."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from conformance.contract import Contract, DocumentError, Reading, comparison
from conformance.contract.document import parse, without_prefix
from conformance.contract.excerpt import facts
from conformance.errors import TargetError, TargetTrouble
from conformance.target import contracts, csrf
from conformance.target.access import Access, destination, explain
from conformance.target.bounds import Excess
from conformance.target.client import LANDMARK

LANDMARKS = ("POST /flows/filter", "POST /flow_runs/", "POST /deployments/")
"""Operations that every generation of the API has had: a document without one of them is not Prefect's."""


@dataclass(frozen=True)
class Target:
    """A recognised server: the base URL of its API, its release ("unknown" where it does not say), its contract.

    `raw` is the document as it came, for whoever needs the contract in another process. `notes` are
    things that the user should know, a line each. `csrf`: whether it wants a token with each change.
    """

    url: str
    version: str
    contract: Contract
    raw: bytes
    notes: tuple[str, ...] = ()
    csrf: bool = False

    @property
    def prefix(self) -> str:
        """The path of the base URL: `/api`."""
        return urlsplit(self.url).path


_REFUSALS = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})

_BROWSER = "prefect-conformance-discovery"
"""What this module calls itself when it asks for a CSRF token."""


_OWN_AFFAIRS = ("/health", "/ready", "/version", "/hello", "/admin/", "/csrf-token")
"""Where the paths begin by which a server is administrated: a gateway keeps them from its users."""

_KEPT_AWAY = frozenset({403, 404, 405})

_SWITCHED: Final = {
    "PREFECT_EXPERIMENTAL_ENABLE_WORK_POOLS": {"/experimental/": "/experimental/work_pools/none"},
    "PREFECT_EXPERIMENTAL_EVENTS": {
        "/automations/": "/automations/00000000-0000-0000-0000-000000000000",
        "/events": "/events/filter/next?page-token=none",
    },
}
"""Settings of Prefect 2, off by default -> where the paths begin that its document has nevertheless -> what tells."""


def discover(url: str, access: Access, contract: str | None = None, rate: float | None = None) -> Target:
    """Look at the server at `url`, the base URL of an API. Raises TargetError with one line otherwise.

    The document is looked for below the base URL first, where every release since 3.0 serves the right
    one, and then at the root, where the earlier ones have their only one. `contract` names another
    (`prefect==3.9.1`, a file, an address) for a target that serves none, or is to be judged by that. `rate` bounds
    the requests per second.
    """
    base = parse_url(url)
    given = None if contract is None else contracts.load(contract, base, access)
    with access.client() as http:
        probe = _Probe(http, access, 0.0 if rate is None else 1 / rate)
        notes: list[str] = []
        healthy = probe.healthy(base)
        if not healthy and not probe.answers_queries(base) and probe.healthy(f"{base}/api"):
            notes.append(f"{base} is not the base URL of the API; using {base}/api, which is")
            base = f"{base}/api"
        protected = probe.let_in(base)
        version = probe.version(base)
        served, refused = probe.document(base)
        raw = served or given
        if raw is None:
            raise TargetError(
                f"{base} has no OpenAPI document to make checks from: {'; '.join(refused)}; "
                "name one with --contract prefect==VERSION, a file or an address"
            )
        if given is not None and served is not None and not _agree(given, served):
            notes.append(f"{base} serves another contract than --contract {contract}, which is what it is judged by")
            raw, served = given, None
        reading = Reading(base=urlsplit(base).path, version=version, served=served is not None)
        found = Contract.parse(raw, reading)
        missing = [label for label in LANDMARKS if label not in found.operations]
        if missing:
            raise TargetError(
                f"{base} is not a Prefect API: its OpenAPI document has no {missing[0]}; pass the base URL of one"
            )
        hidden = probe.hidden(base, found) if served is None else frozenset()
        if hidden:
            notes.append(
                f"{base} keeps {len(hidden)} administrative operations from its users: they are not applicable"
            )
        for setting, off in probe.switched_off(base, found).items():
            notes.append(f"{base} has {len(off)} operations that are not applicable: {setting} is not set there")
            hidden |= off
        if hidden:
            found = Contract.parse(raw, replace(reading, hidden=hidden))
        return Target(base, version, found, raw, tuple(notes), protected)


def added(contract: Contract) -> tuple[str, ...]:
    """What a target promises beyond its release, a line each; nothing where that can't be told."""
    return () if contract.frozen is None else comparison.additions(contract.frozen, contract)


def _agree(one: bytes, other: bytes) -> bool:
    """Whether two documents state the same facts, wherever they place them."""
    first, second = (facts(without_prefix(parse(raw))) for raw in (one, other))
    return first == second


class _Probe:
    """The first questions to a server, each with an answer or a TargetError."""

    def __init__(self, http: httpx.Client, access: Access, gap: float) -> None:
        self._gap = gap
        self._http = http
        self._access = access
        self._redactor = access.redactor()

    def get(self, url: str) -> httpx.Response:
        return self._send("GET", url)

    def _send(self, method: str, url: str, **parts: Any) -> httpx.Response:
        shown = self._redactor.url(url)
        time.sleep(self._gap)
        try:
            response = self._http.request(method, url, **parts)
        except httpx.TransportError as error:
            raise TargetError(self._redactor.text(explain(error, shown, self._access))) from error
        except Excess as error:
            raise TargetError(self._redactor.text(f"{shown} {error}")) from error
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise TargetError(f"what listens at {shown} does not speak HTTP: {error}") from error
        if response.has_redirect_location:
            here, there = urlsplit(url), destination(response)
            if there.netloc and (there.scheme or here.scheme, there.netloc) != (here.scheme, here.netloc):
                place = self._redactor.url(f"{there.scheme or here.scheme}://{there.netloc.rpartition('@')[2]}")
                raise TargetError(
                    f"{shown} redirects to {place}: neither requests nor credentials follow; "
                    "pass --url with that host if you mean it"
                )
        return response

    def let_in(self, base: str) -> bool:
        """Make sure that the target takes the credentials; returns whether it wants CSRF tokens beside them."""
        response = self._query(base)
        protected = csrf.Csrf.is_refused(response)
        if protected:
            token = csrf.Csrf(_BROWSER, self._redactor.learn)
            try:
                asked = token.headers(lambda client: self._token(base, client))
            except TargetTrouble as trouble:
                raise TargetError(
                    f"{self._redactor.url(base)} wants a CSRF token and gives none: {trouble}"
                ) from trouble
            response = self._query(base, dict(asked))
        self._require_let_in(response)
        if response.status_code != httpx.codes.OK:
            self._require_let_in(self.get(f"{base}/health"))
        return protected

    def answers_queries(self, base: str) -> bool:
        """Whether the API is there, seen from what its users may do."""
        response = self._query(base)
        return response.status_code in _REFUSALS or (
            response.status_code == httpx.codes.OK and response.content.lstrip().startswith(b"[")
        )

    def _query(self, base: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self._send("POST", f"{base}{LANDMARK}", json={"limit": 0}, headers=headers)

    def _token(self, base: str, client: str) -> httpx.Response:
        response = self._send("GET", f"{base}/csrf-token", params={"client": client})
        self._require_let_in(response)
        return response

    def _require_let_in(self, response: httpx.Response) -> None:
        if response.status_code in _REFUSALS:
            what = "refuses the credentials given" if self._access.headers else "wants credentials"
            raise TargetError(
                f"{self._redactor.url(str(response.url))} answers {response.status_code}: it {what}; pass good ones "
                "with --token-env, --auth-env or --header-env"
            )

    def healthy(self, base: str) -> bool:
        response = self.get(f"{base}/health")
        return response.status_code == httpx.codes.OK and response.content.strip() == b"true"

    def document(self, base: str) -> tuple[bytes | None, list[str]]:
        """The target's own document, or why there is none."""
        prefix = urlsplit(base).path
        root = base.removesuffix(prefix)
        refused: list[str] = []
        found: list[tuple[bytes, Contract]] = []
        for url in dict.fromkeys((f"{base}/openapi.json", f"{root}/openapi.json")):
            response = self.get(url)
            if response.status_code != httpx.codes.OK:
                refused.append(f"{url} answers {response.status_code}")
                continue
            try:
                contract = Contract.parse(response.content)
            except DocumentError as error:
                refused.append(f"what {url} answers is no OpenAPI document: {error}")
                continue
            if not url.startswith(base) and not self.healthy(base):
                continue
            found.append((response.content, contract))
            if contract.stated_prefix == prefix:
                break
        # Of two documents, the one that places the operations where they are: 2.x serves another below the
        # base URL, which has the prefix in its servers and in its paths both.
        if found:
            return min(found, key=lambda candidate: candidate[1].stated_prefix != prefix)[0], []
        if not self.healthy(base) and not self.answers_queries(base):
            raise TargetError(
                f"{base} is not the base URL of a Prefect API: {base}/health does not answer `true`; "
                "pass one such as http://host:4200/api"
            )
        return None, refused

    def hidden(self, base: str, contract: Contract) -> frozenset[str]:
        """The operations of the target's administration that it does not serve.

        What changes something is not tried: it goes with what can be read beside it.
        """
        affairs = [o for o in contract.operations.values() if o.path.startswith(_OWN_AFFAIRS)]
        kept = {o.label for o in affairs if o.method == "GET" and self._is_kept_away(f"{base}{o.path}")}
        whole = all(o.label in kept for o in affairs if o.method == "GET" and o.path.startswith("/admin/"))
        return frozenset(kept | {o.label for o in affairs if o.method != "GET" and whole})

    def switched_off(self, base: str, contract: Contract) -> Mapping[str, frozenset[str]]:
        """The operations that a Prefect 2 says are not enabled, by the setting that enables them."""
        if not contract.reading.version.startswith("2."):
            return {}
        found: dict[str, frozenset[str]] = {}
        for setting, features in _SWITCHED.items():
            for path, asked in features.items():
                there = frozenset(label for label, o in contract.operations.items() if o.path.startswith(path))
                if there and self._is_off(f"{base}{asked}"):
                    found[setting] = found.get(setting, frozenset()) | there
        return found

    def _is_off(self, url: str) -> bool:
        response = self.get(url)
        return response.status_code == httpx.codes.NOT_FOUND and "not enabled" in response.text

    def _is_kept_away(self, url: str) -> bool:
        return self.get(url).status_code in _KEPT_AWAY

    def version(self, base: str) -> str:
        response = self.get(f"{base}/admin/version")
        try:
            found = response.json() if response.status_code == httpx.codes.OK else None
        except ValueError:
            found = None
        return found if isinstance(found, str) else "unknown"


def parse_url(url: str) -> str:
    """`url` without a trailing slash. Raises TargetError for what is no HTTP URL."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        # What stands before an @ may be a password, whatever the rest is.
        shown = f"…@{url.rpartition('@')[2]}" if "@" in url else url.partition("?")[0]
        raise TargetError(f"--url {shown!r} is not an HTTP URL; pass one such as http://host:4200/api")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise TargetError(
            "--url has something after a `?` or a `#`, which no base URL has; pass what is before it, and credentials "
            "with --token-env, --auth-env or --header-env"
        )
    if parts.username is not None or parts.password is not None:
        raise TargetError(
            "--url has credentials in it, which show in the process list; pass them with --auth-env or --auth-file"
        )
    return url.rstrip("/")
