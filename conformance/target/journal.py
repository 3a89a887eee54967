"""Every exchange of the run, hand-written and fuzzed alike: what was asked, and what came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `operation` is the contract's label, None for what it does not have.

    `seconds` is the time from sending to the last byte of the answer.
    """

    operation: str | None
    method: str
    url: str
    request_headers: Mapping[str, str] = field(hash=False)
    request_body: bytes
    status: int
    response_headers: Mapping[str, str] = field(hash=False)
    response_body: bytes
    seconds: float

    def asked(self) -> Exchange:
        """The same without what was answered but its status: enough to send it again."""
        return replace(self, response_headers={}, response_body=b"")


class Journal:
    """Counts statuses per operation, and keeps the exchanges of the check that runs now.

    Only a bounded number is kept, and of large answers fewer: the first ones, which set the scene, and the latest ones.
    Threads may record at once.
    `observe` is told of each, one after another.
    """

    _KEEP_FIRST = 8
    _KEEP_LAST = 24
    _KEEP_BYTES = 64 * 2**20

    def __init__(self, observe: Callable[[Exchange], None] | None = None) -> None:
        self._observe = observe
        self._counts: dict[str, Counter[str]] = {}
        self._first: list[Exchange] = []
        self._last: list[Exchange] = []
        self._dropped = 0
        self._lock = Lock()

    def record(self, exchange: Exchange) -> None:
        """Take in one exchange; from any thread."""
        with self._lock:
            self._record(exchange)

    def _record(self, exchange: Exchange) -> None:
        if exchange.operation is not None:
            self._counts.setdefault(exchange.operation, Counter())[str(exchange.status)] += 1
        if self._observe is not None:
            self._observe(exchange)
        if not self._last and len(self._first) < self._KEEP_FIRST and _size(self._first) < self._KEEP_BYTES // 2:
            self._first.append(exchange)
            return
        self._last.append(exchange)
        while len(self._last) > self._KEEP_LAST or (
            len(self._last) > 1 and _size(self._first) + _size(self._last) > self._KEEP_BYTES
        ):
            del self._last[0]
            self._dropped += 1

    def take_counts(self) -> dict[str, dict[str, int]]:
        """Operation -> status -> calls since the last time this was asked."""
        counts = {operation: dict(statuses) for operation, statuses in self._counts.items()}
        self._counts.clear()
        return counts

    def count(self, among: Iterable[int]) -> int:
        """Calls since then that were answered with one of these statuses."""
        return sum(statuses[str(status)] for statuses in self._counts.values() for status in among)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The kept exchanges since the check began, oldest first."""
        return (*self._first, *self._last)

    @property
    def dropped(self) -> int:
        """How many exchanges of the check are not kept."""
        return self._dropped

    @contextmanager
    def check(self) -> Iterator[Journal]:
        """Begin a check: what was kept before is forgotten."""
        self._first, self._last, self._dropped = [], [], 0
        yield self


def _size(exchanges: Sequence[Exchange]) -> int:
    return sum(len(exchange.response_body) for exchange in exchanges)
