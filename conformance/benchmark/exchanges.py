"""The requests of a run, in their order: kept by a proxy that the run goes through, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from conformance.faults import Proxy, Request, Response
from conformance.faults.fault import Upstream


@dataclass(frozen=True)
class Exchanged:
    """A request and what it was answered."""

    request: Request
    response: Response


@dataclass
class Record:
    """What a run asked. As something that a proxy may have between, it only looks."""

    exchanges: list[Exchanged] = field(default_factory=list)

    async def bend(self, request: Request, upstream: Upstream) -> Response:
        """Ask the real server, and keep both."""
        response = await upstream(request)
        self.exchanges.append(Exchanged(request, response))
        return response


@contextmanager
def recording(url: str) -> Iterator[tuple[str, Record]]:
    """Where the API at `url` can be reached too, and the record of what is asked there."""
    record = Record()
    with Proxy(url) as proxy, proxy.bent(record):
        yield proxy.url, record
