"""The requests of a run, in their order: kept by a proxy that the run goes through, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.faults import Proxy, Tape


@contextmanager
def recording(url: str) -> Iterator[tuple[str, Tape]]:
    """Where the API at `url` can be reached too, and the tape of what is asked there."""
    tape = Tape()
    with Proxy(url) as proxy, proxy.bent(tape):
        yield proxy.url, tape
