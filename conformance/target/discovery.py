"""Finding the API behind a URL: whether anything is there, whether it is Prefect's, its release, its contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from conformance.contract import Contract, DocumentError
from conformance.errors import TargetError
from conformance.target.client import TIMEOUT, USER_AGENT
from conformance.target.redaction import Redactor

LANDMARKS = ("POST /flows/filter", "POST /flow_runs/", "POST /deployments/")
"""Operations that every generation of the API has had: a document without one of them is not Prefect's."""


@dataclass(frozen=True)
class Target:
    """A recognised server: the base URL of its API, its release ("unknown" where it does not say), its contract.

    `raw` is the document as it came, for whoever needs the contract in another process. `notes` are
    things that the user should know, a line each.
    """

    url: str
    version: str
    contract: Contract
    raw: bytes
    notes: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """The path of the base URL: `/api`."""
        return urlsplit(self.url).path


def discover(url: str, headers: Mapping[str, str]) -> Target:
    """Look at the server at `url`, the base URL of an API. Raises TargetError with one line otherwise.

    The document is looked for below the base URL first, where every release since 3.0 serves the right
    one, and then at the root, where the earlier ones have their only one.
    """
    base = parse_url(url)
    with httpx.Client(headers={**headers, "user-agent": USER_AGENT}, timeout=TIMEOUT, follow_redirects=False) as http:
        probe = _Probe(http, Redactor(headers.values()))
        notes: list[str] = []
        if not probe.healthy(base) and probe.healthy(f"{base}/api"):
            notes.append(f"{base} is not the base URL of the API; using {base}/api, which is")
            base = f"{base}/api"
        raw, contract = probe.document(base)
        missing = [label for label in LANDMARKS if label not in contract.operations]
        if missing:
            raise TargetError(
                f"{base} is not a Prefect API: its OpenAPI document has no {missing[0]}; pass the base URL of one"
            )
        return Target(base, probe.version(base), contract, raw, tuple(notes))


class _Probe:
    """The first questions to a server, each with an answer or a TargetError."""

    def __init__(self, http: httpx.Client, redactor: Redactor) -> None:
        self._http = http
        self._redactor = redactor

    def get(self, url: str) -> httpx.Response:
        shown = self._redactor.url(url)
        try:
            response = self._http.get(url)
        except httpx.ConnectError as error:
            raise TargetError(f"nothing answers at {shown}: {error}; is the server running?") from error
        except httpx.TimeoutException as error:
            raise TargetError(f"{shown} does not answer within {TIMEOUT.read:.0f} s") from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            detail = str(error) or type(error).__name__
            raise TargetError(f"what listens at {shown} does not speak HTTP: {detail}") from error
        if response.status_code in (401, 403):
            raise TargetError(
                f"{shown} answers {response.status_code}: it wants credentials, or refuses the ones given; "
                "pass them with --header 'Authorization: …'"
            )
        return response

    def healthy(self, base: str) -> bool:
        response = self.get(f"{base}/health")
        return response.status_code == httpx.codes.OK and response.content.strip() == b"true"

    def document(self, base: str) -> tuple[bytes, Contract]:
        root = base.removesuffix(urlsplit(base).path)
        prefix = urlsplit(base).path
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
            return min(found, key=lambda candidate: candidate[1].stated_prefix != prefix)
        if not self.healthy(base):
            raise TargetError(
                f"{base} is not the base URL of a Prefect API: {base}/health does not answer `true`; "
                "pass one such as http://host:4200/api"
            )
        raise TargetError(f"{base} has no OpenAPI document to make checks from: {'; '.join(refused)}")

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
        raise TargetError(f"--url {url!r} is not an HTTP URL; pass one such as http://host:4200/api")
    return url.rstrip("/")


def parse_headers(lines: tuple[str, ...]) -> dict[str, str]:
    """The headers of `--header 'NAME: VALUE'`. Raises TargetError for a line that is none; never prints a value."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not name or not value or not name.isascii() or any(c.isspace() for c in name):
            raise TargetError("--header needs the form 'NAME: VALUE'")
        if not value.isprintable() or not value.isascii():
            raise TargetError(f"--header {name}: the value has characters that no header may have")
        headers[name] = value
    return headers
