"""What went by while nothing was wrong, and which faults would have changed any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from conformance.faults.fault import Headers, Interposed, Request, Response, Upstream

Named = TypeVar("Named", bound=Interposed)


@dataclass(frozen=True)
class Exchanged:
    """A request and what it was answered."""

    request: Request
    response: Response


@dataclass
class Tape:
    """Put before a real server, it lets everything pass, and keeps it: `exchanges`, in the order of the answers."""

    exchanges: list[Exchanged] = field(default_factory=list)

    async def bend(self, request: Request, upstream: Upstream) -> Response:
        """Ask the real server, and keep both."""
        response = await upstream(request)
        self.exchanges.append(Exchanged(request, response))
        return response


def touched(faults: Iterable[Named], exchanges: Sequence[Exchanged]) -> list[Named]:
    """Those that would have bent at least one of the exchanges.

    A check that passed on these exchanges passes behind all the others: it sees the same again. A fault that
    asks the server anything else than it was asked counts as one that touches, and so does one that fails here.
    """

    async def sorted_out() -> list[Named]:
        return [fault for fault in faults if await _touches(fault, exchanges)]

    return asyncio.run(sorted_out())


class _AskedOtherwiseError(Exception):
    """The server would have been asked what it was not."""


async def _touches(fault: Interposed, exchanges: Sequence[Exchanged]) -> bool:
    for known in exchanges:

        async def upstream(asked: Request, known: Exchanged = known) -> Response:
            if asked is not known.request and asked != known.request:
                raise _AskedOtherwiseError
            return known.response

        try:
            bent = await fault.bend(known.request, upstream)
        except Exception:  # noqa: BLE001 - a bend that needs more than the exchange: only the server can tell
            return True
        if bent is not known.response and not _alike(bent, known.response):
            return True
    return False


def _alike(bent: Response, answer: Response) -> bool:
    """Whether a client sees no difference: JSON that was read and written again is set otherwise, and the same."""
    if bent.status != answer.status or _told(bent.headers) != _told(answer.headers):
        return False
    return bent.body in (answer.body, Response(answer.status).with_json(answer.json).body)


def _told(headers: Headers) -> list[tuple[bytes, bytes]]:
    return sorted((name.lower(), value) for name, value in headers if name.lower() != b"content-length")
