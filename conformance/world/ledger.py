"""What the run created, on disk at once: whoever cleans up needs nothing but this file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Created:
    """One created object: the operation and path that delete it."""

    operation: str
    path: str


class CreatedLedger:
    """Appends a line of JSON for each created object. Processes may share the file: a line is one write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, created: Created) -> None:
        """Note one object."""
        line = json.dumps({"operation": created.operation, "path": created.path}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def newest_first(self) -> Iterator[Created]:
        """Each object once, the latest first: children come after their parents, so they go before them."""
        if not self.path.exists():
            return
        lines = self.path.read_text("utf-8").splitlines()
        for line in dict.fromkeys(reversed(lines)):
            yield Created(**json.loads(line))
