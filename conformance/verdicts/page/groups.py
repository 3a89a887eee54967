"""Verdicts that are told by their reason: the waived ones, and what is known to differ between databases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.catalogue import Catalogue
from conformance.verdicts.document import Difference
from conformance.verdicts.model import Verdict
from conformance.verdicts.page.placing import Placed, anchor
from conformance.verdicts.page.text import line


@dataclass(frozen=True)
class Named:
    """A subject and the anchor of its verdict."""

    subject: str
    anchor: str
    summary: str = ""


@dataclass(frozen=True)
class Reason:
    """A reason, the subjects that it is given for, and where it holds (None: wherever)."""

    text: str
    subjects: Sequence[Named]
    databases: str | None = None


@dataclass(frozen=True)
class Told:
    """A requirement and the reasons that are given for it."""

    requirement: str
    title: str
    level: str
    reasons: Sequence[Reason]

    @property
    def number(self) -> int:
        """How many verdicts they are about."""
        return sum(len(reason.subjects) for reason in self.reasons)


def waived(placed: Iterable[Placed], catalogue: Catalogue) -> list[Told]:
    """The waived verdicts, by requirement and reason, in the order of the catalogue."""
    found: dict[str, dict[str, list[Named]]] = {}
    levels: dict[str, str] = {}
    for one in placed:
        entry = one.entry
        if entry.verdict is not Verdict.WAIVED:
            continue
        levels[entry.requirement] = entry.level
        reasons = found.setdefault(entry.requirement, {})
        named = Named(line(entry.subject), one.anchor, line(entry.summary))
        reasons.setdefault(line(entry.waiver or "no reason is noted", 2000), []).append(named)
    return [
        Told(
            requirement,
            _title(requirement, catalogue),
            levels[requirement],
            [Reason(text, subjects) for text, subjects in reasons.items()],
        )
        for requirement, reasons in found.items()
    ]


def differing(differences: Iterable[Difference], catalogue: Catalogue) -> list[Told]:
    """What differs between databases, by requirement, reason and database."""
    found: dict[str, dict[tuple[str, str], list[Named]]] = {}
    for one in differences:
        named = Named(line(one.subject), anchor(one.requirement, one.subject))
        reasons = found.setdefault(one.requirement, {})
        reasons.setdefault((line(one.reason, 2000), ", ".join(one.databases)), []).append(named)
    return [
        Told(
            requirement,
            _title(requirement, catalogue),
            rule.level.value if (rule := catalogue.get(requirement)) else "",
            [Reason(text, subjects, databases) for (text, databases), subjects in reasons.items()],
        )
        for requirement, reasons in found.items()
    ]


def _title(requirement: str, catalogue: Catalogue) -> str:
    rule = catalogue.get(requirement)
    return rule.title if rule else ""
