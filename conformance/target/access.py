"""How the target is reached: what is sent to it, whom it is trusted by, and what of that must never be told."""

from __future__ import annotations

import base64
import os
import ssl
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field

from conformance import __version__
from conformance.errors import TargetError
from conformance.settings import Settings
from conformance.target.bounds import BoundedClient, Overlong
from conformance.target.redaction import Redactor, is_secret_header

USER_AGENT = f"prefect-conformance/{__version__}"

TIMEOUT = httpx.Timeout(30.0, connect=10.0, read=75.0)
"""Seconds. On SQLite, Prefect waits for a lock for 60 of them before it says that it is busy: that is no silence."""

_KEEP_ALIVE = 2.0
"""Seconds that an idle connection is kept: servers close theirs after five, and a request must not meet that."""

_HARMLESS = 8
"""A value of a plain header is kept out of reports from this length on: shorter ones (`true`) would blot out others."""


class Access(BaseModel):
    """The headers of every request, and what TLS needs.

    It is handed from process to process as it is, over pipes: environment variables and files are read once, since
    a file may be one that can be read only once. It is written nowhere.
    `secrets` are the values that no report may show. `own`: the target runs on this machine for this run alone, so
    that no proxy stands before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    headers: dict[str, str] = Field(default={}, repr=False)
    secrets: tuple[str, ...] = Field(default=(), repr=False)
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    own: bool = False

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What connections by TLS are made with. Raises TargetError where a file of it can't be used."""
        try:
            context = (
                httpx.create_ssl_context()
                if self.authority is None
                else ssl.create_default_context(cafile=str(self.authority))
            )
        except (OSError, ssl.SSLError) as error:
            raise TargetError(f"--ca {self.authority}: {_why(error)}; it must hold certificates in PEM form") from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
            except (OSError, ssl.SSLError, ValueError) as error:
                named = f"--client-cert {self.certificate}" + (f" --client-key {self.key}" if self.key else "")
                raise TargetError(
                    f"{named}: {_why(error)}; a certificate and its key are needed, both in PEM form and not encrypted"
                ) from error
        return context

    def client(self) -> BoundedClient:
        """A new pool of connections. Redirects are answers: nothing, credentials least of all, follows them."""
        return BoundedClient(
            headers={**self.headers, "user-agent": USER_AGENT},
            timeout=TIMEOUT,
            verify=self.tls,
            trust_env=not self.own,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=100, keepalive_expiry=_KEEP_ALIVE),
        )

    def redactor(self, more: Iterable[str] = ()) -> Redactor:
        """Keeps the secrets of this access, and `more`, out of any text."""
        return Redactor([*self.secrets, *more])


def read(settings: Settings) -> Access:
    """The access that the settings describe, secrets read from where they are.

    Raises TargetError, with one line that never shows a value, for what can't be used.
    """
    if settings.url is None:
        if named := options(settings):
            raise TargetError(f"{named[0]} needs --url: a server that the suite starts itself asks for no credentials")
        return Access(headers=parse_headers(settings.headers), secrets=_plain(settings), own=True)
    headers = parse_headers(settings.headers)
    secrets = [*_plain(settings)]
    bearers = [_variable("--token-env", name) for name in (settings.token_env,) if name]
    bearers += [_file("--token-file", path) for path in (settings.token_file,) if path]
    basics = [_variable("--auth-env", name) for name in (settings.auth_env,) if name]
    basics += [_file("--auth-file", path) for path in (settings.auth_file,) if path]
    if len(bearers) + len(basics) > 1:
        raise TargetError("--token-env, --token-file, --auth-env and --auth-file exclude each other: give one of them")
    found: list[tuple[str, str]] = [("Authorization", f"Bearer {token}") for token in bearers]
    for credentials in basics:
        user, colon, password = credentials.partition(":")
        if not (colon and user and password):
            raise TargetError("--auth-env and --auth-file want credentials of the form user:password")
        secrets += [credentials, password]
        found.append(("Authorization", basic(credentials)))
    found += _named("--header-env", settings.header_env, _variable)
    found += _named("--header-file", settings.header_file, lambda option, place: _file(option, Path(place)))
    for name, value in found:
        if name.lower() in map(str.lower, headers):
            raise TargetError(f"the header {name} is given twice")
        headers[name] = _fit(name, value)
        secrets.append(value)
    if settings.client_key is not None and settings.client_cert is None:
        raise TargetError("--client-key needs --client-cert")
    access = Access(
        headers=headers,
        secrets=tuple(secrets) + _proxy_passwords(),
        authority=settings.ca,
        certificate=settings.client_cert,
        key=settings.client_key,
    )
    access.tls  # noqa: B018 - bad files are said before anything is asked
    return access


def parse_headers(lines: tuple[str, ...]) -> dict[str, str]:
    """The headers of `--header 'NAME: VALUE'`. Raises TargetError for a line that is none; never prints a value.

    One that carries a secret by its name is refused: everybody on the machine sees the command line.
    """
    headers: dict[str, str] = {}
    for line in lines:
        name, value = _halves("--header", "VALUE", line)
        if is_secret_header(name):
            raise TargetError(
                f"--header {name}: its value would show in the process list; "
                f"pass it with --header-env '{name}: VARIABLE', --header-file '{name}: FILE', "
                "--token-env, --token-file, --auth-env or --auth-file"
            )
        headers[name] = _fit(name, value)
    return headers


def basic(credentials: str) -> str:
    """The value of an Authorization header (RFC 7617) for `user:password`."""
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def explain(error: httpx.RequestError, shown: str, access: Access) -> str:
    """What a broken connection to `shown` (a URL without secrets) means, on one line, and what can be done."""
    detail = " ".join(str(error).split()) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in detail or "certificate verify failed" in detail:
        reason = detail.partition("certificate verify failed:")[2].partition("(_ssl")[0].strip() or detail
        return f"the certificate of {shown} doesn't verify: {reason}; name the authority that signed it with --ca FILE"
    if "alert" in detail.lower() and "certificate" in detail.lower():
        given = "refuses the client certificate" if access.certificate else "wants a client certificate (--client-cert)"
        return f"{shown} {given}: {detail}"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy before {shown} refuses: {detail}; see HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
    if isinstance(error, httpx.ConnectError):
        return f"nothing answers at {shown}: {detail}; is the server running?"
    if isinstance(error, httpx.TimeoutException):
        return f"{shown} {error}" if isinstance(error, Overlong) else f"{shown} does not answer in {TIMEOUT.read:.0f} s"
    return f"what listens at {shown} does not speak HTTP: {detail}"


def destination(response: httpx.Response) -> SplitResult:
    """Where a redirect leads, as it says; an empty place where that can't be read."""
    try:
        return urlsplit(response.headers["location"])
    except ValueError:
        return urlsplit("")


def options(settings: Settings) -> list[str]:
    """The options that name the settings' credentials: places, and no values."""
    given: Mapping[str, Any] = {
        "--token-env": settings.token_env,
        "--token-file": settings.token_file,
        "--auth-env": settings.auth_env,
        "--auth-file": settings.auth_file,
        "--header-env": settings.header_env,
        "--header-file": settings.header_file,
        "--ca": settings.ca,
        "--client-cert": settings.client_cert,
        "--client-key": settings.client_key,
    }
    found: list[str] = []
    for option, value in given.items():
        for place in value if isinstance(value, tuple) else [value] if value else []:
            found += [option, str(place)]
    return found


def _plain(settings: Settings) -> tuple[str, ...]:
    return tuple(value for value in parse_headers(settings.headers).values() if len(value) >= _HARMLESS)


def _named(option: str, lines: Iterable[str], read: Callable[[str, str], str]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        name, place = _halves(option, "FILE" if option.endswith("file") else "VARIABLE", line)
        found.append((name, read(option, place)))
    return found


def _halves(option: str, what: str, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not name or not value or not name.isascii() or any(c.isspace() for c in name):
        raise TargetError(f"{option} needs the form 'NAME: {what}'")
    return name, value


def _variable(option: str, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        # What is no name of a variable may be the secret itself, in the wrong place.
        shown = name if name.isidentifier() else "…"
        raise TargetError(f"{option} {shown}: there is no such environment variable, or it is empty")
    return _secret(f"{option} {name}", value)


def _file(option: str, path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise TargetError(f"{option} {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise TargetError(f"{option} {path}: it is not UTF-8 text") from error
    # The one line end that every editor puts at the end of a file.
    return _secret(f"{option} {path}", text.removesuffix("\n").removesuffix("\r"))


def _secret(where: str, value: str) -> str:
    if not value.strip():
        raise TargetError(f"{where}: it is empty")
    if not value.isprintable() or value != value.strip():
        raise TargetError(f"{where}: it has a line break, a blank at an end, or another character that no header has")
    return value


def _fit(name: str, value: str) -> str:
    if not (value.isprintable() and value.isascii()):
        raise TargetError(f"the header {name} has a value with characters that no header may have")
    return value


def _proxy_passwords() -> tuple[str, ...]:
    """The passwords in the addresses of the environment's proxies."""
    parts = [urlsplit(address) for address in urllib.request.getproxies().values()]
    found = [part.password for part in parts if part.password]
    pairs = [f"{part.username}:{part.password}" for part in parts if part.password]
    return tuple(dict.fromkeys([*found, *map(unquote, found), *map(unquote, pairs)]))


def _no_password() -> bytes:
    raise ValueError("the key is encrypted")


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
