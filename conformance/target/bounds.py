"""What of an answer is read at most: so much of it, for so long, nested so deep. No target is trusted to end."""

from __future__ import annotations

import re
import time
from contextvars import ContextVar
from typing import Any, Final

import httpcore
import httpx

MOST_BYTES: Final = 16 * 2**20
"""Bytes of a body, once it is unpacked. The largest that a Prefect has for the suite, its document and pages of two
hundred rows, are of one megabyte. Of 16 MiB of JSON, Python makes half a gigabyte of objects at the worst."""

DEEPEST: Final = 250
"""Levels of nesting in a body of JSON. The suite sends a hundred, which a server may give back; Python's own decoder
ends before a thousand, and so does whatever walks through what it has decoded."""

PATIENCE: Final = 1.2
"""How much longer than the longest silence an answer may take in all: one that drips is never silent for long."""

_CODINGS: Final = frozenset({"identity", "gzip", "deflate"})
"""The content codings of bodies, of which one may have one: of what is packed twice, a kilobyte may hold gigabytes."""

_DEADLINE: Final[ContextVar[float | None]] = ContextVar("_DEADLINE", default=None)
"""When the answer that this thread waits for has to be whole, on the monotonic clock."""


class Excess(httpx.RequestError):
    """An answer is more than is read. The message is a phrase that follows on what answers so."""


class Overlong(httpx.ReadTimeout):
    """An answer was not whole in time, though it went on. The message is such a phrase too."""


class BoundedClient(httpx.Client):
    """Reads every answer whole, and none beyond the bounds: raises Excess or Overlong for those."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Only what is unpacked here is asked for, whatever other codings httpx finds the packages of.
        self.headers["accept-encoding"] = "gzip, deflate"
        # A timeout of httpx's is one of each read: with a byte now and then, the head of an answer goes on for a day.
        # It does not hand a backend on to its pools, which take one.
        for transport in (self._transport, *self._mounts.values()):
            if isinstance(transport, httpx.HTTPTransport):
                pool: Any = transport._pool  # noqa: SLF001
                pool._network_backend = _Backend(pool._network_backend)  # noqa: SLF001

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """As httpx sends it."""
        silence = request.extensions.get("timeout", {}).get("read")
        token = _DEADLINE.set(None if silence is None else time.monotonic() + PATIENCE * silence)
        try:
            response = super().send(request, stream=True, **options)
            try:
                # What `Response.read` does, which has no bound.
                response._content = _read(response)  # noqa: SLF001
            finally:
                response.close()
                # The connection's stream has hold of the response: a ring, and megabytes would stay until it is found.
                response.stream = httpx.ByteStream(b"")
        finally:
            _DEADLINE.reset(token)
        return response


def _read(response: httpx.Response) -> bytes:
    codings = response.headers.get_list("content-encoding", split_commas=True)
    if len(codings) > 1 or not _CODINGS.issuperset(coding.strip().lower() for coding in codings):
        raise Excess(f"answers in the content coding {', '.join(codings)[:80]!r}, which it was not asked for")
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise Excess(f"answers more than {MOST_BYTES // 2**20} MiB: no more of it is read")
        parts.append(part)
    body = b"".join(parts)
    if _is_too_deep(body):
        raise Excess(f"answers JSON that nests deeper than {DEEPEST} levels: it is not decoded")
    return body


_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_STRING: Final = re.compile(rb'"[^"]*"?')
_OTHERS: Final = bytes(set(range(256)) - set(b'[]{}"'))


def _is_too_deep(body: bytes) -> bool:
    """Whether what may be JSON nests deeper than is read."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST or body.lstrip()[:1] not in (b"[", b"{"):
        return False
    # Brackets in strings are none; all that is left is small.
    marks = (_ESCAPE.sub(b"", body) if b"\\" in body else body).translate(None, _OTHERS)
    depth = 0
    # Two quotes beside each other are a string without brackets, or join one to the next: they go at once.
    for mark in _STRING.sub(b"", marks.replace(b'""', b"")):
        depth += 1 if mark in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _left(timeout: float | None) -> float | None:
    """How long a read or a write may take."""
    deadline = _DEADLINE.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise Overlong("goes on answering without an end")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the deadline."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(*arguments, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Makes such connections."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_tcp(*arguments, **options))

    def connect_unix_socket(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_unix_socket(*arguments, **options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)
