"""Credentials: where they are read from, where they go, and what is said of bad ones."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from conformance.contract import Contract
from conformance.contract.document import parse
from conformance.data import fixtures
from conformance.errors import TargetError
from conformance.plugin import options
from conformance.settings import Settings
from conformance.target import Access, Client, Csrf, Journal, discover
from conformance.target.access import read

URL = "http://127.0.0.1:9/api"
SECRET = "s3same+/open~"
CONTRACT = Contract(parse((fixtures() / "contracts" / "prefect-3.9.1.json").read_bytes()))

Answer = tuple[int, dict[str, str], bytes]
Asked = tuple[str, str, dict[str, str]]
"""Method, path and headers (lower case) of a request."""


@contextmanager
def web(
    answer: Callable[[Asked], Answer | None], context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[tuple[str, list[Asked]]]:
    """A web server; `answer` says what it answers, None: it drops the connection.

    Yields the base URL of its API and the requests that it has got.
    """
    seen: list[Asked] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = (self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
            seen.append(asked)
            answered = answer(asked)
            if answered is None:
                self.close_connection = True
                return
            status, headers, body = answered
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = serve  # noqa: N815 - the names that the base class looks for

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A handshake that fails is what some of these tests are about."""

    with Quiet(("127.0.0.1", port), Handler) as httpd:
        scheme = "http"
        if context is not None:
            # The handshake in the thread of the connection: one that fails must not end the server.
            httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
        yield f"{scheme}://127.0.0.1:{httpd.server_port}/api", seen
        httpd.shutdown()


def prefect(asked: Asked) -> Answer:
    """What a server that lets everybody in answers to the first questions."""
    _, path, _ = asked
    if path.endswith("/openapi.json"):
        return 200, {}, (fixtures() / "contracts" / "prefect-3.9.1.json").read_bytes()
    known = {"/api/health": b"true", "/api/flows/filter": b"[]", "/api/admin/version": b'"3.9.1"'}
    return (200, {}, known[path]) if path in known else (404, {}, b"{}")


# Where they are read from


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_token_is_read_from_a_variable_or_a_file(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", SECRET)
    (tmp_path / "token").write_bytes(f"{SECRET}{end}".encode())
    places: tuple[dict[str, Any], ...] = ({"token_env": "MY_TOKEN"}, {"token_file": tmp_path / "token"})
    for place in places:
        assert read(Settings.model_validate({"url": URL, **place})).headers == {"Authorization": f"Bearer {SECRET}"}


def test_user_and_password_become_basic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_AUTH", "admin:pass:wörd")
    expected = "Basic " + base64.b64encode("admin:pass:wörd".encode()).decode()
    access = read(Settings(url=URL, auth_env="MY_AUTH"))
    assert access.headers == {"Authorization": expected}
    for told in ("pass:wörd", "admin:pass:wörd", expected):
        assert told not in access.redactor().text(f"so {told} it is")


def test_any_header_can_be_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "one-secret")
    (tmp_path / "key").write_text("another-secret\n")
    access = read(
        Settings(
            url=URL,
            headers=("X-Tenant: here",),
            header_env=("X-Api-Key: KEY",),
            header_file=(f"Cookie: {tmp_path / 'key'}",),
        )
    )
    assert access.headers == {"X-Tenant": "here", "X-Api-Key": "one-secret", "Cookie": "another-secret"}
    assert access.redactor().text("here, one-secret, another-secret") == "here, [redacted], [redacted]"
    assert "secret" not in repr(access).replace("secrets", "")


def test_workers_are_told_and_settings_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", SECRET)
    settings = Settings(url=URL, token_env="MY_TOKEN")
    access = read(settings)
    assert Access.model_validate_json(access.model_dump_json()) == access
    assert SECRET not in settings.model_dump_json()
    assert "--conformance-token-env=MY_TOKEN" in options.arguments(settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"token_env": "NOT_SET"}, "NOT_SET: there is no such environment variable"),
        ({"token_env": SECRET}, "--token-env …: there is no such"),
        ({"token_file": "none.txt"}, "none.txt: No such file"),
        ({"token_env": "TWO_LINES"}, "line break"),
        ({"token_env": "ENDS"}, "line break"),
        ({"header_env": ("X-Key: TWO_LINES",)}, "line break"),
        ({"token_env": "BLANK"}, "empty"),
        ({"token_env": "LETTERS"}, "no header may have"),
        ({"auth_env": "GOOD"}, "user:password"),
        ({"token_env": "GOOD", "auth_env": "PAIR"}, "exclude each other"),
        ({"token_env": "GOOD", "header_env": ("authorization: GOOD",)}, "given twice"),
        ({"headers": ("Authorization: Bearer x",)}, "--header Authorization: its value would show"),
        ({"headers": ("X-Api-Key: x",)}, "process list"),
        ({"header_env": ("nonsense",)}, "'NAME: VARIABLE'"),
        ({"header_file": (":x",)}, "'NAME: FILE'"),
        ({"ca": "none.pem"}, "--ca none.pem: No such file"),
        ({"client_cert": "none.pem"}, "--client-cert none.pem: No such file"),
        ({"client_key": "none.pem"}, "--client-key needs --client-cert"),
        ({"url": None, "token_env": "GOOD"}, "--token-env needs --url"),
    ],
)
def test_bad_credentials_are_said_on_one_line_without_them(
    settings: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"TWO_LINES": f"{SECRET}\nx: {SECRET}", "ENDS": f"{SECRET}\n", "BLANK": "  ", "LETTERS": f"é{SECRET}"}
    for name, value in {**values, "GOOD": SECRET, "PAIR": "a:b"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TargetError) as caught:
        read(Settings(**{"url": URL, **settings}))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_files_that_hold_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("nonsense")
    for option in ("ca", "client_cert"):
        with pytest.raises(TargetError, match="PEM"):
            read(Settings.model_validate({"url": URL, option: tmp_path / "pem"}))


def test_credentials_in_the_url_are_refused() -> None:
    with pytest.raises(TargetError, match="--auth-env") as caught:
        discover("http://me:hunter2@host/api", Access())
    assert "hunter2" not in str(caught.value)


# Where they go


def test_a_redirect_to_another_host_ends_it_and_nothing_follows() -> None:
    with web(prefect) as (elsewhere, seen):
        there = elsewhere.removesuffix("/api")
        with web(lambda asked: (307, {"location": f"{there}{asked[1]}"}, b"")) as (url, _):
            access = Access(headers={"Authorization": f"Bearer {SECRET}"}, secrets=(SECRET,))
            with pytest.raises(TargetError, match="redirects to") as caught:
                discover(url, access)
            assert there in str(caught.value)
            assert seen == []


def test_refused_credentials_are_told_from_missing_ones() -> None:
    with web(lambda _: (401, {}, f"no {SECRET}".encode())) as (url, _):
        with pytest.raises(TargetError, match="wants credentials"):
            discover(url, Access())
        with pytest.raises(TargetError, match="refuses the credentials") as caught:
            discover(url, Access(headers={"Authorization": f"Bearer {SECRET}"}, secrets=(SECRET,)))
        assert SECRET not in str(caught.value)


def test_a_proxy_of_the_environment_is_used_and_not_for_a_server_of_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with web(prefect) as (proxy, seen):
        monkeypatch.setenv(
            "HTTP_PROXY", f"http://me:{quote(SECRET, safe='')}@{proxy.removeprefix('http://').removesuffix('/api')}"
        )
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        access = read(Settings(url="http://prefect.invalid/api"))
        assert access.redactor().text(SECRET) == "[redacted]"
        with access.client() as http:
            http.get("http://prefect.invalid/api/health")
        assert seen[0][1] == "http://prefect.invalid/api/health"
        before = len(seen)
        with Access(own=True).client() as http, pytest.raises(Exception, match="refused"):
            http.get(URL)
        assert len(seen) == before


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    return tmp_path


def context(authority: trustme.CA, *, wants_clients: bool = False) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    if wants_clients:
        authority.configure_trust(made)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def test_a_private_authority(authority: trustme.CA, files: Path) -> None:
    with web(prefect, context(authority)) as (url, _):
        with pytest.raises(TargetError, match=r"certificate of https://\S+ doesn't verify: .*--ca FILE") as caught:
            discover(url, Access())
        assert "\n" not in str(caught.value)
        assert discover(url, read(Settings(url=url, ca=files / "ca.pem"))).version == "3.9.1"


def test_a_client_certificate(authority: trustme.CA, files: Path) -> None:
    with web(prefect, context(authority, wants_clients=True)) as (url, _):
        with pytest.raises(TargetError, match="--client-cert"):
            discover(url, read(Settings(url=url, ca=files / "ca.pem")))
        access = read(Settings(url=url, ca=files / "ca.pem", client_cert=files / "client.pem"))
        assert discover(url, access).version == "3.9.1"


# CSRF tokens


class Protected:
    """A server that wants the token that it gave out last; `lives`: for how long it says that one is good."""

    def __init__(self, lives: timedelta) -> None:
        self.lives = lives
        self.given = 0

    def __call__(self, asked: Asked) -> Answer:
        method, path, headers = asked
        if path.startswith("/api/csrf-token"):
            self.given += 1
            ends = (datetime.now(UTC) + self.lives).isoformat()
            body = {"client": "x", "token": f"token-{self.given}", "expiration": ends}
            return 200, {}, json.dumps(body).encode()
        if method != "GET" and headers.get("prefect-csrf-token") != f"token-{self.given}":
            return 403, {}, b'{"detail": "Invalid CSRF token or client identifier."}'
        return prefect(asked)


def client(url: str, learned: list[str]) -> Client:
    return Client(url, Access(), CONTRACT, Journal(), csrf=Csrf("me", learned.append))


def test_a_token_is_fetched_once_and_renewed_when_it_ends() -> None:
    server, learned = Protected(timedelta(hours=1)), list[str]()
    with web(server) as (url, _):
        assert discover(url, Access()).csrf
        one = client(url, learned)
        for _ in range(3):
            assert one.request("POST", "/flows/filter", {}).status_code == 200
        assert learned == ["token-2"]
        server.given += 1  # the server has forgotten it
        assert one.request("POST", "/flows/filter", {}).status_code == 200
        assert one.send_once("POST", f"{url}/flows/filter", b"{}", {}).status == 200
        assert learned == ["token-2", "token-4"]
        server.lives = timedelta(seconds=10)
        other = client(url, learned)
        other.request("POST", "/flows/filter", {})
        other.request("POST", "/flows/filter", {})
        assert learned[2:] == ["token-5", "token-6"]


def test_a_server_that_wants_none_is_not_asked_for_one() -> None:
    with web(prefect) as (url, seen):
        assert not discover(url, Access()).csrf
        assert not [path for _, path, _ in seen if "csrf" in path]
