"""What a sample comes to: how many were reached, killed, survived, by any part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.mutants.outcomes import Compared, Fate, Outcome
from conformance.mutants.points import Mutant


@dataclass(frozen=True)
class Figures:
    """Numbers of mutants. `killed` are those that a check fails on; `stopped` ones only keep a check from deciding."""

    sampled: int
    reached: int
    killed: int
    stopped: int

    @property
    def survived(self) -> int:
        """Those of which no check says anything."""
        return self.reached - self.killed - self.stopped

    @property
    def share(self) -> float | None:
        """Killed of those that were reached, None where none was."""
        return self.killed / self.reached if self.reached else None


def figures(found: Iterable[Outcome | Compared]) -> Figures:
    """The figures of some mutants."""
    fates = [one.fate for one in found]
    reached = [fate for fate in fates if fate is not Fate.UNREACHED]
    return Figures(len(fates), len(reached), reached.count(Fate.KILLED), reached.count(Fate.STOPPED))


def by(
    part: Callable[[Mutant], str], mutants: Mapping[str, Mutant], found: Sequence[Outcome | Compared]
) -> dict[str, Figures]:
    """The figures of each part of a sample, parts in the order of their names."""
    parts: dict[str, list[Outcome | Compared]] = {}
    for one in found:
        parts.setdefault(part(mutants[one.id]), []).append(one)
    return {name: figures(parts[name]) for name in sorted(parts)}


def weighted(mutants: Mapping[str, Mutant], found: Sequence[Outcome | Compared]) -> float | None:
    """The share killed as it would be in a sample in which every group had its share of all mutants.

    Each group counts for as many mutants as of all of its own would be reached.
    """
    reached, killed = 0.0, 0.0
    for group, part in by(lambda mutant: mutant.group, mutants, found).items():
        size = sum(mutant.group == group for mutant in mutants.values())
        reached += size * part.reached / part.sampled
        killed += size * part.killed / part.sampled
    return killed / reached if reached else None
