"""What of the filter grammar a run has judged: operator by operator, and which collections were combined."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Coverage:
    """Counts judged questions. One of each process; `take` hands over what was counted since it was last asked.

    A cell (`flow_runs.start_time.before_`) is covered by questions that some record answers (`hit`), by some that
    a record does not (`miss`), and by records that have no value there (`null`).
    """

    def __init__(self) -> None:
        self._cells: dict[str, Counter[str]] = {}
        self._related: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def judged(self, cell: str, *, hits: int, misses: int, nulls: int) -> None:
        """One question about one cell, and how many of the world's records it selects, leaves out, finds null."""
        counts = self._cells.setdefault(cell, Counter())
        counts.update({"hit": int(hits > 0), "miss": int(misses > 0), "null": int(nulls > 0)})

    def combined(self, collection: str, related: tuple[str, ...]) -> None:
        """One question about `collection` that names related ones."""
        if related:
            self._related[collection, tuple(sorted(related))] += 1

    def take(self) -> dict[str, Any]:
        """What was counted since the last time, fit for JSON.

        `{"cells": {cell: {"hit": n, …}}, "related": [["flows", ["deployments", "flow_runs"], n], …]}`
        """
        taken = {
            "cells": {name: dict(counts) for name, counts in self._cells.items()},
            "related": [[collection, list(related), n] for (collection, related), n in self._related.items()],
        }
        self._cells, self._related = {}, Counter()
        return taken
