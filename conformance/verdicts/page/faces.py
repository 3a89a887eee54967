"""What each verdict looks like: a symbol beside its colour, and how several are told in one cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from conformance.verdicts.model import Result, Verdict
from conformance.verdicts.page.placing import Placed

SYMBOLS: Final = {
    Verdict.FAILED: "✕",
    Verdict.COULD_NOT_RUN: "?",
    Verdict.WAIVED: "≈",
    Verdict.PASSED: "✓",
    Verdict.NOT_APPLICABLE: "–",
}
"""The graver first: a cell looks like the gravest of its verdicts."""

RESULTS: Final = {Result.CONFORMANT: "✓", Result.NON_CONFORMANT: "✕", Result.INCOMPLETE: "?"}

WORDS: Final = {verdict: verdict.value.replace("-", " ") for verdict in SYMBOLS}

_COUNTED: Final = (Verdict.FAILED, Verdict.COULD_NOT_RUN, Verdict.WAIVED)
"""Of these a cell says how many."""


@dataclass(frozen=True)
class Face:
    """A cell: whose colour it has, what stands in it, what it comes to in words, and how many verdicts it has."""

    verdict: Verdict
    text: str
    told: str
    number: int


def face(counts: Mapping[Verdict, int]) -> Face:
    """The face of so many verdicts. There has to be one."""
    there = [verdict for verdict in SYMBOLS if counts.get(verdict)]
    first = there[0]
    text = f"{SYMBOLS[first]}{counts[first]}" if first in _COUNTED else SYMBOLS[first]
    told = ", ".join(f"{counts[verdict]} {WORDS[verdict]}" for verdict in there)
    return Face(first, text, told, sum(counts[verdict] for verdict in there))


def faces(placed: Iterable[Placed]) -> Mapping[str, Face]:
    """The face of each resource's verdicts."""
    counts: dict[str, Counter[Verdict]] = {}
    for one in placed:
        counts.setdefault(one.resource, Counter())[one.entry.verdict] += 1
    return {resource: face(found) for resource, found in counts.items()}
