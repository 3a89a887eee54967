"""What went by while nothing was wrong, and which faults would have changed any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TypeVar

from conformance.faults.fault import Bend, Headers, Interposed, Request, Response, Upstream

Exchange = tuple[Request, Response]

Named = TypeVar("Named", bound=Interposed)


class Tape:
    """Put before a real server, it lets everything pass, and keeps it: `exchanges`, in the order of the answers."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    @property
    def bend(self) -> Bend:
        """Asks the server, and writes down."""
        return self._record

    async def _record(self, request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        self.exchanges.append((request, answer))
        return answer


def touched(faults: Iterable[Named], exchanges: Sequence[Exchange]) -> list[Named]:
    """Those that would have bent at least one of the exchanges.

    A check that passed on these exchanges passes behind all the others: it sees the same again. A fault that
    asks the server anything else than it was asked counts as one that touches, and so does one that fails here.
    """

    async def sorted_out() -> list[Named]:
        return [fault for fault in faults if await _touches(fault, exchanges)]

    return asyncio.run(sorted_out())


class _AskedOtherwiseError(Exception):
    """The server would have been asked what it was not."""


async def _touches(fault: Interposed, exchanges: Sequence[Exchange]) -> bool:
    for request, answer in exchanges:

        async def upstream(asked: Request, request: Request = request, answer: Response = answer) -> Response:
            if asked is not request and asked != request:
                raise _AskedOtherwiseError
            return answer

        try:
            bent = await fault.bend(request, upstream)
        except Exception:  # noqa: BLE001 - a bend that needs more than the exchange: only the server can tell
            return True
        if bent is not answer and not _alike(bent, answer):
            return True
    return False


def _alike(bent: Response, answer: Response) -> bool:
    """Whether a client sees no difference: JSON that was read and written again is set otherwise, and the same."""
    if bent.status != answer.status or _told(bent.headers) != _told(answer.headers):
        return False
    return bent.body in (answer.body, Response(answer.status).with_json(answer.json).body)


def _told(headers: Headers) -> list[tuple[bytes, bytes]]:
    return sorted((name.lower(), value) for name, value in headers if name.lower() != b"content-length")
