"""How long a target is borne with that answers without an end."""

from __future__ import annotations

from typing import Final

ENDURANCE: Final = 600.0
"""Seconds, in all, that a process waits for answers which do not come whole. With each check waiting for its own, a run
would take days; a Prefect that is only slow gives none of them."""


class Endurance:
    """What is left of it, for all clients of a process."""

    def __init__(self) -> None:
        self._left = ENDURANCE

    def is_spent(self, seconds: float) -> bool:
        """Whether, with so many seconds more that were waited in vain, it is at its end."""
        self._left -= seconds
        return self._left < 0
