"""A bound on requests per second that all processes of a run keep together."""

from __future__ import annotations

import os
import time
from pathlib import Path

from filelock import FileLock


class Pace:
    """At most `rate` requests a second over all who name the same file.

    The file holds the moment of the next free place, on the clock that all processes of a machine share.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self._path = path
        self._gap = 1 / rate
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))

    def wait(self) -> None:
        """Take the next free place, and return when it has come."""
        with self._lock.acquire(poll_interval=0.005):
            now = time.monotonic()
            try:
                free = float(self._path.read_text("ascii"))
            except (OSError, ValueError):
                free = now
            mine = max(now, free)
            draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            draft.write_text(repr(mine + self._gap), "ascii")
            draft.replace(self._path)
        time.sleep(mine - now)
