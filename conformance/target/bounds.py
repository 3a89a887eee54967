"""How much of an answer is read: a server that sends without end is no reason to run out of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx

MOST: Final = 64 * 2**20
"""Bytes of a body on the wire. No release of Prefect answers this suite with a hundredth of that."""


class _Bounded(httpx.SyncByteStream):
    """A stream that breaks where it gets too long."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for chunk in self._stream:
            read += len(chunk)
            if read > MOST:
                raise httpx.ReadError(f"an answer of more than {MOST // 2**20} MiB, which is not read to its end")
            yield chunk

    def close(self) -> None:
        self._stream.close()


def bound(response: httpx.Response) -> None:
    """Have no more than MOST of an answer read: beyond that, the connection counts as broken."""
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Bounded(response.stream)
