"""The servers that ask who is asking: the target itself, or one that the run has started beside it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.contract import Contract
from conformance.suite.outcome import CouldNotRun
from conformance.target import Client, Guarded, csrf
from conformance.target.access import basic

AUTHORIZATION = "Authorization"
CSRF_TOKEN = csrf.TOKEN
CSRF_CLIENT = csrf.CLIENT
CSRF = csrf.OPERATION

_WRONG = "not-the-password"

_PATIENCE = 120.0
"""Seconds for the server beside the target to come up. It is started before the first check, and there by then."""


@dataclass(frozen=True)
class Guard:
    """A server that asks: `client` is let in. `own`: it is this run's alone, so that it may come to harm."""

    client: Client
    own: bool


class Guards:
    """Finds the server that a rule about credentials, or about CSRF tokens, is judged on; None where there is none.

    The target comes first: where the run was given credentials for it, or it asks for CSRF tokens.
    `name` is what this process calls itself when it asks for a token: a client's new token ends its former one.
    """

    def __init__(self, client: Client, contract: Contract, beside: Guarded | None, exclusive: bool, name: str) -> None:
        self._name = name
        self._target = Guard(client, exclusive)
        self._contract = contract
        self._told = beside
        self._clients: dict[tuple[tuple[str, str], ...], Client] = {}

    @cached_property
    def authenticating(self) -> Guard | None:
        """The one that asks for credentials."""
        if authorization(self._target.client.headers) is not None:
            return self._target
        return self._beside if self._told is not None and self._told.basic_auth else None

    @cached_property
    def against_forgery(self) -> Guard | None:
        """The one that asks for CSRF tokens."""
        if CSRF not in self._contract.operations:
            return None
        if self._target.client.request("GET", "/csrf-token", params={"client": self._name}).is_success:
            return self._target
        return self._beside if self._told is not None else None

    def another(self, guard: Guard, without: Iterable[str] = (), headers: Mapping[str, str] | None = None) -> Client:
        """A client of the same server that sends none of the headers `without`, and `headers` beside the others."""
        left_out = {name.lower() for name in (*without, *(headers or {}))}
        kept = {name: value for name, value in guard.client.headers.items() if name.lower() not in left_out}
        return self._client(guard.client.base_url, {**kept, **(headers or {})})

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    @cached_property
    def _beside(self) -> Guard:
        assert self._told is not None
        self._told.wait(_PATIENCE)
        headers = dict(self._told.headers)
        if CSRF in self._contract.operations:
            asking = self._client(self._told.url, headers)
            answer = asking.request("GET", "/csrf-token", params={"client": self._name})
            token = answer.json().get("token") if answer.is_success else None
            if not token:
                raise CouldNotRun(f"a server with CSRF protection gives no token: it answers {answer.status_code}")
            headers |= {CSRF_CLIENT: self._name, CSRF_TOKEN: token}
        return Guard(self._client(self._told.url, headers), own=True)

    def _client(self, url: str, headers: Mapping[str, str]) -> Client:
        key = (("", url), *sorted(headers.items()))
        if key not in self._clients:
            self._clients[key] = self._target.client.another(url, headers)
        return self._clients[key]


def authorization(headers: Mapping[str, str]) -> str | None:
    """The value of the Authorization header, None where there is none."""
    return next((value for name, value in headers.items() if name.lower() == AUTHORIZATION.lower()), None)


def secret_of(value: str) -> str:
    """What is secret in the value of an Authorization header: a token, or the `user:password` of Basic."""
    scheme, _, credentials = value.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pass
    return credentials or scheme


def wrong(value: str) -> str:
    """An Authorization header of the same form whose credentials are wrong."""
    secret = secret_of(value)
    return _formed(value, f"{secret.partition(':')[0]}:{_WRONG}" if _is_basic(value) else _WRONG)


def mangled(value: str) -> Mapping[str, str]:
    """Authorization headers that are nearly right, or none at all: what each is -> the header's value."""
    secret = secret_of(value)
    user, colon, _ = secret.partition(":")
    scheme, gap, credentials = value.partition(" ")
    found = {
        "a beginning of the secret": _formed(value, secret[:-1]),
        "the secret and more": _formed(value, f"{secret}x"),
        "another scheme": f"Digest {credentials or value}",
    }
    if colon:
        found["the user alone"] = _formed(value, user)
    if gap:
        found["the scheme alone"] = scheme
        found["no text"] = f"{scheme} !"
    if _is_basic(value):
        found["bytes that are no text"] = f"{scheme} {base64.b64encode(bytes([0xFF, 0xFE])).decode()}"
        found["letters outside ASCII"] = _formed(value, f"{user}:ä")
    return found


def _is_basic(value: str) -> bool:
    return value.partition(" ")[0].lower() == "basic"


def _formed(value: str, secret: str) -> str:
    """Another secret in the form of the header `value`."""
    if _is_basic(value):
        return basic(secret)
    scheme, gap, _ = value.partition(" ")
    return f"{scheme} {secret}" if gap else secret
