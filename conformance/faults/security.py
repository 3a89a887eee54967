"""Faults in who is let in, what is told, and where the server goes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx

from conformance.faults.bends import Json, answered, on, response, sent
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream
from conformance.target.access import basic

CREDENTIALS = "conformance:faults-only"
"""What the server behind these faults asks for: a fault has to know it to let a stranger in."""

_AUTHORIZATION = b"authorization"
_CSRF = (b"prefect-csrf-token", b"prefect-csrf-client")

_UNAUTHORIZED = Response.of(401, {"exception_message": "Unauthorized"})
_CHALLENGED = replace(_UNAUTHORIZED, headers=(*_UNAUTHORIZED.headers, (b"www-authenticate", b'Basic realm="api"')))


def _header(request: Request, name: bytes) -> bytes | None:
    return next((value for key, value in request.headers if key.lower() == name), None)


def _with(request: Request, name: bytes, value: bytes) -> Request:
    kept = tuple(header for header in request.headers if header[0].lower() != name)
    return replace(request, headers=(*kept, (name, value)))


def _let_in(request: Request) -> Request:
    return _with(request, _AUTHORIZATION, basic(CREDENTIALS).encode())


def _said(request: Request) -> str | None:
    """The credentials that a request brings, None where they can't be read."""
    try:
        return base64.b64decode((_header(request, _AUTHORIZATION) or b"").partition(b" ")[2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _if_none(request: Request) -> Request:
    return request if _header(request, _AUTHORIZATION) else _let_in(request)


def _if_any(request: Request) -> Request:
    return _let_in(request) if _header(request, _AUTHORIZATION) else request


def _if_it_ends_in_health(request: Request) -> Request:
    return _let_in(request) if request.path.endswith("health") else request


def _if_it_begins_so(request: Request) -> Request:
    return _let_in(request) if (_said(request) or "").startswith(CREDENTIALS) else request


def _by_the_user_alone(request: Request) -> Request:
    return _let_in(request) if _said(request) == CREDENTIALS.partition(":")[0] else request


async def _refuses_what_is_no_text(request: Request, upstream: Upstream) -> Response:
    """What is left of the released servers' trouble: letters outside ASCII are wrong credentials, as any others."""
    said = _said(request)
    return _UNAUTHORIZED if said is not None and not said.isascii() else await upstream(request)


_MALFORMED = "security.credentials-malformed"
_REFUSES = Fault("refuses-all", _MALFORMED, "POST /flows/filter", "wrong is wrong", _refuses_what_is_no_text)


# Cross-site request forgery


class _Forging:
    """Fetches a token for whoever comes without one, or with one that is not theirs."""

    def __init__(self, forgives: Callable[[Request], bool]) -> None:
        self._forgives = forgives

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        if request.method != "GET" and self._forgives(request):
            ask = _let_in(Request("GET", "/csrf-token", "client=forged"))
            token = (await upstream(ask)).json["token"]
            request = _with(_with(request, _CSRF[0], token.encode()), _CSRF[1], b"forged")
        return await upstream(request)


def _lacks_both(request: Request) -> bool:
    return all(_header(request, name) is None for name in _CSRF)


def _has_both(request: Request) -> bool:
    return all(_header(request, name) is not None for name in _CSRF)


# Secrets


def _with_secrets(request: Request) -> Request:
    if request.method == "GET":
        return replace(request, query="include_secrets=true")
    return request.with_json({**(request.json or {}), "include_secrets": True})


def _without_secrets(request: Request) -> Request:
    if request.method == "GET":
        return replace(request, query="")
    return request.with_json({key: value for key, value in request.json.items() if key != "include_secrets"})


async def _echoes_the_data(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    body = request.json
    return answer.with_json({**answer.json, "data": body["data"]}) if answer.is_success else answer


class _Listing:
    """What a patch wrote can be read in clear from then on."""

    def __init__(self) -> None:
        self._data: dict[str, Json] = {}

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        answer = await upstream(request)
        if request.method == "PATCH" and answer.is_success:
            self._data[request.path] = request.json["data"]
        elif request.method == "GET" and request.path in self._data:
            return answer.with_json({**answer.json, "data": self._data[request.path]})
        return answer


def _shows_the_nested_ones(key: str) -> Bend:
    """Only what is inside another object of the data is shown in clear."""

    async def answer_otherwise(request: Request, upstream: Upstream) -> Response:
        answer, clear = await upstream(request), await upstream(_with_secrets(request))
        if not answer.is_success or not clear.is_success:
            return answer
        return answer.with_json(
            [_merged(hidden, shown, key) for hidden, shown in zip(answer.json, clear.json, strict=True)]
            if isinstance(answer.json, list)
            else _merged(answer.json, clear.json, key)
        )

    return answer_otherwise


def _merged(hidden: Json, shown: Json, key: str) -> Json:
    return {**hidden, "data": {**hidden["data"], **{k: v for k, v in shown["data"].items() if k == key}}}


# Elsewhere


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str) and inner.startswith("http"):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


async def _fetches(request: Request, upstream: Upstream) -> Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in _references(request.json):
            await client.get(url)
    return await upstream(request)


class _FetchingLater:
    """What a stored schema refers to is fetched when it is used."""

    def __init__(self) -> None:
        self._kept: list[Json] = []

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        if re.fullmatch("/deployments/[^/]+/create_flow_run", request.path):
            async with httpx.AsyncClient(trust_env=False) as client:
                for url in _references(self._kept):
                    await client.get(url)
        elif request.path == "/deployments/":
            self._kept.append(request.json)
        return await upstream(request)


# Errors

_FRAMES = 'Traceback (most recent call last):\n  File "/srv/app/api/flows.py", line 12, in read\nValueError: flow\n'


def _fails(**body: Any) -> Bend:
    """Where the server refuses a request, it fails with this body."""

    def edited(_: Request, answer: Response) -> Response:
        return answer if answer.is_success else Response.of(500, body)

    return response(edited)


def _names_its_files(request: Request, answer: Response) -> Response:
    if answer.is_success or not isinstance(answer.json, dict):
        return answer
    where = "/usr/local/lib/python3.12/site-packages/fastapi/routing.py"
    return replace(Response.of(answer.status, json.loads(answer.body) | {"raised_in": where}))


_REQUIRED = "security.credentials-required"
_BLOCK_BY_NAME = "GET /block_types/slug/{slug}/block_documents/name/{block_document_name}"

FAULTS = (
    Fault(
        "anyone-may-query",
        _REQUIRED,
        "POST /flows/filter",
        "POST /flows/filter answers without credentials",
        on("POST /flows/filter", sent(_if_none)),
    ),
    Fault(
        "any-password-will-do",
        _REQUIRED,
        "DELETE /flow_runs/{id}",
        "DELETE /flow_runs/{id} takes any credentials",
        on("DELETE /flow_runs/{id}", sent(_if_any)),
    ),
    Fault(
        "stranger-is-told-who-exists",
        _REQUIRED,
        "GET /flows/{id}",
        "a stranger is answered 404 for a member that does not exist",
        on("GET /flows/{id}", response(lambda _, answer: Response.of(404) if answer.status == 401 else answer)),
    ),
    Fault(
        "health-opens-the-door",
        "security.credentials-lookalike",
        "GET /variables/name/{name}",
        "a path that ends in health is open to anyone",
        sent(_if_it_ends_in_health),
    ),
    Fault(
        "beginning-is-enough",
        _MALFORMED,
        "POST /flows/filter",
        "credentials that begin with the right ones are taken for them",
        sent(_if_it_begins_so),
        mend=_REFUSES,
    ),
    Fault(
        "user-is-enough",
        _MALFORMED,
        "POST /flows/filter",
        "the name of the user is enough",
        sent(_by_the_user_alone),
        mend=_REFUSES,
    ),
    Fault(
        "no-challenge",
        "security.credentials-challenge",
        "POST /flows/filter",
        "a 401 answer has no WWW-Authenticate header",
        response(lambda _, answer: _UNAUTHORIZED if answer.status == 401 else answer),
        mend=Fault(
            "challenge",
            "security.credentials-challenge",
            "POST /flows/filter",
            "a 401 answer has a challenge",
            response(lambda _, answer: _CHALLENGED if answer.status == 401 else answer),
        ),
    ),
    Fault(
        "delete-needs-no-token",
        "security.csrf-required",
        "DELETE /flows/{id}",
        "DELETE /flows/{id} needs no CSRF token",
        on("DELETE /flows/{id}", _Forging(_lacks_both)),
    ),
    Fault(
        "any-token-will-do",
        "security.csrf-token",
        "GET /csrf-token",
        "a CSRF token of another client is accepted",
        _Forging(_has_both),
    ),
    Fault(
        "token-is-for-nobody",
        "security.csrf-token",
        "GET /csrf-token",
        "a CSRF token has expired when it is given out",
        on("GET /csrf-token", answered(lambda token: {**token, "expiration": "2020-01-01T00:00:00Z"})),
    ),
    Fault(
        "create-echoes",
        "security.secret-hidden",
        "POST /block_documents/",
        "the answer to the create of a block document shows its secrets",
        on("POST /block_documents/", _echoes_the_data),
    ),
    Fault(
        "patch-uncovers",
        "security.secret-hidden",
        "PATCH /block_documents/{id}",
        "a secret that was patched is shown from then on",
        _Listing(),
    ),
    Fault(
        "listing-shows-secrets",
        "security.secret-hidden",
        "POST /block_documents/filter",
        "the listing of block documents shows secrets in clear",
        on("POST /block_documents/filter", sent(_with_secrets)),
    ),
    Fault(
        "block-shows-its-parts",
        "security.secret-nested",
        "GET /block_documents/{id}",
        "a block shows the secrets of the block that it refers to",
        on("GET /block_documents/{id}", _shows_the_nested_ones("inner")),
    ),
    Fault(
        "dictionary-is-shown",
        "security.secret-wildcard",
        _BLOCK_BY_NAME,
        "the values of a secret dictionary are shown by name",
        on(_BLOCK_BY_NAME, _shows_the_nested_ones("headers")),
    ),
    Fault(
        "include-is-ignored",
        "security.secret-included",
        "GET /block_documents/{id}",
        "include_secrets is ignored",
        on("GET /block_documents/{id}", sent(_without_secrets)),
    ),
    Fault(
        "include-is-ignored-in-a-listing",
        "security.secret-included",
        "POST /block_documents/filter",
        "include_secrets is ignored in the listing",
        on("POST /block_documents/filter", sent(_without_secrets)),
    ),
    Fault(
        "settings-tell",
        "security.settings-obfuscated",
        "GET /admin/settings",
        "GET /admin/settings shows the server's auth_string",
        on("GET /admin/settings", answered(lambda found: {**found, "auth_string": CREDENTIALS})),
    ),
    Fault(
        "schema-is-fetched",
        "security.no-remote-fetch",
        "POST /deployments/",
        "the server fetches what a parameter schema refers to",
        on("POST /deployments/", _fetches),
    ),
    Fault(
        "schema-is-fetched-later",
        "security.no-remote-fetch",
        "POST /deployments/{id}/create_flow_run",
        "the server fetches what a parameter schema refers to when a run is made",
        _FetchingLater(),
    ),
    Fault(
        "failure-shows-the-stack",
        "security.no-internals",
        "POST /flows/filter",
        "a 500 answer shows the stack trace",
        on("POST /flows/filter", _fails(exception_message=_FRAMES)),
    ),
    Fault(
        "refusal-names-files",
        "security.no-internals",
        "GET /flows/{id}",
        "a 422 answer names a file of the server's program",
        on("GET /flows/{id}", response(_names_its_files)),
    ),
)
