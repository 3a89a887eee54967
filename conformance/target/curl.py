"""An exchange as a `curl` command that sends it again."""

from __future__ import annotations

import shlex

from conformance.target.journal import Exchange
from conformance.target.redaction import MASK, Redactor, is_secret_header

_OURS = frozenset({"host", "accept", "accept-encoding", "connection", "content-length", "user-agent"})
"""Headers that every client adds for itself: curl sends its own."""


def command(exchange: Exchange, redactor: Redactor) -> str:
    """One line for a POSIX shell.

    A secret header's value becomes a variable of the shell (`$AUTHORIZATION`), so that the line can be pasted
    after setting it. A body that is not text is written with `printf` escapes on standard input.
    """
    parts = ["curl", "-sS"]
    if exchange.method != "GET" or exchange.request_body:
        parts += ["-X", exchange.method]
    if exchange.method == "HEAD":
        parts = ["curl", "-sS", "--head"]
    parts.append(shlex.quote(redactor.url(exchange.url)))
    for name, value in exchange.request_headers.items():
        if name.lower() in _OURS:
            continue
        if is_secret_header(name) or redactor.text(value) != value:
            parts += ["-H", f'"{name}: ${name.upper().replace("-", "_")}"']
        else:
            parts += ["-H", shlex.quote(f"{name}: {value}")]
    if not exchange.request_body:
        return " ".join(parts)
    if not any(name.lower() == "content-type" for name in exchange.request_headers):
        parts += ["-H", "content-type:"]  # or curl says that the body is a form
    try:
        text = exchange.request_body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        octal = "".join(f"\\{byte:03o}" for byte in exchange.request_body)
        return f"printf '{octal}' | {' '.join(parts)} --data-binary @-"
    return " ".join([*parts, "--data-raw", shlex.quote(redactor.text(text).replace(MASK, "REDACTED"))])
