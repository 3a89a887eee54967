"""How long the phases of a run took."""

from __future__ import annotations

import time
from collections import UserDict
from collections.abc import Iterator
from contextlib import contextmanager


class Timings(UserDict[str, float]):
    """Phase -> wall seconds."""

    def add(self, phase: str, seconds: float) -> None:
        """Add to what a phase took before."""
        self[phase] = round(self.get(phase, 0.0) + seconds, 3)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall time of what is inside."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)
