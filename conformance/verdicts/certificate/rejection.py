"""Why a certificate is not accepted."""

from __future__ import annotations


class RejectedError(Exception):
    """A certificate is not what it says. `reasons` are lines, each of which would be enough."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(" ".join(reason.split()) for reason in reasons)
