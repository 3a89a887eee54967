"""What the run created, on disk before and after each request: whoever cleans up needs nothing but this file."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Created:
    """One created object: its collection, and the operation and path that delete it."""

    collection: str
    operation: str
    path: str


class CreatedLedger:
    """Appends a line of JSON for each request that is about to create, and one for what it created.

    Processes and threads may share the file: a line is one write. What is written outlives the process at once, however
    it ends; only a machine that loses its power loses the latest lines, and then the names still tell whose it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count(1)

    def intend(self, collection: str) -> str:
        """Note that a member of the collection is about to be created; returns what `settle` wants to know."""
        intent = f"{os.getpid()}-{next(self._numbers)}"
        self._append({"intent": intent, "collection": collection})
        return intent

    def settle(self, intent: str, made: Iterable[Created] = ()) -> None:
        """Note what came of an intent: these, or nothing. One that is never settled may have made something."""
        self._append({"settles": intent})
        for created in made:
            self.add(created)

    def add(self, created: Created) -> None:
        """Note one object."""
        self._append({"collection": created.collection, "operation": created.operation, "path": created.path})

    def _append(self, entry: dict[str, Any]) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{json.dumps(entry)}\n".encode())
        finally:
            os.close(descriptor)

    def newest_first(self) -> list[Created]:
        """Each object once, the latest first."""
        found = (Created(**entry) for entry in reversed(self._entries()) if "path" in entry)
        return list(dict.fromkeys(found))

    def open_intents(self) -> frozenset[str]:
        """The collections in which something may have been made that nobody knows the id of."""
        entries = self._entries()
        settled = {entry["settles"] for entry in entries if "settles" in entry}
        return frozenset(e["collection"] for e in entries if "intent" in e and e["intent"] not in settled)

    def _entries(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_text("utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # the last line of a machine that lost its power
        return found
