"""What the run created, on disk before and after each request: whoever cleans up needs nothing but this file."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator
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
        found: dict[Created, None] = {}
        for entry in self._entries():
            if "path" in entry:
                created = Created(**entry)
                found.pop(created, None)
                found[created] = None
        return list(reversed(found))

    def open_intents(self) -> frozenset[str]:
        """The collections in which something may have been made that nobody knows the id of."""
        unsettled: dict[str, str] = {}
        for entry in self._entries():
            if "intent" in entry:
                unsettled[entry["intent"]] = entry["collection"]
            elif "settles" in entry:
                unsettled.pop(entry["settles"], None)
        return frozenset(unsettled.values())

    def _entries(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # the last line of a machine that lost its power
