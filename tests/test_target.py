"""What is written of an exchange: redacted, and as a command that sends it again."""

import base64
import http.server
import subprocess
import threading
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.target import Exchange, Journal, Redactor
from conformance.target.access import parse_headers
from conformance.target.curl import command

SECRET = "Bearer s3sam/e+open"


def exchange(**fields: Any) -> Exchange:
    base: dict[str, Any] = {
        "operation": "POST /flows/filter",
        "method": "POST",
        "url": "http://host/api/flows/filter",
        "request_headers": {"content-type": "application/json", "authorization": SECRET, "host": "host"},
        "request_body": b'{"it\'s": "\xc3\xa9"}',
        "status": 200,
        "response_headers": {},
        "response_body": b"[]",
        "seconds": 0.1,
    }
    return Exchange(**{**base, **fields})


@pytest.mark.parametrize(
    "form",
    [
        str,
        quote,
        quote_plus,
        lambda s: quote(s, safe=""),
        lambda s: quote(s, safe="").lower().replace("bearer", "Bearer"),
        lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
        lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
        lambda s: quote(base64.b64encode(s.encode()).decode(), safe=""),
    ],
)
@pytest.mark.parametrize("part", [SECRET, "s3sam/e+open"])
def test_secrets_are_masked_in_every_form(form: Any, part: str) -> None:
    assert part not in Redactor([SECRET]).text(f"before {form(part)} after")
    assert form(part) not in Redactor([SECRET]).text(f"before {form(part)} after")


def test_a_password_in_a_url_is_masked() -> None:
    assert Redactor().url("http://me:hunter2@host/api") == "http://[redacted]@host/api"


@given(st.text())
def test_text_without_a_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_command_has_no_secret_and_no_header_that_curl_adds() -> None:
    line = command(exchange(), Redactor([SECRET]))
    assert "s3sam" not in line
    assert '-H "authorization: $AUTHORIZATION"' in line
    assert "host:" not in line


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", b'{"it\'s": "a \\"quote\\" $HOME `x`"}'),
        ("PATCH", "é 東京\n\ttab".encode()),
        ("POST", b"\x00\xff\xfe binary '\\"),
        ("DELETE", b""),
        ("GET", b'{"a": 1}'),
    ],
)
def test_a_command_sends_the_same_request_again(method: str, body: bytes) -> None:
    seen: list[tuple[str, str, str | None, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen.append((self.command, self.path, self.headers.get("content-type"), body))
            self.send_response(204)
            self.end_headers()

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api/x%20y?a=b&c=d'e"
        line = command(exchange(method=method, url=url, request_body=body, request_headers={}), Redactor())
        subprocess.run(["sh", "-c", line], check=True, timeout=20)
    # Of a body of which nothing was said curl would say that it is a form.
    assert seen == [(method, "/api/x%20y?a=b&c=d'e", None, body)]


def test_the_journal_counts_all_and_keeps_the_first_and_the_last() -> None:
    journal = Journal()
    with journal.check():
        for number in range(100):
            journal.record(exchange(status=200 + number % 2, seconds=float(number)))
    kept = [int(e.seconds) for e in journal.exchanges]
    assert kept[0] == 0
    assert kept[-1] == 99
    assert len(kept) + journal.dropped == 100
    assert journal.take_counts() == {"POST /flows/filter": {"200": 50, "201": 50}}
    assert journal.take_counts() == {}


def test_headers_are_parsed() -> None:
    assert parse_headers(("X-Tenant: a:b", "X-Y:z")) == {"X-Tenant": "a:b", "X-Y": "z"}
