"""The same requests once more, by the barest client that can send them: what is left then is the server's time.

One connection of the standard library's, one request after another, nothing judged. What a server names by itself, its
ids, has another name on another server: each is put in place of the recorded one. That, and unpacking the answers for
it, is not counted: what is measured is the time from the first byte sent to the last one read.
"""

from __future__ import annotations

import gzip
import http.client
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from conformance.faults import Exchanged
from conformance.target.access import TIMEOUT

_ID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_OWN: Final = frozenset({b"host", b"content-length", b"connection"})
"""Headers that a client fills by itself."""


@dataclass(frozen=True)
class Replayed:
    """`seconds` that `requests` took; `alike` of them had the status that was recorded."""

    seconds: float
    requests: int
    alike: int


def replay(exchanges: Sequence[Exchanged], url: str) -> Replayed:
    """Send the requests to the API at `url`, which is as fresh as the one that they were recorded on."""
    bare = _Bare(url)
    try:
        for exchange in exchanges:
            bare.send(exchange)
    finally:
        bare.close()
    return Replayed(bare.seconds, len(exchanges), bare.alike)


class _Bare:
    """The client, and the ids of the recorded server with those of this one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._base = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT.read)
        self._ids: dict[bytes, bytes] = {}
        self.seconds = 0.0
        self.alike = 0

    def send(self, exchange: Exchanged) -> None:
        """Send one request, and learn the ids in its answer."""
        request = exchange.request
        target = f"{request.path}?{request.query}" if request.query else request.path
        path = self._base + self._here(target.encode()).decode("ascii")
        body = self._here(request.body) or None
        headers = {
            name.decode("latin-1"): self._here(value).decode("latin-1")
            for name, value in request.headers
            if name.lower() not in _OWN
        }
        began = time.perf_counter()
        status, encoded, encoding = self._exchange(request.method, path, body, headers)
        self.seconds += time.perf_counter() - began
        self.alike += status == exchange.response.status
        self._learn(exchange.response.body, gzip.decompress(encoded) if encoding == "gzip" and encoded else encoded)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes, str | None]:
        try:
            return self._once(method, path, body, headers)
        except (http.client.HTTPException, ConnectionError):
            # Servers close a connection after an error of their own.
            self._connection.close()
            return self._once(method, path, body, headers)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes, str | None]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read(), answer.headers["content-encoding"]

    def _here(self, text: bytes) -> bytes:
        return _ID.sub(lambda match: self._ids.get(match[0], match[0]), text)

    def _learn(self, recorded: bytes, found: bytes) -> None:
        there, here = _ID.findall(recorded), _ID.findall(found)
        if len(there) == len(here):
            for old, new in zip(there, here, strict=True):
                self._ids.setdefault(old, new)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
