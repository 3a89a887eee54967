"""What a walk found: a place where the server and the model part, and the way that leads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from conformance.suite.outcome import Violation
from conformance.suite.walks.step import Walk
from conformance.target import Exchange

ANSWERED: Final = "stateful.answered"
VISIBLE: Final = "stateful.visible"
OTHERS: Final = "stateful.others"
GONE: Final = "stateful.gone"
FILTER: Final = "stateful.filter"
COUNT: Final = "stateful.count"

_MOST_STEPS = 12
"""Steps that a failure spells out."""


@dataclass(frozen=True)
class Finding:
    """One disagreement. `fingerprint` is the same in any run; `members` are the numbers of those that it is about.

    `walk` leads there, and `exchanges` are what was sent on the way and the answer that shows it.
    """

    requirement: str
    fingerprint: str
    expected: Any
    observed: Any
    members: frozenset[int] = frozenset()
    walk: Walk = ()
    exchanges: tuple[Exchange, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.requirement, self.fingerprint

    def after(self, walk: Walk, exchanges: tuple[Exchange, ...]) -> Self:
        """The same, with the way that leads there."""
        return replace(self, walk=walk, exchanges=exchanges)

    @property
    def story(self) -> str:
        """The steps that lead there."""
        told = [str(step) for step in self.walk]
        left_out = [f"({len(told) - _MOST_STEPS} steps)"] if len(told) > _MOST_STEPS else []
        return "; ".join(left_out + told[-_MOST_STEPS:])


def require_none(found: Sequence[Finding]) -> None:
    """Raise Violation with every distinct finding, if there is one; the first is shown with its walk."""
    if found:
        raise Violation(
            "; ".join(finding.fingerprint for finding in found),
            expected={finding.fingerprint: finding.expected for finding in found},
            observed="\n".join(
                [f"{finding.fingerprint}: {finding.observed}\n  after {finding.story}" for finding in found]
            ),
            findings=tuple(finding.fingerprint for finding in found),
            exchanges=found[0].exchanges,
        )
