"""Security: who is let in, what is never told, and where the server never goes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from conformance.contract import Contract, Operation
from conformance.resources.base import documented
from conformance.suite import remote_schemas, secret_blocks
from conformance.suite.check import Subjects, check
from conformance.suite.fuzz.aim import CHANGES_THE_SERVER, EXTRA_CARE
from conformance.suite.fuzz.patience import send
from conformance.suite.guards import (
    AUTHORIZATION,
    CSRF,
    CSRF_CLIENT,
    CSRF_TOKEN,
    Guard,
    Guards,
    authorization,
    mangled,
    secret_of,
    wrong,
)
from conformance.suite.listener import Listener, is_here
from conformance.suite.operands import NOBODY
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.suite.secret_blocks import SecretBlock
from conformance.suite.subjects import every_operation
from conformance.target import Client
from conformance.world import World

_OPEN = frozenset({"GET /health", "GET /ready", "GET /version"})
"""Operations for probes, which may be open to anyone."""

_QUERY = "POST /flows/filter"
"""An operation that every generation has and that any client calls."""


def only(*labels: str) -> Subjects:
    """Those of the operations that the contract has."""
    return lambda contract: {label: contract.operations[label] for label in labels if label in contract.operations}


def _send(client: Client, operation: Operation, path: str | None = None) -> httpx.Response:
    """Call an operation on nobody, so that it does no harm even where it should not have been done."""
    return client.request(operation.method, path or _nobody(operation), _harmless(operation))


def _harmless(operation: Operation) -> Any:
    """A body that is of no type that an operation takes; None where it takes none.

    A bulk operation gets a good one that finds nobody, since it would take a missing filter for all there is.
    """
    if operation.path.startswith("/admin/database/"):
        return {"confirm": False}
    if operation.body is None:
        return None
    bulk = re.fullmatch(r"/(\w+)/bulk_\w+", operation.path)
    return {bulk[1]: {"id": {"any_": [NOBODY]}}} if bulk else 0


def _nobody(operation: Operation) -> str:
    """The path of a member that does not exist."""
    return operation.fill(dict.fromkeys(operation.placeholders, NOBODY))


def _leave_shared_settings_alone(operation: Operation, own: bool) -> None:
    if operation.label in CHANGES_THE_SERVER and not own:
        raise NotApplicable("shared-server")


# Credentials


def _authenticating(guards: Guards) -> tuple[Guard, str]:
    """The server that asks for credentials, and the Authorization header that it takes."""
    guard = guards.authenticating
    given = authorization(guard.client.headers) if guard else None
    if guard is None or given is None:
        raise NotApplicable("unguarded")
    return guard, given


@check("security.credentials-required", on=every_operation)
def test_a_stranger_is_refused(subject: Operation, guards: Guards) -> None:
    if subject.label in _OPEN:
        raise NotApplicable("open")
    guard, given = _authenticating(guards)
    _leave_shared_settings_alone(subject, guard.own)
    strangers = {
        "without credentials": guards.another(guard, without=[AUTHORIZATION]),
        "with wrong credentials": guards.another(guard, headers={AUTHORIZATION: wrong(given)}),
    }
    answers = {who: _send(client, subject) for who, client in strangers.items()}
    _require_refused(httpx.codes.UNAUTHORIZED, answers)


def named_members(contract: Contract) -> Mapping[str, Operation]:
    """The operations that read a member by a name: those whose path ends in a text."""
    found = {}
    for label, operation in contract.operations.items():
        last = operation.segments[-1] if operation.segments else ""
        spec = next((p.schema for p in operation.parameters if p.where == "path" and f"{{{p.name}}}" == last), None)
        if operation.method == "GET" and spec is not None and spec.get("type") == "string" and "format" not in spec:
            found[label] = operation
    return found


@check("security.credentials-lookalike", on=named_members)
def test_a_name_like_an_open_path_is_not_open(subject: Operation, guards: Guards) -> None:
    guard, _ = _authenticating(guards)
    stranger = guards.another(guard, without=[AUTHORIZATION])
    last = subject.placeholders[-1]
    answers = {}
    for name in ("health", "ready", "version", "system-health", "already"):
        path = subject.fill({**dict.fromkeys(subject.placeholders, "conformance"), last: name})
        answers[path] = _send(stranger, subject, path)
    _require_refused(httpx.codes.UNAUTHORIZED, answers)


@check("security.credentials-malformed", on=only(_QUERY))
def test_credentials_that_are_nearly_right_are_wrong(subject: Operation, guards: Guards) -> None:
    guard, given = _authenticating(guards)
    answers = {
        what: guards.another(guard, headers={AUTHORIZATION: value}).request(subject.method, subject.path, {"limit": 0})
        for what, value in mangled(given).items()
    }
    _require_refused(httpx.codes.UNAUTHORIZED, answers)


@check("security.credentials-challenge", on=only(_QUERY))
def test_a_401_says_how_to_authenticate(subject: Operation, guards: Guards) -> None:
    guard, _ = _authenticating(guards)
    stranger = guards.another(guard, without=[AUTHORIZATION])
    response = stranger.request(subject.method, subject.path, {"limit": 0})
    if response.status_code != httpx.codes.UNAUTHORIZED:
        raise CouldNotRun(f"a stranger is answered {response.status_code}, so that there is no 401 to look at")
    if not response.headers.get("www-authenticate", "").strip():
        raise Violation(
            "a 401 answer has no WWW-Authenticate header",
            expected={"www-authenticate": "Basic …"},
            observed=dict(response.headers),
        )


def _require_refused(status: int, answers: Mapping[str, httpx.Response]) -> None:
    """Raise Violation, with a finding for each, unless all answers have `status`."""
    other = {what: response for what, response in answers.items() if response.status_code != status}
    if other:
        raise Violation(
            "; ".join(f"{what}: {response.status_code}" for what, response in other.items()),
            expected=status,
            observed={what: response.text[:200] for what, response in other.items()},
            findings=tuple(f"{what}: {response.status_code}" for what, response in other.items()),
        )


# Cross-site request forgery


def changing(contract: Contract) -> Mapping[str, Operation]:
    """The operations that a token protects: all but those by GET."""
    methods = ("POST", "PUT", "PATCH", "DELETE")
    protected = CSRF in contract.operations
    return {
        label: operation
        for label, operation in contract.operations.items()
        if protected and operation.method in methods
    }


def _protected(guards: Guards) -> Guard:
    guard = guards.against_forgery
    if guard is None:
        raise NotApplicable("unprotected")
    return guard


@check("security.csrf-required", on=changing)
def test_a_request_without_a_csrf_token_is_refused(subject: Operation, guards: Guards) -> None:
    guard = _protected(guards)
    _leave_shared_settings_alone(subject, guard.own)
    forger = guards.another(guard, without=[CSRF_TOKEN, CSRF_CLIENT])
    _require_refused(httpx.codes.FORBIDDEN, {"without a token": _send(forger, subject)})


@check("security.csrf-token", on=only(CSRF))
def test_a_csrf_token_serves_its_client(subject: Operation, guards: Guards, world: World) -> None:
    guard = _protected(guards)
    mine, other = (world.workshop.name("browser") for _ in range(2))
    tokens = {client: _token(guard, subject, client) for client in (mine, other)}
    allowed = _with_token(guards, guard, mine, tokens[mine])
    if not allowed.is_success:
        raise Violation(
            "a request with the right token is refused",
            expected="2xx",
            observed=f"{allowed.status_code}: {allowed.text}",
        )
    _require_refused(
        httpx.codes.FORBIDDEN,
        {
            "another client's token": _with_token(guards, guard, mine, tokens[other]),
            "a client without a token": _with_token(guards, guard, world.workshop.name("browser"), tokens[mine]),
            "a token that is cut off": _with_token(guards, guard, mine, tokens[mine][:-1]),
            "no client": _with_token(guards, guard, None, tokens[mine]),
            "no token": _with_token(guards, guard, mine, None),
        },
    )


def _token(guard: Guard, operation: Operation, client: str) -> str:
    """A token for `client`. Raises Violation where the answer is not one."""
    response = guard.client.request(operation.method, operation.path, params={"client": client})
    answer = response.json() if response.is_success else {}
    given, expires = answer.get("token"), answer.get("expiration")
    if not given or answer.get("client") != client or not expires:
        raise Violation(
            "no token is given to a client that asks for one",
            expected={"token": "…", "client": client, "expiration": "…"},
            observed=f"{response.status_code}: {response.text[:300]}",
        )
    ends = datetime.fromisoformat(expires)
    if (ends if ends.tzinfo else ends.replace(tzinfo=UTC)) <= datetime.now(UTC):
        raise Violation("a new token has expired already", expected="an expiration to come", observed=expires)
    return str(given)


def _with_token(guards: Guards, guard: Guard, client: str | None, token: str | None) -> httpx.Response:
    headers = {name: value for name, value in ((CSRF_CLIENT, client), (CSRF_TOKEN, token)) if value is not None}
    sender = guards.another(guard, without=[CSRF_TOKEN, CSRF_CLIENT], headers=headers)
    return sender.request("POST", "/flows/filter", {"limit": 0})


# Secrets

_CREATE = "POST /block_documents/"
_UPDATE = "PATCH /block_documents/{id}"
_BY_ID = "GET /block_documents/{id}"
_FILTER = "POST /block_documents/filter"
_OF_TYPE = "GET /block_types/slug/{slug}/block_documents"
_BY_NAME = "GET /block_types/slug/{slug}/block_documents/name/{block_document_name}"

showing = only(_CREATE, _BY_ID, _FILTER, _OF_TYPE, _BY_NAME)


@check("security.secret-hidden", on=only(_CREATE, _UPDATE, _BY_ID, _FILTER, _OF_TYPE, _BY_NAME))
def test_a_secret_is_hidden(subject: Operation, client: Client, world: World) -> None:
    block = secret_blocks.plain(world.workshop)
    if subject.label != _UPDATE:
        _require_hidden(block, _shown(subject, block, client))
        return
    changed = world.workshop.name("hush")
    answer, after = _patched(block, changed, client, world)
    _require_hidden(block, after, changed)
    if any(secret in answer for secret in (block.secret, changed)):
        raise Violation("the answer to a PATCH shows a secret in clear", observed=answer)


@check("security.secret-nested", on=showing)
def test_a_nested_secret_is_hidden(subject: Operation, client: Client, world: World) -> None:
    for make in (secret_blocks.referring, secret_blocks.holding):
        block = make(world.workshop)
        _require_hidden(block, _shown(subject, block, client))


@check("security.secret-wildcard", on=showing)
def test_a_secret_dictionary_is_hidden(subject: Operation, client: Client, world: World) -> None:
    schemas = world.workshop.send("POST /block_schemas/filter", {"limit": 200})
    named = [name for schema in schemas for name in schema["fields"].get("secret_fields", ())]
    if not any("*" in name for name in named):
        raise NotApplicable("no-wildcard")
    block = secret_blocks.dictionary(world.workshop)
    _require_hidden(block, _shown(subject, block, client))


def including(contract: Contract) -> Mapping[str, Operation]:
    """The operations that can be asked to include secrets."""
    return {
        label: operation
        for label, operation in contract.operations.items()
        if label in (_BY_ID, _FILTER, _OF_TYPE, _BY_NAME)
        and ("include_secrets" in contract.body_properties(label) or _takes_secrets(operation))
    }


@check("security.secret-included", on=including)
def test_secrets_are_included_on_request(subject: Operation, client: Client, world: World) -> None:
    for make in (secret_blocks.plain, secret_blocks.referring):
        block = make(world.workshop)
        expected = block.secret
        if make is secret_blocks.plain:
            expected = world.workshop.name("hush")
            _patched(block, expected, client, world)
        answer = _shown(subject, block, client, include=True)
        if expected not in answer:
            raise Violation("the secret is not included, though it was asked for", expected=expected, observed=answer)


def _takes_secrets(operation: Operation) -> bool:
    return any(p.where == "query" and p.name == "include_secrets" for p in operation.parameters)


def _shown(operation: Operation, block: SecretBlock, client: Client, *, include: bool = False) -> str:
    """The text in which an operation shows the block document. Raises Violation where it does not show it."""
    if operation.label == _CREATE:
        return json.dumps(block.created)
    body: Any = None
    if operation.label == _FILTER:
        body = {"block_documents": {"block_type_id": {"any_": [block.type_id]}}}
        body |= {"include_secrets": True} if include else {}
        path = operation.path
    else:
        values = {"slug": block.slug, "block_document_name": block.created["name"], "id": block.created["id"]}
        path = operation.fill({name: values[name] for name in operation.placeholders})
    params = {"include_secrets": "true"} if include and body is None else None
    response = client.request(operation.method, path, body, params=params)
    if not response.is_success or block.visible not in response.text:
        raise Violation(
            "the block document is not shown",
            expected=block.visible,
            observed=f"{response.status_code}: {response.text}",
        )
    return response.text


def _patched(block: SecretBlock, secret: str, client: Client, world: World) -> tuple[str, str]:
    """Write another secret into the document; the text of the answer, and of the document read by its id after it."""
    patch = {"data": secret_blocks.login(block.visible, secret), "merge_existing_data": False}
    answer = client.request(
        "PATCH", f"/block_documents/{block.created['id']}", documented(world.workshop, _UPDATE, patch)
    )
    if not answer.is_success:
        raise Violation("a secret can't be changed", expected="2xx", observed=f"{answer.status_code}: {answer.text}")
    return answer.text, _shown(world.workshop.contract.operations[_BY_ID], block, client)


def _require_hidden(block: SecretBlock, text: str, *others: str) -> None:
    if any(secret in text for secret in (block.secret, *others)):
        raise Violation("a secret is shown in clear", expected="masked", observed=text)


@check("security.settings-obfuscated", on=only("GET /admin/settings"))
def test_the_settings_show_no_secret(subject: Operation, guards: Guards) -> None:
    guard, given = _authenticating(guards)
    response = guard.client.request(subject.method, subject.path)
    if not response.is_success:
        raise CouldNotRun(f"{subject.label} answers {response.status_code}")
    secret = secret_of(given)
    password = secret.partition(":")[2]
    if secret in response.text or (password and f'"{password}"' in response.text):
        raise Violation("the settings show the credentials in clear", expected="masked", observed="(they are in it)")


# What a document refers to


@check("security.no-remote-fetch", on=remote_schemas.taking_schemas)
def test_a_schema_makes_the_server_fetch_nothing(subject: Operation, client: Client, world: World) -> None:
    if not is_here(client.base_url):
        raise NotApplicable("remote-target")
    _, prepare = remote_schemas.TAKING[subject.label]
    with Listener() as listener:
        for schema in remote_schemas.schemas(listener.url):
            for send in prepare(world, schema):
                before = listener.connections
                send()
                if listener.connections > before:
                    raise Violation(
                        "the server fetches what a schema refers to",
                        expected="no connection",
                        observed={"connections": listener.connections - before, "schema": schema},
                    )


# What an error tells

_INTERNALS = (
    re.compile(r"Traceback \(most recent call last\)"),
    re.compile(r"File \\?\"[^\"\s]+\", line \d+"),
    re.compile(r"[\w./\\-]+/(?:site|dist)-packages/[\w./-]+"),
    re.compile(r"[\w./-]*/lib/python\d[\w./-]*"),
    re.compile(r"(?:/[\w.-]+){2,}\.py\b"),
)
"""A stack trace, a frame of one, and where a Python program's files lie."""

_ODD = "\x00%\"'"
"""What no member is called."""

_HUGE = 2**70
"""An offset that no database can count to."""


@check("security.no-internals", on=every_operation)
def test_an_error_shows_no_internals(subject: Operation, client: Client, contract: Contract, world: World) -> None:
    _leave_shared_settings_alone(subject, world.exclusive)
    harmless = _harmless(subject)
    content = b"" if harmless is None else json.dumps(harmless).encode()
    asked: list[tuple[str, bytes]] = []
    if subject.placeholders:
        asked.append((_nobody(subject), content))
        asked.append((subject.fill(dict.fromkeys(subject.placeholders, _ODD)), content))
    # Of a bulk operation, a server that makes nothing of such a body might do it to all there is.
    if subject.body is not None and subject.label not in EXTRA_CARE:
        asked.append((_nobody(subject), b'{"conformance": '))
    query = contract.queries.get(subject.label)
    if query is not None and subject.label.endswith("/filter") and "offset" in query.properties:
        asked.append((_nobody(subject), json.dumps({"offset": _HUGE, "limit": 1}).encode()))
    for path, body in asked or [(_nobody(subject), content)]:
        headers = {"content-type": "application/json"} if body else {}
        exchange = send(client, world, subject.method, client.base_url + path, body, headers)
        if httpx.codes.is_success(exchange.status):
            continue
        text = exchange.response_body.decode("utf-8", "replace")
        for pattern in _INTERNALS:
            if found := pattern.search(text):
                raise Violation(
                    "an error shows the inside of the server",
                    expected="what is wrong with the request",
                    observed=f"{exchange.status}: …{text[max(0, found.start() - 60) :][:400]}",
                )
