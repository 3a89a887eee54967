"""What a fault is: a defect with a name, the requirement that must catch it, and how it bends an exchange."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import httpx

Headers = tuple[tuple[bytes, bytes], ...]
"""Names and values as they came over the wire, in their order."""


@dataclass(frozen=True)
class Request:
    """A request to the API. `path` is relative to the API's base URL (`/flows/filter`), as it was sent."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The decoded body; None where there is none, or it is not JSON."""
        return _decoded(self.body)

    def with_json(self, value: Any) -> Self:
        """The same request with another body."""
        body = json.dumps(value).encode()
        return replace(self, headers=_described(self.headers, body, "application/json"), body=body)


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    @classmethod
    def of(cls, status: int, value: Any = None) -> Response:
        """An answer with a JSON body, or without any where `value` is None."""
        empty = cls(status)
        return empty if value is None else empty.with_json(value)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return httpx.codes.is_success(self.status)

    @property
    def json(self) -> Any:
        """The decoded body; None where there is none, or it is not JSON."""
        return _decoded(self.body)

    def with_json(self, value: Any) -> Response:
        """The same answer with another body."""
        body = json.dumps(value).encode()
        return replace(self, headers=_described(self.headers, body, "application/json"), body=body)

    def with_body(self, body: bytes) -> Response:
        """The same answer with other bytes, of the same type."""
        kept = (header for header in self.headers if header[0].lower() != b"content-length")
        return replace(self, headers=(*kept, (b"content-length", str(len(body)).encode())), body=body)

    def with_type(self, media: str) -> Response:
        """The same answer under another content type."""
        return replace(self, headers=_described(self.headers, self.body, media))


Upstream = Callable[[Request], Awaitable[Response]]
"""Asks the real server."""

Bend = Callable[[Request, Upstream], Awaitable[Response]]
"""What stands between a client and the real server: it may change the request, the answer, or ask nobody."""


class Interposed(Protocol):
    """What a proxy may have between a client and the real server."""

    @property
    def bend(self) -> Bend:
        """How it changes an exchange."""


@dataclass(frozen=True)
class Fault:
    """A deliberate defect in front of a real server.

    `requirement` must catch it on `subject`. Where the honest server has that under another name, or
    something like it, `honest` is its subject there. `mend` is for a rule that no release keeps: put in front of the
    real server, it makes the check pass, so that what fails under the fault is the fault's own doing.
    """

    id: str
    requirement: str
    subject: str
    title: str
    bend: Bend = field(repr=False)
    honest: str | None = None
    mend: Fault | None = field(default=None, repr=False)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _described(headers: Headers, body: bytes, media: str) -> Headers:
    kept = (header for header in headers if header[0].lower() not in (b"content-type", b"content-length"))
    return (*kept, (b"content-type", media.encode()), (b"content-length", str(len(body)).encode()))
