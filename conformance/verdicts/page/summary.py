"""The result at the top of the page, the grammar in short, and the time that was spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.catalogue import Profile
from conformance.verdicts.coverage import Grammar, State
from conformance.verdicts.document import Document
from conformance.verdicts.model import Verdict
from conformance.verdicts.page.faces import SYMBOLS
from conformance.verdicts.page.text import line


@dataclass(frozen=True)
class Stretch:
    """A part of a bar: where it begins and how long it is, of 1000."""

    kind: str
    start: float
    length: float


@dataclass(frozen=True)
class Share:
    """How much of a collection's filter grammar was judged. `number` is its place in `coverage.html`."""

    collection: str
    number: int
    covered: int
    wanted: int
    bar: Sequence[Stretch]
    gaps: Sequence[str]


@dataclass(frozen=True)
class Phase:
    """A part of a run's time."""

    name: str
    seconds: float
    bar: Sequence[Stretch]


def bar(parts: Mapping[Verdict, int] | Mapping[str, float], whole: float) -> list[Stretch]:
    """Parts of a whole, one after another."""
    # What is there at all can be seen, even one of ten thousand.
    lengths = {kind: max(size / whole, 0.004) for kind, size in parts.items() if size}
    unit = 1000 * min(sum(parts.values()) / whole, 1) / sum(lengths.values()) if lengths else 0.0
    stretches, start = [], 0.0
    for kind, length in lengths.items():
        stretches.append(Stretch(kind, round(start, 2), round(length * unit, 2)))
        start += length * unit
    return stretches


def verdicts(document: Document) -> list[Stretch]:
    """All verdicts as one bar, the gravest first."""
    return bar({verdict: document.counts[verdict] for verdict in SYMBOLS}, sum(document.counts.values()))


def facts(document: Document) -> list[tuple[str, str]]:
    """What there is to know of the run and its target, in a few words each."""
    target, run = document.target, document.run
    known = {
        "Started": f"{run.started:%Y-%m-%d %H:%M} {run.started:%Z}".strip(),
        "Took": duration(run.seconds),
        "Database": "" if target.database else "unknown",
        "Contract": f"{target.contract_sha256[:12]}…" if target.contract_sha256 else "not read",
        "Compared with": line(target.compared_with or ""),
        "Beyond it": f"{len(target.added):,} additions" if target.added else "",
        "Suite": line(document.suite.version),
        "Seed": str(run.seed),
        "Workers": str(run.workers),
        "Share": line(run.shard or ""),
        "Sent": "reading only" if run.read_only else "",
    }
    return [(name, value) for name, value in known.items() if value]


def profiles(document: Document) -> list[tuple[str, Mapping[Verdict, int]]]:
    """The counts of each profile that was checked, in the order of the catalogue."""
    counts: dict[Profile, Counter[Verdict]] = {profile: Counter() for profile in Profile}
    for entry in document.verdicts:
        counts[entry.profile][entry.verdict] += 1
    return [(profile.value, found) for profile, found in counts.items() if found]


def grammar(of: Grammar) -> list[Share]:
    """The collections of the grammar, and what of each is uncovered."""
    found: dict[str, list[State]] = {}
    for cell in of.cells:
        found.setdefault(cell.collection, []).append(cell.state)
    gaps: dict[str, list[str]] = {}
    for cell in of.cells:
        if cell.state is State.UNCOVERED:
            gaps.setdefault(cell.collection, []).append(line(f"{cell.name}: no {', no '.join(cell.lacks)}"))
    shares = []
    for number, (collection, states) in enumerate(found.items(), 1):
        covered = states.count(State.COVERED)
        wanted = covered + states.count(State.UNCOVERED)
        parts = {Verdict.PASSED: covered, Verdict.FAILED: wanted - covered}
        shares.append(
            Share(line(collection), number, covered, wanted, bar(parts, wanted), gaps.get(collection, [])),
        )
    return shares


def phases(document: Document) -> list[Phase]:
    """What was timed, in the order of the run, against its longest."""
    longest = max(document.timings.values(), default=0.0)
    return [Phase(line(name), took, bar({"time": took}, longest)) for name, took in document.timings.items()]


def duration(seconds: float) -> str:
    """`1178.1` as `19 min 38 s`; below a minute with a tenth."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"
